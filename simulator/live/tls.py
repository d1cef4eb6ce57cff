"""TLS between the socket and the WebSocket: ``ssl`` without I/O (security profiles 2 and 3).

``TlsLayer`` is the protocol of the socket and, to the ``Connection`` above it, its transport.
``Tls`` is what a shard's connections share: contexts, sessions to resume. Who is to be trusted and
which certificate is shown comes with the station's wish to connect. ``link`` makes layers,
``preflight`` borrows a context.

One ``SSLContext`` serves all stations that trust the same roots, also those with certificates of
their own: a context's certificate is copied when a connection is made from it, so it is set just
before. Kinds of keys are kept apart, since a context holds one certificate of each kind.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, cast

from simulator.live.connection import Connection
from simulator.live.failures import ConnectError, of_os_error, of_tls
from simulator.measure.errors import ErrorKind
from simulator.station.effects import Connect

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
MOST_CONTEXTS: Final = 64
"""Kept for the next station with the same roots; a connection keeps its own alive."""
TURNED_AWAY: Final = "closed right after the TLS handshake; it may have refused our certificate"
_RECORD: Final = 16_384
"""The most plain text in a record; also what is put into the incoming buffer at a time, which
never shrinks again."""
_KINDS: Final = {
    "ec": bytes.fromhex("06072a8648ce3d0201"),
    "rsa": bytes.fromhex("06092a864886f70d010101"),
}
"""How the algorithm of a PKCS #8 key begins in DER."""


@dataclass(frozen=True, slots=True)
class TlsRules:
    """What holds for all stations of a run."""

    hostname: str
    """Whose certificate it must be."""
    ca: str | None = None
    """Roots in PEM that alone are trusted; None: those of this system."""
    oldest: str = "1.2"
    newest: str = "1.3"
    resumption: bool = False


class Tls:
    """Contexts and sessions of one process."""

    def __init__(self, rules: TlsRules) -> None:
        self.rules = rules
        self._contexts: dict[tuple[tuple[str, ...], str], ssl.SSLContext] = {}
        self._sessions: dict[int, tuple[ssl.SSLContext, ssl.SSLSession]] = {}

    def context(self, wish: Connect) -> ssl.SSLContext:
        """The context for a connection that is made from it at once.

        Raises ConnectError for a certificate of the station's own that cannot be used.
        """
        if wish.certificate is None or wish.key is None:
            return self._shared(wish.roots, "")
        context = self._shared(wish.roots, _kind(wish.key))
        try:
            with _file(wish.certificate, wish.key) as path:
                context.load_cert_chain(path)
        except (ssl.SSLError, ValueError) as error:
            why = getattr(error, "reason", None) or str(error)
            raise ConnectError(ErrorKind.TLS_OWN_CERTIFICATE, str(why).lower()) from None
        except OSError as error:
            raise ConnectError(of_os_error(error), error.strerror or str(error)) from None
        return context

    def _shared(self, roots: tuple[str, ...], kind: str) -> ssl.SSLContext:
        found = self._contexts.get((roots, kind))
        if found is None:
            found = self._make(roots)
            if kind != "other":
                self._contexts[roots, kind] = found
            if len(self._contexts) > MOST_CONTEXTS:
                del self._contexts[next(iter(self._contexts))]
        return found

    def _make(self, roots: tuple[str, ...]) -> ssl.SSLContext:
        rules = self.rules
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = VERSIONS[rules.oldest]
        context.maximum_version = VERSIONS[rules.newest]
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        if not rules.resumption:
            context.options |= ssl.OP_NO_TICKET
        if rules.ca is None:
            context.load_default_certs()
        pinned = roots or (() if rules.ca is None else (rules.ca,))
        if pinned:
            # A pinned authority need not be a root by itself.
            context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata="\n".join(pinned))
        return context

    def layer(
        self, connection: Connection, station: int, wish: Connect, clock: Callable[[], float]
    ) -> TlsLayer:
        """The layer under a connection that is about to be made. Raises ConnectError."""
        context = self.context(wish)
        known, session = self._sessions.pop(station, (None, None))
        inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
        made = context.wrap_bio(
            inside,
            outside,
            server_hostname=self.rules.hostname,
            session=session if known is context else None,
        )
        owner = (self, station) if self.rules.resumption else None
        return TlsLayer(connection, made, inside, outside, clock, owner)

    def keep(self, station: int, made: ssl.SSLObject) -> None:
        """Keep the session of a connection that ends, to be resumed by the station's next."""
        session = made.session
        if session is not None and session.has_ticket:
            self._sessions[station] = (made.context, session)


class TlsLayer(asyncio.Protocol):
    """One connection's TLS: in its handshake, then open, then gone."""

    __slots__ = (
        "_begun",
        "_clock",
        "_connection",
        "_heard",
        "_inside",
        "_outside",
        "_owner",
        "_secured",
        "_ssl",
        "_transport",
    )

    def __init__(
        self,
        connection: Connection,
        made: ssl.SSLObject,
        inside: ssl.MemoryBIO,
        outside: ssl.MemoryBIO,
        clock: Callable[[], float],
        owner: tuple[Tls, int] | None = None,
    ) -> None:
        """``owner``: who keeps the session, and for which station."""
        self._connection = connection
        self._ssl = made
        self._inside = inside
        self._outside = outside
        self._clock = clock
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._begun = 0.0
        self._secured = False
        self._heard = False

    # -- for who dials --------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Messages may be sent."""
        return self._connection.is_open

    @property
    def overdue(self) -> tuple[ErrorKind, str]:
        """What it is that has not come in time."""
        if self._secured:
            return self._connection.overdue
        return ErrorKind.TLS_TIMEOUT, "the TLS handshake was not over"

    # -- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is up: begin the handshake."""
        self._transport = cast(asyncio.Transport, transport)
        self._begun = self._clock()
        self._shake(self._begun)

    def data_received(self, data: bytes) -> None:
        """Bytes from the socket."""
        now = self._clock()
        view = memoryview(data)
        for at in range(0, len(view), _RECORD):
            if self._transport is None or self._transport.is_closing():
                return
            self._inside.write(view[at : at + _RECORD])
            if self._secured or self._shake(now):
                self._read(now)
        if self._outside.pending:
            self._flush()

    def eof_received(self) -> None:
        """The peer has closed its side; the transport closes ours."""
        if self._secured:
            self._ended()
            self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._transport = None
        if self._secured:
            self._ended()
            if self._owner is not None:
                self._owner[0].keep(self._owner[1], self._ssl)
        elif isinstance(exc, OSError) and not isinstance(exc, ssl.SSLError):
            self._spoil(ConnectError(of_os_error(exc), exc.strerror or str(exc)))
        else:
            self._spoil(ConnectError(ErrorKind.TLS_CLOSED, "closed in the TLS handshake"))
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """The socket's buffer is full."""
        if self._secured:
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        """The socket's buffer has room again."""
        if self._secured:
            self._connection.resume_writing()

    # -- the transport of the connection above --------------------------------------------------

    def write(self, data: bytes) -> None:
        """Encrypt and write."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._ssl.write(view) :]
        except ssl.SSLError as error:
            self._spoil(of_tls(error))
            self.abort()
            return
        self._flush()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What the transport below knows: the socket, addresses."""
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take nothing more from the socket."""
        if self._transport is not None:
            self._transport.pause_reading()

    def can_write_eof(self) -> bool:
        """TLS can close one side, by close_notify."""
        return True

    def write_eof(self) -> None:
        """Nothing more comes from here; what the peer sends is still read."""
        self._goodbye()
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def is_closing(self) -> bool:
        """Nothing can be written any more."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Say that it ends, and close when that is written."""
        self._goodbye()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> bool:
        """Drop the connection at once, without a word; False if it never had a transport."""
        if self._transport is None:
            return False
        self._transport.abort()
        return True

    # -- inside ---------------------------------------------------------------------------------

    def _shake(self, now: float) -> bool:
        """One step of the handshake; True once it is over and the connection above has begun."""
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._flush()  # the alert that says why
            self._spoil(of_tls(error))
            if self._transport is not None:
                self._transport.close()
            return False
        self._secured = True
        self._connection.secured(now - self._begun, bool(self._ssl.session_reused))
        self._connection.connection_made(cast(asyncio.BaseTransport, self))
        return True

    def _read(self, now: float) -> None:
        while not self.is_closing():
            try:
                data = self._ssl.read(_RECORD)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLError as error:
                self._flush()
                self._spoil(of_tls(error))
                self.abort()
                return
            if not data:  # close_notify
                self._ended()
                self._connection.eof_received()
                self.close()
                return
            self._heard = True
            self._connection.received(now, data)

    def _ended(self) -> None:
        """The peer is gone. With TLS 1.3 that may be its answer to our certificate, or to none."""
        if not self._heard:
            self._spoil(ConnectError(ErrorKind.TLS_CLOSED, TURNED_AWAY))

    def _flush(self) -> None:
        data = self._outside.read()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _goodbye(self) -> None:
        # Without the peer's own close_notify there is always something left to want.
        with suppress(ssl.SSLError):
            self._ssl.unwrap()
        self._flush()

    def _spoil(self, failure: ConnectError) -> None:
        self._connection.spoiled(self._clock(), failure)


def suspicion(failure: ConnectError, tls: Tls | None) -> str:
    """The security event that a failed attempt to connect is (2.0.1 appendix 1); "" for none."""
    if failure.kind is ErrorKind.TLS_VERIFY:
        return "InvalidCsmsCertificate"
    word = (failure.kind, failure.detail.partition(" ")[0])
    refused = word in (
        (ErrorKind.TLS_PROTOCOL, "unsupported_protocol"),
        (ErrorKind.TLS_ALERT, "protocol_version"),
    )
    # A station that knows less than both versions may itself be the one that is too old.
    both = tls is not None and (tls.rules.oldest, tls.rules.newest) == ("1.2", "1.3")
    return "InvalidTLSVersion" if refused and both else ""


def _kind(key: bytes) -> str:
    """The kind of a private key, as far as contexts care."""
    return next((kind for kind, mark in _KINDS.items() if mark in key[:40]), "other")


@contextmanager
def _file(certificate: str, key: bytes) -> Iterator[str]:
    """Certificate and key as a file, which OpenSSL insists on; in memory where that can be."""
    text = base64.encodebytes(key).decode()
    whole = (
        f"{certificate.rstrip()}\n-----BEGIN PRIVATE KEY-----\n{text}-----END PRIVATE KEY-----\n"
    )
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("certificate", os.MFD_CLOEXEC)
        with os.fdopen(number, "wb", buffering=0) as file:
            file.write(whole.encode())
            yield f"/proc/self/fd/{number}"
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as private:
        private.write(whole)
        private.flush()
        yield private.name
