"""Before the fleet goes out: may it, can it, and is anybody there?

Blocking and called by the parent alone. Everything that is wrong is said in one sentence with the
exit code that the command line gives for it (``errors``).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from simulator.live.connection import Upgrade, begin_upgrade
from simulator.live.deflate import agreed
from simulator.live.errors import RefusedError, TargetUnreachableError
from simulator.live.failures import ConnectError, of_handshake, of_os_error, of_tls
from simulator.live.health import raise_fd_limit
from simulator.live.http import Server
from simulator.live.target import Address, Target, TargetError, parse_target, resolve
from simulator.live.tls import TURNED_AWAY, Tls
from simulator.measure.errors import ErrorKind
from simulator.station.effects import Connect
from simulator.station.network import TLS_CLIENT

SPARE_FDS = 200
"""File descriptors that a process needs besides one per station."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A target that answered: the address that did, and how long each step took (s)."""

    address: Address
    tcp_s: float
    upgrade_s: float
    tls_s: float = 0.0
    pings_s: tuple[float, ...] = ()
    """How long each WebSocket ping that was asked for took to come back."""
    deflate: bool = False
    """Frames are compressed: the target took up what was offered."""


def read_target(url: str) -> Target:
    """The target of a URL. Raises RefusedError where it cannot be one."""
    try:
        return parse_target(url)
    except TargetError as error:
        raise RefusedError(f"csms.url: {error}") from None


def addresses(target: Target) -> tuple[Address, ...]:
    """Where the target is. Raises TargetUnreachableError."""
    try:
        return resolve(target)
    except ConnectError as error:
        scheme = "wss" if target.secure else "ws"
        hint = _hint(str(error), "")
        raise TargetUnreachableError(f"{scheme}://{target.authority}: {error}{hint}") from None


def check_authorised(
    target: Target, found: tuple[Address, ...], authorised: bool, field: str = "csms.url"
) -> None:
    """Load on anything but this machine needs the scenario's word. Raises RefusedError."""
    if not authorised and not all(address.is_loopback for address in found):
        raise RefusedError(
            f"{field}: {target.authority} is not this machine. Put load only on systems that you"
            " may; then set csms.authorised = true in the scenario"
        )


def read_api(url: str, timeout_s: float, authorised: bool) -> tuple[Server, str]:
    """The server of an HTTP API that answers at TCP, and the path that its calls begin with.

    Raises RefusedError, TargetUnreachableError.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, prefix = parts.hostname or "", parts.path.rstrip("/")
    place = Target(host, parts.port or (443 if secure else 80), prefix, "")
    try:
        found = resolve(place)
    except ConnectError as error:
        raise TargetUnreachableError(f"csms.api.url: {url}: {error}") from None
    check_authorised(place, found, authorised, "csms.api.url")
    reason = "no address"
    for address in found:
        try:
            with socket.create_connection(address.sockaddr[:2], timeout_s):
                return Server(address, place.authority, host if secure else ""), prefix
        except OSError as error:
            reason = error.strerror or str(error)
    raise TargetUnreachableError(f"csms.api.url: {url}: {reason}")


def check_rate(peak_per_s: float, max_rate: float | None) -> None:
    """The plan must stay within ``live.max_rate``. Raises RefusedError."""
    if max_rate is not None and peak_per_s > max_rate:
        raise RefusedError(
            f"live.max_rate: the plan has {peak_per_s:.0f} calls in its busiest second, more than"
            f" the {max_rate:g} allowed; use fewer stations, a longer ramp or a lower speed"
        )


def check_file_limit(largest_shard: int) -> None:
    """Every station of a shard needs a socket. Raises RefusedError if the limit is too low."""
    limit = raise_fd_limit()
    if largest_shard + SPARE_FDS > limit:
        raise RefusedError(
            f"{largest_shard} stations in one process need {largest_shard + SPARE_FDS} open files,"
            f" the limit is {limit}: raise it (ulimit -n) or spread them (live.shards)"
        )


def reach(
    upgrade: Upgrade,
    found: tuple[Address, ...],
    station_id: str,
    password: str | None,
    timeout_s: float,
    tls: Tls | None = None,
    wish: Connect = Connect(),  # noqa: B008  frozen
    pings: int = 0,
) -> Reached:
    """Connect and upgrade once, as the station given, send some pings, and leave again.

    With TLS, ``wish`` brings the station's certificate, and whom it trusts.
    Tries each address in turn. Raises TargetUnreachableError naming URL and reason.
    """
    reason = "no address"
    for address in found:
        try:
            return _reach(upgrade, address, (station_id, password), timeout_s, tls, wish, pings)
        except ConnectError as error:
            reason = str(error)
    hint = _hint(reason, upgrade.subprotocol)
    url = upgrade.target.url(station_id)
    raise TargetUnreachableError(f"{url}: {reason}{hint}")


def _reach(
    upgrade: Upgrade,
    address: Address,
    station: tuple[str, str | None],
    timeout_s: float,
    tls: Tls | None,
    wish: Connect,
    pings: int,
) -> Reached:
    began = time.monotonic()
    deadline = began + timeout_s
    connected: float | None = None
    secured = tls is None
    try:
        with socket.socket(address.family, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            sock.connect(address.sockaddr)
            connected = time.monotonic()
            line = sock if tls is None else _secure(sock, tls, wish, deadline)
            secured, ready = True, time.monotonic()
            password = None if wish.security_profile == TLS_CLIENT else station[1]
            protocol = _upgrade(line, upgrade, station[0], password, deadline)
            over = time.monotonic()
            pinged = tuple(_pings(line, protocol, pings, deadline))
            _leave(line, protocol)
            return Reached(
                address,
                connected - began,
                over - ready,
                ready - connected,
                pinged,
                agreed(protocol),
            )
    except ssl.SSLError as error:
        raise of_tls(error) from None
    except TimeoutError as error:
        if connected is None:
            why = error.strerror or f"no TCP connection in {timeout_s:g} s"
            raise ConnectError(ErrorKind.TCP_TIMEOUT, why) from None
        kind = ErrorKind.HTTP_TIMEOUT if secured else ErrorKind.TLS_TIMEOUT
        raise ConnectError(kind, f"nothing in {timeout_s:g} s") from None
    except OSError as error:
        if secured:
            raise ConnectError(of_os_error(error), error.strerror or str(error)) from None
        raise ConnectError(ErrorKind.TLS_CLOSED, "closed in the TLS handshake") from None


def _secure(sock: socket.socket, tls: Tls, wish: Connect, deadline: float) -> ssl.SSLSocket:
    """The TLS handshake. Raises ConnectError, OSError."""
    sock.settimeout(max(deadline - time.monotonic(), 0.001))
    try:
        return tls.context(wish).wrap_socket(sock, server_hostname=tls.rules.hostname)
    except ssl.SSLEOFError:
        raise ConnectError(ErrorKind.TLS_CLOSED, "closed in the TLS handshake") from None


def _upgrade(
    sock: socket.socket, upgrade: Upgrade, station_id: str, password: str | None, deadline: float
) -> ClientProtocol:
    """The WebSocket handshake. Raises ConnectError, OSError."""
    protocol = begin_upgrade(upgrade, station_id, password)
    sock.sendall(b"".join(protocol.data_to_send()))
    heard = False
    while protocol.handshake_exc is None and not protocol.events_received():
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        data = sock.recv(65536)
        if data:
            protocol.receive_data(data)
        elif isinstance(sock, ssl.SSLSocket) and not heard:
            raise ConnectError(ErrorKind.TLS_CLOSED, TURNED_AWAY)
        else:
            protocol.receive_eof()
        heard = True
    if protocol.handshake_exc is not None:
        raise ConnectError(*of_handshake(protocol.handshake_exc))
    if protocol.subprotocol is None:
        raise ConnectError(ErrorKind.BAD_SUBPROTOCOL, f"did not select {upgrade.subprotocol}")
    return protocol


def _pings(
    sock: socket.socket, protocol: ClientProtocol, count: int, deadline: float
) -> Iterator[float]:
    """Seconds that each ping takes to come back, until one does not."""
    for number in range(count):
        word = b"%d" % number
        began = time.monotonic()
        with contextlib.suppress(OSError):
            protocol.send_ping(word)
            sock.sendall(b"".join(protocol.data_to_send()))
        while not _heard(protocol, word):
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = sock.recv(65536)
            except OSError:
                return
            if not data or protocol.state is not State.OPEN:
                return
            protocol.receive_data(data)
        yield time.monotonic() - began


def _heard(protocol: ClientProtocol, word: bytes) -> bool:
    """Whether the pong has come; whatever else did is nobody's business here."""
    return any(
        isinstance(event, Frame) and event.opcode is Opcode.PONG and bytes(event.data) == word
        for event in protocol.events_received()
    )


def _leave(sock: socket.socket, protocol: ClientProtocol) -> None:
    if protocol.state is State.OPEN:
        protocol.send_close(1000)
    with contextlib.suppress(OSError):
        sock.sendall(b"".join(protocol.data_to_send()))


def _hint(reason: str, subprotocol: str) -> str:
    """What usually helps."""
    kind = reason.partition(":")[0]
    return {
        "tcp_refused": " (nobody listens there)",
        "tcp_timeout": " (nobody there, or a firewall that drops; live.connect_timeout says how"
        " long to wait)",
        "tcp_reset": " (it closes connections at once: a proxy without a server behind it, or one"
        " that wants TLS?)",
        "http_timeout": " (it takes connections and says nothing: busy, another protocol, or one"
        " that wants TLS? live.connect_timeout says how long to wait)",
        "http_429": " (too many at a time for the CSMS, or a limit per address)",
        "http_5xx": " (the CSMS is not ready, or a proxy before it has none)",
        "bad_extension": " (the CSMS selects an extension of WebSocket that was not offered so:"
        " live.deflate)",
        "http_401": " (wrong or missing password: csms.security_profile, csms.password; or another"
        " station's certificate)",
        "tls_verify": " (csms.ca says whom to trust; the host must be one that the certificate is"
        " for)",
        "tls_alert": " (the CSMS refuses: csms.security_profile, csms.client_certificates or"
        " csms.tls)",
        "tls_protocol": " (csms.tls: no common version or cipher)",
        "tls_malformed": " (no TLS there; is it a ws:// address?)",
        "tls_closed": " (does it speak TLS there, and does it know csms.client_certificates?)",
        "tls_timeout": " (it takes connections, but does it speak TLS?)",
        "http_403": " (the CSMS refuses this station)",
        "http_404": " (the CSMS does not know this station, or the path is wrong;"
        " 'chargeswarm fleet export' writes what it should know)",
        "bad_subprotocol": f" ({subprotocol} is asked for: csms.versions)",
        "http_malformed": " (not a WebSocket server; is it a wss:// address?)",
        "http_other": " (not a WebSocket server at this path)",
        "dns": " (the host name is not known)",
    }.get(kind, "")
