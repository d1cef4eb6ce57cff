"""Before the fleet goes out: may it, can it, and is anybody there?

Blocking and called by the parent alone. Everything that is wrong is said in one sentence with the
exit code that the command line gives for it (``errors``).
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from simulator.live.connection import Upgrade, begin_upgrade
from simulator.live.errors import RefusedError, TargetUnreachableError
from simulator.live.failures import ConnectError, of_handshake, of_os_error
from simulator.live.health import raise_fd_limit
from simulator.live.target import Address, Target, TargetError, parse_target, resolve
from simulator.measure.errors import ErrorKind

SPARE_FDS = 200
"""File descriptors that a process needs besides one per station."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A target that answered: the address that did, and how long TCP and upgrade took (s)."""

    address: Address
    tcp_s: float
    upgrade_s: float
    pings_s: tuple[float, ...] = ()
    """How long each WebSocket ping that was asked for took to come back."""


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
        raise TargetUnreachableError(f"ws://{target.authority}: {error}") from None


def check_authorised(target: Target, found: tuple[Address, ...], authorised: bool) -> None:
    """Load on anything but this machine needs the scenario's word. Raises RefusedError."""
    if not authorised and not all(address.is_loopback for address in found):
        raise RefusedError(
            f"csms.url: {target.authority} is not this machine. Put load only on systems that you"
            " may; then set csms.authorised = true in the scenario"
        )


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
    pings: int = 0,
) -> Reached:
    """Connect and upgrade once, as the station given, send some pings, and leave again.

    Tries each address in turn. Raises TargetUnreachableError naming URL and reason.
    """
    reason = "no address"
    for address in found:
        try:
            return _reach(upgrade, address, station_id, password, timeout_s, pings)
        except ConnectError as error:
            reason = str(error)
    hint = _hint(reason, upgrade.subprotocol)
    url = upgrade.target.url(station_id)
    raise TargetUnreachableError(f"{url}: {reason}{hint}")


def _reach(
    upgrade: Upgrade,
    address: Address,
    station_id: str,
    password: str | None,
    timeout_s: float,
    pings: int,
) -> Reached:
    began = time.monotonic()
    deadline = began + timeout_s
    connected: float | None = None
    try:
        with socket.socket(address.family, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            sock.connect(address.sockaddr)
            connected = time.monotonic()
            protocol = _upgrade(sock, upgrade, station_id, password, deadline)
            upgraded = time.monotonic()
            pinged = tuple(_pings(sock, protocol, pings, deadline))
            _leave(sock, protocol)
            return Reached(address, connected - began, upgraded - connected, pinged)
    except TimeoutError as error:
        if connected is None:
            why = error.strerror or f"no TCP connection in {timeout_s:g} s"
            raise ConnectError(ErrorKind.TCP_TIMEOUT, why) from None
        raise ConnectError(ErrorKind.HTTP_TIMEOUT, f"nothing in {timeout_s:g} s") from None
    except OSError as error:
        raise ConnectError(of_os_error(error), error.strerror or str(error)) from None


def _upgrade(
    sock: socket.socket, upgrade: Upgrade, station_id: str, password: str | None, deadline: float
) -> ClientProtocol:
    """The WebSocket handshake. Raises ConnectError, OSError."""
    protocol = begin_upgrade(upgrade, station_id, password)
    sock.sendall(b"".join(protocol.data_to_send()))
    while protocol.handshake_exc is None and not protocol.events_received():
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        data = sock.recv(65536)
        if data:
            protocol.receive_data(data)
        else:
            protocol.receive_eof()
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
        "http_401": " (wrong or missing password: csms.security_profile, csms.password)",
        "http_403": " (the CSMS refuses this station)",
        "http_404": " (the CSMS does not know this station, or the path is wrong;"
        " 'chargeswarm fleet export' writes what it should know)",
        "bad_subprotocol": f" ({subprotocol} is asked for: csms.versions)",
        "http_malformed": " (not a WebSocket server)",
        "http_other": " (not a WebSocket server at this path)",
        "dns": " (the host name is not known)",
    }.get(kind, "")
