from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.measure.histogram import HIGHEST_US
from simulator.measure.seconds import (
    LONGEST_S,
    Grid,
    LatencyBySecond,
    _upper_edge,
    coarse_indices,
    whole_seconds,
)


@given(st.integers(0, HIGHEST_US))
def test_a_coarse_slot_is_within_a_sixteenth_of_its_values(us: int) -> None:
    slot = int(coarse_indices(np.array([us]))[0])
    assert us <= _upper_edge(slot) <= us * (1 + 1 / 16) + 1
    assert slot == 0 or _upper_edge(slot - 1) < us


def test_a_grid_grows_to_the_right_and_downwards() -> None:
    grid = Grid(("a",))
    grid.add(0, np.array([0, 700, 700]))
    grid.add_one(grid.row("b"), 2.9, 5)
    assert grid.length == 701
    assert grid.values("a").sum() == 3
    assert grid.values("a")[700] == 2
    assert grid.values("b", 4).tolist() == [0, 0, 5, 0]
    assert grid.values("nobody", 2).tolist() == [0, 0]
    again = pickle.loads(pickle.dumps(grid))
    again.add_one(again.row("c"), 900.0)
    assert again.values("a")[700] == 2
    assert again.length == 901


def test_grids_with_different_rows_add_up() -> None:
    one, two = Grid(("a", "b")), Grid(("b", "c"))
    one.add_one(1, 3.0)
    two.add_one(0, 3.0)
    two.add_one(1, 300.0)
    one.add_grid(two)
    assert one.values("b")[3] == 2
    assert one.values("c")[300] == 1
    assert one.values("a").sum() == 0


def test_times_before_the_start_and_absurd_ones_are_held_at_the_ends() -> None:
    assert whole_seconds(np.array([-0.5, 0.99, 1e12])).tolist() == [0, 0, LONGEST_S]


def test_old_seconds_are_packed_and_still_count() -> None:
    log = LatencyBySecond()
    for second in range(400):
        log.add(np.full(10, second), np.arange(10) * 1000 + 500)
    assert len(log._dense) < 200
    log.add(np.array([3]), np.array([2_000_000]))  # a late one for a packed second
    assert log.percentiles_ms((100,), (3,)) == [pytest.approx(2000, rel=0.0625)]
    assert log.percentiles_ms((50,), (200,)) == [pytest.approx(4.5, rel=0.0625)]
    assert log.percentiles_ms((50, 99), (1000,)) == [None, None]
    assert list(log.packed()) == list(range(400))


def test_a_window_and_a_pickle_hold_what_they_should() -> None:
    log = LatencyBySecond()
    for second in range(10):
        log.add(np.array([second]), np.array([1000 * (second + 1)]))
    part = pickle.loads(pickle.dumps(log.window(range(3, 5))))
    assert list(part.packed()) == [3, 4]
    assert part.percentiles_ms((100,), range(10)) == [pytest.approx(5, rel=0.0625)]
    assert list(pickle.loads(pickle.dumps(LatencyBySecond())).packed()) == []


def test_logs_of_shards_add_up() -> None:
    one, two, both = LatencyBySecond(), LatencyBySecond(), LatencyBySecond()
    rng = np.random.default_rng(3)
    for log in (one, two):
        seconds, us = rng.integers(0, 5, 100), rng.integers(1, 10**7, 100)
        log.add(seconds, us)
        both.add(seconds, us)
    one.add_log(two)
    for second in range(5):
        assert one.percentiles_ms((50, 99), (second,)) == both.percentiles_ms((50, 99), (second,))
