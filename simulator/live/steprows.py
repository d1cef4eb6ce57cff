"""One row for each step of a staged run: what was asked, what came of it, and whether it counts.

The same rows are made twice: as soon as a step is over, from what the shards tell of it, for the
terminal; and at the end from everything, for summary and report, when late answers are known too.
Pure. What a step is, is in ``fleet.steps``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.measure.errors import CONNECTING as _CONNECTING
from simulator.measure.keys import Kind
from simulator.measure.measurement import Measurement, latency_row, merge
from simulator.measure.phases import part
from simulator.measure.slo import evaluate
from simulator.measure.validity import check

if TYPE_CHECKING:
    from simulator.fleet.steps import Step
    from simulator.measure.measurement import ShardMeasurement
    from simulator.measure.validity import Limits
    from simulator.scenario.slo import Clause

F64 = NDArray[np.float64]
OF_THE_RUN: Final = ("transactions.", "stations.")
"""Clauses that say nothing of a single step."""
EDGE: Final = 0.25
"""Part of a step at its beginning and at its end over which the backlog is averaged."""
ROOM: Final = 1.25
"""A backlog may be so many times what it was, ..."""
ROOM_S: Final = 0.1
"""... and as many calls larger as are due in this time (2 at least), and is still what it was."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """How a step went. Rates are per second of its measured time."""

    step: int
    kind: str
    start_s: float
    end_s: float
    stations: int
    """That were to be on at its end."""
    connected: int | None
    """That were connected at the end of its last whole second; None: not known."""
    demand: float
    asked_per_s: float
    """Calls that were due."""
    achieved_per_s: float
    """Calls due in it that were written."""
    n: int
    """Response times."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    """None where there are too few (``measurement.needed``)."""
    errors: int
    """Calls due in it that failed, and connections that did."""
    backlog_start: float
    backlog_end: float
    """Calls due and not ended, mean over the first and the last quarter."""
    drained: bool
    valid: bool
    broken: tuple[str, ...]
    """Names of the rules of validity that were not kept."""
    slo: bool | None
    """Every clause that can be judged of a step is met; None: none can."""
    missed: tuple[str, ...]
    """Clauses that are not met."""
    level: bool
    """Nothing moved in it, so it says what a network of this size needs."""
    stormy_s: float = 0.0
    """Of its time, taken up by storms and what followed them: left out of its figures."""

    @property
    def good(self) -> bool:
        """It met the SLO, drained, and the generator kept up."""
        return self.level and self.valid and self.drained and self.slo is True

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON types."""
        return asdict(self) | {"broken": list(self.broken), "missed": list(self.missed)}


@dataclass(frozen=True, slots=True)
class Backlog:
    """Calls due and not ended at moments in order of time."""

    at_s: F64
    calls: F64

    def edges(self, start_s: float, end_s: float) -> tuple[float, float, float]:
        """The backlog at the start, and its mean over the first and the last part of that time."""
        length = (end_s - start_s) * EDGE
        first = self._mean(start_s, start_s + length)
        return self._mean(start_s, start_s), first, self._mean(end_s - length, end_s)

    def _mean(self, from_s: float, to_s: float) -> float:
        if not len(self.at_s):
            return 0.0
        begin = int(np.searchsorted(self.at_s, from_s, side="left"))
        end = int(np.searchsorted(self.at_s, to_s, side="right"))
        if begin == end:
            begin, end = max(end - 1, 0), max(end, 1)
        return float(self.calls[begin:end].mean())


def backlog_of(measurement: Measurement) -> Backlog:
    """The backlog at the end of each second of a run."""
    grid = measurement.grid
    length = grid.length
    calls = np.cumsum(grid.values("planned", length)) - np.cumsum(grid.values("ended", length))
    return Backlog(np.arange(1, length + 1, dtype=np.float64), calls.astype(np.float64))


def drained(asked_per_s: float, edges: tuple[float, float, float]) -> bool:
    """Is the backlog at the end of a step what it was at its beginning?

    What is on its way to a CSMS that keeps up stays the same through a step (Little's law); a CSMS
    that does not keep up lets it grow all the time.
    """
    start, first, last = edges
    return last <= max(start, first) * ROOM + max(ROOM_S * asked_per_s, 2.0)


def step_row(
    step: Step,
    measured: Measurement,
    backlog: Backlog,
    connected: int | None,
    clauses: Sequence[Clause],
    limits: Limits | None = None,
) -> StepRow:
    """The row of a step; ``measured`` is what was measured of its phases alone.

    ``limits`` are those of validity; None: the usual ones.
    """
    length = max(step.end_s - step.start_s - step.stormy_s, 1e-9)
    calls = measured.calls()
    written = sum(int(shard.written.sum()) for shard in measured.shards)
    latency = latency_row(measured.select(Kind.RESPONSE))
    asked = calls.planned / length
    edges = backlog.edges(step.start_s, step.end_s)
    broken = [
        row.name for row in check(measured, limits) if not row.ok and row.name != "calls_add_up"
    ]
    mine = [c for c in clauses if c.path is None or not c.path.startswith(OF_THE_RUN)]
    judged = [r for r in evaluate(mine, measured, {}, skip_phases=()) if r.value is not None]
    return StepRow(
        step=step.number,
        kind=step.kind,
        start_s=step.start_s,
        end_s=step.end_s,
        stations=step.stations,
        connected=connected,
        demand=step.demand,
        asked_per_s=asked,
        achieved_per_s=written / length,
        n=int(latency["n"] or 0),
        p50_ms=latency["p50"],
        p95_ms=latency["p95"],
        p99_ms=latency["p99"],
        errors=calls.failed + measured.errors.count(_CONNECTING),
        backlog_start=max(edges[0], edges[1]),
        backlog_end=edges[2],
        drained=drained(asked, edges),
        valid=not broken,
        broken=tuple(broken),
        slo=all(r.ok for r in judged) if judged else None,
        missed=tuple(r.text for r in judged if not r.ok),
        level=step.level,
        stormy_s=step.stormy_s,
    )


def step_rows(
    steps: Sequence[Step],
    whole: Measurement,
    clauses: Sequence[Clause],
    limits: Limits | None = None,
) -> list[StepRow]:
    """The rows of the steps that took place, from the whole measurement."""
    backlog = backlog_of(whole)
    length = whole.grid.length
    connected = np.cumsum(whole.grid.values("connected", length))
    rows = []
    for step in steps:
        if step.end_s > whole.ended_s or not whole.shards:
            continue
        # The last second that lies in the step altogether: the next one may begin by a jump.
        at = min(max(int(step.end_s) - 1, 0), length - 1)
        here = int(connected[at]) if length else None
        measured = merge(parts(step, whole.shards))
        rows.append(step_row(step, measured, backlog, here, clauses, limits))
    return rows


def parts(step: Step, shards: Sequence[ShardMeasurement]) -> list[ShardMeasurement]:
    """What each shard measured of a step."""
    return [part(shard, step.labels, step.start_s, step.end_s) for shard in shards]


def capacity(rows: Sequence[StepRow]) -> StepRow | None:
    """The largest step that met the SLO, drained and was VALID: by stations, then by demand."""
    good = [row for row in rows if row.good]
    return max(good, key=lambda row: (row.stations, row.demand, row.asked_per_s), default=None)


def capacity_words(rows: Sequence[StepRow], *, has_slo: bool) -> str:
    """What the steps say about the capacity, in a sentence."""
    levels = [row for row in rows if row.level]
    if not levels:
        return "no step stayed at one level, so the run says nothing about capacity"
    if not has_slo:
        return "no step can be called good: the scenario requires nothing ([slo] require)"
    best = capacity(rows)
    if best is None:
        return "no step met the SLO, drained and was VALID"
    words = (
        f"the largest step that met the SLO, drained and was VALID is step {best.step}:"
        f" {best.stations} stations"
    )
    words += f" at {best.demand:g} times the demand" if best.demand != 1.0 else ""
    words += f", {best.achieved_per_s:.0f} calls per second"
    smaller = [
        str(row.step)
        for row in levels
        if not row.good and (row.stations, row.demand) < (best.stations, best.demand)
    ]
    if smaller:
        words += f" (smaller and not good: {', '.join(smaller)})"
    if best.stations == max(row.stations for row in levels) and best.demand == max(
        row.demand for row in levels
    ):
        words += "; nothing larger was tried"
    return words


def _at(second: float) -> str:
    return f"{second:.1f}".removesuffix(".0")


def line(row: StepRow) -> str:
    """A row in one plain line."""

    def ms(value: float | None) -> str:
        return "-" if value is None else f"{value:.1f} ms"

    there = f"{row.connected}/{row.stations}" if row.connected is not None else str(row.stations)
    slo = {True: "SLO met", False: "SLO missed", None: "no SLO"}[row.slo]
    return "  ".join(
        [
            f"step {row.step} {row.kind} {_at(row.start_s)}-{_at(row.end_s)} s",
            f"stations {there}",
            f"demand x{row.demand:g}",
            f"{row.asked_per_s:.0f} asked {row.achieved_per_s:.0f} sent /s",
            f"p50 {ms(row.p50_ms)} p95 {ms(row.p95_ms)} p99 {ms(row.p99_ms)}",
            f"errors {row.errors}",
            "drained" if row.drained else f"NOT drained ({row.backlog_end:.0f} waiting)",
            "VALID" if row.valid else f"INVALID ({', '.join(row.broken)})",
            slo,
            *([f"{_at(row.stormy_s)} s of storms left out"] if row.stormy_s else []),
        ]
    )
