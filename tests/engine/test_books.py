"""A site's books: bills by hand, sessions that add up to the site, other load behind the meter."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from engine_build import cases, model, posts, site, visits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.engine.costs import costs_row, network_costs
from simulator.engine.site import simulate_site
from simulator.engine.terms import SiteTerms
from simulator.scenario.localtime import month_shares
from simulator.scenario.series import Steps
from simulator.scenario.tariff_model import Drivers, Grid, PriceWindow, Tariff

BERLIN = ZoneInfo("Europe/Berlin")
JUNE = dt.datetime(2026, 6, 1, tzinfo=BERLIN)
HOUR_S = 3600.0
DAYS = (True,) * 7
MONTHS = tuple(range(12))


def tariff(energy=0.3, grid=None, drivers=None, windows=()) -> Tariff:
    return Tariff("mine", "", "", "EUR", energy, tuple(windows), grid, drivers)


def terms(hours: float, **parts) -> SiteTerms:
    intervals = math.ceil(hours * 4)
    values = {
        "start": JUNE,
        "duration_s": hours * HOUR_S,
        "interval_s": 900.0,
        "billing_s": 900.0,
        "warmup_s": 0.0,
        "base": None,
        "pv": None,
        "battery": None,
        "tariff": None,
        "retail": None,
        "price": None,
        "feed_in": None,
        "carbon": None,
        "billing_month": np.full(intervals, 2026 * 12 + 5, np.int32),
        "month_shares": month_shares(JUNE, hours * HOUR_S),
    } | parts
    if values["tariff"] is not None and values["price"] is None:
        values["price"] = np.full(intervals, values["tariff"].energy_per_kwh)
    if values["tariff"] is not None and values["feed_in"] is None:
        grid = values["tariff"].grid
        values["feed_in"] = np.full(intervals, 0.0 if grid is None else grid.feed_in_per_kwh)
    return SiteTerms(**values)


def steps(*parts: tuple[float, float]) -> Steps:
    return Steps(np.array([hour * HOUR_S for hour, _ in parts]), np.array([kw for _, kw in parts]))


def run(where, who, book: SiteTerms, plain):
    return simulate_site(who, where, book.duration_s, terms=book, kernel=plain)


# One car: 10 kWh at 10 kW, from 1 h to 2 h, unplugged at 4 h.
ONE = {"soc": 0.0, "target_soc": 1.0, "battery_kwh": 10.0, "ac_kw": 10.0, "efficiency_ac": 1.0}


def one_car(**columns):
    return visits([HOUR_S], departure_s=4 * HOUR_S, **ONE | columns)


def test_one_session_at_two_prices(plain) -> None:
    price = np.array([0.2] * 6 + [0.5] * 26)  # the price rises at 1:30
    book = terms(8.0, tariff=tariff(), price=price, carbon=np.full(32, 0.4))
    found = run(site(*posts(1)), one_car(), book, plain)
    assert found.plan.cost.tolist() == pytest.approx([5 * 0.2 + 5 * 0.5])
    assert found.plan.carbon_kg.tolist() == pytest.approx([4.0])
    assert found.costs is not None
    assert found.costs.energy_cost == pytest.approx(3.5)
    assert found.costs.vehicles_cost == pytest.approx(3.5)
    assert found.costs.others_cost == pytest.approx(0.0)
    assert found.costs.carbon_kg == pytest.approx(4.0)
    assert found.costs.per_kwh == pytest.approx(0.35)


def test_a_bill_by_hand(plain) -> None:
    """Building 4 kW; the sun gives 20 kW from 2 h to 3 h; the car takes 10 kW from 1 h to 2 h."""
    grid = Grid(demand_per_kw_month=10.0, fixed_per_month=72.0, feed_in_per_kwh=0.08)
    book = terms(
        8.0,
        tariff=tariff(0.3, grid),
        base=steps((0, 4.0)),
        pv=steps((0, 0.0), (2, 20.0), (3, 0.0)),
    )
    found = run(site(*posts(1)), one_car(), book, plain)
    costs = found.costs
    assert costs is not None
    month = 8 / (30 * 24)
    assert costs.bought_kwh == pytest.approx(7 * 4 + 10)
    assert costs.sold_kwh == pytest.approx(16)
    assert costs.energy_cost == pytest.approx(38 * 0.3)
    assert costs.feed_in_revenue == pytest.approx(16 * 0.08)
    assert costs.billed_peak_kw == pytest.approx(14.0)
    assert costs.demand_charge == pytest.approx(14 * 10 * month)
    assert costs.fixed == pytest.approx(72 * month)
    assert costs.total == pytest.approx(38 * 0.3 - 16 * 0.08 + (140 + 72) * month)
    assert costs.vehicles_cost == pytest.approx(3.0)
    # The building at the price, less 4 kWh that the sun spared it and 16 kWh that it sold.
    assert costs.others_cost == pytest.approx(32 * 0.3 - 4 * 0.3 - 16 * 0.08)
    assert costs.per_kwh == pytest.approx(costs.total / 42)
    assert found.net_peak_kw == pytest.approx(14.0)


def test_other_load_leaves_the_vehicles_less_of_the_grid_limit(plain) -> None:
    book = terms(8.0, base=steps((0, 4.0), (1.5, 9.0)))
    found = run(site(*posts(1), limit=14.5), one_car(), book, plain)
    kwh = found.load_kwh.tolist()
    assert kwh[4:6] == pytest.approx([2.5, 2.5])
    assert kwh[6] == pytest.approx(5.5 / 4)


def test_what_a_driver_pays(plain) -> None:
    drivers = Drivers(
        session_fee=1.0, per_minute=0.01, idle_per_minute=0.1, idle_grace=1800.0, idle_cap=5.0
    )
    book = terms(8.0, retail=tariff(0.5, drivers=drivers))
    costs = run(site(*posts(1)), one_car(), book, plain).costs
    assert costs is not None
    assert costs.idle_min == pytest.approx(120.0)
    assert costs.idle_fees == pytest.approx(5.0)  # 90 min at 0.10, capped
    assert costs.revenue == pytest.approx(10 * 0.5 + 1.0 + 0.01 * 180 + 5.0)
    assert costs.currency == "EUR"


def test_the_retail_price_when_the_car_begins_holds_for_its_session(plain) -> None:
    cheap = PriceWindow(0.1, 90, 120, DAYS, MONTHS)  # from 1:30 to 2:00
    book = terms(8.0, retail=tariff(0.5, windows=[cheap]))
    where = site(*posts(1))
    at_once = run(where, one_car(), book, plain).costs
    later = run(where, replace(one_car(), ready_s=np.array([5400.0])), book, plain).costs
    assert at_once is not None and later is not None
    assert at_once.revenue == pytest.approx(5.0)
    assert later.revenue == pytest.approx(1.0)


def test_a_session_that_still_runs_idles_to_the_horizon(plain) -> None:
    book = terms(3.0, retail=tariff(0.5))
    costs = run(site(*posts(1)), one_car(), book, plain).costs
    assert costs is not None
    assert costs.sessions.idle_min.tolist() == pytest.approx([60.0])


def test_months_are_billed_apart(plain) -> None:
    """From 30 June 20:00 to 1 July 04:00: 2 kW before midnight, 6 kW after."""
    start = dt.datetime(2026, 6, 30, 20, tzinfo=BERLIN)
    grid = Grid(demand_per_kw_month=10.0)
    book = terms(
        8.0,
        start=start,
        tariff=tariff(0.0, grid),
        base=steps((0, 2.0), (4, 6.0)),
        billing_month=np.repeat(np.array([24317, 24318], np.int32), 16),
        month_shares=month_shares(start, 8 * HOUR_S),
    )
    costs = run(site(*posts(1)), visits([]), book, plain).costs
    assert costs is not None
    assert costs.demand_charge == pytest.approx(2 * 10 * 4 / 720 + 6 * 10 * 4 / 744)


def test_a_warm_up_is_left_out_of_the_bill(plain) -> None:
    book = terms(
        8.0,
        warmup_s=2 * HOUR_S,
        tariff=tariff(0.3, Grid(demand_per_kw_month=720.0, fixed_per_month=720.0)),
        base=steps((0, 50.0), (2, 3.0)),
        month_shares=month_shares(JUNE, 8 * HOUR_S, 2 * HOUR_S),
    )
    costs = run(site(*posts(1)), one_car(), book, plain).costs
    assert costs is not None
    assert costs.energy_cost == pytest.approx(18 * 0.3)
    assert costs.billed_peak_kw == pytest.approx(3.0)
    assert costs.demand_charge == pytest.approx(3 * 6)
    assert costs.fixed == pytest.approx(6.0)
    assert costs.vehicles_cost == pytest.approx(0.0, abs=1e-12)


def test_a_site_without_terms_keeps_no_books(plain) -> None:
    assert simulate_site(one_car(), site(*posts(1)), 8 * HOUR_S, kernel=plain).costs is None


def test_a_site_without_a_tariff_has_no_bill(plain) -> None:
    costs = run(site(*posts(1)), one_car(), terms(8.0, carbon=np.full(32, 0.5)), plain).costs
    assert costs is not None
    assert costs.total is costs.energy_cost is costs.vehicles_cost is costs.revenue is None
    assert costs.carbon_kg == pytest.approx(5.0)
    assert costs.currency is None


def test_sums_are_by_currency(plain) -> None:
    euro = run(site(*posts(1)), one_car(), terms(8.0, tariff=tariff()), plain).costs
    dollar = replace(euro, currency="USD")
    rows = network_costs([costs_row(each) for each in (euro, dollar, euro)])
    assert [(row["currency"], row["sites"]) for row in rows] == [("EUR", 2), ("USD", 1)]
    assert rows[0]["total"] == pytest.approx(2 * euro.total)
    assert rows[0]["carbon_kg"] is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(case=cases(most_visits=12), seed=st.integers(0, 2**32))
def test_sessions_and_others_add_up_to_the_site(plain, case, seed: int) -> None:
    where, who = case
    r = np.random.default_rng(seed)
    hours, intervals = 2.0, 8
    grid = Grid(feed_in_per_kwh=0.07)
    book = terms(
        hours,
        tariff=tariff(0.3, grid),
        price=r.uniform(-0.1, 0.6, intervals),
        carbon=r.uniform(0.0, 0.6, intervals),
        base=Steps(np.array([0.0, 1000.0, 4000.0]), r.uniform(0.0, 40.0, 3)),
        pv=Steps(np.array([0.0, 2500.0]), r.uniform(0.0, 60.0, 2)),
    )
    found = run(where, who, book, plain)
    costs = found.costs
    assert costs is not None and book.price is not None and book.carbon is not None
    assert found.plan.cost.sum() == pytest.approx(costs.vehicles_cost, rel=1e-9, abs=1e-9)
    assert found.plan.carbon_kg.sum() == pytest.approx(costs.vehicles_carbon_kg, rel=1e-9, abs=1e-9)
    # The others' part from its own meters: building at the price, the sun's worth taken off.
    base = book.base.energy_kwh(900.0, 7200.0)
    sun = book.pv.energy_kwh(900.0, 7200.0)
    sold = np.maximum(-(found.load_kwh + base - sun), 0.0)
    others = (book.price * (base - sun) + (book.price - 0.07) * sold).sum()
    assert costs.others_cost == pytest.approx(others, rel=1e-9, abs=1e-9)
    assert costs.energy_cost - costs.feed_in_revenue == pytest.approx(
        costs.vehicles_cost + costs.others_cost, rel=1e-9, abs=1e-9
    )


def test_standby_is_bought_too(plain) -> None:
    post = replace(model(evse_kw=10.0), standby_kw=0.5)
    found = run(site(post, post), visits([]), terms(8.0, tariff=tariff(0.25)), plain)
    assert found.costs is not None
    assert found.costs.bought_kwh == pytest.approx(8.0)
    assert found.costs.total == pytest.approx(2.0)
    assert found.costs.per_kwh == pytest.approx(0.25)
