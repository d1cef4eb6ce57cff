"""A parquet file that grows by row groups, so that a large table never stands in memory.

The file appears whole when the writer is closed, or not at all. Rows made in another process come
as Arrow files (``park``), which are read in place and removed (``take``).
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from simulator.store.atomic import replacing
from simulator.store.errors import not_written
from simulator.store.simtables import TABLES


class RowGroups:
    """The writer of one table; a context manager that keeps the file only if all went well."""

    def __init__(self, folder: Path, name: str) -> None:
        """``name`` is one of ``simtables.TABLES``."""
        self.path = folder / f"{name}.parquet"
        self._name = name
        self._stack = ExitStack()
        self._temporary = Path()
        self._writer: Any = None

    def __enter__(self) -> RowGroups:
        self._temporary = self._stack.enter_context(replacing(self.path))
        return self

    def write(self, table: pa.Table) -> None:
        """Add rows as one row group. Raises StoreError where the machine refuses."""
        try:
            if self._writer is None:
                self._writer = _open(self._temporary, self._name, table.schema)
            if table.num_rows:
                self._writer.write_table(table, row_group_size=table.num_rows)
        except OSError as error:
            raise not_written(self.path, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self._writer is None:
                self.write(pa.schema(_file_schema(self._name)).empty_table())
            if self._writer is not None:
                self._writer.close()
        except BaseException as late:
            if kind is None:
                self._stack.__exit__(type(late), late, late.__traceback__)
                raise
        self._stack.__exit__(kind, error, trace)


def _file_schema(name: str) -> list[tuple[str, Any]]:
    return [(column.name, column.type) for column in TABLES[name] if column.only is None]


def _open(path: Path, name: str, schema: pa.Schema) -> Any:
    """Texts and columns of few values are kept once each; other numbers as they are.

    Trying every column of numbers for repetitions takes two thirds of the time for nothing.
    """
    few = [c.name for c in TABLES[name] if c.dictionary or pa.types.is_string(c.type)]
    times = [c.name for c in TABLES[name] if pa.types.is_timestamp(c.type)]
    return pq.ParquetWriter(
        path,
        schema,
        store_schema=False,  # a text that comes as a dictionary is a plain text to whoever reads
        use_dictionary=few,
        column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED"),
    )


def park(table: pa.Table, path: Path) -> None:
    """Leave rows for another process. Raises StoreError where the machine refuses."""
    try:
        with ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    except OSError as error:
        raise not_written(path, error) from error


def take(path: Path) -> pa.Table:
    """Fetch rows that ``park`` left, without a copy, and remove the file."""
    with pa.memory_map(str(path)) as file:
        table = ipc.open_file(file).read_all()
    path.unlink()
    return table
