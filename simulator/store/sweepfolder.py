"""A sweep's folder: what is swept, one small file per finished trial, and the tables at the end.

``sweep.json`` stands from the start. A trial is whole on disk the moment it is finished, so that a
sweep goes on where it was left; a folder that belongs to another scenario is refused. Not here:
what runs (``simulation.sweep``).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.store import atomic
from simulator.store.errors import StoreError, not_written

if TYPE_CHECKING:
    import pandas as pd

SWEEP_SCHEMA = "chargeswarm.sweep/1"
SWEEP = "sweep.json"
POINTS = "points.csv"
_TRIALS = "trials"
_NULL = {name: [""] for name in ("mean", "low", "high", "sd")}


class SweepFolder:
    """The folder of a sweep; made or found again by ``open``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(
        cls,
        out: Path | str | None,
        name: str,
        identity: Mapping[str, Any],
        *,
        root: Path | str = "results",
    ) -> SweepFolder:
        """Make the folder, or go on in the one that is there.

        ``identity`` is all that trials depend on besides their point. Raises StoreError where the
        folder holds something else, or a sweep of a scenario that differs; the difference is named.
        """
        path = Path(root) / _fresh_name(name) if out is None else Path(out)
        wanted = {"schema": SWEEP_SCHEMA, **atomic.plain(dict(identity))}
        try:
            path.mkdir(parents=True, exist_ok=True)
            if (path / SWEEP).is_file():
                _check(path / SWEEP, wanted)
            elif any(path.iterdir()):
                raise StoreError(
                    f"{path}: the folder is not empty and holds no {SWEEP}; "
                    "expected a new or empty folder, or an earlier sweep's"
                )
            else:
                atomic.write_json(path / SWEEP, wanted)
            (path / _TRIALS).mkdir(exist_ok=True)
        except OSError as error:
            raise not_written(path, error) from error
        for torn in (path / _TRIALS).glob(".*.tmp"):
            torn.unlink(missing_ok=True)
        return cls(path)

    def trial_path(self, point: str, replication: int) -> Path:
        """Where a trial is kept; ``point`` is the key of its point."""
        return self.path / _TRIALS / f"{point}-{replication}.json"

    def trial(self, point: str, replication: int) -> dict[str, Any] | None:
        """A finished trial, or None."""
        try:
            found = json.loads(self.trial_path(point, replication).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError):
            return None
        return found if isinstance(found, dict) else None

    def write_tables(self, frame: pd.DataFrame, points: pd.DataFrame) -> None:
        """Write ``sweep.parquet`` and ``sweep.csv``, and by point and figure ``points.csv``."""
        from simulator.store.tables import write_parquet

        write_parquet(self.path, "sweep", frame)
        for name, table in (("sweep.csv", frame), (POINTS, points)):
            with atomic.replacing(self.path / name) as temporary:
                table.to_csv(temporary, index=False)


@dataclass(frozen=True, slots=True)
class SweepRun:
    """A sweep as its folder holds it."""

    path: Path
    about: Mapping[str, Any]
    """What ``sweep.json`` holds: version, stations, the scenario as resolved."""
    fields: tuple[str, ...]
    points: pd.DataFrame
    """Columns point, one per field (text), figure, unit, mean, low, high, sd, n."""
    failures: tuple[Mapping[str, Any], ...]
    """Trials that failed: values, replication, error."""


def is_sweep(path: Path | str) -> bool:
    """Whether the folder is a sweep's, and not a run's."""
    return (Path(path) / SWEEP).is_file()


def read_sweep(path: Path | str) -> SweepRun:
    """Open the folder of a sweep. Raises StoreError if it is none, or holds no table yet."""
    import pandas as pd

    folder = Path(path)
    try:
        about = json.loads((folder / SWEEP).read_text(encoding="utf-8"))
        if not (folder / POINTS).exists():
            kept = len(list((folder / _TRIALS).glob("*.json")))
            raise StoreError(
                f"{folder}: the sweep is under way or was killed, and has no tables yet ({kept} "
                f"finished trials are kept); the same command with --out {folder} goes on"
            )
        columns = list(pd.read_csv(folder / POINTS, nrows=0).columns)
        fields = tuple(columns[1 : columns.index("figure")])
        texts = dict.fromkeys((*fields, "figure", "unit"), str)
        points = pd.read_csv(folder / POINTS, dtype=texts, keep_default_na=False, na_values=_NULL)
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder}: cannot be read as a sweep: {error}") from error
    folder_ = SweepFolder(folder)
    names = sorted(file.stem for file in (folder / _TRIALS).glob("*.json"))
    found = [folder_.trial(key, int(r)) for key, _, r in (name.rpartition("-") for name in names)]
    failures = tuple(trial for trial in found if trial is not None and "error" in trial)
    return SweepRun(folder, about if isinstance(about, dict) else {}, fields, points, failures)


def write_trial(path: Path, values: Mapping[str, Any]) -> None:
    """Keep a finished trial, whole. Raises StoreError where the machine refuses."""
    atomic.write_json(path, values)


def _check(file: Path, wanted: Mapping[str, Any]) -> None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StoreError(f"{file}: cannot be read as JSON: {error}") from error
    if found == wanted:
        return
    where, before, now = next(_differences(found, wanted), ("", None, None))
    raise StoreError(
        f"{file.parent}: holds a sweep of another scenario: {where or 'it'} was {_shown(before)} "
        f"and is {_shown(now)}; expected the same scenario, or another folder (--out)"
    )


def _differences(before: Any, now: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*before, *now)):
            path = f"{where}.{name}" if where else str(name)
            yield from _differences(before.get(name), now.get(name), path)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, two) in enumerate(zip(before, now, strict=True)):
            yield from _differences(one, two, f"{where}[{number}]")
    elif before != now:
        yield where, before, now


def _shown(value: Any) -> str:
    text = "not given" if value is None else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fresh_name(name: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "sweep"
    return f"{safe}-sweep-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
