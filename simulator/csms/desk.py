"""What the points of every version share: how a connection's station is recorded and answered.

No words of OCPP: :mod:`simulator.csms.answers16` and :mod:`simulator.csms.answers201` have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.csms.holdings import Holdings, StationRecord
from simulator.csms.journal import Journal
from simulator.csms.options import CsmsOptions
from simulator.csms.tokens import Tokens
from simulator.csms.transactions import Event, Transaction


def now_iso() -> str:
    """Return the time in UTC as OCPP writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Shared:
    """What every connection of one CSMS works with."""

    options: CsmsOptions
    holdings: Holdings = field(default_factory=Holdings)
    tokens: Tokens = field(default_factory=Tokens)
    journal: Journal | None = None


class Desk:
    """Takes what one station says to the holdings and the journal."""

    def __init__(
        self, station_id: str, version: str, shared: Shared, booted: Callable[[], None]
    ) -> None:
        """``booted`` is called after each boot that was accepted and answered."""
        self.station = station_id
        self.version = version
        self.options = shared.options
        self.tokens = shared.tokens
        self.holdings = shared.holdings
        self.record: StationRecord = shared.holdings.station(station_id)
        self.record.version = version
        self._journal = shared.journal
        self._booted = booted

    def heard(self, action: str) -> None:
        """Count a call that is handled."""
        self.record.messages[action] += 1

    def noted(self, action: str, payload: dict[str, Any]) -> None:
        """Count a call and keep its payload as the last of its kind."""
        self.heard(action)
        self.record.notes[action] = payload
        if self._journal:
            self._journal.notification(self.station, action, now_iso(), payload)

    def reported(self, action: str, payload: dict[str, Any]) -> None:
        """Count a call and put its part to the report that it belongs to."""
        self.heard(action)
        self.holdings.reports.take(self.station, action, payload)
        if self._journal:
            self._journal.notification(self.station, action, now_iso(), payload)

    def boot(self, vendor: str, model: str, serial: str, firmware: str) -> str:
        """Record a boot; returns the status to answer with, as ``--boot-status`` says."""
        self.heard("BootNotification")
        record = self.record
        record.boots += 1
        record.vendor, record.model = vendor, model
        record.serial, record.firmware = serial, firmware
        if self._journal:
            self._journal.station(record)
        return self.options.boot_status.capitalize()

    def after_boot(self) -> None:
        """Say that a boot has been answered."""
        if self.options.boot_status == "accepted":
            self._booted()

    def status(
        self, evse: int | None, connector: int, status: str, error: str, at: str | None
    ) -> None:
        """Record the status of a connector; ``evse`` None for OCPP 1.6, which has none."""
        self.heard("StatusNotification")
        place = str(connector) if evse is None else f"{evse}.{connector}"
        self.record.statuses[place] = status
        if self._journal:
            self._journal.status(self.station, connector, status, error, at or now_iso(), evse)

    def started(
        self, connector: int, token: str, at: str, meter_start: int, token_status: str
    ) -> Transaction:
        """Record a StartTransaction of OCPP 1.6."""
        transaction, new = self.holdings.start(
            self.station, connector, token, at, meter_start, token_status
        )
        if new and self._journal:
            self._journal.transaction(transaction)
        return transaction

    def stopped(
        self,
        transaction_id: int,
        at: str,
        meter_stop: int,
        reason: str,
        samples: Sequence[Any] = (),
    ) -> None:
        """Record a StopTransaction of OCPP 1.6. It cannot be refused; an unknown one counts."""
        transaction = self.holdings.stop(transaction_id, at, meter_stop, reason)
        if transaction and self._journal:
            self._journal.transaction(transaction)
            self.samples(transaction.connector, transaction, samples)

    def event(self, event: Event, samples: Sequence[Any]) -> None:
        """Record a TransactionEvent of OCPP 2.0.1."""
        transaction, new = self.holdings.event(event)
        if new and self._journal:
            self._journal.transaction(transaction)
            self._journal.event(transaction.id, event)
            self.samples(transaction.connector, transaction, samples)

    def samples(
        self, connector: int, transaction: Transaction | None, values: Sequence[Any]
    ) -> None:
        """Write sampled values to the journal, if there is one."""
        if self._journal and values:
            number = None if transaction is None else transaction.id
            self._journal.samples(self.station, connector, number, values)
