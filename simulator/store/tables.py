"""The tables of a run: their schemas, streams during the run, parquet at its end.

Parquet without its footer is unreadable, so a table that grows during a run is an Arrow IPC stream
per shard (``events-0.arrows``), which reads up to its last whole batch whatever happened to the
process. ``consolidate`` turns the streams of each table into one parquet file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from simulator.store import simtables, siterows
from simulator.store.atomic import replacing
from simulator.store.errors import StoreError, not_written

if TYPE_CHECKING:
    import pandas as pd

    from simulator.store.redact import Redactor

_TIME = siterows.TIME
_FREE = {"text": "free"}
"""Marks columns that hold somebody else's words, in which secrets are looked for."""


def _schema(*fields: tuple[str, Any] | pa.Field) -> pa.Schema:
    return pa.schema([f if isinstance(f, pa.Field) else pa.field(*f) for f in fields])


SCHEMAS: dict[str, pa.Schema] = {
    **simtables.SCHEMAS,
    # The load of the whole network, as that of each site stands in "load".
    "network": _schema(
        ("start", _TIME),
        ("start_s", pa.float64()),
        ("energy_kwh", pa.float64()),
        ("mean_kw", pa.float64()),
        ("occupied_evses", pa.float64()),
        ("queue", pa.float64()),
    ),
    # How waits, energies and stays are spread: visits by a quantity within low < x <= high (the
    # first row of a quantity: 0 exactly).
    "distributions": _schema(
        ("quantity", pa.string()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("count", pa.int64()),
    ),
    # Every figure of every replication.
    "replications": _schema(
        ("replication", pa.int32()),
        ("figure", pa.string()),
        ("value", pa.float64()),
    ),
    # Calls per bucket, predicted and measured alike. bucket_s: start of the bucket in seconds since
    # the start of the scenario (simulation) or since T0 (live).
    "messages": _schema(
        ("source", pa.string()),
        ("bucket_s", pa.float64()),
        ("action", pa.string()),
        ("direction", pa.string()),
        ("count", pa.int64()),
    ),
    # What happened on a live run besides calls. at_s: seconds since T0.
    "events": _schema(
        ("at_s", pa.float64()),
        ("shard", pa.int32()),
        ("station", pa.string()),
        ("kind", pa.string()),
        pa.field("detail", pa.string(), metadata=_FREE),
        pa.field("frames", pa.list_(pa.string()), metadata=_FREE),
    ),
    # Every transaction as its station knows it.
    "ledger": _schema(
        ("station_id", pa.string()),
        ("evse", pa.int32()),
        ("local_id", pa.int64()),
        ("transaction_id", pa.string()),
        ("token", pa.string()),
        ("start_utc", _TIME),
        ("stop_utc", _TIME),
        # The same by the station's own clock, as it tells the CSMS.
        ("start_told_utc", _TIME),
        ("stop_told_utc", _TIME),
        ("meter_start_wh", pa.float64()),
        ("meter_stop_wh", pa.float64()),
        ("energy_wh", pa.float64()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("start_acked", pa.bool_()),
        ("stop_acked", pa.bool_()),
        ("retries", pa.int32()),
        ("discarded", pa.bool_()),
        ("state", pa.string()),
    ),
    # What differs between the ledger and the CSMS's own records (``chargeswarm reconcile``).
    "reconciliation": _schema(
        ("kind", pa.string()),
        ("station", pa.string()),
        ("connector", pa.int32()),
        ("token", pa.string()),
        ("transaction_id", pa.string()),
        ("their_id", pa.string()),
        ("ours", pa.string()),
        ("theirs", pa.string()),
    ),
    # Per station and message type: what the plan predicts and what was answered.
    "station_messages": _schema(
        ("station", pa.string()),
        ("action", pa.string()),
        ("predicted", pa.int64()),
        ("measured", pa.int64()),
    ),
    # What the screen of a live run showed, once a second, written as it went: all that is left of
    # the measurement where the run died.
    "progress": _schema(
        ("now_s", pa.float64()),
        ("phase", pa.string()),
        ("connected", pa.int64()),
        ("booted", pa.int64()),
        ("planned", pa.int64()),
        ("answered", pa.int64()),
        ("errors", pa.int64()),
        ("p50_ms", pa.float64()),
        ("p99_ms", pa.float64()),
        ("lag_p99_ms", pa.float64()),
    ),
    # Per-second series of a live run; see measure.Measurement.seconds.
    "seconds": _schema(
        ("second", pa.int64()),
        ("planned", pa.int64()),
        ("written", pa.int64()),
        ("answered", pa.int64()),
        ("errors", pa.int64()),
        ("connected", pa.int64()),
        ("booted", pa.int64()),
        ("backlog", pa.int64()),
        ("p50_ms", pa.float64()),
        ("p99_ms", pa.float64()),
    ),
    # Per-second series of each storm of a live run, of the stations that it hit: how many are in
    # operation, and connected, at the end of the second, attempts to connect, connections and boots
    # accepted in it; and of all stations the calls due at its end, and those written in it.
    "storms": _schema(
        ("storm", pa.int32()),
        ("kind", pa.string()),
        ("second", pa.int64()),
        ("operating", pa.int64()),
        ("connected", pa.int64()),
        ("attempts", pa.int64()),
        ("accepted", pa.int64()),
        ("booted", pa.int64()),
        ("backlog", pa.int64()),
        ("calls", pa.int64()),
    ),
}


class Appender:
    """Appends rows to the stream of one shard. Rows reach the file in batches, whole.

    ``flush`` after each batch that must survive a crash of the process; ``close`` at the end.
    """

    def __init__(
        self,
        folder: Path,
        table: str,
        shard: int,
        redactor: Redactor | None = None,
        *,
        schema: pa.Schema | None = None,
        batch_rows: int = 512,
    ) -> None:
        """Open the stream; raises StoreError if the file cannot be made."""
        self.schema = SCHEMAS[table] if schema is None else schema
        self.path = folder / f"{table}-{shard}.arrows"
        self._redactor = redactor
        self._batch_rows = batch_rows
        self._rows: list[Mapping[str, Any]] = []
        try:
            self._file = self.path.open("wb")
        except OSError as error:
            raise not_written(self.path, error) from error
        self._writer = ipc.new_stream(self._file, self.schema)

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row; missing columns are null."""
        self._rows.append(row)
        if len(self._rows) >= self._batch_rows:
            self.flush()

    def flush(self) -> None:
        """Hand all rows over to the operating system."""
        if self._rows:
            rows, self._rows = self._rows, []
            table = pa.Table.from_pylist(rows, schema=self.schema)
            if self._redactor is not None:
                table = redacted(table, self._redactor)
            self._writer.write_table(table)
        self._file.flush()

    def close(self) -> None:
        """Write what is left and end the stream."""
        self.flush()
        self._writer.close()
        self._file.close()

    def abandon(self) -> None:
        """Leave the stream as it is, torn perhaps: it cannot be written on."""
        self._rows.clear()
        with suppress(OSError):
            self._file.close()


def read_stream(path: Path) -> Iterator[pa.RecordBatch]:
    """The whole batches of a stream; a torn end is left out."""
    with path.open("rb") as file:
        try:
            reader = ipc.open_stream(file)
        except pa.ArrowInvalid:
            return  # torn before the schema was complete
        while True:
            try:
                yield reader.read_next_batch()
            except (StopIteration, pa.ArrowInvalid, OSError):
                return


def _streams(folder: Path, name: str = "*") -> dict[str, list[Path]]:
    """Stream files by table, in order of shards."""
    found: dict[str, list[tuple[int, Path]]] = {}
    for path in folder.glob(f"{name}-*.arrows"):
        table, _, shard = path.stem.rpartition("-")
        if shard.isdigit():
            found.setdefault(table, []).append((int(shard), path))
    return {table: [path for _, path in sorted(paths)] for table, paths in sorted(found.items())}


def consolidate(folder: Path, redactor: Redactor | None = None) -> list[Path]:
    """Turn all streams into one parquet file per table and remove them."""
    written = []
    for table, paths in _streams(folder).items():
        schema = SCHEMAS.get(table) or _stream_schema(paths)
        if schema is not None:
            target = folder / f"{table}.parquet"
            with replacing(target) as temporary, pq.ParquetWriter(temporary, schema) as writer:
                for batch in (batch for path in paths for batch in read_stream(path)):
                    part = pa.Table.from_batches([batch]).cast(schema)
                    writer.write_table(part if redactor is None else redacted(part, redactor))
            written.append(target)
        for path in paths:
            path.unlink()
    return written


def _stream_schema(paths: list[Path]) -> pa.Schema | None:
    for path in paths:
        with path.open("rb") as file:
            try:
                return ipc.open_stream(file).schema
            except pa.ArrowInvalid:
                continue
    return None


def write_parquet(
    folder: Path,
    name: str,
    data: pa.Table | pd.DataFrame | Iterable[Mapping[str, Any]],
    redactor: Redactor | None = None,
) -> Path:
    """Write ``name``.parquet at once, in the schema of ``SCHEMAS`` where the name is there.

    ``data`` is an Arrow table, a DataFrame, a mapping of columns, or rows as mappings. Raises
    StoreError where it does not fit the schema.
    """
    path = folder / f"{name}.parquet"
    try:
        table = _as_table(data, SCHEMAS.get(name))
    except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError) as error:
        raise StoreError(f"{path}: the rows do not fit the table's schema: {error}") from error
    if redactor is not None:
        table = redacted(table, redactor)
    with replacing(path) as temporary:
        pq.write_table(table, temporary)
    return path


def _as_table(data: Any, schema: pa.Schema | None) -> pa.Table:
    if isinstance(data, pa.Table):
        if schema is None:
            return data
        # Columns that only some runs have follow those that all have.
        more = [field for field in data.schema if field.name not in schema.names]
        whole = pa.schema([*schema, *more])
        return data.select(whole.names).cast(whole)
    if isinstance(data, Mapping):
        return pa.table(dict(data), schema=schema)
    if hasattr(data, "columns"):
        return pa.Table.from_pandas(data, schema=schema, preserve_index=False)
    rows = list(data)
    return pa.Table.from_pylist(rows, schema=schema or (None if rows else pa.schema([])))


def redacted(table: pa.Table, redactor: Redactor) -> pa.Table:
    """The table with secrets masked in its columns of free text."""
    for number, field in enumerate(table.schema):
        if (field.metadata or {}).get(b"text") == b"free":
            cells = table.column(number).to_pylist()
            masked = pa.array([redactor.value(cell) for cell in cells], field.type)
            table = table.set_column(number, field, masked)
    return table


def names(folder: Path) -> tuple[str, ...]:
    """Names of the tables in a folder, finished or streamed."""
    return tuple(sorted({path.stem for path in folder.glob("*.parquet")} | set(_streams(folder))))


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """A table as a DataFrame; see ``Run.table``."""
    frame: pd.DataFrame = _arrow(folder, name).to_pandas()
    return frame


def column_names(folder: Path, name: str) -> tuple[str, ...]:
    """Columns of a finished table; none where there is no such table."""
    try:
        return tuple(pq.read_schema(folder / f"{name}.parquet").names)
    except (OSError, pa.ArrowException):
        return ()


def row_count(folder: Path, name: str) -> int:
    """Rows of a finished table, from its footer; 0 where there is none."""
    path = folder / f"{name}.parquet"
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowInvalid, OSError):
        return 0


def batches(folder: Path, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a finished table, piece by piece; texts come as dictionaries.

    Raises StoreError where the file is no table.
    """
    path = folder / f"{name}.parquet"
    try:
        with pq.ParquetFile(path, read_dictionary=list(columns)) as file:
            yield from file.iter_batches(columns=list(columns), batch_size=1 << 18)
    except (pa.ArrowInvalid, OSError) as error:
        raise StoreError(f"{path}: is no parquet file: {error}") from error


def _arrow(folder: Path, name: str) -> pa.Table:
    path = folder / f"{name}.parquet"
    if path.is_file():
        try:
            return pq.read_table(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise StoreError(f"{path}: is no parquet file: {error}") from error
    batches = [b for path in _streams(folder, name).get(name, []) for b in read_stream(path)]
    if batches:
        return pa.Table.from_batches(batches)
    if name in SCHEMAS:
        return SCHEMAS[name].empty_table()
    known = ", ".join(sorted({*SCHEMAS, *names(folder)}))
    raise StoreError(f"{folder}: no table {name!r}; expected one of {known}")
