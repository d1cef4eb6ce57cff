"""Stamps of recorded sessions: text in the many forms of exports to clock faces and instants.

A stamp is kept as it was written, a clock face with the offset that stood beside it or none, since
whether day and month are in the right places, or the zone is what it says, is judged later
(`recorded_traps`). Called by the readers of recorded sessions; knows no columns and no sessions.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Stamp = tuple[float, float]
"""(clock face in seconds since 1970-01-01 00:00 on that face, offset from UTC in s or nan)."""

DAY_S = 86_400.0
_EPOCH = dt.datetime(1970, 1, 1)
_PARTS = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})"
    r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:\s*([AaPp])\.?[Mm]\.?)?)?"
)
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)", re.DOTALL)
_NAMED = ("%d %b %Y %H:%M:%S", "%d %b %Y %H:%M", "%d-%b-%Y %H:%M:%S", "%d-%b-%Y %H:%M",
          "%b %d, %Y %I:%M %p", "%d %B %Y %H:%M")  # fmt: skip
_LENGTH = re.compile(r"(?:(\d+)\s*d(?:ays?)?,?\s+)?(\d+):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?")
_LAST_S = 7.2e9
"""Faces from 1970 to 2198 are dates of sessions; others are slips that no calendar need hold."""
_LONGEST_S = 1e9
_UNIX_S, _UNIX_MS = 1e8, 1e11
"""Numbers from here on count from 1970, in seconds or in milliseconds: minutes stay below."""


def day_first(texts: Iterable[str]) -> tuple[bool, int, int]:
    """Whether dates such as 03/04/2019 begin with the day, and the dates that speak for each order.

    The counts are of dates that only one order can read; the larger decides, the day if they tie.
    """
    day = month = 0
    for text in texts:
        match = _PARTS.match(text.strip())
        if match:
            day += int(match[1]) > 12
            month += int(match[3]) > 12
    return day >= month, day, month


def read_stamp(text: str, days_first: bool, origin: dt.datetime | None) -> Stamp | None:
    """A stamp, or None if the text is none.

    A number is Unix time or, if it is too small for that, minutes since ``origin`` (aware).
    """
    found = _stamp(text.strip(), days_first, origin)
    return found if found is not None and 0 <= found[0] < _LAST_S else None


def _stamp(text: str, days_first: bool, origin: dt.datetime | None) -> Stamp | None:
    number = _number(text)
    if number is not None:
        return _numeric(number, origin)
    utc = text[-4:] in (" UTC", " GMT") and "," not in text
    body = text[:-4].rstrip() if utc else text
    moment = _parsed(body, days_first)
    if moment is None:
        return None
    offset = moment.utcoffset()
    face = (moment.replace(tzinfo=None) - _EPOCH).total_seconds()
    return face, 0.0 if utc else math.nan if offset is None else offset.total_seconds()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    # Eight digits are a date without marks, 20190301, which Python reads.
    return value if math.isfinite(value) and not re.fullmatch(r"(19|20)\d{6}", text) else None


def _numeric(value: float, origin: dt.datetime | None) -> Stamp | None:
    if abs(value) >= _UNIX_S:
        return (value if abs(value) < _UNIX_MS else value / 1000.0), 0.0
    if origin is None:
        return None
    return origin.timestamp() + 60.0 * value, 0.0


def _parsed(text: str, days_first: bool) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    match = _YEAR_FIRST.fullmatch(text)
    if match:
        try:
            return dt.datetime.fromisoformat(
                f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}{match[4]}"
            )
        except ValueError:
            return None
    match = _PARTS.fullmatch(text)
    if match:
        return _from_parts(match, days_first)
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    for form in _NAMED:
        try:
            return dt.datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def _from_parts(match: re.Match[str], days_first: bool) -> dt.datetime | None:
    """The date in the file's order, or in the other one where only that makes a date."""
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    day, month = (first, second) if days_first else (second, first)
    if month > 12 >= day:
        day, month = month, day
    hour, minute, second_ = int(match[5] or 0), int(match[6] or 0), int(match[7] or 0)
    if match[8]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[8] in "pP" else 0)
    try:
        return dt.datetime(year + (2000 if year < 100 else 0), month, day, hour, minute, second_)
    except ValueError:
        return None


def read_length(text: str, unit_s: float | None) -> float | None:
    """Seconds from ``1:23:45``, ``1:23`` (hours and minutes), or a number of ``unit_s``."""
    text = text.strip()
    match = _LENGTH.fullmatch(text)
    if match:
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        length = days * DAY_S + hours * 3600 + minutes * 60 + seconds
    else:
        try:
            length = float(text.replace(",", ".")) * (math.nan if unit_s is None else unit_s)
        except ValueError:
            return None
    return length if abs(length) < _LONGEST_S else None


def swap_day_and_month(face_s: F64) -> F64:
    """The clock faces with day and month exchanged wherever the day is 12 or less."""
    date = face_s.astype("datetime64[s]").astype("datetime64[D]")
    year = date.astype("datetime64[Y]")
    month = date.astype("datetime64[M]")
    day_number = (date - month.astype("datetime64[D]")).astype(np.int64)
    month_number = (month - year.astype("datetime64[M]")).astype(np.int64)
    other = (year.astype("datetime64[M]") + day_number).astype("datetime64[D]") + month_number
    moved = (other - date).astype(np.int64) * DAY_S
    return np.where(day_number < 12, face_s + moved, face_s)


def to_instants(face_s: F64, zone: ZoneInfo, *, late: bool = False) -> tuple[F64, int]:
    """Unix time of local clock faces, and how many of the faces the zone's clocks never show.

    A face that comes twice is the first of the two, unless ``late``; one that is skipped is moved
    to where the clocks go on.
    """
    import pandas as pd

    naive = pd.DatetimeIndex(np.rint(face_s * 1000).astype("datetime64[ms]"))
    first = np.full(len(naive), not late)
    aware = naive.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    skipped = int((aware.tz_localize(None) != naive).sum())
    seconds: F64 = (
        aware.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[ms]").astype(np.int64)
        / 1000.0
    )
    return seconds, skipped


def to_faces(instant_s: F64, zone: ZoneInfo) -> F64:
    """Local clock faces of Unix times, in seconds since 1970 on that face."""
    import pandas as pd

    aware = pd.DatetimeIndex(np.rint(instant_s * 1000).astype("datetime64[ms]"), tz="UTC")
    local = aware.tz_convert(zone).tz_localize(None).to_numpy("datetime64[ms]")
    faces: F64 = local.astype(np.int64) / 1000.0
    return faces
