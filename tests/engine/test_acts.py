"""What is done to a running site: breakdowns, outages, reservations, further visits, controls."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from engine_build import (
    CURVES,
    HORIZON_S,
    INF,
    cases,
    model,
    posts,
    services,
    site,
    visits,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.demand.visits import Curves
from simulator.engine import Outcome, acts, simulate_site
from simulator.engine.joining import in_order
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world

HOUR_S = 3600.0


def outcomes(result):
    return [Outcome(o).name for o in result.plan.outcome]


def test_nobody_takes_an_evse_out_of_service_and_the_queue_gets_it_when_it_is_repaired():
    run = SiteRun(services([10.0, 20.0], [600.0, 600.0]), site(*posts(2)), HOUR_S)
    run.advance(0.0)
    assert acts.fail(run, 0) == -1
    run.advance(100.0)
    assert (run.occupied, run.free, run.waiting) == (1, 0, 1)
    acts.repair(run, 0)
    assert (run.occupied, run.free, run.waiting) == (2, 0, 0)
    result = run.result()
    assert result.plan.evse.tolist() == [1, 0]
    assert result.plan.plug_in_s.tolist() == [10.0, 100.0]
    assert result.outages == ((0, 0.0, 100.0),)


def test_a_breakdown_ends_the_session_and_gives_its_share_to_the_others():
    where = site(model(), model(), limit=12.0)
    run = SiteRun(visits([0.0, 0.0], ac_kw=11.0, soc=0.0), where, HOUR_S)
    run.advance(1800.0)
    assert acts.fail(run, 1) == 1
    assert acts.fail(run, 1) == -1
    assert run.load_kw == 11.0
    result = run.result()
    assert outcomes(result) == ["RUNNING", "FAILED"]
    assert result.plan.energy_kwh == pytest.approx([3.0 + 5.5, 3.0])
    assert len(result.outages) == 1
    assert math.isnan(result.outages[0].to_s)


def test_in_the_dark_nobody_charges_or_starts_but_cars_stay_and_leave():
    wanted = visits(
        [0.0, 0.0, 700.0, 800.0],
        departure_s=[900.0, INF, INF, 1100.0],
        soc=0.0,
        battery_kwh=500.0,
        ac_kw=10.0,
    )
    run = SiteRun(wanted, site(*posts(2)), HOUR_S, record_caps="all")
    run.advance(600.0)
    acts.power_off(run)
    acts.power_off(run)
    assert run.load_kw == 0.0
    run.advance(1200.0)
    assert (run.occupied, run.free, run.waiting) == (1, 0, 1)
    acts.power_on(run)
    assert run.load_kw == 20.0
    result = run.result()
    assert outcomes(result) == ["SERVED", "RUNNING", "RUNNING", "RENEGED"]
    assert result.plan.plug_in_s[2] == 1200.0
    assert result.plan.energy_kwh == pytest.approx([10 / 6, 10 / 6 + 20 / 3, 20 / 3, 0.0])
    assert result.outages == ((-1, 600.0, 1200.0),)
    assert result.limit_bound_s == 0.0


def test_drivers_balk_and_are_blocked_in_the_dark_as_if_all_were_taken():
    wanted = visits([10.0, 20.0, 30.0], most_ahead=[-1, 0, -1])
    run = SiteRun(wanted, site(*posts(3), queue=1), HOUR_S)
    run.advance(0.0)
    acts.power_off(run)
    assert outcomes(run.result()) == ["WAITING", "BLOCKED", "BLOCKED"]
    run = SiteRun(wanted, site(*posts(3)), HOUR_S)
    run.advance(0.0)
    acts.power_off(run)
    assert outcomes(run.result()) == ["WAITING", "BALKED", "WAITING"]


def test_a_reserved_evse_waits_for_its_visit():
    wanted = visits([100.0, 200.0, 1000.0], departure_s=2000.0)
    run = SiteRun(wanted, site(*posts(2)), HOUR_S)
    run.advance(50.0)
    evse = acts.hold(run, 2)
    assert evse == 0
    assert acts.hold(run, 2) == 0
    assert run.free == 1
    run.advance(500.0)
    assert (run.occupied, run.waiting, run.free) == (1, 1, 0)
    plan = run.result().plan
    assert plan.evse.tolist() == [1, -1, 0]
    assert plan.plug_in_s[2] == 1000.0


def test_a_reservation_that_is_released_serves_the_queue_and_a_no_show_never_comes():
    wanted = visits([100.0, 200.0, 300.0], no_show=[True, False, False])
    run = SiteRun(wanted, site(*posts(1)), HOUR_S)
    run.advance(0.0)
    assert acts.hold(run, 0) == 0
    assert acts.hold(run, 1) == -1
    run.advance(400.0)
    assert (run.occupied, run.waiting) == (0, 2)
    acts.release(run, 0)
    acts.release(run, 0)
    assert (run.occupied, run.waiting) == (1, 1)
    result = run.result()
    assert outcomes(result) == ["NO_SHOW", "RUNNING", "WAITING"]
    assert result.plan.plug_in_s[1] == 400.0
    assert result.plan.unserved_kwh[0] == 0.0
    assert run.state.site["free_evses"][0] == 0


def test_a_breakdown_voids_the_reservation():
    run = SiteRun(visits([100.0]), site(*posts(1)), HOUR_S)
    run.advance(0.0)
    assert acts.hold(run, 0) == 0
    acts.fail(run, 0)
    run.advance(200.0)
    assert run.waiting == 1
    acts.repair(run, 0)
    assert run.occupied == 1


def test_who_has_reserved_and_comes_in_the_dark_waits_like_everybody():
    run = SiteRun(visits([50.0, 100.0]), site(*posts(1)), HOUR_S)
    run.advance(0.0)
    assert acts.hold(run, 1) == 0
    acts.power_off(run)
    run.advance(200.0)
    acts.power_on(run)
    assert outcomes(run.result()) == ["RUNNING", "WAITING"]


@settings(max_examples=80, deadline=None)
@given(cases(), st.integers(0, 2**32), st.floats(0.0, 3000.0))
def test_visits_that_are_added_are_as_if_they_had_been_there(case, seed, now_s):
    where, wanted = case
    r = np.random.default_rng(seed)
    later = np.flatnonzero(wanted.arrival_s > now_s)
    added = np.sort(r.choice(later, r.integers(0, len(later) + 1), replace=False))
    kept = np.setdiff1d(np.arange(len(wanted)), added)
    whole = simulate_site(wanted, where, HORIZON_S, record_caps="all")
    run = SiteRun(in_order(wanted, kept), where, HORIZON_S, record_caps="all")
    run.advance(now_s)
    # In two goes, and at equal times behind those who were there: leave such cases to others.
    if len(np.unique(wanted.arrival_s)) < len(wanted):
        return
    for rows in (added[::2], added[1::2]):
        if len(rows):
            acts.add_visits(run, in_order(wanted, rows))
    parts = run.result()
    assert parts.visits.arrival_s.tolist() == wanted.arrival_s.tolist()
    assert parts.plan.outcome.tolist() == whole.plan.outcome.tolist()
    for name in ("evse", "plug_in_s", "unplug_s", "soc_end", "cap_offset", "cap_s", "cap_kw"):
        np.testing.assert_array_equal(getattr(parts.plan, name), getattr(whole.plan, name))
    assert parts.load_kwh.tobytes() == whole.load_kwh.tobytes()


def test_rows_of_added_visits_stay_what_they_are_and_name_curves_of_their_own():
    steep = Curves(np.array([0, 2], np.int32), np.array([0.0, 1.0]), np.array([9.5, 9.5]))
    run = SiteRun(
        visits([0.0, 3000.0], dc_kw=50.0, curve=1), site(*[model("dc", 1, 50.0)] * 4), HOUR_S
    )
    run.advance(10.0)
    first = acts.add_visits(
        run, visits([20.0, 2000.0], curves=steep, dc_kw=50.0, next_visit=[1, -1], used_soc=0.05)
    )
    second = acts.add_visits(run, visits([15.0], curves=CURVES, dc_kw=50.0))
    assert (first.tolist(), second.tolist()) == ([2, 3], [4])
    with pytest.raises(ValueError, match=r"visit at 10\.0 s is not after 10\.0 s"):
        acts.add_visits(run, visits([10.0]))
    run.advance(25.0)
    assert run.view().visit.tolist() == [0, 4, 2, -1]
    assert run.view().power_kw[2] == pytest.approx(10.0)
    result = run.result()
    assert result.visits.arrival_s.tolist() == [0.0, 15.0, 20.0, 2000.0, 3000.0]
    assert result.visits.next_visit.tolist() == [-1, -1, 3, -1, -1]
    assert result.plan.evse.tolist()[:3] == [0, 1, 2]
    assert outcomes(result)[:3] == ["RUNNING"] * 3


def test_a_chain_goes_on_through_visits_that_were_added():
    run = SiteRun(visits([0.0], departure_s=600.0), site(*posts(1)), HOUR_S)
    run.advance(0.0)
    rows = acts.add_visits(
        run,
        visits([700.0, 2000.0], departure_s=[1300.0, 2600.0], next_visit=[1, -1], used_soc=0.1),
    )
    assert rows.tolist() == [1, 2]
    plan = run.result().plan
    assert plan.soc_start[2] == pytest.approx(plan.soc_end[1] - 0.1)


def test_controls_hold_until_the_next_ones_whoever_plugs_in():
    wanted = visits([0.0, 0.0, 2000.0], departure_s=[1000.0, INF, INF], soc=0.0, ac_kw=11.0)
    run = SiteRun(wanted, site(model(), model()), HOUR_S, record_caps="all")
    run.advance(500.0)
    acts.set_controls(run, [6.0, 4.0])
    assert run.load_kw == pytest.approx(6.0)  # 4 kW is below the 6 A that a car needs on 3 phases
    run.advance(2500.0)
    assert run.load_kw == pytest.approx(6.0)
    acts.set_controls(run, np.full(2, INF))
    assert run.load_kw == pytest.approx(22.0)


@pytest.mark.parametrize("wrong", [[1.0], [1.0, math.nan], 3.0, [[1.0, 2.0]]])
def test_controls_of_another_shape_or_no_number_are_refused(wrong):
    run = SiteRun(visits([0.0]), site(*posts(2)), HOUR_S)
    with pytest.raises(ValueError, match="yard: limits for 2 EVSEs expected"):
        acts.set_controls(run, wrong)


@pytest.mark.parametrize(
    "act",
    [
        lambda run: acts.fail(run, 2),
        lambda run: acts.repair(run, -1),
        lambda run: acts.release(run, 5),
        lambda run: acts.hold(run, 1),
        lambda run: acts.set_node_limit(run, "cellar", 3.0),
        lambda run: acts.set_node_limit(run, 0, 3.0),
        lambda run: acts.set_base(run, math.inf),
        lambda run: acts.set_limit(run, -1.0),
    ],
)
def test_acts_on_what_is_not_there_are_refused(act):
    run = SiteRun(visits([0.0]), site(*posts(2)), HOUR_S)
    with pytest.raises(ValueError, match="yard"):
        act(run)


def test_the_view_shows_the_whole_site_at_this_moment_and_cannot_be_written():
    wanted = replace(
        visits([0.0, 0.0], soc=[0.2, 0.9], target_soc=[1.0, 0.9], dc_kw=100.0, curve=1),
        ready_s=np.array([0.0, 0.0]),
    )
    where = site(model("dc", 2, 100.0, station_kw=150.0), model(), limit=90.0)
    run = SiteRun(wanted, where, HOUR_S)
    run.advance(1234.5)
    view = run.view()
    assert view.occupied.tolist() == [True, True, False]
    assert view.active.tolist() == [True, False, False]
    assert view.visit.tolist() == [0, 1, -1]
    assert view.station.tolist() == [0, 0, 1]
    assert view.power_kw.sum() == pytest.approx(run.load_kw, rel=1e-12)
    assert view.charged_kwh[0] == pytest.approx((view.soc[0] - 0.2) * 60.0 / 0.95)
    assert view.needed_kwh[0] == pytest.approx((1.0 - view.soc[0]) * 60.0 / 0.95)
    assert view.soc[1] == 0.9
    assert (view.now_s, view.grid_kw, view.site_limit_kw, view.base_kw) == (1234.5, 90.0, 90.0, 0.0)
    with pytest.raises(ValueError, match="read-only"):
        view.soc[0] = 1.0


def test_a_process_does_all_of_it_through_handles():
    seen = []

    def process(world):
        yard = world.sites["yard"]
        yield world.env.timeout(100.0)
        seen.append(yard.fail(0))
        rows = yard.add_visits(visits([500.0]))
        seen.append(yard.hold(int(rows[0])))
        yard.set_base(2.0)
        yard.set_controls([INF, 5.0])
        yield world.env.timeout(500.0)
        seen.append((yard.occupied, yard.free, yard.load_kw, yard.view().base_kw))
        yard.repair(0)
        yard.power_off()
        yard.power_on()
        seen.append([Outcome(o).name for o in yard.outcomes()])

    run = SiteRun(visits([0.0]), site(*posts(2)), HOUR_S)
    result = run_world([run], HOUR_S, 900.0, processes=[process]).sites[0]
    assert seen == [0, 1, (1, 0, 5.0, 2.0), ["FAILED", "RUNNING"]]
    assert result.outages == ((0, 100.0, 600.0), (-1, 600.0, 600.0))
