"""Quantities in bins, and exact quantiles of waits of which most are zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.simulation import spread
from simulator.simulation.totals import quantile

values = st.lists(st.floats(0, 1e7), max_size=50)


@given(values, values)
def test_every_value_is_in_one_bin_and_parts_add_up(one: list[float], two: list[float]) -> None:
    a, b = (spread.counts(np.array(part, float)) for part in (one, two))
    assert np.array_equal(spread.counts(np.array([*one, *two], float)), a + b)
    table = spread.rows({"x": a + b})
    assert sum(table["count"]) == len(one) + len(two)


@pytest.mark.parametrize("value", [0.0, 0.001, 1.0, 59.9, 3600.0, 1e6])
def test_a_value_lies_within_its_bin(value: float) -> None:
    table = spread.rows({"x": spread.counts(np.array([value]))})
    low, high = table["low"][0], table["high"][0]
    assert (low < value <= high * (1 + 1e-12)) if value else (low == high == 0.0)


def test_what_is_not_a_number_is_left_out() -> None:
    assert spread.counts(np.array([np.nan, np.inf, 1.0])).sum() == 1


@given(values, st.integers(0, 30), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_the_quantile_is_that_of_all_values(above: list[float], zeros: int, q: float) -> None:
    positive = np.sort(np.array([v for v in above if v > 0], float))
    if len(positive) + zeros:
        whole = np.concatenate((np.zeros(zeros), positive))
        expected = np.quantile(whole, q)
        assert quantile(positive, zeros, q) == pytest.approx(expected, rel=1e-12, abs=1e-300)
