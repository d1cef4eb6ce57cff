"""Raw facts about calls, packed on the hot path and folded by numpy in blocks.

``Fold`` owns what the facts become: histograms by series, counts by action and outcome, counts by
station and action, and the per-second series. Only ``recorder`` uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from simulator.measure.histogram import HIGHEST_US, Histogram, indices_of
from simulator.measure.keys import Kind, SeriesKey
from simulator.measure.seconds import Grid, LatencyBySecond, whole_seconds
from simulator.station.ports import CallOutcome

PLANNED = Struct("<iidd")
PLANNED_TYPE = np.dtype([("station", "<i4"), ("action", "<i4"), ("due", "<f8"), ("attempt", "<f8")])
FINISHED = Struct("<iiddddd")
FINISHED_TYPE = np.dtype(
    [
        ("station", "<i4"),
        ("code", "<i4"),
        ("due", "<f8"),
        ("written", "<f8"),
        ("ended", "<f8"),
        ("protocol", "<f8"),
        ("wait", "<f8"),
    ]
)
OUTCOME_BITS = 3
ROWS = ("planned", "written", "answered", "errors", "ended")

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

# Rows of the matrix of durations that a block is turned into.
_RESPONSE, _SERVICE, _QUEUE, _PROTOCOL, _STATION, _GENERATOR = range(6)
_QUEUES = (
    (_QUEUE, Kind.QUEUE),
    (_PROTOCOL, Kind.QUEUE_PROTOCOL),
    (_STATION, Kind.QUEUE_STATION),
    (_GENERATOR, Kind.QUEUE_GENERATOR),
)
_BY_OUTCOME: dict[CallOutcome, tuple[tuple[int, Kind], ...]] = {
    CallOutcome.ANSWERED: ((_RESPONSE, Kind.RESPONSE), (_SERVICE, Kind.SERVICE)),
    CallOutcome.CALLERROR: ((_RESPONSE, Kind.ERROR_RESPONSE), (_SERVICE, Kind.ERROR_SERVICE)),
    CallOutcome.TIMEOUT: ((_RESPONSE, Kind.RESPONSE), (_SERVICE, Kind.SERVICE)),
    CallOutcome.CONNECTION_LOST: ((_RESPONSE, Kind.LOST),),
    CallOutcome.CENSORED: (
        (_RESPONSE, Kind.CENSORED),
        (_SERVICE, Kind.CENSORED_SERVICE),
        (_QUEUE, Kind.CENSORED_QUEUE),
    ),
    CallOutcome.SKIPPED: (),
}
_WRITTEN_ONLY = frozenset({Kind.SERVICE, Kind.ERROR_SERVICE, Kind.CENSORED_SERVICE})
_UNWRITTEN_ONLY = frozenset({Kind.CENSORED_QUEUE})
_ERRORS = (CallOutcome.CALLERROR, CallOutcome.TIMEOUT, CallOutcome.CONNECTION_LOST)
_NOISE_S = 1e-6
_LATE_S = 0.01


class Fold:
    """What the calls of one shard add up to."""

    __slots__ = (
        "_plans",
        "actions",
        "answered",
        "by_second",
        "calls",
        "grid",
        "histograms",
        "logical",
        "not_sent",
        "phase_names",
        "phase_starts",
        "planned",
        "station_version",
        "versions",
        "written",
    )

    def __init__(
        self,
        station_count: int,
        phases: Sequence[tuple[float, str]],
        versions: str | Sequence[str],
    ) -> None:
        self.actions: list[str] = []
        self.phase_starts = np.array([start for start, _ in phases], np.float64)
        self.phase_names = tuple(name for _, name in phases)
        names = [versions] * station_count if isinstance(versions, str) else list(versions)
        if len(names) != station_count:
            raise ValueError(f"{len(names)} versions for {station_count} stations")
        self.versions = tuple(sorted(set(names))) or ("1.6",)
        self.station_version = np.array([self.versions.index(name) for name in names], np.int64)
        self.histograms: dict[SeriesKey, Histogram] = {}
        self._plans: dict[int, tuple[tuple[int, Histogram], ...]] = {}
        self.planned = np.zeros(0, np.int64)
        """Attempts planned, by action."""
        self.calls = np.zeros((0, len(CallOutcome)), np.int64)
        """Attempts ended, by action and outcome."""
        self.written = np.zeros(0, np.int64)
        """Attempts written, by action, however they ended."""
        self.logical = np.zeros((station_count, 0), np.int32)
        """First attempts planned, by station and action."""
        self.answered = np.zeros((station_count, 0), np.int32)
        """Attempts answered, by station and action."""
        self.not_sent = 0
        """Attempts that were never written because the generator itself was late."""
        self.grid = Grid(ROWS)
        self.by_second = LatencyBySecond()

    def add_action(self, action: str) -> int:
        """Make room for an action; gives its number."""
        self.actions.append(action)
        self.planned = np.append(self.planned, 0)
        self.written = np.append(self.written, 0)
        self.calls = np.vstack([self.calls, np.zeros((1, self.calls.shape[1]), np.int64)])
        self.logical = np.pad(self.logical, ((0, 0), (0, 1)))
        self.answered = np.pad(self.answered, ((0, 0), (0, 1)))
        self.grid.row(f"station:{action}")
        return len(self.actions) - 1

    def phase_of(self, due: F64) -> I64:
        """Number of the phase that each due time falls into (the first one if before all)."""
        found = np.searchsorted(self.phase_starts, due, side="right") - 1
        phases: I64 = np.maximum(found, 0).astype(np.int64)
        return phases

    def histogram(self, key: SeriesKey) -> Histogram:
        """The histogram of a series, made if it is new."""
        found = self.histograms.get(key)
        if found is None:
            found = self.histograms[key] = Histogram()
        return found

    def add_planned(self, block: bytes) -> None:
        """Fold a block of ``PLANNED`` records."""
        rows = np.frombuffer(block, PLANNED_TYPE)
        action = rows["action"].astype(np.int64)
        self.planned += np.bincount(action, minlength=len(self.actions))
        first = rows["attempt"] <= 1
        np.add.at(self.logical, (rows["station"][first], action[first]), 1)
        self.grid.add(self.grid.rows["planned"], whole_seconds(rows["due"]))

    def add_finished(self, block: bytes) -> None:
        """Fold a block of ``FINISHED`` records."""
        rows = np.frombuffer(block, FINISHED_TYPE)
        code = rows["code"].astype(np.int64)
        action, outcome = code >> OUTCOME_BITS, code & ((1 << OUTCOME_BITS) - 1)
        sent = ~np.isnan(rows["written"])
        us = np.clip(np.rint(_durations(rows, sent) * 1e6), 0, HIGHEST_US).astype(np.int64)
        self._count(rows, action, outcome, sent, us)
        self._measure(rows, code, sent, us)

    def _count(
        self, rows: NDArray[np.void], action: I64, outcome: I64, sent: NDArray[np.bool_], us: I64
    ) -> None:
        np.add.at(self.calls, (action, outcome), 1)
        np.add.at(self.written, action[sent], 1)
        good = outcome == CallOutcome.ANSWERED
        np.add.at(self.answered, (rows["station"][good], action[good]), 1)
        ours = us[_GENERATOR] > np.maximum(us[_RESPONSE] // 2, int(_LATE_S * 1e6))
        kept_back = ~sent & ours & (outcome != CallOutcome.SKIPPED)
        self.not_sent += int(np.count_nonzero(kept_back))

        grid, ended = self.grid, whole_seconds(rows["ended"])
        left = whole_seconds(rows["written"][sent])
        grid.add(grid.rows["written"], left)
        first_row = np.array([grid.rows[f"station:{name}"] for name in self.actions], np.int64)
        grid.add(first_row[action[sent]], left)
        grid.add(grid.rows["ended"], ended)
        grid.add(grid.rows["answered"], ended[good])
        grid.add(grid.rows["errors"], ended[np.isin(outcome, _ERRORS)])
        timed = good | (outcome == CallOutcome.TIMEOUT)
        self.by_second.add(ended[timed], us[_RESPONSE, timed])

    def _measure(self, rows: NDArray[np.void], code: I64, sent: NDArray[np.bool_], us: I64) -> None:
        """Add the durations to their histograms, one group of equal series at a time."""
        group = code * len(self.versions) + self.station_version[rows["station"]]
        group = (group * len(self.phase_names) + self.phase_of(rows["due"])) * 2 + sent
        order = np.argsort(group, kind="stable")
        group, us = group[order], us[:, order]
        slots = indices_of(us)
        delayed = (rows["wait"] > _NOISE_S)[order]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        sums = np.add.reduceat(us, starts, axis=1)
        lows = np.minimum.reduceat(us, starts, axis=1)
        highs = np.maximum.reduceat(us, starts, axis=1)
        ends = [*starts[1:].tolist(), len(group)]
        for number, (start, end) in enumerate(zip(starts.tolist(), ends, strict=True)):
            name = int(group[start])
            for row, histogram in self._plan(name):
                histogram.add_indexed(
                    slots[row, start:end],
                    int(sums[row, number]),
                    int(lows[row, number]),
                    int(highs[row, number]),
                )
            if delayed[start:end].any() and self._outcome(name) is CallOutcome.ANSWERED:
                late = us[_RESPONSE, start:end][delayed[start:end]]
                self.histogram(self._key(name, Kind.DELAYED)).record_many(late / 1e6)

    def _split(self, group: int) -> tuple[int, int, int, bool]:
        """(code, version, phase, sent) of a group's number."""
        rest, sent = divmod(group, 2)
        rest, phase = divmod(rest, len(self.phase_names))
        code, version = divmod(rest, len(self.versions))
        return code, version, phase, bool(sent)

    def _outcome(self, group: int) -> CallOutcome:
        return CallOutcome(self._split(group)[0] & ((1 << OUTCOME_BITS) - 1))

    def _key(self, group: int, kind: Kind) -> SeriesKey:
        code, version, phase, _ = self._split(group)
        action = self.actions[code >> OUTCOME_BITS]
        return SeriesKey(action, "station", self.versions[version], self.phase_names[phase], kind)

    def _plan(self, group: int) -> tuple[tuple[int, Histogram], ...]:
        """Which rows of the matrix go to which histograms."""
        plan = self._plans.get(group)
        if plan is None:
            sent = self._split(group)[3]
            outcome = self._outcome(group)
            kinds = (*_BY_OUTCOME[outcome], *_QUEUES) if sent else _BY_OUTCOME[outcome]
            never = _UNWRITTEN_ONLY if sent else _WRITTEN_ONLY
            plan = tuple(
                (row, self.histogram(self._key(group, kind)))
                for row, kind in kinds
                if kind not in never
            )
            self._plans[group] = plan
        return plan


def _durations(rows: NDArray[np.void], sent: NDArray[np.bool_]) -> F64:
    """Durations in seconds, shape (6, n); what was never written queued to the end."""
    due, ended = rows["due"], rows["ended"]
    written = np.where(sent, rows["written"], ended)
    out = np.empty((6, len(rows)), np.float64)
    out[_RESPONSE] = ended - due
    out[_SERVICE] = ended - written
    out[_QUEUE] = written - due
    out[_PROTOCOL] = rows["protocol"]
    out[_STATION] = rows["wait"]
    out[_GENERATOR] = out[_QUEUE] - out[_PROTOCOL] - out[_STATION]
    return out
