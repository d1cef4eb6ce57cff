"""OCPP 1.6: what the station sends, word for word, and what it makes of the answers.

A builder gives the payload without its outer braces. Text from outside goes through ``text``, the
rest is plain ASCII of our own; every message is checked against the JSON schemas in the tests.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final

from simulator.station import authorisation, clock, firmware, tokens, transactions
from simulator.station.events import Event
from simulator.station.model import Call, Evse, Status, TokenInfo, Transaction
from simulator.station.ports import CallOutcome
from simulator.station.rpc import text
from simulator.station.state import State

STATUS: Final = {
    Status.AVAILABLE: "Available",
    Status.PREPARING: "Preparing",
    Status.CHARGING: "Charging",
    Status.SUSPENDED_EV: "SuspendedEV",
    Status.SUSPENDED_EVSE: "SuspendedEVSE",
    Status.FINISHING: "Finishing",
    Status.UNAVAILABLE: "Unavailable",
    Status.FAULTED: "Faulted",
    Status.RESERVED: "Reserved",
}
TOKEN_STATUS: Final = frozenset(("Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"))
LARGEST_ID: Final = 2**63


def word(evse: Evse) -> str:
    """The status in the word of §7.7 (ChargePointStatus)."""
    return STATUS[evse.status]


def told(event: Event, name: str) -> Event:
    """Every status has a word of its own."""
    return event


def charging_state(evse: Evse) -> str:
    """1.6 tells it by StatusNotification alone."""
    return ""


def transaction_id(st: State, tx: Transaction) -> None:
    """The CSMS gives it."""


def boot(st: State, now: float, call: Call) -> str:
    """BootNotification.req (§6.3)."""
    who = st.identity
    parts = [
        f'"chargePointVendor":{text(who.vendor[:20])}',
        f'"chargePointModel":{text(who.model[:20])}',
    ]
    if who.serial:
        parts.append(f'"chargePointSerialNumber":{text(who.serial[:25])}')
    installed = firmware.version(st)
    if installed:
        parts.append(f'"firmwareVersion":{text(installed[:50])}')
    return ",".join(parts)


def heartbeat(st: State, now: float, call: Call) -> str:
    """Heartbeat.req (§6.29): empty."""
    return ""


def status(st: State, now: float, call: Call) -> str:
    """StatusNotification.req (§6.47), stamped with the time of the change."""
    evse = call.evse
    assert evse is not None
    code, since = evse.fault or "NoError", evse.since
    if call.event is Event.LOCAL_LIST_CONFLICT and not evse.fault:
        code, since = "LocalListConflict", now
    info = f',"info":{text(evse.info[:50])}' if evse.info else ""
    return (
        f'"connectorId":{evse.number},"errorCode":"{code}"{info},"status":"{STATUS[evse.status]}",'
        f'"timestamp":"{clock.iso(st.clock_zero + since)}"'
    )


def authorize(st: State, now: float, call: Call) -> str:
    """Authorize.req (§6.1)."""
    assert call.auth is not None
    return f'"idTag":{text(call.auth.token)}'


def start(st: State, now: float, call: Call) -> str:
    """StartTransaction.req (§6.45)."""
    tx = call.tx
    assert tx is not None and tx.token is not None
    reserved = f',"reservationId":{tx.reservation}' if tx.reservation is not None else ""
    return (
        f'"connectorId":{tx.evse},"idTag":{text(tx.token)},"meterStart":{round(tx.meter_start)},'
        f'"timestamp":"{clock.iso(st.clock_zero + now)}"{reserved}'
    )


def stop(st: State, now: float, call: Call) -> str:
    """StopTransaction.req (§6.49) without its transactionId. The reason is always said."""
    tx = call.tx
    assert tx is not None
    token = f'"idTag":{text(tx.stop_token)},' if tx.stop_token is not None else ""
    data = f',"transactionData":[{",".join(tx.data)}]' if tx.data else ""
    return (
        f'{token}"meterStop":{round(tx.meter_stop)},"timestamp":"{clock.iso(st.clock_zero + now)}",'
        f'"reason":"{tx.reason}"{data}'
    )


def meter_values(st: State, now: float, call: Call) -> str | None:
    """MeterValues.req (§6.31) without its transactionId."""
    evse, event, conf = call.evse, call.event, st.conf
    assert evse is not None
    if event is Event.SAMPLED:
        reading = conf.sampled
    elif event in (Event.CLOCK_ALIGNED, Event.CLOCK_ALIGNED_IDLE):
        reading = conf.aligned
    else:
        reading = conf.trigger
    values = reading.take(st.meter, now, evse.number) if reading is not None else ""
    if not values:
        return None
    return (
        f'"connectorId":{evse.number},"meterValue":[{{"timestamp":'
        f'"{clock.iso(st.clock_zero + now)}","sampledValue":[{values}]}}]'
    )


# -- answers --------------------------------------------------------------------------------------


def token_info(payload: dict[str, Any]) -> TokenInfo | None:
    """The idTagInfo of a payload (§7.27); None if there is none, or it cannot be used."""
    info = payload.get("idTagInfo")
    if not isinstance(info, dict):
        return None
    status = info.get("status")
    if not isinstance(status, str) or status not in TOKEN_STATUS:
        return None
    parent = info.get("parentIdTag")
    known = isinstance(parent, str) and 0 < len(parent) <= 20
    expires = clock.parse(info.get("expiryDate"))
    return TokenInfo(status, parent if known else None, inf if expires is None else expires)


def authorize_answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """Authorize.conf (§6.2)."""
    info = token_info(payload)
    if info is None:
        return False
    authorisation.answered(st, now, call, info)
    return True


def start_answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """StartTransaction.conf (§6.46): any whole number is an id, 0 and negative ones too."""
    info = token_info(payload)
    number = payload.get("transactionId")
    if info is None or type(number) is not int or abs(number) > LARGEST_ID:
        return False
    tx = call.tx
    assert tx is not None and tx.token is not None
    tx.id = number
    tx.wire_id = f'"transactionId":{number},'
    tokens.learn(st, now, tx.token, tx.kind, info)
    transactions.confirmed(st, now, tx, info)
    return True


def start_failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """Never confirmed: what follows goes out with -1 (errata 3.18)."""
    tx = call.tx
    assert tx is not None
    tx.id = -1
    tx.wire_id = '"transactionId":-1,'
    st.observer.transaction_message(st.index, tx.local_id, "discarded", now)


def stop_answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """StopTransaction.conf (§6.50): an idTagInfo is about the token that ended it, if one did."""
    tx = call.tx
    assert tx is not None
    info = token_info(payload)
    if info is not None and tx.stop_token is not None:
        tokens.learn(st, now, tx.stop_token, tx.stop_kind, info)
    st.observer.transaction_closed(st.index, tx.local_id, now)
    return True


def stop_failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """The end was given up."""
    assert call.tx is not None
    st.observer.transaction_message(st.index, call.tx.local_id, "discarded", now)


def noted(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """An answer in which nothing is said."""
    return True


def forgotten(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """Given up without consequence."""
