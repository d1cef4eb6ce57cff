"""What the embedded CSMS knows: stations, statuses, transactions and what the meters said.

Plain state without OCPP, sockets or files, so that a test can ask it anything. Covers every
version. Written by the points, read by the HTTP API and whoever stops the CSMS. Energy in Wh as on
the wire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from simulator.csms.reports import Reports
from simulator.csms.transactions import Event, Sequence, Transaction


@dataclass(slots=True)
class StationRecord:
    """One station that has connected at least once."""

    id: str
    connected: bool = False
    connects: int = 0
    boots: int = 0
    version: str = ""
    """OCPP version of its last connection."""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    statuses: dict[str, str] = field(default_factory=dict)
    """Last status by place: the connector of OCPP 1.6 ("0" is the station itself), or
    "EVSE.connector" of 2.0.1."""
    messages: Counter[str] = field(default_factory=Counter)
    """Calls that were handled, by action."""
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The last of each message that changes no other record, as it came, by action."""


StartKey = tuple[str, int, str, str, float | None]


@dataclass(slots=True)
class Holdings:
    """Everything that the CSMS holds. A station that repeats itself is not counted twice."""

    stations: dict[str, StationRecord] = field(default_factory=dict)
    transactions: dict[int, Transaction] = field(default_factory=dict)
    next_transaction: int = 1
    step: int = 1
    """Between the numbers of new transactions: each worker of a CSMS has numbers of its own."""
    started: int = 0
    stopped: int = 0
    starts_repeated: int = 0
    """StartTransaction that came again, word for word: answered with the id given before."""
    stops_repeated: int = 0
    """StopTransaction of a transaction that had ended."""
    stops_unknown: int = 0
    """StopTransaction of a transaction that nobody started here."""
    refused: Counter[str] = field(default_factory=Counter)
    """Handshakes refused, by reason."""
    complaints: Counter[str] = field(default_factory=Counter)
    """Frames that could not be handled, by the error answered or the reason it was dropped."""
    events_repeated: int = 0
    """TransactionEvents whose sequence number had come before."""
    events_without_start: int = 0
    """Transactions whose first event to come was not Started."""
    certificates: Counter[str] = field(default_factory=Counter)
    """SignCertificate by what became of it: ``signed``, ``refused``."""
    commands: dict[str, Counter[str]] = field(default_factory=dict)
    """What became of the commands sent, by action."""
    reports: Reports = field(default_factory=Reports)
    replaced: int = 0
    """Connections closed because their station connected again."""
    connected_at_end: int | None = None
    """Stations that were connected when the CSMS began to stop; None before."""
    _starts: dict[StartKey, int] = field(default_factory=dict)
    _told: dict[tuple[str, str], int] = field(default_factory=dict)
    """Own number by station and the station's transaction id (OCPP 2.0.1)."""

    def station(self, station_id: str) -> StationRecord:
        """Return the record of a station, made on first sight."""
        record = self.stations.get(station_id)
        if record is None:
            record = self.stations[station_id] = StationRecord(station_id)
        return record

    def number_on(self, last: int) -> None:
        """Number new transactions above ``last``."""
        behind = last + 1 - self.next_transaction
        if behind > 0:
            self.next_transaction += -(-behind // self.step) * self.step

    def adopt(self, transaction: Transaction) -> None:
        """Take over a transaction from an earlier life; ids continue after the highest.

        Of two that are the same the first is gone on with.
        """
        self.transactions[transaction.id] = transaction
        self.number_on(transaction.id)
        if transaction.wire_id:
            self._told.setdefault((transaction.station, transaction.wire_id), transaction.id)
        else:
            self._starts.setdefault(_start_key(transaction), transaction.id)

    def start(
        self,
        station_id: str,
        connector: int,
        token: str,
        start_at: str,
        meter_start: int,
        token_status: str,
    ) -> tuple[Transaction, bool]:
        """Return the transaction that starts, and whether it is new.

        A station that saw no answer sends the same StartTransaction again: the same connector,
        token, time and register are the same transaction.
        """
        transaction = Transaction(
            self.next_transaction,
            station_id,
            connector,
            token,
            start_at,
            meter_start,
            token_status,
            evse=connector,
        )
        key = _start_key(transaction)
        known = self._starts.get(key)
        if known is not None:
            self.starts_repeated += 1
            return self.transactions[known], False
        self.next_transaction += self.step
        self.started += 1
        self._starts[key] = transaction.id
        self.transactions[transaction.id] = transaction
        return transaction, True

    def stop(
        self, transaction_id: int, stop_at: str, meter_stop: int, reason: str | None
    ) -> Transaction | None:
        """End a transaction and return it; None if it is unknown or had ended before."""
        transaction = self.transactions.get(transaction_id)
        if transaction is None:
            self.stops_unknown += 1
            return None
        if not transaction.open:
            self.stops_repeated += 1
            return None
        transaction.stop_at = stop_at
        transaction.meter_stop = meter_stop
        transaction.reason = reason
        self.stopped += 1
        return transaction

    def event(self, event: Event) -> tuple[Transaction, bool]:
        """Take an OCPP 2.0.1 TransactionEvent; returns its transaction and whether it is new.

        Events may come late and out of order (a station delivers its queue) or again (it saw no
        answer); one whose beginning was never told is a transaction all the same.
        """
        key = (event.station, event.wire_id)
        number = self._told.get(key)
        if number is None:
            number = self._told[key] = self.next_transaction
            self.next_transaction += self.step
            self.started += 1
            begun = event.kind == "Started"
            self.events_without_start += not begun
            self.transactions[number] = Transaction(
                number,
                event.station,
                event.connector,
                "",
                event.at,
                None,
                "",
                version="2.0.1",
                wire_id=event.wire_id,
                begun=begun,
                sequence=Sequence(),
            )
        transaction = self.transactions[number]
        assert transaction.sequence is not None
        if not transaction.sequence.take(event.seq_no):
            self.events_repeated += 1
            return transaction, False
        ends = event.kind == "Ended"
        self.stopped += ends and transaction.open
        self.stops_repeated += ends and not transaction.open
        transaction.apply(event)
        return transaction, True

    def told(self, station_id: str, wire_id: str) -> Transaction | None:
        """Return the transaction to which a station gave this id (OCPP 2.0.1)."""
        number = self._told.get((station_id, wire_id))
        return None if number is None else self.transactions[number]

    def commanded(self, action: str, outcome: str) -> None:
        """Count what became of a command."""
        self.commands.setdefault(action, Counter())[outcome] += 1

    def connected(self) -> int:
        """Return how many stations are connected, or were when the CSMS began to stop."""
        if self.connected_at_end is not None:
            return self.connected_at_end
        return sum(record.connected for record in self.stations.values())

    def messages(self) -> Counter[str]:
        """Return the calls handled in total, by action."""
        total: Counter[str] = Counter()
        for record in self.stations.values():
            total.update(record.messages)
        return total

    def summary(self) -> dict[str, object]:
        """Return what is held, as JSON-able values; energies in kWh."""
        stations = self.stations.values()
        held = self.transactions.values()
        return {
            "stations": len(self.stations),
            "connected": self.connected(),
            "connects": sum(record.connects for record in stations),
            "boots": sum(record.boots for record in stations),
            "replaced": self.replaced,
            "messages": dict(sorted(self.messages().items())),
            "transactions": {
                "started": self.started,
                "stopped": self.stopped,
                "open": sum(transaction.open for transaction in held),
                "starts_repeated": self.starts_repeated,
                "stops_repeated": self.stops_repeated,
                "stops_unknown": self.stops_unknown,
            },
            "transaction_events": {
                "missing": sum(len(t.sequence.missing) for t in held if t.sequence is not None),
                "repeated": self.events_repeated,
                "offline": sum(transaction.offline_events for transaction in held),
                "without_start": self.events_without_start,
            },
            "reports": {
                "held": len(self.reports),
                "completed": self.reports.completed,
                "dropped": self.reports.dropped,
            },
            "certificates": dict(sorted(self.certificates.items())),
            "commands": {name: dict(self.commands[name]) for name in sorted(self.commands)},
            "energy_kwh": round(sum(transaction.energy_wh for transaction in held) / 1000.0, 3),
            "handshakes_refused": dict(sorted(self.refused.items())),
            "complaints": dict(sorted(self.complaints.items())),
        }


def _start_key(transaction: Transaction) -> StartKey:
    """Return what makes two StartTransactions the same."""
    return (
        transaction.station,
        transaction.connector,
        transaction.token,
        transaction.start_at,
        transaction.meter_start,
    )


def merged(parts: Iterable[Holdings]) -> Holdings:
    """Return what several workers of one CSMS hold together.

    A station, and a transaction, may have been with more than one of them; then the transaction is
    as the worker told it that knows most of it.
    """
    whole = Holdings(connected_at_end=0)
    for part in parts:
        for name in _COUNTS:
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        for name in ("refused", "complaints", "certificates"):
            getattr(whole, name).update(getattr(part, name))
        for action, outcomes in part.commands.items():
            whole.commands.setdefault(action, Counter()).update(outcomes)
        whole.reports.completed += part.reports.completed
        whole.reports.dropped += part.reports.dropped
        for record in part.stations.values():
            _add(whole.station(record.id), record)
        for transaction in part.transactions.values():
            known = whole.transactions.get(transaction.id)
            if known is None or _knowledge(transaction) > _knowledge(known):
                whole.transactions[transaction.id] = transaction
        whole.connected_at_end = (whole.connected_at_end or 0) + part.connected()
    return whole


_COUNTS = (
    "started",
    "stopped",
    "starts_repeated",
    "stops_repeated",
    "stops_unknown",
    "events_repeated",
    "events_without_start",
    "replaced",
)


def _add(whole: StationRecord, part: StationRecord) -> None:
    whole.connected |= part.connected
    whole.connects += part.connects
    whole.boots += part.boots
    for name in ("version", "vendor", "model", "serial", "firmware"):
        setattr(whole, name, getattr(part, name) or getattr(whole, name))
    whole.statuses |= part.statuses
    whole.messages.update(part.messages)
    whole.notes |= part.notes


def _knowledge(transaction: Transaction) -> tuple[bool, int, int]:
    """The later of two states of a transaction is the greater."""
    told = 0 if transaction.sequence is None else transaction.sequence.next
    return (not transaction.open, told, transaction.meter_values)
