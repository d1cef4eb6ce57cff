"""Stages, shards and interrupts: what the parent decides before and while it waits."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from simulator.engine.events import KINDS
from simulator.live.errors import RefusedError
from simulator.live.interrupts import Interrupts
from simulator.live.prepare import prepare, read_stages, shard_count
from simulator.scenario import load_scenario

CITY = Path(__file__).parents[2] / "scenarios" / "city-launch.toml"


def test_stages_are_for_the_fleet_at_hand_and_keep_their_proportions() -> None:
    scenario = load_scenario(CITY)
    ramp, hold = read_stages(scenario, 50, None)
    assert (ramp.length_s, ramp.stations, hold.length_s, hold.stations) == (20.0, 50, 100.0, None)
    ramp, hold = read_stages(scenario, 50, 30.0)
    assert (ramp.length_s, ramp.stations, hold.length_s) == (5.0, 50, 25.0)


def test_a_run_of_no_length_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 0 s"):
        read_stages(load_scenario(CITY), 50, 0.0)


def test_a_live_run_refuses_what_it_cannot_play_and_plays_the_rest() -> None:
    """Power cuts within the run are refused; a crowd and a lowered limit are in the plan."""
    more = {"duration_s": None, "trace": "", "password": None, "heartbeat_s": None}

    def prepared(kind: str, options: str, begin: str = "18:00"):  # type: ignore[no-untyped-def]
        event = f"[{{kind = '{kind}', sites = ['kerbside'], options = {options}}}]"
        sets = [f"events={event}", f"live.from={begin}"]
        scenario = load_scenario(CITY, sets=sets, events=KINDS)
        return prepare(scenario, scenario.network(700), **more)  # type: ignore[arg-type]

    cut = "{at = '18:30', for = '10m'}"
    with pytest.raises(RefusedError, match="events: the site of kerbside is out of service"):
        prepared("site_outage", cut)
    with pytest.raises(RefusedError, match="cannot play outages yet"):
        prepared("station_failures", "{mtbf = '2d', mttr = '2h'}")
    assert prepared("site_outage", cut, "19:00").plans
    plain = prepared("stadium_night", "{at = '23:00', visits = 50}")
    crowd = prepared("stadium_night", "{at = '18:10', visits = 50}")
    stays = [sum(len(plan.stays) for plan in run.plans) for run in (plain, crowd)]
    assert stays[1] > stays[0]
    assert prepared("demand_response", "{at = '18:10', for = '1h', limit = '9 kW'}").plans


def test_a_live_run_refuses_cars_that_give_back_and_timers_that_nobody_keeps(
    tmp_path: Path,
) -> None:
    (tmp_path / "give.py").write_text(
        "def limits(view, forecast):\n    return 0.0 * view.soc - 5.0\n"
    )
    text = """
[scenario]
name = "bidirectional"
seed = 4
start = 2026-06-01T00:00:00
duration = "1d"
[[sites]]
name = "hub"
stations = [{ model = "dc-150-dual", count = 20 }]
arrivals = "public-dc"
visits_per_evse_day = 10.0
vehicles = "europe-2021"
"""
    more = {"duration_s": 30.0, "trace": "", "password": None, "heartbeat_s": None}

    def prepared(*sets: str):  # type: ignore[no-untyped-def]
        (tmp_path / "v2g.toml").write_text(text)
        sets = ("live.from=12:00", "live.speed=120", *sets)
        scenario = load_scenario(tmp_path / "v2g.toml", sets=list(sets))
        return prepare(scenario, scenario.network(), **more)  # type: ignore[arg-type]

    gives = (
        "sites.0.vehicle_to_grid={reserve=0.1}",
        "sites.0.controller={function='give.py:limits'}",
    )
    with pytest.raises(RefusedError, match="vehicles at hub give energy back"):
        prepared(*gives)
    assert prepared(gives[0]).plans
    timers = "sites.0.delayed_start={share=1.0, at='12:30'}"
    with pytest.raises(RefusedError, match="a timer of their own"):
        prepared(timers, "sites.0.control='csms'")
    assert prepared(timers).plans


def test_a_configuration_that_stations_cannot_have_is_refused_before_they_are_built(
    tmp_path: Path,
) -> None:
    shipped = Path(__file__).parents[2] / "profiles" / "stations" / "ac-22-dual.toml"
    text = shipped.read_text()
    assert "ConnectionTimeOut = 60" in text
    more = {"duration_s": 2.0, "trace": "", "password": None, "heartbeat_s": None}
    (tmp_path / "profiles" / "stations").mkdir(parents=True)
    (tmp_path / "city.toml").write_text(CITY.read_text().replace('"ac-22-dual"', '"ours"'))
    model = tmp_path / "profiles" / "stations" / "ours.toml"
    for version, line, words in (
        ("1.6", 'ConectionTimeOut = "45"', "did you mean 'ConnectionTimeOut'"),
        ("2.0.1", 'ConnectionTimeOut = "soon"', "OCPP 2.0.1: .*EVConnectionTimeOut.*'soon'"),
    ):
        model.write_text(text.replace("ConnectionTimeOut = 60", line))
        sets = [f'csms.versions={{"{version}"=1.0}}']
        scenario = load_scenario(tmp_path / "city.toml", sets=sets)
        with pytest.raises(RefusedError, match=words):
            prepare(scenario, scenario.network(700), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "stations", "cpus", "embedded", "expected"),
    [
        (None, 1, 8, False, 1),
        (None, 5000, 8, False, 1),
        (None, 5001, 8, False, 2),
        (None, 10**6, 8, False, 8),
        (None, 10**6, 8, True, 7),
        (None, 10**6, 1, True, 1),
        (3, 1, 1, True, 3),
    ],
)
def test_a_process_per_5000_stations_with_a_cpu_left_to_the_embedded_csms(
    wanted: int | None, stations: int, cpus: int, embedded: bool, expected: int
) -> None:
    assert shard_count(wanted, stations, cpus, embedded=embedded, files=10**9) == expected


def test_more_processes_than_cpus_where_one_may_not_open_a_file_for_each_station() -> None:
    assert shard_count(None, 50_000, 2, embedded=True, files=20_000) == 3
    assert shard_count(1, 50_000, 2, embedded=True, files=20_000) == 1


def test_ctrl_c_is_counted_while_the_fleet_is_out_and_raised_after() -> None:
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupts.count == 2
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()


def test_outside_the_main_thread_no_signal_is_touched() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work() -> None:
        with Interrupts() as interrupts:
            seen.append((interrupts.count, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(0, before)]
