"""Drivers who find no place go on: nobody is lost, nobody doubled, and nobody else is moved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_build import cases, model, posts, services, site, visits
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.demand.visits import Curves
from simulator.engine import rerouting, simulate_site
from simulator.engine.plan import Outcome
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world
from simulator.scenario.people_model import Reroute

HOUR_S = 3600.0
OPEN = (Outcome.RUNNING, Outcome.WAITING)
GONE = (Outcome.BALKED, Outcome.BLOCKED, Outcome.RENEGED)


def named(where, name, to=(), travel="10m", **table):
    if to:
        table["reroute"] = Reroute.model_validate({"to": list(to), "travel": travel})
    return replace(where, name=name, site=where.site.model_copy(update={"name": name, **table}))


def one(name, to=(), evses=1, queue=False, travel="10m"):
    return named(site(*posts(evses), queue=queue), name, to, travel)


def together(*pairs, duration_s=4 * HOUR_S, **options):
    runs = [SiteRun(wanted, where, duration_s) for where, wanted in pairs]
    return run_world(runs, duration_s, 900.0, **options).sites


NOBODY = services([], [])


def test_who_is_blocked_charges_at_the_next_site_after_the_way():
    a, b = together(
        (one("a", ["b"]), services([0.0, 60.0], [HOUR_S, 600.0], departure_s=9000.0)),
        (one("b"), NOBODY),
    )
    assert a.plan.outcome.tolist() == [Outcome.SERVED, Outcome.BLOCKED]
    assert a.plan.rerouted.tolist() == [False, True]
    assert a.plan.unserved_kwh[1] == 0.0
    assert len(b.visits) == 1 and not b.plan.rerouted.any()
    assert b.plan.plug_in_s.tolist() == [660.0]
    assert b.visits.departure_s.tolist() == [9000.0]
    assert b.plan.energy_kwh[0] == pytest.approx(10.0 / 6.0)


def test_the_next_of_the_list_and_each_site_once():
    """Both others are full for hours: the driver tries b, then c, and gives up there."""
    full = services([0.0], [4 * HOUR_S])
    a, b, c = together(
        (one("a", ["b", "c"]), services([0.0, 60.0], [4 * HOUR_S, 600.0])),
        (one("b", ["a"]), full),
        (one("c", ["b"]), full),
    )
    assert b.visits.arrival_s.tolist() == [0.0, 660.0]
    assert c.visits.arrival_s.tolist() == [0.0, 1260.0]
    assert [int(x.plan.rerouted.sum()) for x in (a, b, c)] == [1, 1, 0]
    assert c.plan.unserved_kwh[1] == pytest.approx(10.0 / 6.0)
    assert a.plan.unserved_kwh.sum() == b.plan.unserved_kwh.sum() == 0.0


def test_who_runs_out_of_patience_or_shuns_the_queue_goes_on_too():
    waits = services([0.0, 60.0], [2 * HOUR_S, 60.0], patience_s=300.0)
    a, b = together((one("a", ["b"], queue=True), waits), (one("b"), NOBODY))
    assert a.plan.outcome.tolist() == [Outcome.SERVED, Outcome.RENEGED]
    assert b.plan.plug_in_s.tolist() == [60.0 + 300.0 + 600.0]
    for ahead, outcome in ((-2, Outcome.BALKED), (0, Outcome.RENEGED)):
        shy = replace(waits, most_ahead=np.array([-1, ahead], np.int32))
        a, _ = together((one("a", ["b"], queue=True), shy), (one("b"), NOBODY))
        assert a.plan.outcome[1] == outcome


def test_nobody_sets_out_who_would_come_after_the_own_departure_or_the_end():
    for departure_s, moves in ((661.0, True), (660.0, False), (100.0, False)):
        wanted = services([0.0, 60.0], [HOUR_S, 600.0], departure_s=[9000.0, departure_s])
        a, b = together((one("a", ["b"]), wanted), (one("b"), NOBODY))
        assert (len(b.visits) == 1) == moves == a.plan.rerouted[1]
        assert (a.plan.unserved_kwh[1] == 0.0) == moves
    late = services([0.0, 3000.0], [HOUR_S, 600.0])
    a, b = together((one("a", ["b"]), late), (one("b"), NOBODY), duration_s=3600.0)
    assert len(b.visits) == 0 and not a.plan.rerouted.any()


def test_the_mood_is_drawn_anew_for_the_driver_and_the_number_of_the_way():
    asked = []

    def mood(origin, row, hop, where):
        asked.append((origin.name, row, hop, where.name))
        return rerouting.Mood(120.0, 3)

    full = services([0.0], [4 * HOUR_S])
    _, b, c = together(
        (one("a", ["b", "c"]), services([0.0, 60.0], [4 * HOUR_S, 600.0], patience_s=5.0)),
        (one("b", queue=True), full),
        (one("c", queue=True), full),
        mood=mood,
    )
    assert asked == [("a", 1, 1, "b"), ("a", 1, 2, "c")]
    assert b.visits.patience_s[1] == c.visits.patience_s[1] == 120.0
    assert c.visits.arrival_s[1] == 660.0 + 120.0 + 600.0
    assert c.visits.most_ahead is not None and c.visits.most_ahead[1] == 3


def test_a_car_keeps_its_curve_at_a_site_with_another_table():
    other = Curves(np.array([0, 2], np.int32), np.array([0.0, 1.0]), np.array([33.0, 33.0]))
    mine = visits([0.0, 60.0], curve=3, dc_kw=150.0, linger_s=0.0)
    theirs = visits([0.0], curves=other, departure_s=60.0, dc_kw=150.0)
    hub = site(model("dc", 1, 150.0), queue=False)
    mine, theirs = rerouting.with_one_table([mine, theirs])
    assert mine.curves is theirs.curves
    a, b = together((named(hub, "a", ["b"]), mine), (named(hub, "b"), theirs))
    assert b.plan.outcome.tolist() == [Outcome.SERVED, Outcome.SERVED]
    assert b.plan.energy_kwh[1] == pytest.approx(a.plan.energy_kwh[0], rel=1e-9)
    went, stayed = (s.plan.charge_end_s - s.plan.plug_in_s for s in (b, a))
    assert went[1] == pytest.approx(stayed[0], rel=1e-9)


def test_vehicles_of_a_depot_never_go_elsewhere():
    chain = replace(
        services([0.0, 60.0, 9000.0], [2 * HOUR_S, 600.0, 600.0]),
        next_visit=np.array([-1, 2, -1], np.int32),
        used_soc=np.zeros(3),
    )
    a, b = together((one("a", ["b"]), chain), (one("b"), NOBODY))
    assert a.plan.outcome[1] == Outcome.BLOCKED
    assert len(b.visits) == 0


def test_copies_send_to_copies_and_groups_are_what_is_coupled():
    base = [one("a", ["b"]), one("b"), one("c"), one("d", ["c"])]
    copies = [replace(base[0], name=f"a#{n}") for n in (2, 3)]
    twice = replace(base[1], name="b#2")
    ways = rerouting.routes([base[0], *copies, base[1], twice, base[2], base[3]])
    assert ways.to == ((3,), (4,), (3,), (), (), (), (5,))
    assert ways.groups == ((0, 2, 3), (1, 4), (5, 6))
    alone = rerouting.routes([base[0], *copies])
    assert alone.groups == ((0,), (1,), (2,)) and alone.to == ((), (), ())


@given(cases(), cases())
@settings(deadline=None, max_examples=25)
def test_coupled_sites_whose_drivers_never_leave_run_as_alone(first, second):
    """Departures that come at once leave nobody the time to travel: bit by bit the same."""
    pairs = []
    for name, to, (where, wanted) in (("a", ["b"], first), ("b", ["a"], second)):
        staying = replace(
            wanted,
            departure_s=np.minimum(wanted.departure_s, wanted.arrival_s + 500.0),
        )
        pairs.append((named(where, name, to, "11m"), staying))
    coupled = together(*pairs, duration_s=7200.0)
    for (where, wanted), found in zip(pairs, coupled, strict=True):
        alone = simulate_site(wanted, where, 7200.0)
        assert not found.plan.rerouted.any()
        assert found.load_kwh.tobytes() == alone.load_kwh.tobytes()
        assert found.plan.soc_end.tobytes() == alone.plan.soc_end.tobytes()
        assert found.plan.outcome.tolist() == alone.plan.outcome.tolist()
        assert found.peak_kw == alone.peak_kw and found.events == alone.events


def crowd(seed, queue, ways):
    """Three small sites with more drivers than EVSEs; a battery of its own marks each driver."""
    r = np.random.default_rng(seed)
    pairs, drawn = [], []
    for n, (name, (to, travel)) in enumerate(zip("abc", ways, strict=True)):
        count = int(r.integers(0, 40))
        arrival = np.sort(np.round(r.uniform(0.0, 6000.0, count) / 60.0) * 60.0)
        marks = 10.0 + 100.0 * n + np.arange(count)
        stay = np.where(r.random(count) < 0.3, np.inf, r.exponential(4000.0, count))
        wanted = visits(
            arrival,
            departure_s=arrival + stay,
            linger_s=np.where(np.isinf(stay), 0.0, np.inf),
            patience_s=r.choice([0.0, 300.0, np.inf], count),
            battery_kwh=marks,
            target_soc=np.minimum(0.2 + r.exponential(3.0, count) / marks, 1.0),
        )
        if r.random() < 0.5:
            wanted = replace(wanted, most_ahead=r.integers(-2, 3, count).astype(np.int32))
        posts_ = (model(evse_kw=11.0),) * int(r.integers(1, 3))
        pairs.append((named(site(*posts_, queue=queue), name, to, travel), wanted))
        drawn += marks.tolist()
    return together(*pairs, duration_s=7200.0), drawn


WAYS = st.tuples(
    *(
        st.tuples(
            st.lists(st.sampled_from([x for x in "abc" if x != name]), max_size=2, unique=True),
            st.sampled_from(["1m", "7m", "20m"]),
        )
        for name in "abc"
    )
)


@given(st.integers(0, 2**32), st.sampled_from([True, False, 1, 3]), WAYS)
@settings(deadline=None, max_examples=40)
def test_nobody_is_lost_and_nobody_doubled(seed, queue, ways):
    """Every visit drawn ends at one site, and was at each site once at most.

    And every site is what it would be alone, with those who were sent there as visits of its own.
    """
    sites, drawn = crowd(seed, queue, ways)
    rows = [(n, float(mark)) for n, s in enumerate(sites) for mark in s.visits.battery_kwh]
    ended = [float(m) for s in sites for m in s.visits.battery_kwh[~s.plan.rerouted]]
    assert sorted(ended) == sorted(drawn)
    assert len(set(rows)) == len(rows)
    assert len(rows) == len(drawn) + sum(int(s.plan.rerouted.sum()) for s in sites)
    for found in sites:
        assert np.isin(found.plan.outcome[found.plan.rerouted], GONE).all()
        assert (found.plan.outcome != Outcome.FUTURE).all()
        assert (np.diff(found.visits.arrival_s) >= 0.0).all()
        assert found.load_kwh.sum() == pytest.approx(found.plan.energy_kwh.sum(), abs=1e-9)
        alone = simulate_site(found.visits, found.site, 7200.0)
        assert found.load_kwh.tobytes() == alone.load_kwh.tobytes()
        assert found.plan.outcome.tolist() == alone.plan.outcome.tolist()
    unserved, wanted = 0.0, 0.0
    for found in sites:
        settled = ~found.plan.rerouted & ~np.isin(found.plan.outcome, OPEN)
        want = (found.visits.target_soc - found.visits.soc) * found.visits.battery_kwh
        wanted += float((want / found.plan.efficiency)[settled].sum())
        unserved += float((found.plan.energy_kwh + found.plan.unserved_kwh)[settled].sum())
    assert unserved == pytest.approx(wanted, abs=1e-6)


def test_a_crowd_does_go_on():
    sites, _ = crowd(7, False, ((["b", "c"], "1m"), (["c"], "7m"), ([], "1m")))
    assert sum(int(s.plan.rerouted.sum()) for s in sites) > 20
