"""permessage-deflate: offered only where the scenario says so, taken up by others' servers and by
both ends of ours, and no way around the limits of a frame."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.live.connection import Upgrade
from simulator.live.preflight import addresses, reach, read_target
from simulator.station.effects import Send

pytestmark = pytest.mark.socket

LONG = "0123456789" * 20_000


class Library:
    """The ``websockets`` library's own server, which answers calls and keeps what it saw."""

    def __init__(self, **options: Any) -> None:
        self.options = {"compression": "deflate", "max_size": None, **options}
        self.extensions: list[Any] = []
        self.heard: list[str] = []
        self.say: list[str] = []

    async def __call__(self, connection: ServerConnection) -> None:
        self.extensions = list(connection.protocol.extensions)
        async for text in connection:
            self.heard.append(str(text))
            frame = json.loads(text)
            if frame[0] == 2:
                await connection.send(f'[3,"{frame[1]}",{{}}]')
            while self.say:
                await connection.send(self.say.pop())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        async with serve(
            self,
            "127.0.0.1",
            0,
            subprotocols=["ocpp1.6"],
            **self.options,
        ) as server:
            yield next(iter(server.sockets)).getsockname()[1]


@pytest.mark.parametrize("bits", [9, 12, 15])
def test_with_another_librarys_server_frames_are_compressed_both_ways(bench, play, bits) -> None:
    # max_size bounds what a message unpacks to, in bytes; the server's windows are as we ask.
    target = Library(extensions=[ServerPerMessageDeflateFactory()], compression=None)

    async def work() -> None:
        async with target.listening() as port:
            b = bench(port, deflate=bits)
            b.link.start(0.0)
            await b.until(lambda: bool(b.station.said("receive")))
            for word in ("a", "b"):
                call = json.dumps([2, word, "DataTransfer", {"data": LONG}])
                target.say.append(call)
                b.station.effects.append(Send(call.encode(), True))
                b.link.settle(b.shared.clock())
                await b.until(lambda word=word: call_of(b, word))
            b.link.abort()
            await b.until(lambda: not b.link.connected)
        (extension,) = target.extensions
        assert isinstance(extension, PerMessageDeflate)
        assert extension.local_max_window_bits == extension.remote_max_window_bits == bits
        assert [json.loads(text)[1] for text in target.heard if LONG in text] == ["a", "b"]
        assert b.watching.errors == []

    def call_of(b: Any, word: str) -> bool:
        return any(json.loads(data)[1] == word for data in b.station.said("receive"))

    play(work())


def test_a_server_that_declines_is_spoken_to_uncompressed(bench, play) -> None:
    target = Library(compression=None)

    async def work() -> None:
        async with target.listening() as port:
            b = bench(port, deflate=12)
            b.link.start(0.0)
            await b.until(lambda: bool(b.station.said("receive")))
            b.link.abort()
            await b.until(lambda: not b.link.connected)
        assert target.extensions == [] and b.watching.errors == []

    play(work())


def test_what_unpacks_to_more_than_a_message_may_be_ends_the_connection(bench, play) -> None:
    """A hundred kilobytes on the wire, a hundred megabytes unpacked: never held."""
    target = Library()
    target.say.append(f'[2,"x","DataTransfer",{{"data":"{" " * 100_000_000}"}}]')

    async def work() -> None:
        async with target.listening() as port:
            b = bench(port, deflate=15)
            b.link.start(0.0)
            await b.until(lambda: bool(b.station.said("disconnected")))
        (error,) = b.watching.errors
        assert error[1] == "ws_protocol" and "exceeds limit" in error[2], error

    play(work())


def test_an_extension_that_nobody_offered_is_told_apart(bench, play) -> None:
    def add(_connection: Any, _request: Any, response: Any) -> None:
        response.headers["Sec-WebSocket-Extensions"] = "permessage-deflate"

    async def work() -> None:
        for deflate in (None, 9):  # unasked; without the limit of its window that was asked for
            async with Library(compression=None, process_response=add).listening() as port:
                b = bench(port, deflate=deflate)
                b.link.start(0.0)
                await b.until(lambda b=b: bool(b.station.said("disconnected")))
                assert b.watching.kinds == ["bad_extension"]

    play(work())


@pytest.mark.parametrize("fast", [False, True], ids=["reference", "fast"])
def test_both_ends_of_the_embedded_csms_take_it_up(fast: bool) -> None:
    """Whoever offers: ours, and another library's client, which then calls in compressed frames."""

    async def work() -> tuple[bool, bool, Any, list[Any]]:
        async with CentralSystem(CsmsOptions(port=0, fast=fast)) as csms:
            target = read_target(csms.url)
            plain = await asyncio.to_thread(try_out, target, None)
            packed = await asyncio.to_thread(try_out, target, 15)
            protocols: Any = ["ocpp1.6"]
            async with connect(f"{csms.url}/CS2", subprotocols=protocols) as client:
                (extension,) = client.protocol.extensions
                answers = []
                for word in ("a", "b"):
                    payload = {"vendorId": "v", "data": LONG}
                    await client.send(json.dumps([2, word, "DataTransfer", payload]))
                    answers.append(json.loads(await client.recv())[:2])
            return plain.deflate, packed.deflate, extension, answers

    plain, packed, extension, answers = asyncio.run(work())
    assert (plain, packed) == (False, True)
    assert extension.local_max_window_bits == extension.remote_max_window_bits == 12
    assert answers == [[3, "a"], [3, "b"]]


def try_out(target: Any, deflate: int | None) -> Any:
    return reach(Upgrade(target, deflate=deflate), addresses(target), "CS1", None, 5.0, pings=1)
