"""Reading a run's folder, finished or not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from simulator.store.errors import StoreError
from simulator.store.folder import (
    KINDS,
    MANIFEST,
    MANIFEST_SCHEMA,
    SUMMARY,
    Status,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(slots=True)
class Run:
    """A run as its folder tells it. Tables are read when they are asked for, and kept."""

    path: Path
    manifest: dict[str, Any]
    summary: dict[str, Any]
    """Empty if the run has not finished."""
    status: Status
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> str:
        """``simulation`` or ``live``."""
        return str(self.manifest["kind"])

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that the folder holds."""
        from simulator.store import tables

        return tables.names(self.path)

    def table(self, name: str) -> pd.DataFrame:
        """A table as a DataFrame: parquet, or what has been streamed so far.

        An empty one with the right columns if the run wrote none. Raises StoreError for a name that
        no run has, or a file that is no table.
        """
        if name not in self._tables:
            from simulator.store import tables

            self._tables[name] = tables.read_table(self.path, name)
        return self._tables[name]

    def forget(self, name: str) -> None:
        """Read a table anew when it is asked for again."""
        self._tables.pop(name, None)

    def row_count(self, name: str) -> int:
        """Rows of a finished table, without reading it; 0 where there is none."""
        from simulator.store import tables

        return tables.row_count(self.path, name)

    def column_names(self, name: str) -> tuple[str, ...]:
        """Columns of a finished table, without reading it; none where there is no such table."""
        from simulator.store import tables

        return tables.column_names(self.path, name)

    def batches(self, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of a finished table, piece by piece; texts as dictionaries.

        For tables that are too large for ``table``. Raises StoreError for a file that is no table.
        """
        from simulator.store import tables

        return tables.batches(self.path, name, columns)


def read_run(path: Path | str) -> Run:
    """Open a run's folder; raises StoreError if it is none."""
    folder = Path(path)
    manifest = read_manifest(folder)
    status = status_of(folder, manifest)
    if manifest.get("kind") not in KINDS:
        raise StoreError(
            f"{folder / MANIFEST}: kind is {manifest.get('kind')!r}; expected {' or '.join(KINDS)}"
        )
    summary = _read_json(folder / SUMMARY) if (folder / SUMMARY).is_file() else {}
    return Run(folder, manifest, summary, status)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest; raises StoreError where there is none that can be read."""
    if not folder.is_dir():
        reason = "is not a folder" if folder.exists() else "does not exist"
        raise StoreError(f"{folder}: {reason}; expected a run's folder such as results/<run>")
    file = folder / MANIFEST
    if not file.is_file():
        raise StoreError(f"{folder}: holds no {MANIFEST}; expected a run's folder")
    manifest = _read_json(file)
    if manifest.get("schema") != MANIFEST_SCHEMA:
        raise StoreError(
            f"{file}: schema is {manifest.get('schema')!r}; expected {MANIFEST_SCHEMA!r}"
        )
    return manifest


def status_of(folder: Path, manifest: dict[str, Any]) -> Status:
    """``interrupted`` if the run says that it runs or finished, and nothing bears it out."""
    status = manifest.get("status")
    if status == "running":
        return "running" if _alive(manifest.get("process")) else "interrupted"
    if status == "finished" and not (folder / SUMMARY).is_file():
        return "interrupted"
    if status in ("finished", "interrupted", "failed"):
        return cast("Status", status)
    raise StoreError(f"{folder / MANIFEST}: status is {status!r}; expected running or finished")


def _alive(process: Any) -> bool:
    """Is it still the process that wrote the manifest? An id alone may be another's."""
    import psutil

    if not isinstance(process, dict):
        return False
    try:
        found = psutil.Process(int(process["pid"]))
        same = abs(found.create_time() - float(process["started_s"])) < 2.0
        return same and found.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StoreError(f"{file}: cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise StoreError(f"{file}: holds {type(value).__name__}; expected a JSON object")
    return value
