"""Writing a run's folder: its manifest from the first moment, its tables, its end.

The folder is readable at any time: ``manifest.json`` stands from the start with status ``running``,
every file appears whole or not at all, and tables that grow during a run are streams that can be
read up to their last batch (``tables``). ``read.read_run`` is the other side.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from simulator.store import atomic
from simulator.store.errors import NotWrittenError, StoreError, not_written
from simulator.store.redact import Redactor
from simulator.store.reserve import give_back, put_aside

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from simulator.store.tables import Appender

MANIFEST_SCHEMA = "chargeswarm.manifest/1"
MANIFEST = "manifest.json"
SUMMARY = "summary.json"
HLOG = "latency.hlog"
Status = Literal["running", "finished", "interrupted", "failed"]
Kind = Literal["simulation", "live"]
KINDS = ("simulation", "live")

_OURS = (
    MANIFEST,
    SUMMARY,
    HLOG,
    "report.html",
    "report.md",
    "*.parquet",
    "*.arrows",
    "*.jsonl",
    ".*.tmp",
)


class RunFolder:
    """A run's folder while the run lasts. Made by ``create``; ended by ``finish``."""

    def __init__(self, path: Path, manifest: dict[str, Any], redactor: Redactor) -> None:
        self.path = path
        self.manifest = manifest
        self.redactor = redactor
        self.reserved = False
        """Space is put aside for the end of the run."""

    @classmethod
    def create(
        cls,
        out: Path | str | None,
        scenario_name: str,
        kind: Kind,
        *,
        root: Path | str = "results",
        now: datetime | None = None,
        secrets: Iterable[str] = (),
        reserve: bool = False,
    ) -> RunFolder:
        """Make ``root/<scenario>-<UTC time>-<id>/``, or exactly ``out``, and mark it running.

        ``out`` may exist if it is empty or holds an ended run of ours, which is then replaced.
        ``secrets`` will be masked in everything that is written. ``reserve`` puts some space aside
        until ``finish``. Raises StoreError otherwise.
        """
        started = (now or datetime.now(UTC)).astimezone(UTC)
        run_id = _run_id(scenario_name, started)
        path = Path(root) / run_id if out is None else Path(out)
        try:
            path.mkdir(parents=True, exist_ok=out is not None)
            _clear(path)
            manifest = {
                "schema": MANIFEST_SCHEMA,
                "id": run_id,
                "scenario_name": scenario_name,
                "kind": kind,
                "status": "running",
                "started": started.isoformat(timespec="seconds"),
                "ended": None,
                "process": _this_process(),
            }
            folder = cls(path, manifest, Redactor(secrets))
            folder.write_manifest()
            folder.reserved = reserve and put_aside(path)
        except OSError as error:
            raise not_written(path, error) from error
        return folder

    def write_manifest(self, **facts: Any) -> None:
        """Add facts (scenario, seed, versions, host, ...) to the manifest and write it."""
        self.manifest |= self.redactor.value(atomic.plain(facts))
        self.write_json(MANIFEST, self.manifest)

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON file, secrets masked, nan as null."""
        path = self.path / name
        atomic.write_json(path, self.redactor.value(atomic.plain(value)))
        return path

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file, secrets masked."""
        path = self.path / name
        atomic.write_text(path, self.redactor.text(text))
        return path

    def write_table(
        self, name: str, data: pa.Table | pd.DataFrame | Iterable[Mapping[str, Any]]
    ) -> Path:
        """Write ``name``.parquet with the schema of ``tables.SCHEMAS`` where there is one."""
        from simulator.store import tables

        return tables.write_parquet(self.path, name, data, self.redactor)

    def appender(self, table: str, shard: int = 0) -> Appender:
        """A stream for one shard's rows of a table; see ``tables.Appender``.

        A shard in a process of its own opens ``tables.Appender(folder.path, table, shard, ...)``.
        """
        from simulator.store.tables import Appender

        return Appender(self.path, table, shard, self.redactor)

    def release(self) -> None:
        """Give the space back that was put aside: the end of the run is written now."""
        if self.reserved:
            self.reserved = False
            give_back(self.path)

    def finish(self, summary: Mapping[str, Any], status: Status = "finished") -> None:
        """Turn streams into parquet, write ``summary.json``, and set the status, in that order.

        Streams for which there is no room stay streams, and are read as such.
        """
        from simulator.store import tables

        self.release()
        with suppress(NotWrittenError):
            tables.consolidate(self.path, self.redactor)
        self.write_json(SUMMARY, summary)
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        self.write_manifest(status=status, ended=ended)


def check_place(out: Path | str | None, root: Path | str = "results") -> None:
    """What ``create`` would refuse, before there is anything to write. Raises StoreError."""
    path = Path(root) if out is None else Path(out)
    if out is not None and path.is_dir():
        _check_replaceable(path)
    while not path.exists() and path != path.parent:
        path = path.parent
    if not path.is_dir():
        raise StoreError(f"{path}: is a file; expected a new or empty folder")
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreError(f"{path}: cannot be written: {os.strerror(errno.EACCES)}")


def _run_id(scenario_name: str, started: datetime) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", scenario_name).strip("-.") or "run"
    return f"{name}-{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _clear(path: Path) -> None:
    """Make an existing folder empty if what it holds is an ended run; refuse it otherwise."""
    _check_replaceable(path)
    for entry in path.iterdir():
        if entry.name == "plots" and entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _check_replaceable(path: Path) -> None:
    """Raise StoreError unless a folder is empty or holds an ended run and nothing else."""
    found = sorted(entry.name for entry in path.iterdir())
    if not found:
        return
    from simulator.store.read import read_manifest, status_of

    if MANIFEST not in found:
        raise StoreError(
            f"{path}: the folder is not empty and holds no run ({found[0]!r} is in it); "
            "expected a new or empty folder, or an earlier run's"
        )
    if status_of(path, read_manifest(path)) == "running":
        raise StoreError(f"{path}: a run is still writing to this folder")
    strangers = [
        entry.name
        for entry in path.iterdir()
        if entry.name != "plots" and not any(entry.match(pattern) for pattern in _OURS)
    ]
    if strangers:
        raise StoreError(
            f"{path}: besides an earlier run, the folder holds {min(strangers)!r}, "
            "which is not of this program; expected a new or empty folder"
        )


def _this_process() -> dict[str, Any]:
    import psutil

    return {"pid": os.getpid(), "started_s": psutil.Process().create_time()}
