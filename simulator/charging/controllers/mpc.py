"""Model predictive control: at every tick the linear program of what is known, of which the first
slot is done.

Known are the vehicles that are plugged in, with their departures, and the forecast of prices and
other load. With ``perfect`` it knows the visits to come too, and then reaches the offline optimum
as far as its horizon does. Drivers without a departure time are served at once; who comes
between two ticks unforeseen waits for the next. What the program leaves out: ``optimum``.

It remembers the peak of the billing period so far, by its own plans and what became of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.charging.controllers import posing
from simulator.charging.controllers.lp import known_cars
from simulator.charging.controllers.need import HOUR_S, above_minimum, deadline_s
from simulator.charging.controllers.optimum import Cars, optimise
from simulator.charging.controllers.options import (
    CARBON_PRICE,
    HARD,
    OBJECTIVE,
    PENALTY,
    V2G,
    Option,
)
from simulator.charging.controllers.view import (
    F64,
    I64,
    Controller,
    Forecast,
    Setup,
    View,
)

NAME = "mpc"
SUMMARY = "an optimum over the next hours, planned anew at every tick"
OPTIONS = (
    Option("horizon", "duration", "How far it plans ahead.", 86_400.0),
    Option("perfect", "flag", "Knows the visits to come.", False),
    OBJECTIVE,
    V2G,
    HARD,
    PENALTY,
    CARBON_PRICE,
)

_EARLY = 1e-7
"""Per kWh, over the horizon: of plans that cost the same the earlier one."""

needs = posing.needs


def foresees(options: Mapping[str, Any]) -> bool:
    """The visits to come, if it is to have a perfect forecast."""
    return bool(options["perfect"])


def make(setup: Setup) -> Controller:
    """A controller that remembers the peak so far."""
    return _Receding(setup)


class _Receding:
    """``_paid_kw`` is the highest mean net load of each billing period so far."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._paid_kw = np.zeros(0)
        self._billing = -1
        self._so_far = (0.0, 0.0)

    def __call__(self, view: View, forecast: Forecast) -> F64:
        options = self._setup.options
        steps = max(1, min(round(options["horizon"] / forecast.step_s), len(forecast)))
        slots = posing.pose(
            forecast, view.now_s, steps, options, self._paid_kw, self._begun(forecast, view.now_s)
        )
        cars, evse = self._cars(view, forecast, float(slots.edges_s[-1]))
        out = np.zeros(len(view.visit))
        if not len(cars):
            self._note_peak(forecast, view.now_s, 0.0)
            return out
        plan = optimise(
            cars,
            slots,
            posing.ratings(view),
            penalty=options["penalty"],
            v2g=options["v2g"],
            early=_EARLY,
        )
        posing.insist(plan, options["hard"])
        now = np.flatnonzero(plan.slot == 0)[::-1]  # who is there already has the last word
        kwh = (plan.charge_kwh - plan.discharge_kwh)[now]
        at = evse[plan.car[now]]
        out[at] = kwh / np.maximum(plan.hours[now], 1e-9)
        self._note_peak(forecast, view.now_s, float(kwh.sum()))
        return above_minimum(out, view, forecast.step_s)

    def _cars(self, view: View, forecast: Forecast, end_s: float) -> tuple[Cars, I64]:
        """Who is there and, if it is known, who will come; and the EVSE of each."""
        giving = self._setup.options["v2g"] & (view.discharge_kw > 0.0)
        timed = np.isfinite(view.ready_s)
        short = (view.active | timed) & (view.needed_kwh > 0.0)
        here = np.flatnonzero(view.occupied & (short | giving))
        leave_s = np.where(np.isfinite(view.departure_s), view.departure_s, deadline_s(view))
        cars = Cars(
            start_s=np.where(timed, view.ready_s, view.now_s)[here],
            end_s=leave_s[here],
            soc=view.soc[here],
            target_soc=np.maximum(view.target_soc, view.soc)[here],
            capacity_kwh=view.capacity_kwh[here],
            efficiency=view.efficiency[here],
            limit_kw=view.limit_kw[here],
            discharge_kw=np.minimum(view.discharge_kw, view.limit_kw)[here],
            reserve_soc=view.reserve_soc[here],
            station=np.asarray(view.station[here], np.int64),
        )
        known = forecast.visits
        if known is None:
            return cars, here
        plugged = np.isin(known.visit, view.visit[view.occupied])
        to_come = np.flatnonzero(
            (known.plug_in_s >= view.now_s) & (known.plug_in_s < end_s) & ~plugged
        )
        coming = known_cars(known, to_come, view.station)
        both = [
            np.concatenate([getattr(cars, name), getattr(coming, name)]) for name in Cars.__slots__
        ]
        return Cars(*both), np.concatenate([here, known.evse[to_come]])

    def _begun(self, forecast: Forecast, now_s: float) -> tuple[float, float]:
        """Net kWh and hours of the present billing interval so far."""
        billing = int(now_s / max(forecast.billing_s, forecast.step_s) + 1e-9)
        if billing != self._billing:
            self._billing, self._so_far = billing, (0.0, 0.0)
        return self._so_far

    def _note_peak(self, forecast: Forecast, now_s: float, kwh: float) -> None:
        """Count the tick that begins into the peak of its billing period, as planned."""
        step_h = forecast.step_s / HOUR_S
        energy_kwh, hours = self._begun(forecast, now_s)
        energy_kwh += float(forecast.base_kw[0]) * step_h + kwh
        hours += step_h
        self._so_far = (energy_kwh, hours)
        if hours * HOUR_S < forecast.billing_s * (1.0 - 1e-9):
            return  # the interval goes on
        period = int(forecast.period[0]) if len(forecast.period) else 0
        if period >= len(self._paid_kw):
            self._paid_kw = np.pad(self._paid_kw, (0, period + 1 - len(self._paid_kw)))
        self._paid_kw[period] = max(self._paid_kw[period], energy_kwh / hours)
