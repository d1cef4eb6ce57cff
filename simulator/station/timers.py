"""Appointments of a station that are too rare for a slot of their own.

Sampling, statuses and the connection keep their deadlines in ``State``, for every station has them
all the time. Whatever else an area wants to do later (a reservation ends, a download takes its
time, a certificate is asked for again) it puts here; an idle station holds no list at all.

``act`` sees for itself whether its appointment still applies; ``instead`` is for an area that wants
one at a time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.station.state import State

Act = Callable[["State", float, float], None]
"""(station, now, due): ``due`` is the moment that was asked for, ``now`` may be later."""


def at(st: State, due: float, act: Act) -> None:
    """Have ``act`` called at ``due``, or as soon after as the driver wakes the station.

    Appointments of one moment are kept in the order in which they were made. They are kept while
    the station is offline or reboots, too.
    """
    if st.timers is None:
        st.timers = []
    st.orders += 1
    heapq.heappush(st.timers, (due, st.orders, act))
    st.timer_due = st.timers[0][0]


def instead(st: State, due: float, act: Act) -> None:
    """Like ``at``, but ``act`` has one appointment at most: an earlier one is taken back.

    ``inf``: take it back, and make no other.
    """
    if st.timers is not None:
        kept = [entry for entry in st.timers if entry[2] is not act]
        if len(kept) < len(st.timers):
            heapq.heapify(kept)
            st.timers = kept or None
            st.timer_due = kept[0][0] if kept else inf
    if due < inf:
        at(st, due, act)


def wake(st: State, now: float) -> None:
    """Keep every appointment that is due by ``now``."""
    while st.timers and st.timers[0][0] <= now:
        due, _, act = heapq.heappop(st.timers)
        st.timer_due = st.timers[0][0] if st.timers else inf
        if not st.timers:
            st.timers = None
        act(st, now, due)
