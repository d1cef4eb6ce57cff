"""The optional SQLite file of the embedded CSMS.

Rows are handed to one writer thread and committed in batches, so that the event loop never waits
for the disk. Whoever answers a message about a transaction waits for its commit
(:meth:`Journal.settled`): what was answered is in the file, even if the process is killed. Of
anything else (statuses, meter values, notifications, commands) a killed process loses what came
last, :data:`BATCH_S` at most. The file is in WAL mode and not synced at each commit: a power cut
may take more. After :meth:`Journal.close` everything handed over is there.

Tables: ``stations``, ``statuses``, ``transactions``, ``transaction_events`` (OCPP 2.0.1),
``meter_values``, ``notifications`` (every other message, parts of reports among them, as JSON) and
``commands``. The view ``recorded`` has what a comparison with the stations' own records needs.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Values
from pathlib import Path
from typing import Any

from simulator.csms.holdings import StationRecord
from simulator.csms.transactions import MOST_MISSING, Event, Sequence, Transaction

BATCH_S = 0.5
_BUSY_S = 30.0
"""How long one process waits for another to write."""

_TABLES = {
    "stations": "id TEXT PRIMARY KEY, vendor TEXT, model TEXT, serial TEXT, firmware TEXT,"
    " boots INTEGER, version TEXT",
    "statuses": "station TEXT, connector INTEGER, status TEXT, error TEXT, at TEXT, evse INTEGER",
    "transactions": "id INTEGER PRIMARY KEY, station TEXT, connector INTEGER, id_tag TEXT,"
    " token_status TEXT, start_at TEXT, meter_start NUMERIC, stop_at TEXT, meter_stop NUMERIC,"
    " reason TEXT, version TEXT, wire_id TEXT, evse INTEGER, charging_state TEXT,"
    " next_seq_no INTEGER",
    "meter_values": "station TEXT, connector INTEGER, transaction_id INTEGER, at TEXT,"
    " measurand TEXT, value TEXT, unit TEXT, context TEXT, phase TEXT, location TEXT",
    "transaction_events": "transaction_id INTEGER, seq_no INTEGER, kind TEXT, trigger TEXT,"
    " at TEXT, offline INTEGER",
    "notifications": "station TEXT, action TEXT, at TEXT, payload TEXT",
    "commands": "station TEXT, action TEXT, at TEXT, result TEXT, answer TEXT",
}
"""Columns by table. New ones go to the end: a file of an earlier version gets them added."""

_RECORDED = """CREATE VIEW recorded AS SELECT
 station, coalesce(version, '1.6') AS version,
 CASE coalesce(wire_id, '') WHEN '' THEN CAST(id AS TEXT) ELSE wire_id END AS transaction_id,
 coalesce(evse, connector) AS evse, connector, id_tag AS token, start_at, stop_at,
 meter_start AS meter_start_wh, meter_stop AS meter_stop_wh,
 meter_stop - meter_start AS energy_wh, reason, id AS number FROM transactions"""
"""One row a transaction in the units of its columns' names; ``number`` is the CSMS's own."""

_INDEXES = (
    "CREATE INDEX IF NOT EXISTS transactions_of ON transactions (station)",
    "CREATE INDEX IF NOT EXISTS events_of ON transaction_events (transaction_id)",
)
_INT64 = 1 << 63

_INSERT = {
    table: f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * len(columns.split(', ')))})"
    for table, columns in _TABLES.items()
}

_Row = tuple[str, tuple[Any, ...]]


class JournalError(Exception):
    """The database cannot be opened or written."""


class Journal:
    """Writes what the CSMS learns to a database, from a thread of its own."""

    def __init__(self, path: Path) -> None:
        """Open or create the database; JournalError if it cannot be used as one."""
        self.path = path
        self._rows: deque[_Row] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._wake = threading.Event()
        self._ending = False
        self._failure: sqlite3.Error | None = None
        try:
            self._db = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._prepare()
            self._reader = sqlite3.connect(path, timeout=_BUSY_S)
        except sqlite3.Error as error:
            raise JournalError(f"{path}: {error}") from error
        self._writer = threading.Thread(target=self._write, name="csms-journal", daemon=True)

    def _prepare(self) -> None:
        """Create the tables, or add the columns that those of an earlier version lack."""
        for table, columns in _TABLES.items():
            self._db.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
            there = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
            for column in columns.split(", "):
                if column.split()[0] not in there:
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
        for index in _INDEXES:
            self._db.execute(index)
        self._db.execute("DROP VIEW IF EXISTS recorded")
        self._db.execute(_RECORDED)
        self._db.commit()

    def start(self) -> None:
        """Start the writer."""
        self._writer.start()

    def transactions(self) -> Iterator[Transaction]:
        """Yield the transactions of an earlier life; call it before :meth:`start`."""
        told = self._numbers_told()
        for transaction in _read(self._db, "ORDER BY id"):
            sequence = transaction.sequence
            if sequence is not None and told.get(transaction.id, sequence.next) < sequence.next:
                sequence.missing.update(self._gaps(self._db, transaction.id, sequence.next))
            yield transaction

    def of_station(self, station: str) -> list[Transaction]:
        """Return the transactions of a station as they are now, by whichever process written.

        On the event loop's thread. What is not committed yet is not among them.
        """
        found = list(_read(self._reader, "WHERE station = ? ORDER BY id", station))
        for transaction in found:
            sequence = transaction.sequence
            if sequence is not None and transaction.open:
                gaps = self._gaps(self._reader, transaction.id, sequence.next)
                sequence.missing.update(gaps)
        return found

    def last_number(self) -> int:
        """Return the highest number of a transaction; 0 if there is none."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM transactions").fetchone()[0])

    def _numbers_told(self) -> dict[int, int]:
        """Return how many sequence numbers of each transaction are there."""
        query = "SELECT transaction_id, count(DISTINCT seq_no) FROM transaction_events GROUP BY 1"
        return dict(self._db.execute(query))

    @staticmethod
    def _gaps(db: sqlite3.Connection, number: int, end: int) -> set[int]:
        """Return the sequence numbers below ``end`` that are not there."""
        query = "SELECT seq_no FROM transaction_events WHERE transaction_id = ?"
        there = {row[0] for row in db.execute(query, (number,))}
        return set(range(max(0, end - MOST_MISSING), end)) - there

    def station(self, record: StationRecord) -> None:
        """Write a station as it is now."""
        row = (
            record.id,
            record.vendor,
            record.model,
            record.serial,
            record.firmware,
            record.boots,
            record.version,
        )
        self._rows.append(("stations", row))

    def status(
        self,
        station: str,
        connector: int,
        status: str,
        error: str,
        at: str,
        evse: int | None = None,
    ) -> None:
        """Write a change of status; ``evse`` for OCPP 2.0.1."""
        self._rows.append(("statuses", (station, connector, status, error, at, evse)))

    def transaction(self, transaction: Transaction) -> None:
        """Write a transaction as it is now, over what was written of it before."""
        t = transaction
        begin = (t.id, t.station, t.connector, t.token, t.token_status, t.start_at, t.meter_start)
        end = (t.stop_at, t.meter_stop, t.reason, t.version, t.wire_id, t.evse, t.charging_state)
        next_seq_no = None if t.sequence is None else t.sequence.next
        self._rows.append(("transactions", (*begin, *end, next_seq_no)))

    def event(self, transaction_id: int, event: Event) -> None:
        """Write an event of a transaction (OCPP 2.0.1)."""
        row = (transaction_id, event.seq_no, event.kind, event.trigger, event.at, event.offline)
        self._rows.append(("transaction_events", row))

    def notification(self, station: str, action: str, at: str, payload: Mapping[str, Any]) -> None:
        """Write a message that changes no other table."""
        self._rows.append(("notifications", (station, action, at, json.dumps(payload))))

    def command(self, station: str, action: str, at: str, result: str, answer: Any) -> None:
        """Write what became of a command; not its payload, which may hold a password."""
        text = None if answer is None else json.dumps(answer)
        self._rows.append(("commands", (station, action, at, result, text)))

    def samples(
        self, station: str, connector: int, transaction: int | None, values: Values[Any]
    ) -> None:
        """Write the sampled values of a message, as they are on the wire."""
        for sample in values:
            at = sample.get("timestamp")
            for value in sample.get("sampledValue", ()):
                row = (
                    station,
                    connector,
                    transaction,
                    at,
                    value.get("measurand", "Energy.Active.Import.Register"),
                    str(value.get("value")),
                    value.get("unit") or value.get("unitOfMeasure", {}).get("unit"),
                    value.get("context"),
                    value.get("phase"),
                    value.get("location"),
                )
                self._rows.append(("meter_values", row))

    def settling(self) -> asyncio.Future[None]:
        """What is done once everything handed over so far is in the file; JournalError if not."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wake.set()
        return done

    def close(self) -> None:
        """Write the rest and close; JournalError if anything could not be written."""
        if self._writer.ident is not None:
            self._ending = True
            self._wake.set()
            self._writer.join()
        self._reader.close()
        self._db.close()
        if self._failure is not None:
            raise JournalError(f"{self.path}: {self._failure}")

    def _write(self) -> None:
        """Commit what has gathered, when somebody waits or after a while, until told to end.

        After an error further rows are dropped; who waits and :meth:`close` get to know it.
        """
        ending = False
        while not ending:
            self._wake.wait(BATCH_S)
            self._wake.clear()
            ending = self._ending
            # First who waits, then the rows: theirs are among those for certain.
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            batch = self._drain()
            if batch and self._failure is None:
                self._commit(batch)
            if waiting:
                waiting[0].get_loop().call_soon_threadsafe(self._tell, waiting)

    def _commit(self, batch: dict[str, list[tuple[Any, ...]]]) -> None:
        try:
            try:
                self._insert(batch)
            except OverflowError:
                self._insert({table: list(map(_fitting, rows)) for table, rows in batch.items()})
        except sqlite3.Error as error:
            self._failure = error

    def _insert(self, batch: dict[str, list[tuple[Any, ...]]]) -> None:
        with self._db:
            for table, rows in batch.items():
                self._db.executemany(_INSERT[table], rows)

    def _tell(self, waiting: list[asyncio.Future[None]]) -> None:
        """Tell who waits how it went; runs on the event loop."""
        for done in waiting:
            if done.done():
                continue
            if self._failure is None:
                done.set_result(None)
            else:
                done.set_exception(JournalError(f"{self.path}: {self._failure}"))

    def _drain(self) -> dict[str, list[tuple[Any, ...]]]:
        """Take everything that has gathered, by table and in order."""
        batch: dict[str, list[tuple[Any, ...]]] = {}
        while self._rows:
            table, row = self._rows.popleft()
            batch.setdefault(table, []).append(row)
        return batch


def _read(db: sqlite3.Connection, which: str, *arguments: object) -> Iterator[Transaction]:
    rows = db.execute(
        "SELECT id, station, connector, id_tag, start_at, meter_start, token_status,"
        " stop_at, meter_stop, reason, coalesce(version, '1.6'), coalesce(wire_id, ''),"
        f" coalesce(evse, connector), charging_state, next_seq_no FROM transactions {which}",
        arguments,
    )
    for *row, next_seq_no in rows:
        transaction = Transaction(*row)
        if next_seq_no is not None:
            transaction.sequence = Sequence(next_seq_no)
        yield transaction


def _fitting(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row with text for the numbers that SQLite has no room for."""
    return tuple(
        str(value) if isinstance(value, int) and not -_INT64 <= value < _INT64 else value
        for value in row
    )
