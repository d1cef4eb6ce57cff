"""A bare OCPP-J client for the tests of the CSMS: frames in, frames out, no station logic."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

LIMIT_S = 20.0


class Client:
    """One connection; ``call`` sends a CALL and returns the frame that comes back."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._ids = itertools.count(1)

    async def call(self, action: str, **payload: Any) -> Any:
        message_id = f"m{next(self._ids)}"
        answer = await self.raw(json.dumps([2, message_id, action, payload]))
        assert answer[1] == message_id
        return answer

    async def raw(self, frame: str | bytes) -> Any:
        await self.socket.send(frame)
        return json.loads(await asyncio.wait_for(self.socket.recv(), LIMIT_S))

    async def boot(self) -> Any:
        return await self.call("BootNotification", chargePointVendor="v", chargePointModel="m")


Open = Callable[..., Any]


@pytest.fixture
def open_client() -> Open:
    """``async with open_client(url, station) as client``."""

    class Opening:
        def __init__(self, url: str, station: str = "CP1", **options: Any) -> None:
            options.setdefault("subprotocols", ["ocpp1.6"])
            self._connect = connect(f"{url}/{station}", compression=None, **options)

        async def __aenter__(self) -> Client:
            self._socket = await self._connect
            return Client(self._socket)

        async def __aexit__(self, *_: object) -> None:
            await self._socket.close()

    return Opening


@pytest.fixture
def run() -> Callable[[Awaitable[Any]], Any]:
    """Run a coroutine to its end, within a bound."""

    def go(work: Awaitable[Any]) -> Any:
        async def bounded() -> Any:
            return await asyncio.wait_for(work, 60)

        return asyncio.run(bounded())

    return go
