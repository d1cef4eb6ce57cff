"""When local clocks show a time of day, in plan time: the car's timer, the depot's schedule.

One moment per local day, whatever daylight saving does: a time of day that the clocks skip is taken
as the moment it would have been without the change (02:30 becomes 03:30), one that comes twice as
the first of the two. Called by :mod:`simulator.demand.habits` and :mod:`simulator.demand.depot`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class ClockTimes:
    """Plan times of one time of day, one per local day, rising; the first lies before the start."""

    time_s: F64
    weekday: I32
    """0 = Monday."""

    def after(self, moment_s: F64) -> F64:
        """The first of the times at or after each moment, all of which the table covers."""
        return self.time_s[np.searchsorted(self.time_s, moment_s, side="left")]


@lru_cache(maxsize=64)
def clock_times(clock: str, start: datetime, zone: ZoneInfo, end_s: float) -> ClockTimes:
    """Return when clocks in ``zone`` show ``HH:MM``, from before ``start`` to past ``end_s``.

    ``start`` is aware and is plan time 0.
    """
    face = time(int(clock[:2]), int(clock[3:]))
    origin = start.timestamp()
    day = start.astimezone(zone).date() - timedelta(days=1)
    times: list[float] = []
    weekdays: list[int] = []
    while not times or times[-1] < end_s:
        times.append(datetime.combine(day, face, zone).timestamp() - origin)
        weekdays.append(day.weekday())
        day += timedelta(days=1)
    return ClockTimes(np.array(times), np.array(weekdays, dtype=np.int32))
