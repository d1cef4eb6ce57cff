"""What drivers know of the price they pay: when energy is cheap, and whether idling costs.

Only what demand needs of a tariff; the tariff itself is read by the scenario room. Called by
:mod:`simulator.demand.habits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


class Window(Protocol):
    """Another price, from a minute of the local day to another (past midnight if not after it)."""

    @property
    def energy_per_kwh(self) -> float: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def stop(self) -> int: ...  # noqa: D102
    @property
    def days(self) -> Sequence[bool]:
        """Monday first: days on which it begins."""
        ...

    @property
    def months(self) -> Sequence[int]:
        """Months in which it holds, 0 = January."""
        ...


class Fees(Protocol):
    """What drivers pay besides energy."""

    @property
    def idle_per_minute(self) -> float: ...  # noqa: D102
    @property
    def idle_grace(self) -> float:
        """Seconds."""
        ...


class Tariff(Protocol):
    """The price list of a site's drivers."""

    @property
    def energy_per_kwh(self) -> float:
        """Outside all windows, which do not overlap."""
        ...

    @property
    def windows(self) -> Sequence[Window]: ...  # noqa: D102
    @property
    def drivers(self) -> Fees | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Retail:
    """The price of energy over plan time, and how long a full car may stay for nothing.

    ``price[j]`` holds from ``begin_s[j]`` to ``begin_s[j + 1]``; ``begin_s`` has one entry more.
    """

    begin_s: F64
    price: F64
    idle_grace_s: float | None = None
    """Seconds from the end of charging to the first idle fee; None: staying costs nothing."""

    def cheapest_start(self, arrival_s: F64, departure_s: F64, needed_s: F64) -> F64:
        """Return when to begin so that ``needed_s`` seconds of charging cost least.

        Considered are the arrival and every later change of price from which the charge is over by
        the departure, as far as the table goes; of equal ones the earliest. So it is the arrival
        where no departure is planned.
        """
        steps = np.concatenate(([0.0], np.cumsum(self.price * np.diff(self.begin_s))))

        def cost(from_s: F64, needed_s: F64) -> F64:
            until = np.interp(from_s + needed_s, self.begin_s, steps)
            return np.asarray(until - np.interp(from_s, self.begin_s, steps))

        best_s = arrival_s.copy()
        best = cost(arrival_s, needed_s)
        leaves = np.isfinite(departure_s)
        latest = np.minimum(np.where(leaves, departure_s, -np.inf), self.begin_s[-1]) - needed_s
        place = np.searchsorted(self.begin_s, arrival_s, side="right")
        rows = np.flatnonzero(place < len(self.begin_s))
        while len(rows):
            begin = self.begin_s[place[rows]]
            fits = begin <= latest[rows]
            rows, begin = rows[fits], begin[fits]
            price = cost(begin, needed_s[rows])
            better = price < best[rows] - 1e-9 * np.abs(best[rows])
            best_s[rows[better]], best[rows[better]] = begin[better], price[better]
            place[rows] += 1
            rows = rows[place[rows] < len(self.begin_s)]
        return best_s


@lru_cache(maxsize=32)
def retail(tariff: Tariff, start: datetime, zone: ZoneInfo, end_s: float) -> Retail:
    """Return the prices of ``tariff`` from before ``start`` (aware; plan time 0) to past ``end_s``.

    A border between prices at a local time that daylight saving skips or repeats is where
    ``calendar`` has it.
    """
    origin = start.timestamp()
    borders = {0} | {minute for window in tariff.windows for minute in (window.start, window.stop)}
    minutes = sorted(minute % 1440 for minute in borders)
    day = start.astimezone(zone).date() - timedelta(days=1)
    begin: list[float] = []
    price: list[float] = []
    for _ in range(int(end_s // 86_400.0) + 4):
        for minute in minutes:
            face = time(minute // 60, minute % 60)
            moment = datetime.combine(day, face, zone).timestamp() - origin
            now = _price(tariff, day, minute)
            if not price or (now != price[-1] and moment > begin[-1]):
                begin.append(moment)
                price.append(now)
        day += timedelta(days=1)
    last = max(begin[-1], end_s) + 86_400.0
    fees = tariff.drivers
    grace = None if fees is None or fees.idle_per_minute <= 0.0 else fees.idle_grace
    return Retail(np.array([*begin, last]), np.array(price), grace)


def _price(tariff: Tariff, day: date, minute: int) -> float:
    """The price at a minute of a local day."""
    for window in tariff.windows:
        if day.month - 1 not in window.months:
            continue
        on, before = window.days[day.weekday()], window.days[(day.weekday() + 6) % 7]
        late = minute >= window.start
        if window.start < window.stop:
            held = on and late and minute < window.stop
        else:
            held = (on and late) or (before and minute < window.stop)
        if held:
            return window.energy_per_kwh
    return tariff.energy_per_kwh
