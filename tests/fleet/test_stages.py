"""When stations are switched on, and what each moment of a run is called."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.rules import BOOT_ALLOWANCE_S
from simulator.fleet.stages import (
    Stage,
    close_due,
    connect_due,
    ranks,
    run_length,
    scaled,
    spells,
)
from simulator.fleet.steps import Span, phases, span_at


def test_a_ramp_is_even_from_its_first_to_its_last_station():
    due = spells([Stage(20.0, 10), Stage(100.0)], 10).first_on_s
    assert due.tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


def test_two_ramps_with_a_hold_between_them():
    due = spells([Stage(10.0, 2), Stage(60.0), Stage(10.0, 4)], 5).first_on_s
    assert due.tolist() == [0.0, 5.0, 70.0, 75.0, np.inf]


def test_a_ramp_without_length_switches_all_on_at_once():
    assert spells([Stage(0.0, 4), Stage(30.0)], 4).first_on_s.tolist() == [0.0] * 4


def test_without_a_ramp_all_are_on_from_the_start():
    assert spells([Stage(30.0)], 3).first_on_s.tolist() == [0.0] * 3


def test_a_ramp_past_the_fleet_is_refused():
    with pytest.raises(ValueError, match="a ramp to 11 stations"):
        spells([Stage(10.0, 5), Stage(10.0, 11)], 10)


@given(st.integers(1, 300), st.floats(0.1, 1000), st.floats(0.01, 1))
def test_at_each_moment_of_a_ramp_as_many_are_on_as_the_formula_says(stations, length, part):
    due = spells([Stage(length, stations)], stations).first_on_s
    t = length * part * 0.999
    assert abs(np.count_nonzero(due < t) - stations * t / length) <= 1.0 + 1e-6


@given(
    st.lists(st.tuples(st.floats(0.5, 100), st.booleans()), min_size=1, max_size=6),
    st.floats(1, 1000),
)
def test_a_duration_scales_all_stages_in_proportion(shape, run_s):
    stages = [Stage(length, 10 if ramp else None) for length, ramp in shape]
    stages = [s if s.stations is None else Stage(s.length_s, 10) for s in stages]
    found = scaled(stages, run_s)
    assert run_length(found) == pytest.approx(run_s)
    factor = run_s / run_length(stages)
    for before, after in zip(stages, found, strict=True):
        assert after.length_s == pytest.approx(before.length_s * factor)
        assert after.stations == before.stations


@pytest.mark.parametrize(("lengths", "run_s"), [([0.0], 10.0), ([10.0], 0.0), ([10.0], -1.0)])
def test_impossible_durations_are_refused(lengths, run_s):
    with pytest.raises(ValueError):
        scaled([Stage(length) for length in lengths], run_s)


def test_ranks_are_a_permutation_that_another_site_leaves_alone():
    small = [("a", i) for i in range(1, 6)]
    large = small + [("b", i) for i in range(1, 6)]
    assert sorted(ranks(7, large).tolist()) == list(range(10))
    of_small = ranks(7, small)
    of_large = ranks(7, large)[:5]
    assert np.array_equal(np.argsort(of_small), np.argsort(of_large))
    assert not np.array_equal(ranks(7, large), ranks(8, large))


def test_the_switch_on_of_a_station_follows_its_rank():
    names = [("a", i) for i in range(1, 9)]
    due = connect_due([Stage(8.0, 8)], 3, names)
    assert sorted(due.tolist()) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert np.array_equal(due, ranks(3, names).astype(float))


@pytest.mark.parametrize(("run_s", "closing"), [(1000.0, 5.0), (40.0, 2.0)])
def test_stations_close_evenly_within_the_last_seconds_of_the_run(run_s, closing):
    due = np.sort(close_due(run_s, 1000))
    assert run_s - closing <= due[0] < due[-1] <= run_s
    assert np.bincount(((due - (run_s - closing)) / closing * 10).astype(int)).min() > 95
    assert np.array_equal(close_due(run_s, 10), close_due(run_s, 1000)[:10])


def test_phases_cover_the_run_without_gaps():
    spans = phases([Stage(20.0, 10), Stage(100.0), Stage(5.0, 20), Stage(10.0)])
    assert spans == (
        Span("connect", 0.0, 20.0),
        Span("boot", 20.0, 20.0 + BOOT_ALLOWANCE_S),
        Span("measure", 20.0 + BOOT_ALLOWANCE_S, 120.0),
        Span("connect", 120.0, 125.0),
        Span("boot", 125.0, 127.0),
        Span("measure", 127.0, 130.0),
        Span("cooldown", 130.0, np.inf),
    )
    assert [span_at(spans, t).phase for t in (-1.0, 0.0, 20.0, 30.0, 120.0, 130.0, 1e9)] == [
        "connect",
        "connect",
        "boot",
        "measure",
        "connect",
        "cooldown",
        "cooldown",
    ]


def test_a_run_without_ramps_boots_first():
    assert [span.phase for span in phases([Stage(60.0)])] == ["boot", "measure", "cooldown"]
