"""The books of a site that has run: its bill, what its drivers paid, and its CO2.

How energy is counted: vehicles, building, standby, photovoltaics and battery meet behind one meter,
which nets them within each recording interval; what is left over is bought at the interval's price
or given back at the feed-in price. CO2 counts what is bought. Nothing before the warm-up's end is
in the figures of the site; those of sessions have every session.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.charging import tariffs as t
from simulator.engine.plan import SiteResult

if TYPE_CHECKING:
    from simulator.engine.battery import BatteryRun
    from simulator.engine.terms import SiteTerms
    from simulator.scenario.series import Steps

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SessionCosts:
    """One row per visit; 0 where nobody plugged in."""

    idle_min: F64
    """Minutes plugged in after the end of charging (to the horizon, if still plugged in)."""
    idle_fee: F64
    revenue: F64
    """What the driver pays: energy, session fee, minutes, idle fee; 0 without ``retail``."""


@dataclass(frozen=True, slots=True)
class SiteCosts:
    """The books of one site, in its tariff's currency; None where it has no such part.

    ``energy_cost - feed_in_revenue = vehicles_cost + others_cost``, and ``total`` adds demand
    charge and fixed fee. Without vehicles that give back, and without a warm-up, ``vehicles_cost``
    is the sum of the sessions' energy costs.
    """

    currency: str | None
    bought_kwh: float
    sold_kwh: float
    """Given to the grid."""
    energy_cost: float | None
    feed_in_revenue: float | None
    demand_charge: float | None
    """By calendar month in local time; of a month that is simulated in part, that part (by time)
    of what its highest billing interval would cost."""
    fixed: float | None
    """Likewise by time."""
    total: float | None
    per_kwh: float | None
    """``total`` per kWh that vehicles, building and stations used; None if they used none."""
    vehicles_cost: float | None
    """The vehicles' energy at the price of its interval."""
    others_cost: float | None
    """Building and standby at the price, less what photovoltaics and battery saved or earned."""
    billed_peak_kw: float
    """Highest mean net load of a billing interval (0 if the site never drew)."""
    carbon_kg: float | None
    """Of the energy bought; None without an intensity."""
    vehicles_carbon_kg: float | None
    """The vehicles' energy times the intensity of its interval, wherever it came from."""
    revenue: float | None
    """What drivers paid; None without ``retail``."""
    idle_fees: float | None
    idle_min: float
    """Of all sessions."""
    sessions: SessionCosts


def site_costs(site: SiteResult, terms: SiteTerms) -> SiteCosts:
    """Close the books of a site that ran under ``terms``."""
    first = min(_first(terms), len(site.load_kwh))
    net = site.load_kwh + site.base_kwh
    bought, sold = t.netted(net)
    counted = slice(first, None)
    carbon = vehicles_carbon = None
    if terms.carbon is not None:
        carbon = t.energy_cost(terms.carbon[counted], bought[counted])
        vehicles_carbon = t.energy_cost(terms.carbon[counted], site.load_kwh[counted])
    sessions = _sessions(site, terms)
    came = site.visits.arrival_s >= terms.warmup_s
    priced = terms.tariff or terms.retail
    return SiteCosts(
        currency=None if priced is None else priced.currency,
        bought_kwh=float(bought[counted].sum()),
        sold_kwh=float(sold[counted].sum()),
        **_bill(site, terms, bought, sold, first),
        billed_peak_kw=float(_billed(bought, first, terms).max(initial=0.0)),
        carbon_kg=carbon,
        vehicles_carbon_kg=vehicles_carbon,
        revenue=None if terms.retail is None else float(sessions.revenue[came].sum()),
        idle_fees=None if terms.retail is None else float(sessions.idle_fee[came].sum()),
        idle_min=float(sessions.idle_min[came].sum()),
        sessions=sessions,
    )


def _first(terms: SiteTerms) -> int:
    """The first recording interval that counts."""
    return math.ceil(terms.warmup_s / terms.interval_s - 1e-9)


def _bill(
    site: SiteResult, terms: SiteTerms, bought: F64, sold: F64, first: int
) -> dict[str, float | None]:
    """The fields of the bill, from recording interval ``first`` on; all None without a tariff."""
    names = ("energy_cost", "feed_in_revenue", "demand_charge", "fixed", "total", "per_kwh")
    if terms.tariff is None or terms.price is None or terms.feed_in is None:
        return dict.fromkeys((*names, "vehicles_cost", "others_cost"))
    counted = slice(first, None)
    energy = t.energy_cost(terms.price[counted], bought[counted])
    earned = t.energy_cost(terms.feed_in[counted], sold[counted])
    vehicles = t.energy_cost(terms.price[counted], site.load_kwh[counted])
    demand = fixed = 0.0
    if terms.tariff.grid is not None:
        demand = _demand(bought, first, terms, terms.tariff.grid.demand_per_kw_month)
        fixed = terms.tariff.grid.fixed_per_month * sum(terms.month_shares.values())
    total = energy - earned + demand + fixed
    used = float((site.load_kwh + _used_otherwise(site, terms))[counted].sum())
    per_kwh = total / used if used > 0 else None
    figures = zip(names, (energy, earned, demand, fixed, total, per_kwh), strict=True)
    return {
        **dict(figures),
        "vehicles_cost": vehicles,
        "others_cost": energy - earned - vehicles,
    }


def with_books(site: SiteResult, terms: SiteTerms, battery: BatteryRun | None) -> SiteResult:
    """The result with photovoltaics, battery and costs added; the battery's books are settled."""

    def energy(steps: Steps | None) -> F64:
        if steps is None:
            return np.zeros(0)
        return steps.energy_kwh(terms.interval_s, terms.duration_s)

    added = replace(
        site,
        pv_kwh=energy(terms.pv),
        battery_kwh=energy(None if battery is None else battery.steps()),
        battery=None if battery is None else battery.ledger(_first(terms) * terms.interval_s),
    )
    return replace(added, costs=site_costs(added, terms))


def _billed(bought: F64, first: int, terms: SiteTerms) -> F64:
    """kW of every billing interval; one that begins within the warm-up counts 0."""
    kw = t.billed_kw(bought, terms.interval_s, terms.billing_s)
    per = max(1, round(terms.billing_s / terms.interval_s))
    kw[: -(-first // per)] = 0.0
    return kw


def _demand(bought: F64, first: int, terms: SiteTerms, per_kw_month: float) -> float:
    if per_kw_month == 0.0:
        return 0.0
    peaks = t.monthly_peaks(_billed(bought, first, terms), terms.billing_month)
    counted = {month: peak for month, peak in peaks.items() if month in terms.month_shares}
    return t.demand_charge(counted, terms.month_shares, per_kw_month)


def _used_otherwise(site: SiteResult, terms: SiteTerms) -> F64:
    """Building and standby per interval: the other load, with photovoltaics and battery undone."""
    used = site.base_kwh.copy()
    if terms.pv is not None:
        used += site.pv_kwh
    if terms.battery is not None:
        used -= site.battery_kwh
    return used


def _sessions(site: SiteResult, terms: SiteTerms) -> SessionCosts:
    plan = site.plan
    plugged = ~np.isnan(plan.plug_in_s)
    idle = t.idle_minutes(plan.charge_end_s, plan.unplug_s, terms.duration_s)
    idle = np.where(plugged, idle, 0.0)
    fee, revenue = np.zeros(len(idle)), np.zeros(len(idle))
    if terms.retail is not None:
        revenue[plugged] = plan.energy_kwh[plugged] * _retail_price(site, terms)[plugged]
        drivers = terms.retail.drivers
        if drivers is not None:
            fee = t.idle_fee(idle, drivers.idle_per_minute, drivers.idle_grace, drivers.idle_cap)
            left = np.where(np.isnan(plan.unplug_s), terms.duration_s, plan.unplug_s)
            minutes = np.where(plugged, left - plan.plug_in_s, 0.0) / 60.0
            revenue += np.where(plugged, drivers.session_fee, 0.0)
            revenue += drivers.per_minute * minutes + fee
    return SessionCosts(idle_min=idle, idle_fee=fee, revenue=revenue)


def _retail_price(site: SiteResult, terms: SiteTerms) -> F64:
    """Per kWh: the price in force when the car begins to take energy holds for its session.

    That is at plug-in, or when the car's own timer lets it charge.
    """
    from simulator.scenario.localtime import local_time
    from simulator.scenario.pricing import price_table

    assert terms.retail is not None
    begin = np.where(np.isnan(site.plan.plug_in_s), 0.0, site.plan.plug_in_s)
    if site.visits.ready_s is not None:
        begin = np.maximum(begin, site.visits.ready_s)
    begin = np.clip(begin, 0.0, terms.duration_s)
    now = local_time(terms.start, terms.duration_s, begin)
    return t.look_up(price_table(terms.retail), now.month, now.weekday, now.minute)


def costs_row(costs: SiteCosts) -> dict[str, Any]:
    """The figures of a site as plain values, without its sessions."""
    names = [name for name in SiteCosts.__dataclass_fields__ if name != "sessions"]
    return {name: getattr(costs, name) for name in names}


def network_costs(sites: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sums over the rows of sites (see `costs_row`), one row per currency.

    Sites without a tariff are one of their own.
    """
    rows = []
    for currency in dict.fromkeys(costs["currency"] for costs in sites):
        chosen = [costs for costs in sites if costs["currency"] == currency]
        row: dict[str, Any] = {"currency": currency, "sites": len(chosen)}
        for name in chosen[0]:
            if name in ("currency", "per_kwh", "billed_peak_kw"):
                continue
            known = [each[name] for each in chosen if each[name] is not None]
            row[name] = sum(known) if known else None
        rows.append(row)
    return rows
