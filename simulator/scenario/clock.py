"""Local time and plan time: the IANA zone decides, and daylight saving is right.

Plan time is elapsed seconds since the scenario's start. Two local times of one zone must be
compared in UTC: Python subtracts their clock faces.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from simulator.scenario.problems import FieldError

_UTC = dt.UTC


def localise(naive: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The instant that a local time names. Raises FieldError if there is none, or two."""
    early, late = (naive.replace(tzinfo=zone, fold=fold).astimezone(_UTC) for fold in (0, 1))
    exists = [t for t in (early, late) if t.astimezone(zone).replace(tzinfo=None, fold=0) == naive]
    if not exists:
        after = early.astimezone(zone).replace(tzinfo=None, fold=0)
        raise FieldError(
            f"a local time that exists in {zone.key} (clocks go forward there)", after.isoformat()
        )
    if early != late:
        after = late.astimezone(zone).replace(tzinfo=None, fold=0) + abs(late - early)
        raise FieldError(
            f"a local time that exists once in {zone.key} (clocks go back there)",
            after.isoformat(),
        )
    return naive.replace(tzinfo=zone)


def elapsed_s(instant: dt.datetime, start: dt.datetime) -> float:
    """Seconds from ``start`` to ``instant`` (both aware), true across daylight saving."""
    return (instant.astimezone(_UTC) - start.astimezone(_UTC)).total_seconds()


def next_clock_s(start: dt.datetime, clock: str) -> float:
    """Plan time of the first moment at or after ``start`` when clocks show ``HH:MM``."""
    hour, minute = (int(part) for part in clock.split(":"))
    zone = start.tzinfo
    for days in (0, 1, 2):
        day = (start.replace(tzinfo=None) + dt.timedelta(days=days)).date()
        local = dt.datetime.combine(day, dt.time(hour, minute)).replace(tzinfo=zone)
        seconds = elapsed_s(local, start)
        if seconds >= 0:
            return seconds
    raise AssertionError("a clock face comes back within two days")
