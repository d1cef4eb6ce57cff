"""The OCPP 2.0.1 handlers of the embedded CSMS: every message that a station may send."""

from __future__ import annotations

from typing import Any

from ocpp.v201 import ChargePoint, call_result
from ocpp.v201.datatypes import IdTokenInfoType, IdTokenType
from ocpp.v201.enums import (
    AuthorizationStatusEnumType,
    AuthorizeCertificateStatusEnumType,
    DataTransferStatusEnumType,
    GenericStatusEnumType,
    GetCertificateStatusEnumType,
    IdTokenEnumType,
    Iso15118EVCertificateStatusEnumType,
    NotifyEVChargingNeedsStatusEnumType,
    RegistrationStatusEnumType,
)

from simulator.csms.desk import Desk, now_iso, registers_wh
from simulator.csms.point import Complaints, after, on, prepare
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


class Point201(ChargePoint):  # type: ignore[misc]
    """The CSMS's end of one OCPP 2.0.1 connection."""

    def __init__(self, connection: Any, desk: Desk) -> None:
        complaints = Complaints(desk.holdings)
        super().__init__(desk.station, connection, logger=complaints)
        self._desk = desk
        self._payload: dict[str, Any] = {}
        self._signed: dict[str, dict[str, str]] = {}
        self.line = prepare(self, desk, connection, complaints)

    async def _handle_call(self, msg: Any) -> Any:
        """Keep the payload as it came, beside the package's translation of it."""
        self._payload = msg.payload
        return await super()._handle_call(msg)

    def _standing(self, id_token: dict[str, Any]) -> Standing:
        if id_token.get("type") in _UNASKED:
            return ACCEPTED
        return self._desk.tokens.standing(id_token["id_token"])

    @on("BootNotification")
    def on_boot(
        self, charging_station: dict[str, Any], reason: str, **_: Any
    ) -> call_result.BootNotification:
        """Answer as ``--boot-status`` says; the time of the answer sets the station's clock."""
        status = self._desk.boot(
            charging_station["vendor_name"],
            charging_station["model"],
            charging_station.get("serial_number", ""),
            charging_station.get("firmware_version", ""),
        )
        return call_result.BootNotification(
            current_time=now_iso(),
            interval=self._desk.options.heartbeat_interval_s,
            status=RegistrationStatusEnumType(status),
        )

    @after("BootNotification")
    def after_boot(self, **_: Any) -> None:
        """Begin what follows a boot."""
        self._desk.after_boot()

    @on("Heartbeat")
    def on_heartbeat(self, **_: Any) -> call_result.Heartbeat:
        """Answer with the time."""
        self._desk.heard("Heartbeat")
        return call_result.Heartbeat(current_time=now_iso())

    @on("StatusNotification")
    def on_status(
        self, timestamp: str, connector_status: str, evse_id: int, connector_id: int, **_: Any
    ) -> call_result.StatusNotification:
        """Remember the status of a connector."""
        self._desk.status(evse_id, connector_id, connector_status, "", timestamp)
        return call_result.StatusNotification()

    @on("Authorize")
    def on_authorize(self, id_token: dict[str, Any], **_: Any) -> call_result.Authorize:
        """Answer with the standing of the token, and of the contract if there is one (C07)."""
        self._desk.heard("Authorize")
        standing = self._standing(id_token)
        certificate = None
        chain = self._payload.get("certificate")
        hash_data = self._payload.get("iso15118CertificateHashData", ())
        if chain is not None or hash_data or id_token.get("type") == "eMAID":
            certificate, standing = self._contract(id_token["id_token"], chain, hash_data, standing)
        return call_result.Authorize(
            id_token_info=_token_info(standing), certificate_status=certificate
        )

    def _contract(
        self, token: str, chain: str | None, hash_data: Any, standing: Standing
    ) -> tuple[AuthorizeCertificateStatusEnumType | None, Standing]:
        """Return the status of a contract's certificate, and how its token then stands."""
        found = self._desk.contract(token, chain, hash_data)
        if found is None and chain is None and not hash_data:
            return None, standing
        verdict, token_status = found or ("Accepted", None)  # no roots to verify it by
        if token_status is not None:
            standing = Standing(token_status)
        cancelled = verdict == "Accepted" and standing.status in _CANCELLED
        word = "ContractCancelled" if cancelled else verdict
        return AuthorizeCertificateStatusEnumType(word), standing

    @on("TransactionEvent")
    async def on_transaction_event(
        self,
        event_type: str,
        timestamp: str,
        trigger_reason: str,
        seq_no: int,
        transaction_info: dict[str, Any],
        **rest: Any,
    ) -> call_result.TransactionEvent:
        """Take one event of a transaction; a token in it is answered with its standing."""
        self._desk.heard("TransactionEvent")
        id_token, evse = rest.get("id_token"), rest.get("evse", {})
        standing = None if id_token is None else self._standing(id_token)
        meter_value = rest.get("meter_value", [])
        registers = registers_wh(meter_value)
        event = Event(
            station=self._desk.station,
            wire_id=transaction_info["transaction_id"],
            kind=event_type,
            seq_no=seq_no,
            at=timestamp,
            trigger=trigger_reason,
            offline=rest.get("offline", False),
            evse=evse.get("id", 0),
            connector=evse.get("connector_id", 0),
            token=None if id_token is None else id_token["id_token"],
            token_status="" if standing is None else standing.status,
            charging_state=transaction_info.get("charging_state"),
            reason=transaction_info.get("stopped_reason"),
            first_register=registers[0] if registers else None,
            last_register=registers[-1] if registers else None,
            samples=bool(meter_value),
        )
        self._desk.event(event, meter_value)
        await self._desk.kept()
        info = None if standing is None else _token_info(standing)
        return call_result.TransactionEvent(id_token_info=info)

    @on("MeterValues")
    def on_meter_values(
        self, evse_id: int, meter_value: list[dict[str, Any]], **_: Any
    ) -> call_result.MeterValues:
        """Write the samples down: in OCPP 2.0.1 these belong to no transaction."""
        self._desk.heard("MeterValues")
        self._desk.samples(evse_id, None, meter_value)
        return call_result.MeterValues()

    @on("SignCertificate")
    def on_sign_certificate(
        self, csr: str, certificate_type: str | None = None, **_: Any
    ) -> call_result.SignCertificate:
        """Have it signed; Rejected if it is not to be (A02.FR.11, FR.12)."""
        self._desk.noted("SignCertificate", {**self._payload})
        chain = self._desk.sign(csr, certificate_type or "ChargingStationCertificate")
        if chain is None:
            return call_result.SignCertificate(status=GenericStatusEnumType.rejected)
        named = {} if certificate_type is None else {"certificateType": certificate_type}
        self._signed[csr] = {"certificateChain": chain, **named}  # A02.FR.14
        return call_result.SignCertificate(status=GenericStatusEnumType.accepted)

    @after("SignCertificate")
    def after_sign_certificate(self, csr: str, **_: Any) -> None:
        """Send what was signed."""
        if (signed := self._signed.pop(csr, None)) is not None:
            self._desk.post("CertificateSigned", signed)

    @on("Get15118EVCertificate")
    def on_get_15118_ev_certificate(self, **_: Any) -> call_result.Get15118EVCertificate:
        """Answer what ``--exi-response`` gave, else Failed: no contract certificates are made."""
        self._desk.noted("Get15118EVCertificate", self._payload)
        canned = self._desk.exi_response
        word = Iso15118EVCertificateStatusEnumType
        return call_result.Get15118EVCertificate(
            status=word.failed if canned is None else word.accepted, exi_response=canned or ""
        )

    @on("GetCertificateStatus")
    def on_get_certificate_status(self, **_: Any) -> call_result.GetCertificateStatus:
        """Answer for certificates that this CSMS issued; no other responder is asked (M06)."""
        self._desk.noted("GetCertificateStatus", self._payload)
        result = self._desk.revocation(self._payload["ocspRequestData"])
        word = GetCertificateStatusEnumType
        return call_result.GetCertificateStatus(
            status=word.failed if result is None else word.accepted, ocsp_result=result
        )

    @on("NotifyEVChargingNeeds")
    def on_ev_charging_needs(self, **_: Any) -> call_result.NotifyEVChargingNeeds:
        """Answer Rejected: this CSMS makes no schedule of its own (K15.FR.04)."""
        self._desk.noted("NotifyEVChargingNeeds", self._payload)
        return call_result.NotifyEVChargingNeeds(
            status=NotifyEVChargingNeedsStatusEnumType.rejected
        )

    @on("NotifyEVChargingSchedule")
    def on_ev_charging_schedule(self, **_: Any) -> call_result.NotifyEVChargingSchedule:
        """Answer Accepted: whatever the EV plans is fine."""
        self._desk.noted("NotifyEVChargingSchedule", self._payload)
        return call_result.NotifyEVChargingSchedule(status=GenericStatusEnumType.accepted)

    @on("DataTransfer")
    def on_data_transfer(self, **_: Any) -> call_result.DataTransfer:
        """Answer that the vendor is unknown: this CSMS knows no vendor's extensions."""
        self._desk.noted("DataTransfer", self._payload)
        return call_result.DataTransfer(status=DataTransferStatusEnumType.unknown_vendor_id)


def _token_info(standing: Standing) -> IdTokenInfoType:
    group = None
    if standing.group is not None:
        group = IdTokenType(id_token=standing.group, type=IdTokenEnumType.central)
    return IdTokenInfoType(
        status=AuthorizationStatusEnumType(standing.status),
        cache_expiry_date_time=standing.cache_expiry,
        group_id_token=group,
    )


def _plain(action: str, take: Any) -> Any:
    """Return a handler that hands the payload to ``take`` and answers with an empty one."""
    answer = getattr(call_result, action)

    def handler(self: Point201, **_: Any) -> Any:
        take(self._desk, action, self._payload)
        return answer()

    handler.__name__ = handler.__qualname__ = f"on_{action}"
    return on(action)(handler)


for _action in NOTED:
    setattr(Point201, f"on_{_action}", _plain(_action, Desk.noted))
for _action in CONTENT:
    setattr(Point201, f"on_{_action}", _plain(_action, Desk.reported))
