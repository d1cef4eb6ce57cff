"""When stations are on: as many as the stages say, at every moment, up and down."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.rules import SPELL_S
from simulator.fleet.spells import once
from simulator.fleet.stages import Stage, ranks, spells, station_spells, stations_at

FLEET = 60
LEVELS = st.integers(0, FLEET)


@st.composite
def courses(draw):
    """Stages that go up, down, stay and swing, none faster than spells can follow."""
    stages, level = [], 0
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["ramp", "hold", "wave"]))
        length = draw(st.floats(2.0 * SPELL_S, 300.0))
        if kind == "ramp":
            level = draw(LEVELS)
            stages.append(Stage(length, level))
        elif kind == "wave" and (most := min(level, FLEET - level)):
            stages.append(Stage(length, swing=draw(st.integers(1, most))))
        else:
            stages.append(Stage(length))
    return stages if any(s.ramps for s in stages) else [Stage(10.0, draw(LEVELS)), *stages]


def on_at(found, t):
    return int(np.count_nonzero((found.on_s <= t) & (t < found.off_s)))


@given(courses(), st.floats(0.0, 1.0))
def test_as_many_stations_are_on_as_the_stages_ask_for(stages, part):
    found = spells(stages, FLEET)
    t = part * sum(stage.length_s for stage in stages)
    # Those that would be switched for a moment only are left as they are.
    near = [stations_at(stages, max(t + d, 0.0)) for d in np.linspace(-SPELL_S, SPELL_S, 41)]
    assert min(near) - 1 <= on_at(found, t) <= max(near) + 1


@given(courses())
def test_spells_of_a_station_follow_one_another_with_time_between_them(stages):
    found = spells(stages, FLEET)
    for station in range(FLEET):
        times = [at_s for spell in found.of(station) for at_s in spell]
        assert times == sorted(times)
        gaps = np.diff(times)
        assert not len(gaps) or gaps.min() >= SPELL_S - 1e-9


@given(courses())
def test_a_station_of_lower_rank_is_on_whenever_one_of_higher_rank_is(stages):
    found = spells(stages, FLEET)
    on_s = [sum(min(off, 1e6) - on for on, off in found.of(rank)) for rank in range(FLEET)]
    assert all(a >= b - 2.0 * SPELL_S * len(stages) for a, b in pairwise(on_s))


def test_a_ramp_down_switches_off_the_last_to_come_first():
    found = spells([Stage(4.0, 4), Stage(10.0), Stage(8.0, 0)], 4)
    assert found.on_s.tolist() == [0, 1, 2, 3]
    assert found.off_s.tolist() == [22, 20, 18, 16]


def test_a_spike_goes_up_and_back_and_its_stations_come_twice_if_asked_twice():
    spike = [Stage(1.0, 4), Stage(5.0), Stage(1.0, 2), Stage(5.0)]
    found = spells([Stage(1.0, 2), *spike, *spike], 4)
    assert [len(found.of(rank)) for rank in range(4)] == [1, 1, 2, 2]
    assert found.of(2) == [(1.0, 8.0), (13.0, 20.0)]
    assert found.of(3) == [(1.5, 7.5), (13.5, 19.5)]


def test_a_wave_is_a_sine_around_the_stations_that_are_on():
    stages = [Stage(0.0, 40), Stage(100.0, swing=20)]
    found = spells(stages, 60)
    for t, wanted in ((25.0, 60), (50.0, 40), (74.0, 20), (99.99, 40)):
        assert abs(on_at(found, t) - wanted) <= 1
    assert found.of(39)[0][1] == pytest.approx(50.0 + 100.0 * np.arcsin(1 / 20) / (2 * np.pi))


@pytest.mark.parametrize(("level", "swing"), [(5, 6), (8, 3)])
def test_a_swing_beyond_none_or_all_is_refused(level, swing):
    with pytest.raises(ValueError, match=f"a swing of {swing} stations around {level}"):
        spells([Stage(1.0, level), Stage(10.0, swing=swing)], 10)


@given(courses(), st.integers(1, 8))
def test_the_spells_of_a_shards_stations_are_those_that_they_have_in_the_network(stages, shards):
    names = [("yard", n) for n in range(1, FLEET + 1)]
    whole = station_spells(stages, 7, names)
    rank = ranks(7, names)
    by_rank = spells(stages, FLEET)
    for shard in range(shards):
        mine = np.arange(shard, FLEET, shards)
        part = whole.take(mine)
        for place, station in enumerate(mine.tolist()):
            assert part.of(place) == whole.of(station) == by_rank.of(int(rank[station]))


@given(courses(), st.floats(0.0, 900.0))
def test_dark_and_gaps_say_the_same_of_stations_that_were_on(stages, t):
    found = spells(stages, FLEET).before(1000.0)
    whose, since, until = found.gaps(1000.0)
    off = found.dark(t)
    in_gap = set(whose[(since <= t) & (t < until)].tolist())
    before = set(np.flatnonzero(found.first_on_s > t).tolist())
    assert set(np.flatnonzero(off).tolist()) == in_gap | before


def test_once_is_one_spell_without_an_end():
    found = once(np.array([3.0, np.inf, 1.0]))
    assert [found.of(n) for n in range(3)] == [[(3.0, np.inf)], [], [(1.0, np.inf)]]
