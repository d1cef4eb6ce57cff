"""The storms of a run before it begins: whom they hit, each shard's part, how large their herds."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.fleet.spells import once
from simulator.live.errors import RefusedError
from simulator.live.weather import forecast
from simulator.scenario import load_scenario


def weather(*sets: str, run_s: float = 75.0):
    scenario = load_scenario("power-cut", sets=sets)
    network = scenario.network()
    return forecast(scenario, network, once(np.zeros(network.stations)), run_s)


def test_stations_of_the_sites_named_are_hit_and_known_by_name() -> None:
    found = weather()
    assert len(found.hits[0]) == 100 and len(found.acts) == 200
    assert all(name.startswith("CSW-ring-road") for name in found.names(0))
    assert found.struck() == set(found.names(0))


def test_the_parts_of_shards_are_the_whole() -> None:
    found = weather()
    parts = [found.of(part) for part in np.array_split(np.arange(200, dtype=np.int32), 3)]
    assert sum(len(part.hits[0]) for part in parts) == 100
    assert sum(len(part.acts) for part in parts) == 200
    for part in parts:
        assert set(part.acts.station.tolist()) == set(part.hits[0])


def test_a_run_without_storms_has_no_part_in_any() -> None:
    found = weather("live.storms=[]")
    assert found.of(np.arange(5, dtype=np.int32)) is None and found.herd_per_s == 0.0


def test_a_herd_is_a_boot_and_the_statuses_of_each_station_that_comes_back() -> None:
    assert weather().herd_per_s == 100 * (1 + 3)
    assert weather("live.storms.0.spread=10s").herd_per_s == 40.0


def test_a_storm_that_outlasts_the_run_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"live.storms\[0\]: power_cut from 20 s to 35 s"):
        weather(run_s=35.0)


def test_a_herd_of_a_quarter_hour_is_as_dense_as_the_clocks_let_it_be() -> None:
    quarter = 'live.storms=[{ kind = "quarter_hour", at = "10s", for = "20s", interval = "5s" }]'
    readings = 200 * 3  # two EVSEs and the main meter
    assert weather(quarter).herd_per_s == readings / 2.5
    assert weather(quarter, "live.clock_spread=0s").herd_per_s == readings
