"""The target of a live run: its URL taken apart, resolved once, and the URL of each station.

Pure but for ``resolve``, which asks the resolver (blocking; the parent calls it before any loop).
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from simulator.live.failures import ConnectError
from simulator.measure.errors import ErrorKind

PLACEHOLDER = "{station_id}"
_PORTS = {"ws": 80, "wss": 443}


class TargetError(ValueError):
    """The URL cannot be a target; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A CSMS's WebSocket endpoint. ``prefix`` and ``suffix`` surround the station's identity."""

    host: str
    port: int
    prefix: str
    suffix: str
    secure: bool = False
    """TLS: the URL says ``wss``."""

    @property
    def authority(self) -> str:
        """``host:port`` as a person writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def path(self, station_id: str) -> str:
        """The request target of one station; its identity percent-encoded (OCPP-J 1.6, 3.1.1)."""
        return f"{self.prefix}{quote(station_id, safe='')}{self.suffix}"

    def url(self, station_id: str) -> str:
        """The whole URL of one station."""
        scheme = "wss" if self.secure else "ws"
        return f"{scheme}://{self.authority}{self.path(station_id)}"


@dataclass(frozen=True, slots=True)
class Address:
    """A resolved address: what ``socket.connect`` needs, no name left to look up."""

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def is_loopback(self) -> bool:
        """The address is of this machine only."""
        return ipaddress.ip_address(self.sockaddr[0].partition("%")[0]).is_loopback


def parse_target(url: str) -> Target:
    """Take a ``ws://`` or ``wss://`` URL apart.

    The identity replaces ``{station_id}`` where the URL has it, else it is appended as the last
    path segment. Raises TargetError.
    """
    parts = urlsplit(url.replace(PLACEHOLDER, "\x00"))
    if parts.scheme not in _PORTS:
        raise TargetError(f"{url}: expected a URL that begins with ws:// or wss://")
    if not parts.hostname or "\x00" in parts.netloc:
        raise TargetError(f"{url}: expected {parts.scheme}://HOST[:PORT]/PATH")
    if parts.username is not None or parts.fragment:
        raise TargetError(f"{url}: neither user name nor fragment belongs in the URL of a CSMS")
    try:
        port = parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise TargetError(f"{url}: {error}") from None
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if "\x00" in resource:
        prefix, _, suffix = resource.partition("\x00")
        if "\x00" in suffix:
            raise TargetError(f"{url}: {PLACEHOLDER} may stand only once")
    else:
        path, query = parts.path, parts.query
        prefix = path if path.endswith("/") else f"{path}/"
        suffix = f"?{query}" if query else ""
    if any(c.isspace() or ord(c) < 32 or ord(c) > 126 for c in prefix + suffix):
        raise TargetError(f"{url}: the path must be printable ASCII without spaces")
    return Target(parts.hostname, port, prefix, suffix, parts.scheme == "wss")


def resolve(target: Target) -> tuple[Address, ...]:
    """All addresses of the target's host, in the resolver's order. Raises ConnectError (dns)."""
    try:
        rows = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectError(ErrorKind.DNS, f"{target.host}: {error}") from None
    found = []
    for family, _, _, _, sockaddr in rows:
        if family in (socket.AF_INET, socket.AF_INET6):
            address = Address(int(family), sockaddr)  # type: ignore[arg-type]
            if address not in found:
                found.append(address)
    if not found:
        raise ConnectError(ErrorKind.DNS, f"{target.host}: no IPv4 or IPv6 address")
    return tuple(found)
