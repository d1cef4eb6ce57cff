"""What an ended connection leaves behind: nothing that only the collector could free."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.client import ClientProtocol
from websockets.http11 import Response

from simulator.live.connection import Connection
from simulator.live.dial import DialRules, dial
from simulator.live.failures import ConnectError
from simulator.live.target import Address
from simulator.measure.errors import ErrorKind

pytestmark = pytest.mark.socket

N = 8


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def clients() -> int:
    kinds = (ClientProtocol, Connection, Response)
    return sum(type(thing) in kinds for thing in gc.get_objects())


@asynccontextmanager
async def csms(**options: Any) -> AsyncIterator[int]:
    async def close(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1000, "")

    async with serve(close, "127.0.0.1", 0, subprotocols=["ocpp1.6"], **options) as server:  # type: ignore[list-item]
        yield next(iter(server.sockets)).getsockname()[1]


def refuse(connection: ServerConnection, _request: Any) -> Any:
    return connection.respond(HTTPStatus.NOT_FOUND, "no")


@asynccontextmanager
async def resetting() -> AsyncIterator[int]:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def garbage() -> AsyncIterator[int]:
    async def handler(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"this is not HTTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def mute() -> AsyncIterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(N)
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("target", "timeout_s"),
    [
        (csms, 5.0),
        (lambda: csms(process_request=refuse), 5.0),
        (resetting, 5.0),
        (garbage, 5.0),
        (mute, 0.05),
    ],
    ids=["good", "refused", "reset", "garbage", "mute"],
)
def test_ended_connections_are_freed_without_the_collector(
    bench, play, no_collector, target, timeout_s
) -> None:
    left: list[int] = []

    async def work() -> None:
        before = clients()
        async with target() as port:
            for _ in range(N):
                b = bench(port, timeout_s=timeout_s)
                b.link.start(0.0)
                await b.until(lambda b=b: b.station.said("disconnected") and not b.shared.tasks)
        for _ in range(3):  # transports say goodbye in the next turns of the loop
            await asyncio.sleep(0)
        left.append(clients() - before)

    play(work())
    assert left == [0]


def test_an_open_connection_that_is_reset_is_abnormal_with_the_systems_words(bench, play) -> None:
    async def reset(connection: ServerConnection) -> None:
        await connection.recv()
        sock = connection.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.transport.abort()

    async def work() -> None:
        async with serve(reset, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:  # type: ignore[list-item]
            b = bench(next(iter(server.sockets)).getsockname()[1])
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            (error,) = b.watching.errors
            assert error == (0, "abnormal_1006", os.strerror(errno.ECONNRESET))

    play(work())


def test_an_attempt_given_up_in_the_turn_in_which_it_fails_is_no_fault(play) -> None:
    """At the end of a run attempts are cancelled; what they were about to hear is heard."""

    class Failing(asyncio.Protocol):
        is_open, overdue = False, (ErrorKind.HTTP_TIMEOUT, "")

        def __init__(self, decided: asyncio.Future[None]) -> None:
            self.decided = decided

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            asyncio.get_running_loop().call_soon(self.fail)

        def fail(self) -> None:
            self.decided.set_exception(ConnectError(ErrorKind.TLS_VERIFY, "expired"))
            attempt.cancel()

        def abort(self) -> bool:
            self.transport.abort()  # type: ignore[attr-defined]
            return True

    async def work() -> None:
        nonlocal attempt
        async with mute() as port:
            rules = DialRules(Address(socket.AF_INET, ("127.0.0.1", port)))
            attempt = asyncio.ensure_future(dial(rules, Failing, lambda: 0.0))
            with pytest.raises(asyncio.CancelledError):
                await attempt
            for _ in range(3):
                await asyncio.sleep(0)

    attempt: asyncio.Future[float]
    play(work())  # which fails on exceptions that nobody heard
