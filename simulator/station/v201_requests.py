"""OCPP 2.0.1: what the CSMS may ask about drivers, availability and the station as a whole.

A handler returns the answer and what to do after it: the answer is always on its way first.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from simulator.station import (
    authorisation,
    certificates,
    firmware,
    logs,
    notices,
    remote,
    reset,
    smartcharging,
    truststore,
    v201_profiles,
)
from simulator.station.events import Event
from simulator.station.model import (
    LOCK_FAILURE,
    OUT_CONNECTOR,
    OUT_EVSE,
    OUT_STATION,
    Registration,
)
from simulator.station.state import Afterwards, Request, State

Answer = tuple[str, Afterwards | None]
TRIGGERS: Final = {
    "BootNotification": ("BootNotification", Event.BOOT),
    "Heartbeat": ("Heartbeat", Event.HEARTBEAT),
    "MeterValues": ("MeterValues", Event.TRIGGERED),
    "StatusNotification": ("StatusNotification", Event.TRIGGERED),
    "TransactionEvent": ("TransactionEvent", Event.TRIGGERED),
}
OF_EVSE: Final = frozenset(("MeterValues", "StatusNotification", "TransactionEvent"))
"""Messages that are about an EVSE; for the others it does not matter which is named."""

CERTIFICATES: Final = {
    "SignChargingStationCertificate": truststore.STATION,
    "SignV2GCertificate": truststore.V2G,
}
"""No SignCombinedCertificate: the station keeps one certificate for each purpose."""


def worded(status: str) -> str:
    """An answer that is nothing but a status."""
    return f'{{"status":"{status}"}}'


def accepted(afterwards: Afterwards | None) -> Answer:
    """Accepted if there is something to do, else Rejected."""
    return worded("Accepted" if afterwards is not None else "Rejected"), afterwards


def _forbidden_while_pending(st: State, action: str, now: float) -> None:
    if st.registration is Registration.PENDING:
        st.observer.violation(st.index, "forbidden", f"{action} while Pending", now)


def request_start(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """RequestStartTransaction (F01, F02); Rejected while Pending (B02.FR.05)."""
    _forbidden_while_pending(st, "RequestStartTransaction", now)
    token = payload["idToken"]
    number, kind = token["idToken"], token["type"]
    group = payload.get("groupIdToken", {}).get("idToken")
    group = group or authorisation.group_of(st, now, number, kind)
    chosen = remote.place(st, payload.get("evseId"), number, kind, group)
    if chosen is None or not 0 < len(number) <= st.table.longest_token:
        return worded("Rejected"), None
    if authorisation.is_master(st, group):  # C16.FR.03
        return worded("Rejected"), None
    profile = None
    if "chargingProfile" in payload:
        profile = v201_profiles.read(payload["chargingProfile"])
        why = smartcharging.refusal(st, chosen.number, profile, strict=True, starting=True)
        if why:  # K05.FR.05
            return f'{{"status":"Rejected","statusInfo":{{"reasonCode":"{why}"}}}}', None
    known = chosen.tx
    afterwards = partial(
        remote.begin, chosen, number, kind, payload["remoteStartId"], profile, group
    )
    rest = f',"transactionId":"{known.id}"' if known is not None else ""
    return f'{{"status":"Accepted"{rest}}}', afterwards


def request_stop(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """RequestStopTransaction (F03)."""
    _forbidden_while_pending(st, "RequestStopTransaction", now)
    return accepted(remote.stop(st, payload["transactionId"]))


def unlock(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """UnlockConnector (F05); not while an authorised transaction runs."""
    evse = remote.find(st, payload["evseId"]) if payload["evseId"] > 0 else None
    if evse is None or payload["connectorId"] != 1:
        return worded("UnknownConnector"), None
    if evse.tx is not None and evse.tx.granted:
        return worded("OngoingAuthorizedTransaction"), None
    return worded("UnlockFailed" if evse.fault == LOCK_FAILURE else "Unlocked"), None


def change_availability(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ChangeAvailability (G03, G04): the station, or an EVSE with its one connector."""
    where = payload.get("evse")
    number = 0 if where is None else where["id"]
    unknown = where is not None and (number < 1 or where.get("connectorId", 1) != 1)
    if unknown:
        return worded("Rejected"), None
    tier = OUT_STATION
    if where is not None:
        tier = OUT_CONNECTOR if "connectorId" in where else OUT_EVSE
    operative = payload["operationalStatus"] == "Operative"
    word, afterwards = remote.availability(st, number, operative, tier)
    return worded(word), afterwards


def reset_station(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """Reset (B11, B12) of the station or of one EVSE: at once, or when it is idle."""
    at_once = payload["type"] == "Immediate"
    under_way = st.resetting not in ("", "idle")
    if firmware.installing(st):  # B11.FR.06, B12.FR.10
        return '{"status":"Rejected","statusInfo":{"reasonCode":"FwUpdateInProgress"}}', None
    if under_way:
        return worded("Rejected"), None
    if "evseId" in payload:
        return _reset_evse(st, payload["evseId"], at_once)
    if at_once:
        return worded("Accepted"), _reset_now
    return worded("Scheduled" if reset.busy(st) else "Accepted"), _reset_when_idle


def _reset_evse(st: State, number: int, at_once: bool) -> Answer:
    evse = remote.find(st, number) if number > 0 else None
    if evse is None or evse.resetting == "now" or st.resetting:
        return worded("Rejected"), None
    waits = not at_once and reset.evse_busy(st, evse)
    act = reset.begin_evse if at_once else reset.evse_when_idle
    return worded("Scheduled" if waits else "Accepted"), partial(act, evse)


def _reset_now(st: State, now: float) -> None:
    st.boot_reason = "RemoteReset"
    reset.begin(st, now, hard=False)


def _reset_when_idle(st: State, now: float) -> None:
    st.boot_reason = "ScheduledReset"
    reset.when_idle(st, now)


def trigger(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """TriggerMessage (F06)."""
    wanted = payload["requestedMessage"]
    if wanted in CERTIFICATES:
        return accepted(certificates.ask(st, CERTIFICATES[wanted], asked=True))
    if wanted == "FirmwareStatusNotification":
        return accepted(notices.trigger(st, wanted, Event.FIRMWARE, firmware.last(st)))
    if wanted == "LogStatusNotification":
        return accepted(notices.trigger(st, wanted, Event.LOG, logs.last(st, Event.LOG)))
    found = TRIGGERS.get(wanted)
    if found is None:
        return worded("NotImplemented"), None
    action, event = found
    where = payload.get("evse") if action in OF_EVSE else None  # F06.FR.03
    if where is not None and (where["id"] < 1 or where.get("connectorId", 1) != 1):
        return worded("Rejected"), None
    if action == "MeterValues" and st.conf.trigger_idle is None:
        return worded("Rejected"), None
    number = None if where is None else where["id"]
    return accepted(remote.trigger(st, action, event, number))


def transaction_status(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetTransactionStatus (E14): what still waits to be told."""
    wanted = payload.get("transactionId")
    queue = [call for call in st.queue or () if call.tx is not None]
    if wanted is None:
        return f'{{"messagesInQueue":{_truth(bool(queue))}}}', None
    running = any(evse.tx is not None and evse.tx.id == wanted for evse in st.evses)
    waits = any(call.tx is not None and call.tx.id == wanted for call in queue)
    return (
        f'{{"messagesInQueue":{_truth(waits)},"ongoingIndicator":{_truth(running)}}}',
        None,
    )


def _truth(yes: bool) -> str:
    return "true" if yes else "false"


REQUESTS: Final = {
    "ChangeAvailability": Request(change_availability),
    "GetTransactionStatus": Request(transaction_status),
    "RequestStartTransaction": Request(request_start),
    "RequestStopTransaction": Request(request_stop),
    "Reset": Request(reset_station),
    "TriggerMessage": Request(trigger),
    "UnlockConnector": Request(unlock),
}
