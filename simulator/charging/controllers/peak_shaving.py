"""Peak shaving: net load stays at the lowest level that still serves everybody who is there.

The level is searched at each tick for the vehicles that are plugged in, with their departures, and
never falls within a billing period: a peak that has been reached is paid for, and who uses it
early leaves room for who comes later. Where everybody is there from the start this is the lowest
peak there is. Of visits to come nothing is known, so the level rises when vehicles come late
with much to do; ``lp`` says how low it could have stayed (of 200 drawn sites the median peak
was 2 % above that, the mean 9 %, one in ten more than 30 %). The other load is taken as
forecast. Vehicles without a departure time are served at once; who comes between two ticks waits
for the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.charging.controllers.filling import in_order, latest
from simulator.charging.controllers.need import (
    HOUR_S,
    above_minimum,
    deadline_s,
    laxity_s,
    wants,
)
from simulator.charging.controllers.options import Option
from simulator.charging.controllers.view import F64, I64, Controller, Flags, Forecast, Setup, View

NAME = "peak_shaving"
SUMMARY = "net load at the lowest level that still serves everybody"
OPTIONS: tuple[Option, ...] = ()

_ROUNDS = 60
_TOLERANCE_KWH = 1e-7


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Nothing."""
    return ()


def foresees(options: Mapping[str, Any]) -> bool:
    """No."""
    return False


def make(setup: Setup) -> Controller:
    """A controller that remembers the level reached in the billing period."""
    return _Shaving()


class _Shaving:
    """``level_kw`` is the highest net load that the period has seen or needs."""

    def __init__(self) -> None:
        self.level_kw = 0.0
        self._period = -1

    def __call__(self, view: View, forecast: Forecast) -> F64:
        period = int(forecast.period[0]) if len(forecast.period) else 0
        if period != self._period:
            self._period, self.level_kw = period, 0.0
        base_kw = float(forecast.base_kw[0])
        self.level_kw = max(self.level_kw, base_kw)
        out = np.zeros(len(view.visit))
        who = np.flatnonzero(wants(view))
        if not len(who):
            return out
        room_kw = min(self.level_kw - base_kw, float(forecast.limit_kw[0]))
        slot_kw = view.needed_kwh[who] * (HOUR_S / forecast.step_s)
        most_kw = np.minimum(view.limit_kw[who], slot_kw)
        if float(most_kw.sum()) <= room_kw:
            out[who] = most_kw
            return above_minimum(out, view, forecast.step_s)
        plan = _Stretches(view, forecast, who)
        self.level_kw, sure_kwh = plan.lowest(self.level_kw)
        sure_kw = np.minimum(sure_kwh * (HOUR_S / forecast.step_s), most_kw)
        room_kw = min(self.level_kw - base_kw, float(forecast.limit_kw[0]))
        order = np.argsort(laxity_s(view)[who], kind="stable")
        spare_kw = most_kw - sure_kw
        extra_kw = in_order(room_kw - float(sure_kw.sum()), spare_kw, np.zeros(len(who)), order)
        out[who] = sure_kw + extra_kw
        return above_minimum(out, view, forecast.step_s)


class _Stretches:
    """Time from now to the last departure, cut where a vehicle leaves or the other load changes."""

    def __init__(self, view: View, forecast: Forecast, who: I64) -> None:
        step_s = forecast.step_s
        until_s = np.maximum(deadline_s(view)[who] - view.now_s, 0.0)
        end_s = float(max(until_s.max(), step_s))
        steps = min(int(np.ceil(end_s / step_s)), len(forecast))
        base, limit = forecast.base_kw[:steps], forecast.limit_kw[:steps]
        changed = (base[1:] != base[:-1]) | (limit[1:] != limit[:-1])
        turns = np.flatnonzero(changed) + 1
        marks = np.concatenate([[0.0, step_s, end_s], until_s, turns * step_s])
        edges_s = np.unique(marks[marks <= end_s])
        at = np.minimum((edges_s[:-1] / step_s + 1e-9).astype(np.int64), steps - 1)
        self.hours = np.diff(edges_s) / HOUR_S
        self.base_kw = base[at]
        self.limit_kw = limit[at]
        self.there: Flags = until_s[None, :] >= edges_s[1:, None]
        self.first = edges_s[1:] <= step_s
        self.rate_kw = view.limit_kw[who]
        possible = self.rate_kw * (until_s / HOUR_S)
        self.energy = np.minimum(view.needed_kwh[who], possible)

    def lowest(self, level_kw: float) -> tuple[float, F64]:
        """The lowest level from ``level_kw`` on that serves everybody as far as the site can.

        And what each takes in the tick that begins now when all is put off as long as possible.
        No lower than the other load until then, which nobody can shave. From there on what is
        missing falls with the level along straight lines that get flatter, so the root of a secant
        through two levels that are too low is too low itself, or exact.
        """
        level_kw = max(level_kw, float(self.base_kw.max()))
        shares, missing = self._serve(level_kw)
        beyond = float(self.base_kw.max() + self.rate_kw.sum()) + 1.0
        if missing > _TOLERANCE_KWH:
            missing -= self._serve(beyond)[1]  # what no level serves
        never = self._serve(beyond)[1] if missing > _TOLERANCE_KWH else 0.0
        slope = float(self.hours.sum())
        for _ in range(_ROUNDS):
            if missing <= _TOLERANCE_KWH:
                break
            further_kw = min(level_kw + missing / slope, beyond)
            shares, now_missing = self._serve(further_kw)
            now_missing -= never
            if further_kw > level_kw and missing > now_missing:
                slope = (missing - now_missing) / (further_kw - level_kw)
            level_kw, missing = further_kw, now_missing
        return level_kw, shares[self.first].sum(axis=0)

    def _serve(self, level_kw: float) -> tuple[F64, float]:
        ceiling_kw = np.clip(level_kw - self.base_kw, 0.0, self.limit_kw.clip(min=0.0))
        shares = latest(self.energy, self.rate_kw, self.there, self.hours, ceiling_kw * self.hours)
        return shares, float((self.energy - shares.sum(axis=0)).sum())
