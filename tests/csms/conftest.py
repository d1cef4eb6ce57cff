"""A bare OCPP-J client for the tests of the CSMS: frames in, frames out, no station logic."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from ocpp.messages import MessageType, get_validator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem

LIMIT_S = 20.0


@pytest.fixture(params=[False, True], ids=["reference", "fast"])
def either_end(request: Any, monkeypatch: Any) -> None:
    """The same test against the reference and against the fast end of connections."""
    make = CentralSystem.__init__

    def fast(self: Any, options: CsmsOptions, *more: Any) -> None:
        make(self, replace(options, fast=True), *more)

    if request.param:
        monkeypatch.setattr(CentralSystem, "__init__", fast)


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


class Obedient:
    """A station that answers commands while it is open, and keeps what it was sent.

    ``answers`` holds a payload by action, or a function of the CALL that returns a whole frame (or
    None for silence). Any other action is answered with what its schema asks for, at least.
    """

    def __init__(self, url: str, station: str = "CP1", version: str = "1.6") -> None:
        self.version = version
        self.answers: dict[str, Any] = {}
        self.commands: list[tuple[str, Any]] = []
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        protocol: Any = f"ocpp{version}"
        address = f"{url}/{quote(station, safe='')}"
        self._connect = connect(address, compression=None, subprotocols=[protocol])
        self._ids = itertools.count(1)
        self._results: asyncio.Queue[Any] = asyncio.Queue()

    async def __aenter__(self) -> Obedient:
        self.socket = await self._connect
        self._task = asyncio.ensure_future(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.socket.close()

    async def call(self, action: str, /, **payload: Any) -> Any:
        """Send a CALL that fits its schema; returns the payload of an answer that does."""
        get_validator(MessageType.Call, action, self.version).validate(payload)
        await self.socket.send(json.dumps([2, f"m{next(self._ids)}", action, payload]))
        answer = await asyncio.wait_for(self._results.get(), LIMIT_S)
        assert answer[0] == 3, answer
        get_validator(MessageType.CallResult, action, self.version).validate(answer[2])
        return answer[2]

    async def boot(self) -> Any:
        if self.version == "1.6":
            return await self.call("BootNotification", chargePointVendor="v", chargePointModel="m")
        station = {"vendorName": "v", "model": "m", "serialNumber": "s", "firmwareVersion": "1"}
        return await self.call("BootNotification", chargingStation=station, reason="PowerUp")

    async def next_command(self) -> Any:
        return await asyncio.wait_for(self.heard.get(), LIMIT_S)

    async def _serve(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = json.loads(await self.socket.recv())
                if frame[0] != 2:
                    self._results.put_nowait(frame)
                    continue
                self.commands.append((frame[2], frame[3]))
                self.heard.put_nowait((frame[2], frame[3]))
                answer = self._answer(frame)
                if answer is not None:
                    await self.socket.send(json.dumps(answer))

    def _answer(self, frame: Any) -> Any:
        answer = self.answers.get(frame[2])
        if callable(answer):
            return answer(frame)
        if answer is None:
            answer = least(MessageType.CallResult, frame[2], self.version)
        return [3, frame[1], answer]


def least(kind: int, action: str, version: str) -> Any:
    """The smallest payload that a schema of OCPP accepts."""
    schema = get_validator(kind, action, version).schema

    def build(rule: Any) -> Any:
        if "$ref" in rule:
            return build(schema["definitions"][rule["$ref"].rsplit("/", 1)[-1]])
        if "enum" in rule:
            return rule["enum"][0]
        match rule.get("type", "object"):
            case "object":
                properties = rule.get("properties", {})
                return {name: build(properties[name]) for name in rule.get("required", ())}
            case "array":
                return [build(rule["items"])] * rule.get("minItems", 1)
            case "string":
                return "2026-06-01T12:00:00Z" if rule.get("format") == "date-time" else "x"
            case "boolean":
                return True
            case _:
                return 1

    payload = build(schema)
    get_validator(kind, action, version).validate(payload)
    return payload


async def http_call(url: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """One HTTP request to an API on this very event loop: status and JSON."""

    def go() -> tuple[int, Any]:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=LIMIT_S)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    return await asyncio.to_thread(go)


@pytest.fixture
def obedient() -> type[Obedient]:
    """``async with obedient(url, station, version) as station``."""
    return Obedient


@pytest.fixture
def least_payload() -> Callable[[int, str, str], Any]:
    """The smallest payload of a message."""
    return least


@pytest.fixture
def http() -> Callable[..., Awaitable[tuple[int, Any]]]:
    """``status, answer = await http(url, method, path, body)``."""
    return http_call


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
