"""A small HTTP/1.1 client beside the fleet, on its event loop: a few connections, kept open.

Bounded in connections, waiting requests, time and size; ``h11`` reads and writes the protocol.
Knows nothing of OCPP: ``commands`` says what is asked for, and for how long that matters.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import h11

from simulator.live.target import Address

AT_ONCE: Final = 24
"""Connections of one shard; a request waits while all of them wait for an answer."""
MOST_WAITING: Final = 10_000
TIMEOUT_S: Final = 30.0
"""For one request, a new connection included."""
MOST_BYTES: Final = 1 << 20
"""Of one answer."""
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to call. Picklable."""

    address: Address
    authority: str
    """``host:port`` for the Host header."""
    tls_name: str = ""
    """The name that its certificate must have; "": no TLS."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    target: str
    """Path and query."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one."""

    status: int
    """0: no answer, see ``problem``."""
    problem: str
    """``timeout``, ``refused``, ``closed``, ``tls``, ``no_http``, ``too_large``, ``overflow``."""
    ended: float
    """By the client's clock."""


Done = Callable[[Reply], None]
Written = Callable[[float], None]


class HttpClient:
    """Sends requests, each to its end; ``done`` is called once for each that was not cancelled."""

    def __init__(self, server: Server, clock: Callable[[], float]) -> None:
        self._server = server
        self._clock = clock
        self._queue: asyncio.Queue[tuple[Request, Written, Done]] = asyncio.Queue()
        self._idle = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._tls = ssl.create_default_context() if server.tls_name else None

    def send(self, request: Request, written: Written, done: Done) -> None:
        """Send as soon as a connection is free; ``written`` is told when that is."""
        if self._queue.qsize() >= MOST_WAITING:
            done(Reply(0, "overflow", self._clock()))
            return
        self._queue.put_nowait((request, written, done))
        if self._idle < self._queue.qsize() and len(self._tasks) < AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Let go of everything; what is open is not answered any more."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A connection's task is over; a fault of our own must not stay in it."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "a call of an API failed", "exception": error}
            task.get_loop().call_exception_handler(context)

    async def _work(self) -> None:
        """One connection after the other, one request after the other."""
        line: _Line | None = None
        try:
            while True:
                self._idle += 1
                request, written, done = await self._queue.get()
                self._idle -= 1
                if line is not None and not line.usable:
                    line.drop()
                    line = None
                line, reply = await self._perform(line, request, written)
                done(reply)
        finally:
            if line is not None:
                line.drop()

    async def _perform(
        self, line: _Line | None, request: Request, written: Written
    ) -> tuple[_Line | None, Reply]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if line is None:
                    line = await self._open()
                written(self._clock())
                status = await line.exchange(request, self._server.authority)
                return line, Reply(status, "", self._clock())
        except TimeoutError:
            problem = "timeout"
        except ssl.SSLError:
            problem = "tls"
        except ConnectionRefusedError:
            problem = "refused"
        except h11.ProtocolError:
            problem = "no_http"
        except OverflowError:
            problem = "too_large"
        except (OSError, EOFError):
            problem = "closed"
        if line is not None:
            line.drop()
        return None, Reply(0, problem, self._clock())

    async def _open(self) -> _Line:
        host, port = self._server.address.sockaddr[:2]
        name = self._server.tls_name or None
        reader, writer = await asyncio.open_connection(
            host, port, ssl=self._tls, server_hostname=name, limit=_CHUNK
        )
        return _Line(reader, writer)


class _Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._wire = h11.Connection(h11.CLIENT)

    @property
    def usable(self) -> bool:
        """May another request be sent?"""
        return self._wire.our_state is h11.IDLE and not self._reader.at_eof()

    def drop(self) -> None:
        """Close it."""
        self._writer.close()

    async def exchange(self, request: Request, authority: str) -> int:
        """Send, read the whole answer, give its status.

        Raises OSError, EOFError, h11.ProtocolError; OverflowError for an answer too large.
        """
        headers = [("Host", authority), ("Content-Length", str(len(request.body)))]
        headers += request.headers
        head = h11.Request(method=request.method, target=request.target, headers=headers)
        parts = [self._wire.send(head)]
        if request.body:
            parts.append(self._wire.send(h11.Data(data=request.body)))
        parts.append(self._wire.send(h11.EndOfMessage()))
        self._writer.write(b"".join(part for part in parts if part))
        await self._writer.drain()
        status, size = 0, 0
        while True:
            event = self._wire.next_event()
            if event is h11.NEED_DATA:
                data = await self._reader.read(_CHUNK)
                if not data and status == 0:
                    raise EOFError
                self._wire.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > MOST_BYTES:
                    raise OverflowError
            elif isinstance(event, h11.EndOfMessage):
                if self._wire.our_state is h11.DONE and self._wire.their_state is h11.DONE:
                    self._wire.start_next_cycle()
                return status
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError
