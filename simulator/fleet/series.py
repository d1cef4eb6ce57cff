"""Counting messages into bins of time without listing them. Pure numpy; called by ``predict``.

A *train* is a row of messages at ``start + k * period`` for ``k = 1..n`` (meter values of a
session, heartbeats of a silent station). Ten million sessions make a thousand million meter values,
so trains are never written out where the period is a whole number of seconds: every
``lcm(period, bin) / period``-th message of a train falls ``lcm / bin`` bins after the one before
it, and a run of equal steps is two marks in a difference array.
"""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_BLOCK = 1 << 18


def train_lengths(start_s: F64, end_s: F64, period_s: F64) -> I64:
    """Number of k >= 1 with ``start + k * period < end``; 0 where the period is 0 (switched off).

    ``start + k * period`` is evaluated as the station does, in floating point; the quotient alone
    would be one off where it rounds.
    """
    on = (period_s > 0.0) & (end_s > start_s)
    period = np.where(period_s > 0.0, period_s, 1.0)
    n = np.where(on, np.floor((end_s - start_s) / period), 0.0)
    n = np.where(on & (start_s + n * period >= end_s), n - 1.0, n)
    n = np.where(on & (start_s + (n + 1.0) * period < end_s), n + 1.0, n)
    counts: I64 = np.maximum(n, 0.0).astype(np.int64)
    return counts


def bins_of(at_s: F64, begin_s: float, bin_s: float, bins: int) -> I64:
    """The bin of each moment; moments at or after the last bin's end count in the last one."""
    found: I64 = np.clip(np.floor((at_s - begin_s) / bin_s), 0, bins - 1).astype(np.int64)
    return found


def count_points(at_s: F64, begin_s: float, bin_s: float, bins: int) -> I64:
    """Points per bin, shape (bins,)."""
    return np.bincount(bins_of(at_s, begin_s, bin_s, bins), minlength=bins)


class TrainCounts:
    """Trains added up in portions: what costs time per bin is done once, in ``total``.

    A message past the last bin's end counts in the last bin. Periods that are not whole seconds,
    or step badly with the bin, are written out block by block instead of marked.
    """

    __slots__ = ("_begin_s", "_bin_s", "_bins", "_direct", "_marks", "_n")

    def __init__(self, begin_s: float, bin_s: float, bins: int) -> None:
        self._begin_s = begin_s
        self._bin_s = bin_s
        self._bins = bins
        self._direct = np.zeros(bins, dtype=np.int64)
        self._marks: dict[float, I64] = {}
        self._n: dict[float, int] = {}

    def add(self, start_s: F64, period_s: F64, n: I64) -> None:
        """Add trains: ``start + k * period`` for ``k = 1..n``."""
        keep = n > 0
        start_s, period_s, n = start_s[keep], period_s[keep], n[keep]
        for period in np.unique(period_s).tolist():
            mine = slice(None) if (period_s == period).all() else period_s == period
            steps = _whole_steps(period, self._bin_s)
            if steps is None:
                self._direct += _written_out(
                    start_s[mine], period, n[mine], self._begin_s, self._bin_s, self._bins
                )
            else:
                self._mark(start_s[mine], period, n[mine], *steps)

    def _mark(self, start_s: F64, period: float, n: I64, q: int, p: int) -> None:
        if period not in self._marks:
            self._marks[period] = np.zeros((-(-self._bins // p) + 1) * p, dtype=np.int64)
            self._n[period] = 0
        marks = self._marks[period]
        size = len(marks)
        for r in range(1, q + 1):
            length = (n - r) // q + 1
            some = length > 0
            first = bins_of(start_s[some] + r * period, self._begin_s, self._bin_s, size)
            after = first + length[some] * p
            np.add.at(marks, first, 1)
            np.add.at(marks, after[after < size], -1)
        self._n[period] += int(n.sum())

    def total(self) -> I64:
        """Messages per bin, shape (bins,)."""
        total = self._direct.copy()
        for period, marks in self._marks.items():
            _, p = _whole_steps(period, self._bin_s) or (1, 1)
            inside = np.cumsum(marks.reshape(-1, p), axis=0).ravel()[: self._bins]
            total += inside
            total[-1] += self._n[period] - int(inside.sum())
        return total


def _whole_steps(period_s: float, bin_s: float) -> tuple[int, int] | None:
    """(q, p): every q-th message falls p bins later; None where marks would not pay."""
    if not (period_s.is_integer() and float(bin_s).is_integer()):
        return None
    period, width = int(period_s), int(bin_s)
    shared = gcd(period, width)
    return (width // shared, period // shared) if width // shared <= 8 else None


def _written_out(
    start_s: F64, period: float, n: I64, begin_s: float, bin_s: float, bins: int
) -> I64:
    total = np.zeros(bins, dtype=np.int64)
    ends = np.cumsum(n)
    at = 0
    while at < len(n):
        base = int(ends[at - 1]) if at else 0
        to = max(at + 1, int(np.searchsorted(ends, base + _BLOCK, side="right")))
        counts = n[at:to]
        k = np.arange(1, int(counts.sum()) + 1) - np.repeat(np.cumsum(counts) - counts, counts)
        total += count_points(np.repeat(start_s[at:to], counts) + k * period, begin_s, bin_s, bins)
        at = to
    return total
