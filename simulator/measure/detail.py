"""What a shard tells of itself each second beyond its snapshot, for metrics and per-second lines.

Made only on request. Latencies come as cumulative counts at fixed edges, read off the histograms
of the whole run; whatever did not change since the last time is not counted again, so that a
second costs well below a millisecond. Adding shards is adding counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.measure.buffer import Fold
from simulator.measure.histogram import Histogram, index_of
from simulator.measure.keys import Kind, SeriesKey
from simulator.measure.seconds import LatencyBySecond
from simulator.station.ports import CallOutcome

I64 = NDArray[np.int64]

_STEPS: Final = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)
EDGES_US: Final = (
    *(round(step * 10.0**power) for power in range(2, 8) for step in _STEPS),
    100_000_000,
)
"""Upper edges of the buckets: ten to a decade, from 100 us to 100 s (ISO 3, series R10)."""
_SLOTS: Final = np.array([index_of(us) for us in EDGES_US], np.int64)
WINDOW_S: Final = 10
"""Whole seconds that every detail repeats, so that none is lost with a snapshot."""
SECOND: Final = ("planned", "written", "answered", "errors")


@dataclass(slots=True)
class Buckets:
    """A latency series as Prometheus has it: values up to each edge, all values, their sum."""

    counts: I64 = field(default_factory=lambda: np.zeros(len(EDGES_US), np.int64))
    """Cumulative; a value just above an edge (by less than 0.1 %) may count below it."""
    n: int = 0
    sum_us: int = 0

    def add(self, other: Buckets) -> None:
        """Add another series."""
        self.counts = self.counts + other.counts
        self.n += other.n
        self.sum_us += other.sum_us


def buckets_of(histogram: Histogram) -> Buckets:
    """A histogram, read off at the edges."""
    return Buckets(histogram.up_to(_SLOTS), histogram.n, histogram.sum_us)


@dataclass(slots=True)
class Detail:
    """One shard, or several together, at one moment."""

    now_s: float = 0.0
    calls: dict[str, I64] = field(default_factory=dict)
    """By action: attempts planned, then ended by ``CallOutcome``."""
    series: dict[tuple[str, str], Buckets] = field(default_factory=dict)
    """By (action, kind); the generator's own have the action ``""``."""
    seconds: dict[int, dict[str, int]] = field(default_factory=dict)
    """The last whole seconds: counts, and stations connected and booted at their end."""
    latency: LatencyBySecond = field(default_factory=LatencyBySecond)


class DetailMaker:
    """Makes the details of one shard; keeps what did not change."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._known: dict[SeriesKey, tuple[int, Buckets]] = {}

    def make(self, now: float, loop_lag: Histogram) -> Detail:
        """The shard at ``now``; everything recorded so far must have been folded."""
        fold = self._fold
        made = Detail(now, latency=fold.by_second.window(_last(now)))
        planned, ended = fold.planned.sum(axis=0), fold.calls.sum(axis=0)
        for number, action in enumerate(fold.actions):
            made.calls[action] = np.append(planned[number], ended[number])
        for key, histogram in fold.histograms.items():
            if key.direction == "station" and histogram.n:
                self._add(made, key, histogram)
        made.series["", "loop_lag"] = buckets_of(loop_lag)
        made.seconds = self._seconds(now)
        return made

    def _add(self, made: Detail, key: SeriesKey, histogram: Histogram) -> None:
        if key.kind in (Kind.RESPONSE, Kind.SERVICE):
            name = (key.action, str(key.kind))
        elif key.kind is Kind.QUEUE_GENERATOR:
            name = ("", str(key.kind))
        else:
            return
        n, known = self._known.get(key, (0, Buckets()))
        if n != histogram.n:
            known = buckets_of(histogram)
            self._known[key] = (histogram.n, known)
        made.series.setdefault(name, Buckets()).add(known)

    def _seconds(self, now: float) -> dict[int, dict[str, int]]:
        grid, last = self._fold.grid, _last(now)
        if not last:
            return {}
        length = last[-1] + 1
        rows = {name: grid.values(name, length) for name in SECOND}
        rows |= {name: np.cumsum(grid.values(name, length)) for name in ("connected", "booted")}
        return {second: {name: int(row[second]) for name, row in rows.items()} for second in last}


def _last(now: float) -> Sequence[int]:
    return range(max(int(now) - WINDOW_S, 0), max(int(now), 0))


def combine_details(details: Iterable[Detail]) -> Detail:
    """Add the shards' latest details; of the seconds, those that every shard tells."""
    several = list(details)
    whole = Detail(min((detail.now_s for detail in several), default=0.0))
    for detail in several:
        for action, counts in detail.calls.items():
            before = whole.calls.get(action, np.zeros(1 + len(CallOutcome), np.int64))
            whole.calls[action] = before + counts
        for name, buckets in detail.series.items():
            whole.series.setdefault(name, Buckets()).add(buckets)
        whole.latency.add_log(detail.latency)
    common = set.intersection(*(set(detail.seconds) for detail in several)) if several else set()
    for second in sorted(common):
        row: Counter[str] = Counter()
        for detail in several:
            row.update(detail.seconds[second])
        whole.seconds[second] = dict(row)
    return whole


def outcomes(counts: I64) -> dict[str, int]:
    """Attempts that ended, by outcome, of a row of ``Detail.calls``."""
    return {outcome.name.lower(): int(counts[1 + outcome]) for outcome in CallOutcome}


def second_row(detail: Detail, second: int) -> dict[str, Any]:
    """One whole second as a JSON object: what was due, written and answered in it, how fast."""
    row = detail.seconds[second]
    p50, p95, p99 = detail.latency.percentiles_ms((50, 95, 99), (second,))
    return {
        "second": second,
        "connected": row["connected"],
        "booted": row["booted"],
        **{name: row[name] for name in SECOND},
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
    }
