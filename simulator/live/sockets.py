"""Before the start: are our own addresses ours, and are there ports enough for every station?

A connection is told from others by (source, source port, address, port), so each pair of a source
and an address of the target has a range of ports to itself. Called by ``run``; blocking.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Final

from simulator.live.errors import RefusedError
from simulator.live.target import Address

SPARE_PORTS: Final = 200
"""Ports of each pair that are left to others, and to connections that are closing."""
_PORT_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_RESERVED: Final = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")


def local_ports(range_file: Path = _PORT_RANGE, reserved_file: Path = _RESERVED) -> int | None:
    """How many ports the system gives to connections from one address; None: it does not say."""
    try:
        low, high = map(int, range_file.read_text().split())
        reserved = reserved_file.read_text().strip()
    except (OSError, ValueError):
        return None
    kept = 0
    for part in filter(None, reserved.split(",")):
        first, _, last = part.partition("-")
        kept += max(0, min(int(last or first), high) - max(int(first), low) + 1)
    return high - low + 1 - kept


def loopback_sources(
    stations: int,
    addresses: Sequence[Address],
    ports: Callable[[], int | None] = local_ports,
    platform: str = sys.platform,
) -> tuple[str, ...]:
    """Addresses to connect from where nobody named any; empty: one is enough.

    On Linux all of 127.0.0.0/8 is this machine's own. As many as leave three quarters of each one's
    ports free: the kernel tries ports one after the other, those of one parity first, so that with
    half of them taken a connection costs a millisecond; and one that has ended keeps its port for a
    minute. Where the target is not on this machine, only its owner can know of more addresses.
    """
    known = ports()
    local = all(a.family == socket.AF_INET and a.is_loopback for a in addresses)
    if known is None or not local or not platform.startswith("linux"):
        return ()
    each = max(known - SPARE_PORTS, 1) * max(len(addresses), 1)
    if 4 * stations <= each:
        return ()
    return tuple(f"127.0.0.{n}" for n in range(1, min(ceil(4 * stations / each), 254) + 1))


def check_sources(sources: Sequence[str], family: int) -> None:
    """Raise RefusedError unless each is an address of this machine, of the target's family."""
    for index, source in enumerate(sources):
        kind = socket.AF_INET6 if ":" in source else socket.AF_INET
        if kind != family:
            wanted = "IPv6" if family == socket.AF_INET6 else "IPv4"
            raise RefusedError(f"live.sources[{index}]: {source}: the target's is an {wanted} one")
        try:
            with socket.socket(kind, socket.SOCK_STREAM) as sock:
                sock.bind((source, 0))
        except OSError as error:
            raise RefusedError(
                f"live.sources[{index}]: {source} is no address of this machine ({error.strerror})"
            ) from None


def check_ports(
    stations: int,
    sources: Sequence[str],
    addresses: Sequence[Address],
    ports: Callable[[], int | None] = local_ports,
) -> None:
    """Raise RefusedError if so many stations cannot be connected at once for want of ports."""
    known = ports()
    if known is None:
        return
    each = max(known - SPARE_PORTS, 1)
    ways = max(len(sources), 1) * max(len(addresses), 1)
    # Stations go round evenly, so the fullest way has the mean, rounded up.
    if ceil(stations / ways) <= each:
        return
    needed = ceil(stations / (each * max(len(addresses), 1)))
    raise RefusedError(
        f"{stations} stations at once need more ports than the {known} that the system gives to one"
        f" address (net.ipv4.ip_local_port_range; {SPARE_PORTS} are left to others): widen it, or"
        f" name {needed} addresses of this machine in live.sources"
    )
