"""When each station is switched on, and what a moment of the run is called. Pure arithmetic.

A live run is a row of stages. During a ramp the number of stations switched on grows evenly from
``a`` to ``b``::

    n(t) = a + (b - a) * (t - t0) / (t1 - t0)            t0 <= t < t1

Station of rank ``i`` (0-based) is switched on when ``n(t) = i``, hence the closed form

    due(i) = t0 + (t1 - t0) * (i - a) / (b - a)          a <= i < b

Nothing is accumulated step by step, so a station's moment depends on its rank and on the stages
alone, whatever shard it runs in. The rank is a fixed shuffle of the network (by a hash of the
station's name), so that the sites of every shard come up together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from simulator.demand.draws import key64
from simulator.fleet.rules import BOOT_ALLOWANCE_S, CLOSING_S, CLOSING_SHARE

if TYPE_CHECKING:
    from simulator.scenario import Scenario

F64 = NDArray[np.float64]
Phase = Literal["connect", "boot", "measure", "storm", "cooldown"]
PHASES: Final[tuple[Phase, ...]] = ("connect", "boot", "measure", "storm", "cooldown")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: for ``length_s`` seconds ramp to ``stations`` switched on, or hold (None)."""

    length_s: float
    stations: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A phase of the run: ``start_s <= t < end_s``."""

    phase: Phase
    start_s: float
    end_s: float


def scenario_stages(
    scenario: Scenario, stations: int, run_s: float | None = None
) -> tuple[Stage, ...]:
    """The stages of a scenario for a fleet of that size; scaled to ``run_s`` if that is given.

    Raises ValueError as ``scaled`` does.
    """
    stages = tuple(
        Stage(stage.for_, None if stage.to is None else stage.to.of(stations))
        for stage in scenario.file.live.stages
    )
    return stages if run_s is None else scaled(stages, run_s)


def run_length(stages: Sequence[Stage]) -> float:
    """Seconds from T0 to the end of the last stage."""
    return float(sum(stage.length_s for stage in stages))


def scaled(stages: Sequence[Stage], run_s: float) -> tuple[Stage, ...]:
    """The same stages stretched or squeezed in proportion to last ``run_s`` in all.

    Raises ValueError for a length that is not above 0, or stages that last no time.
    """
    total = run_length(stages)
    if not run_s > 0.0:
        raise ValueError(f"a run must last longer than 0 s, not {run_s:g} s")
    if not total > 0.0:
        raise ValueError("stages that last 0 s cannot be scaled to a duration")
    return tuple(replace(stage, length_s=stage.length_s * run_s / total) for stage in stages)


def due_times(stages: Sequence[Stage], stations: int) -> F64:
    """Seconds after T0 at which the station of each rank is switched on, shape (stations,).

    ``inf`` for ranks that no ramp reaches. Without any ramp all are switched on at 0.
    Raises ValueError for a ramp that goes down or past the fleet's size.
    """
    due = np.full(stations, np.inf)
    if all(stage.stations is None for stage in stages):
        due[:] = 0.0
        return due
    t0, a = 0.0, 0
    for stage in stages:
        b = stage.stations
        if b is not None:
            if not a <= b <= stations:
                raise ValueError(
                    f"a ramp to {b} stations: expected from {a} (already on) to {stations} (all)"
                )
            if b > a:
                due[a:b] = t0 + stage.length_s * np.arange(b - a) / (b - a)
            a = b
        t0 += stage.length_s
    return due


def ranks(seed: int, names: Sequence[tuple[str, int]]) -> NDArray[np.int64]:
    """The place in the ramp of each station, given as (site instance, ordinal); a permutation."""
    keys = np.array([key64(seed, site, ordinal, "connect") for site, ordinal in names], np.uint64)
    order = np.argsort(keys, kind="stable")
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys))
    return rank


def connect_due(stages: Sequence[Stage], seed: int, names: Sequence[tuple[str, int]]) -> F64:
    """Seconds after T0 at which each station, in network order, is switched on (``inf``: never)."""
    return due_times(stages, len(names))[ranks(seed, names)]


def closing_s(run_s: float) -> float:
    """How long the end of a run of ``run_s`` seconds takes, as part of it."""
    return min(CLOSING_S, CLOSING_SHARE * run_s)


def close_due(run_s: float, stations: int) -> F64:
    """Seconds after T0 at which each station, in network order, ends what still runs there.

    Transactions that the plan leaves open are stopped before the run ends. Stopped in one moment
    they would be a herd that no network makes, so they end evenly over the closing time, in the
    order of a golden-ratio sequence, which mixes the sites however many there are.
    """
    turn = np.arange(1, stations + 1) * ((np.sqrt(5.0) - 1.0) / 2.0) % 1.0
    due: F64 = run_s - closing_s(run_s) * turn
    return due


def phases(stages: Sequence[Stage]) -> tuple[Span, ...]:
    """The phases of a run, without gaps, from 0 to ``inf``.

    Ramps are ``connect``; the first seconds after a ramp (the boot allowance) are ``boot``; the
    rest of a hold is ``measure``; ``cooldown`` is from the moment at which the first station
    closes (see ``close_due``).
    """
    spans: list[Span] = []
    t0 = boot_until = 0.0
    if all(stage.stations is None for stage in stages):
        boot_until = BOOT_ALLOWANCE_S
    for stage in stages:
        t1 = t0 + stage.length_s
        if stage.stations is not None:
            spans.append(Span("connect", t0, t1))
            boot_until = t1 + BOOT_ALLOWANCE_S
        else:
            middle = min(max(boot_until, t0), t1)
            spans.append(Span("boot", t0, middle))
            spans.append(Span("measure", middle, t1))
        t0 = t1
    cool_s = t0 - closing_s(t0)
    spans = [replace(span, end_s=min(span.end_s, cool_s)) for span in spans]
    spans.append(Span("cooldown", cool_s, np.inf))
    return tuple(span for span in spans if span.end_s > span.start_s)


def phase_at(spans: Sequence[Span], due_s: float) -> Phase:
    """The phase that a call due at ``due_s`` belongs to (before 0 counts as the first)."""
    for span in spans:
        if due_s < span.end_s:
            return span.phase
    return spans[-1].phase
