"""When something happens, as a file says it: at a local time of day (every day), or once.

A time of day that clocks skip happens an hour later, one that comes twice happens the first time. A
date-time that does not exist, or exists twice, is refused. Read by `options`, turned into plan time
by the engine's events.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from simulator.scenario.clock import elapsed_s, localise
from simulator.scenario.fields import read_local_time
from simulator.scenario.problems import FieldError

Moment = dt.time | dt.datetime
"""A time of day, or a date and time; both local and without a zone."""

EXPECTED = 'a local time of day such as "17:00" (every day), or a date and time (once)'


def read_moments(value: object) -> tuple[Moment, ...]:
    """One moment, or a list of them; raises FieldError."""
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise FieldError(EXPECTED)
    return tuple(_read(item) for item in items)


def _read(value: object) -> Moment:
    if isinstance(value, str) and "-" not in value:
        try:
            value = dt.time.fromisoformat(value)
        except ValueError:
            raise FieldError(EXPECTED) from None
    if isinstance(value, dt.time):
        if value.tzinfo is not None:
            raise FieldError(EXPECTED, value.replace(tzinfo=None).isoformat("minutes"))
        return value
    try:
        return read_local_time(value)
    except FieldError as error:
        raise FieldError(EXPECTED, error.suggestion) from None


def check_moments(moments: Sequence[Moment], start: dt.datetime, zone: ZoneInfo) -> None:
    """Raise FieldError for a date and time that never comes, or before the (naive) start."""
    first = localise(start, zone)
    for moment in moments:
        if isinstance(moment, dt.datetime) and elapsed_s(localise(moment, zone), first) < 0.0:
            raise FieldError("a time that is not before scenario.start", start.isoformat())


def occurrences_s(
    moments: Sequence[Moment], start: dt.datetime, zone: ZoneInfo, until_s: float
) -> list[float]:
    """Plan times in ``0 <= t < until_s``, rising, at which one of the moments comes."""
    found = set()
    local = start.astimezone(zone).replace(tzinfo=None)
    for moment in moments:
        if isinstance(moment, dt.datetime):
            found.add(elapsed_s(localise(moment, zone), start))
            continue
        for day in range(int(until_s // 86_400.0) + 3):
            naive = dt.datetime.combine(local.date() + dt.timedelta(days=day), moment)
            found.add(elapsed_s(naive.replace(tzinfo=zone), start))
    return sorted(at for at in found if 0.0 <= at < until_s)
