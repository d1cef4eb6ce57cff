"""Arrivals follow the local hour of the week, exactly, and never depend on the horizon."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.demand.arrivals import arrivals, hazard, local_hours
from simulator.demand.draws import generator

BERLIN = ZoneInfo("Europe/Berlin")
FLAT = (1.0,) * 168
WEEK_S = 7 * 86_400.0


def only(hour: int) -> tuple[float, ...]:
    """A profile that is zero except in one hour of every day."""
    return tuple(24.0 if h % 24 == hour else 0.0 for h in range(168))


def local(times: np.ndarray, start: datetime, zone: ZoneInfo) -> list[datetime]:
    return [datetime.fromtimestamp(start.timestamp() + t, zone) for t in times]


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 23), 167), ((2026, 10, 19), 169), ((2026, 6, 1), 168)]
)
def test_a_week_has_as_many_hours_as_the_clocks_say(day: tuple[int, int, int], hours: int) -> None:
    start = datetime(*day, tzinfo=BERLIN)
    end = datetime(day[0], day[1], day[2] + 7, tzinfo=BERLIN)
    table = local_hours(start, BERLIN, end.timestamp() - start.timestamp())
    assert len(table.hour_of_week) == hours
    assert np.diff(table.begin_s) == pytest.approx(3600.0)
    sunday_two = 6 * 24 + 2
    assert (table.hour_of_week == sunday_two).sum() == hours - 167


def test_a_profile_follows_the_local_clock_over_the_change() -> None:
    start = datetime(2026, 3, 23, tzinfo=BERLIN)
    table = hazard(only(17), start, BERLIN, 14 * 86_400.0)
    times, hour = arrivals(table, 200.0, 14 * 86_400.0, generator(1, "dst"))
    assert len(times) > 2000
    assert {moment.hour for moment in local(times, start, BERLIN)} == {17}
    assert set(hour % 24) == {17}
    utc = {datetime.fromtimestamp(start.timestamp() + t, UTC).hour for t in times}
    assert utc == {15, 16}


def test_a_start_in_mid_hour_and_a_half_hour_change() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")  # back by 30 minutes at 02:00 on 5 April 2026
    start = datetime(2026, 4, 4, 23, 20, 30, tzinfo=zone)
    table = local_hours(start, zone, 6 * 3600.0)
    assert np.diff(table.begin_s)[:5] == pytest.approx([2370.0, 3600.0, 3600.0, 1800.0, 3600.0])
    sunday = 6 * 24
    assert list(table.hour_of_week[:5]) == [
        5 * 24 + 23,
        sunday,
        sunday + 1,
        sunday + 1,
        sunday + 2,
    ]
    for begin, hour in zip(table.begin_s, table.hour_of_week, strict=False):
        (moment,) = local(np.array([begin]), start, zone)
        assert moment.weekday() * 24 + moment.hour == hour


def test_the_hour_of_every_arrival_is_its_local_hour() -> None:
    start = datetime(2026, 10, 24, 12, 34, 56, tzinfo=BERLIN)
    table = hazard(FLAT, start, BERLIN, 3 * 86_400.0)
    times, hour = arrivals(table, 500.0, 3 * 86_400.0, generator(3, "x"))
    told = [m.weekday() * 24 + m.hour for m in local(times, start, BERLIN)]
    assert list(hour) == told


@given(
    st.lists(st.floats(0.0, 5.0), min_size=168, max_size=168).filter(lambda h: sum(h) > 1.0),
    st.floats(0.1, 300.0),
    st.floats(3600.0, 2 * WEEK_S),
    st.floats(0.05, 1.0),
)
def test_a_longer_horizon_only_adds(
    profile: list[float], a_day: float, end_s: float, part: float
) -> None:
    start = datetime(2026, 10, 22, tzinfo=BERLIN)
    key = tuple(profile)
    long, _ = arrivals(hazard(key, start, BERLIN, end_s), a_day, end_s, generator(5, "s"))
    cut = end_s * part
    short, _ = arrivals(hazard(key, start, BERLIN, cut), a_day, cut, generator(5, "s"))
    assert (np.diff(long) >= 0).all()
    assert (long >= 0).all() and (long < end_s).all()
    assert (short == long[long < cut]).all()


def test_no_arrivals_in_hours_of_rate_zero() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    zone = ZoneInfo("UTC")
    table = hazard(only(0), start, zone, WEEK_S)
    times, _ = arrivals(table, 100.0, WEEK_S, generator(1, "z"))
    assert len(times) > 500
    assert (times % 86_400.0 < 3600.0).all()


def test_a_rate_of_nothing_gives_no_arrivals() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    table = hazard((0.0,) * 168, start, ZoneInfo("UTC"), WEEK_S)
    times, hour = arrivals(table, 100.0, WEEK_S, generator(1, "z"))
    assert len(times) == len(hour) == 0


def test_counts_are_poisson_and_hours_have_their_share() -> None:
    """Mean and variance of the count over 2 000 days agree with a rate of 30 a day."""
    profile = tuple(float(1 + h % 24) for h in range(168))
    profile = tuple(p * 168 / sum(profile) for p in profile)
    start = datetime(2026, 6, 1, tzinfo=UTC)
    days = 2000
    table = hazard(profile, start, ZoneInfo("UTC"), days * 86_400.0)
    times, hour = arrivals(table, 30.0, days * 86_400.0, generator(11, "poisson"))
    a_day = np.bincount((times // 86_400.0).astype(int), minlength=days)
    assert abs(a_day.mean() - 30.0) < 4 * np.sqrt(30.0 / days)
    assert abs(a_day.var() / 30.0 - 1.0) < 4 * np.sqrt(2.0 / days)
    share = np.bincount(hour % 24, minlength=24) / len(hour)
    expected = np.arange(1, 25) / 300.0
    assert share == pytest.approx(expected, abs=4 * np.sqrt(0.08 * 0.92 / len(hour)))
    within = np.sort(times[hour % 24 == 23] % 3600.0) / 3600.0
    gap = np.abs(within - np.linspace(0, 1, len(within))).max()
    assert gap < 1.95 / np.sqrt(len(within))  # Kolmogorov-Smirnov at 0.1 %


def test_a_profile_of_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="24 values: expected 168"):
        hazard((1.0,) * 24, datetime(2026, 6, 1, tzinfo=UTC), ZoneInfo("UTC"), 1.0)
