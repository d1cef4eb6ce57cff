"""The optional SQLite file of the embedded CSMS.

Rows are handed to one writer thread and committed in batches, so that the event loop never waits
for the disk. After :meth:`Journal.close` everything handed over is in the file; what a killed
process had not committed yet (half a second at most) is lost. Tables: ``stations``, ``statuses``,
``transactions``, ``meter_values``.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from simulator.csms.holdings import StationRecord, Transaction

BATCH_S = 0.5

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stations (
  id TEXT PRIMARY KEY, vendor TEXT, model TEXT, serial TEXT, firmware TEXT, boots INTEGER);
CREATE TABLE IF NOT EXISTS statuses (
  station TEXT, connector INTEGER, status TEXT, error TEXT, at TEXT);
CREATE TABLE IF NOT EXISTS transactions (
  id INTEGER PRIMARY KEY, station TEXT, connector INTEGER, id_tag TEXT, token_status TEXT,
  start_at TEXT, meter_start INTEGER, stop_at TEXT, meter_stop INTEGER, reason TEXT);
CREATE TABLE IF NOT EXISTS meter_values (
  station TEXT, connector INTEGER, transaction_id INTEGER, at TEXT, measurand TEXT, value TEXT,
  unit TEXT, context TEXT, phase TEXT, location TEXT);
"""

_INSERT = {
    "stations": "INSERT OR REPLACE INTO stations VALUES (?,?,?,?,?,?)",
    "statuses": "INSERT INTO statuses VALUES (?,?,?,?,?)",
    "transactions": "INSERT OR REPLACE INTO transactions VALUES (?,?,?,?,?,?,?,?,?,?)",
    "meter_values": "INSERT INTO meter_values VALUES (?,?,?,?,?,?,?,?,?,?)",
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
        self._ending = threading.Event()
        self._failure: sqlite3.Error | None = None
        try:
            self._db = sqlite3.connect(path, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise JournalError(f"{path}: {error}") from error
        self._writer = threading.Thread(target=self._write, name="csms-journal", daemon=True)

    def start(self) -> None:
        """Start the writer."""
        self._writer.start()

    def transactions(self) -> Iterator[Transaction]:
        """Yield the transactions of an earlier life; call it before :meth:`start`."""
        rows = self._db.execute(
            "SELECT id, station, connector, id_tag, start_at, meter_start, token_status,"
            " stop_at, meter_stop, reason FROM transactions ORDER BY id"
        )
        for row in rows:
            yield Transaction(*row)

    def station(self, record: StationRecord) -> None:
        """Write a station as it is now."""
        row = (
            record.id,
            record.vendor,
            record.model,
            record.serial,
            record.firmware,
            record.boots,
        )
        self._rows.append(("stations", row))

    def status(self, station: str, connector: int, status: str, error: str, at: str) -> None:
        """Write a change of status."""
        self._rows.append(("statuses", (station, connector, status, error, at)))

    def transaction(self, transaction: Transaction) -> None:
        """Write a transaction as it is now, over what was written of it before."""
        t = transaction
        begin = (t.id, t.station, t.connector, t.id_tag, t.token_status, t.start_at, t.meter_start)
        self._rows.append(("transactions", (*begin, t.stop_at, t.meter_stop, t.reason)))

    def samples(
        self, station: str, connector: int, transaction: int | None, values: Sequence[Any]
    ) -> None:
        """Write the sampled values of MeterValues or of a StopTransaction (keys in snake case)."""
        for sample in values:
            at = sample.get("timestamp")
            for value in sample.get("sampled_value", ()):
                row = (
                    station,
                    connector,
                    transaction,
                    at,
                    value.get("measurand", "Energy.Active.Import.Register"),
                    value.get("value"),
                    value.get("unit"),
                    value.get("context"),
                    value.get("phase"),
                    value.get("location"),
                )
                self._rows.append(("meter_values", row))

    def close(self) -> None:
        """Write the rest and close; JournalError if anything could not be written."""
        if self._writer.ident is not None:
            self._ending.set()
            self._writer.join()
        self._db.close()
        if self._failure is not None:
            raise JournalError(f"{self.path}: {self._failure}")

    def _write(self) -> None:
        """Commit what has gathered every half second, and a last time when told to end.

        After an error further rows are dropped; :meth:`close` reports it.
        """
        ending = False
        while not ending:
            ending = self._ending.wait(BATCH_S)
            batch = self._drain()
            if not batch or self._failure is not None:
                continue
            try:
                with self._db:
                    for table, rows in batch.items():
                        self._db.executemany(_INSERT[table], rows)
            except sqlite3.Error as error:
                self._failure = error

    def _drain(self) -> dict[str, list[tuple[Any, ...]]]:
        """Take everything that has gathered, by table and in order."""
        batch: dict[str, list[tuple[Any, ...]]] = {}
        while self._rows:
            table, row = self._rows.popleft()
            batch.setdefault(table, []).append(row)
        return batch
