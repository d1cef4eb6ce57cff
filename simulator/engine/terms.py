"""What is known of a site's energy before it runs: other load, prices, intensity, by interval.

The bridge from the scenario's profiles and calendars to the plain arrays that the kernel and the
bill work on. Made once per site of the scenario (its copies share it), before the first event.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.charging.tariffs import look_up
from simulator.engine.kernel import state
from simulator.scenario.check_money import uneven
from simulator.scenario.localtime import local_time, month_shares
from simulator.scenario.pricing import carbon_table, first_cut, price_table
from simulator.scenario.problems import Problem, ScenarioError
from simulator.scenario.series import Steps, site_series

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario, Site
    from simulator.scenario.grid_model import Battery
    from simulator.scenario.tariff_model import CarbonProfile, Tariff

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class SiteTerms:
    """Other load and prices of a site over the horizon. ``None``: the site has no such thing."""

    start: dt.datetime
    duration_s: float
    interval_s: float
    billing_s: float
    warmup_s: float
    base: Steps | None
    """The building's load, kW."""
    pv: Steps | None
    """Photovoltaic power, kW."""
    battery: Battery | None
    tariff: Tariff | None
    retail: Tariff | None
    price: F64 | None
    """Money per kWh bought, by recording interval."""
    feed_in: F64 | None
    """Money per kWh given back."""
    carbon: F64 | None
    """kg CO2 per kWh bought."""
    billing_month: I32
    """Calendar month in which each billing interval begins (see ``localtime``)."""
    month_shares: dict[int, float]
    """Part of each calendar month that counts: simulated, and after the warm-up."""

    @property
    def plain(self) -> bool:
        """Whether there is nothing to account for."""
        parts = (self.base, self.pv, self.battery, self.tariff, self.retail, self.carbon)
        return all(part is None for part in parts)

    @property
    def demand_price(self) -> float:
        """Per kW of a month's highest billing interval, as the run's bill counts it: pro rata.

        Where the run holds parts of several months, by the largest of these parts.
        """
        if self.tariff is None or self.tariff.grid is None:
            return 0.0
        share = max(self.month_shares.values(), default=0.0)
        return self.tariff.grid.demand_per_kw_month * share

    def other_kw(self, now_s: float) -> float:
        """Building less photovoltaics at a plan time."""
        base = 0.0 if self.base is None else self.base.at(now_s)
        return base - (0.0 if self.pv is None else self.pv.at(now_s))

    def other_steps(self) -> tuple[F64, F64]:
        """Times from 0 on, and the building less photovoltaics from each of them, kW."""
        times = self.step_times()
        return times, np.array([self.other_kw(float(time_s)) for time_s in times])

    def step_times(self) -> F64:
        """Plan times at which building or photovoltaics change; the first is 0."""
        known = [steps.time_s for steps in (self.base, self.pv) if steps is not None]
        return np.unique(np.concatenate([np.zeros(1), *known]))

    def changes(self) -> Any:
        """The other load as rows for the kernel, where no battery acts upon it."""
        if self.battery is not None or (self.base is None and self.pv is None):
            return np.zeros(0, state.CHANGE)
        times = self.step_times()
        rows = np.zeros(len(times), state.CHANGE)
        rows["time_s"] = times
        rows["what"] = state.BASE_LOAD
        rows["node"] = -1
        for steps, sign in ((self.base, 1.0), (self.pv, -1.0)):
            if steps is not None:
                at = np.searchsorted(steps.time_s, times, side="right") - 1
                rows["kw"] += sign * steps.kw[at]
        return rows


def network_terms(scenario: Scenario, network: Network, duration_s: float) -> dict[str, SiteTerms]:
    """The terms of every site by its name; copies of a site share theirs.

    Raises ScenarioError if a file does not cover the horizon, or if a price changes within a
    recording interval.
    """
    made: dict[str, SiteTerms] = {}
    for site in network.sites:
        key = site.site.name
        if key not in made:
            made[key] = site_terms(scenario, site.site, duration_s)
    return {site.name: made[site.site.name] for site in network.sites}


def site_terms(scenario: Scenario, site: Site, duration_s: float) -> SiteTerms:
    """The terms of one site; raises as `network_terms` does."""
    record = scenario.file.record
    warmup_s = scenario.file.scenario.warmup
    tariff = None if site.tariff is None else scenario.tariffs[site.tariff]
    carbon = None if site.carbon is None else scenario.carbon[site.carbon]
    _check_cuts(scenario, site, tariff, carbon, duration_s)
    intervals = max(1, math.ceil(duration_s / record.interval))
    begins = np.arange(intervals, dtype=np.float64) * record.interval
    price = feed_in = intensity = None
    billing_month = np.zeros(0, np.int32)
    shares: dict[int, float] = {}
    if tariff is not None or carbon is not None:
        now = local_time(scenario.start, duration_s, begins)
        if tariff is not None:
            price = look_up(price_table(tariff), now.month, now.weekday, now.minute)
            earned = 0.0 if tariff.grid is None else tariff.grid.feed_in_per_kwh
            feed_in = np.full(len(begins), earned)
            per = max(1, round(record.billing_interval / record.interval))
            billing_month = now.month_number[::per]
            shares = month_shares(scenario.start, duration_s, warmup_s)
        if carbon is not None:
            intensity = look_up(carbon_table(carbon), now.month, now.weekday, now.minute)
    base, pv = site_series(scenario, site, duration_s)
    return SiteTerms(
        start=scenario.start,
        duration_s=duration_s,
        interval_s=record.interval,
        billing_s=record.billing_interval,
        warmup_s=warmup_s,
        base=base,
        pv=pv,
        battery=site.battery,
        tariff=tariff,
        retail=None if site.retail is None else scenario.tariffs[site.retail],
        price=price,
        feed_in=feed_in,
        carbon=intensity,
        billing_month=billing_month,
        month_shares=shares,
    )


def _check_cuts(
    scenario: Scenario,
    site: Site,
    tariff: Tariff | None,
    carbon: CarbonProfile | None,
    duration_s: float,
) -> None:
    """The horizon may be longer than the one that the scenario was checked for."""
    record = scenario.file.record
    cut = first_cut(
        tariff, carbon, scenario.start, duration_s, record.interval, record.billing_interval
    )
    if cut is not None:
        expected = uneven(cut, getattr(site, cut.what))
        raise ScenarioError([Problem(str(scenario.path), f"record.{cut.where}", None, expected)])
