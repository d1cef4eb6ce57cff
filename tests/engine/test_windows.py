"""Limits by the clock: windows of local time, right across changes of the clocks."""

from __future__ import annotations

import datetime as dt
import math
from zoneinfo import ZoneInfo

import pytest
from engine_build import model, site
from engine_limits import limit, with_limits

from simulator.engine.kernel import state
from simulator.engine.windows import limit_changes
from simulator.scenario.grid_model import LimitWindow

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_S = 3600.0
DAY_S = 86_400.0


def window(opens, closes, kw, days="all"):
    return LimitWindow.model_construct(from_=opens, to=closes, limit=kw, days=days)


def changes(start, windows, otherwise=100.0, days=1.0):
    where = site(model(), limit=otherwise)
    table = with_limits(where, grid_windows=tuple(windows)).site
    rows = limit_changes(start.replace(tzinfo=BERLIN), BERLIN, table, days * DAY_S)
    assert (rows["what"] == state.SITE_LIMIT).all()
    return [(float(row["time_s"]) / HOUR_S, float(row["kw"])) for row in rows]


def test_a_window_holds_from_its_beginning_to_its_end():
    start = dt.datetime(2026, 6, 1)
    assert changes(start, [window("17:00", "20:00", 30.0)]) == [(17.0, 30.0), (20.0, 100.0)]


def test_a_window_past_midnight_is_in_force_at_the_start():
    start = dt.datetime(2026, 6, 1)
    found = changes(start, [window("22:00", "06:00", 30.0)], days=1.5)
    assert found == [(0.0, 30.0), (6.0, 100.0), (22.0, 30.0), (30.0, 100.0)]


def test_days_are_those_on_which_the_window_begins():
    friday = dt.datetime(2026, 6, 5)
    night = window("22:00", "06:00", 30.0, "weekdays")
    assert changes(friday, [night], days=4) == [
        (0.0, 30.0),
        (6.0, 100.0),
        (22.0, 30.0),
        (30.0, 100.0),
        (94.0, 30.0),
    ]
    day = window("10:00", "12:00", 30.0, "weekends")
    assert [hour for hour, _ in changes(friday, [day], days=4)] == [34.0, 36.0, 58.0, 60.0]


@pytest.mark.parametrize(
    ("start", "hours"),
    [
        (dt.datetime(2026, 3, 28), [17.0, 20.0, 24 + 16.0, 24 + 19.0]),
        (dt.datetime(2026, 10, 24), [17.0, 20.0, 24 + 18.0, 24 + 21.0]),
    ],
)
def test_windows_follow_the_clocks_when_these_change(start, hours):
    found = changes(start, [window("17:00", "20:00", 30.0)], days=2)
    assert [hour for hour, _ in found] == hours


def test_of_overlapping_windows_the_first_listed_holds():
    found = changes(
        dt.datetime(2026, 6, 1), [window("10:00", "12:00", 30.0), window("09:00", "13:00", 60.0)]
    )
    assert found == [(9.0, 60.0), (10.0, 30.0), (12.0, 60.0), (13.0, 100.0)]


def test_windows_of_nodes_name_the_node_and_end_in_no_limit_where_there_is_none():
    start = dt.datetime(2026, 6, 1, tzinfo=BERLIN)
    limits = [
        limit("low", "high", limit=50.0),
        limit("high", limit=None, windows=(window("01:00", "02:00", 20.0),)),
    ]
    table = with_limits(site(model()), limits, ["low"], grid_current=100.0).site
    rows = limit_changes(start, BERLIN, table, DAY_S)
    assert rows["what"].tolist() == [state.NODE_LIMIT] * 2
    assert rows["node"].tolist() == [1, 1]  # after the connection, before "low"
    assert rows["time_s"].tolist() == [HOUR_S, 2 * HOUR_S]
    assert rows["kw"].tolist() == [20.0, math.inf]


def test_a_site_without_windows_has_no_changes():
    start = dt.datetime(2026, 6, 1, tzinfo=BERLIN)
    rows = limit_changes(start, BERLIN, site(model(), limit=10.0).site, DAY_S)
    assert len(rows) == 0
    assert rows.dtype == state.CHANGE
