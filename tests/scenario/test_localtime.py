"""Clocks and calendars as columns: as datetime has them, across daylight saving."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.scenario.localtime import (
    first_step_across,
    local_time,
    month_shares,
    offset_eras,
)

BERLIN = ZoneInfo("Europe/Berlin")
SPRING = dt.datetime(2026, 3, 23, tzinfo=BERLIN)
AUTUMN = dt.datetime(2026, 10, 19, tzinfo=BERLIN)


@pytest.mark.parametrize(("start", "hours"), [(SPRING, 167), (AUTUMN, 169)])
def test_a_week_across_the_change_has_an_hour_less_or_more(start: dt.datetime, hours: int) -> None:
    now = local_time(start, hours * 3600.0, np.arange(hours) * 3600.0)
    assert now.weekday.tolist() == sorted(now.weekday.tolist())
    assert np.bincount(now.weekday).tolist() == [24] * 6 + [24 + hours - 168]
    assert now.minute[-1] == 23 * 60


def test_the_offset_changes_to_the_second() -> None:
    since, offsets = offset_eras(SPRING, 30 * 86_400.0)
    assert since.tolist() == [0.0, 6 * 86_400.0 + 2 * 3600.0]
    assert offsets.tolist() == [3600.0, 7200.0]


@settings(max_examples=60)
@given(
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1)),
    st.lists(st.integers(0, 400 * 1440), min_size=1, max_size=20),
)
def test_columns_are_what_datetime_says(zone: str, start: dt.datetime, minutes: list[int]) -> None:
    begin = start.replace(tzinfo=dt.UTC, microsecond=0).astimezone(ZoneInfo(zone))
    now = local_time(begin, 400 * 86_400.0, np.array(minutes) * 60.0)
    for row, minute in enumerate(minutes):
        utc = begin.astimezone(dt.UTC) + dt.timedelta(minutes=minute)
        there = utc.astimezone(ZoneInfo(zone))
        assert now.minute[row] == there.hour * 60 + there.minute
        assert now.weekday[row] == there.weekday()
        assert now.month[row] == there.month - 1
        assert now.month_number[row] == there.year * 12 + there.month - 1


def test_months_are_shared_by_elapsed_time() -> None:
    shares = month_shares(dt.datetime(2026, 10, 1, tzinfo=BERLIN), (31 * 24 + 1) * 3600.0)
    assert shares == {2026 * 12 + 9: 1.0}
    shares = month_shares(dt.datetime(2026, 11, 16, tzinfo=BERLIN), 30 * 86_400.0)
    assert shares == {2026 * 12 + 10: 0.5, 2026 * 12 + 11: 15 / 31}


def test_what_lies_before_the_warm_up_ends_does_not_count() -> None:
    shares = month_shares(dt.datetime(2026, 11, 16, tzinfo=BERLIN), 30 * 86_400.0, 20 * 86_400.0)
    assert shares == {2026 * 12 + 11: 10 / 31}


@pytest.mark.parametrize(
    ("start", "interval_s", "minute"),
    [
        ("00:00", 900.0, None),
        ("00:10", 900.0, 60),  # no border at 01:00
        ("00:10", 600.0, None),
        ("00:00", 7200.0, 60),
        ("00:00", 3600.0, None),
        ("00:00", 1000.0, 60),
    ],
)
def test_an_interval_that_a_price_cuts_is_found(
    start: str, interval_s: float, minute: int | None
) -> None:
    begin = dt.datetime.fromisoformat(f"2026-06-01T{start}").replace(tzinfo=BERLIN)
    assert first_step_across(begin, 86_400.0, [60, 240], interval_s) == minute


def test_a_change_of_the_clocks_moves_the_borders_of_long_intervals() -> None:
    day = dt.datetime(2026, 3, 29, tzinfo=BERLIN)
    assert first_step_across(day, 7200.0, [240], 7200.0) is None
    assert first_step_across(day, 82_800.0, [240], 7200.0) is not None
