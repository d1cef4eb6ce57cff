"""OCPP 2.0.1: what the station sends but for TransactionEvent, and what it makes of the answers.

A builder gives the payload without its outer braces, as in ``v16_messages``.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final

from simulator.station import authorisation, clock, firmware, plugandcharge, v201_tariff
from simulator.station.events import Event
from simulator.station.model import DEFAULT_KIND, Call, Evse, Status, TokenInfo
from simulator.station.rpc import text
from simulator.station.state import State

TOKEN_STATUS: Final = frozenset(
    (
        "Accepted",
        "Blocked",
        "ConcurrentTx",
        "Expired",
        "Invalid",
        "NoCredit",
        "NotAllowedTypeEVSE",
        "NotAtThisLocation",
        "NotAtThisTime",
        "Unknown",
    )
)
_LONGEST_TOKEN: Final = 36
_HIGHEST_PRIORITY: Final = 9


def word(evse: Evse) -> str | None:
    """The status of a connector (ConnectorStatusEnumType); the station itself has none."""
    if not evse.number:
        return None
    if evse.status is Status.FAULTED:
        return "Faulted"
    if evse.status is Status.RESERVED:
        return "Reserved"
    if evse.status is Status.UNAVAILABLE:
        return "Unavailable"  # a cable that is plugged in changes nothing (errata 2.29)
    return "Occupied" if evse.plugged else "Available"


_TOLD: Final = {
    "Available": Event.UNPLUGGED,
    "Faulted": Event.FAULTED,
    "Occupied": Event.PLUGGED_IN,
    "Unavailable": Event.AVAILABILITY,
}


def told(event: Event, name: str) -> Event:
    """The event that a change to this word tells, whichever status brought it about."""
    return event if event is Event.OPERATIVE else _TOLD.get(name, event)


def charging_state(evse: Evse) -> str:
    """ChargingStateEnumType of the transaction at this EVSE."""
    if not evse.plugged:
        return "Idle"
    if evse.tx is None or not evse.tx.powered:
        return "EVConnected"
    if evse.evse_suspended or evse.limited or evse.stopped_energy:
        return "SuspendedEVSE"
    return "SuspendedEV" if evse.ev_suspended else "Charging"


def id_token(token: str, kind: str) -> str:
    """An IdTokenType."""
    return f'{{"idToken":{text(token)},"type":"{kind or DEFAULT_KIND}"}}'


def boot(st: State, now: float, call: Call) -> str:
    """BootNotificationRequest (B01)."""
    who = st.identity
    parts = [f'"vendorName":{text(who.vendor[:50])}', f'"model":{text(who.model[:20])}']
    if who.serial:
        parts.append(f'"serialNumber":{text(who.serial[:25])}')
    installed = firmware.version(st)
    if installed:
        parts.append(f'"firmwareVersion":{text(installed[:50])}')
    return f'"reason":"{call.about or st.boot_reason}","chargingStation":{{{",".join(parts)}}}'


def heartbeat(st: State, now: float, call: Call) -> str:
    """HeartbeatRequest (G02): empty."""
    return ""


def status(st: State, now: float, call: Call) -> str | None:
    """StatusNotificationRequest (G01), stamped with the time of the change."""
    evse = call.evse
    assert evse is not None
    name = word(evse)
    if name is None:
        return None
    return (
        f'"timestamp":"{clock.iso(st.clock_zero + evse.since)}","connectorStatus":"{name}",'
        f'"evseId":{evse.number},"connectorId":1'
    )


def authorize(st: State, now: float, call: Call) -> str:
    """AuthorizeRequest (C01), with what an EV shows for itself (C07)."""
    auth = call.auth
    assert auth is not None
    contract = "" if auth.contract is None else plugandcharge.shown(st, now, auth.contract)
    return f'"idToken":{id_token(auth.token, auth.kind)}{contract}'


def meter_values(st: State, now: float, call: Call) -> str | None:
    """MeterValuesRequest (J01): outside of a transaction."""
    evse, conf = call.evse, st.conf
    assert evse is not None
    reading = conf.aligned if call.event is Event.CLOCK_ALIGNED_IDLE else conf.trigger_idle
    values = reading.take(st.meter, now, evse.number) if reading is not None else ""
    if not values:
        return None
    return (
        f'"evseId":{evse.number},"meterValue":[{{"timestamp":'
        f'"{clock.iso(st.clock_zero + now)}","sampledValue":[{values}]}}]'
    )


# -- answers --------------------------------------------------------------------------------------


def token_info(payload: dict[str, Any]) -> TokenInfo | None:
    """The idTokenInfo of a payload; None if there is none, or it cannot be used."""
    info = payload.get("idTokenInfo")
    if not isinstance(info, dict):
        return None
    status = info.get("status")
    if not isinstance(status, str) or status not in TOKEN_STATUS:
        return None
    group = info.get("groupIdToken")
    name = group.get("idToken") if isinstance(group, dict) else None
    known = isinstance(name, str) and 0 < len(name) <= _LONGEST_TOKEN
    expires = clock.parse(info.get("cacheExpiryDateTime"))
    return TokenInfo(
        status,
        name if known else None,
        inf if expires is None else expires,
        _evses(info.get("evseId")),
        priority(info) or 0,
    )


def priority(said: dict[str, Any]) -> int | None:
    """The chargingPriority that an answer, or its idTokenInfo, speaks of; None if it does not."""
    found = said.get("chargingPriority")
    known = type(found) is int and -_HIGHEST_PRIORITY <= found <= _HIGHEST_PRIORITY
    return found if known else None


def _evses(numbers: object) -> frozenset[int] | None:
    """The EVSEs that a token is allowed at; an empty or absent list means any (C01.FR.19)."""
    if not isinstance(numbers, list):
        return None
    return frozenset(n for n in numbers if type(n) is int) or None


def authorize_answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """AuthorizeResponse."""
    info = token_info(payload)
    if info is None:
        return False
    assert call.auth is not None
    info = plugandcharge.judged(call.auth.contract, info, payload)
    authorisation.answered(st, now, call, info)
    if info.valid:
        v201_tariff.of_authorisation(st, call, payload)
    return True
