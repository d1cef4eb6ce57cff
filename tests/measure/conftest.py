from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from simulator.measure.measurement import Measurement, merge
from simulator.measure.recorder import Recorder
from simulator.station.ports import CallOutcome

NAN = float("nan")
Play = Callable[..., None]


@pytest.fixture
def play() -> Play:
    """One attempt at a call, planned and ended, with durations instead of moments."""

    def _play(
        recorder: Recorder,
        action: str = "Heartbeat",
        outcome: CallOutcome = CallOutcome.ANSWERED,
        *,
        station: int = 0,
        due: float = 10.0,
        queue: float = 0.0,
        service: float = 0.1,
        protocol: float = 0.0,
        wait: float = 0.0,
        written: bool = True,
        attempt: int = 1,
        detail: str = "",
        plan: bool = True,
    ) -> None:
        if plan:
            recorder.call_planned(station, action, due, attempt)
        recorder.call_finished(
            station,
            action,
            outcome,
            due,
            due + queue if written else NAN,
            due + queue + service,
            protocol,
            wait,
            detail,
        )

    return _play


@pytest.fixture
def measured() -> Callable[..., Measurement]:
    def _measured(recorders: Recorder | Iterable[Recorder], ended_s: float = 100.0) -> Measurement:
        several = [recorders] if isinstance(recorders, Recorder) else list(recorders)
        return merge([r.result(ended_s, record_s=1e-6) for r in several])

    return _measured
