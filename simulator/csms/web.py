"""A small HTTP/1.1 server on asyncio and ``h11``: JSON in, JSON out, everything bounded.

Knows nothing of OCPP; :mod:`simulator.csms.api` answers. Not for the open network: no TLS, no
users. Because any web page that a person opens may send requests to an address of loopback, a
server there takes no ``Host`` but loopback, and no body but declared JSON.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from simulator.scenario.addresses import host_is_loopback

MOST_HEAD: Final = 16 << 10
"""Bytes of a request line with its headers."""
MOST_BODY: Final = 1 << 20
MOST_CONNECTIONS: Final = 128
READ_TIMEOUT_S: Final = 30.0
"""For a whole request to come, waiting for its first byte included."""
MOST_DEPTH: Final = 64
"""Levels of nesting in a body."""


class HttpError(Exception):
    """A request that gets an error: its status, what is wrong, and where."""

    def __init__(
        self, status: int, text: str, problems: list[dict[str, Any]] | None = None, **more: Any
    ) -> None:
        super().__init__(text)
        self.status = status
        self.body: dict[str, Any] = {"error": text, **more}
        if problems:
            self.body["problems"] = problems


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read to its end."""

    method: str
    path: tuple[str, ...]
    """The elements of the path, percent-decoded."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By name in lower case; of a repeated one the last."""
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; HttpError if it is none."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HttpError(415, "expected a body with Content-Type: application/json")
        try:
            value = json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise HttpError(400, f"the body is not JSON: {error}") from None
        if not isinstance(value, dict) or not _shallow(value, MOST_DEPTH):
            text = f"the body: expected a JSON object of at most {MOST_DEPTH} levels"
            raise HttpError(400, text)
        return value


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: a status and a body that becomes JSON."""

    body: Any
    status: int = 200
    headers: tuple[tuple[str, str], ...] = field(default=())


Answer = Callable[[Request], Awaitable[Reply]]


class WebServer:
    """Listens and hands requests to ``answer``, which may raise HttpError."""

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        """Prepare; ``port`` 0 lets the system choose."""
        self._host = host
        self._port = port
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the HTTP API is not listening")
        port = self._server.sockets[0].getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Listen; OSError if the port is taken."""
        self._server = await asyncio.start_server(
            self._accept, self._host, self._port, limit=MOST_HEAD
        )

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) > MOST_CONNECTIONS:
                return
            await self._converse(h11.Connection(h11.SERVER, MOST_HEAD), reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError, h11.LocalProtocolError):
            pass  # the other end is gone or silent, or this server stops
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _converse(
        self, wire: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request after the other until either side closes."""
        while wire.our_state is not h11.MUST_CLOSE:
            try:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    request = await _read(wire, reader, writer)
            except h11.RemoteProtocolError as error:
                text = f"not a request in HTTP/1.1: {error}"
                reply = _error(HttpError(error.error_status_hint, text))
                await _write(wire, writer, reply, close=True)
                return
            except HttpError as error:
                await _write(wire, writer, _error(error), close=True)
                return
            if request is None:
                return
            reply = await self._reply(request)
            await _write(wire, writer, reply, close=False, content=request.method != "HEAD")
            if wire.our_state is h11.DONE and wire.their_state is h11.DONE:
                wire.start_next_cycle()

    async def _reply(self, request: Request) -> Reply:
        try:
            if host_is_loopback(self._host) and not _names_loopback(
                request.headers.get("host", "")
            ):
                raise HttpError(421, "this server answers to its loopback address only")
            return await self._answer(request)
        except HttpError as error:
            return _error(error)


async def _read(
    wire: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """Read one request to its end; None if the connection ends instead."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            if wire.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                writer.write(wire.send(go_on) or b"")
            wire.receive_data(await reader.read(MOST_HEAD))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MOST_BODY:
                raise HttpError(413, f"the body is larger than {MOST_BODY} bytes")
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return _request(head, bytes(body))
        else:  # ConnectionClosed, or nothing more to come
            return None


def _request(head: h11.Request, body: bytes) -> Request:
    if head.method == b"CONNECT":
        raise HttpError(405, "this server is no proxy")
    try:
        target = urlsplit(head.target.decode("ascii"))
        query = dict(parse_qsl(target.query, keep_blank_values=True, max_num_fields=32))
    except ValueError as error:
        raise HttpError(400, f"the request's target is not an address: {error}") from None
    return Request(
        method=head.method.decode("ascii"),
        path=tuple(unquote(part) for part in target.path.split("/")[1:]),
        query=query,
        headers={name.decode("ascii"): value.decode("latin-1") for name, value in head.headers},
        body=body,
    )


async def _write(
    wire: h11.Connection,
    writer: asyncio.StreamWriter,
    reply: Reply,
    *,
    close: bool,
    content: bool = True,
) -> None:
    """Write an answer; without its content where the request was HEAD."""
    body = json.dumps(reply.body, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        *reply.headers,
    ]
    if close:
        headers.append(("Connection", "close"))
    if wire.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    start = h11.Response(status_code=reply.status, headers=headers)
    parts = [wire.send(start)]
    if content:
        parts.append(wire.send(h11.Data(data=body)))
    parts.append(wire.send(h11.EndOfMessage()))
    writer.write(b"".join(part for part in parts if part is not None))
    await writer.drain()


def _error(error: HttpError) -> Reply:
    headers: tuple[tuple[str, str], ...] = ()
    if "allow" in error.body:
        headers = (("Allow", ", ".join(error.body["allow"])),)
    return Reply(error.body, error.status, headers)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


def _shallow(value: object, levels: int) -> bool:
    """Return whether a value is nested no deeper than ``levels``."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_shallow(item, levels - 1) for item in inner)


def _names_loopback(host: str) -> bool:
    """Return whether a Host header names this machine's loopback."""
    try:
        return host_is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
