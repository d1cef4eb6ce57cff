"""What a shard measured, told apart by phase: enough to judge a part of a run like a run.

``PhaseFacts`` is what the recorder keeps by phase besides its histograms (whose keys name the
phase); ``part`` makes of a shard's measurement that of some of its phases, and ``merge`` puts the
parts of all shards together as it does whole ones. A call belongs to the phase in which it was due,
an error or a step of a connection to the one in which it happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.measure.errors import ErrorClass, ErrorKind, ErrorLog
from simulator.measure.histogram import Histogram, total
from simulator.measure.seconds import Grid, LatencyBySecond

if TYPE_CHECKING:
    from simulator.measure.measurement import ShardMeasurement

I64 = NDArray[np.int64]
LAG, PAUSES = "lag", "gc"
"""Series of the generator's own health; the others are the steps of a connection."""


@dataclass(frozen=True, slots=True)
class PhaseFacts:
    """Counts and series by phase; arrays by action follow the shard's actions."""

    planned: I64
    """Shape (phases, actions)."""
    outcomes: I64
    """Shape (phases, actions, outcomes)."""
    written: I64
    """Shape (phases, actions)."""
    not_sent: I64
    """Shape (phases,)."""
    series: dict[tuple[int, str], Histogram]
    """By phase and name: ``lag``, ``gc``, or a step of a connection."""
    errors: Counter[tuple[int, ErrorKind]]


class PhaseSeries:
    """The series by phase while they grow; those of finished phases are packed."""

    __slots__ = ("errors", "phase", "series")

    def __init__(self) -> None:
        self.phase = 0
        """Number of the phase under way."""
        self.series: dict[tuple[int, str], Histogram] = {}
        self.errors: Counter[tuple[int, ErrorKind]] = Counter()

    def record(self, name: str, seconds: float) -> None:
        """A value of the phase under way."""
        key = self.phase, name
        found = self.series.get(key)
        if found is None:
            found = self.series[key] = Histogram()
        found.record(seconds)

    def enter(self, phase: int) -> None:
        """That phase has begun."""
        if phase == self.phase:
            return
        self.phase = phase
        for (number, _), histogram in self.series.items():
            if number != phase:
                histogram.pack()


def part(
    shard: ShardMeasurement, names: Collection[str], start_s: float, end_s: float
) -> ShardMeasurement:
    """The measurement of the phases of these names, which take up ``start_s`` to ``end_s``.

    Without a grid of seconds and latencies by second: those are told apart by time anyway. Raises
    ValueError for a measurement that was not told apart by phase.
    """
    facts = shard.by_phase
    if facts is None:
        raise ValueError(f"shard {shard.shard} was not measured by phase")
    mine = [number for number, (_, name) in enumerate(shard.phases) if name in names]
    errors = ErrorLog()
    for (number, kind), count in facts.errors.items():
        if number in mine:
            errors.classes.setdefault((kind, ""), ErrorClass()).count += count

    def series(name: str) -> Histogram:
        keys = ((number, name) for number in mine)
        return total(facts.series[key] for key in keys if key in facts.series)

    return replace(
        shard,
        ended_s=end_s - start_s,
        histograms={key: h for key, h in shard.histograms.items() if key.phase in names},
        planned=facts.planned[mine].sum(axis=0),
        outcomes=facts.outcomes[mine].sum(axis=0),
        written=facts.written[mine].sum(axis=0),
        not_sent=int(facts.not_sent[mine].sum()),
        errors=errors,
        connect={step: series(step) for step in shard.connect},
        loop_lag=series(LAG),
        gc_pauses=series(PAUSES),
        cpu=tuple(s for s in shard.cpu if start_s - 0.5 <= s.at_s <= end_s + 0.5),
        machine=tuple(replace(s, at_s=s.at_s - start_s) for s in shard.machine),
        # It is the same each second, so it is not told apart.
        watching_s=shard.watching_s * (end_s - start_s) / max(shard.ended_s, end_s - start_s),
    )


def slim(shard: ShardMeasurement) -> ShardMeasurement:
    """A part without what is by station or by second: small enough to be sent during a run."""
    nobody = np.zeros((0, len(shard.actions)), np.int32)
    return replace(
        shard,
        by_phase=None,
        grid=Grid(()),
        by_second=LatencyBySecond(),
        station_ids=(),
        logical=nobody,
        answered=nobody,
    )
