"""The books of a site with everything in it: energy, losses, money, limits at every instant."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import (
    HORIZON_S,
    changes,
    courses,
    load_points,
    model,
    play,
    rich_cases,
    script,
    site,
    visits,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import Outcome, acts, simulate_site
from simulator.engine.kernel.state import BASE_LOAD, SITE_LIMIT
from simulator.engine.site import SiteRun

HOUR_S = 3600.0
TOLERANCE = 1 + 1e-9


def played(case, seed, **more):
    where, wanted, options = case
    run = SiteRun(wanted, where, HORIZON_S, record_caps="all", **(options | more))
    return play(run, script(seed, where.evses)).result()


@settings(max_examples=150, deadline=None)
@given(rich_cases(), st.integers(0, 2**32))
def test_the_energy_ledger_closes_and_the_soc_stays_in_bounds(case, seed):
    result = played(case, seed, record_evses=True)
    plan, wanted = result.plan, result.visits
    net = plan.energy_kwh
    assert result.load_kwh.sum() == pytest.approx(net.sum(), rel=1e-9, abs=1e-9)
    assert result.evse_kwh.sum(axis=0) == pytest.approx(result.load_kwh, rel=1e-9, abs=1e-9)
    assert result.evse_kwh.sum(axis=1) == pytest.approx(result.evse_energy_kwh, rel=1e-9, abs=1e-9)
    gain = (plan.soc_end - plan.soc_start) * wanted.battery_kwh
    assert net == pytest.approx(gain + plan.losses_kwh, rel=1e-9, abs=1e-9)
    assert (plan.losses_kwh >= -1e-9).all()
    assert (plan.charged_kwh >= -1e-9).all() and (plan.discharged_kwh >= 0.0).all()
    for soc in (plan.soc_start, plan.soc_end):
        assert ((soc >= 0.0) & (soc <= 1.0)).all()
    assert (plan.soc_end <= np.maximum(plan.target_soc, plan.soc_start) * TOLERANCE).all()
    least = np.minimum(plan.soc_start, wanted.reserve_soc)
    assert (plan.soc_end >= least * (1 - 1e-12)).all()


@settings(max_examples=100, deadline=None)
@given(rich_cases(), st.integers(0, 2**32))
def test_every_session_is_what_its_caps_make_of_it(case, seed):
    result = played(case, seed)
    for i, course in courses(result, HORIZON_S).items():
        assert result.plan.energy_kwh[i] == pytest.approx(course.energy_kwh, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(rich_cases(), st.integers(0, 2**32))
def test_what_is_recorded_besides_changes_nothing(case, seed):
    rich = played(case, seed, record_evses=True)
    poor = played(case, seed, record_evses=False, price=None, feed_in=None, carbon=None)
    assert rich.load_kwh.tobytes() == poor.load_kwh.tobytes()
    assert rich.plan.soc_end.tobytes() == poor.plan.soc_end.tobytes()
    assert rich.peak_kw == poor.peak_kw
    assert (poor.plan.cost == 0.0).all() and (poor.plan.carbon_kg == 0.0).all()
    assert len(poor.evse_kwh) == len(poor.station_peak_kw) == 0


@settings(max_examples=60, deadline=None)
@given(rich_cases(), st.integers(0, 2**32))
def test_cost_and_carbon_are_the_sum_over_fine_slices(case, seed):
    """Slices of a second, priced one by one, from the recorded caps alone."""
    options = case[2]
    result = played(case, seed)
    fine_s = 1.0
    middles = np.arange(0.5 * fine_s, HORIZON_S, fine_s)
    interval = (middles / 900.0).astype(int)
    for i, course in list(courses(result, HORIZON_S).items())[:2]:
        power = np.array([course.power_kw(float(t)) for t in middles])
        kwh = power * fine_s / HOUR_S
        price = np.where(kwh >= 0.0, options["price"][interval], options["feed_in"][interval])
        # A slice in which the power jumps is off by half its energy at most.
        jumps = 2.0 + len(course.caps) + 12
        slack = 0.5 * jumps * max(30.0, result.plan.limit_kw[i]) * fine_s / HOUR_S + 1e-3
        assert result.plan.cost[i] == pytest.approx((kwh * price).sum(), abs=0.4 * slack)
        carbon = (kwh * options["carbon"][interval]).sum()
        assert result.plan.carbon_kg[i] == pytest.approx(carbon, abs=0.6 * slack)


@settings(max_examples=60, deadline=None)
@given(rich_cases(), st.integers(0, 2**32))
def test_the_sessions_costs_are_the_loads_where_nobody_gives_back(case, seed):
    where, wanted, options = case
    run = SiteRun(wanted, where, HORIZON_S, **options)
    result = play(run, script(seed, where.evses, controls=False)).result()
    cost = (result.load_kwh * options["price"]).sum()
    carbon = (result.load_kwh * options["carbon"]).sum()
    assert result.plan.cost.sum() == pytest.approx(cost, rel=1e-9, abs=1e-9)
    assert result.plan.carbon_kg.sum() == pytest.approx(carbon, rel=1e-9, abs=1e-9)


def test_prices_are_applied_to_the_kilowatt_hour():
    """10 kW from 0:10 to 1:10: fifty minutes at 0.3, ten at 0.1."""
    wanted = visits([600.0], departure_s=600.0 + HOUR_S, ac_kw=10.0, battery_kwh=500.0)
    result = simulate_site(
        wanted,
        site(model()),
        2 * HOUR_S,
        interval_s=HOUR_S,
        price=np.array([0.3, 0.1]),
        carbon=np.array([0.5, 0.2]),
    )
    assert result.plan.cost[0] == pytest.approx(10.0 * (50 * 0.3 + 10 * 0.1) / 60, rel=1e-12)
    assert result.plan.carbon_kg[0] == pytest.approx(10.0 * (50 * 0.5 + 10 * 0.2) / 60, rel=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"price": np.zeros(3)},
        {"price": np.full(8, math.nan)},
        {"feed_in": np.zeros(8)},
        {"changes": changes((0.0, SITE_LIMIT, -1, -1.0))},
        {"changes": changes((0.0, 7, -1, 1.0))},
        {"changes": changes((0.0, 1, 0, 1.0))},
        {"changes": changes((0.0, BASE_LOAD, -1, math.inf))},
        {"changes": changes((5.0, SITE_LIMIT, -1, 1.0), (9.0, SITE_LIMIT, -1, 1.0))[::-1]},
    ],
)
def test_arrays_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"price|change"):
        SiteRun(visits([0.0]), site(model()), HORIZON_S, **wrong)


def test_station_losses_multiply_with_the_vehicles_and_stand_in_the_ledger():
    where = site(model("dc", 1, 50.0, efficiency=0.94))
    result = simulate_site(visits([0.0], target_soc=0.8), where, 4 * HOUR_S)
    plan = result.plan
    assert plan.efficiency[0] == pytest.approx(0.95 * 0.94)
    assert plan.energy_kwh[0] == pytest.approx(0.6 * 60.0 / (0.95 * 0.94), rel=1e-12)
    assert plan.losses_kwh[0] == pytest.approx(plan.energy_kwh[0] - 36.0, rel=1e-9)


def test_standby_is_a_constant_part_of_the_other_load_and_stops_in_the_dark():
    where = site(*[model(standby_kw=0.1)] * 3, limit=11.0)
    run = SiteRun(visits([600.0], departure_s=1200.0), where, HOUR_S)
    run.advance(1800.0)
    assert run.view().base_kw == pytest.approx(0.3)
    acts.power_off(run)
    assert run.view().base_kw == 0.0
    run.advance(2700.0)
    acts.power_on(run)
    result = run.result()
    assert result.base_kwh == pytest.approx([0.075, 0.075, 0.0, 0.075], rel=1e-12)
    assert result.standby_kwh == pytest.approx(0.225)
    assert result.peak_kw == pytest.approx(10.7)
    assert result.net_peak_kw == pytest.approx(11.0)


def change_times(options):
    return [] if options["changes"] is None else options["changes"]["time_s"].tolist()


def limit_at(result, options, t):
    """Grid limit and other load in force right after ``t``, from the table alone."""
    grid = result.site.site.grid_limit
    grid = math.inf if grid is None else grid
    other = 0.0
    for row in options["changes"] if options["changes"] is not None else ():
        if row["time_s"] <= t:
            if row["what"] == SITE_LIMIT:
                grid = float(row["kw"])
            else:
                other = float(row["kw"])
    return grid, other + sum(s.model.standby_kw for s in result.site.stations)


@settings(max_examples=150, deadline=None)
@given(rich_cases())
def test_no_limit_is_exceeded_at_any_instant_while_limits_and_other_load_change(case):
    where, wanted, options = case
    options = options | {"record_evses": True}
    result = simulate_site(wanted, where, HORIZON_S, record_caps="all", **options)
    station_kw = np.array([s.model.station_kw for s in where.stations])
    peak = net_peak = 0.0
    highest = np.zeros(len(station_kw))
    for t, load in load_points(result, HORIZON_S, extra=[0.0, *change_times(options)]):
        grid, base = limit_at(result, options, t)
        assert load.sum() <= max(0.0, grid - base) * TOLERANCE + 1e-9
        assert (load <= station_kw * TOLERANCE).all()
        highest = np.maximum(highest, load)
        peak = max(peak, load.sum())
        net_peak = max(net_peak, load.sum() + base)
    assert result.peak_kw == pytest.approx(peak, rel=1e-6, abs=1e-6)
    assert result.station_peak_kw == pytest.approx(highest, rel=1e-6, abs=1e-6)
    assert result.net_peak_kw == pytest.approx(net_peak, rel=1e-6, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(rich_cases(), st.integers(0, 2**32))
def test_limits_hold_and_the_peak_is_found_whoever_acts_and_gives_back(case, seed):
    where, wanted, options = case
    acts_at = script(seed, where.evses)
    run = SiteRun(wanted, where, HORIZON_S, record_caps="all", **options)
    result = play(run, acts_at).result()
    station_kw = np.array([s.model.station_kw for s in where.stations])
    times = [t for t, _ in acts_at] + change_times(options)
    peak = 0.0
    for t, load in load_points(result, HORIZON_S, extra=times):
        grid, base = limit_at(result, options, t)
        assert load.sum() <= max(0.0, grid - base) * TOLERANCE + 1e-9
        assert (load <= station_kw * TOLERANCE).all()
        peak = max(peak, load.sum())
    assert result.peak_kw == pytest.approx(peak, rel=1e-6, abs=1e-6)


def test_a_vehicle_that_was_emptied_charges_again_within_a_limit_that_came_meanwhile():
    """Empty is the state of charge that an EVSE remembers before anybody has shared there."""
    wanted = visits([0.0], discharge_kw=20.0, reserve_soc=0.0, ac_kw=22.0, soc=0.1)
    rows = changes((3600.0, SITE_LIMIT, -1, 13.2))
    run = SiteRun(wanted, site(model()), HORIZON_S, changes=rows)
    run.advance(60.0)
    acts.set_controls(run, [-20.0])
    run.advance(5400.0)
    assert run.view().soc[0] == 0.0
    acts.set_controls(run, [math.inf])
    assert run.load_kw == pytest.approx(13.2)


def test_limits_change_exactly_at_their_time():
    wanted = visits([0.0], ac_kw=20.0, battery_kwh=500.0, soc=0.0)
    rows = changes((1000.0, SITE_LIMIT, -1, 8.0), (2500.0, SITE_LIMIT, -1, math.inf))
    result = simulate_site(
        wanted, site(model(), limit=15.0), HOUR_S, interval_s=500.0, changes=rows
    )
    by_slice = [15.0] * 2 + [8.0] * 3 + [20.0] * 2
    assert result.load_kwh[:7] == pytest.approx(np.array(by_slice) * 500.0 / HOUR_S, rel=1e-12)
    assert result.peak_kw == 20.0
    assert result.peak_s == 2500.0
    assert result.limit_bound_s == pytest.approx(2500.0)


def test_a_limit_lowered_by_hand_does_not_hide_the_peak_before_it():
    """The curve rises until the moment of the act: the peak is then, under the old limit."""
    wanted = visits([0.0], curve=5, dc_kw=200.0, soc=0.0, target_soc=1.0, battery_kwh=100.0)
    run = SiteRun(wanted, site(model("dc", 1, 150.0)), HOUR_S)
    run.advance(1500.0)
    load_kw = run.load_kw
    acts.set_limit(run, 30.0)
    result = run.result()
    assert result.peak_kw == pytest.approx(load_kw)
    assert result.peak_s == 1500.0


def test_other_load_takes_its_part_of_the_connection_and_a_surplus_adds_to_it():
    rows = changes(
        (900.0, BASE_LOAD, -1, 6.0), (1800.0, BASE_LOAD, -1, 25.0), (2700.0, BASE_LOAD, -1, -7.0)
    )
    wanted = visits([0.0], ac_kw=20.0, battery_kwh=500.0, soc=0.0)
    result = simulate_site(wanted, site(model(), limit=12.0), HOUR_S, changes=rows)
    assert result.load_kwh == pytest.approx([12 / 4, 6 / 4, 0.0, 19 / 4], rel=1e-12)
    assert result.base_kwh == pytest.approx([0.0, 1.5, 6.25, -1.75], rel=1e-12)
    assert result.peak_kw == pytest.approx(19.0)
    assert (result.net_peak_kw, result.net_peak_s) == (25.0, 1800.0)


def test_what_is_given_back_and_a_surplus_together_stay_within_the_connection():
    """10 kW either way: 8 kW of surplus leave 2 for the vehicle; a load of 12 lets it give 20."""
    rows = changes((1800.0, BASE_LOAD, -1, -8.0), (3600.0, BASE_LOAD, -1, 12.0))
    wanted = visits([0.0], ac_kw=20.0, battery_kwh=500.0, soc=0.5, discharge_kw=20.0)
    run = SiteRun(wanted, site(model(), limit=10.0), HORIZON_S, changes=rows)
    run.advance(900.0)
    acts.set_controls(run, [-20.0])
    result = run.result()
    by_quarter = [10.0, -10.0, -2.0, -2.0, -20.0, -20.0, -20.0, -20.0]
    assert result.load_kwh == pytest.approx(np.array(by_quarter) / 4.0, rel=1e-9)


def test_the_other_load_takes_its_part_of_each_phase_of_the_connection():
    """25 A a phase are 17.25 kW; a building takes 6 of it; a surplus makes room."""
    rows = changes((900.0, BASE_LOAD, -1, 6.0), (1800.0, BASE_LOAD, -1, -3.0))
    wanted = visits([0.0], ac_kw=22.0, battery_kwh=500.0, soc=0.0)
    for policy in ("equal_share", "fcfs"):
        where = site(model(), grid_current=25.0, policy=policy)
        result = simulate_site(wanted, where, HOUR_S, changes=rows)
        by_quarter = [17.25, 11.25, 20.25, 20.25]
        assert result.load_kwh == pytest.approx(np.array(by_quarter) / 4.0, rel=1e-9)
        assert result.limit_bound_s == HOUR_S
        assert result.grid_bound_s == 0.0


def test_other_load_by_hand_stands_in_the_books_too():
    run = SiteRun(visits([0.0], ac_kw=20.0, battery_kwh=500.0), site(model(), limit=12.0), HOUR_S)
    run.advance(1350.0)
    acts.set_base(run, 4.0)
    result = run.result()
    assert result.base_kwh == pytest.approx([0.0, 0.5, 1.0, 1.0], rel=1e-12)
    assert result.load_kwh == pytest.approx([3.0, 2.5, 2.0, 2.0], rel=1e-12)


def test_a_failed_session_keeps_its_energy_and_tells_what_it_lacks():
    run = SiteRun(visits([0.0], ac_kw=11.0), site(model()), 4 * HOUR_S)
    run.advance(HOUR_S)
    assert acts.fail(run, 0) == 0
    plan = run.result().plan
    assert plan.outcome[0] == Outcome.FAILED
    assert plan.energy_kwh[0] == pytest.approx(11.0)
    assert plan.unserved_kwh[0] == pytest.approx(0.6 * 60.0 / 0.9 - 11.0)
    assert plan.unplug_s[0] == HOUR_S
