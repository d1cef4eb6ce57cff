"""The course of the demand over a live run: what the rate of arrivals is multiplied by. Pure.

Given to the engine, which draws the visits by it (``demand.draw``), so that queues and limits are
those of the visits that take place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.stages import Stage, levels

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Demand:
    """The course of the demand over a run: by what the plan's rate of arrivals is multiplied.

    Visits are drawn at ``peak`` times the rate and each has a uniform draw of its own; a visit that
    arrives at ``t`` takes place if that is below ``at(t) / peak``. So a change of one stage leaves
    the visits of the others alone, and the thinned arrivals have exactly the rate asked for.
    """

    stages: tuple[Stage, ...]
    from_s: float
    """Plan time at T0. Before it the demand is that of T0."""
    speed: float

    @property
    def peak(self) -> float:
        """The largest demand of the run; 1 where there is none at all, since it is divided by."""
        top = level = levels(self.stages[:1])[1] if _sets_at_once(self.stages) else 1.0
        for stage in self.stages:
            level = level if stage.demand is None else stage.demand
            top = max(top, level + stage.demand_swing)
        return top or 1.0

    def share(self, plan_s: F64) -> F64:
        """The part of the visits drawn that take place, by arrival in plan time."""
        part: F64 = self.at((plan_s - self.from_s) / self.speed) / self.peak
        return part

    def at(self, run_s: F64) -> F64:
        """The demand at moments of the run, in run seconds."""
        t = np.maximum(run_s, 0.0)
        t0, level = 0.0, 1.0
        found = np.full(len(t), level)
        for stage in self.stages:
            within = t >= t0
            part = (t[within] - t0) / stage.length_s if stage.length_s > 0.0 else np.ones(1)
            if stage.demand is not None:
                ramp = level + (stage.demand - level) * np.minimum(part, 1.0)
                found[within] = np.where(part < 1.0, ramp, stage.demand)
                level = stage.demand
            elif stage.demand_swing:
                wave = np.where(part < 1.0, np.sin(2.0 * np.pi * part), 0.0)
                found[within] = level + stage.demand_swing * wave
            t0 += stage.length_s
        return found


def _sets_at_once(stages: Sequence[Stage]) -> bool:
    """Is the usual demand never in force, not even for a moment?"""
    return bool(stages) and stages[0].demand is not None and stages[0].length_s == 0.0


def demand_of(stages: Sequence[Stage], from_s: float, speed: float) -> Demand | None:
    """The course of the demand; None where it is 1 all along."""
    if all(stage.demand in (None, 1.0) and not stage.demand_swing for stage in stages):
        return None
    return Demand(tuple(stages), from_s, speed)
