"""The heap of deadlines against a model that keeps one number per station."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from simulator.live.deadlines import Deadlines

STATIONS = 4
steps = st.lists(
    st.tuples(st.integers(0, STATIONS - 1), st.floats(0, 100), st.booleans()), max_size=200
)


@given(steps)
def test_nobody_is_woken_early_and_everybody_in_time(moves) -> None:
    deadlines = Deadlines(STATIONS)
    armed = [inf] * STATIONS
    for station, when, pop in moves:
        if pop:
            while (found := deadlines.pop_due(when)) >= 0:
                assert armed[found] <= when
                armed[found] = inf
            assert all(due > when for due in armed)
        else:
            deadlines.arm(station, when)
            armed[station] = min(armed[station], when)
        assert deadlines.earliest <= min(armed)


def test_stations_come_up_in_order_of_time() -> None:
    deadlines = Deadlines(3)
    for station, when in enumerate([3.0, 1.0, 2.0]):
        deadlines.arm(station, when)
    assert [deadlines.pop_due(10.0) for _ in range(4)] == [1, 2, 0, -1]
    assert deadlines.earliest == inf


def test_a_deadline_that_moves_later_adds_nothing() -> None:
    deadlines = Deadlines(1)
    for when in range(1, 1000):
        deadlines.arm(0, float(when))
    assert len(deadlines) == 1
    assert deadlines.pop_due(1.0) == 0


def test_the_heap_is_bounded_however_often_deadlines_move_earlier() -> None:
    deadlines = Deadlines(10)
    for turn in range(10_000):
        deadlines.arm(turn % 10, 1e6 - turn)
        assert len(deadlines) <= 3 * 10 + 64 + 1
    popped = [deadlines.pop_due(inf) for _ in range(11)]
    assert sorted(popped[:10]) == list(range(10)) and popped[10] == -1


def test_infinity_is_never_due() -> None:
    deadlines = Deadlines(1)
    deadlines.arm(0, inf)
    assert deadlines.pop_due(1e300) == -1 and len(deadlines) == 0
