"""The one rule by which a prediction is held against a run."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from simulator.live.outcome import compare
from simulator.measure.agreement import allowance, judged


def test_what_must_be_equal_and_what_may_be_one_off_in_each_session() -> None:
    assert allowance("StartTransaction", 7) == allowance("StatusNotification", 7) == 0
    assert allowance("TransactionEvent", 7) == 7
    assert allowance("Heartbeat", 7) is None
    assert judged(["Heartbeat", "TransactionEvent", "Authorize"]) == (
        ("Authorize",),
        ("TransactionEvent",),
    )


@pytest.mark.parametrize(
    ("authorize", "events", "beats", "exact"),
    [
        ((2, 1), (20, 9), (0, 0), True),
        ((2, 1), (18, 8), (5, 5), True),
        ((2, 1), (20, 11), (0, 0), False),  # two more in one session
        ((2, 0), (20, 9), (0, 0), False),
    ],
)
def test_a_run_agrees_where_each_station_does(authorize, events, beats, exact) -> None:
    actions = ("Authorize", "TransactionEvent", "Heartbeat")
    table = {"a": (2, 20, 0), "b": (1, 9, 0)}
    rows = {name: dict(zip(actions, row, strict=True)) for name, row in table.items()}
    prediction = SimpleNamespace(
        actions=actions,
        totals=lambda: {action: sum(row[action] for row in rows.values()) for action in actions},
        station_totals=lambda: rows,
        begun={"a": 2, "b": 1},
    )
    answered = np.array([authorize, events, beats]).T
    measurement = SimpleNamespace(station_counts=lambda _: (("a", "b"), actions, answered))
    found = compare(prediction, measurement)
    assert found["exact"] is exact
    assert found["by_action"]["TransactionEvent"]["measured"] == sum(events)


def test_sessions_that_nobody_authorised_may_be_one_event_off_too() -> None:
    rows = {"a": {"TransactionEvent": 20}}
    prediction = SimpleNamespace(
        actions=("TransactionEvent",),
        totals=lambda: rows["a"],
        station_totals=lambda: rows,
        begun={"a": 2},
    )
    for told, exact in ((18, True), (17, False)):
        answered = np.array([[told]])
        counts = (("a",), ("TransactionEvent",), answered)
        measurement = SimpleNamespace(station_counts=lambda _, counts=counts: counts)
        assert compare(prediction, measurement)["exact"] is exact
