"""The demand axis: what the arrivals are multiplied by, and what becomes of the visits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.demand import draw_visits
from simulator.fleet.course import Demand, demand_of
from simulator.fleet.stages import Stage


def held(*levels: tuple[float, float], from_s: float = 0.0, speed: float = 1.0) -> Demand:
    """A demand at each level for so long."""
    stages = []
    for demand, length in levels:
        stages += [Stage(0.0, demand=demand), Stage(length, joins=True)]
    found = demand_of(stages, from_s, speed)
    assert found is not None
    return found


def test_a_demand_that_never_leaves_1_is_none():
    assert demand_of([Stage(10.0, 5), Stage(10.0, demand=1.0)], 0.0, 1.0) is None


def test_the_demand_jumps_ramps_and_swings():
    stages = [
        Stage(0.0, demand=2.0),
        Stage(10.0, joins=True),
        Stage(10.0, demand=4.0),
        Stage(8.0, demand_swing=1.0),
        Stage(10.0, 5),
    ]
    found = demand_of(stages, 0.0, 1.0)
    assert found is not None and found.peak == 5.0
    at = [-5.0, 0.0, 9.9, 10.0, 15.0, 20.0, 22.0, 26.0, 28.0, 35.0, 99.0]
    assert found.at(np.array(at)).tolist() == pytest.approx([2, 2, 2, 2, 3, 4, 5, 3, 4, 4, 4])


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(1, 100)), min_size=1, max_size=6),
    st.floats(-10, 700),
)
def test_the_share_is_the_demand_over_its_peak(levels, t):
    found = demand_of([s for d, n in levels for s in (Stage(0.0, demand=d), Stage(n))], 0.0, 1.0)
    if found is None:
        assert all(d == 1.0 for d, _ in levels)
        return
    assert found.peak >= max(d for d, _ in levels)
    share = found.share(np.array([t]))[0]
    assert 0.0 <= share <= 1.0


@pytest.fixture(scope="module")
def site(scenario):
    found = max(
        (s for s in scenario.network(None).sites if s.site.arrivals),
        key=lambda s: s.site.visits_per_evse_day * s.evses,
    )
    return scenario, found


def test_a_constant_demand_multiplies_the_number_of_visits(site):
    scenario, one = site
    week = 7 * 86_400.0
    usual = len(draw_visits(scenario, one, 0.0, week))
    course = held((3.0, 10.0))
    many = len(draw_visits(scenario, one, 0.0, week, course))
    assert many / usual == pytest.approx(3.0, rel=5.0 / np.sqrt(usual))


def test_each_stage_has_its_demand_and_leaves_the_visits_of_others_alone(site):
    scenario, one = site
    day = 86_400.0
    flat = draw_visits(scenario, one, 0.0, 14 * day, held((2.0, 14 * day)))
    half = draw_visits(scenario, one, 0.0, 14 * day, held((2.0, 7 * day), (1.0, 7 * day)))
    first = flat.arrival_s < 7 * day
    assert np.array_equal(flat.arrival_s[first], half.arrival_s[half.arrival_s < 7 * day])
    later = half.arrival_s[half.arrival_s >= 7 * day]
    assert np.isin(later, flat.arrival_s[~first]).all()
    whole = np.count_nonzero(~first)
    assert len(later) / whole == pytest.approx(0.5, abs=4.0 * np.sqrt(0.25 / whole))
    kept = np.isin(flat.arrival_s, half.arrival_s)
    assert np.array_equal(flat.soc[kept], half.soc)


def test_the_speed_of_a_run_stretches_its_course_over_plan_time(site):
    scenario, one = site
    course = held((0.0, 60.0), (1.0, 60.0), from_s=3600.0, speed=60.0)
    arrivals = draw_visits(scenario, one, 0.0, 3 * 3600.0, course).arrival_s
    assert len(arrivals) and arrivals.min() >= 3600.0 + 60.0 * 60.0
