"""OCPP 2.0.1: TransactionEvent, the one message of transactions (block E).

The id is the station's own and never used again; events are numbered from 0 without a gap
(E01.FR.07). One trigger makes one event. What is told when is decided by the areas: here domain
events become words.
"""

from __future__ import annotations

from typing import Any, Final
from zlib import crc32

from simulator.station import clock, smartcharging, tariff, tokens, transactions, v201_tariff
from simulator.station.events import Event
from simulator.station.model import (
    VALID,
    Authorisation,
    Call,
    Evse,
    Link,
    Registration,
    Transaction,
    token_key,
)
from simulator.station.ports import CallOutcome
from simulator.station.reading import Reading
from simulator.station.state import State
from simulator.station.v201_messages import charging_state, id_token, priority, token_info

REASONS: Final = {
    "HardReset": "ImmediateReset",
    "SoftReset": "ImmediateReset",
    "UnlockCommand": "Other",
    "EmergencyStop": "EmergencyStop",
}
"""Reasons that 1.6 words differently (ReasonEnumType); the rest is the same."""

_FAULTS: Final = {
    "GroundFailure": "GroundFault",
    "OverCurrentFailure": "OvercurrentFault",
    "OverVoltage": "PowerQuality",
    "UnderVoltage": "PowerQuality",
}
"""The reason for which a fault with this code (1.6 §7.6) ends a transaction; else Other."""

_TRIGGERS: Final = {
    "Local": "StopAuthorized",
    "MasterPass": "StopAuthorized",
    "Remote": "RemoteStop",
    "DeAuthorized": "Deauthorized",
    "EVDisconnected": "EVCommunicationLost",
    "HardReset": "ResetCommand",
    "SoftReset": "ResetCommand",
    "UnlockCommand": "UnlockCommand",
    "Timeout": "EVConnectTimeout",
    "StoppedByEV": "ChargingStateChanged",
    "EnergyLimitReached": "EnergyLimitReached",
    "TimeLimitReached": "TimeLimitReached",
}
_OFFLINE: Final = '"offline":true'
_WORDS: Final = frozenset(
    (
        "Authorized",
        "CablePluggedIn",
        "ChargingRateChanged",
        "ChargingStateChanged",
        "Deauthorized",
        "EVCommunicationLost",
        "EVConnectTimeout",
        "EVDeparted",
        "EVDetected",
        "EnergyLimitReached",
        "RemoteStart",
        "RemoteStop",
        "ResetCommand",
        "SignedDataReceived",
        "StopAuthorized",
        "TimeLimitReached",
        "Trigger",
        "UnlockCommand",
    )
)
_BY_EVENT: Final = {
    Event.CHARGING_STATE: "ChargingStateChanged",
    Event.SAMPLED: "MeterValuePeriodic",
    Event.CLOCK_ALIGNED: "MeterValueClock",
    Event.TRIGGERED: "Trigger",
}


def transaction_id(st: State, tx: Transaction) -> None:
    """Unique for the station for ever, by the id of the run; and for most fleets as a whole."""
    own = crc32(st.identity.id.encode())
    tx.id = f"{st.settings.run_id}-{own:08x}-{tx.local_id}"


def trigger_of(event: Event, about: Any) -> str:
    """TriggerReasonEnumType: from the event, or from the reason that came with it."""
    if event in _BY_EVENT:
        return _BY_EVENT[event]
    name = str(about)
    return name if name in _WORDS else _TRIGGERS.get(name, "AbnormalCondition")


def event(st: State, now: float, call: Call) -> str | None:
    """TransactionEventRequest. The number is taken here, in the order in which things happen."""
    tx, evse = call.tx, call.evse
    assert tx is not None and evse is not None
    if not tx.opened:
        return None
    kind = "Updated"
    if call.event is Event.TRANSACTION_STARTED:
        kind = "Started"
        tariff.begun(st, tx)
    elif call.event is Event.TRANSACTION_ENDED:
        kind = "Ended"
    values = _values(st, now, call.event, evse, tx)
    if call.event in (Event.SAMPLED, Event.CLOCK_ALIGNED) and not values:
        return None
    offline = st.link is not Link.ONLINE or st.registration is not Registration.ACCEPTED
    parts = [
        f'"eventType":"{kind}","timestamp":"{clock.iso(st.clock_zero + now)}",'
        f'"triggerReason":"{trigger_of(call.event, call.about)}","seqNo":{tx.seq}',
        _OFFLINE if offline else "",
        _phases(st, now, evse, tx),
        _info(tx, kind, evse, call.about),
        # Where it is, and again once the EV is connected (E01.FR.16).
        f'"evse":{{"id":{evse.number},"connectorId":1}}'
        if kind == "Started" or call.about == "CablePluggedIn"
        else "",
        _reservation(tx),
        _token(tx, kind, call),
        f'"meterValue":[{values}]' if values else "",
    ]
    tx.seq += 1
    return ",".join(part for part in parts if part)


def _info(tx: Transaction, kind: str, evse: Evse, about: Any) -> str:
    state = charging_state(evse) if kind != "Ended" else tx.state
    if about == "EVCommunicationLost" and kind == "Ended":
        state = "Idle"
    info = f'"transactionInfo":{{"transactionId":"{tx.id}","chargingState":"{state}"'
    if kind == "Ended":
        reason = _FAULTS.get(evse.fault, tx.reason) if tx.reason == "Other" else tx.reason
        info += f',"stoppedReason":"{REASONS.get(reason, reason)}"'
    if tx.remote_id is not None:
        info += f',"remoteStartId":{tx.remote_id}'
        tx.remote_id = None
    return info + "}"


def went_offline(call: Call) -> None:
    """The connection was lost before the message could leave (E11.FR.07)."""
    if _OFFLINE not in call.body:
        call.body = call.body.replace('"seqNo":', f'{_OFFLINE},"seqNo":', 1)


def _phases(st: State, now: float, evse: Evse, tx: Transaction) -> str:
    """The number of phases in use, when energy begins to flow and when it changes (E02.FR.18)."""
    if charging_state(evse) != "Charging":
        return ""
    used = st.meter.phases(now, evse.number)
    if used is None or used == tx.phases:
        return ""
    tx.phases = used
    return f'"numberOfPhasesUsed":{used}'


def _token(tx: Transaction, kind: str, call: Call) -> str:
    """The token, in the event that tells of its authorisation or of what ended it (E03, E07)."""
    if kind == "Ended" or call.about in ("Local", "MasterPass"):
        token, type_ = tx.stop_token, tx.stop_kind
        tx.stop_token = None
    elif call.about in ("Authorized", "RemoteStart") or kind == "Started":
        token, type_ = tx.token, tx.kind
    else:
        return ""
    if token is None:
        return ""
    call.auth = Authorisation(token, tx, type_)  # whom the answer will be about
    return f'"idToken":{id_token(token, type_)}'


def _reservation(tx: Transaction) -> str:
    """The reservation that the transaction ends, told once (E01.FR.13)."""
    number, tx.reservation = tx.reservation, None
    return f'"reservationId":{number}' if number is not None else ""


def _values(st: State, now: float, event: Event, evse: Evse, tx: Transaction) -> str:
    conf = st.conf
    if event is Event.TRANSACTION_ENDED:
        return ",".join(tx.data or ())
    reading: Reading | None = None
    if event is Event.TRANSACTION_STARTED:
        reading = conf.begin
    elif event is Event.SAMPLED:
        reading = conf.sampled
    elif event is Event.CLOCK_ALIGNED:
        reading = conf.aligned
    elif event is Event.TRIGGERED:
        reading = conf.trigger
    values = reading.take(st.meter, now, evse.number) if reading is not None else ""
    if not values:
        return ""
    return f'{{"timestamp":"{clock.iso(st.clock_zero + now)}","sampledValue":[{values}]}}'


# -- answers --------------------------------------------------------------------------------------


def answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """TransactionEventResponse: what it says of the token counts (E05), if it says something."""
    tx, auth = call.tx, call.auth
    assert tx is not None
    said = token_info(payload)
    ended = call.event is Event.TRANSACTION_ENDED
    if said is None and "idTokenInfo" in payload and not ended:
        return False
    if said is not None and auth is not None:
        tokens.learn(st, now, auth.token, auth.kind, said)  # C10.FR.05
    if ended:
        st.observer.transaction_closed(st.index, tx.local_id, now)
    elif call.event is Event.TRANSACTION_STARTED:
        transactions.confirmed(st, now, tx, said or VALID)
    elif said is not None and not _of_another(auth, tx):
        transactions.judged(st, now, tx, said)
    v201_tariff.of_event(st, call, payload)
    _prefer(st, now, tx, payload, None if _of_another(auth, tx) else payload.get("idTokenInfo"))
    return True


def _prefer(st: State, now: float, tx: Transaction, said: dict[str, Any], info: Any) -> None:
    """The transaction's own chargingPriority, or else that of its token (K03.FR.04, FR.05)."""
    found = priority(said)
    if found is None and isinstance(info, dict):
        found = priority(info)
    if found is not None and found != tx.priority:
        tx.priority = found
        smartcharging.refresh(st, now, now, told=True)


def _of_another(auth: Authorisation | None, tx: Transaction) -> bool:
    """Was the event about a token that is not the one that is authorised?"""
    if auth is None or tx.token is None:
        return False
    return token_key(auth.token, auth.kind) != token_key(tx.token, tx.kind)


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """An event was given up: the gap in the numbers tells the CSMS."""
    assert call.tx is not None
    if call.event in (Event.TRANSACTION_STARTED, Event.TRANSACTION_ENDED):
        st.observer.transaction_message(st.index, call.tx.local_id, "discarded", now)
