"""Intervals of means, against tables of Student's t and against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.simulation.statistics import interval, t_probability, t_quantile


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 12.7062), (2, 4.30265), (4, 2.77645), (9, 2.26216), (19, 2.09302), (120, 1.97993)],
)
def test_the_quantile_is_that_of_the_tables(freedom: int, t: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(t, rel=1e-5)


@given(st.floats(0.5, 0.9999), st.integers(1, 500))
def test_the_quantile_inverts_the_distribution(p: float, freedom: int) -> None:
    assert t_probability(t_quantile(p, freedom), freedom) == pytest.approx(p, abs=1e-9)


def test_an_interval_by_hand() -> None:
    found = interval([1.0, 2.0, 3.0, 4.0])
    assert (found.mean, found.n) == (2.5, 4)
    assert found.sd == pytest.approx(1.2909944)
    assert found.half == pytest.approx(3.182446 * 1.2909944 / 2)


def test_what_is_not_known_is_left_out_and_one_value_has_no_interval() -> None:
    assert interval([1.0, math.nan, 3.0]).n == 2
    one = interval([5.0])
    assert one.mean == 5.0 and math.isnan(one.low) and not one.excludes_zero
    assert math.isnan(interval([]).mean)


def test_values_that_differ_by_rounding_alone_have_no_spread() -> None:
    found = interval([100.0, 100.00000000000001, 100.0])
    assert found.sd == 0.0 and found.low == found.high


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = [
        found.low <= 10.0 <= found.high
        for found in (interval(row.tolist()) for row in rng.normal(10.0, 3.0, (2000, 5)))
    ]
    assert 0.935 < np.mean(covered) < 0.965
