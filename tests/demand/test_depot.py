"""Depot vehicles keep their schedule by the local clock, and carry their charge from day to day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.demand import Visits, draw_visits
from simulator.demand.visits import merge
from simulator.scenario import Scenario

BUS = {
    "vehicle": "bus",
    "count": 3,
    "back": "19:30",
    "out": "05:15",
    "days": "weekdays",
    "used": "150 kWh",
}


@pytest.fixture
def depot(make: Any, one_site: Any, one_car: Any) -> Any:
    cars = [one_car("bus", share=0.0, battery_kwh=250.0, v2g_kw=20.0), one_car("a", share=1.0)]

    def build(*tables: dict[str, Any], also: dict[str, Any] | None = None, **more: Any) -> Scenario:
        site = one_site("yard", depot=list(tables), **(also or {}))
        if also is None:
            for field in ("arrivals", "visits_per_evse_day"):
                del site[field]
        return make(cars=cars, sites=[site], **more)

    return build


def drawn(scenario: Scenario, **horizon: float) -> Visits:
    return draw_visits(scenario, scenario.network().sites[0], **horizon)


def local(scenario: Scenario, times: np.ndarray) -> list[datetime]:
    zero = scenario.start.timestamp()
    return [datetime.fromtimestamp(zero + t, scenario.timezone) for t in times]


def test_a_week_of_a_bus_depot(depot: Any) -> None:
    scenario = depot({**BUS, "jitter": "0s"}, scenario={"duration": "14d"})
    v = drawn(scenario)
    assert len(v) == 3 * 10
    for back, out in zip(local(scenario, v.arrival_s), local(scenario, v.departure_s), strict=True):
        assert (back.hour, back.minute) == (19, 30) and back.weekday() < 5
        assert (out.hour, out.minute) == (5, 15)
        days = 3 if back.weekday() == 4 else 1  # Friday's buses stay until Monday
        assert out.date() - back.date() == timedelta(days=days)
    assert np.isinf(v.patience_s).all() and np.isinf(v.linger_s).all()
    assert (v.battery_kwh == 250.0).all()


@pytest.mark.parametrize("start", ["2026-03-23T00:00:00", "2026-10-19T00:00:00"])
def test_the_schedule_follows_the_local_clock_over_the_change(depot: Any, start: str) -> None:
    scenario = depot({**BUS, "days": "all", "jitter": "0s"}, scenario={"start": start})
    v = drawn(scenario)
    assert {(t.hour, t.minute) for t in local(scenario, v.arrival_s)} == {(19, 30)}
    assert {(t.hour, t.minute) for t in local(scenario, v.departure_s)} == {(5, 15)}
    stays = {round(x, 6) for x in (v.departure_s - v.arrival_s) / 3600.0}
    assert stays == {9.75, 8.75 if start.startswith("2026-03") else 10.75}


def test_a_night_shift_and_a_weekend(depot: Any) -> None:
    night = {**BUS, "count": 1, "back": "06:00", "out": "14:00", "days": "all", "jitter": "0s"}
    v = drawn(depot(night))
    np.testing.assert_allclose(v.departure_s - v.arrival_s, 8 * 3600.0)
    weekend = {**BUS, "count": 1, "days": "weekends", "jitter": "0s"}
    scenario = depot(weekend, scenario={"duration": "14d"})
    backs = local(scenario, drawn(scenario).arrival_s)
    assert [t.weekday() for t in backs] == [5, 6, 5, 6]


def test_every_vehicle_is_a_chain_of_its_own_visits(depot: Any) -> None:
    scenario = depot(BUS, {**BUS, "count": 2, "used": "60 kWh"}, scenario={"duration": "21d"})
    v = drawn(scenario)
    assert v.next_visit is not None and v.used_soc is not None
    assert (np.diff(v.arrival_s) >= 0).all()
    first = np.setdiff1d(np.arange(len(v)), v.next_visit)
    assert len(first) == 5
    seen = 0
    for row in first:
        while row >= 0:
            seen += 1
            after = v.next_visit[row]
            if after >= 0:
                assert v.arrival_s[after] > v.departure_s[row] > v.arrival_s[row]
                assert v.soc[after] == pytest.approx(1.0 - v.used_soc[row])
            row = after
    assert seen == len(v)
    used_kwh = (1.0 - v.soc) * 250.0
    assert sorted({round(x, -2) for x in (used_kwh.min(), used_kwh.max())}) == [0.0, 200.0]


def test_use_and_coming_back_vary_as_asked(depot: Any) -> None:
    table = {**BUS, "count": 60, "used": "100 kWh", "spread": 0.2, "jitter": "10m", "days": "all"}
    scenario = depot(table, scenario={"duration": "60d"})
    v = drawn(scenario)
    used_kwh = (1.0 - v.soc) * 250.0
    assert used_kwh.mean() == pytest.approx(100.0, rel=0.02)
    assert used_kwh.std() == pytest.approx(20.0, rel=0.05)
    late = np.array(
        [(t.hour - 19.5) * 60.0 + t.minute + t.second / 60.0 for t in local(scenario, v.arrival_s)]
    )
    assert late.mean() == pytest.approx(0.0, abs=0.6)
    assert late.std() == pytest.approx(10.0, rel=0.06)
    assert np.abs(late).max() <= 30.1


def test_more_vehicles_and_longer_horizons_change_nobody_elses_days(depot: Any) -> None:
    scenario = depot(BUS, scenario={"duration": "21d"})
    few = drawn(scenario)
    week = drawn(scenario, end_s=7 * 86_400.0)
    for column, values in week.columns():
        if column not in ("next_visit", "used_soc"):
            np.testing.assert_array_equal(getattr(few, column)[: len(week)], values)
    assert week.next_visit is not None and (week.next_visit < len(week)).all()
    many = drawn(depot({**BUS, "count": 8}, scenario={"duration": "21d"}))
    assert np.isin(few.arrival_s, many.arrival_s).all()


def test_a_depot_and_drivers_share_a_site(depot: Any) -> None:
    scenario = depot(BUS, also={"priority": {"share": 1.0}})
    v = drawn(scenario)
    buses = v.battery_kwh == 250.0
    assert 0 < buses.sum() < len(v)
    assert (np.diff(v.arrival_s) >= 0).all()
    assert v.next_visit is not None and v.used_soc is not None and v.weight is not None
    assert (v.weight == 2.0).all()
    assert (v.next_visit[~buses] == -1).all() and (v.used_soc[~buses] == 0.0).all()
    linked = v.next_visit >= 0
    assert buses[v.next_visit[linked]].all()
    alone = drawn(depot(BUS))
    np.testing.assert_array_equal(v.arrival_s[buses], alone.arrival_s)
    assert alone.next_visit is not None
    links = np.flatnonzero(buses)
    expected = np.where(alone.next_visit >= 0, links[alone.next_visit], -1)
    np.testing.assert_array_equal(v.next_visit[buses], expected)


def test_a_vehicle_has_its_habit_for_good(depot: Any) -> None:
    site = {"vehicle_to_grid": {"share": 0.5}, "delayed_start": {"share": 0.5, "at": "23:00"}}
    scenario = depot({**BUS, "count": 40}, also=site)
    v = drawn(scenario)
    assert v.next_visit is not None and v.discharge_kw is not None and v.ready_s is not None
    linked = np.flatnonzero(v.next_visit >= 0)
    after = v.next_visit[linked]
    assert len(linked) > 100
    np.testing.assert_array_equal(v.discharge_kw[linked], v.discharge_kw[after])
    np.testing.assert_array_equal(v.ready_s[linked] > 0, v.ready_s[after] > 0)
    assert set(v.discharge_kw) == {0.0, 20.0}


def test_a_window_keeps_the_chains_that_lie_in_it(depot: Any) -> None:
    scenario = depot({**BUS, "days": "all"}, scenario={"duration": "10d"})
    v = drawn(scenario, start_s=3 * 86_400.0, end_s=6 * 86_400.0)
    assert len(v) == 9 and v.next_visit is not None
    assert sorted(v.next_visit) == [-1, -1, -1, 3, 4, 5, 6, 7, 8]


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
def test_merged_visits_keep_every_row_and_link(first: list[bool], data: Any) -> None:
    from simulator.demand.drivers import flat_curves

    curves = flat_curves()

    def visits(n: int, chained: bool) -> Visits:
        arrival = np.sort(np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))))
        one, count = np.ones(n), np.zeros(n, np.int32)
        links = np.append(np.arange(1, n), -1).astype(np.int32)[:n]
        return Visits(
            arrival_s=arrival.astype(float),
            departure_s=arrival + 1.0, linger_s=one, patience_s=one, soc=0 * one, target_soc=one,
            battery_kwh=data.draw(st.floats(1.0, 9.0)) * one, ac_kw=one, ac_phases=count + 1,
            dc_kw=one, efficiency_ac=one, efficiency_dc=one, curve=count, evse=count - 1,
            label=None, curves=curves, next_visit=links if chained else None,
        )  # fmt: skip

    a, b = visits(len(first), first[0]), visits(data.draw(st.integers(0, 8)), True)
    both = merge(a, b)
    assert len(both) == len(a) + len(b)
    assert (np.diff(both.arrival_s) >= 0).all()
    assert both.next_visit is not None
    for part in (a, b):
        if part.next_visit is not None:
            links = {
                (part.arrival_s[i], part.arrival_s[j], part.battery_kwh[i])
                for i, j in enumerate(part.next_visit)
                if j >= 0
            }
            found = {
                (both.arrival_s[i], both.arrival_s[j], both.battery_kwh[i])
                for i, j in enumerate(both.next_visit)
                if j >= 0
            }
            assert links <= found
    assert both.take(np.arange(len(both))).next_visit is not None
