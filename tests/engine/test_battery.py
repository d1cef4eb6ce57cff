"""A stationary battery: its charge within its bounds, its books exact, peaks visibly shaved."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from engine_build import posts, site, visits
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine.battery import BatteryRun
from simulator.engine.site import SiteRun
from simulator.engine.terms import SiteTerms
from simulator.engine.world import run_world, site_processes
from simulator.scenario.grid_model import Battery
from simulator.scenario.series import Steps

HOUR_S = 3600.0


def battery(capacity=10.0, power=5.0, efficiency=0.81, soc=0.5, target=None) -> Battery:
    return Battery.model_construct(
        capacity=capacity, power=power, efficiency=efficiency, soc=soc, target=target
    )


def test_losses_are_split_between_the_two_ways() -> None:
    run = BatteryRun(battery(soc=0.0, power=4.0))
    run.decide(-100.0, HOUR_S)
    run.settle(HOUR_S)
    assert run.power_kw == 4.0
    assert run.stored_kwh == pytest.approx(4.0 * 0.9)
    run.decide(100.0, 2 * HOUR_S)
    run.settle(2 * HOUR_S)
    assert run.power_kw == pytest.approx(-4.0 * 0.81)
    assert run.stored_kwh == pytest.approx(0.0, abs=1e-12)
    books = run.ledger()
    assert books.discharged_kwh / books.charged_kwh == pytest.approx(0.81)
    later = run.ledger(1.5 * HOUR_S)  # after a warm-up of an hour and a half
    assert (later.charged_kwh, later.soc_end) == (0.0, books.soc_end)
    assert later.discharged_kwh == pytest.approx(0.5 * 4.0 * 0.81)
    assert later.soc_start == pytest.approx(0.5 * 4.0 * 0.9 / run.model.capacity)
    assert later.lost_kwh + later.gained_kwh == pytest.approx(-later.discharged_kwh)


@settings(max_examples=80)
@given(
    st.floats(0.5, 200.0),
    st.floats(0.5, 300.0),
    st.floats(0.3, 1.0),
    st.floats(0.0, 1.0),
    st.one_of(st.none(), st.floats(0.1, 100.0)),
    st.lists(st.tuples(st.floats(-200.0, 200.0), st.floats(1.0, 4000.0)), max_size=30),
)
def test_the_charge_stays_within_and_the_books_balance(
    capacity: float,
    power: float,
    efficiency: float,
    soc: float,
    target: float | None,
    ticks: list[tuple[float, float]],
) -> None:
    run = BatteryRun(battery(capacity, power, efficiency, soc, target))
    now = 0.0
    for net_kw, length_s in ticks:
        wanted = (target or 0.0) - net_kw
        asked = run.decide(net_kw, now + length_s)
        assert abs(asked) <= power and asked * wanted >= 0.0 and abs(asked) <= abs(wanted)
        now += length_s
        run.settle(now)
        assert 0.0 <= run.soc <= 1.0
    books = run.ledger()
    assert books.charged_kwh == pytest.approx(
        books.discharged_kwh + books.lost_kwh + books.gained_kwh, rel=1e-9, abs=1e-9
    )
    assert books.lost_kwh >= -1e-12
    if now:
        kwh = run.steps().energy_kwh(900.0, now).sum()
        assert kwh == pytest.approx(books.charged_kwh - books.discharged_kwh, abs=1e-9)


def simulated(model: Battery | None, base: Steps, who, plain, pv=None, limit=None, hours=8.0):
    terms = SiteTerms(
        start=dt.datetime(2026, 6, 1, tzinfo=dt.UTC),
        duration_s=hours * HOUR_S,
        interval_s=900.0,
        billing_s=900.0,
        warmup_s=0.0,
        base=base,
        pv=pv,
        battery=model,
        tariff=None,
        retail=None,
        price=None,
        feed_in=None,
        carbon=None,
        billing_month=np.zeros(0, np.int32),
        month_shares={},
    )
    run = SiteRun(who, site(*posts(2), limit=limit), hours * HOUR_S, terms=terms, kernel=plain)
    return run_world([run], hours * HOUR_S, 900.0, processes=site_processes([run])).sites[0]


BUSY = Steps(np.array([0.0, 2 * HOUR_S, 4 * HOUR_S]), np.array([5.0, 30.0, 5.0]))


def test_a_peak_is_shaved_to_the_target_and_the_battery_filled_again(plain) -> None:
    without = simulated(None, BUSY, visits([]), plain)
    found = simulated(battery(40.0, 25.0, soc=1.0, target=15.0), BUSY, visits([]), plain)
    assert without.costs.billed_peak_kw == pytest.approx(30.0)
    assert found.costs.billed_peak_kw == pytest.approx(15.0)
    net = found.load_kwh + found.base_kwh
    assert net[8:16].tolist() == pytest.approx([15.0 / 4] * 8)
    assert found.battery.discharged_kwh == pytest.approx(30.0)
    assert found.battery.charged_kwh == pytest.approx(30.0 / 0.81, rel=1e-6)
    assert found.battery.soc_end == pytest.approx(1.0)


def test_a_battery_without_target_keeps_the_sun_at_home(plain) -> None:
    sun = Steps(np.array([0.0, HOUR_S]), np.array([8.0, 0.0]))
    base = Steps(np.zeros(1), np.array([2.0]))
    found = simulated(battery(10.0, 6.0, 1.0, soc=0.0), base, visits([]), plain, pv=sun)
    net = found.load_kwh + found.base_kwh
    assert net[:4].tolist() == pytest.approx([0.0] * 4)  # 6 kW into the battery
    assert net[4:16].tolist() == pytest.approx([0.0] * 12)  # 2 kW out of it for three hours
    assert net[16:].tolist() == pytest.approx([0.5] * 16)
    assert found.battery_kwh.sum() == pytest.approx(0.0, abs=1e-9)


def test_it_follows_the_vehicles_at_its_ticks_and_makes_room_under_the_limit(plain) -> None:
    cars = visits(
        [HOUR_S, HOUR_S], soc=0.0, target_soc=1.0, battery_kwh=30.0, ac_kw=10.0, efficiency_ac=1.0
    )
    base = Steps(np.zeros(1), np.array([4.0]))
    parts = (base, cars, plain)
    bounds = {"limit": 16.0, "hours": 4.0}
    tight = simulated(None, *parts, **bounds)
    shaved = simulated(battery(40.0, 8.0, 1.0, soc=1.0, target=16.0), *parts, **bounds)
    helped = simulated(battery(40.0, 8.0, 1.0, soc=1.0), *parts, **bounds)
    assert tight.plan.energy_kwh.sum() == pytest.approx(36.0)
    assert shaved.plan.energy_kwh.sum() == pytest.approx(36.0)
    assert helped.plan.energy_kwh.sum() > 40.0
    for found in (tight, shaved, helped):
        assert found.net_peak_kw <= 16.0 + 1e-9


def test_energy_of_all_parts_meets_at_the_meter(plain) -> None:
    sun = Steps(np.array([0.0, HOUR_S, 3 * HOUR_S]), np.array([0.0, 25.0, 0.0]))
    cars = visits([1800.0, 5000.0], soc=0.1, target_soc=0.9)
    found = simulated(battery(20.0, 9.0, 0.9, soc=0.3, target=12.0), BUSY, cars, plain, pv=sun)
    base = BUSY.energy_kwh(900.0, 8 * HOUR_S)
    parts = found.load_kwh + base - found.pv_kwh + found.battery_kwh
    assert (found.load_kwh + found.base_kwh).tolist() == pytest.approx(parts.tolist(), abs=1e-9)
    books = found.battery
    assert found.battery_kwh.sum() == pytest.approx(books.charged_kwh - books.discharged_kwh)
    assert found.costs.bought_kwh - found.costs.sold_kwh == pytest.approx(parts.sum())


@pytest.mark.parametrize("hours", [2.0, 3.3, 7.75])
def test_cutting_the_horizon_changes_nothing_before_it(plain, hours: float) -> None:
    cars = visits([1800.0, 5000.0], soc=0.1, target_soc=0.9)
    model = battery(20.0, 9.0, 0.9, soc=0.3, target=12.0)
    long = simulated(model, BUSY, cars, plain)
    short = simulated(model, BUSY, cars, plain, hours=hours)
    whole = math.floor(hours * 4)
    assert short.load_kwh[:whole].tolist() == long.load_kwh[:whole].tolist()
    assert short.battery_kwh[:whole].tolist() == pytest.approx(
        long.battery_kwh[:whole].tolist(), abs=1e-12
    )
