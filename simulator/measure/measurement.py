"""What a run's shards measured, and their sum.

``ShardMeasurement`` is what a shard hands to its parent (picklable); ``merge`` adds any number of
them into a ``Measurement``. Nothing is averaged: counts are added and read off afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.measure.errors import ErrorLog
from simulator.measure.histogram import Histogram, total
from simulator.measure.hlog import write_hlog
from simulator.measure.keys import Kind, SeriesKey
from simulator.measure.machine import MachineSample
from simulator.measure.phases import PhaseFacts
from simulator.measure.seconds import Grid, LatencyBySecond
from simulator.station.ports import CallOutcome

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class CpuSample:
    """CPU seconds used by a process until ``at_s``, and its resident memory then."""

    at_s: float
    cpu_s: float
    rss_kb: float


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Attempts at calls, and how they ended. ``planned`` was counted on its own."""

    planned: int
    answered: int
    callerror: int
    timeout: int
    connection_lost: int
    censored: int
    skipped: int

    @property
    def ended(self) -> int:
        """The sum of all outcomes; equal to ``planned`` unless something was lost count of."""
        return self.answered + self.failed + self.censored + self.skipped

    @property
    def failed(self) -> int:
        """Attempts that failed: CALLERROR, timeout or connection lost."""
        return self.callerror + self.timeout + self.connection_lost

    @property
    def error_ratio(self) -> float | None:
        """Failed attempts / (failed + answered); None if there were neither."""
        decided = self.failed + self.answered
        return self.failed / decided if decided else None

    def as_dict(self) -> dict[str, int]:
        """The counts in the order of ``summary.json``."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class ShardMeasurement:
    """Everything one shard measured. Arrays by action follow ``actions``."""

    shard: int
    ended_s: float
    phases: tuple[tuple[float, str], ...]
    station_ids: tuple[str, ...]
    actions: tuple[str, ...]
    histograms: dict[SeriesKey, Histogram]
    planned: I64
    outcomes: I64
    """Shape (actions, 6): attempts by action and ``CallOutcome``."""
    written: I64
    logical: I32
    """Shape (stations, actions): new messages planned."""
    answered: I32
    """Shape (stations, actions): attempts answered."""
    not_sent: int
    grid: Grid
    by_second: LatencyBySecond
    errors: ErrorLog
    skipped: Counter[tuple[str, str]]
    """By (action, reason)."""
    served: Counter[tuple[str, str]]
    """Calls of the CSMS by (action, our error code or "")."""
    connect: dict[str, Histogram]
    loop_lag: Histogram
    gc_pauses: Histogram
    cpu: tuple[CpuSample, ...]
    rss_before_kb: float | None
    rss_full_kb: float | None
    connected: int
    booted: int
    record_s: float
    machine: tuple[MachineSample, ...] = ()
    watching_s: float = 0.0
    """CPU time of what is read and told each second; ``record_s`` is that of recording a call."""
    by_phase: PhaseFacts | None = None
    """The counts once more, told apart by phase."""

    def select(self, kind: Kind, action: str = "*", skip_phases: Collection[str] = ()) -> Histogram:
        """The sum of the stations' series of a kind; ``action`` may be ``*``."""
        return select(self.histograms, kind, action, skip_phases)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A whole run: the sum of its shards, which stay at hand in ``shards``."""

    shards: tuple[ShardMeasurement, ...]
    histograms: dict[SeriesKey, Histogram]
    grid: Grid
    by_second: LatencyBySecond
    errors: ErrorLog
    connect: dict[str, Histogram]

    @property
    def actions(self) -> tuple[str, ...]:
        """Every action that a station called or was to call, sorted."""
        return tuple(sorted({action for shard in self.shards for action in shard.actions}))

    @property
    def ended_s(self) -> float:
        """End of the run in seconds since T0."""
        return max((shard.ended_s for shard in self.shards), default=0.0)

    def select(self, kind: Kind, action: str = "*", skip_phases: Collection[str] = ()) -> Histogram:
        """The sum of the stations' series of a kind; ``action`` may be ``*``."""
        return select(self.histograms, kind, action, skip_phases)

    def calls_by_action(self) -> dict[str, CallCounts]:
        """Counts of attempts by action."""
        sums = {action: np.zeros(1 + len(CallOutcome), np.int64) for action in self.actions}
        for shard in self.shards:
            for number, action in enumerate(shard.actions):
                sums[action][0] += shard.planned[number]
                sums[action][1:] += shard.outcomes[number]
        return {action: CallCounts(*row.tolist()) for action, row in sums.items()}

    def calls(self) -> CallCounts:
        """Counts of attempts, all actions together."""
        rows = [tuple(c.as_dict().values()) for c in self.calls_by_action().values()]
        return CallCounts(*(sum(column) for column in zip(*rows, strict=True)) if rows else [0] * 7)

    def latency_ms(
        self, skip_phases: Collection[str] = ()
    ) -> dict[str, dict[str, dict[str, float | int | None]]]:
        """{action: {"response": {n, p50, p95, p99, max}, "service": {...}}} in ms, and ``*``.

        p99 is None below 299 values and p95 below 59: see ``slo.needed``.
        """
        table = {}
        for action in (*self.actions, "*"):
            rows = {
                str(kind): latency_row(self.select(kind, action, skip_phases))
                for kind in (Kind.RESPONSE, Kind.SERVICE)
            }
            if any(row["n"] for row in rows.values()):
                table[action] = rows
        return table

    def station_counts(
        self, what: str = "answered"
    ) -> tuple[tuple[str, ...], tuple[str, ...], I32]:
        """(station ids, actions, counts of shape (stations, actions)).

        ``what`` is ``answered`` (attempts answered) or ``logical`` (new messages planned).
        """
        actions = self.actions
        column = {action: number for number, action in enumerate(actions)}
        blocks = []
        for shard in self.shards:
            block = np.zeros((len(shard.station_ids), len(actions)), np.int32)
            block[:, [column[action] for action in shard.actions]] = getattr(shard, what)
            blocks.append(block)
        ids = tuple(name for shard in self.shards for name in shard.station_ids)
        counts = np.vstack(blocks) if blocks else np.zeros((0, len(actions)), np.int32)
        return ids, actions, counts

    def messages_by_second(self) -> dict[tuple[str, str], I64]:
        """Calls written per second since T0, by (action, direction ``station`` or ``csms``)."""
        table = {}
        for name in self.grid.rows:
            direction, _, action = name.partition(":")
            if action:
                table[action, direction] = self.grid.values(name)
        return table

    def seconds(self) -> dict[str, list[Any]]:
        """The per-second series as columns of one length, from second 0 to the last.

        ``planned`` (by due time), ``written``, ``answered`` and ``errors`` count; ``connected`` and
        ``booted`` are the state at the end of the second (booted: stations ever accepted), and so
        is ``backlog``;
        ``p50_ms`` and ``p99_ms`` are of the responses that ended in it (within 6.25 %), or None.
        """
        length = max(self.grid.length, 1)
        columns: dict[str, list[Any]] = {"second": list(range(length))}
        for name in ("planned", "written", "answered", "errors"):
            columns[name] = self.grid.values(name, length).tolist()
        for name in ("connected", "booted"):
            columns[name] = np.cumsum(self.grid.values(name, length)).tolist()
        columns["backlog"] = self.backlog().tolist()
        pairs = [self.by_second.percentiles_ms((50, 99), (second,)) for second in range(length)]
        columns["p50_ms"] = [pair[0] for pair in pairs]
        columns["p99_ms"] = [pair[1] for pair in pairs]
        return columns

    def backlog(self) -> NDArray[np.int64]:
        """Attempts that are due and have not ended, at the end of each second from 0 on."""
        length = max(self.grid.length, 1)
        change = self.grid.values("planned", length) - self.grid.values("ended", length)
        waiting: NDArray[np.int64] = np.cumsum(change)
        return waiting

    def identity_problems(self) -> list[str]:
        """Contradictions in the counts, in words; empty when everything adds up."""
        problems = []
        for action, counts in self.calls_by_action().items():
            if counts.planned != counts.ended:
                parts = " + ".join(
                    f"{v} {k}" for k, v in counts.as_dict().items() if k != "planned"
                )
                problems.append(f"{action}: {counts.planned} planned, but {parts} = {counts.ended}")
            n = self.select(Kind.RESPONSE, action).n
            if n != counts.answered + counts.timeout:
                problems.append(
                    f"{action}: {n} response times for {counts.answered} answered"
                    f" + {counts.timeout} timed out"
                )
        return problems

    def generator(self) -> dict[str, float | None]:
        """What the generator itself used: the fields ``generator`` of ``summary.json``."""
        cpu_s = sum(shard.cpu[-1].cpu_s - shard.cpu[0].cpu_s for shard in self.shards if shard.cpu)
        written = sum(int(shard.written.sum()) for shard in self.shards)
        lag = total(shard.loop_lag for shard in self.shards).percentile(99)
        return {
            "cpu_s": cpu_s,
            "calls_per_cpu_s": written / cpu_s if cpu_s > 0 else None,
            "rss_kb_per_station": _rss_per_station(self.shards),
            "loop_lag_p99_ms": None if lag is None else lag / 1000,
        }

    def hlog(self, path: Path, *, start_epoch_s: float, comments: tuple[str, ...] = ()) -> None:
        """Write every series as a HdrHistogram log; see ``hlog.write_hlog``."""
        series = {key.tag: histogram for key, histogram in sorted(self.histograms.items())}
        series |= {f"connect/{step}": histogram for step, histogram in self.connect.items()}
        series["generator/loop_lag"] = total(shard.loop_lag for shard in self.shards)
        write_hlog(
            path, series, start_epoch_s=start_epoch_s, length_s=self.ended_s, comments=comments
        )


def merge(shards: Sequence[ShardMeasurement]) -> Measurement:
    """Add shards up. The order of the shards decides the order of the stations, nothing else."""
    histograms: dict[SeriesKey, Histogram] = {}
    connect: dict[str, Histogram] = {}
    grid, by_second, errors = Grid(()), LatencyBySecond(), ErrorLog()
    for shard in shards:
        for key, histogram in shard.histograms.items():
            histograms.setdefault(key, Histogram()).add(histogram)
        for step, histogram in shard.connect.items():
            connect.setdefault(step, Histogram()).add(histogram)
        grid.add_grid(shard.grid)
        by_second.add_log(shard.by_second)
        errors.add_log(shard.errors)
    return Measurement(tuple(shards), histograms, grid, by_second, errors, connect)


def select(
    histograms: Mapping[SeriesKey, Histogram],
    kind: Kind,
    action: str = "*",
    skip_phases: Collection[str] = (),
    direction: str = "station",
) -> Histogram:
    """The sum of the series of a kind, over versions and phases and, with ``*``, actions."""
    return total(
        histogram
        for key, histogram in histograms.items()
        if key.kind == kind
        and key.direction == direction
        and action in ("*", key.action)
        and key.phase not in skip_phases
    )


def needed(percent: float) -> int:
    """How many values a percentile needs: below, none of them bounds it with 95 % confidence.

    The smallest n with (percent/100)^n <= 0.05: 59 for p95, 299 for p99, 2995 for p99.9.
    """
    if percent >= 100:
        return 1
    return int(np.ceil(np.log(0.05) / np.log(percent / 100)))


def latency_row(histogram: Histogram) -> dict[str, float | int | None]:
    """{n, p50, p95, p99, max} in ms; a percentile is None where there are too few values for it."""
    row: dict[str, float | int | None] = {"n": histogram.n}
    for percent in (50, 95, 99):
        us = histogram.percentile(percent) if histogram.n >= needed(percent) else None
        row[f"p{percent}"] = None if us is None else us / 1000
    row["max"] = histogram.max_us / 1000 if histogram.n else None
    return row


def _rss_per_station(shards: Iterable[ShardMeasurement]) -> float | None:
    grown, stations = 0.0, 0
    for shard in shards:
        if shard.rss_before_kb is None or shard.rss_full_kb is None:
            return None
        grown += shard.rss_full_kb - shard.rss_before_kb
        stations += len(shard.station_ids)
    return grown / stations if stations else None
