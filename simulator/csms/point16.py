"""The OCPP 1.6 handlers of the embedded CSMS, with the security extension."""

from __future__ import annotations

from typing import Any

from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import (
    AuthorizationStatus,
    DataTransferStatus,
    GenericStatus,
    RegistrationStatus,
)

from simulator.csms.desk import Desk, now_iso, registers_wh
from simulator.csms.point import Complaints, after, on, prepare


class Point16(ChargePoint):  # type: ignore[misc]
    """The CSMS's end of one OCPP 1.6 connection."""

    def __init__(self, connection: Any, desk: Desk) -> None:
        complaints = Complaints(desk.holdings)
        super().__init__(desk.station, connection, logger=complaints)
        self._desk = desk
        self._payload: dict[str, Any] = {}
        self._signed: dict[str, str] = {}
        self.line = prepare(self, desk, connection, complaints)

    async def _handle_call(self, msg: Any) -> Any:
        """Keep the payload as it came, beside the package's translation of it."""
        self._payload = msg.payload
        return await super()._handle_call(msg)

    def _token_info(self, id_tag: str) -> IdTagInfo:
        """Return the standing of a token."""
        standing = self._desk.tokens.standing(id_tag)
        return IdTagInfo(
            status=AuthorizationStatus(standing.status_16),
            parent_id_tag=standing.group,
            expiry_date=standing.cache_expiry,
        )

    @on("BootNotification")
    def on_boot(
        self, charge_point_vendor: str, charge_point_model: str, **rest: Any
    ) -> call_result.BootNotification:
        """Answer as ``--boot-status`` says; the time of the answer sets the station's clock."""
        status = self._desk.boot(
            charge_point_vendor,
            charge_point_model,
            rest.get("charge_point_serial_number", ""),
            rest.get("firmware_version", ""),
        )
        return call_result.BootNotification(
            current_time=now_iso(),
            interval=self._desk.options.heartbeat_interval_s,
            status=RegistrationStatus(status),
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

    @on("Authorize")
    def on_authorize(self, id_tag: str, **_: Any) -> call_result.Authorize:
        """Answer with the standing of the token."""
        self._desk.heard("Authorize")
        return call_result.Authorize(id_tag_info=self._token_info(id_tag))

    @on("StatusNotification")
    def on_status(
        self, connector_id: int, error_code: str, status: str, **rest: Any
    ) -> call_result.StatusNotification:
        """Remember the status of a connector."""
        self._desk.status(None, connector_id, status, error_code, rest.get("timestamp"))
        return call_result.StatusNotification()

    @on("StartTransaction")
    async def on_start(
        self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any
    ) -> call_result.StartTransaction:
        """Hand out a transaction id; a word-for-word repetition gets the same one."""
        self._desk.heard("StartTransaction")
        info = self._token_info(id_tag)
        transaction = self._desk.started(
            connector_id, id_tag, timestamp, meter_start, info.status.value
        )
        await self._desk.kept()
        return call_result.StartTransaction(transaction_id=transaction.id, id_tag_info=info)

    @on("StopTransaction")
    async def on_stop(
        self, meter_stop: int, timestamp: str, transaction_id: int, **rest: Any
    ) -> call_result.StopTransaction:
        """End a transaction."""
        self._desk.heard("StopTransaction")
        self._desk.stopped(
            transaction_id,
            timestamp,
            meter_stop,
            rest.get("reason", "Local"),
            rest.get("transaction_data", ()),
        )
        await self._desk.kept()
        id_tag = rest.get("id_tag")
        return call_result.StopTransaction(
            id_tag_info=self._token_info(id_tag) if id_tag is not None else None
        )

    @on("MeterValues")
    def on_meter_values(
        self,
        connector_id: int,
        meter_value: list[dict[str, Any]],
        transaction_id: int | None = None,
        **_: Any,
    ) -> call_result.MeterValues:
        """Remember the last energy register of the transaction, and count."""
        self._desk.heard("MeterValues")
        transaction = None
        if transaction_id is not None:
            transaction = self._desk.holdings.transactions.get(transaction_id)
        if transaction is not None:
            transaction.meter_values += 1
            registers = registers_wh(meter_value)
            if registers:
                transaction.last_register = registers[-1]
        self._desk.samples(connector_id, transaction, meter_value)
        return call_result.MeterValues()

    @on("DataTransfer")
    def on_data_transfer(self, **_: Any) -> call_result.DataTransfer:
        """Answer that the vendor is unknown: this CSMS knows no vendor's extensions."""
        self._desk.noted("DataTransfer", self._payload)
        return call_result.DataTransfer(status=DataTransferStatus.unknown_vendor_id)

    @on("FirmwareStatusNotification")
    def on_firmware_status(self, **_: Any) -> call_result.FirmwareStatusNotification:
        """Keep it."""
        self._desk.noted("FirmwareStatusNotification", self._payload)
        return call_result.FirmwareStatusNotification()

    @on("SignedFirmwareStatusNotification")
    def on_signed_firmware_status(self, **_: Any) -> call_result.SignedFirmwareStatusNotification:
        """Keep it."""
        self._desk.noted("SignedFirmwareStatusNotification", self._payload)
        return call_result.SignedFirmwareStatusNotification()

    @on("DiagnosticsStatusNotification")
    def on_diagnostics_status(self, **_: Any) -> call_result.DiagnosticsStatusNotification:
        """Keep it."""
        self._desk.noted("DiagnosticsStatusNotification", self._payload)
        return call_result.DiagnosticsStatusNotification()

    @on("LogStatusNotification")
    def on_log_status(self, **_: Any) -> call_result.LogStatusNotification:
        """Keep it."""
        self._desk.noted("LogStatusNotification", self._payload)
        return call_result.LogStatusNotification()

    @on("SecurityEventNotification")
    def on_security_event(self, **_: Any) -> call_result.SecurityEventNotification:
        """Keep it."""
        self._desk.noted("SecurityEventNotification", self._payload)
        return call_result.SecurityEventNotification()

    @on("SignCertificate")
    def on_sign_certificate(self, csr: str, **_: Any) -> call_result.SignCertificate:
        """Have it signed; Rejected if it is not to be (security whitepaper, A02)."""
        self._desk.noted("SignCertificate", {**self._payload})
        chain = self._desk.sign(csr, "ChargingStationCertificate")
        if chain is None:
            return call_result.SignCertificate(status=GenericStatus.rejected)
        self._signed[csr] = chain
        return call_result.SignCertificate(status=GenericStatus.accepted)

    @after("SignCertificate")
    def after_sign_certificate(self, csr: str, **_: Any) -> None:
        """Send what was signed."""
        if (chain := self._signed.pop(csr, None)) is not None:
            self._desk.post("CertificateSigned", {"certificateChain": chain})
