"""Local time as index columns: what clocks and calendars show at given plan times.

Vectorised and right across daylight saving, so that the rooms that know no clock can look up a
price or a shape by (month, weekday, minute). Called by `series` and by the engine's preparation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.scenario.clock import elapsed_s

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

_DAY_S = 86_400.0
_EPOCH = dt.datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """What clocks show, one row per instant."""

    minute: I32
    """Of the local day, 0..1439."""
    weekday: I32
    """0 is Monday."""
    month: I32
    """0 is January."""
    month_number: I32
    """Months since January of year 0: tells two Januaries apart."""


def offset_eras(start: dt.datetime, duration_s: float) -> tuple[F64, F64]:
    """When the offset from UTC changes: plan times (the first is 0) and offsets in seconds.

    Found by looking at each day and halving, exact to the second; a zone that changes twice within
    a day would be missed.
    """
    utc = start.astimezone(dt.UTC)

    def offset(seconds: float) -> float:
        local = (utc + dt.timedelta(seconds=seconds)).astimezone(start.tzinfo)
        shift = local.utcoffset()
        assert shift is not None
        return shift.total_seconds()

    since, offsets = [0.0], [offset(0.0)]
    low = 0.0
    while low < duration_s:
        high = min(low + _DAY_S, duration_s)
        after = offset(high)
        if after != offsets[-1]:
            left, right = low, high
            while right - left > 1e-3:
                middle = (left + right) / 2
                left, right = (middle, right) if offset(middle) == offsets[-1] else (left, middle)
            since.append(float(round(right)) if abs(right - round(right)) < 2e-3 else right)
            offsets.append(after)
        low = high
    inside = [index for index, begin in enumerate(since) if begin < duration_s or index == 0]
    return np.array(since)[inside], np.array(offsets)[inside]


def local_time(start: dt.datetime, duration_s: float, times_s: F64) -> LocalTime:
    """What clocks show at plan times within 0..``duration_s``."""
    wall = _wall_s(start, duration_s, times_s)
    day = np.floor(wall / _DAY_S).astype(np.int64)
    months = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return LocalTime(
        minute=np.floor((wall - day * _DAY_S) / 60.0).astype(np.int32),
        weekday=((day + 3) % 7).astype(np.int32),
        month=(months % 12).astype(np.int32),
        month_number=(months + 1970 * 12).astype(np.int32),
    )


def _wall_s(start: dt.datetime, duration_s: float, times_s: F64) -> F64:
    """Clock faces as seconds since that of 1970; rounded to a microsecond against noise."""
    since, offsets = offset_eras(start, duration_s)
    era = np.searchsorted(since, times_s, side="right") - 1
    face_s = (start.replace(tzinfo=None, fold=0) - _EPOCH).total_seconds()
    moved = offsets[np.maximum(era, 0)] - offsets[0]
    return np.asarray(np.round(face_s + times_s + moved, 6), np.float64)


def month_shares(start: dt.datetime, duration_s: float, from_s: float = 0.0) -> dict[int, float]:
    """Part of each calendar month between two plan times, by its ``month_number``.

    In elapsed time: October with its extra hour is longer by that hour.
    """
    zone = start.tzinfo
    shares: dict[int, float] = {}
    year, month = start.year, start.month
    while True:
        first = dt.datetime(year, month, 1, tzinfo=zone)
        following = (year + 1, 1) if month == 12 else (year, month + 1)
        begin_s = elapsed_s(first, start)
        end_s = elapsed_s(dt.datetime(*following, 1, tzinfo=zone), start)
        if begin_s >= duration_s:
            return shares
        inside_s = min(end_s, duration_s) - max(begin_s, from_s)
        if inside_s > 0:
            shares[year * 12 + month - 1] = inside_s / (end_s - begin_s)
        year, month = following


def first_step_across(
    start: dt.datetime,
    duration_s: float,
    minutes: Sequence[int] | NDArray[np.int64],
    interval_s: float,
) -> int | None:
    """The first of these minutes of the local day that an interval from plan time 0 straddles.

    ``None`` if all of them, and the changes of the clocks, fall on borders of intervals.
    """
    if not len(minutes):
        return None
    since, offsets = offset_eras(start, duration_s)
    face = start.replace(tzinfo=None, fold=0)
    midnight = dt.datetime.combine(face.date(), dt.time())
    face_s = (face - midnight).total_seconds()
    for era_s, offset_s in zip(since, offsets, strict=True):
        if not _whole(era_s / interval_s):
            local_s = face_s + era_s + offset_s - offsets[0]
            return int(local_s // 60 % 1440)
        for minute in minutes:
            border_s = float(minute) * 60.0 - face_s - (offset_s - offsets[0])
            if not _whole(border_s / interval_s) or not _whole(_DAY_S / interval_s):
                return int(minute)
    return None


def _whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9
