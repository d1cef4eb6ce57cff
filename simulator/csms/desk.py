"""What the points of every version share: how a connection's station is recorded and answered.

No words of OCPP: :mod:`simulator.csms.answers16` and :mod:`simulator.csms.answers201` have them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from simulator.csms.holdings import StationRecord
from simulator.csms.shared import Shared
from simulator.csms.transactions import Event, Transaction

if TYPE_CHECKING:
    from simulator.csms.contracts import Verdict


def now_iso() -> str:
    """Return the time in UTC as OCPP writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Office(Protocol):
    """Where desks stand."""

    def after_boot(self, end: Any) -> None:
        """A boot of the station at this end was accepted and answered."""
        ...

    def post(self, end: Any, action: str, payload: dict[str, Any]) -> None:
        """Send the station at this end a command, and do not wait."""
        ...


class Desk:
    """Takes what one station says to the holdings and the journal."""

    __slots__ = (
        "_books",
        "_end",
        "_journal",
        "_office",
        "_shared",
        "holdings",
        "options",
        "record",
        "signed",
        "station",
        "tokens",
        "version",
    )

    def __init__(
        self, station_id: str, version: str, shared: Shared, office: Office, end: Any
    ) -> None:
        """``end`` is the connection of the station, by which the office knows it."""
        self.station = station_id
        self.version = version
        self.options = shared.options
        self.tokens = shared.tokens
        self.holdings = shared.holdings
        self.record: StationRecord = shared.holdings.station(station_id)
        self.record.version = version
        self.signed: dict[str, dict[str, str]] = {}
        """Certificates that are sent once their requests are answered, by request."""
        self._office = office
        self._end = end
        self._shared = shared
        self._journal = shared.journal
        self._books = shared.books

    def post(self, action: str, payload: dict[str, Any]) -> None:
        """Send the station a command, an action with its payload, and do not wait."""
        self._office.post(self._end, action, payload)

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
            self._office.after_boot(self._end)

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
        if new and self._books:
            self._books.transaction(transaction)
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
        if transaction and self._books:
            self._books.transaction(transaction)
            self.samples(transaction.connector, transaction, samples)

    def event(self, event: Event, samples: Sequence[Any]) -> None:
        """Record a TransactionEvent of OCPP 2.0.1."""
        transaction, new = self.holdings.event(event)
        if new and self._books:
            self._books.transaction(transaction)
            self._books.event(transaction.id, event)
            self.samples(transaction.connector, transaction, samples)

    def samples(
        self, connector: int, transaction: Transaction | None, values: Sequence[Any]
    ) -> None:
        """Write sampled values to the journal, if there is one."""
        if self._books and values:
            number = None if transaction is None else transaction.id
            self._books.samples(self.station, connector, number, values)

    def keeping(self) -> asyncio.Future[None] | None:
        """What is done once all that was recorded is in the database (JournalError if it cannot
        be); None where there is no database."""
        return self._journal.settling() if self._journal else None

    def sign(self, csr: str, kind: str) -> str | None:
        """Return the chain (PEM) for a signing request, or None for one that is refused (A02)."""
        from simulator.csms.authority import SigningRefusedError

        name = self.record.serial or self.station
        try:
            chain = self._shared.authority.sign(csr, kind, self.station, name)
        except SigningRefusedError as error:
            self.holdings.certificates["refused"] += 1
            self.record.notes["SignCertificate"]["refused"] = str(error)
            return None
        self.holdings.certificates["signed"] += 1
        return chain

    def revocation(self, request: Mapping[str, Any]) -> str | None:
        """Return the OCSP response for a certificate (base64), or None if it is not ours (M06)."""
        from simulator.csms.fingerprints import read

        try:
            return self._shared.authority.ocsp(read(request))
        except ValueError:
            return None

    def contract(
        self, token: str, chain: str | None, hash_data: Sequence[Mapping[str, Any]]
    ) -> tuple[Verdict, str | None] | None:
        """Return what a contract certificate is worth, and the status of its token if it is bad.

        C07.FR.13 to FR.17. None where no certificate is examined.
        """
        if self._shared.contracts is None:
            return None
        from simulator.csms.contracts import TOKEN_STATUS

        verdict = self._shared.contracts.judge(token, chain, hash_data)
        return verdict, TOKEN_STATUS.get(verdict)

    @property
    def exi_response(self) -> str | None:
        """The canned answer to Get15118EVCertificate (base64), if there is one."""
        return self._shared.exi_response
