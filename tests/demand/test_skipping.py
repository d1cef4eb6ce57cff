"""Plugging in less often changes who comes, not what is wanted in all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulator.demand import Visits, draw_visits


def wanted_kwh(v: Visits) -> np.ndarray:
    return (v.target_soc - v.soc) * v.battery_kwh


@pytest.fixture
def pair(make: Any, one_site: Any, one_car: Any) -> Any:
    def draw(probability: float, **car: Any) -> tuple[Visits, Visits]:
        cars = [one_car("a", share=1.0, **car)]
        every = make(cars=cars, sites=[one_site("home")])
        some = make(cars=cars, sites=[one_site("home", plug_in_probability=probability)])
        return tuple(draw_visits(s, s.network().sites[0]) for s in (every, some))  # type: ignore

    return draw


def test_the_energy_of_skipped_visits_is_charged_later(pair: Any) -> None:
    """Where batteries have room for it, nothing but the last skipped visits is missing."""
    every, some = pair(0.4, battery_kwh=5000.0)
    assert len(some) / len(every) == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / len(every)))
    missing = wanted_kwh(every).sum() - wanted_kwh(some).sum()
    assert 0.0 <= missing < 10 * 20 * wanted_kwh(every).mean()
    assert np.isin(some.arrival_s, every.arrival_s).all()


def test_car_by_car_the_sum_is_kept(pair: Any) -> None:
    every, some = pair(0.5, battery_kwh=5000.0)
    row = np.searchsorted(every.arrival_s, some.arrival_s)
    each = wanted_kwh(every)
    for car in range(10):  # ten EVSEs, so ten regulars
        mine = row[row % 10 == car]
        before = -1
        for visit in mine:
            due = each[np.arange(car, visit + 1, 10)]
            due = due[np.arange(car, visit + 1, 10) > before].sum()
            found = wanted_kwh(some)[np.flatnonzero(row == visit)[0]]
            assert found == pytest.approx(due, rel=1e-9)
            before = visit


def test_what_the_battery_has_no_room_for_is_charged_elsewhere(pair: Any) -> None:
    _, some = pair(0.2, battery_kwh=20.0)
    assert ((some.soc >= 0.0) & (some.soc <= some.target_soc) & (some.target_soc <= 1.0)).all()
    assert (wanted_kwh(some) <= 20.0 + 1e-9).all()
    full = wanted_kwh(some) > 20.0 - 1e-9
    assert full.mean() > 0.3


def test_who_skipped_nothing_is_untouched_and_others_keep_their_times(pair: Any) -> None:
    every, some = pair(0.8)
    row = np.searchsorted(every.arrival_s, some.arrival_s)
    for column in ("departure_s", "patience_s", "battery_kwh", "linger_s"):
        np.testing.assert_array_equal(getattr(some, column), getattr(every, column)[row])
    alone = np.isin(row - 10, row) | (row < 10)
    np.testing.assert_array_equal(some.soc[alone], every.soc[row[alone]])
    np.testing.assert_array_equal(some.target_soc[alone], every.target_soc[row[alone]])


def test_a_higher_probability_only_adds_visits(pair: Any) -> None:
    _, rare = pair(0.3)
    _, often = pair(0.6)
    assert np.isin(rare.arrival_s, often.arrival_s).all()
