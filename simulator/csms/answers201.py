"""What the embedded CSMS answers to each message of OCPP 2.0.1.

It makes no contract certificates and no schedules of its own (K15.FR.04: NotifyEVChargingNeeds is
Rejected); vendors' extensions are unknown to it.
"""

from __future__ import annotations

from typing import Any

from simulator.csms.answers import (
    Payload,
    Version,
    after_boot,
    after_signing,
    empty,
    fixed,
    part_of_report,
    registers_wh,
)
from simulator.csms.desk import Desk, now_iso
from simulator.csms.reports import CONTENT
from simulator.csms.tokens import ACCEPTED, Standing
from simulator.csms.transactions import Event

NOTED = (
    "ClearedChargingLimit",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "NotifyChargingLimit",
    "PublishFirmwareStatusNotification",
    "ReservationStatusUpdate",
    "SecurityEventNotification",
)
"""Messages that are kept and answered with an empty payload."""

_UNASKED = frozenset({"NoAuthorization", "Central"})
"""Token types that no reader read: nobody was asked, or a back-end made the token up."""
_CANCELLED = frozenset({"Blocked", "Expired", "Invalid", "Unknown"})


def _standing(desk: Desk, id_token: Payload) -> Standing:
    if id_token.get("type") in _UNASKED:
        return ACCEPTED
    return desk.tokens.standing(id_token["idToken"])


def _token_info(standing: Standing) -> Payload:
    info: Payload = {"status": standing.status}
    if standing.cache_expiry is not None:
        info["cacheExpiryDateTime"] = standing.cache_expiry
    if standing.group is not None:
        info["groupIdToken"] = {"idToken": standing.group, "type": "Central"}
    return info


def boot_notification(desk: Desk, payload: Payload) -> Payload:
    """As ``--boot-status`` says; the time of the answer sets the station's clock."""
    station = payload["chargingStation"]
    status = desk.boot(
        station["vendorName"],
        station["model"],
        station.get("serialNumber", ""),
        station.get("firmwareVersion", ""),
    )
    interval = desk.options.heartbeat_interval_s
    return {"currentTime": now_iso(), "interval": interval, "status": status}


def heartbeat(desk: Desk, _: Payload) -> Payload:
    """The time."""
    desk.heard("Heartbeat")
    return {"currentTime": now_iso()}


def status_notification(desk: Desk, payload: Payload) -> Payload:
    """Nothing: the status of a connector is remembered."""
    desk.status(
        payload["evseId"],
        payload["connectorId"],
        payload["connectorStatus"],
        "",
        payload["timestamp"],
    )
    return {}


def authorize(desk: Desk, payload: Payload) -> Payload:
    """The standing of the token, and of the contract if there is one (C07)."""
    desk.heard("Authorize")
    id_token = payload["idToken"]
    standing = _standing(desk, id_token)
    word = None
    chain, hashes = payload.get("certificate"), payload.get("iso15118CertificateHashData", ())
    if chain is not None or hashes or id_token.get("type") == "eMAID":
        word, standing = _contract(desk, id_token["idToken"], chain, hashes, standing)
    answer: Payload = {"idTokenInfo": _token_info(standing)}
    if word is not None:
        answer["certificateStatus"] = word
    return answer


def _contract(
    desk: Desk, token: str, chain: str | None, hashes: Any, standing: Standing
) -> tuple[str | None, Standing]:
    """The status of a contract's certificate, and how its token then stands."""
    found = desk.contract(token, chain, hashes)
    if found is None and chain is None and not hashes:
        return None, standing
    verdict, token_status = found or ("Accepted", None)  # no roots to verify it by
    if token_status is not None:
        standing = Standing(token_status)
    cancelled = verdict == "Accepted" and standing.status in _CANCELLED
    return "ContractCancelled" if cancelled else verdict, standing


def transaction_event(desk: Desk, payload: Payload) -> Payload:
    """The standing of the token in it, if there is one."""
    desk.heard("TransactionEvent")
    info, id_token, evse = payload["transactionInfo"], payload.get("idToken"), payload.get("evse")
    standing = None if id_token is None else _standing(desk, id_token)
    values = payload.get("meterValue", ())
    registers = registers_wh(values)
    event = Event(
        station=desk.station,
        wire_id=info["transactionId"],
        kind=payload["eventType"],
        seq_no=payload["seqNo"],
        at=payload["timestamp"],
        trigger=payload["triggerReason"],
        offline=payload.get("offline", False),
        evse=0 if evse is None else evse.get("id", 0),
        connector=0 if evse is None else evse.get("connectorId", 0),
        token=None if id_token is None else id_token["idToken"],
        token_status="" if standing is None else standing.status,
        charging_state=info.get("chargingState"),
        reason=info.get("stoppedReason"),
        first_register=registers[0] if registers else None,
        last_register=registers[-1] if registers else None,
        samples=bool(values),
    )
    desk.event(event, values)
    return {} if standing is None else {"idTokenInfo": _token_info(standing)}


def meter_values(desk: Desk, payload: Payload) -> Payload:
    """Nothing: in OCPP 2.0.1 these samples belong to no transaction."""
    desk.heard("MeterValues")
    desk.samples(payload["evseId"], None, payload["meterValue"])
    return {}


def sign_certificate(desk: Desk, payload: Payload) -> Payload:
    """Accepted and signed, or Rejected if it is not to be (A02.FR.11, FR.12)."""
    desk.noted("SignCertificate", {**payload})
    kind = payload.get("certificateType")
    chain = desk.sign(payload["csr"], kind or "ChargingStationCertificate")
    if chain is None:
        return {"status": "Rejected"}
    named = {} if kind is None else {"certificateType": kind}
    desk.signed[payload["csr"]] = {"certificateChain": chain, **named}  # A02.FR.14
    return {"status": "Accepted"}


def get_15118_ev_certificate(desk: Desk, payload: Payload) -> Payload:
    """What ``--exi-response`` gave, else Failed: no contract certificates are made."""
    desk.noted("Get15118EVCertificate", payload)
    canned = desk.exi_response
    return {"status": "Failed" if canned is None else "Accepted", "exiResponse": canned or ""}


def get_certificate_status(desk: Desk, payload: Payload) -> Payload:
    """For certificates that this CSMS issued; no other responder is asked (M06)."""
    desk.noted("GetCertificateStatus", payload)
    result = desk.revocation(payload["ocspRequestData"])
    return {"status": "Failed"} if result is None else {"status": "Accepted", "ocspResult": result}


VERSION = Version(
    "2.0.1",
    {
        "Authorize": authorize,
        "BootNotification": boot_notification,
        "DataTransfer": fixed("DataTransfer", {"status": "UnknownVendorId"}),
        "Get15118EVCertificate": get_15118_ev_certificate,
        "GetCertificateStatus": get_certificate_status,
        "Heartbeat": heartbeat,
        "MeterValues": meter_values,
        "NotifyEVChargingNeeds": fixed("NotifyEVChargingNeeds", {"status": "Rejected"}),
        "NotifyEVChargingSchedule": fixed("NotifyEVChargingSchedule", {"status": "Accepted"}),
        "SignCertificate": sign_certificate,
        "StatusNotification": status_notification,
        "TransactionEvent": transaction_event,
        **{action: empty(action) for action in NOTED},
        **{action: part_of_report(action) for action in CONTENT},
    },
    kept=frozenset({"TransactionEvent"}),
    after={"BootNotification": after_boot, "SignCertificate": after_signing},
)
