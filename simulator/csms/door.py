"""Who may connect: decides on a WebSocket handshake, without sockets.

The last element of the path, percent-decoded, is the station's identity (OCPP-J, section 3.1).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from websockets.extensions import ServerExtensionFactory
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.typing import Subprotocol

from simulator.csms.options import CsmsOptions
from simulator.csms.secure import Shown

SUBPROTOCOLS = {"ocpp2.0.1": "2.0.1", "ocpp1.6": "1.6"}
"""The OCPP version by sub-protocol."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A handshake that is answered with an HTTP error."""

    status: int
    reason: str
    """The key under which it is counted."""
    text: str


@dataclass(frozen=True, slots=True)
class Registers:
    """Whom the CSMS knows; None where it takes everybody."""

    passwords: dict[str, str | bytes | None] | None = None
    """By station; None for a station that needs no password."""
    tokens: Mapping[str, str] | None = None
    """Status by token in lower case (tokens are case-insensitive)."""
    serials: Mapping[str, str] = field(default_factory=dict)
    """Serial number by station, as far as they are known."""


def read_registers(options: CsmsOptions) -> Registers:
    """Read the files that the options name; simulator.scenario.InputError with every mistake."""
    passwords: dict[str, str | bytes | None] | None = None
    tokens: dict[str, str] | None = None
    serials: dict[str, str] = {}
    if options.stations is not None or options.tokens is not None:
        from simulator.scenario.inventory import read_stations, read_tokens

        if options.stations is not None:
            stations = read_stations(options.stations, str(options.stations))
            passwords = {station.id: station.password or None for station in stations}
            serials = {station.id: station.serial for station in stations}
        if options.tokens is not None:
            rows = read_tokens(options.tokens, str(options.tokens))
            tokens = {row.token.casefold(): row.status for row in rows}
    return Registers(passwords, tokens, serials)


def compression() -> Sequence[ServerExtensionFactory]:
    """What a station may have compressed: a CSMS has to support it (OCPP 2.0.1, part 4).

    Windows of at most 12 bits, as ``live.deflate`` counts their memory: 47 KB for each connection
    that asks for it.
    """
    return [
        ServerPerMessageDeflateFactory(
            server_max_window_bits=12,
            client_max_window_bits=12,
            compress_settings={"memLevel": 5},
        )
    ]


def station_of(path: str) -> str:
    """Return the station that a request path names; empty if it names none."""
    return unquote(urlsplit(path).path.rsplit("/", 1)[-1])


def refuse(
    station_id: str,
    authorization: str | None,
    passwords: Mapping[str, str | bytes | None] | None,
) -> Refusal | None:
    """Return why a station may not connect, or None if it may.

    ``passwords`` None takes everybody. Security profiles 1 and 2: the user name is the station's
    identity.
    """
    if not station_id:
        return Refusal(404, "no station in the path", "the path ends with the station's identity\n")
    if passwords is None:
        return None
    if station_id not in passwords:
        return Refusal(404, "unknown station", "unknown station\n")
    password = passwords[station_id]
    if not password:
        return None
    if authorization is None:
        return Refusal(401, "no credentials", "this station needs a password\n")
    if not _matches(authorization, station_id, password):
        return Refusal(401, "wrong password", "wrong user name or password\n")
    return None


def refuse_shown(
    station_id: str, shown: Shown, registers: Registers, operator: str | None
) -> Refusal | None:
    """Return why a station with a certificate may not connect (security profile 3), or None.

    It must be the station's own and the operator's (OCPP 2.0.1 part 2, A00.FR.404, FR.405).
    """
    if not station_id:
        return refuse(station_id, None, None)
    if registers.passwords is not None and station_id not in registers.passwords:
        return refuse(station_id, None, registers.passwords)
    own = {name[:64] for name in (station_id, registers.serials.get(station_id, "")) if name}
    if not own & shown.names:
        return Refusal(401, "certificate of another station", "not this station's certificate\n")
    if operator is not None and operator not in shown.organisations:
        return Refusal(401, "certificate of another operator", "not a certificate of ours\n")
    return None


def choose_subprotocol(offered: Sequence[str]) -> str | None:
    """Return the sub-protocol to speak; None if the client offers none that is spoken here.

    The client offers in the order of its preference (RFC 6455, section 4.1), a station with the
    newest version first; its first that is spoken here is taken. Without a common one the
    handshake is completed without any and the connection closed at once (OCPP-J 1.6, section 3.2;
    OCPP-J 2.0.1, section 3.2).
    """
    return next((name for name in offered if name in SUBPROTOCOLS), None)


def select_subprotocol(_: object, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Choose for the WebSocket library, which passes its connection first."""
    chosen = choose_subprotocol(offered)
    return None if chosen is None else Subprotocol(chosen)


def _matches(authorization: str, user: str, password: str | bytes) -> bool:
    """Return whether a Basic authorization header carries these credentials."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    secret = password.encode() if isinstance(password, str) else password
    return hmac.compare_digest(given, user.encode() + b":" + secret)
