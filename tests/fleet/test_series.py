"""Trains of messages counted in closed form are those that are counted one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.series import TrainCounts, count_points, train_lengths

periods = st.sampled_from([0.0, 1.0, 2.0, 7.0, 10.0, 15.0, 60.0, 90.0, 300.0, 0.7, 8.5])


@given(
    st.lists(st.tuples(st.floats(0, 5000), st.floats(0, 5000), periods), max_size=30),
)
def test_the_length_of_a_train_is_the_number_of_messages_strictly_before_its_end(rows):
    start = np.array([r[0] for r in rows], float)
    end = start + np.array([r[1] for r in rows], float)
    period = np.array([r[2] for r in rows], float)
    n = train_lengths(start, end, period)
    for s, e, p, count in zip(start, end, period, n, strict=True):
        if p == 0.0:
            assert count == 0
        else:
            assert count == 0 or s + count * p < e
            assert s + (count + 1) * p >= e


@given(
    st.lists(st.tuples(st.integers(0, 30_000), periods, st.integers(0, 40)), max_size=20),
    st.sampled_from([1.0, 60.0, 30.0]),
    st.integers(1, 400),
)
def test_trains_fill_the_bins_that_their_messages_fall_into(rows, bin_s, bins):
    start = np.array([r[0] / 8 for r in rows], float)
    period = np.array([r[1] or 1.0 for r in rows], float)
    n = np.array([r[2] for r in rows], np.int64)
    listed = [s + k * p for s, p, m in zip(start, period, n, strict=True) for k in range(1, m + 1)]
    expected = count_points(np.array(listed, float), 0.0, bin_s, bins)
    counts = TrainCounts(0.0, bin_s, bins)
    counts.add(start, period, n)
    found = counts.total()
    assert found.sum() == n.sum()
    assert np.array_equal(found, expected)


def test_a_train_that_runs_past_the_last_bin_is_counted_in_it():
    counts = TrainCounts(0.0, 1.0, 25)
    counts.add(np.array([0.0]), np.array([10.0]), np.array([100]))
    found = counts.total()
    assert found.sum() == 100
    assert found[10] == found[20] == 1
    assert found[24] == 98
