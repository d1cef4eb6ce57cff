"""The offline optimum: one linear program with perfect knowledge of all visits, then played back.

A bound for every other strategy rather than a strategy of its own: it knows every visit of the run
before the first. Its plan is a target state of charge for every vehicle at every tick; at a tick
each vehicle is given what takes it there, so that what a taper or a minimum current (which
the program does not know) leaves behind is made up for as far as it can be. What the program is
and what it leaves out: ``optimum``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.charging.controllers import posing
from simulator.charging.controllers.need import above_minimum
from simulator.charging.controllers.optimum import Cars, Plan, Slots, optimise
from simulator.charging.controllers.options import (
    CARBON_PRICE,
    HARD,
    OBJECTIVE,
    PENALTY,
    V2G,
)
from simulator.charging.controllers.view import (
    F64,
    I64,
    Controller,
    Forecast,
    KnownVisits,
    Setup,
    View,
    Whole,
)

NAME = "lp"
SUMMARY = "the offline optimum with perfect knowledge: the bound for all others"
OPTIONS = (OBJECTIVE, V2G, HARD, PENALTY, CARBON_PRICE)

needs = posing.needs


def foresees(options: Mapping[str, Any]) -> bool:
    """All visits."""
    return True


def make(setup: Setup) -> Controller:
    """A controller that plans when it is first asked."""
    return _Playback(setup)


def known_cars(known: KnownVisits, rows: I64, station: Whole) -> Cars:
    """Foreseen visits as vehicles of the program; ``station`` is that of each EVSE."""
    return Cars(
        start_s=np.maximum(known.plug_in_s, known.ready_s)[rows],
        end_s=known.unplug_s[rows],
        soc=known.soc[rows],
        target_soc=known.target_soc[rows],
        capacity_kwh=known.capacity_kwh[rows],
        efficiency=known.efficiency[rows],
        limit_kw=known.limit_kw[rows],
        discharge_kw=known.discharge_kw[rows],
        reserve_soc=known.reserve_soc[rows],
        station=np.asarray(station[known.evse[rows]], np.int64),
    )


def offline(view: View, forecast: Forecast, options: Mapping[str, Any]) -> tuple[Cars, Slots, Plan]:
    """The optimum of all visits that the forecast knows. Raises InfeasibleError, ValueError."""
    if forecast.visits is None:
        raise ValueError("the offline optimum needs to know the visits")
    rows = np.arange(len(forecast.visits))
    cars = known_cars(forecast.visits, rows, view.station)
    slots = posing.pose(forecast, view.now_s, len(forecast), options)
    plan = optimise(
        cars, slots, posing.ratings(view), penalty=options["penalty"], v2g=options["v2g"]
    )
    posing.insist(plan, options["hard"])
    return cars, slots, plan


class _Playback:
    """The plan as a state of charge per visit and tick."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._plan: Plan | None = None
        self._known: KnownVisits | None = None
        self._said = ""

    def __call__(self, view: View, forecast: Forecast) -> F64:
        if self._plan is None:
            self._begin(view, forecast)
        out = np.zeros(len(view.visit))
        slot = round((view.now_s - self._start_s) / self._step_s)
        for p in self._by_slot[self._offset[slot] : self._offset[slot + 1]]:
            out[self._evse[p]] = self._kw[p]  # for who plugs in before the next tick
        for evse in np.flatnonzero(view.occupied):
            out[evse] = self._for(view, int(evse), slot)
        return above_minimum(out, view, self._step_s)

    def _begin(self, view: View, forecast: Forecast) -> None:
        cars, slots, plan = offline(view, forecast, self._setup.options)
        known = forecast.visits
        assert known is not None
        self._plan = plan
        self._start_s, self._step_s = view.now_s, forecast.step_s
        self._evse = known.evse[plan.car]
        self._car = {int(visit): car for car, visit in enumerate(known.visit)}
        self._row = np.searchsorted(plan.car, np.arange(len(cars) + 1))
        self._hours = np.maximum(plan.hours, 1e-9)
        self._kw = (plan.charge_kwh - plan.discharge_kwh) / self._hours
        loss = cars.efficiency[plan.car]
        stored = plan.charge_kwh * loss - plan.discharge_kwh / loss
        gained = np.cumsum(stored)
        first = np.searchsorted(plan.car, plan.car)
        gained = gained - (gained - stored)[first]
        self._soc = cars.soc[plan.car] + gained / (cars.capacity_kwh[plan.car] * loss)
        self._by_slot = np.argsort(plan.slot, kind="stable")
        self._offset = np.searchsorted(plan.slot[self._by_slot], np.arange(len(slots) + 1))
        short = plan.missing_kwh
        self._said = (
            f"optimum {plan.cost:.2f} (energy {plan.energy_cost:.2f}, "
            f"demand {plan.demand_cost:.2f}) with perfect knowledge of {len(cars)} visits, "
            f"{float(short.sum()):.2f} kWh of {int((short > 0.0).sum())} visits not delivered; "
            "the program knows no taper and no minimum current"
        )

    def _for(self, view: View, evse: int, slot: int) -> float:
        """Power for the vehicle at ``evse``, wherever it was expected.

        Who has outstayed its plan, as drivers do who wait for the car, is served at once; of whom
        the plan knows nothing, nothing is demanded.
        """
        assert self._plan is not None
        car = self._car.get(int(view.visit[evse]))
        if car is None:
            return math.inf
        first, stop = int(self._row[car]), int(self._row[car + 1])
        if first == stop or slot > self._plan.slot[stop - 1]:
            return float(view.limit_kw[evse])
        p = first + slot - int(self._plan.slot[first])
        return self._towards(view, evse, p) if p >= first else 0.0

    def _towards(self, view: View, evse: int, p: int) -> float:
        """Power that takes the vehicle at ``evse`` to the plan's state of charge."""
        loss = float(view.efficiency[evse])
        stored = float(self._soc[p] - view.soc[evse]) * float(view.capacity_kwh[evse]) * loss
        grid_kwh = stored / loss if stored > 0.0 else stored * loss
        kw = grid_kwh / float(self._hours[p])
        if kw < 0.0 and self._kw[p] >= 0.0:
            return 0.0  # ahead of the plan: it waits
        return float(np.clip(kw, -view.discharge_kw[evse], view.limit_kw[evse]))

    def notes(self) -> list[str]:
        """What the program found."""
        return [self._said] if self._said else []
