"""Limits hold at every instant, for every policy, seen from the recorded caps alone."""

from __future__ import annotations

import numpy as np
import pytest
from engine_build import (
    HORIZON_S,
    cases,
    courses,
    load_points,
    model,
    site,
    visits,
    with_policy,
)
from hypothesis import given, settings

from simulator.engine import Outcome, simulate_site
from simulator.engine.policies import NAMES

TOLERANCE = 1 + 1e-9


@settings(max_examples=150, deadline=None)
@given(cases())
def test_no_limit_is_exceeded_at_any_instant(case):
    where, wanted = case
    for policy in NAMES:
        result = simulate_site(wanted, with_policy(where, policy), HORIZON_S, record_caps="all")
        limit = np.inf if where.site.grid_limit is None else where.site.grid_limit
        station_kw = np.array([s.model.station_kw for s in where.stations])
        for _, load in load_points(result, HORIZON_S):
            assert load.sum() <= limit * TOLERANCE
            assert (load <= station_kw * TOLERANCE).all()


@settings(max_examples=150, deadline=None)
@given(cases())
def test_nobody_charges_below_the_minimum_or_above_the_pairing(case):
    where, wanted = case
    plan = simulate_site(wanted, where, HORIZON_S, record_caps="all").plan
    for i in range(len(wanted)):
        caps = plan.cap_kw[plan.cap_offset[i] : plan.cap_offset[i + 1]]
        assert ((caps == 0.0) | (caps >= plan.min_kw[i] * (1 - 1e-12))).all()
        assert (caps <= plan.limit_kw[i]).all()
        times = plan.cap_s[plan.cap_offset[i] : plan.cap_offset[i + 1]]
        assert (np.diff(times) > 0.0).all()
        if plan.evse[i] >= 0:
            assert times[0] == plan.plug_in_s[i]
        else:
            assert len(times) == 0


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_recorded_caps_and_the_plain_physics_give_each_session_its_energy(case):
    where, wanted = case
    result = simulate_site(wanted, where, HORIZON_S, record_caps="all")
    for i, course in courses(result, HORIZON_S).items():
        assert result.plan.energy_kwh[i] == pytest.approx(course.energy_kwh, rel=1e-9, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_peak_is_the_largest_load_that_the_caps_allow(case):
    where, wanted = case
    result = simulate_site(wanted, where, HORIZON_S, record_caps="all")
    points = [(load.sum(), t) for t, load in load_points(result, HORIZON_S)]
    largest = max((load for load, _ in points), default=0.0)
    assert result.peak_kw == pytest.approx(largest, rel=1e-9, abs=1e-5)


def test_nothing_is_wasted_while_somebody_is_held_back():
    """Two cars that could take 100 kW each, behind 120 kW: the site stays at its limit."""
    where = site(model("dc", 1, 150.0), model("dc", 1, 150.0), limit=120.0)
    both = visits([0.0, 0.0], dc_kw=100.0, soc=0.1, target_soc=0.5)
    result = simulate_site(both, where, 3600.0, record_caps="all")
    end = result.plan.charge_end_s.min()
    loads = [load.sum() for t, load in load_points(result, 3600.0) if 0.0 < t < end]
    assert loads == pytest.approx([120.0] * len(loads))
    assert result.limit_bound_s == pytest.approx(end)


def test_what_a_taper_frees_goes_to_the_other_at_the_next_decision():
    """An early car past its knee takes little; the late one gets the rest of the station."""
    dual = model("dc", 2, 150.0, station_kw=150.0)
    wanted = visits([0.0, 600.0], dc_kw=150.0, soc=[0.75, 0.1], target_soc=0.95, curve=[3, 3])
    result = simulate_site(wanted, site(dual), 3600.0, record_caps="all")
    played = courses(result, 3600.0)
    early = played[0].power_kw(600.0)
    late = played[1].power_kw(600.0)
    assert early < 75.0
    assert early + late == pytest.approx(150.0, rel=1e-9)


def test_a_curve_that_rises_later_does_not_break_a_limit_that_fits_now():
    """Two cars that take 60 kW each at first, and 120 kW each later, at a station of 150 kW."""
    dual = model("dc", 2, 150.0, station_kw=150.0)
    wanted = visits([0.0, 60.0], dc_kw=150.0, soc=0.1, target_soc=0.9, curve=5, efficiency_dc=1.0)
    result = simulate_site(wanted, site(dual), 7200.0, record_caps="all")
    assert result.peak_kw == pytest.approx(150.0, rel=1e-9)
    assert max(load.sum() for _, load in load_points(result, 7200.0)) <= 150.0 * TOLERANCE
    played = courses(result, 7200.0)
    assert played[0].power_kw(600.0) < 60.0
    assert played[1].power_kw(600.0) < 60.0


def test_who_is_left_gets_its_full_power_at_once():
    """Two stations behind one limit: when one car goes, the other is held back no longer."""
    where = site(model(), model(), limit=12.0)
    wanted = visits([0.0, 0.0], departure_s=[1800.0, 3600.0], target_soc=1.0, ac_kw=11.0)
    result = simulate_site(wanted, where, 3600.0, record_caps="all")
    assert result.plan.energy_kwh == pytest.approx([3.0, 3.0 + 5.5])
    assert result.limit_bound_s == pytest.approx(1800.0)


def test_a_car_that_is_done_leaves_its_share_to_its_neighbour_at_once():
    """Two plugs share 100 kW; the first car has what it wants after 10 kWh and stays plugged in."""
    dual = model("dc", 2, 100.0, station_kw=100.0)
    wanted = visits(
        [0.0, 0.0],
        departure_s=3600.0,
        dc_kw=100.0,
        soc=0.0,
        efficiency_dc=1.0,
        battery_kwh=100.0,
        target_soc=[0.1, 1.0],
    )
    result = simulate_site(wanted, site(dual), 3600.0)
    assert result.plan.charge_end_s[0] == pytest.approx(720.0)
    assert result.plan.energy_kwh == pytest.approx([10.0, 10.0 + 80.0])


def test_a_car_that_leaves_half_full_leaves_its_share_to_its_neighbour_at_once():
    dual = model("dc", 2, 100.0, station_kw=100.0)
    wanted = visits(
        [0.0, 0.0],
        departure_s=[900.0, 2700.0],
        dc_kw=100.0,
        soc=0.0,
        efficiency_dc=1.0,
        battery_kwh=100.0,
    )
    result = simulate_site(wanted, site(dual), 3600.0)
    assert result.plan.energy_kwh == pytest.approx([12.5, 12.5 + 50.0])


def test_the_peak_of_a_long_run_of_constant_powers_is_the_highest_step():
    """The bound that spares most sums is kept up over tens of thousands of events."""
    r = np.random.default_rng(4)
    n = 20_000
    arrival = np.cumsum(r.exponential(60.0 + 30.0 * np.cos(np.arange(n) / 3000.0)))
    wanted = visits(
        arrival,
        departure_s=arrival + r.exponential(3600.0, n),
        ac_kw=r.choice([3.7, 7.4, 11.0], n),
        soc=r.uniform(0.0, 0.8, n),
    )
    result = simulate_site(wanted, site(*[model()] * 200), float(arrival[-1]))
    plan = result.plan
    assert (plan.plug_in_s == arrival).all()
    assert result.events > 10 * 4096
    end = np.fmin(np.fmin(plan.charge_end_s, plan.unplug_s), arrival[-1])
    times = np.concatenate([plan.plug_in_s, end])
    steps = np.concatenate([plan.limit_kw, -plan.limit_kw])
    order = np.lexsort((steps, times))
    load = np.cumsum(steps[order])
    assert result.peak_kw == pytest.approx(load.max(), rel=1e-9)
    assert result.peak_s == times[order][load.argmax()]


def test_cars_that_rise_to_their_caps_do_not_pile_up_decisions():
    """Shares that follow the tapers of others must not make a rising car cross its cap for ever."""
    r = np.random.default_rng(1)
    n = 3000
    arrival = np.cumsum(r.exponential(150.0, n))
    wanted = visits(
        arrival,
        departure_s=arrival + r.exponential(2400.0, n),
        soc=r.uniform(0.1, 0.5, n),
        target_soc=r.uniform(0.6, 1.0, n),
        dc_kw=150.0,
        curve=r.choice([2, 3, 5], n),
    )
    where = site(*[model("dc", 2, 150.0, station_kw=150.0)] * 8, limit=600.0)
    result = simulate_site(wanted, where, float(arrival[-1]))
    assert result.limit_bound_s > 0.2 * arrival[-1]
    assert result.events < 12 * n


def test_uncontrolled_keeps_the_limit_by_first_come_first_served():
    where = site(*[model()] * 3, limit=20.0, policy="uncontrolled")
    wanted = visits([0.0, 60.0, 120.0], target_soc=0.3)
    result = simulate_site(wanted, where, 36_000.0, record_caps="all")
    played = courses(result, 36_000.0)
    powers = [played[i].power_kw(200.0) for i in range(3)]
    assert powers == pytest.approx([11.0, 9.0, 0.0])
    assert result.plan.charge_end_s[0] < result.plan.charge_end_s[1] < result.plan.charge_end_s[2]


def test_a_limit_below_everybodys_minimum_stops_all_charging_but_nobody_breaks_it():
    where = site(*[model()] * 2, limit=1.0)
    result = simulate_site(visits([0.0, 0.0], departure_s=7200.0), where, 7200.0)
    assert result.load_kwh.sum() == 0.0
    assert result.peak_kw == 0.0
    assert result.plan.outcome.tolist() == [Outcome.SERVED] * 2
    assert result.limit_bound_s == pytest.approx(7200.0)


def test_a_one_phase_car_keeps_charging_where_a_three_phase_car_has_to_pause():
    """2 kW: enough for 6 A on one phase (1.38 kW), not on three (4.14 kW)."""
    where = site(model(), model(), limit=2.0)
    cars = visits([0.0, 0.0], ac_phases=[3, 1], ac_kw=[11.0, 3.7])
    plan = simulate_site(cars, where, 7200.0).plan
    assert plan.min_kw == pytest.approx([4.14, 1.38])
    assert plan.energy_kwh == pytest.approx([0.0, 4.0])
