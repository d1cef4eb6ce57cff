"""Per-second series of one shard: counts by row, and a coarse response histogram per second.

Seconds are whole seconds since T0. The coarse histogram (16 slots per power of two, so within
6.25 %) exists to draw percentiles over time and still be added across shards; exact latencies are
in ``histogram``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]

LONGEST_S = 14 * 86_400
"""A second beyond this is a bug of the caller, and is held here rather than eating the memory."""
_HALF_BITS = 4
_MASK = (2 << _HALF_BITS) - 1
_SLOTS = 29 << _HALF_BITS
_RECENT_S = 60


def coarse_indices(us: I64) -> I64:
    """Slots of values in microseconds (at most 3600 s) in the coarse layout."""
    bucket = np.frexp((us | _MASK).astype(np.float64))[1].astype(np.int64) - (_HALF_BITS + 1)
    slots: I64 = (bucket << _HALF_BITS) + (us >> bucket)
    return slots


def _upper_edge(slot: int) -> int:
    bucket = max((slot >> _HALF_BITS) - 1, 0)
    return ((slot - (bucket << _HALF_BITS) + 1) << bucket) - 1


def whole_seconds(times: NDArray[np.float64]) -> I64:
    """The second that each time falls into; times before T0 count in second 0."""
    seconds: I64 = np.clip(np.floor(times), 0, LONGEST_S).astype(np.int64)
    return seconds


class Grid:
    """Counts by named row and second; grows to the right as time passes."""

    __slots__ = ("_cells", "length", "rows")

    def __init__(self, rows: Sequence[str]) -> None:
        self.rows = {name: number for number, name in enumerate(rows)}
        self._cells = np.zeros((len(self.rows), 128), np.int32)
        self.length = 0

    def row(self, name: str) -> int:
        """Number of a row, made if it is new."""
        number = self.rows.get(name)
        if number is None:
            number = self.rows[name] = len(self.rows)
            self._reserve(number + 1, 0)
        return number

    def _reserve(self, rows: int, length: int) -> None:
        tall, wide = self._cells.shape
        if rows > tall or length > wide:
            cells = np.zeros(
                (max(rows, tall), max(length * 2 if length > wide else 0, wide)), np.int32
            )
            cells[:tall, :wide] = self._cells
            self._cells = cells
        self.length = max(self.length, length)

    def add(self, rows: I64 | int, seconds: I64) -> None:
        """Count one at each (row, second)."""
        if len(seconds):
            self._reserve(0, int(seconds.max()) + 1)
            np.add.at(self._cells, (np.asarray(rows), seconds), 1)

    def add_one(self, row: int, second: float, count: int = 1) -> None:
        """Add ``count`` at one time."""
        column = int(min(max(second, 0.0), LONGEST_S))
        self._reserve(0, column + 1)
        self._cells[row, column] += count

    def values(self, name: str, length: int | None = None) -> I64:
        """A row as counts per second, padded with zeros or cut to ``length``."""
        wanted = self.length if length is None else length
        out = np.zeros(wanted, np.int64)
        if name in self.rows:
            known = self._cells[self.rows[name], : min(wanted, self.length)]
            out[: len(known)] = known
        return out

    def add_grid(self, other: Grid) -> None:
        """Add another shard's counts, row by row."""
        for name in other.rows:
            row = self.row(name)
            self._reserve(0, other.length)
            self._cells[row, : other.length] += other.values(name).astype(np.int32)

    def __getstate__(self) -> dict[str, Any]:
        cells = np.ascontiguousarray(self._cells[: len(self.rows), : self.length])
        return {"rows": self.rows, "cells": cells}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.rows = state["rows"]
        self._cells = state["cells"]
        self.length = self._cells.shape[1]


Sparse = tuple[NDArray[np.uint16], NDArray[np.uint32]]


class LatencyBySecond:
    """A coarse histogram of response times for each second that had an answer."""

    __slots__ = ("_dense", "_sparse")

    def __init__(self) -> None:
        self._dense: dict[int, NDArray[np.uint32]] = {}
        self._sparse: dict[int, Sparse] = {}

    def add(self, seconds: I64, us: I64) -> None:
        """Count response times ``us`` (microseconds) that ended in ``seconds``."""
        if not len(seconds):
            return
        slots = coarse_indices(us)
        for second in np.unique(seconds).tolist():
            np.add.at(self._open(second), slots[seconds == second], 1)
        if len(self._dense) > 2 * _RECENT_S:
            newest = max(self._dense)
            for second in [old for old in self._dense if old < newest - _RECENT_S]:
                self._sparse[second] = _pack(self._dense.pop(second))

    def _open(self, second: int) -> NDArray[np.uint32]:
        row = self._dense.get(second)
        if row is None:
            row = self._dense[second] = np.zeros(_SLOTS, np.uint32)
            if second in self._sparse:
                slots, counts = self._sparse.pop(second)
                row[slots] = counts
        return row

    def add_log(self, other: LatencyBySecond) -> None:
        """Add another shard's seconds."""
        for second, (slots, counts) in other.packed().items():
            row = self._open(second)
            row[slots] += counts

    def packed(self) -> dict[int, Sparse]:
        """Every second as (slots, counts)."""
        rows = {second: _pack(row) for second, row in self._dense.items()}
        return dict(sorted({**self._sparse, **rows}.items()))

    def percentiles_ms(
        self, percents: Sequence[float], seconds: Iterable[int]
    ) -> list[float | None]:
        """Percentiles over the seconds given together, in ms (upper edges); None where empty."""
        sum_ = np.zeros(_SLOTS, np.int64)
        for second in seconds:
            if second in self._dense:
                sum_ += self._dense[second]
            elif second in self._sparse:
                slots, counts = self._sparse[second]
                sum_[slots] += counts
        reached = np.cumsum(sum_)
        if not reached[-1]:
            return [None] * len(percents)
        ranks = [max(int(np.ceil(reached[-1] * percent / 100 - 1e-9)), 1) for percent in percents]
        return [_upper_edge(int(np.searchsorted(reached, rank))) / 1000 for rank in ranks]

    def window(self, seconds: Iterable[int]) -> LatencyBySecond:
        """A copy of only the seconds given, small enough to be sent every second."""
        part = LatencyBySecond()
        for second in seconds:
            if second in self._dense:
                part._sparse[second] = _pack(self._dense[second])
            elif second in self._sparse:
                part._sparse[second] = self._sparse[second]
        return part

    def __getstate__(self) -> dict[str, Any]:
        return {"seconds": self.packed()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._dense = {}
        self._sparse = state["seconds"]


def _pack(row: NDArray[np.uint32]) -> Sparse:
    slots = np.flatnonzero(row)
    return slots.astype(np.uint16), row[slots]
