"""Storms as recipes: who is hit and when, phases, and what recovery amounts to."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.recovery import Series, recovery
from simulator.fleet.spells import Spells, once
from simulator.fleet.steps import Span
from simulator.fleet.storms import (
    Stations,
    Storm,
    What,
    acts,
    held_back,
    hit,
    joining,
    together,
    until,
    with_storms,
)


def fleet(n: int, on_s: float = 0.0) -> Stations:
    sites = ["yard", "yard#2", "ring"]
    return Stations(
        [f"CS{i}" for i in range(n)], [sites[i % 3] for i in range(n)], once(np.full(n, on_s))
    )


def cut(**changes) -> Storm:
    return replace(Storm(0, "power_cut", 60.0, 45.0, close="silent", ours=True), **changes)


kinds = st.sampled_from(
    (
        "csms_restart",
        "rolling_deploy",
        "power_cut",
        "mass_reset",
        "quarter_hour",
        "firmware_campaign",
        "profile_broadcast",
    )
)
storms = st.builds(
    Storm,
    number=st.integers(0, 5),
    kind=kinds,
    at_s=st.floats(1.0, 1e4),
    for_s=st.floats(1.0, 1e3),
    share=st.floats(0.0, 1.0),
    sites=st.sampled_from((None, ("yard",), ("ring",), ("yard", "ring"))),
    naive=st.booleans(),
    spread_s=st.sampled_from((0.0, 20.0)),
    instances=st.integers(2, 9),
    ours=st.booleans(),
)


@given(storm=storms, n=st.integers(0, 40), seed=st.integers(0, 9))
def test_acts_are_in_order_and_of_stations_hit_within_the_time_of_the_storm(storm, n, seed) -> None:
    found = acts(storm, fleet(n), seed)
    assert (np.diff(found.at_s) >= 0.0).all()
    assert set(found.station.tolist()) <= set(hit(storm, fleet(n), seed).tolist())
    assert ((found.at_s >= storm.at_s) & (found.at_s <= storm.end_s + storm.spread_s)).all()


@given(storm=storms, n=st.integers(0, 40), seed=st.integers(0, 9), parts=st.integers(1, 5))
def test_acts_of_shards_are_those_of_the_whole(storm, n, seed, parts) -> None:
    whole = acts(storm, fleet(n), seed)
    rows = []
    for part in np.array_split(np.arange(n, dtype=np.int32), parts):
        own = whole.of(part)
        rows += zip(own.at_s.tolist(), own.what.tolist(), part[own.station].tolist(), strict=True)
    expected = zip(whole.at_s.tolist(), whole.what.tolist(), whole.station.tolist(), strict=True)
    assert sorted(rows) == sorted(expected)


@given(storm=storms, n=st.integers(0, 60), seed=st.integers(0, 9))
def test_the_share_is_exact_and_the_same_again(storm, n, seed) -> None:
    there = len(hit(replace(storm, share=1.0), fleet(n), seed))
    chosen = hit(storm, fleet(n), seed)
    assert len(chosen) == round(storm.share * there)
    assert (chosen == hit(storm, fleet(n), seed)).all()


@given(storm=storms, n=st.integers(0, 20))
def test_whatever_begins_ends(storm, n) -> None:
    found = acts(storm, fleet(n), 1)
    count = {what: int((found.what == what).sum()) for what in What}
    for begin, end in (
        (What.HURRY, What.CALM),
        (What.AWAY, What.BACK),
        (What.POWER_OFF, What.POWER_ON),
        (What.ALIGN, What.UNALIGN),
    ):
        assert count[begin] == count[end]


def test_a_site_is_hit_with_all_its_copies() -> None:
    assert hit(cut(sites=("yard",)), fleet(6), 1).tolist() == [0, 1, 3, 4]
    assert hit(cut(sites=("ring",)), fleet(6), 1).tolist() == [2, 5]


def test_stations_that_are_not_on_yet_are_not_hit() -> None:
    assert len(hit(cut(), fleet(6, on_s=60.0), 1)) == 0


def test_stations_that_are_on_are_hit_also_if_a_stage_switches_them_off_meanwhile() -> None:
    storm, end_s = cut(), cut().end_s
    off_s = np.array([np.inf, end_s + 1.0, storm.at_s + 1.0, storm.at_s - 5.0])
    on = Spells(np.arange(5), np.zeros(4), off_s)
    there = Stations([f"CS{i}" for i in range(4)], ["yard"] * 4, on)
    assert hit(storm, there, 1).tolist() == [0, 1, 2]
    # One that has come back by then is there again.
    back = Spells(np.array([0, 2]), np.array([0.0, storm.at_s - 2.0]), np.array([1.0, np.inf]))
    assert hit(storm, Stations(["CS0"], ["yard"], back), 1).tolist() == [0]


def test_stations_that_are_switched_on_in_the_dark_get_no_power_either() -> None:
    on_s = np.array([0.0, 60.0, 104.0, 105.0, 200.0])
    there = Stations([f"CS{i}" for i in range(5)], ["yard"] * 5, once(on_s))
    storm = cut()  # from 60 to 105 s
    assert hit(storm, there, 1).tolist() == [0] and held_back(storm, there, 1).tolist() == [1, 2]
    found = acts(storm, there, 1)
    assert set(found.station.tolist()) == {0, 1, 2}
    assert len(held_back(replace(storm, kind="mass_reset"), there, 1)) == 0
    real = replace(storm, ours=False, kind="csms_restart", recovery_s=96.0)
    assert len(held_back(real, there, 1)) == 0
    assert joining(real, there, 1).tolist() == [1, 2, 3, 4]  # nobody foresees when they get in
    assert joining(storm, there, 1).tolist() == [1, 2]


@given(
    storm=storms,
    on_s=st.lists(st.floats(0.0, 2e4), min_size=1, max_size=30),
    length_s=st.floats(1.0, 1e4),
    seed=st.integers(0, 9),
)
def test_who_is_hit_was_on_and_who_is_held_back_was_not(storm, on_s, length_s, seed) -> None:
    on = np.array(on_s)
    n = len(on)
    there = Stations(
        [f"CS{i}" for i in range(n)], ["yard"] * n, Spells(np.arange(n + 1), on, on + length_s)
    )
    hits, held = hit(storm, there, seed), held_back(storm, there, seed)
    assert all(on[i] < storm.at_s < on[i] + length_s for i in hits)
    assert all(storm.at_s <= on[i] < storm.back_s for i in held)
    assert not set(hits.tolist()) & set(held.tolist())
    assert set(acts(storm, there, seed).station.tolist()) <= {*hits.tolist(), *held.tolist()}


def test_after_a_power_cut_stations_come_back_together_or_within_the_spread() -> None:
    found = acts(cut(), fleet(9), 1)
    assert set(found.at_s[found.what == What.POWER_ON]) == {105.0}
    found = acts(cut(spread_s=20.0), fleet(200), 1)
    back = found.at_s[found.what == What.POWER_ON]
    assert 105.0 <= back.min() < 106.0 and 124.0 < back.max() < 125.0


def test_a_rolling_deploy_closes_the_connections_of_one_instance_after_another() -> None:
    deploy = Storm(0, "rolling_deploy", 10.0, 40.0, instances=4, ours=True)
    found = acts(deploy, fleet(400), 1)
    moments, counts = np.unique(found.at_s, return_counts=True)
    assert moments.tolist() == [10.0, 20.0, 30.0, 40.0] and counts.min() > 60
    assert set(found.what.tolist()) == {What.CUT}


def test_what_the_target_does_itself_is_no_act_of_ours() -> None:
    assert len(acts(Storm(0, "csms_restart", 10.0, 5.0, ours=False), fleet(9), 1)) == 0
    hasty = Storm(0, "csms_restart", 10.0, 5.0, naive=True, ours=False)
    assert set(acts(hasty, fleet(9), 1).what.tolist()) == {What.HURRY, What.CALM}


def test_emulated_is_what_should_begin_at_the_target_and_does_not() -> None:
    assert Storm(0, "csms_restart", 1.0, ours=True).emulated
    assert not Storm(0, "csms_restart", 1.0, ours=False).emulated
    assert not cut().emulated


def test_acts_of_several_storms_are_one_row() -> None:
    first, second = cut(), cut(number=1, at_s=80.0)
    found = together([acts(s, fleet(3), 1) for s in (first, second)])
    assert (np.diff(found.at_s) >= 0).all() and len(found) == 12
    assert len(together([])) == 0


# -- phases --


def test_a_storm_and_its_recovery_are_a_phase_of_their_own() -> None:
    spans = [Span("connect", 0, 20), Span("boot", 20, 22), Span("measure", 22, 200)]
    spans.append(Span("cooldown", 200, np.inf))
    found = with_storms(spans, [cut(recovery_s=30.0)])
    assert found == (
        Span("connect", 0, 20),
        Span("boot", 20, 22),
        Span("measure", 22, 60),
        Span("storm", 60, 135),
        Span("measure", 135, 200),
        Span("cooldown", 200, np.inf),
    )


@given(
    starts=st.lists(st.floats(1.0, 150.0), max_size=4, unique=True),
    last=st.floats(1.0, 60.0),
    recovers=st.floats(1.0, 60.0),
)
def test_phases_have_no_gaps_and_never_reach_into_the_cooldown(starts, last, recovers) -> None:
    spans = [Span("connect", 0, 20), Span("measure", 20, 100), Span("cooldown", 100, np.inf)]
    stormy = [
        cut(number=n, at_s=at, for_s=last, recovery_s=recovers) for n, at in enumerate(starts)
    ]
    found = with_storms(spans, stormy)
    assert found[0].start_s == 0 and found[-1] == spans[-1]
    assert all(a.end_s == b.start_s for a, b in pairwise(found))
    for storm in stormy:
        inside = [s for s in found if s.start_s <= min(storm.at_s, 99.99) < s.end_s]
        if storm.at_s < 100:
            assert [s.phase for s in inside] == ["storm"]


# -- recovery --


def seen(changes, **more) -> Series:
    """A storm from 10 s to 20 s of 100 stations; changes are (when, how many)."""
    rows = [(at, 1 if n > 0 else -1) for at, n in changes for _ in range(abs(n))]
    zeros = np.zeros(100, np.int64)
    values = {
        "at_s": 10.0,
        "back_s": 20.0,
        "until_s": 90.0,
        "present": 100,
        "lost": 100,
        "changes_s": np.array([at for at, _ in rows], float),
        "changes": np.array([n for _, n in rows], np.int64),
        **dict.fromkeys(("attempts", "accepted", "booted", "backlog"), zeros),
        **more,
    }
    return Series(**values)


def by_second(**counts) -> np.ndarray:
    row = np.zeros(100, np.int64)
    for second, count in counts.items():
        row[int(second[1:])] = count
    return row


def test_times_to_95_and_100_percent_count_from_the_end_of_the_storm() -> None:
    found = recovery(seen([(10.0, -100), (22.0, 90), (25.5, 5), (41.25, 5)]))
    assert (found.lowest, found.to_95_s, found.to_100_s) == (0, 5.5, 21.25)


def test_who_never_comes_back_leaves_no_time() -> None:
    found = recovery(seen([(10.0, -100), (22.0, 95)]))
    assert found.to_95_s == 2.0 and found.to_100_s is None


def test_a_relapse_does_not_count_as_recovered() -> None:
    found = recovery(seen([(10.0, -100), (22.0, 100), (30.0, -10), (50.0, 10)]))
    assert found.to_95_s == found.to_100_s == 30.0


def test_who_is_back_before_the_storm_is_over_took_no_time() -> None:
    found = recovery(seen([(10.0, -100), (12.0, 100)]))
    assert found.to_95_s == found.to_100_s == 0.0


def test_where_nobody_was_lost_there_is_nothing_to_recover() -> None:
    found = recovery(seen([], lost=0))
    assert (found.lowest, found.to_95_s, found.to_100_s) == (100, 0.0, 0.0)
    assert found.retry_amplification is None


def test_retry_amplification_is_attempts_for_each_station_that_was_lost() -> None:
    row = by_second(s5=70, s12=100, s21=150)
    assert recovery(seen([(10.0, -100)], attempts=row)).retry_amplification == 2.5


def test_peaks_are_of_the_time_of_the_storm() -> None:
    found = recovery(
        seen([], accepted=by_second(s5=900, s21=60, s22=40), booted=by_second(s23=7, s95=80))
    )
    assert (found.peak_accepts_per_s, found.peak_boots_per_s) == (60, 7)


def test_the_backlog_is_cleared_when_it_is_down_to_what_it_was() -> None:
    row = np.full(100, 3, np.int64)
    row[11:30] = 200
    found = recovery(seen([], backlog=row))
    assert (found.backlog_before, found.backlog_peak, found.backlog_cleared_s) == (3, 200, 11.0)
    row[11:] = 200
    assert recovery(seen([], backlog=row)).backlog_cleared_s is None


@given(
    st.lists(st.tuples(st.floats(10.0, 90.0), st.booleans()), max_size=60),
)
def test_95_percent_never_takes_longer_than_all(moments) -> None:
    level, rows = 100, []
    for at, falls in sorted(moments):
        step = -1 if (falls and level > 0) or level == 100 else 1
        level += step
        rows.append((at, step))
    found = recovery(seen(rows))
    if found.to_100_s is not None:
        assert found.to_95_s is not None and found.to_95_s <= found.to_100_s
    assert (found.to_100_s is None) == (level < 100)


def test_a_storm_is_looked_at_until_the_next_one() -> None:
    stormy = [cut(), cut(number=1, at_s=200.0)]
    assert (until(stormy, 0, 300.0), until(stormy, 1, 300.0)) == (200.0, 300.0)


@pytest.mark.parametrize("kind", ["firmware_campaign", "profile_broadcast"])
def test_commands_are_the_targets(kind) -> None:
    assert len(acts(Storm(0, kind, 10.0, ours=False), fleet(9), 1)) == 0
