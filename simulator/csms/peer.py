"""The fast end of a connection: an asyncio protocol around sans-I/O ``websockets``, and msgspec.

For being hammered, beside the reference on the ``ocpp`` package (:mod:`simulator.csms.point`): no
task, queue or lock per connection, and the same answers by the same handlers. Schemas are checked
by :mod:`simulator.station.schemas`, and what does not fit is answered with the codes of the
specification, where the package has its own ideas of some.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol, cast

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from simulator.csms import answers16, answers201
from simulator.csms.answers import After, Handler, Version
from simulator.csms.desk import Desk
from simulator.csms.door import SUBPROTOCOLS, Refusal, compression, select_subprotocol, station_of
from simulator.csms.faults import FaultyWire, Mischief
from simulator.csms.line import Line
from simulator.station import v16, v201
from simulator.station.schemas import Check, Fault, schema
from simulator.station.wholeframes import LONGEST, from_client, server_text

OPEN_TIMEOUT_S: Final = 60.0
CLOSE_TIMEOUT_S: Final = 2.0
_PROTOCOL_ERROR: Final = 1002
_COMPRESSION: Final = compression()
_SILENT: Final = logging.getLogger("simulator.csms.peer")
_SILENT.setLevel(logging.CRITICAL + 1)
_decode = msgspec.json.decode
_encode = msgspec.json.encode
_OPEN: Final = State.OPEN
_TEXT: Final = Opcode.TEXT


class Hall(Protocol):
    """What a peer asks of its CSMS."""

    def door(
        self, station_id: str, authorization: str | None, transport: asyncio.BaseTransport
    ) -> Refusal | None:
        """Why a station may not connect, counted; None if it may."""
        ...

    def enter(self, station_id: str, version: str, peer: Peer) -> Desk:
        """A station is connected: the desk that serves it."""
        ...

    def leave(self, peer: Peer) -> None:
        """The connection is gone."""
        ...

    def complain(self, what: str) -> None:
        """Count a frame that could not be handled."""
        ...

    mischief: Mischief

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside the connections."""
        ...

    def refused(self, why: str) -> None:
        """Count a handshake that led to nothing."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    """How one action is taken."""

    handler: Handler
    check: Check
    kept: bool
    after: After | None


class _Reply(NamedTuple):
    """The answer to a CALL."""

    mid: str
    frame: bytes
    kept: bool = False
    after: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    """One version, ready for frames."""

    version: str
    entries: Mapping[str, _Entry]
    known: frozenset[str]
    codes: Mapping[Any, str]


def _words(version: Version, table: Any) -> _Words:
    name = version.name
    entries = {
        action: _Entry(
            handler, schema(name, action), action in version.kept, version.after.get(action)
        )
        for action, handler in version.handlers.items()
    }
    known = frozenset(table.requests) | frozenset(table.actions) | table.unsupported
    return _Words(name, entries, known, table.codes)


WORDS: Final = {
    "1.6": _words(answers16.VERSION, v16.TABLE),
    "2.0.1": _words(answers201.VERSION, v201.TABLE),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A CALLRESULT or CALLERROR of the station, by the names that a line reads."""

    message_type_id: int
    unique_id: str
    payload: Any = None
    error_code: Any = None
    error_description: Any = None
    error_details: Any = None


class Peer(asyncio.Protocol):
    """One connection of one station. ``Hall`` decides who enters."""

    __slots__ = (
        "_desk",
        "_hall",
        "_line",
        "_parts",
        "_plain",
        "_timer",
        "_transport",
        "_wire",
        "_words",
        "_ws",
        "id",
    )

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._desk: Desk | None = None
        self._line: Line | None = None
        self._wire: FaultyWire | None = None
        self._words: _Words | None = None
        self._parts: list[bytes] | None = None
        self._plain = False
        """Open, and messages travel as they are: without an extension."""
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._ws = ServerProtocol(
            extensions=_COMPRESSION,
            select_subprotocol=select_subprotocol,
            max_size=2**20,
            logger=_SILENT,
        )
        self.id = ""

    # -- for the CSMS ---------------------------------------------------------------------------

    @property
    def line(self) -> Line:
        """The commands of this connection; made when the first is given."""
        if self._line is None:
            assert self._words is not None
            self._line = Line(self.id, self._words.version, self._say, self._hall.complain)
        return self._line

    async def leave(self, code: int, reason: str) -> None:
        """Close the connection."""
        if self._ws.state is _OPEN:
            self._ws.send_close(code, reason)
            self._flush()
        self._end_in(CLOSE_TIMEOUT_S)

    async def _say(self, text: str) -> None:
        self.send(text)

    def send(self, message: bytes | str) -> None:
        """Write a text message, if the connection is open."""
        frame = message.encode() if isinstance(message, str) else message
        ws, transport = self._ws, self._transport
        if ws.state is not _OPEN or transport is None:
            return
        if self._plain and len(frame) <= LONGEST:
            transport.write(server_text(frame))
            return
        ws.send_text(frame)
        for data in ws.data_to_send():
            transport.write(data)

    # -- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is up: the upgrade must come in time."""
        self._transport = cast("asyncio.Transport", transport)
        self._end_in(OPEN_TIMEOUT_S)

    def data_received(self, data: bytes) -> None:
        """Bytes of the station."""
        ws = self._ws
        # The parser waits at the beginning of a message: a whole one need not pass through it.
        if self._plain and ws.state is _OPEN and not ws.reader.buffer and ws.current_size is None:
            text = from_client(data)
            if text is not None:
                self._frame(text)
                return
        try:
            ws.receive_data(data)
        except EOFError:
            return
        for event in ws.events_received():
            if isinstance(event, Frame):
                if event.opcode is _TEXT and event.fin:
                    self._frame(bytes(event.data))
                else:
                    self._unusual(event)
            elif isinstance(event, Request):
                self._upgrade(event)
        if ws.writes:
            self._flush()
        if ws.handshake_exc is not None or (ws.state is not _OPEN and self._desk is not None):
            self._end_in(CLOSE_TIMEOUT_S)

    def eof_received(self) -> None:
        """The station has closed its side."""
        self._ws.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        del exc
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._line is not None:
            self._line.close()
        if self._wire is not None:
            self._wire.close()
        if self._desk is not None:
            self._hall.leave(self)
        parser = getattr(self._ws, "parser", None)
        if parser is not None:
            parser.close()  # it refers to its protocol: a circle that would wait for the collector

    def pause_writing(self) -> None:
        """The station does not read: read no more of it."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The station reads again."""
        if self._transport is not None:
            self._transport.resume_reading()

    # -- inside ---------------------------------------------------------------------------------

    def _upgrade(self, request: Request) -> None:
        ws = self._ws
        self.id = station_of(request.path)
        assert self._transport is not None
        word = request.headers.get("Authorization")
        refusal = self._hall.door(self.id, word, self._transport)
        if refusal is not None:
            response = ws.reject(HTTPStatus(refusal.status), refusal.text)
            if refusal.status == 401:
                response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
            ws.send_response(response)
            return
        ws.send_response(ws.accept(request))
        if ws.state is not _OPEN:
            return
        version = SUBPROTOCOLS.get(ws.subprotocol or "")
        if version is None:
            self._hall.refused("no common sub-protocol")
            ws.send_close(_PROTOCOL_ERROR, f"this CSMS speaks {' and '.join(SUBPROTOCOLS)}")
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._plain = not ws.extensions
        self._words = WORDS[version]
        self._desk = self._hall.enter(self.id, version, self)

    def _unusual(self, frame: Frame) -> None:
        """Fragments and binary frames; pings are answered by the protocol."""
        if frame.opcode is Opcode.CONT and self._parts is not None:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                whole, self._parts = b"".join(self._parts), None
                self._frame(whole)
        elif frame.opcode in (_TEXT, Opcode.BINARY):
            if frame.fin:
                self._frame(bytes(frame.data))
            else:
                self._parts = [bytes(frame.data)]

    def _frame(self, data: bytes) -> None:
        """Take one message."""
        if self._hall.mischief.active:
            self._misbehave(data)
            return
        reply = self._reply(data)
        if reply is None:
            return
        keeping = self._desk.keeping() if reply.kept and self._desk is not None else None
        if keeping is None:
            self._say_reply(reply)
        else:
            keeping.add_done_callback(partial(self._kept, reply))

    def _kept(self, reply: _Reply, done: asyncio.Future[None]) -> None:
        """What the reply is about is in the database, or cannot be."""
        failed = not done.cancelled() and done.exception() is not None
        self._say_reply(self._refusal(reply.mid, "InternalError", "") if failed else reply)

    def _say_reply(self, reply: _Reply) -> None:
        self.send(reply.frame)
        if reply.after is not None:
            reply.after()

    def _misbehave(self, data: bytes) -> None:
        """Take one message as the faults say that were asked for."""
        if self._wire is None:
            self._wire = FaultyWire(self.id, _Slow(self), _Wire(self), self._hall.mischief)
        self._hall.keep(self._wire.take(data, self._surprised))

    def _surprised(self, error: Exception) -> None:
        self._hall.complain(f"unhandled {type(error).__name__}")

    def _reply(self, data: bytes) -> _Reply | None:
        """The answer to a message; None for one that has none."""
        try:
            frame = _decode(data)
        except (ValueError, RecursionError):
            self._hall.complain("FormationViolation")
            return None
        if type(frame) is not list or len(frame) < 3 or type(frame[1]) is not str:
            self._hall.complain("ProtocolError")
        elif frame[0] == 2 and len(frame) == 4 and type(frame[2]) is str:
            return self._call(frame[1], frame[2], frame[3])
        elif frame[0] == 3:
            self.line.put_nowait(Answer(3, frame[1], frame[2]))
        elif frame[0] == 4 and len(frame) == 5:
            self.line.put_nowait(Answer(4, frame[1], None, *frame[2:]))
        else:
            self._hall.complain("ProtocolError")
        return None

    def _call(self, mid: str, action: str, payload: Any) -> _Reply | None:
        words, desk = self._words, self._desk
        if words is None or desk is None:
            return None
        entry = words.entries.get(action)
        if entry is None:
            return self._refusal(
                mid, "NotSupported" if action in words.known else "NotImplemented", ""
            )
        if type(payload) is not dict:
            return self._refusal(mid, words.codes[Fault.SHAPE], "the payload is not an object")
        if desk.options.validate:
            wrong = entry.check.misfit(payload)
            if wrong is not None:
                return self._refusal(mid, words.codes[wrong.fault], wrong.text)
        try:
            answer = entry.handler(desk, payload)
        except Exception as error:  # without a schema check anything may be in there
            self._hall.complain(type(error).__name__)
            return self._refusal(mid, "InternalError", "")
        then = None if entry.after is None else partial(entry.after, desk, payload)
        return _Reply(mid, _encode((3, mid, answer)), entry.kept, then)

    def _refusal(self, mid: str, code: str, why: str) -> _Reply:
        self._hall.complain(code)
        return _Reply(mid, _encode((4, mid, code, why[:255], {})))

    def _flush(self) -> None:
        transport = self._transport
        if transport is None:
            return
        for data in self._ws.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()

    def _end_in(self, seconds: float) -> None:
        """Cut the connection after a while, unless it has ended."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(seconds, self._transport.abort)


class _Slow:
    """A peer as :class:`~simulator.csms.faults.FaultyWire` wants the end that it stands before."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._connection: Any = None

    async def route_message(self, frame: bytes) -> None:
        """Handle a frame; the answer goes by the wire."""
        reply = self._peer._reply(frame)
        if reply is None:
            return
        desk = self._peer._desk
        if reply.kept and desk is not None and (keeping := desk.keeping()) is not None:
            await keeping
        await self._connection.send(reply.frame.decode())
        if reply.after is not None:
            reply.after()


class _Wire:
    """A peer as :class:`~simulator.csms.faults.FaultyWire` wants the connection behind it."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    @property
    def transport(self) -> asyncio.Transport:
        """What is cut."""
        assert self._peer._transport is not None
        return self._peer._transport

    async def send(self, message: str) -> None:
        """Write a message."""
        self._peer.send(message)

    async def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        await self._peer.leave(code, reason)


def connections(hall: Hall) -> Callable[[], Peer]:
    """What a server calls for each connection."""
    return lambda: Peer(hall)
