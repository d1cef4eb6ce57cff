"""Opening connections: a socket of our own, TCP, TLS, the WebSocket upgrade, each timed apart.

Sockets are made, bound and connected here, so that the address is looked up once and source
addresses can be chosen. ``link`` awaits ``dial`` in a short-lived task; nothing stays afterwards
but the ``Connection``.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

from simulator.live.failures import ConnectError, of_os_error
from simulator.live.target import Address
from simulator.measure.errors import ErrorKind

_BIND_ADDRESS_NO_PORT = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)


@dataclass(frozen=True, slots=True)
class DialRules:
    """Where to connect to and how long to try.

    ``timeout_s`` bounds TCP, TLS and upgrade together. ``source`` is a local address to connect
    from.
    """

    address: Address
    timeout_s: float = 20.0
    source: str | None = None


class Dialled(Protocol):
    """A protocol for a socket that is to become a connection: with or without TLS."""

    @property
    def is_open(self) -> bool:
        """Messages may be sent."""
        ...

    @property
    def overdue(self) -> tuple[ErrorKind, str]:
        """What it is that has not come in time."""
        ...

    def abort(self) -> bool:
        """Drop the connection at once; False if it never had a transport."""
        ...


def open_socket(rules: DialRules) -> socket.socket:
    """A non-blocking TCP socket, bound to the source address if there is one.

    The port is left to ``connect``, so that it may be shared by connections to other targets.
    Raises ConnectError (``local_fd``, ``local_port``).
    """
    try:
        sock = socket.socket(rules.address.family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectError(of_os_error(error), f"socket: {error.strerror}") from None
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if rules.source is not None:
            if sys.platform == "linux":  # of both families
                sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            sock.bind((rules.source, 0))
    except OSError as error:
        sock.close()
        raise ConnectError(of_os_error(error), f"bind {rules.source}: {error.strerror}") from None
    return sock


async def dial(
    rules: DialRules,
    make: Callable[[asyncio.Future[None]], Dialled],
    clock: Callable[[], float],
) -> float:
    """Connect and upgrade; returns the seconds that TCP took.

    ``make`` builds the protocol around the future that it resolves when the upgrade is decided.
    Raises ConnectError. The times of TLS and upgrade are the protocol's to measure.
    """
    loop = asyncio.get_running_loop()
    sock = open_socket(rules)
    begun = clock()
    tcp_s = -1.0
    connection: Dialled | None = None
    decided: asyncio.Future[None] | None = None
    try:
        async with asyncio.timeout(rules.timeout_s):
            await loop.sock_connect(sock, rules.address.sockaddr)
            tcp_s = clock() - begun
            decided = loop.create_future()
            connection = make(decided)
            await loop.create_connection(partial(_itself, connection), sock=sock)
            await decided
    except TimeoutError as error:
        if connection is not None and connection.is_open:
            return tcp_s
        _drop(sock, connection)
        if tcp_s < 0.0:
            raise ConnectError(ErrorKind.TCP_TIMEOUT, _detail(error, rules)) from None
        assert connection is not None
        kind, what = connection.overdue
        raise ConnectError(kind, f"{what} in {rules.timeout_s:g} s") from None
    except OSError as error:
        _drop(sock, connection)
        raise ConnectError(of_os_error(error), error.strerror or str(error)) from None
    except BaseException:
        _drop(sock, connection)
        raise
    finally:
        if decided is not None and decided.done() and not decided.cancelled():
            decided.exception()  # heard, even where the attempt was given up in the same turn
        # An error's traceback keeps this frame, and the connection's future keeps the error.
        decided = connection = None
    return tcp_s


def _itself(connection: Dialled) -> asyncio.Protocol:
    return cast(asyncio.Protocol, connection)


def _detail(error: TimeoutError, rules: DialRules) -> str:
    return error.strerror or f"no TCP connection in {rules.timeout_s:g} s"


def _drop(sock: socket.socket, connection: Dialled | None) -> None:
    if connection is None or not connection.abort():
        sock.close()
