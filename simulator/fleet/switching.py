"""When a virtual station is switched off and on again. State only; ``virtual`` acts on it."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from simulator.fleet.rules import LEAVE_AT_MOST_S, SPELL_S


class Switch:
    """When a station is switched after it was first switched on: off, on, off ..."""

    __slots__ = ("_times", "due", "leaving", "off")

    def __init__(self, times: Sequence[float]) -> None:
        self._times = list(reversed(times))
        self.off = False
        """Switched off: the station neither plays nor talks."""
        self.leaving = False
        """To be switched off as soon as nothing is unanswered."""
        self.due = self._next()
        """When it is switched next, or at the latest when it is leaving."""

    def _next(self) -> float:
        return self._times.pop() if self._times else inf

    def leave(self, now: float) -> None:
        """Wait for answers that are still out, for a while."""
        self.leaving = True
        on_s = self._times[-1] if self._times else inf
        self.due = max(now, min(now + LEAVE_AT_MOST_S, on_s - SPELL_S / 2.0))

    def turn(self) -> None:
        """It has been switched."""
        self.off = not self.off
        self.leaving = False
        self.due = self._next()
