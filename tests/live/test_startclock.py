"""A start that waits for the clock: the quarter of an hour strikes at the moment of the run."""

from __future__ import annotations

from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.live import supervise
from simulator.live.errors import RefusedError
from simulator.live.prepare import refuse_quarter_hour
from simulator.live.startclock import QUARTER_S, start_epoch
from simulator.live.supervise import LEAD_S, Supervisor

NOW_S = 1_780_000_000.0


class Pressed:
    """Ctrl-C, so many times."""

    def __init__(self, count: int = 0) -> None:
        self.count = count


@given(st.floats(NOW_S, NOW_S + 1e6), st.floats(0.0, 1e5))
def test_the_start_is_the_next_that_suits(earliest_s: float, at_s: float) -> None:
    t0 = start_epoch(earliest_s, at_s)
    assert earliest_s <= t0 <= earliest_s + QUARTER_S
    off = (t0 + at_s) % QUARTER_S
    assert min(off, QUARTER_S - off) < 1e-5


def test_without_the_wish_it_starts_at_once() -> None:
    assert start_epoch(NOW_S, None) == NOW_S


def waiting(monkeypatch: pytest.MonkeyPatch, before_s: float, pressed: int = 0) -> Supervisor:
    """A supervisor whose clock stands so long before the moment at which it may set off."""
    moment = NOW_S + start_epoch(0.0, NOW_S)
    monkeypatch.setattr(supervise.time, "time", lambda: moment - LEAD_S - before_s)
    made = Supervisor([], Pressed(pressed), lambda *_: None, 0.0)  # type: ignore[arg-type]
    made._mail = SimpleQueue()
    return made


def test_the_supervisor_waits_for_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    made = waiting(monkeypatch, 700.0)
    clock = iter([0.0, 1.0, 300.0, 699.9, 700.1])
    monkeypatch.setattr(supervise.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(made, "_next", asked.append)
    assert made._await_clock()
    assert asked == [0.2, 0.2, pytest.approx(0.1, abs=1e-4)]


def test_ctrl_c_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    made = waiting(monkeypatch, 700.0, pressed=1)
    monkeypatch.setattr(made, "_next", lambda _: None)
    assert not made._await_clock()


def test_a_quarter_of_an_hour_after_the_end_is_refused() -> None:
    refuse_quarter_hour(None, 10.0)
    refuse_quarter_hour(9.0, 10.0)
    with pytest.raises(RefusedError, match=r"live\.quarter_hour_at: 10 s after the start"):
        refuse_quarter_hour(10.0, 10.0)
