"""Adding to a finished run what was found out later. The manifest stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulator.store import atomic
from simulator.store.errors import StoreError
from simulator.store.folder import SUMMARY
from simulator.store.read import Run


def amend_run(
    run: Run,
    summary: Mapping[str, Any],
    tables: Mapping[str, Iterable[Mapping[str, Any]]],
) -> None:
    """Set fields of a run's summary and write tables, in the folder and in ``run``.

    Raises StoreError for a run that left no summary, or that cannot be written.
    """
    from simulator.store.tables import write_parquet

    if not run.summary:
        raise StoreError(f"{run.path}: holds no {SUMMARY}; a run that ended orderly has one")
    for name, rows in tables.items():
        write_parquet(run.path, name, rows)
        run.forget(name)
    run.summary |= atomic.plain(dict(summary))
    atomic.write_json(run.path / SUMMARY, run.summary)
