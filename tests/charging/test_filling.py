"""Filling: max-min shares, and serving everybody as late as possible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.charging.controllers.filling import admit, fill, in_order, latest, level
from simulator.charging.sharing import fill as fill_by_rounds

amounts = st.floats(0.1, 50.0)


@given(st.floats(0, 120), st.lists(st.tuples(amounts, amounts), min_size=1, max_size=10))
def test_shares_are_those_of_the_kernels_water_filling(total, members):
    most, weight = (np.array(column) for column in zip(*members, strict=True))
    expected = np.zeros(len(most))
    fill_by_rounds(total, np.zeros(len(most)), most, weight, expected, 0, len(most))
    assert fill(total, most, weight) == pytest.approx(expected, abs=1e-9)


@given(st.floats(0, 120), st.lists(st.tuples(amounts, amounts), min_size=1, max_size=10))
def test_the_longest_remaining_time_becomes_as_short_as_it_can(total, members):
    left, rate = (np.array(column) for column in zip(*members, strict=True))
    share = level(total, left, rate)
    most = np.minimum(left, rate)
    assert (share >= 0).all() and (share <= most + 1e-9).all()
    assert share.sum() == pytest.approx(min(total, most.sum()))
    rest = (left - share) / rate
    got, could = share > 1e-9, share < most - 1e-9
    if got.any() and could.any():
        assert rest[could].max() <= rest[got].min() + 1e-6


@given(st.integers(0, 10_000))
def test_serving_late_serves_all_that_can_be_served(seed):
    """Against a linear program of the same vehicles and ceilings."""
    from simulator.charging.controllers.rows import Rows, solve

    r = np.random.default_rng(seed)
    n, k = int(r.integers(1, 6)), int(r.integers(1, 6))
    stop = r.integers(1, k + 1, n)
    there = np.arange(k)[:, None] < stop[None, :]
    energy, rate = r.uniform(0.1, 20, n), r.uniform(1, 10, n)
    hours, ceiling = r.uniform(0.2, 2, k), r.uniform(0, 15, k)
    shares = latest(energy, rate, there, hours, ceiling)
    assert (shares >= 0).all() and (shares[~there] == 0).all()
    assert (shares <= rate * hours[:, None] + 1e-9).all()
    assert (shares.sum(axis=1) <= ceiling + 1e-9).all()
    program = Rows()
    slot, car = np.nonzero(there)
    x = program.columns(np.full(len(car), -1.0), 0.0, rate[car] * hours[slot])
    program.entries(program.rows(np.zeros(k), ceiling)[slot], x, 1.0)
    program.entries(program.rows(np.zeros(n), energy)[car], x, 1.0)
    assert shares.sum() == pytest.approx(float(solve(program).sum()), abs=1e-6)


def test_smaller_ones_are_admitted_where_larger_ones_do_not_fit():
    least = np.array([4.0, 4.0, 1.0])
    assert admit(6.0, least, np.array([0, 1, 2])).tolist() == [True, False, True]


def test_in_order_gives_nothing_instead_of_too_little():
    most, least = np.array([5.0, 5.0, 5.0]), np.array([3.0, 3.0, 1.0])
    assert in_order(7.0, most, least, np.array([0, 1, 2])).tolist() == [5.0, 0.0, 2.0]
