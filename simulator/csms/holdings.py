"""What the embedded CSMS knows: stations, statuses, transactions and what the meters said.

Plain state without OCPP, sockets or files, so that a test can ask it anything. Written by
:mod:`simulator.csms.point`, read by whoever stops the CSMS. Energy in Wh as on the wire.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class StationRecord:
    """One station that has connected at least once."""

    id: str
    connected: bool = False
    connects: int = 0
    boots: int = 0
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    statuses: dict[int, str] = field(default_factory=dict)
    """Last status by connector; 0 is the station itself."""
    messages: Counter[str] = field(default_factory=Counter)
    """Calls that were handled, by action."""


@dataclass(slots=True)
class Transaction:
    """One transaction as the station told it; times as they came, registers in Wh."""

    id: int
    station: str
    connector: int
    id_tag: str
    start_at: str
    meter_start: int
    token_status: str
    stop_at: str | None = None
    meter_stop: int | None = None
    reason: str | None = None
    meter_values: int = 0
    """MeterValues calls that named this transaction."""
    last_register: float | None = None
    """Last Energy.Active.Import.Register told within the transaction."""

    @property
    def open(self) -> bool:
        """True until the station has told the end."""
        return self.stop_at is None

    @property
    def energy_wh(self) -> float:
        """Energy so far: by the final register, else by the last sample."""
        end = self.meter_stop if self.meter_stop is not None else self.last_register
        return 0.0 if end is None else end - self.meter_start


StartKey = tuple[str, int, str, str, int]


@dataclass(slots=True)
class Holdings:
    """Everything that the CSMS holds. A station that repeats itself is not counted twice."""

    stations: dict[str, StationRecord] = field(default_factory=dict)
    transactions: dict[int, Transaction] = field(default_factory=dict)
    next_transaction: int = 1
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
    replaced: int = 0
    """Connections closed because their station connected again."""
    connected_at_end: int | None = None
    """Stations that were connected when the CSMS began to stop; None before."""
    _starts: dict[StartKey, int] = field(default_factory=dict)

    def station(self, station_id: str) -> StationRecord:
        """Return the record of a station, made on first sight."""
        record = self.stations.get(station_id)
        if record is None:
            record = self.stations[station_id] = StationRecord(station_id)
        return record

    def adopt(self, transaction: Transaction) -> None:
        """Take over a transaction from an earlier life; ids continue after the highest."""
        self.transactions[transaction.id] = transaction
        self.next_transaction = max(self.next_transaction, transaction.id + 1)
        self._starts[_start_key(transaction)] = transaction.id

    def start(
        self,
        station_id: str,
        connector: int,
        id_tag: str,
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
            id_tag,
            start_at,
            meter_start,
            token_status,
        )
        key = _start_key(transaction)
        known = self._starts.get(key)
        if known is not None:
            self.starts_repeated += 1
            return self.transactions[known], False
        self.next_transaction += 1
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
            "energy_kwh": round(sum(transaction.energy_wh for transaction in held) / 1000.0, 3),
            "handshakes_refused": dict(sorted(self.refused.items())),
            "complaints": dict(sorted(self.complaints.items())),
        }


def _start_key(transaction: Transaction) -> StartKey:
    """Return what makes two StartTransactions the same."""
    return (
        transaction.station,
        transaction.connector,
        transaction.id_tag,
        transaction.start_at,
        transaction.meter_start,
    )
