"""When EVs arrive: a Poisson process whose rate follows the local hour of the week.

The rate is constant within a local hour, so its integral is piecewise linear and is inverted
exactly: unit-rate exponential gaps are summed (hazard space) and each sum is mapped back to a time.
Nothing is rejected, and the k-th arrival of a site depends on its own k gaps alone, whatever the
horizon. Called by :mod:`simulator.demand.draw`. Not here: who arrives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

HOURS_A_WEEK = 168
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class LocalHours:
    """The local hours from the start to past the horizon, in plan time.

    Hour ``j`` lasts from ``begin_s[j]`` to ``begin_s[j + 1]`` true seconds and is hour
    ``hour_of_week[j]`` of the local week (0 = Monday, midnight). The first begins at 0, possibly
    in mid-hour. In the night when clocks go forward an hour of the week is missing, in the night
    when they go back one comes twice.
    """

    begin_s: F64
    hour_of_week: I32


@dataclass(frozen=True, slots=True)
class Hazard:
    """The integral of a profile's relative rate over plan time, by local hour.

    ``cumulative_s[j]`` is the integral up to ``begin_s[j]``; the rate is 1 on the average of a
    week, so that it advances like time.
    """

    begin_s: F64
    cumulative_s: F64
    rate: F64
    hour_of_week: I32

    @property
    def total_s(self) -> float:
        """The integral over everything that the table covers."""
        return float(self.cumulative_s[-1])

    def invert(self, cumulative_s: F64) -> tuple[F64, I32]:
        """Return the plan time of each value of the integral, and its local hour of the week.

        Values at or past ``total_s`` are the caller's to cut off first.
        """
        hour = np.searchsorted(self.cumulative_s, cumulative_s, side="right") - 1
        into = (cumulative_s - self.cumulative_s[hour]) / self.rate[hour]
        return self.begin_s[hour] + into, self.hour_of_week[hour]


@lru_cache(maxsize=16)
def local_hours(start: datetime, zone: ZoneInfo, end_s: float) -> LocalHours:
    """Return the local hours of ``zone`` from ``start`` until at least ``end_s``.

    ``start`` is aware. An hour during which the offset from UTC changes (Lord Howe Island moves its
    clocks by half an hour) is cut at that second.
    """
    origin = start.timestamp()
    begins = [0.0]
    hours: list[int] = []
    while not hours or begins[-1] < end_s:
        now = origin + begins[-1]
        local = datetime.fromtimestamp(now, zone)
        hours.append(local.weekday() * 24 + local.hour)
        rest = 3600.0 - (local.minute * 60 + local.second + local.microsecond * 1e-6)
        begins.append(begins[-1] + _until_offset_changes(now, rest, zone))
    return LocalHours(np.array(begins), np.array(hours, dtype=np.int32))


def _until_offset_changes(now: float, seconds: float, zone: ZoneInfo) -> float:
    """Return ``seconds``, or less if the offset changes before they are over (whole seconds)."""

    def offset(moment: float) -> timedelta | None:
        return datetime.fromtimestamp(moment, zone).utcoffset()

    before = offset(now)
    if offset(now + seconds - 1e-3) == before:
        return seconds
    low, high = math.floor(now), math.ceil(now + seconds)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(middle) == before:
            low = middle
        else:
            high = middle
    return high - now


@lru_cache(maxsize=256)
def hazard(
    hour_of_week: tuple[float, ...], start: datetime, zone: ZoneInfo, end_s: float
) -> Hazard:
    """Return the integrated rate of an hour-of-week profile (168 values, Monday 00h first)."""
    if len(hour_of_week) != HOURS_A_WEEK:
        raise ValueError(f"hour_of_week has {len(hour_of_week)} values: expected {HOURS_A_WEEK}")
    hours = local_hours(start, zone, end_s)
    rate = np.array(hour_of_week, dtype=np.float64)[hours.hour_of_week]
    cumulative = np.concatenate(([0.0], np.cumsum(rate * np.diff(hours.begin_s))))
    return Hazard(hours.begin_s, cumulative, rate, hours.hour_of_week)


def arrivals(
    table: Hazard, visits_per_day: float, end_s: float, gaps: np.random.Generator
) -> tuple[F64, I32]:
    """Return the arrivals before ``end_s`` (plan seconds, rising) and their local hour of the week.

    ``visits_per_day`` is the site's mean over a week (of 168 hours); ``gaps`` a fresh generator of
    the site's own.
    """
    per_hazard_s = visits_per_day / DAY_S
    expected = table.total_s * per_hazard_s
    chunk = gaps.standard_exponential(int(expected + 4.0 * math.sqrt(expected)) + 8)
    hazards = np.cumsum(chunk) / per_hazard_s
    while hazards[-1] < table.total_s:
        chunk = np.concatenate((chunk, gaps.standard_exponential(len(chunk))))
        hazards = np.cumsum(chunk) / per_hazard_s
    times, hour = table.invert(hazards[: np.searchsorted(hazards, table.total_s)])
    keep = int(np.searchsorted(times, end_s))
    return times[:keep], hour[:keep]
