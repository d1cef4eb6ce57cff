"""Each policy's order, seen from who gets power when."""

from __future__ import annotations

import numpy as np
import pytest
from engine_build import model, site, visits

from simulator.engine import simulate_site
from simulator.engine.policies import NAMES, POLICIES

HOUR_S = 3600.0
EMPTY = {"soc": 0.0, "target_soc": 1.0, "battery_kwh": 200.0, "efficiency_ac": 1.0}


def cap_at(plan, i, t):
    rows = slice(plan.cap_offset[i], plan.cap_offset[i + 1])
    times, caps = plan.cap_s[rows], plan.cap_kw[rows]
    return float(caps[np.searchsorted(times, t, "right") - 1]) if t >= times[0] else 0.0


def caps_at(plan, t):
    return [cap_at(plan, i, t) for i in range(len(plan.plug_in_s))]


def test_there_are_eight_and_each_says_what_it_does():
    assert NAMES == (
        "uncontrolled",
        "equal_share",
        "round_robin",
        "fcfs",
        "edf",
        "llf",
        "priority",
        "weighted",
    )
    assert all(policy.summary for policy in POLICIES.values())


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("uncontrolled", [11.0, 11.0, 0.0]),
        ("fcfs", [11.0, 11.0, 0.0]),
        ("edf", [0.0, 11.0, 11.0]),
        ("priority", [0.0, 11.0, 11.0]),
        ("equal_share", [22.0 / 3] * 3),
        ("weighted", [5.5, 5.5, 11.0]),
    ],
)
def test_who_is_served_first_when_22_kw_are_for_three_cars(policy, expected):
    """The first to come has most time; the last one weighs most, the second came before it."""
    where = site(*[model()] * 3, limit=22.0, policy=policy)
    wanted = visits(
        [0.0, 60.0, 120.0],
        departure_s=[9 * HOUR_S, 8 * HOUR_S, 7 * HOUR_S],
        weight=[1.0, 1.0, 2.0] if policy == "weighted" else [1.0, 2.0, 3.0],
        **EMPTY,
    )
    plan = simulate_site(wanted, where, HOUR_S, record_caps="all").plan
    assert caps_at(plan, 600.0) == pytest.approx(expected)


def test_equal_keys_stand_in_the_order_of_their_evses():
    """Twelve cars at once with the same deadline, put on EVSEs from the last to the first."""
    where = site(*[model()] * 12, limit=33.0, policy="edf")
    wanted = visits([0.0] * 12, departure_s=9 * HOUR_S, evse=np.arange(12)[::-1], **EMPTY)
    plan = simulate_site(wanted, where, HOUR_S, record_caps="all").plan
    served = sorted(plan.evse[np.array(caps_at(plan, 60.0)) > 0.0].tolist())
    assert served == [0, 1, 2]


def test_a_kept_order_is_the_sorted_one_after_a_thousand_comings_and_goings():
    r = np.random.default_rng(3)
    n = 400
    arrival = np.cumsum(r.exponential(60.0, n))
    where = site(*[model()] * 60, limit=150.0, policy="edf")
    wanted = visits(
        arrival,
        departure_s=arrival + r.uniform(1800.0, 9000.0, n),
        **EMPTY | {"battery_kwh": r.uniform(5.0, 40.0, n)},
    )
    plan = simulate_site(wanted, where, float(arrival[-1]), record_caps="all").plan
    end = np.fmin(plan.charge_end_s, plan.unplug_s)
    for t in r.uniform(3000.0, arrival[-1], 60):
        here = np.flatnonzero((plan.plug_in_s <= t) & ~(end <= t))
        by_deadline = here[np.argsort(wanted.departure_s[here], kind="stable")]
        caps = np.array([cap_at(plan, i, t) for i in by_deadline])
        full = int((caps >= 11.0).sum())
        assert (caps[:full] >= 11.0).all()
        assert (caps[full + 1 :] == 0.0).all()


def test_least_laxity_first_hands_over_when_another_has_less_time_to_spare():
    """Two cars of 11 kWh behind 11 kW, both must be full after two hours: they take turns."""
    where = site(*[model()] * 2, limit=11.0, policy="llf")
    table = where.site.model_copy(update={"policy_interval": 300.0})
    where = type(where)(where.name, table, where.stations, where.trace)
    wanted = visits([0.0, 0.0], departure_s=2 * HOUR_S, **EMPTY | {"battery_kwh": 11.0})
    plan = simulate_site(wanted, where, 2 * HOUR_S, record_caps="all").plan
    assert plan.energy_kwh == pytest.approx([11.0, 11.0], rel=1e-9)
    changes = np.diff(plan.cap_offset)
    assert (changes > 8).all()
    for t in (100.0, 400.0, 700.0):
        assert sorted(caps_at(plan, t)) == [0.0, 11.0]


@pytest.mark.parametrize("interval_s", [60.0, 240.0])
def test_least_laxity_first_looks_again_at_the_interval_that_the_site_states(interval_s):
    """Two equal cars behind a limit for one: whoever waited comes next, at every look."""
    where = site(*[model()] * 2, limit=11.0, policy="llf")
    table = where.site.model_copy(update={"policy_interval": interval_s})
    where = type(where)(where.name, table, where.stations, where.trace)
    wanted = visits([0.0, 0.0], departure_s=9 * HOUR_S, **EMPTY)
    plan = simulate_site(wanted, where, 12 * interval_s, record_caps="all").plan
    for i in range(2):
        times = plan.cap_s[plan.cap_offset[i] + 1 : plan.cap_offset[i + 1]]
        assert len(times) >= 10
        assert np.diff(times) == pytest.approx(interval_s)


def test_least_laxity_first_saves_a_car_that_first_come_first_served_does_not():
    where = site(*[model()] * 2, limit=11.0)
    wanted = visits(
        [0.0, 60.0],
        departure_s=[10 * HOUR_S, HOUR_S + 60.0],
        **EMPTY | {"battery_kwh": [22.0, 11.0]},
    )
    left = {}
    for policy in ("fcfs", "edf", "llf"):
        at = type(where)(
            where.name,
            where.site.model_copy(update={"policy": policy}),
            where.stations,
            where.trace,
        )
        left[policy] = simulate_site(wanted, at, 9 * HOUR_S).plan.unserved_kwh.sum()
    assert left["fcfs"] == pytest.approx(11.0)
    assert left["edf"] == pytest.approx(0.0, abs=1e-9)
    assert left["llf"] == pytest.approx(0.0, abs=1e-9)


def test_round_robin_gives_full_power_in_turns_of_equal_length():
    where = site(*[model()] * 3, limit=11.0, policy="round_robin", rotate=600.0)
    plan = simulate_site(visits([0.0] * 3, **EMPTY), where, 3 * HOUR_S, record_caps="all").plan
    assert plan.energy_kwh == pytest.approx([11.0] * 3, rel=1e-9)
    for turn in range(18):
        caps = caps_at(plan, 600.0 * turn + 300.0)
        assert caps[turn % 3] == 11.0
        assert sum(caps) == 11.0


def test_round_robin_lets_a_newcomer_catch_up_at_the_next_turn():
    where = site(*[model()] * 2, limit=11.0, policy="round_robin", rotate=600.0)
    wanted = visits([0.0, 1000.0], **EMPTY)
    plan = simulate_site(wanted, where, HOUR_S, record_caps="all").plan
    assert caps_at(plan, 1100.0) == [11.0, 0.0]
    assert caps_at(plan, 1700.0) == [0.0, 11.0]


def test_weights_share_by_proportion_and_pass_on_what_one_cannot_use():
    where = site(*[model()] * 3, limit=22.0, policy="weighted")
    wanted = visits([0.0] * 3, weight=[1.0, 2.0, 8.0], **EMPTY)
    plan = simulate_site(wanted, where, HOUR_S, record_caps="all").plan
    assert caps_at(plan, 60.0) == pytest.approx([4.14, 6.86, 11.0])


@pytest.mark.parametrize("policy", ["equal_share", "weighted", "round_robin"])
def test_who_pauses_rotates_wherever_there_is_no_order_of_merit(policy):
    where = site(*[model()] * 3, limit=5.0, policy=policy, rotate=300.0)
    plan = simulate_site(visits([0.0] * 3, **EMPTY), where, 3 * HOUR_S).plan
    assert plan.energy_kwh == pytest.approx([5.0] * 3, rel=1e-6)
