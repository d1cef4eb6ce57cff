"""What the embedded CSMS answers to each message of OCPP 1.6 and its security extension."""

from __future__ import annotations

from simulator.csms.answers import (
    Payload,
    Version,
    after_boot,
    after_signing,
    empty,
    fixed,
    registers_wh,
)
from simulator.csms.desk import Desk, now_iso

NOTED = (
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "SecurityEventNotification",
    "SignedFirmwareStatusNotification",
)
"""Messages that are kept and answered with an empty payload."""


def _token_info(desk: Desk, id_tag: str) -> Payload:
    """How a token stands."""
    standing = desk.tokens.standing(id_tag)
    info = {"status": standing.status_16}
    if standing.group is not None:
        info["parentIdTag"] = standing.group
    if standing.cache_expiry is not None:
        info["expiryDate"] = standing.cache_expiry
    return info


def boot_notification(desk: Desk, payload: Payload) -> Payload:
    """As ``--boot-status`` says; the time of the answer sets the station's clock."""
    status = desk.boot(
        payload["chargePointVendor"],
        payload["chargePointModel"],
        payload.get("chargePointSerialNumber", ""),
        payload.get("firmwareVersion", ""),
    )
    interval = desk.options.heartbeat_interval_s
    return {"currentTime": now_iso(), "interval": interval, "status": status}


def heartbeat(desk: Desk, _: Payload) -> Payload:
    """The time."""
    desk.heard("Heartbeat")
    return {"currentTime": now_iso()}


def authorize(desk: Desk, payload: Payload) -> Payload:
    """The standing of the token."""
    desk.heard("Authorize")
    return {"idTagInfo": _token_info(desk, payload["idTag"])}


def status_notification(desk: Desk, payload: Payload) -> Payload:
    """Nothing: the status of a connector is remembered."""
    desk.status(
        None,
        payload["connectorId"],
        payload["status"],
        payload["errorCode"],
        payload.get("timestamp"),
    )
    return {}


def start_transaction(desk: Desk, payload: Payload) -> Payload:
    """A transaction id; a word-for-word repetition gets the same one."""
    desk.heard("StartTransaction")
    id_tag = payload["idTag"]
    info = _token_info(desk, id_tag)
    transaction = desk.started(
        payload["connectorId"],
        id_tag,
        payload["timestamp"],
        payload["meterStart"],
        info["status"],
    )
    return {"transactionId": transaction.id, "idTagInfo": info}


def stop_transaction(desk: Desk, payload: Payload) -> Payload:
    """The standing of the token that stopped it, if one did."""
    desk.heard("StopTransaction")
    desk.stopped(
        payload["transactionId"],
        payload["timestamp"],
        payload["meterStop"],
        payload.get("reason", "Local"),
        payload.get("transactionData", ()),
    )
    id_tag = payload.get("idTag")
    return {} if id_tag is None else {"idTagInfo": _token_info(desk, id_tag)}


def meter_values(desk: Desk, payload: Payload) -> Payload:
    """Nothing: the last energy register of the transaction is remembered."""
    desk.heard("MeterValues")
    transaction = None
    values = payload["meterValue"]
    number = payload.get("transactionId")
    if number is not None:
        transaction = desk.holdings.transactions.get(number)
    if transaction is not None:
        transaction.meter_values += 1
        registers = registers_wh(values)
        if registers:
            transaction.last_register = registers[-1]
    desk.samples(payload["connectorId"], transaction, values)
    return {}


def sign_certificate(desk: Desk, payload: Payload) -> Payload:
    """Accepted and signed, or Rejected if it is not to be (security whitepaper, A02)."""
    desk.noted("SignCertificate", {**payload})
    chain = desk.sign(payload["csr"], "ChargingStationCertificate")
    if chain is None:
        return {"status": "Rejected"}
    desk.signed[payload["csr"]] = {"certificateChain": chain}
    return {"status": "Accepted"}


VERSION = Version(
    "1.6",
    {
        "Authorize": authorize,
        "BootNotification": boot_notification,
        "DataTransfer": fixed("DataTransfer", {"status": "UnknownVendorId"}),
        "Heartbeat": heartbeat,
        "MeterValues": meter_values,
        "SignCertificate": sign_certificate,
        "StartTransaction": start_transaction,
        "StatusNotification": status_notification,
        "StopTransaction": stop_transaction,
        **{action: empty(action) for action in NOTED},
    },
    kept=frozenset({"StartTransaction", "StopTransaction"}),
    after={"BootNotification": after_boot, "SignCertificate": after_signing},
)
