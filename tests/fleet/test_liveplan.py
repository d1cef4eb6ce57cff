"""From plan time to run time: compression, running sessions, what is left out, who shares power."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.charging import advance_soc
from simulator.fleet.liveplan import build_live_plan, split, window
from simulator.fleet.rules import BOOT_ALLOWANCE_S, MIN_STAY_S
from simulator.fleet.siteplan import turns
from simulator.fleet.stages import close_due
from simulator.scenario import Network

RELAXED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def build(kit, scenario):
    def make(sites, horizon=100_000.0, from_s=0.0, speed=1.0, run_s=600.0, due=0.0):
        network, engine = kit.made_up(sites, horizon)
        return build_live_plan(
            scenario,
            network,
            engine,
            from_s=from_s,
            speed=speed,
            run_s=run_s,
            connect_due=np.full(network.stations, due),
        )

    return make


def test_speed_compresses_stays_gaps_and_batteries_but_not_power(kit, build):
    site = kit.site("a", [kit.model()])
    stay = kit.Stay(0, 1600.0, 4600.0, 3100.0, caps=[(1600.0, 11.0), (2200.0, 5.0)], battery=40.0)
    plan = build([(site, [stay])], from_s=1000.0, speed=10.0)
    assert plan.stays.start_s.tolist() == [60.0]
    assert plan.stays.stop_s.tolist() == [360.0]
    assert plan.stays.full_s.tolist() == [210.0]
    assert plan.stays.cap_s.tolist() == [60.0, 120.0]
    assert plan.stays.cap_kw.tolist() == [11.0, 5.0]
    assert plan.cars.capacity_kwh.tolist() == [4.0]
    assert plan.spec(0).sample_interval_s == 6


def test_a_visit_under_way_begins_when_the_station_is_operational_at_the_plans_soc(kit, build):
    site = kit.site("a", [kit.model()])
    stay = kit.Stay(0, 0.0, 9000.0, soc=0.2, battery=60.0, caps=[(0.0, 11.0), (1800.0, 3.0)])
    plan = build([(site, [stay])], from_s=3600.0, speed=10.0, due=4.0)
    begins = 4.0 + BOOT_ALLOWANCE_S
    assert plan.stays.start_s.tolist() == [begins]
    charged_kwh = 11.0 * 0.5 + 3.0 * (1800.0 + begins * 10.0) / 3600.0
    assert plan.cars.soc[0] == pytest.approx(0.2 + charged_kwh * 0.9 / 60.0)
    assert plan.stays.cap_kw.tolist() == [3.0]


def test_a_visit_under_way_that_is_already_full_begins_full(kit, build):
    site = kit.site("a", [kit.model()])
    stay = kit.Stay(0, 0.0, 9000.0, full=100.0, soc=0.2, target=0.21)
    plan = build([(site, [stay])], from_s=3600.0)
    assert plan.cars.soc[0] <= 0.21
    assert plan.stays.full_s[0] < plan.stays.start_s[0]


LAST_S = float(close_due(600.0, 1)[0])


@pytest.mark.parametrize(
    ("start", "stop", "played"),
    [
        (0.0, BOOT_ALLOWANCE_S + MIN_STAY_S, True),
        (0.0, BOOT_ALLOWANCE_S + MIN_STAY_S - 0.01, False),
        (10.0, 10.9, False),
        (LAST_S - 0.5, 900.0, False),
        (LAST_S - 1.0, 900.0, True),
        (600.0, 900.0, None),
    ],
)
def test_what_is_too_short_is_left_out_and_counted(kit, build, start, stop, played):
    site = kit.site("a", [kit.model()])
    plan = build([(site, [kit.Stay(0, start, stop)])])
    assert len(plan.stays) == (1 if played else 0)
    assert plan.left_out == (1 if played is False else 0)


def test_a_station_that_is_never_switched_on_plays_nothing(kit, build):
    site = kit.site("a", [kit.model()])
    plan = build([(site, [kit.Stay(0, 10.0, 300.0)])], due=np.inf)
    assert (len(plan.stays), plan.left_out) == (0, 0)


def test_a_plan_that_ends_too_early_is_refused(kit, build):
    site = kit.site("a", [kit.model()])
    with pytest.raises(ValueError, match="the run needs 700 s"):
        build([(site, [])], horizon=650.0, from_s=100.0)


def test_a_locally_controlled_site_needs_recorded_caps(kit, scenario):
    from dataclasses import replace

    site = kit.site("a", [kit.model()])
    network, engine = kit.made_up([(site, [kit.Stay(0, 10.0, 300.0)])], 1000.0)
    (result,) = engine.sites
    bare = replace(
        result.plan, cap_offset=np.zeros(2, np.int64), cap_s=np.zeros(0), cap_kw=np.zeros(0)
    )
    engine = replace(engine, sites=(replace(result, plan=bare),))
    with pytest.raises(ValueError, match=r"site a .* no recorded caps"):
        build_live_plan(
            scenario,
            network,
            engine,
            from_s=0.0,
            speed=1.0,
            run_s=600.0,
            connect_due=np.zeros(1),
        )


def test_a_token_does_not_depend_on_where_the_run_begins(kit, build):
    site = kit.site("a", [kit.model()])
    stays = [kit.Stay(0, 100.0 * k, 100.0 * k + 50.0) for k in range(1, 20)]
    early, late = build([(site, stays)], run_s=2000.0), build([(site, stays)], from_s=950.0)
    tokens = {early.stays.start_s[row]: next(early.plans()).token(row) for row in range(19)}
    for row in range(len(late.stays)):
        assert next(late.plans()).token(row) == tokens[late.stays.start_s[row] + 950.0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=30))
def test_turns_count_the_visits_of_an_evse(rows):
    rows = sorted(set(rows), key=lambda row: row[1])
    evse = np.array([row[0] for row in rows], np.int32)
    start = np.array([row[1] for row in rows], float)
    seen: dict[int, int] = {}
    for e, turn in zip(evse.tolist(), turns(evse, start).tolist(), strict=True):
        assert turn == seen.get(e, 0)
        seen[e] = turn + 1


def test_a_shard_plan_survives_the_journey_to_another_process(kit, build):
    site = kit.site("a", [kit.model(evses=2)])
    plan = build([(site, [kit.Stay(0, 10.0, 300.0), kit.Stay(1, 20.0, 200.0)])])
    copy = pickle.loads(pickle.dumps(plan))
    assert copy.spec(0) == plan.spec(0)
    assert next(copy.plans()).token(1) == next(plan.plans()).token(1)
    assert np.array_equal(copy.stays.start_s, plan.stays.start_s)


def test_window_begins_at_the_clock_time_of_the_scenario(scenario):
    span = window(scenario, 120.0)
    assert span.from_s == 17 * 3600.0
    assert span.until_s == 17 * 3600.0 + 120.0 * span.speed


# -- shards --


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.integers(1, 8))
def test_whole_sites_are_shared_out_evenly(sizes, shards):
    from types import SimpleNamespace

    network = Network(tuple(SimpleNamespace(stations=(0,) * size) for size in sizes))
    groups = split(network, shards)
    assert sorted(site for group in groups for site in group) == list(range(len(sizes)))
    assert all(group for group in groups)
    assert len(groups) == min(shards, len(sizes))
    loads = [sum(sizes[site] for site in group) for group in groups]
    assert max(loads) - min(loads) <= max(sizes)


# -- hardware limits --


def test_without_local_control_the_site_limit_holds_nobody_back(kit, build):
    stay = kit.Stay(0, 10.0, 500.0, caps=[(10.0, 0.0)], soc=0.5, target=0.6, battery=1.0)
    kept = build([(kit.site("a", [kit.model()]), [stay])])
    free = build([(kit.site("a", [kit.model()], "none"), [stay])])
    assert kept.stays.cap_kw.tolist() == [0.0]
    assert free.stays.cap_kw.tolist() == [11.0]
    assert free.stays.full_s[0] == pytest.approx(10.0 + 0.1 / 0.9 / 11.0 * 3600.0)


def test_two_cars_share_a_stations_power_until_one_is_done(kit, build):
    kind = kit.model("dc", evses=2, station_kw=150.0)
    stays = [
        kit.Stay(0, 10.0, 5000.0, soc=0.2, target=0.4, battery=50.0, limit=150.0),
        kit.Stay(1, 100.0, 5000.0, soc=0.2, target=0.8, battery=90.0, limit=150.0),
    ]
    plan = build([(kit.site("a", [kind], "none"), stays)], run_s=4000.0)
    first, second = (slice(*plan.stays.cap_offset[i : i + 2]) for i in range(2))
    assert plan.stays.cap_kw[first].tolist() == [150.0, 75.0]
    assert plan.stays.cap_s[first].tolist() == [10.0, 100.0]
    assert plan.stays.cap_kw[second].tolist() == [75.0, 150.0]
    done = 100.0 + (50.0 * 0.2 / 0.9 - 150.0 * 90.0 / 3600.0) / 75.0 * 3600.0
    assert plan.stays.full_s[0] == pytest.approx(done)
    assert plan.stays.cap_s[second][1] == pytest.approx(done)


@RELAXED
@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.floats(0, 2000),
            st.floats(30, 2000),
            st.floats(0.05, 0.9),
            st.floats(0.01, 0.5),
            st.sampled_from([20.0, 60.0]),
            st.sampled_from([0, 1]),
            st.sampled_from([60.0, 150.0]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_shared_power_is_never_exceeded_and_full_is_when_small_steps_say(kit, build, rows):
    """An iterative twin: the caps are followed in steps of a second."""
    kind = kit.model("dc", evses=2, station_kw=150.0)
    stays, free = [], [0.0, 0.0]
    for evse, gap, length, soc, wants, battery, curve, limit in rows:
        start = free[evse] + gap
        free[evse] = start + length
        target = min(soc + wants, 1.0)
        stays.append(
            kit.Stay(evse, start, start + length, np.nan, (), soc, target, battery, limit, curve)
        )
    plan = build([(kit.site("a", [kind], "none"), stays)], run_s=max(free) + 10.0, due=-10.0)
    all_stays = plan.stays
    moments = np.concatenate([all_stays.cap_s, all_stays.start_s])
    for moment in moments.tolist():
        total = 0.0
        for row in range(len(all_stays)):
            part = slice(*all_stays.cap_offset[row : row + 2])
            over = min(all_stays.stop_s[row], all_stays.full_s[row])
            if all_stays.start_s[row] <= moment < over:
                at = np.searchsorted(all_stays.cap_s[part], moment, side="right") - 1
                total += all_stays.cap_kw[part][at]
        assert total <= 150.0 + 1e-9
    for row in range(len(all_stays)):
        part = slice(*all_stays.cap_offset[row : row + 2])
        soc, t, dt = plan.cars.soc[row], all_stays.start_s[row], 1.0
        knots = (plan.knots_soc, plan.knots_kw, plan.cars.knot[row], plan.cars.knot_stop[row])
        while t < all_stays.stop_s[row] and soc < plan.cars.target_soc[row] - 1e-9:
            at = np.searchsorted(all_stays.cap_s[part], t, side="right") - 1
            cap = min(all_stays.cap_kw[part][at], plan.cars.limit_kw[row]) * 0.9
            soc = advance_soc(soc, dt, cap, plan.cars.capacity_kwh[row], *knots)
            t += dt
        if soc >= plan.cars.target_soc[row] - 1e-9 and t < all_stays.stop_s[row] - 3.0:
            assert all_stays.full_s[row] == pytest.approx(t, abs=3.0)
        elif soc >= plan.cars.target_soc[row] - 1e-9:  # the last step may end after the stop
            assert all_stays.full_s[row] > t - 3.0
        else:
            assert all_stays.full_s[row] > all_stays.stop_s[row] - 3.0
