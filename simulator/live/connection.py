"""One WebSocket connection of one station: bytes of the socket in, text frames out, and back.

A shell around ``websockets``' sans-I/O ``ClientProtocol`` on an asyncio transport. It knows nothing
of OCPP; its owner (``link``) does. The way of a byte is

    transport -> data_received -> received -> ClientProtocol -> owner.message
    owner -> send -> ClientProtocol -> _flush -> transport

with a shorter one (``wholeframes``) for a message that is one frame, as nearly all are.
With TLS the transport is a ``tls.TlsLayer``, which has one of its own.
The clock is read when bytes arrive, before anything is decoded.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import inf
from typing import Final, cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from simulator.live.deflate import offers
from simulator.live.failures import ConnectError, of_handshake, of_os_error
from simulator.live.masks import fresh_mask
from simulator.live.owner import NOBODY, Owner
from simulator.live.target import Target
from simulator.measure.errors import ErrorKind
from simulator.station.versions import TABLES
from simulator.station.wholeframes import LONGEST, client_text, from_server

CLOSE_TIMEOUT_S: Final = 5.0
"""The peer has this long to close TCP once the closing handshake has begun."""

_TEXT: Final = Opcode.TEXT
_OPEN: Final = State.OPEN

SILENT = logging.getLogger("simulator.live.websocket")
SILENT.setLevel(logging.CRITICAL + 1)
"""For ``websockets``: what goes wrong is counted, not logged."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What every station of a version asks for when it upgrades."""

    target: Target
    subprotocol: str = "ocpp1.6"
    max_message_bytes: int = 2**20
    user_agent: str = "chargeswarm"
    deflate: int | None = None
    """Window bits of permessage-deflate; None: it is not offered."""

    def by_version(self, versions: Iterable[str]) -> dict[str, Upgrade]:
        """The same for each OCPP version, with its sub-protocol."""
        return {v: replace(self, subprotocol=TABLES[v].subprotocol) for v in versions}


def begin_upgrade(
    upgrade: Upgrade, station_id: str, password: str | bytes | None
) -> ClientProtocol:
    """A client whose request for the upgrade waits to be written.

    With a password the station authenticates by HTTP Basic (OCPP security profiles 1 and 2).
    """
    target = upgrade.target
    path, _, query = target.path(station_id).partition("?")
    client = ClientProtocol(
        WebSocketURI(target.secure, target.host, target.port, path, query),
        extensions=offers(upgrade.deflate),
        subprotocols=(Subprotocol(upgrade.subprotocol),),
        max_size=upgrade.max_message_bytes,
        logger=SILENT,
    )
    request = client.connect()
    request.headers["User-Agent"] = upgrade.user_agent
    if password is not None:
        secret = password.encode() if isinstance(password, str) else password
        pair = base64.b64encode(station_id.encode() + b":" + secret).decode()
        request.headers["Authorization"] = f"Basic {pair}"
    client.send_request(request)
    return client


def _release(client: ClientProtocol) -> None:
    """Cut the circles in a client that is done with, so that it goes without the collector.

    Its suspended parser refers to it, and so do the tracebacks of the errors that it keeps.
    """
    parser = getattr(client, "parser", None)
    if parser is not None:
        parser.close()
    response = getattr(client.handshake_exc, "response", None)
    if getattr(response, "_exception", None) is not None:
        vars(response)["_exception"] = None  # a refusal and its error refer to each other
    client.handshake_exc = client.parser_exc = None


class Connection(asyncio.Protocol):
    """States: connecting (until ``decided`` is resolved), open, closing, gone."""

    __slots__ = (
        "_asked",
        "_clock",
        "_decided",
        "_heard",
        "_owner",
        "_parts",
        "_plain",
        "_timer",
        "_transport",
        "_ws",
        "request_sent",
    )

    def __init__(
        self,
        owner: Owner,
        upgrade: Upgrade,
        station_id: str,
        password: str | bytes | None,
        decided: asyncio.Future[None],
        clock: Callable[[], float],
    ) -> None:
        self._owner = owner
        self._clock = clock
        self._decided: asyncio.Future[None] | None = decided
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._parts: list[bytes] | None = None
        self._plain = False
        """Open, and messages travel as they are: without an extension."""
        self._asked = False
        self._heard = True
        self.request_sent = 0.0
        """When the upgrade request was written, seconds since T0."""
        self._ws = begin_upgrade(upgrade, station_id, password)

    # -- for the owner --------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Messages may be sent."""
        return self._decided is None and self._ws.state is _OPEN

    @property
    def overdue(self) -> tuple[ErrorKind, str]:
        """What it is that has not come in time."""
        return ErrorKind.HTTP_TIMEOUT, "no answer to the upgrade request"

    def send(self, frame: bytes) -> bool:
        """Write one text message; False (and nothing is written) once the connection is closing."""
        ws, transport = self._ws, self._transport
        if ws.state is not _OPEN or transport is None or transport.is_closing():
            return False
        if self._plain and len(frame) <= LONGEST:
            transport.write(client_text(frame, fresh_mask()))
            return True
        ws.send_text(frame)
        for data in ws.data_to_send():
            transport.write(data)
        return True

    def ping(self) -> bool:
        """Send a ping; False if nothing at all was heard since the one before."""
        heard, self._heard = self._heard, False
        if heard and self._ws.state is _OPEN:
            self._ws.send_ping(b"")
            self._flush()
        return heard

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake; ``owner.closed`` follows when the connection is gone."""
        self._asked = True
        if self._ws.state is _OPEN and self._transport is not None:
            self._ws.send_close(code, reason[:120])
            self._flush()
            self._expect_close()
        elif not self._transport_is_closing():
            self.abort()

    def abort(self) -> bool:
        """Drop the connection at once; False if it never had a transport."""
        if self._transport is None:
            return False
        self._asked = True
        self._transport.abort()
        return True

    def disown(self) -> asyncio.Transport | None:
        """Report nothing any more; gives the transport, for whoever ends it in a way of his own."""
        self._owner = NOBODY
        return self._transport

    # -- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is up: ask for the upgrade."""
        self._transport = cast(asyncio.Transport, transport)
        self._flush()
        self.request_sent = self._clock()

    def data_received(self, data: bytes) -> None:
        """Bytes from the socket."""
        self.received(self._clock(), data)

    def eof_received(self) -> None:
        """The peer has closed its side; the transport closes ours."""
        self._ws.receive_eof()
        if self._decided is not None:
            self._refuse()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        try:
            self._lost(exc)
        finally:
            _release(self._ws)

    def _lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport = None
        if self._decided is not None:
            if isinstance(exc, OSError):
                self._fail(ConnectError(of_os_error(exc), exc.strerror or str(exc)))
            else:
                self._fail(ConnectError(ErrorKind.TCP_RESET, "closed during the upgrade"))
            return
        self._report_closed(self._clock(), exc)

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        self._owner.writable(self._clock(), False)

    def resume_writing(self) -> None:
        """The socket's buffer has room again."""
        self._owner.writable(self._clock(), True)

    # -- for the layer below --------------------------------------------------------------------

    def secured(self, seconds: float, resumed: bool) -> None:
        """The TLS handshake is over."""
        self._owner.secured(seconds, resumed)

    def spoiled(self, now: float, failure: ConnectError) -> None:
        """TLS cannot go on: the attempt has failed, or the connection is over."""
        if self._decided is not None:
            self._fail(failure)
            return
        owner, self._owner = self._owner, NOBODY
        if owner is not NOBODY:
            asked = self._asked
            owner.closed(now, None if asked else failure.kind, failure.detail)

    def received(self, now: float, data: bytes) -> None:
        """Bytes of the WebSocket, which arrived at ``now``."""
        ws = self._ws
        self._heard = True
        # The parser waits at the beginning of a message: a whole one need not pass through it.
        if self._plain and ws.state is _OPEN and not ws.reader.buffer and ws.current_size is None:
            text = from_server(data)
            if text is not None:
                self._owner.message(now, text)
                return
        try:
            ws.receive_data(data)
        except EOFError:
            return
        events = ws.events_received()
        if self._decided is not None:
            if self._decided.done():
                return
            if ws.handshake_exc is not None:
                self._refuse()
                return
            if not events or not self._accept(now, cast(Response, events.pop(0))):
                return
        for event in events:
            frame = cast(Frame, event)
            if frame.opcode is _TEXT and frame.fin:
                self._owner.message(now, bytes(frame.data))
            else:
                self._unusual(now, frame)
        if ws.writes:
            self._flush()
        if ws.state is not _OPEN:
            self._expect_close()
            if not self._asked or ws.close_rcvd is not None:
                self._report_closed(now, None)

    # -- inside ---------------------------------------------------------------------------------

    def _accept(self, now: float, response: Response) -> bool:
        """The server agreed to the upgrade; True if it selected our sub-protocol too."""
        ws = self._ws
        if ws.subprotocol is None:
            if ws.state is _OPEN:
                ws.send_close(1002, "no sub-protocol selected")
            self._flush()
            self._fail(ConnectError(ErrorKind.BAD_SUBPROTOCOL, "the server selected none"))
            if self._transport is not None:
                self._transport.close()
            return False
        response.headers.clear()  # the suspended parser would keep them for good
        self._plain = not ws.extensions and (ws.max_message_size or inf) >= LONGEST
        decided, self._decided = self._decided, None
        if decided is not None and not decided.done():
            decided.set_result(None)
        self._owner.opened(now)
        return True

    def _refuse(self) -> None:
        """The upgrade failed at HTTP level: report why and drop the connection."""
        error = self._ws.handshake_exc
        kind, detail = (
            (ErrorKind.HTTP_MALFORMED, "closed during the upgrade")
            if error is None
            else of_handshake(error)
        )
        self._fail(ConnectError(kind, detail))
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, failure: ConnectError) -> None:
        if self._decided is not None and not self._decided.done():
            self._decided.set_exception(failure)

    def _unusual(self, now: float, frame: Frame) -> None:
        """Fragments, binary frames and control frames (pings are answered by the protocol)."""
        opcode = frame.opcode
        if opcode is Opcode.CONT and self._parts is not None:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                whole, self._parts = b"".join(self._parts), None
                self._owner.message(now, whole)
        elif opcode is _TEXT:
            self._parts = [bytes(frame.data)]
        elif opcode is Opcode.BINARY:
            self._owner.broken(
                now, ErrorKind.OCPP_MALFORMED, f"binary frame, {len(frame.data)} bytes"
            )

    def _flush(self) -> None:
        transport = self._transport
        writes = self._ws.data_to_send()
        if transport is None or transport.is_closing():
            return
        for data in writes:
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()

    def _expect_close(self) -> None:
        """Give the peer a while to close TCP, then do it ourselves."""
        if self._timer is None and self._transport is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(CLOSE_TIMEOUT_S, self._transport.abort)

    def _transport_is_closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _report_closed(self, now: float, exc: Exception | None) -> None:
        """Tell the owner once why the connection ended."""
        owner, self._owner = self._owner, NOBODY
        if owner is NOBODY:
            return
        kind, detail = self._why_closed(exc)
        owner.closed(now, kind, detail)

    def _why_closed(self, exc: Exception | None) -> tuple[ErrorKind | None, str]:
        if self._asked:
            return None, "closed by the station"
        ws = self._ws
        if ws.close_rcvd is not None:
            return ErrorKind.WS_CLOSE, f"{int(ws.close_rcvd.code)} {ws.close_rcvd.reason}".rstrip()
        if ws.parser_exc is not None and not isinstance(ws.parser_exc, EOFError):
            return ErrorKind.WS_PROTOCOL, str(ws.parser_exc)
        if isinstance(exc, OSError):
            return ErrorKind.ABNORMAL_1006, exc.strerror or str(exc)
        return ErrorKind.ABNORMAL_1006, "the connection ended without a close frame"
