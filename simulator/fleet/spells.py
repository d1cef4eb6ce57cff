"""When stations are switched on and off: a column of spells for each. Pure.

Made by ``stages`` from the stages of a run; plan, player and prediction go by it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spells:
    """When stations are on. Station i: from ``on_s[k]`` to ``off_s[k]``, offset[i] <= k < [i+1]."""

    offset: I64
    on_s: F64
    off_s: F64
    """``inf``: on to the run's end."""

    def __len__(self) -> int:
        return len(self.offset) - 1

    @property
    def station(self) -> I32:
        """Whose each spell is."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offset))

    def before(self, end_s: float) -> Spells:
        """The spells that begin before ``end_s``; one that lasts until then has no end."""
        mine = self.on_s < end_s
        count = np.bincount(self.station[mine], minlength=len(self))
        offset = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        off_s = self.off_s[mine]
        return Spells(offset, self.on_s[mine], np.where(off_s < end_s, off_s, np.inf))

    def gaps(self, end_s: float) -> tuple[I32, F64, F64]:
        """When stations that were on are off: whose, from, to (``end_s`` at the latest)."""
        ends = np.isfinite(self.off_s)
        again = np.full(len(self.on_s), end_s)
        same = self.station[1:] == self.station[:-1]
        again[:-1][same] = self.on_s[1:][same]
        return self.station[ends], self.off_s[ends], np.minimum(again[ends], end_s)

    def dark(self, at_s: float) -> NDArray[np.bool_]:
        """Which stations are off at a moment, shape (stations,)."""
        off = np.ones(len(self), np.bool_)
        off[self.station[(self.on_s <= at_s) & (at_s < self.off_s)]] = False
        return off

    @property
    def first_on_s(self) -> F64:
        """When each station is first switched on; ``inf``: never."""
        first = np.full(len(self), np.inf)
        some = np.flatnonzero(np.diff(self.offset))
        first[some] = self.on_s[self.offset[some]]
        return first

    def take(self, stations: I64) -> Spells:
        """The spells of some stations, in that order."""
        count = np.diff(self.offset)[stations]
        offset = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        rows = np.arange(offset[-1]) + np.repeat(self.offset[stations] - offset[:-1], count)
        return Spells(offset, self.on_s[rows], self.off_s[rows])

    def of(self, station: int) -> list[tuple[float, float]]:
        """One station's spells, in order of time."""
        part = slice(int(self.offset[station]), int(self.offset[station + 1]))
        return list(zip(self.on_s[part].tolist(), self.off_s[part].tolist(), strict=True))


def once(on_s: F64) -> Spells:
    """Each station on from its moment to the end; ``inf``: never."""
    mine = np.isfinite(on_s)
    offset = np.concatenate([[0], np.cumsum(mine)]).astype(np.int64)
    return Spells(offset, on_s[mine].astype(np.float64), np.full(int(mine.sum()), np.inf))
