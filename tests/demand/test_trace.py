"""A trace is replayed as recorded: times, EVSE, energy and power."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.demand import draw_visits, trace_notice
from simulator.scenario import Scenario

HEAD = "session_id,evse,arrival,departure,energy_kWh,max_kW\n"
ROWS = """\
late,B2,600,700,7.5,7.4
first,A1,0,30,10.0,11
second,A2,30.5,90,0,3.7
tie,B1,30.5,95,22,22
after,A1,1440,1500,5,11
before,A1,-10,20,5,11
"""


@pytest.fixture
def traced(make: Any, tmp_path: Path, one_site: Any) -> Callable[..., Scenario]:
    def build(rows: str = ROWS, **site: Any) -> Scenario:
        (tmp_path / "trace.csv").write_text(HEAD + rows)
        stations = [{"model": "t-ac", "count": 2, "names": ["A1", "A2", "B1", "B2"]}]
        work = {"name": "work", "stations": stations, **site}
        return make(
            sites=[one_site("home"), work],
            scenario={"duration": "1d"},
            trace={"file": "trace.csv", "site": "work"},
        )

    return build


def test_rows_become_visits_in_order_of_arrival(traced: Any) -> None:
    scenario = traced()
    v = draw_visits(scenario, scenario.network().sites[1])
    assert v.label == ("first", "second", "tie", "late")
    np.testing.assert_array_equal(v.arrival_s, [0.0, 1830.0, 1830.0, 36_000.0])
    np.testing.assert_array_equal(v.departure_s, [1800.0, 5400.0, 5700.0, 42_000.0])
    np.testing.assert_array_equal(v.evse, [0, 1, 2, 3])


def test_a_car_of_a_trace_takes_the_recorded_energy_and_no_more(traced: Any) -> None:
    scenario = traced()
    v = draw_visits(scenario, scenario.network().sites[1])
    for efficiency in (v.efficiency_ac, v.efficiency_dc):
        wanted = (v.target_soc - v.soc) * v.battery_kwh / efficiency
        np.testing.assert_array_equal(wanted, [10.0, 0.0, 22.0, 7.5])
    np.testing.assert_array_equal(v.ac_kw, [11.0, 3.7, 22.0, 7.4])
    np.testing.assert_array_equal(v.dc_kw, v.ac_kw)
    np.testing.assert_array_equal(v.ac_phases, [2, 1, 3, 2])  # of 22 kW on three phases
    assert (v.battery_kwh > 0).all()
    np.testing.assert_array_equal(v.curve, 0)
    assert np.isinf(v.curves.kw[v.curves.offset[0] : v.curves.offset[1]]).all()
    assert np.isinf(v.linger_s).all() and np.isinf(v.patience_s).all()


def test_a_window_of_a_trace(traced: Any) -> None:
    scenario = traced()
    site = scenario.network().sites[1]
    assert draw_visits(scenario, site, start_s=1.0, end_s=36_000.0).label == ("second", "tie")
    assert draw_visits(scenario, site, end_s=86_401.0).label == (
        *("first", "second", "tie", "late"),
        "after",
    )


def test_what_is_left_out_is_counted(traced: Any) -> None:
    scenario = traced()
    site = scenario.network().sites[1]
    notice = trace_notice(scenario.trace, site, 0.0, scenario.duration_s)
    assert (notice.rows, notice.before, notice.after, notice.elsewhere) == (6, 1, 1, 0)
    assert notice.kept == len(draw_visits(scenario, site)) == 4


def test_a_smaller_network_leaves_out_the_evses_that_it_lacks(traced: Any) -> None:
    scenario = traced()
    site = scenario.network(stations=6).sites[1]
    assert [station.evse_names for station in site.stations] == [("A1", "A2")]
    assert draw_visits(scenario, site).label == ("first", "second")
    notice = trace_notice(scenario.trace, site, 0.0, scenario.duration_s)
    assert (notice.elsewhere, notice.kept) == (2, 2)


def test_the_other_sites_do_not_replay_it(traced: Any) -> None:
    scenario = traced()
    v = draw_visits(scenario, scenario.network().sites[0])
    assert v.label is None and (v.evse == -1).all()


def test_a_trace_without_any_row_in_the_horizon(traced: Any) -> None:
    scenario = traced("only,A1,9999,10000,5,11\n")
    v = draw_visits(scenario, scenario.network().sites[1])
    assert len(v) == 0 and v.label == ()


def test_rows_that_find_their_evse_taken_are_counted(traced: Any) -> None:
    rows = (
        "later,A1,300,400,5,11\n"
        "stays,A1,60,240,5,11\n"
        "inside,A1,120,180,5,11\n"
        "still,A1,200,250,5,11\n"
        "elsewhere,A2,120,180,5,11\n"
        "at-once,A1,400,500,5,11\n"
    )
    scenario = traced(rows)
    site = scenario.network().sites[1]
    notice = trace_notice(scenario.trace, site, 0.0, scenario.duration_s)
    assert (notice.kept, notice.overlapping) == (6, 2)
