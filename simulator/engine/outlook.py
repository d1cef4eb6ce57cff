"""What a controller may know of the time to come: the scenario's own series, tick by tick.

Means over each tick of prices, other load and limits, taken from what the kernel of the site is
given to run on; and the clock on the wall. One per site and run, sliced at every tick.
"""

from __future__ import annotations

import datetime as dt
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.charging.controllers import Forecast, KnownVisits
from simulator.engine.kernel import state

if TYPE_CHECKING:
    from simulator.charging.controllers import View
    from simulator.engine.site import SiteRun
    from simulator.scenario import Scenario

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Steps = tuple[F64, F64]
"""Times from 0 on, and what holds from each of them."""


class Outlook:
    """The ticks of a run, from which `forecast` cuts what is left."""

    def __init__(
        self,
        scenario: Scenario,
        run: SiteRun,
        tick_s: float,
        *,
        demand_price: float = 0.0,
        other: Steps | None = None,
        visits: KnownVisits | None = None,
    ) -> None:
        """``demand_price`` is per kW of the highest billing interval of a billing period.

        ``other`` is the other load (without standby) of a site on which a process puts it in force;
        by default it is what the kernel's table of changes says.
        """
        self.tick_s = tick_s
        self.ticks = max(1, math.ceil(run.duration_s / tick_s - 1e-9))
        edges_s = np.minimum(tick_s * np.arange(self.ticks + 1), run.duration_s)
        site = run.state.site[0]
        grid_kw = _steps(run, state.SITE_LIMIT, float(site["grid_kw"]))
        other_kw = other or _steps(run, state.BASE_LOAD, 0.0)
        standby_kw = float(site["standby_kw"])
        self._base_kw = _means(*other_kw, edges_s) + standby_kw
        self._known_kw = _at(*other_kw, edges_s[:-1]) + standby_kw
        grid = np.full(self.ticks, math.inf)
        if np.isfinite(grid_kw[1]).all():
            grid = _means(*grid_kw, edges_s)
        self._limit_kw = np.maximum(grid - self._base_kw, 0.0)
        self._price, self._feed_in, self._carbon = (
            _priced(values, run.interval_s, edges_s)
            for values in (run.state.price, run.state.feed_in, run.state.carbon)
        )
        if self._price is not None and self._feed_in is None:
            self._feed_in = np.zeros(self.ticks)
        self._clock_s, self._weekday, self._month = _clock(scenario.start, tick_s, self.ticks)
        self._demand_price = demand_price
        self._billing_s = scenario.file.record.billing_interval
        self._visits = visits

    def forecast(self, tick: int, view: View) -> Forecast:
        """What is known at a tick. What acts on the site by hand is seen as soon as it does."""
        self._limit_kw[tick] = view.site_limit_kw
        if abs(view.base_kw - self._known_kw[tick]) > 1e-9:
            self._base_kw[tick] = view.base_kw
        rest = slice(tick, None)
        return Forecast(
            step_s=self.tick_s,
            price=_cut(self._price, tick),
            feed_in=_cut(self._feed_in, tick),
            carbon=_cut(self._carbon, tick),
            base_kw=_locked(self._base_kw[rest]),
            limit_kw=_locked(self._limit_kw[rest]),
            clock_s=_locked(self._clock_s[rest]),
            weekday=_locked(self._weekday[rest]),
            demand_price=self._demand_price,
            billing_s=self._billing_s,
            period=_locked(self._month[rest]),
            visits=self._visits,
        )


def _locked(values: NDArray) -> NDArray:  # type: ignore[type-arg]
    values.flags.writeable = False
    return values


def _cut(values: F64 | None, tick: int) -> F64 | None:
    return None if values is None else _locked(values[tick:])


def _steps(run: SiteRun, what: int, first_kw: float) -> Steps:
    """When which value comes into force; the first one at 0."""
    rows = run.state.changes[run.state.changes["what"] == what]
    time_s = np.concatenate([[0.0], rows["time_s"]])
    return time_s, np.concatenate([[first_kw], rows["kw"]])


def _at(time_s: F64, kw: F64, when_s: F64) -> F64:
    values: F64 = kw[np.searchsorted(time_s, when_s, side="right") - 1]
    return values


def _means(time_s: F64, kw: F64, edges_s: F64) -> F64:
    """Means of a step function between edges."""
    sums = np.concatenate([[0.0], np.cumsum(kw[:-1] * np.diff(time_s))])
    at = np.searchsorted(time_s, edges_s, side="right") - 1
    areas = sums[at] + kw[at] * (edges_s - time_s[at])
    means: F64 = np.diff(areas) / np.maximum(np.diff(edges_s), 1e-9)
    flat = at[1:] == at[:-1]
    return np.where(flat, kw[at[:-1]], means)


def _priced(values: F64, interval_s: float, edges_s: F64) -> F64 | None:
    if not len(values):
        return None
    return _means(interval_s * np.arange(len(values), dtype=np.float64), values, edges_s)


@lru_cache(maxsize=8)
def _clock(start: dt.datetime, tick_s: float, ticks: int) -> tuple[F64, I64, I64]:
    """Local seconds since midnight, day of the week and month (counted from the first) by tick."""
    first = start.timestamp()
    when = [dt.datetime.fromtimestamp(first + k * tick_s, start.tzinfo) for k in range(ticks)]
    seconds = [t.hour * 3600.0 + t.minute * 60.0 + t.second + t.microsecond * 1e-6 for t in when]
    months = np.array([12 * t.year + t.month for t in when])
    return np.array(seconds), np.array([t.weekday() for t in when]), months - months[0]
