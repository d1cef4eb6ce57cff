"""Limits of power and current anywhere in the tree hold at every instant, for every policy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from engine_build import HORIZON_S, model, site, visits, with_policy
from engine_limits import (
    Checks,
    limit,
    load_checks,
    tree_cases,
    tree_sites,
    with_limits,
    worst,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import simulate_site
from simulator.engine.policies import NAMES
from simulator.engine.site import SiteRun

TOLERANCE = 1 + 1e-9
BELOW_KW = 1e-6


@settings(max_examples=120, deadline=None)
@given(tree_cases(), st.sampled_from(NAMES))
def test_no_limit_of_power_or_current_is_exceeded_at_any_instant(case, policy):
    where, wanted = case
    result = simulate_site(wanted, with_policy(where, policy), HORIZON_S, record_caps="all")
    for t, name, used, most in load_checks(result):
        assert used <= most * TOLERANCE + 1e-9, (t, name)


@settings(max_examples=120, deadline=None)
@given(tree_cases(), st.sampled_from(NAMES))
def test_nobody_gets_less_than_its_minimum(case, policy):
    where, wanted = case
    plan = simulate_site(wanted, with_policy(where, policy), HORIZON_S, record_caps="all").plan
    for i in range(len(wanted)):
        caps = plan.cap_kw[plan.cap_offset[i] : plan.cap_offset[i + 1]]
        assert ((caps == 0.0) | (caps >= plan.min_kw[i] * (1 - 1e-12))).all()


@settings(max_examples=25, deadline=None)
@given(case=tree_cases(most_visits=12), policy=st.sampled_from(NAMES))
def test_compiled_and_plain_agree(case, policy, plain):
    where, wanted = case
    where = with_policy(where, policy)
    ours = simulate_site(wanted, where, HORIZON_S, record_caps="all")
    theirs = simulate_site(wanted, where, HORIZON_S, record_caps="all", kernel=plain)
    assert ours.plan.energy_kwh == pytest.approx(theirs.plan.energy_kwh, rel=1e-9, abs=1e-9)
    assert ours.events == theirs.events
    assert ours.load_kwh == pytest.approx(theirs.load_kwh, rel=1e-9, abs=1e-9)


def shares_at_start(where, cars, policy):
    """The caps that cars with flat curves get at once, and what each could take there."""
    result = simulate_site(cars, with_policy(where, policy), 60.0, record_caps="all")
    plan = result.plan
    cap = np.array(
        [plan.cap_kw[plan.cap_offset[i]] if plan.evse[i] >= 0 else np.nan for i in range(len(cars))]
    )
    return result, cap


def slow_fill(result, admitted, weight):
    """Max-min by its definition: raise all together, fix who cannot get more, go on.

    Each round is granted a little more than the one before, so that rounding in what is fixed
    already holds nobody else.
    """
    checks = Checks(result.site)
    plan = result.plan
    station = result.evse_station[plan.evse]
    amps = np.array(
        [checks.amps(s, p) for s, p in zip(station, result.visits.ac_phases, strict=True)]
    )
    want = np.where(admitted, plan.limit_kw, 0.0)
    floor = np.where(admitted, plan.min_kw, 0.0)
    groups = {}
    for i, row in enumerate(np.round(amps, 6)):
        groups.setdefault(tuple(row), []).append(i)

    def fits(kw, slack):
        for n, s in enumerate(result.site.stations):
            if kw[station == n].sum() > s.model.station_kw * slack:
                return False
        for row, (_, most_kw, current, neutral, device) in enumerate(checks.limits):
            inside = checks.below[row][station]
            if most_kw is not None and kw[inside].sum() > most_kw * slack:
                return False
            if current is None and neutral is None and device is None:
                continue
            parts = [
                sum((kw[i] * amps[i] for i in members if inside[i]), np.zeros(3, complex))
                for members in groups.values()
            ]
            for found, most in worst(parts, current, neutral, device):
                if found > most * slack:
                    return False
        return True

    fixed = np.zeros(len(want), bool)
    give = floor.copy()

    def at(level):
        return np.where(fixed, give, np.clip(level * weight, floor, want))

    slack = 1.0
    while not fixed.all():
        slack += 1e-9
        top = (want / weight).max() + 1.0
        if fits(at(top), slack):
            return at(top)
        low, high = 0.0, top
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if fits(at(middle), slack) else (low, middle)
        give = at(low)
        stuck = [
            i for i in np.flatnonzero(~fixed) if not fits(nudged(give, want, i), slack + 5e-10)
        ]
        assert stuck, "nobody is held by a limit that is used up"
        fixed[stuck] = True
    return give


def nudged(give, want, i):
    more = give.copy()
    more[i] = min(more[i] + 2e-4, want[i])
    return more


@st.composite
def full_houses(draw):
    """A site with a car at every EVSE, all arrived at once, flat curves; no cabinets."""
    where = draw(tree_sites())
    plain = [
        s if s.model.split == "policy" else replace(s, model=model("dc", 2, 150.0, min_kw=5.0))
        for s in where.stations
    ]
    plain = [replace(s, evses=s.model.evses) for s in plain]
    where = replace(where, stations=tuple(plain))
    n = where.evses
    phases = draw(st.lists(st.sampled_from([1, 2, 3]), min_size=n, max_size=n))
    kw = draw(st.lists(st.sampled_from([3.7, 7.4, 11.0, 22.0]), min_size=n, max_size=n))
    weight = draw(st.lists(st.sampled_from([1.0, 1.0, 2.5]), min_size=n, max_size=n))
    return where, visits(
        np.zeros(n),
        soc=0.0,
        target_soc=1.0,
        battery_kwh=500.0,
        ac_kw=kw,
        ac_phases=phases,
        dc_kw=draw(st.sampled_from([50.0, 150.0])),
        evse=np.arange(n),
        efficiency_ac=1.0,
        efficiency_dc=1.0,
        weight=np.array(weight),
    )


@settings(max_examples=100, deadline=None)
@given(full_houses(), st.sampled_from(["equal_share", "weighted"]))
def test_filling_is_max_min_fair_under_power_and_current(case, policy):
    where, cars = case
    result, cap = shares_at_start(where, cars, policy)
    weight = cars.weight if policy == "weighted" else np.ones(len(cars))
    expected = slow_fill(result, cap > 0.0, weight)
    assert cap == pytest.approx(expected, abs=2e-3)


def one_phase_cars(**columns):
    """Three one-phase posts, one on each phase, and three cars of 7.4 kW at once."""
    posts = [model("ac", 1, 7.4, phases=1)] * 3
    cars = visits([0.0] * 3, ac_kw=7.4, ac_phases=1, evse=[0, 1, 2], **columns)
    return site(*posts), cars


def test_a_balanced_load_is_not_trusted_to_stay_balanced_while_batteries_fill():
    """Three equal currents leave the neutral empty, until one of the cars tapers."""
    where, cars = one_phase_cars(
        soc=[0.2, 0.2, 0.75], target_soc=1.0, curve=6, efficiency_ac=1.0, battery_kwh=20.0
    )
    where = with_limits(where, wiring=["L1", "L2", "L3"], neutral=16.0)
    for policy in NAMES:
        result = simulate_site(cars, with_policy(where, policy), HORIZON_S, record_caps="all")
        used = dict.fromkeys(("site A",), 0.0)
        for _, name, found, most in load_checks(result):
            if name in used:
                used[name] = max(used[name], found / most)
        assert 0.5 < used["site A"] <= TOLERANCE


def test_a_one_phase_car_draws_its_physical_power_and_current():
    """16 A on one phase of 230 V are 3.68 kW, never 6.4."""
    where, cars = one_phase_cars(soc=0.0, target_soc=1.0, efficiency_ac=1.0)
    where = with_limits(where, wiring=["L1", "L2", "L3"], grid_current=16.0)
    _, cap = shares_at_start(where, cars, "equal_share")
    assert cap == pytest.approx([3.68] * 3)
    where = with_limits(where, wiring=["L1", "L1", "L2"], grid_current=16.0)
    _, cap = shares_at_start(where, cars, "equal_share")
    assert cap == pytest.approx([1.84, 1.84, 3.68])


def test_line_to_line_loads_share_their_conductors_by_phasor():
    """Equal currents between all three pairs of lines add up to sqrt(3) times one in each line."""
    where, cars = one_phase_cars(soc=0.0, target_soc=1.0, efficiency_ac=1.0)
    where = with_limits(where, wiring=["rotated-LL"] * 3, grid_current=16.0)
    result, cap = shares_at_start(where, cars, "equal_share")
    volts = 230.0 * math.sqrt(3.0)
    assert cap == pytest.approx([16.0 / math.sqrt(3.0) * volts / 1000.0] * 3)
    assert result.plan.min_kw == pytest.approx([6.0 * volts / 1000.0] * 3)


def test_a_node_counts_the_time_for_which_it_holds_somebody_back():
    where = with_limits(
        site(*[model()] * 3), [limit("a", limit=11.0), limit("b", limit=30.0)], ["a", "a", "b"]
    )
    wanted = visits(
        [0.0, 0.0, 600.0],
        departure_s=[3600.0, 3600.0, 1800.0],
        soc=0.0,
        battery_kwh=200.0,
        evse=[0, 2, 1],
    )
    run = SiteRun(wanted, where, 7200.0)
    result = run.result()
    assert run.layout.tree.names == ("a", "b")
    assert run.state.nodes["bound_s"].tolist() == [1200.0, 0.0]
    assert result.grid_bound_s == 0.0
    assert result.limit_bound_s == result.node_bound_s[0]


def test_a_limit_deep_in_the_tree_concerns_nobody_else():
    """What is held below one node leaves the caps of the other's stations untouched."""
    limits = [limit("a", limit=11.0), limit("b", limit=100.0)]
    where = with_limits(site(*[model()] * 3), limits, ["a", "a", "b"])
    times = np.arange(9) * 300.0
    wanted = visits(times, soc=0.0, departure_s=times + 850.0, evse=np.arange(9) % 3)
    plan = simulate_site(wanted, where, 7200.0, record_caps="all").plan
    changes = np.diff(plan.cap_offset)
    assert (changes[2::3] == 1).all()
    assert (changes[1::3] > 1).all()


def test_who_gives_back_makes_room_for_the_others_and_keeps_the_limit():
    """Behind 20 kW one car gives back 10: the others have 30; at most 20 may flow backwards."""
    cars = {"soc": 0.5, "target_soc": 1.0, "battery_kwh": 200.0, "efficiency_ac": 1.0}
    for asked, fed in ((10.0, 10.0), (50.0, 20.0)):
        where = site(*[model(evse_kw=40.0)] * 3, limit=20.0)
        wanted = visits(
            [0.0] * 3, ac_kw=40.0, evse=[0, 1, 2], discharge_kw=np.array([40.0] * 3), **cars
        )
        run = SiteRun(wanted, where, 60.0, record_caps="all")
        run.state.evses["control_kw"][0] = -asked
        plan = run.result().plan
        caps = [plan.cap_kw[plan.cap_offset[i]] for i in range(3)]
        assert caps == pytest.approx([-fed, (20.0 + fed) / 2, (20.0 + fed) / 2])


def test_giving_back_never_makes_room_in_a_conductor():
    """It could end at any time between two events; 16 A hold for what is drawn by itself."""
    where, cars = one_phase_cars(
        soc=0.5, target_soc=1.0, efficiency_ac=1.0, discharge_kw=np.array([7.4] * 3)
    )
    where = with_limits(where, wiring=["L1", "L1", "L2"], grid_current=16.0)
    run = SiteRun(cars, where, 60.0, record_caps="all")
    run.state.evses["control_kw"][0] = -7.4
    plan = run.result().plan
    assert plan.cap_kw[plan.cap_offset[:3]] == pytest.approx([-3.68, 3.68, 3.68])


def test_a_controller_s_limit_holds_and_below_the_minimum_it_stops():
    where = site(*[model()] * 3, limit=22.0)
    run = SiteRun(visits([0.0] * 3, soc=0.0, evse=[0, 1, 2]), where, 60.0, record_caps="all")
    run.state.evses["control_kw"] = [5.0, 3.0, math.inf]
    plan = run.result().plan
    assert plan.cap_kw[plan.cap_offset[:3]] == pytest.approx([5.0, 0.0, 11.0])


def test_a_tree_that_is_none_is_refused():
    for limits, under in (
        ([limit("a", "a", limit=9.0)], [None]),
        ([limit("a", "b", limit=9.0)], [None]),
        ([limit("a", limit=9.0), limit("a", limit=9.0)], [None]),
        ([], ["a"]),
    ):
        with pytest.raises(ValueError, match="yard"):
            simulate_site(visits([0.0]), with_limits(site(model()), limits, under), 60.0)
