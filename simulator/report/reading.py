"""A run as the page builders see it: manifest, summary and tables, whatever there is of them.

Tolerant: a missing piece is None or empty, an unreadable one becomes a note. What is particular to
live runs or to simulations is in ``live_reading`` and ``sim_reading``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from simulator.report import words
from simulator.report.plots.axes import Clock
from simulator.store import Run, StoreError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

F64 = NDArray[np.float64]
PREDICTED, MEASURED = "predicted", "measured"


def dig(tree: Any, *path: str) -> Any:
    """The value at ``path`` in nested mappings, or None."""
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return None
        tree = tree[name]
    return tree


def floats(frame: pd.DataFrame, column: str) -> F64:
    """A column as floats, null as nan."""
    values: F64 = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    return values


@dataclass(frozen=True, slots=True)
class MessageSeries:
    """Calls of the stations per second, by type, on a common grid of steps of ``unit_s``."""

    seconds: F64
    unit_s: float
    predicted: dict[str, F64]
    measured: dict[str, F64]

    def coarser(self, steps: int) -> MessageSeries:
        """The same rates over at most about ``steps`` longer steps; the last may be cut short."""
        each = max(1, round(len(self.seconds) / steps))
        short = -len(self.seconds) % each
        width = np.full(len(self.seconds[::each]), each)
        width[-1] -= short

        def merged(rates: dict[str, F64]) -> dict[str, F64]:
            return {
                name: np.pad(values, (0, short)).reshape(-1, each).sum(axis=1) / width
                for name, values in rates.items()
            }

        return MessageSeries(
            self.seconds[::each], self.unit_s * each, merged(self.predicted), merged(self.measured)
        )


class Reading:
    """A run, read tolerantly."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.path: Path = run.path
        self.manifest: dict[str, Any] = dict(run.manifest)
        self.summary: dict[str, Any] = dict(run.summary)
        self.status: str = str(run.status)
        self.live: bool = run.kind == "live"
        self.missing: list[str] = []
        """Pieces of the run that could not be read, in words."""

    def get(self, *path: str) -> Any:
        """A value of summary.json, or None."""
        return dig(self.summary, *path)

    def meta(self, *path: str) -> Any:
        """A value of manifest.json, or None."""
        return dig(self.manifest, *path)

    def rows(self, *path: str) -> list[Mapping[str, Any]]:
        """A list of objects in summary.json; empty if it is not there."""
        found = self.get(*path)
        found = found if isinstance(found, list) else []
        return [row for row in found if isinstance(row, Mapping)]

    def texts(self, *path: str) -> list[str]:
        """A list of sentences in summary.json; empty if it is not there."""
        found = self.get(*path)
        return [str(text) for text in found] if isinstance(found, list) else []

    def holds(self, name: str) -> bool:
        """Whether the run has a table of this name."""
        return name in self._run.tables

    def table(self, name: str) -> pd.DataFrame | None:
        """A table of the run; None where it is missing, empty or unreadable."""
        try:
            frame = self._run.table(name)
        except StoreError as error:
            if str(error) not in self.missing:
                self.missing.append(str(error))
            return None
        return None if frame.empty else frame

    def row_count(self, name: str) -> int:
        """Rows of a finished table; 0 where there is none."""
        return self._run.row_count(name)

    def columns(self, name: str) -> tuple[str, ...]:
        """Columns of a finished table; none where it cannot be read."""
        return self._run.column_names(name)

    def batches(self, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Some columns of a table, piece by piece; ends where it cannot be read further."""
        try:
            yield from self._run.batches(name, columns)
        except StoreError as error:
            self.missing.append(str(error))

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.meta("scenario_name") or "run")

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The scenario as resolved, as the manifest holds it."""
        found = self.meta("scenario")
        return found if isinstance(found, Mapping) else {}

    @property
    def sites(self) -> list[Mapping[str, Any]]:
        """The tables ``[[sites]]`` of the scenario."""
        found = self.scenario.get("sites")
        return [s for s in found if isinstance(s, Mapping)] if isinstance(found, list) else []

    @property
    def started(self) -> str:
        """When the run began, as text; empty if not known."""
        try:
            return f"{datetime.fromisoformat(str(self.meta('started'))):%Y-%m-%d %H:%M:%S} UTC"
        except ValueError:
            return ""

    def clock(self) -> Clock:
        """Local time of the scenario; seconds since the start where the scenario is not known."""
        try:
            zone = ZoneInfo(str(dig(self.scenario, "scenario", "timezone")))
            start = datetime.fromisoformat(str(dig(self.scenario, "scenario", "start")))
        except (ValueError, ZoneInfoNotFoundError):
            return Clock()
        return Clock(start.replace(tzinfo=zone) if start.tzinfo is None else start, zone)

    def messages(self) -> MessageSeries | None:
        """Calls of the stations by type, predicted and measured, as rates."""
        frame = self.table("messages")
        if frame is None:
            return None
        frame = frame[frame["direction"] == "station"]
        if frame.empty:
            return None
        at, counts = floats(frame, "bucket_s"), floats(frame, "count")
        starts = np.unique(at)
        unit = float(np.diff(starts).min()) if len(starts) > 1 else 1.0 if self.live else 60.0
        length = words.as_number(self.get("duration_s")) or 0.0
        first = min(0.0, float(starts[0]))
        last = max(float(starts[-1]), 0.0 if self.live else length - unit)
        width = round((last - first) / unit) + 1
        slots = np.rint((at - first) / unit).astype(np.int64)
        found: dict[str, dict[str, F64]] = {PREDICTED: {}, MEASURED: {}}
        keys = frame["source"].astype(str) + ":" + frame["action"].astype(str)
        for key, where in sorted(keys.groupby(keys).indices.items()):
            source, _, action = str(key).partition(":")
            if source in found:
                total = np.bincount(slots[where], counts[where], width)
                found[source][action] = total / unit
        seconds: F64 = first + unit * np.arange(width, dtype=np.float64)
        return MessageSeries(seconds, unit, found[PREDICTED], found[MEASURED])

    def message_totals(self) -> dict[str, tuple[float, float]]:
        """(predicted, measured) by type, from the busiest type down."""
        frame = self.table("station_messages")
        if frame is not None:
            sums = frame.groupby("action")[["predicted", "measured"]].sum()
            rows = {str(a): (float(r.iloc[0]), float(r.iloc[1])) for a, r in sums.iterrows()}
        else:
            series = self.messages()
            if series is None:
                return {}
            rows = {
                action: (
                    float(np.sum(series.predicted.get(action, 0.0)) * series.unit_s),
                    float(np.sum(series.measured.get(action, 0.0)) * series.unit_s),
                )
                for action in {*series.predicted, *series.measured}
            }
        return dict(sorted(rows.items(), key=lambda row: (-max(row[1]), row[0])))
