"""Network addresses in a scenario file: that of the CSMS, and those to connect from.

Read as text only: nothing is looked up. Called by ``fields`` and by who asks where a run would go.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from simulator.scenario.problems import FieldError, nearest, redact_url


def read_url(value: Any, _: Any = None) -> str:
    """The address of a CSMS, as written; raises FieldError."""
    expected = '"embedded", or an address such as ws://127.0.0.1:9000/ocpp/{station_id}'
    if value == "embedded":
        return "embedded"
    if not isinstance(value, str):
        raise FieldError(expected)
    if nearest(value, ["embedded"]):
        raise FieldError(expected, "embedded")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise FieldError(expected) from None
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        web = parts.scheme in ("http", "https")
        near = value.replace("http", "ws", 1) if web else None
        if re.fullmatch(r"[\w.-]+:\d+(/\S*)?", value):
            near = f"ws://{value}"
        raise FieldError(expected, redact_url(near) if near else None)
    if parts.username or parts.password:
        raise FieldError("an address without credentials (they go into csms.password)")
    if value.count("{station_id}") > 1 or "{" in parts.netloc:
        raise FieldError("an address with {station_id} once, in its path or query")
    if parts.fragment or not re.fullmatch(r"[!-~]+", value):
        raise FieldError("an address of printable ASCII without spaces and without '#'")
    return value


def is_loopback(url: str) -> bool:
    """Whether a CSMS address can only be this machine."""
    if url == "embedded":
        return True
    return host_is_loopback(urlsplit(url).hostname or "")


def host_is_loopback(host: str) -> bool:
    """Whether a host, by its name or address, can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_source(value: Any, _: Any = None) -> str:
    """A local address to connect from; raises FieldError."""
    expected = 'an IP address of this machine, such as "10.0.0.17"'
    if not isinstance(value, str):
        raise FieldError(expected)
    try:
        return str(ipaddress.ip_address(value.strip()))
    except ValueError:
        raise FieldError(expected) from None
