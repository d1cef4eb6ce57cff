"""When each station of a shard wants to be woken: one heap, one live entry per station.

Deadlines that move later cost nothing: the entry stays and is put right when it comes up.
Deadlines that move earlier push a second entry and the first goes stale. Stale entries are swept
when they outnumber the live ones, so the heap is bounded. Pure: the shard owns the timer.
"""

from __future__ import annotations

from array import array
from heapq import heapify, heappop, heappush
from math import inf


class Deadlines:
    """Times are seconds on the run's clock; a station is its index in the shard."""

    __slots__ = ("_armed", "_bound", "_heap")

    def __init__(self, stations: int) -> None:
        self._armed = array("d", [inf]) * stations
        self._heap: list[tuple[float, int]] = []
        self._bound = 3 * stations + 64

    def arm(self, station: int, when: float) -> bool:
        """See that the station comes up no later than ``when``; True if that is now the first."""
        if when >= self._armed[station]:
            return False
        self._armed[station] = when
        heappush(self._heap, (when, station))
        if len(self._heap) > self._bound:
            self._sweep()
        return self._heap[0][1] == station

    def pop_due(self, now: float) -> int:
        """The station of the earliest entry that is due, or -1. It has no entry afterwards."""
        heap = self._heap
        armed = self._armed
        while heap:
            when, station = heap[0]
            if when > now:
                return -1
            heappop(heap)
            if armed[station] == when:
                armed[station] = inf
                return station
        return -1

    @property
    def earliest(self) -> float:
        """The time of the first entry (it may be stale); ``inf`` if there is none."""
        return self._heap[0][0] if self._heap else inf

    def __len__(self) -> int:
        return len(self._heap)

    def _sweep(self) -> None:
        self._heap = [(when, i) for i, when in enumerate(self._armed) if when < inf]
        heapify(self._heap)
