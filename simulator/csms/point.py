"""The OCPP 1.6 handlers of the embedded CSMS, on the routing of the ``ocpp`` package.

Parsing, schema checks, CALLERRORs and serialisation are the package's, so that an implementation
that is not ours answers our stations. One :class:`CentralPoint16` per connection.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from ocpp.exceptions import OCPPError
from ocpp.routing import on as route
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import AuthorizationStatus, DataTransferStatus, RegistrationStatus

from simulator.csms.holdings import Holdings
from simulator.csms.journal import Journal
from simulator.csms.options import CsmsOptions

REGISTER = "Energy.Active.Import.Register"

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


def on(action: str) -> Callable[[_Handler], _Handler]:
    """Mark a method as the handler of an action: the package's decorator, with types."""
    return cast("Callable[[_Handler], _Handler]", route(action))


class Complaints:
    """What the ``ocpp`` package logs, as counters: it reports what it cannot handle as a log line.

    Takes the place of a ``logging.Logger``; the package calls ``info`` for every frame.
    """

    __slots__ = ("_holdings",)

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings

    def info(self, *_: object) -> None:
        """Ignore the log of frames."""

    def exception(self, *_: object) -> None:
        """Count an error by its class: the package calls this in its ``except`` blocks."""
        error = sys.exc_info()[1]
        name = error.code if isinstance(error, OCPPError) else type(error).__name__
        self._holdings.complaints[name] += 1


def now_iso() -> str:
    """Return the time in UTC as OCPP writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class CentralPoint16(ChargePoint):  # type: ignore[misc]
    """The CSMS's end of one OCPP 1.6 connection."""

    def __init__(
        self,
        station_id: str,
        connection: Any,
        holdings: Holdings,
        options: CsmsOptions,
        tokens: Mapping[str, str] | None,
        journal: Journal | None,
    ) -> None:
        super().__init__(station_id, connection, logger=Complaints(holdings))
        self._holdings = holdings
        self._record = holdings.station(station_id)
        self._options = options
        self._tokens = tokens
        self._journal = journal
        if not options.validate:
            for route in self.route_map.values():
                route["_skip_schema_validation"] = True

    def _token_info(self, id_tag: str) -> IdTagInfo:
        """Return the standing of a token: what the file says, or Accepted where there is none."""
        if self._tokens is None:
            return IdTagInfo(status=AuthorizationStatus.accepted)
        return IdTagInfo(status=AuthorizationStatus(self._tokens.get(id_tag.casefold(), "Invalid")))

    @on("BootNotification")
    def on_boot(
        self, charge_point_vendor: str, charge_point_model: str, **rest: Any
    ) -> call_result.BootNotification:
        """Answer as ``--boot-status`` says; the time of the answer sets the station's clock."""
        record = self._record
        record.messages["BootNotification"] += 1
        record.boots += 1
        record.vendor = charge_point_vendor
        record.model = charge_point_model
        record.serial = rest.get("charge_point_serial_number", "")
        record.firmware = rest.get("firmware_version", "")
        if self._journal:
            self._journal.station(record)
        return call_result.BootNotification(
            current_time=now_iso(),
            interval=self._options.heartbeat_interval_s,
            status=RegistrationStatus(self._options.boot_status.capitalize()),
        )

    @on("Heartbeat")
    def on_heartbeat(self, **_: Any) -> call_result.Heartbeat:
        """Answer with the time."""
        self._record.messages["Heartbeat"] += 1
        return call_result.Heartbeat(current_time=now_iso())

    @on("Authorize")
    def on_authorize(self, id_tag: str, **_: Any) -> call_result.Authorize:
        """Answer with the standing of the token."""
        self._record.messages["Authorize"] += 1
        return call_result.Authorize(id_tag_info=self._token_info(id_tag))

    @on("StatusNotification")
    def on_status(
        self, connector_id: int, error_code: str, status: str, **rest: Any
    ) -> call_result.StatusNotification:
        """Remember the status of a connector."""
        self._record.messages["StatusNotification"] += 1
        self._record.statuses[connector_id] = status
        if self._journal:
            at = rest.get("timestamp") or now_iso()
            self._journal.status(self.id, connector_id, status, error_code, at)
        return call_result.StatusNotification()

    @on("StartTransaction")
    def on_start(
        self, connector_id: int, id_tag: str, meter_start: int, timestamp: str, **_: Any
    ) -> call_result.StartTransaction:
        """Hand out a transaction id; a word-for-word repetition gets the same one."""
        self._record.messages["StartTransaction"] += 1
        info = self._token_info(id_tag)
        transaction, new = self._holdings.start(
            self.id, connector_id, id_tag, timestamp, meter_start, info.status.value
        )
        if new and self._journal:
            self._journal.transaction(transaction)
        return call_result.StartTransaction(transaction_id=transaction.id, id_tag_info=info)

    @on("StopTransaction")
    def on_stop(
        self, meter_stop: int, timestamp: str, transaction_id: int, **rest: Any
    ) -> call_result.StopTransaction:
        """End a transaction. A stop cannot be refused; an unknown one is counted."""
        self._record.messages["StopTransaction"] += 1
        transaction = self._holdings.stop(
            transaction_id, timestamp, meter_stop, rest.get("reason", "Local")
        )
        if transaction and self._journal:
            self._journal.transaction(transaction)
            if data := rest.get("transaction_data"):
                self._journal.samples(self.id, transaction.connector, transaction_id, data)
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
        self._record.messages["MeterValues"] += 1
        transaction = None
        if transaction_id is not None:
            transaction = self._holdings.transactions.get(transaction_id)
        if transaction is not None:
            transaction.meter_values += 1
            register = last_register_wh(meter_value)
            if register is not None:
                transaction.last_register = register
        if self._journal:
            self._journal.samples(self.id, connector_id, transaction_id, meter_value)
        return call_result.MeterValues()

    @on("DataTransfer")
    def on_data_transfer(self, **_: Any) -> call_result.DataTransfer:
        """Answer that the vendor is unknown: this CSMS knows no vendor's extensions."""
        self._record.messages["DataTransfer"] += 1
        return call_result.DataTransfer(status=DataTransferStatus.unknown_vendor_id)

    @on("FirmwareStatusNotification")
    def on_firmware_status(self, **_: Any) -> call_result.FirmwareStatusNotification:
        """Count."""
        self._record.messages["FirmwareStatusNotification"] += 1
        return call_result.FirmwareStatusNotification()

    @on("DiagnosticsStatusNotification")
    def on_diagnostics_status(self, **_: Any) -> call_result.DiagnosticsStatusNotification:
        """Count."""
        self._record.messages["DiagnosticsStatusNotification"] += 1
        return call_result.DiagnosticsStatusNotification()


def last_register_wh(meter_value: list[dict[str, Any]]) -> float | None:
    """Return the last total energy register among sampled values in Wh, or None.

    A missing measurand means the energy register, a missing unit Wh (OCPP 1.6, section 7.28).
    Values per phase and signed values are not totals.
    """
    for sample in reversed(meter_value):
        for value in reversed(sample.get("sampled_value", ())):
            if value.get("measurand", REGISTER) != REGISTER or "phase" in value:
                continue
            if value.get("format", "Raw") != "Raw":
                continue
            try:
                number = float(value["value"])
            except (KeyError, TypeError, ValueError):
                continue
            return number * 1000.0 if value.get("unit") == "kWh" else number
    return None
