"""Every run is bounded in time and size: what lies beyond is refused in words, before it starts."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenario import ScenarioError, load_scenario
from simulator.scenario.fields import MOST_STATIONS


@pytest.mark.parametrize("year", ["0001", "1969", "2200", "9999"])
def test_a_start_in_a_year_that_no_clock_can_count_to_is_refused(say, year: str) -> None:
    assert say(("2026-06-01T00:00:00", f"{year}-06-01T00:00:00")) == [
        f"s.toml: scenario.start: value {year}-06-01 00:00:00: expected a local time in the years "
        "1970 to 2199"
    ]


@pytest.mark.parametrize("duration", ["3661d", "1e300 d"])
def test_a_run_lasts_ten_years_at_most(say, write, duration: str) -> None:
    swap = ('"Europe/Berlin"', f'"Europe/Berlin"\nduration = "{duration}"')
    assert say(swap) == [
        f"s.toml: scenario.duration: value '{duration}': expected a duration of at most 3660d"
    ]
    scenario = load_scenario(write())
    for seconds in (3661 * 86400, float("inf"), float("nan"), 0, -1):
        with pytest.raises(ScenarioError, match=r"duration_s: value .*: expected a duration above"):
            scenario.replace(duration_s=seconds)


def test_a_recording_interval_below_a_second_is_refused(say) -> None:
    top = ("[csms]", '[record]\ninterval = "1ms"\n[csms]')
    assert say(top) == ["s.toml: record.interval: value '1ms': expected an interval of 1 s or more"]


def test_visits_more_often_than_by_the_minute_are_refused(say) -> None:
    assert say(("visits_per_evse_day = 6.0", "visits_per_evse_day = 1e9")) == [
        "s.toml: sites.ring-road.visits_per_evse_day: value 1000000000.0: expected a number of at "
        "most 1440"
    ]


def test_a_network_has_a_million_stations_at_most(say, write) -> None:
    assert say(("count = 2\n", "count = 10000000\n")) == [
        "s.toml: sites.ring-road.count: value 10000000: expected a number of at most 1000000"
    ]
    for scenario, stations in (
        (load_scenario(write()), MOST_STATIONS + 1),
        (load_scenario(write(("count = 2\n", "count = 1000000\n"))), None),
    ):
        with pytest.raises(ScenarioError, match="expected at most 1000000 stations"):
            scenario.network(stations)


@pytest.mark.parametrize("stations", [1.5, "3"])
def test_a_number_of_stations_is_whole(write, stations) -> None:
    with pytest.raises(ScenarioError, match="expected a whole number of stations"):
        load_scenario(write()).network(stations)


def test_whole_numbers_of_numpy_will_do(write) -> None:
    scenario = load_scenario(write()).replace(seed=np.int64(3))
    assert type(scenario.seed) is int and scenario.seed == 3
    assert scenario.network(np.int32(2)).stations == 2


@pytest.mark.parametrize("seed", [1.5, "x", True, -1])
def test_a_seed_is_a_whole_number(write, seed) -> None:
    with pytest.raises(ScenarioError, match=f"seed: value {seed}: expected a whole number of 0"):
        load_scenario(write()).replace(seed=seed)


def test_a_scenario_has_a_name(say) -> None:
    assert say(('name = "test"', 'name = ""')) == [
        "s.toml: scenario.name: value '': expected 1 to 100 characters that can be printed"
    ]
