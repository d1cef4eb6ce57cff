"""The station's own clock: seconds of the run to UTC and back, and ISO 8601 on the wire.

The clock is ``epoch_at_zero + now + clock_offset``; the offset is what the CSMS's ``currentTime``
taught it (1.6 §4.2, §4.6). Nobody here asks what time it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor
from typing import Final

_UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC).timestamp()
"""No clock is ever set to a time outside of these: that would be a fault of whoever set it."""
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
"""The last second that can be written: "never" to many back-ends."""
DAY_S: Final = 86_400.0


_SECONDS: Final = 16
_second = [-1] * _SECONDS
_text = [""] * _SECONDS
"""The last whole seconds that were formatted: a fleet, whose clocks differ a little, asks for the
same few again and again."""


def iso(epoch_s: float) -> str:
    """A Unix time of 1970 or later as ``2026-06-01T07:00:00.250Z``, to the millisecond."""
    second, milli = divmod(int(epoch_s * 1000.0 + 0.5), 1000)
    place = second % _SECONDS
    if _second[place] != second:
        _text[place] = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        _second[place] = second
    return f"{_text[place]}.{milli:03d}Z"


def parse(text: object) -> float | None:
    """Unix time of an ISO 8601 date and time; one without a zone is taken as UTC.

    None if it is none. What lies before 1970 is long past, and 1970 stands for it.
    """
    if not isinstance(text, str) or not 10 < len(text) <= 64:  # a date alone is no time
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max((moment - _UNIX).total_seconds(), 0.0), _LAST)
    except (ValueError, OverflowError):
        return None


def settable(epoch_s: float | None) -> bool:
    """May a clock be set to it? A CSMS that believes in another century is mistaken."""
    return epoch_s is not None and EARLIEST <= epoch_s <= LATEST


def next_aligned(epoch_s: float, interval_s: float) -> float:
    """The first multiple of the interval from 00:00 UTC of its day that is later than ``epoch_s``.

    Every day starts anew at midnight, also if the interval does not divide it (1.6 §3.16.2).
    """
    midnight = floor(epoch_s / DAY_S) * DAY_S
    steps = floor((epoch_s - midnight) / interval_s) + 1
    return float(min(midnight + steps * interval_s, midnight + DAY_S))


def is_aligned(epoch_s: float, interval_s: float) -> bool:
    """Is this instant one of those that ``next_aligned`` gives?"""
    since = epoch_s - floor(epoch_s / DAY_S) * DAY_S
    return since % interval_s == 0.0
