"""Drivers who follow the tariff begin where charging costs least, and never too late."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.demand import draw_visits
from simulator.demand.habits import Surroundings, with_car_habits, with_driver_habits
from simulator.demand.retail import Retail, retail

HOUR_S = 3600.0


def tariff(
    *steps: tuple[float, float], end_h: float = 240.0, grace_s: float | None = None
) -> Retail:
    """Prices from hours on."""
    begin = np.array([*(hour for hour, _ in steps), end_h]) * HOUR_S
    return Retail(begin, np.array([price for _, price in steps]), grace_s)


NIGHT = tariff((0, 0.4), (22, 0.1), (30, 0.4), (46, 0.1), (54, 0.4))


def starts(retail: Retail, *visits: tuple[float, float, float]) -> list[float]:
    """Hour of the start for (arrival, departure, hours of charging)."""
    columns = np.array(visits).T * HOUR_S
    return list(retail.cheapest_start(*columns) / HOUR_S)


def test_charging_waits_for_the_cheap_window_if_it_fits() -> None:
    assert starts(NIGHT, (18, 31, 3)) == [22.0]
    assert starts(NIGHT, (18, 24.5, 3)) == [18.0]  # from 22 h it would not be done
    assert starts(NIGHT, (23, 31, 3)) == [23.0]  # in the window already
    assert starts(NIGHT, (8, 60, 3)) == [22.0]  # of two equal windows the first
    assert starts(NIGHT, (18, np.inf, 3)) == [18.0]  # no planned departure, no plan
    assert starts(NIGHT, (18, 31, 0)) == [18.0]  # nothing to charge


def test_a_charge_longer_than_the_window_begins_where_it_costs_least() -> None:
    assert starts(NIGHT, (18, 40, 10)) == [22.0]
    assert starts(NIGHT, (18, 31, 10)) == [18.0]


@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.5]), min_size=1, max_size=48),
    st.floats(0.0, 40.0),
    st.floats(0.1, 60.0),
    st.floats(0.0, 20.0),
)
def test_no_start_at_a_change_of_price_is_cheaper(
    prices: list[float], arrival: float, stay: float, needed: float
) -> None:
    retail = tariff(*enumerate(prices), end_h=200.0)
    departure = arrival + stay

    def cost(start: float) -> float:
        grid = np.append(np.arange(len(prices)), 200.0)
        inside = np.minimum(grid[1:], start + needed) - np.maximum(grid[:-1], start)
        return float(np.maximum(inside, 0.0) @ np.array(prices))

    (found,) = starts(retail, (arrival, departure, needed))
    allowed = [arrival]
    allowed += [h for h in range(len(prices)) if arrival < h <= departure - needed]
    assert any(found == pytest.approx(start) for start in allowed)
    assert cost(found) <= min(cost(start) for start in allowed) + 1e-9


def test_the_share_follows_and_a_timer_comes_first(make: Any, one_site: Any) -> None:
    scenario = make(profile={"stay": {"ln_hours": [2.3, 0.3]}})
    v = draw_visits(scenario, scenario.network().sites[0])
    prices = tariff(
        *((24 * d + h, p) for d in range(12) for h, p in ((0, 0.1), (6, 0.4))), end_h=288
    )
    around = Surroundings(scenario.start, scenario.timezone, prices)
    uniform = np.random.default_rng(5)
    numbers = {name: uniform.random(len(v)) for name in ("tariff_followers", "delayed_start")}

    def ready(**habits: Any) -> np.ndarray:
        table = scenario.file.sites[0].model_copy(update=habits)
        kw = np.full(len(v), 10.0)
        dressed = with_car_habits(v, table, around, kw, 0.0 * kw, numbers.__getitem__)
        assert dressed.ready_s is not None
        return dressed.ready_s

    from simulator.scenario.people_model import DelayedStart

    half = ready(tariff_followers=0.5)
    waits = half > 0.0
    assert (numbers["tariff_followers"][waits] < 0.5).all()
    assert 0.1 < waits.mean() < 0.5
    assert set(half[waits] % (24 * HOUR_S)) == {0.0}
    hours = (v.target_soc - v.soc) * v.battery_kwh / 10.0
    assert (half + hours * HOUR_S <= v.departure_s + 1e-6)[waits].all()
    both = ready(tariff_followers=0.5, delayed_start=DelayedStart(share="100 %", at="03:00"))
    assert set(both[both > 0.0] % (24 * HOUR_S)) == {3 * HOUR_S}


def test_an_idle_fee_brings_the_share_back_within_its_grace(make: Any) -> None:
    scenario = make(profile={"leave_when_done": True, "linger": "3h", "stay": None})
    v = draw_visits(scenario, scenario.network().sites[0])
    table = scenario.file.sites[0].model_copy(update={"idle_response": 0.4})
    uniform = np.random.default_rng(6).random(len(v))

    def linger(retail: Retail | None) -> np.ndarray:
        around = Surroundings(scenario.start, scenario.timezone, retail)
        return with_driver_habits(v, table, around, lambda _: uniform).linger_s

    np.testing.assert_array_equal(linger(None), v.linger_s)
    np.testing.assert_array_equal(linger(tariff((0, 0.3))), v.linger_s)
    back = linger(tariff((0, 0.3), grace_s=900.0))
    hurried = uniform < 0.4
    assert (back[hurried] <= 900.0).all()
    np.testing.assert_array_equal(back[~hurried], v.linger_s[~hurried])
    planned = replace(v, linger_s=np.full(len(v), np.inf))
    around = Surroundings(scenario.start, scenario.timezone, tariff((0, 0.3), grace_s=900.0))
    again = with_driver_habits(planned, table, around, lambda _: uniform).linger_s
    assert again[hurried].mean() == pytest.approx(450.0, rel=0.15)
    assert np.isinf(again[~hurried]).all()


@dataclass(frozen=True)
class Window:
    energy_per_kwh: float
    start: int
    stop: int
    days: tuple[bool, ...] = (True,) * 7
    months: tuple[int, ...] = tuple(range(12))


@dataclass(frozen=True)
class Fees:
    idle_per_minute: float
    idle_grace: float


@dataclass(frozen=True)
class List:
    energy_per_kwh: float
    windows: tuple[Window, ...] = ()
    drivers: Fees | None = None


BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = (True,) * 5 + (False,) * 2


@pytest.mark.parametrize("start", [(2026, 3, 27), (2026, 10, 23), (2026, 12, 30)])
def test_prices_follow_the_local_clock(start: tuple[int, int, int]) -> None:
    """Every half hour of ten days, against the windows as a person reads them."""
    listed = List(
        0.3,
        (
            Window(0.1, 22 * 60, 5 * 60, WORKDAYS),
            Window(0.5, 17 * 60, 20 * 60),
            Window(0.2, 12 * 60, 13 * 60 + 30, months=(2, 9, 0)),
        ),
    )
    begin = datetime(*start, 7, 15, tzinfo=BERLIN)
    table = retail(listed, begin, BERLIN, 10 * 86_400.0)
    assert table.begin_s[0] <= 0.0 and table.begin_s[-1] > 10 * 86_400.0
    assert (np.diff(table.begin_s) > 0).all() and table.idle_grace_s is None
    for half in range(480):
        moment_s = half * 1800.0 + 60.0
        now = datetime.fromtimestamp(begin.timestamp() + moment_s, BERLIN)
        expected = 0.3
        if (now.hour >= 22 and now.weekday() < 5) or (now.hour < 5 and 1 <= now.weekday() <= 5):
            expected = 0.1
        if 17 <= now.hour < 20:
            expected = 0.5
        if now.month in (3, 10, 1) and (now.hour == 12 or (now.hour == 13 and now.minute < 30)):
            expected = 0.2
        found = table.price[np.searchsorted(table.begin_s, moment_s, side="right") - 1]
        assert found == expected, now


def test_only_a_fee_above_nothing_is_a_reason_to_hurry() -> None:
    begin = datetime(2026, 6, 1, tzinfo=BERLIN)
    for fees, grace in ((Fees(0.1, 600.0), 600.0), (Fees(0.0, 600.0), None), (None, None)):
        assert retail(List(0.3, drivers=fees), begin, BERLIN, 1e5).idle_grace_s == grace
