"""How many stations are switched on, when, and how large the demand is. Pure arithmetic.

A live run is a row of stages, each of which moves one or both of two axes, or leaves them where
they are: the number of stations switched on, and the demand, by which the plan's rate of arrivals
is multiplied. During a ramp both go evenly from ``a`` to ``b``::

    n(t) = a + (b - a) * (t - t0) / (t1 - t0)            t0 <= t < t1

During a stage with a swing they go once around where they are, over its whole length ``P``::

    n(t) = m + s * sin(2 pi (t - t0) / P)

The station of rank ``i`` (0-based) is on while ``n(t) > i``, so it is switched where ``n(t) = i``,
for a ramp at

    t(i) = t0 + (t1 - t0) * (i - a) / (b - a)            a <= i < b, or b <= i < a

and for a swing at the arcsine. Nothing is accumulated step by step, so a station's moments depend
on its rank and on the stages alone, whatever shard it runs in. The rank is a fixed shuffle of the
network (by a hash of the station's name), so that the sites of every shard come up together.

What becomes of the demand is in ``course``; what the moments of a run are called, and its steps, in
``steps``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.demand.draws import key64
from simulator.fleet.rules import CLOSING_S, CLOSING_SHARE, SPELL_S
from simulator.fleet.spells import Spells, once

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.scenario.stage_model import Stage as StageTable

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stage:
    """For ``length_s`` seconds: ramp to ``stations`` switched on and to ``demand``, or stay."""

    length_s: float
    stations: int | None = None
    demand: float | None = None
    swing: int = 0
    """Stations up and down in one wave around those that are on."""
    demand_swing: float = 0.0
    kind: str = ""
    """What the step that begins here is called; "": after what the stage does."""
    joins: bool = False
    """No step of its own: belongs to that of the stage before."""

    @property
    def ramps(self) -> bool:
        """Stations come or go evenly."""
        return self.stations is not None


# -- from the scenario ----------------------------------------------------------------------------


def scenario_stages(
    scenario: Scenario, stations: int, run_s: float | None = None
) -> tuple[Stage, ...]:
    """The stages of a scenario for a fleet of that size; scaled to ``run_s`` if that is given.

    Raises ValueError as ``scaled`` and ``spells`` do.
    """
    stages: list[Stage] = []
    for table in scenario.file.live.stages:
        stages += _KINDS[table.kind](table, stations, levels(stages))
    found = tuple(stages)
    return found if run_s is None else scaled(found, run_s)


def levels(stages: Sequence[Stage]) -> tuple[int, float]:
    """Stations and demand at the end of the stages."""
    stations, demand = 0, 1.0
    for stage in stages:
        stations = stations if stage.stations is None else stage.stations
        demand = demand if stage.demand is None else stage.demand
    return stations, demand


def _ramp(table: StageTable, total: int, _: tuple[int, float]) -> list[Stage]:
    to = table.amounts[0].of(total) if table.amounts else None
    demand = table.demands[0] if table.demands else None
    return [Stage(table.for_ or 0.0, to, demand, kind="ramp")]


def _hold(table: StageTable, _total: int, _levels: tuple[int, float]) -> list[Stage]:
    stay = Stage(table.for_ or 0.0, kind=table.kind)
    if not table.demands:
        return [stay]
    return [Stage(0.0, None, table.demands[0], kind=table.kind), replace(stay, joins=True)]


def _step(table: StageTable, total: int, _: tuple[int, float]) -> list[Stage]:
    found = []
    for n in range(max(len(table.amounts), len(table.demands))):
        to = table.amounts[n].of(total) if table.amounts else None
        demand = table.demands[n] if table.demands else None
        found.append(Stage(table.ramp_s, to, demand, kind="step"))
        found.append(Stage(table.each or 0.0, kind="step", joins=True))
    return found


def _spike(table: StageTable, total: int, levels: tuple[int, float]) -> list[Stage]:
    to = table.amounts[0].of(total) if table.amounts else None
    demand = table.demands[0] if table.demands else None
    before = levels[0] if to is not None else None
    usual = levels[1] if demand is not None else None
    return [
        Stage(table.ramp_s, to, demand, kind="spike"),
        Stage(table.for_ or 0.0, kind="spike", joins=True),
        Stage(table.ramp_s, before, usual, kind="back"),
    ]


def _sine(table: StageTable, total: int, _: tuple[int, float]) -> list[Stage]:
    period_s = table.period or 1.0
    swing = 0 if table.swing is None else table.swing.of(total)
    wave = Stage(period_s, None, None, swing, table.demand_swing or 0.0, "sine")
    return [wave] * round((table.for_ or 0.0) / period_s)


def _soak(table: StageTable, total: int, levels: tuple[int, float]) -> list[Stage]:
    length_s = table.for_ or 0.0
    count = max(1, round(length_s / table.each)) if table.each else 10
    first, *rest = _hold(table.model_copy(update={"for_": length_s / count}), total, levels)
    return [first, *rest] + [Stage(length_s / count, kind="soak")] * (count - 1)


_KINDS: dict[str, Callable[[StageTable, int, tuple[int, float]], list[Stage]]] = {
    "ramp": _ramp,
    "hold": _hold,
    "step": _step,
    "spike": _spike,
    "sine": _sine,
    "soak": _soak,
}


# -- length ---------------------------------------------------------------------------------------


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


# -- stations -------------------------------------------------------------------------------------


def spells(stages: Sequence[Stage], stations: int) -> Spells:
    """When the station of each rank is on.

    Without any ramp all are on from 0. A station that would be off, or on, for less than
    ``SPELL_S`` stays as it was. Raises ValueError for more stations than the fleet has, or a swing
    below none.
    """
    if all(stage.stations is None and not stage.swing for stage in stages):
        return once(np.zeros(stations))
    rank, at_s, on = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, np.bool_)]
    t0, level = 0.0, 0
    for stage in stages:
        moves = []
        if stage.stations is not None:
            if not 0 <= stage.stations <= stations:
                raise ValueError(
                    f"a ramp to {stage.stations} stations: expected from 0 to {stations} (all)"
                )
            moves = [_even(level, stage.stations, t0, stage.length_s)]
            level = stage.stations
        elif stage.swing:
            low, high = level - stage.swing, level + stage.swing
            if low < 0 or high > stations:
                raise ValueError(
                    f"a swing of {stage.swing} stations around {level} goes from {low} to {high}:"
                    f" expected within 0 to {stations} (all)"
                )
            moves = _wave(level, stage.swing, t0, stage.length_s)
        for ranks_, times, up in moves:
            rank.append(ranks_)
            at_s.append(times)
            on.append(np.full(len(ranks_), up))
        t0 += stage.length_s
    return _paired(np.concatenate(rank), np.concatenate(at_s), np.concatenate(on), stations)


_Move = tuple[I64, F64, bool]
"""Ranks in the order in which they are switched, when, and whether on."""


def _even(a: int, b: int, t0: float, length_s: float) -> _Move:
    if b >= a:
        up = np.arange(a, b, dtype=np.int64)
        return up, t0 + length_s * (up - a) / max(b - a, 1), True
    down = np.arange(a - 1, b - 1, -1, dtype=np.int64)
    return down, t0 + length_s * (a - down) / (a - b), False


def _wave(mean: int, swing: int, t0: float, period_s: float) -> list[_Move]:
    """Up from the mean, down through it, and up to it again."""

    def angle(rank: I64) -> F64:
        part: F64 = np.arcsin((rank - mean) / swing) / (2.0 * np.pi)
        return part

    first = np.arange(mean, mean + swing, dtype=np.int64)
    down = np.arange(mean + swing - 1, mean - swing - 1, -1, dtype=np.int64)
    last = np.arange(mean - swing, mean, dtype=np.int64)
    return [
        (first, t0 + period_s * angle(first), True),
        (down, t0 + period_s * (0.5 - angle(down)), False),
        (last, t0 + period_s * (1.0 + angle(last)), True),
    ]


def _paired(rank: I64, at_s: F64, on: NDArray[np.bool_], stations: int) -> Spells:
    """Moments in order of time, on and off in turn for each rank, as spells."""
    order = np.argsort(rank, kind="stable")
    rank, at_s, on = rank[order], at_s[order], on[order]
    begin = np.flatnonzero(on)
    end = np.minimum(begin + 1, len(rank) - 1)
    ends = (end > begin) & (rank[end] == rank[begin])
    off_s = np.where(ends, at_s[end], np.inf)
    whose, on_s = rank[begin], at_s[begin]
    # An end and a beginning with too little between them are neither.
    again = np.zeros(len(whose), np.bool_)
    again[1:] = (whose[1:] == whose[:-1]) & (on_s[1:] - off_s[:-1] < SPELL_S)
    last = np.ones(len(whose), np.bool_)
    last[:-1] = ~again[1:]
    whose, on_s, off_s = whose[~again], on_s[~again], off_s[last]
    long = off_s - on_s >= SPELL_S
    count = np.bincount(whose[long], minlength=stations)
    offset = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    return Spells(offset, on_s[long], off_s[long])


def ranks(seed: int, names: Sequence[tuple[str, int]]) -> NDArray[np.int64]:
    """The place in the ramp of each station, given as (site instance, ordinal); a permutation."""
    keys = np.array([key64(seed, site, ordinal, "connect") for site, ordinal in names], np.uint64)
    order = np.argsort(keys, kind="stable")
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys))
    return rank


def station_spells(stages: Sequence[Stage], seed: int, names: Sequence[tuple[str, int]]) -> Spells:
    """When each station, in network order, is on."""
    return spells(stages, len(names)).take(ranks(seed, names))


def connect_due(stages: Sequence[Stage], seed: int, names: Sequence[tuple[str, int]]) -> F64:
    """When each station, in network order, is first switched on (``inf``: never)."""
    return station_spells(stages, seed, names).first_on_s


def stations_at(stages: Sequence[Stage], t: float) -> int:
    """Stations that are to be on at ``t``, rounded; without any ramp 0 (all, really)."""
    t0, level = 0.0, 0
    for stage in stages:
        part = (t - t0) / stage.length_s if stage.length_s > 0.0 else 1.0
        if stage.swing and 0.0 <= part < 1.0:
            return round(level + stage.swing * float(np.sin(2.0 * np.pi * part)))
        if stage.stations is not None:
            if 0.0 <= part < 1.0:
                return round(level + (stage.stations - level) * part)
            level = stage.stations if part >= 1.0 else level
        t0 += stage.length_s
        if t < t0:
            break
    return level
