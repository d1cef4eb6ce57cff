"""A latency histogram in the HDR layout: 3 significant digits from 1 us to 3600 s.

The layout (powers of two, each cut into 1024 equal slots, the first into 2048) is that of
HdrHistogram with the same three parameters, so counts pass to its file format unchanged (``hlog``)
and adding two histograms is adding counts. Only as many slots as the largest value needs are held,
and of a histogram that was ``pack``ed only those that hold something, until it is added to again.

Values are whole microseconds. A percentile is the smallest slot's upper edge that at least that
share of the values does not exceed, and never more than the true maximum.

Measured on CPython 3.11, one core of a small virtual machine, for the six histograms of one call:
indexing ``array('q')`` by ``bit_length`` on the spot costs 6 x 0.12 us, before a series is found
or a second counted. Packing the call's raw times into a byte buffer costs 0.06 us, and numpy folds
2048 calls in 0.8-1.0 ms, 0.4-0.5 us each, with series, phases, stations and seconds; 0.8 us in all
with both of the observer's calls (``cost.self_cost``). ``recorder`` therefore buffers and calls
``add_indexed``; ``record`` is for what happens rarely.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOWEST_US = 1
HIGHEST_US = 3_600_000_000
DIGITS = 3
_HALF_BITS = 10
_HALF = 1 << _HALF_BITS
_MASK = 2 * _HALF - 1
SLOTS = 23 * _HALF
"""Length of the full layout: 22 powers of two, the first of them twice as long."""

I64 = NDArray[np.int64]
Packed = tuple[NDArray[np.uint16], NDArray[np.integer[Any]]]
"""Slots that hold something, and their counts."""


def index_of(us: int) -> int:
    """Slot of a value in microseconds, 0 <= us <= HIGHEST_US."""
    bucket = (us | _MASK).bit_length() - _HALF_BITS - 1
    return (bucket << _HALF_BITS) + (us >> bucket)


def indices_of(us: I64) -> I64:
    """Slots of many values, any shape, each 0 <= us <= HIGHEST_US."""
    bucket = np.frexp((us | _MASK).astype(np.float64))[1].astype(np.int64) - (_HALF_BITS + 1)
    slots: I64 = (bucket << _HALF_BITS) + (us >> bucket)
    return slots


def lower_edge(index: int) -> int:
    """Smallest value in microseconds that falls into the slot."""
    bucket = max((index >> _HALF_BITS) - 1, 0)
    return (index - (bucket << _HALF_BITS)) << bucket


def upper_edge(index: int) -> int:
    """Largest value in microseconds that falls into the slot."""
    bucket = max((index >> _HALF_BITS) - 1, 0)
    return lower_edge(index) + (1 << bucket) - 1


def microseconds(seconds: float) -> int:
    """A duration as a whole number of microseconds within the layout's range."""
    return min(max(round(seconds * 1e6), 0), HIGHEST_US)


class Histogram:
    """Counts of durations, with the exact count, sum, minimum and maximum beside them."""

    __slots__ = ("_dense", "_packed", "clipped", "max_us", "min_us", "n", "sum_us")

    def __init__(self) -> None:
        self._dense: I64 = np.zeros(0, np.int64)
        self._packed: Packed | None = None
        """Slots and counts of a packed histogram, whose ``_dense`` is empty."""
        self.n = 0
        self.sum_us = 0
        self.min_us = HIGHEST_US
        self.max_us = 0
        self.clipped = 0
        """Values beyond the range, held at its end (the sum and the maximum too)."""

    @property
    def _counts(self) -> I64:
        """The counts by slot, unpacked if need be."""
        packed = self._packed
        if packed is not None:
            self._packed = None
            slots, counts = packed
            self._grow(int(slots[-1]))
            self._dense[slots] = counts
        return self._dense

    def _grow(self, index: int) -> None:
        dense = self._counts
        if index >= len(dense):
            wider = np.zeros((index // _HALF + 1) * _HALF, np.int64)
            wider[: len(dense)] = dense
            self._dense = wider

    def pack(self) -> None:
        """Hold only the slots that are not empty. Adding to it later unpacks it again."""
        if self._packed is None and self.n:
            self._packed = self._sparse()
            self._dense = np.zeros(0, np.int64)

    def _sparse(self) -> Packed:
        indices, counts = self.nonzero()
        narrow = np.min_scalar_type(int(counts.max(initial=0)))
        return indices.astype(np.uint16), counts.astype(narrow)

    @property
    def held_bytes(self) -> int:
        """What its counts take in memory."""
        packed = self._packed
        return self._dense.nbytes + (0 if packed is None else sum(part.nbytes for part in packed))

    def record(self, seconds: float) -> None:
        """Count one duration."""
        us = microseconds(seconds)
        if seconds * 1e6 > HIGHEST_US:
            self.clipped += 1
        index = index_of(us)
        self._grow(index)
        self._counts[index] += 1
        self.n += 1
        self.sum_us += us
        self.min_us = min(self.min_us, us)
        self.max_us = max(self.max_us, us)

    def record_many(self, seconds: NDArray[np.float64]) -> None:
        """Count many durations."""
        if not len(seconds):
            return
        raw = np.rint(seconds * 1e6)
        us = np.clip(raw, 0, HIGHEST_US).astype(np.int64)
        self.clipped += int(np.count_nonzero(raw > HIGHEST_US))
        self.add_indexed(indices_of(us), int(us.sum()), int(us.min()), int(us.max()))

    def add_indexed(self, indices: I64, sum_us: int, min_us: int, max_us: int) -> None:
        """Count values whose slots, sum and extremes are known already (at least one value)."""
        self._grow(index_of(max_us))
        np.add.at(self._counts, indices, 1)
        self.n += len(indices)
        self.sum_us += sum_us
        self.min_us = min(self.min_us, min_us)
        self.max_us = max(self.max_us, max_us)

    def add(self, other: Histogram) -> None:
        """Add another histogram's values to this one."""
        if other.n:
            slots, counts = other.nonzero()
            self._grow(int(slots[-1]))
            self._counts[slots] += counts
            self.n += other.n
            self.sum_us += other.sum_us
            self.min_us = min(self.min_us, other.min_us)
            self.max_us = max(self.max_us, other.max_us)
            self.clipped += other.clipped

    def percentile(self, percent: float) -> int | None:
        """The value in microseconds that ``percent`` % of the values do not exceed; None if empty.

        The rank is ``ceil(n * percent / 100)``, at least 1 (a rounding error of a few 1e-16 in the
        product does not push it up by one).
        """
        if not self.n:
            return None
        rank = max(math.ceil(self.n * percent / 100 * (1 - 1e-15)), 1)
        slots, counts = self.nonzero()
        index = int(slots[np.searchsorted(np.cumsum(counts), min(rank, self.n))])
        return min(upper_edge(index), self.max_us)

    def up_to(self, slots: I64) -> I64:
        """How many values lie in each of these slots or a lower one."""
        held, counts = self.nonzero()
        reached: I64 = np.append(0, np.cumsum(counts))[np.searchsorted(held, slots, side="right")]
        return reached

    def above(self, us: int) -> Histogram:
        """The part of this histogram in slots wholly above ``us`` (extremes by slot edges)."""
        part = Histogram()
        indices, counts = self.nonzero()
        keep = indices > index_of(min(us, HIGHEST_US))
        for index, count in zip(indices[keep].tolist(), counts[keep].tolist(), strict=True):
            part._grow(index)
            part._counts[index] = count
            part.n += count
            part.sum_us += lower_edge(index) * count
            part.min_us = min(part.min_us, lower_edge(index))
            part.max_us = min(upper_edge(index), self.max_us)
        return part

    @property
    def mean_us(self) -> float | None:
        """Exact mean in microseconds; None if empty."""
        return self.sum_us / self.n if self.n else None

    def nonzero(self) -> tuple[I64, I64]:
        """Slots that hold something, and their counts."""
        if self._packed is not None:
            slots, packed = self._packed
            return slots.astype(np.int64), packed.astype(np.int64)
        indices = np.flatnonzero(self._dense).astype(np.int64)
        return indices, self._dense[indices]

    def __getstate__(self) -> dict[str, Any]:
        slots, counts = self._sparse()
        return {
            "slots": slots,
            "counts": counts,
            "facts": (self.n, self.sum_us, self.min_us, self.max_us, self.clipped),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._dense = np.zeros(0, np.int64)
        self._packed = (state["slots"], state["counts"]) if len(state["slots"]) else None
        self.n, self.sum_us, self.min_us, self.max_us, self.clipped = state["facts"]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        mine, theirs = self.nonzero(), other.nonzero()
        return (
            np.array_equal(mine[0], theirs[0])
            and np.array_equal(mine[1], theirs[1])
            and (self.n, self.sum_us, self.min_us, self.max_us, self.clipped)
            == (other.n, other.sum_us, other.min_us, other.max_us, other.clipped)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Histogram(n={self.n}, p50={self.percentile(50)} us, max={self.max_us} us)"


def total(histograms: Iterable[Histogram]) -> Histogram:
    """The sum of histograms."""
    whole = Histogram()
    for histogram in histograms:
        whole.add(histogram)
    return whole
