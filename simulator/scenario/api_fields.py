"""The values of ``[csms.api]``: an HTTP address, a header's name, and templates of calls.

A template is text in which ``{station}``, ``{evse}`` and ``{token}`` stand for what a call is
about. Read here; filled in where calls are made.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from simulator.scenario.fields import Value
from simulator.scenario.problems import FieldError, listed, nearest, redact_url

PLACES: Final = ("station", "evse", "token")
"""What a template may have in braces: the station's identity, the number of its EVSE (from 1), and
the driver's token."""
MOST_BODY: Final = 4096
_PLACE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TEXT: Final = {"type": "string"}


def _address(value: Any, _: Any) -> str:
    expected = "an address such as http://127.0.0.1:8080/api"
    if not isinstance(value, str):
        raise FieldError(expected)
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise FieldError(expected) from None
    if parts.username or parts.password:
        raise FieldError("an address without credentials (they go into csms.api.header)")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        near = value.replace("ws", "http", 1) if parts.scheme in ("ws", "wss") else None
        raise FieldError(expected, redact_url(near) if near else None)
    if parts.query or parts.fragment or "{" in value or not re.fullmatch(r"[!-~]+", value):
        raise FieldError("an address of printable ASCII without spaces, query, '#' and braces")
    return value


def _places(value: str) -> None:
    for name in _PLACE.findall(value):
        if name not in PLACES:
            near = nearest(name, PLACES)
            some = listed([f"{{{place}}}" for place in PLACES])
            raise FieldError(f"nothing in braces but {some}", f"{{{near}}}" if near else None)


def _path(value: Any, _: Any) -> str:
    expected = "a path such as /stations/{station}/start"
    if not isinstance(value, str) or not value.startswith("/"):
        raise FieldError(expected)
    _places(value)
    if not re.fullmatch(r"[!-~]+", value) or "#" in value:
        raise FieldError("a path of printable ASCII without spaces and without '#'")
    return value


def _body(value: Any, _: Any) -> str:
    if not isinstance(value, str) or len(value) > MOST_BODY:
        raise FieldError(f"text of at most {MOST_BODY} characters")
    _places(value)
    return value


def _header(value: Any, _: Any) -> str:
    taken = ("connection", "content-length", "content-type", "host", "transfer-encoding")
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", value):
        raise FieldError("the name of an HTTP header, such as Authorization")
    if value.lower() in taken:
        raise FieldError("a header that the call does not have already")
    return value


def _variable(value: Any, _: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[^=\0]+", value):
        raise FieldError("the name of an environment variable")
    return value


Address = Annotated[
    str, Value(_address, {**_TEXT, "pattern": "^https?://.", "examples": ["http://127.0.0.1:8080"]})
]
Path = Annotated[str, Value(_path, {**_TEXT, "pattern": "^/"})]
Body = Annotated[str, Value(_body, {**_TEXT, "maxLength": MOST_BODY})]
HeaderName = Annotated[str, Value(_header, _TEXT)]
Variable = Annotated[str, Value(_variable, _TEXT)]
