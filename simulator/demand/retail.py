"""What drivers know of the price they pay: when energy is cheap, and whether idling costs.

Only what demand needs of a tariff; the tariff itself is read by the scenario room. Called by
:mod:`simulator.demand.habits`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


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
