"""A sweep's folder: what is swept, one small file per finished trial, and the tables at the end.

``sweep.json`` (what trials depend on) and ``plan.json`` (which trials there are to be) stand from
the start. A trial is whole on disk the moment it is finished, so that a sweep goes on where it was
left; a folder that belongs to another scenario is refused. Not here: what runs
(``simulation.sweep``).
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
PLAN = "plan.json"
POINTS = "points.csv"
_TRIALS = "trials"


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

    def write_plan(self, points: Mapping[str, Mapping[str, str]], replications: int) -> None:
        """Keep which trials this sweep is to have: the values of each point by its key."""
        atomic.write_json(
            self.path / PLAN,
            {
                "points": [{"key": key, "values": dict(at)} for key, at in points.items()],
                "replications": replications,
            },
        )

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
class SweepPoint:
    """A point of a sweep and what it has so far."""

    values: Mapping[str, str]
    """By field; a field that the point leaves as it is is not there."""
    figures: Mapping[str, list[float]]
    """One value per finished trial that has the figure, in the order of the replications."""
    done: int
    """Finished trials, failed ones included."""
    failures: tuple[tuple[int, str], ...]
    """Replication and error of the trials that failed."""


@dataclass(frozen=True, slots=True)
class SweepRun:
    """A sweep as its folder holds it, finished or not."""

    path: Path
    about: Mapping[str, Any]
    """What ``sweep.json`` holds: version, stations, the scenario as resolved."""
    points: tuple[SweepPoint, ...]
    replications: int

    @property
    def fields(self) -> list[str]:
        """What is swept, in order."""
        return list(dict.fromkeys(field for point in self.points for field in point.values))

    @property
    def total(self) -> int:
        """Trials that there are to be."""
        return len(self.points) * self.replications

    @property
    def done(self) -> int:
        """Trials that are finished, failed ones included."""
        return sum(point.done for point in self.points)

    @property
    def failed(self) -> int:
        """Trials that failed."""
        return sum(len(point.failures) for point in self.points)


def is_sweep(path: Path | str) -> bool:
    """Whether the folder is a sweep's, and not a run's."""
    return (Path(path) / SWEEP).is_file()


def read_sweep(path: Path | str) -> SweepRun:
    """Open the folder of a sweep, whether or not it was finished. Raises StoreError if it is none.

    The trials are read, not the tables: a sweep that was killed has none.
    """
    folder = Path(path)
    try:
        about = json.loads((folder / SWEEP).read_text(encoding="utf-8"))
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        replications = int(plan["replications"])
        points = [(str(row["key"]), dict(row["values"])) for row in plan["points"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{folder}: cannot be read as a sweep: {error}") from error
    opened = SweepFolder(folder)
    found = [_point(opened, key, values, replications) for key, values in points]
    return SweepRun(folder, about if isinstance(about, dict) else {}, tuple(found), replications)


def _point(
    folder: SweepFolder, key: str, values: Mapping[str, str], replications: int
) -> SweepPoint:
    figures: dict[str, list[float]] = {}
    failures = []
    done = 0
    for replication in range(replications):
        trial = folder.trial(key, replication)
        if trial is None:
            continue
        done += 1
        if "error" in trial:
            failures.append((replication, str(trial["error"])))
        for name, value in trial.get("figures", {}).items():
            if value is not None:
                figures.setdefault(name, []).append(float(value))
    return SweepPoint(values, figures, done, tuple(failures))


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
