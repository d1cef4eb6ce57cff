"""The values of ``[csms.api]``: an HTTP address, a header's name, and templates of calls.

A template is text in which ``{station}``, ``{evse}``, ``{token}`` and the like stand for what a
call is about. Read here; filled in where calls are made. Those of ``[[csms.calls]]`` know more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from simulator.scenario.fields import Value, choice
from simulator.scenario.problems import FieldError, listed, nearest, redact_url

PLACES: Final = ("station", "evse", "token")
"""What a template may have in braces: the station's identity, the number of its EVSE (from 1), and
the driver's token."""
CALL_PLACES: Final = (*PLACES, "connector", "n", "transaction", "limit_w")
"""... of ``csms.calls``: the connector (1.6: the EVSE's number; 2.x: 1), the number of the call or
broadcast (from 1), the id of the transaction that runs at the EVSE, the limit in W."""
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


def places(text: str) -> list[str]:
    """What stands in braces in a template."""
    return _PLACE.findall(text)


def _check_places(value: str, known: tuple[str, ...]) -> None:
    for name in places(value):
        if name not in known:
            near = nearest(name, known)
            some = listed([f"{{{place}}}" for place in known])
            raise FieldError(f"nothing in braces but {some}", f"{{{near}}}" if near else None)


def _path(known: tuple[str, ...]) -> Callable[[Any, Any], str]:
    def read(value: Any, _: Any) -> str:
        expected = "a path such as /stations/{station}/start"
        if not isinstance(value, str) or not value.startswith("/"):
            raise FieldError(expected)
        _check_places(value, known)
        if not re.fullmatch(r"[!-~]+", value) or "#" in value:
            raise FieldError("a path of printable ASCII without spaces and without '#'")
        return value

    return read


def _body(known: tuple[str, ...]) -> Callable[[Any, Any], str]:
    def read(value: Any, _: Any) -> str:
        if not isinstance(value, str) or len(value) > MOST_BODY:
            raise FieldError(f"text of at most {MOST_BODY} characters")
        _check_places(value, known)
        return value

    return read


def _call_name(value: Any, _: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_ -]{0,39}", value):
        some = "letters, digits, spaces, '-' and '_'"
        raise FieldError(f"a name of {some} that starts with a letter, at most 40 long")
    return " ".join(value.split())


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
_PATH: Final = {**_TEXT, "pattern": "^/"}
_BODY: Final = {**_TEXT, "maxLength": MOST_BODY}
Path = Annotated[str, Value(_path(PLACES), _PATH)]
Body = Annotated[str, Value(_body(PLACES), _BODY)]
CallPath = Annotated[str, Value(_path(CALL_PLACES), _PATH)]
CallBody = Annotated[str, Value(_body(CALL_PLACES), _BODY)]
CallName = Annotated[str, Value(_call_name, {**_TEXT, "pattern": "^[A-Za-z][A-Za-z0-9_ -]{0,39}$"})]
Method = Annotated[
    Literal["POST", "PUT", "PATCH", "GET"], choice("a method", "POST", "PUT", "PATCH", "GET")
]
HeaderName = Annotated[str, Value(_header, _TEXT)]
Variable = Annotated[str, Value(_variable, _TEXT)]
