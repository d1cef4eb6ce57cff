"""Fault targets: servers that misbehave in one way each. For tests and demonstrations only.

They show what a station and a live run do when the other end is not a CSMS, or a broken one.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Literal, get_args

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from simulator.csms.desk import now_iso
from simulator.csms.door import select_subprotocol

Kind = Literal[
    "garbage", "silent", "callerror", "rejects_boot", "closes", "no_handshake", "plain_http"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What each does:

- ``garbage``: answers every call with something else that is no valid answer to it
- ``silent``: takes calls and never answers
- ``callerror``: answers every call with CALLERROR InternalError
- ``rejects_boot``: answers BootNotification with Rejected and an interval of 1 s, and nothing else
- ``closes``: completes the WebSocket handshake and closes at once
- ``no_handshake``: accepts the TCP connection and never says a word
- ``plain_http``: answers the handshake with a web page, 200
"""

GARBAGE: tuple[str | bytes, ...] = (
    "this is not JSON",
    "[]",
    "{}",
    '[3,"an id that nobody used",{}]',
    "[3]",
    '[9,"1",{}]',
    '[3,1,"not an object"]',
    b"\x00\xff\xfe",
)
_BODY = b"<h1>Hello</h1>"
_PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


class FaultyTarget:
    """A server on a free loopback port that misbehaves in one way.

    ``async with FaultyTarget("silent") as target:`` on a running loop, or plain ``with`` where
    there is none (a thread of its own). ``target.url`` is what a station appends its identity to.
    """

    def __init__(self, kind: Kind) -> None:
        """Prepare; ValueError for a kind that does not exist."""
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
        self.kind = kind
        self.url = ""
        self.connections = 0
        """TCP connections or WebSocket handshakes so far."""
        self.frames = 0
        """Frames received so far."""
        self._stop: Callable[[], Awaitable[None]] | None = None
        self._thread: _LoopThread | None = None

    async def __aenter__(self) -> FaultyTarget:
        if self.kind in ("no_handshake", "plain_http"):
            port = await self._start_tcp()
        else:
            port = await self._start_websocket()
        self.url = f"ws://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stop is not None:
            await self._stop()

    def __enter__(self) -> FaultyTarget:
        self._thread = _LoopThread()
        self._thread.run(self.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._thread is not None
        self._thread.run(self.__aexit__(None, None, None))
        self._thread.end()

    async def _start_tcp(self) -> int:
        """Listen below WebSocket; returns the port."""
        writers: list[asyncio.StreamWriter] = []

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            writers.append(writer)
            if self.kind == "plain_http":
                await reader.readuntil(b"\r\n\r\n")
                writer.write(_PAGE)
                writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1024)

        async def stop() -> None:
            server.close()
            for writer in writers:
                writer.transport.abort()

        self._stop = stop
        return int(server.sockets[0].getsockname()[1])

    async def _start_websocket(self) -> int:
        """Listen for WebSocket handshakes; returns the port."""
        server = await serve(
            self._converse,
            "127.0.0.1",
            0,
            select_subprotocol=select_subprotocol,
            compression=None,
            ping_interval=None,
            close_timeout=0.2,
            backlog=1024,
        )

        async def stop() -> None:
            server.close()
            await server.wait_closed()

        self._stop = stop
        return int(next(iter(server.sockets)).getsockname()[1])

    async def _converse(self, connection: ServerConnection) -> None:
        """Misbehave on one connection."""
        self.connections += 1
        if self.kind == "closes":
            await connection.close(1000, "go away")
            return
        try:
            while True:
                frame = await connection.recv()
                answer = self._answer(frame)
                self.frames += 1
                if answer is not None:
                    await connection.send(answer)
        except ConnectionClosed:
            return

    def _answer(self, frame: str | bytes) -> str | bytes | None:
        """Return what is sent back, if anything."""
        if self.kind == "silent":
            return None
        if self.kind == "garbage":
            return GARBAGE[self.frames % len(GARBAGE)]
        _, message_id, action, *_ = json.loads(frame)
        if self.kind == "rejects_boot":
            if action != "BootNotification":
                return None
            payload = {"status": "Rejected", "currentTime": now_iso(), "interval": 1}
            return json.dumps([3, message_id, payload])
        return json.dumps([4, message_id, "InternalError", "this target always fails", {}])


class _LoopThread:
    """An event loop in a thread, for callers that have none."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Awaitable[object]) -> None:
        """Run a coroutine on the loop and wait for it."""

        async def whole() -> None:
            await work

        asyncio.run_coroutine_threadsafe(whole(), self._loop).result()

    def end(self) -> None:
        """Stop and close the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
