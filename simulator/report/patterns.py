"""Figures that planners read off load and sessions: durations, weeks, days, waits, coincidence.

Arrays in, small arrays out; no run, no drawing. Called by the report of a simulation and by
`simulator.plots` for notebooks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.report.plots.axes import Clock

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

HOUR_S = 3600.0
DAY_S = 86_400.0
_CURVE_POINTS = 600


@dataclass(frozen=True, slots=True)
class Duration:
    """A load duration curve: ``kw`` is reached or exceeded in ``share`` (0..1) of the time."""

    share: F64
    kw: F64
    mean_kw: float
    hours: float
    """Length of the time that was sorted."""

    @property
    def peak_kw(self) -> float:
        """Largest interval mean."""
        return float(self.kw[0])

    def share_above(self, kw: float) -> float:
        """Share of the time with at least ``kw``."""
        return float(np.interp(-kw, -self.kw, self.share))


def duration(kw: F64, interval_s: float) -> Duration:
    """The load duration curve of means over equal intervals; nan is left out."""
    known = np.sort(kw[np.isfinite(kw)])[::-1]
    n = len(known)
    if n == 0:
        return Duration(np.zeros(0), np.zeros(0), math.nan, 0.0)
    # Steps at the edges: value k holds from k/n to (k+1)/n. Denser near the peak, where it counts.
    place = np.unique((np.linspace(0.0, 1.0, _CURVE_POINTS) ** 2 * (n - 1)).astype(np.int64))
    share = np.append((place + 0.5) / n, 1.0)
    share[0] = 0.0
    return Duration(
        share, np.append(known[place], known[-1]), float(known.mean()), n * interval_s / HOUR_S
    )


def local_hour_of_week(seconds: F64, clock: Clock) -> F64:
    """Local hours since Monday 00:00 (0..168) of moments in seconds since the clock's start."""
    import pandas as pd

    if clock.start is None:
        return np.mod(seconds / HOUR_S, 168.0)
    begin = clock.start.timestamp()
    epoch_ms = np.rint((seconds + begin) * 1000).astype(np.int64)
    moments = pd.to_datetime(epoch_ms, unit="ms", utc=True)
    local = moments.tz_convert(clock.zone or clock.start.tzinfo)
    hours: F64 = (
        local.day_of_week.to_numpy() * 24.0 + local.hour.to_numpy() + local.minute.to_numpy() / 60.0
    )
    return hours


def week_means(seconds: F64, values: F64, interval_s: float, clock: Clock) -> F64:
    """Mean by weekday and local hour, shape (7, 24); nan where the run has no such hour.

    Intervals longer than an hour count in each hour that they reach into.
    """
    pieces = max(1, round(interval_s / HOUR_S))
    at = (seconds[:, None] + np.arange(pieces) * (interval_s / pieces)).ravel()
    repeated = np.repeat(values, pieces)
    hour = local_hour_of_week(at, clock).astype(np.int64) % 168
    known = np.isfinite(repeated)
    count = np.bincount(hour[known], minlength=168)
    total = np.bincount(hour[known], repeated[known], 168)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: F64 = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means.reshape(7, 24)


@dataclass(frozen=True, slots=True)
class DayCurve:
    """A local day: mean over the days of a run, and the middle 80 % of them."""

    hour: F64
    """Begin of each slot, local hours 0..24."""
    mean: F64
    low: F64
    high: F64
    days: int


def day_curve(seconds: F64, values: F64, interval_s: float, clock: Clock) -> DayCurve:
    """The mean local day in slots of the interval (an hour at most), with its 10..90 % band."""
    slot_s = min(interval_s, HOUR_S)
    slots = round(DAY_S / slot_s)
    pieces = max(1, round(interval_s / slot_s))
    at = (seconds[:, None] + np.arange(pieces) * slot_s).ravel()
    repeated = np.repeat(values, pieces)
    of_week = local_hour_of_week(at, clock)
    slot = (np.mod(of_week, 24.0) * HOUR_S / slot_s + 1e-6).astype(np.int64) % slots
    day = np.cumsum(np.concatenate(([0], np.diff((of_week // 24).astype(np.int64)) != 0)))
    table = np.full((int(day[-1]) + 1 if len(day) else 0, slots), np.nan)
    table[day, slot] = repeated  # of an hour that comes twice, the second
    known = np.isfinite(table).any(axis=0)
    mean, low, high = (np.full(slots, np.nan) for _ in range(3))
    if known.any():
        mean[known] = np.nanmean(table[:, known], axis=0)
        low[known], high[known] = np.nanquantile(table[:, known], (0.1, 0.9), axis=0)
    hour: F64 = np.arange(slots, dtype=np.float64) * (slot_s / HOUR_S)
    return DayCurve(hour, mean, low, high, len(table))


@dataclass(frozen=True, slots=True)
class Tail:
    """How many wait longer: ``share`` (0..1) of ``visits`` wait longer than ``seconds``."""

    seconds: F64
    share: F64
    visits: int

    @property
    def waited(self) -> float:
        """Share that waits at all."""
        return float(self.share[0]) if len(self.share) else math.nan

    def longer_than(self, seconds: float) -> float:
        """Share that waits longer than ``seconds``; nan where there are no visits."""
        if not self.visits:
            return math.nan
        return float(np.interp(seconds, self.seconds, self.share, right=0.0))


def waiting_tail(waits_s: F64) -> Tail:
    """The complementary distribution of waits; 0 for who got an EVSE at once, nan is left out."""
    known = waits_s[np.isfinite(waits_s)]
    waited = np.sort(known[known > 0.0])
    n = len(known)
    if n == 0:
        return Tail(np.zeros(0), np.zeros(0), 0)
    # The k-th shortest of m waits is exceeded by m - k.
    place = np.unique(np.linspace(0, len(waited) - 1, _CURVE_POINTS).astype(np.int64))
    place = place[: len(waited)] if len(waited) else np.empty(0, np.int64)
    seconds = np.concatenate(([0.0], waited[place]))
    share = np.concatenate(([len(waited)], len(waited) - 1.0 - place)) / n
    return Tail(seconds, share, n)


def counted_tail(low_s: F64, high_s: F64, count: F64) -> Tail:
    """The same from counts of waits within ``low`` < wait <= ``high``; high 0: no wait at all."""
    order = np.argsort(high_s, kind="stable")
    high, counts = np.where(np.isnan(high_s), low_s, high_s)[order], count[order]
    total = float(counts.sum())
    if total <= 0:
        return Tail(np.zeros(0), np.zeros(0), 0)
    above = high > 0.0
    left = (counts[above].sum() - np.cumsum(counts[above])) / total
    seconds = np.concatenate(([0.0], high[above]))
    return Tail(seconds, np.concatenate(([counts[above].sum() / total], left)), int(total))


@dataclass(frozen=True, slots=True)
class Coincidence:
    """Coincidence factors (0..1) of groups of EVSEs drawn at random."""

    size: I64
    mean: F64
    low: F64
    """2.5 % of the draws lie below, 2.5 % above ``high``."""
    high: F64
    draws: int
    basis: str
    """What the peak is divided by: ``rated power`` or ``own peaks``."""


def coincidence(
    load: ArrayLike,
    sizes: Sequence[int] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    *,
    rated_kw: ArrayLike | None = None,
    draws: int = 200,
    seed: int = 1,
) -> Coincidence:
    """Peak of the sum over the sum of the ratings, against the number of EVSEs.

    ``load`` is the power of each EVSE, shape (EVSEs, intervals), in kW; ``rated_kw`` one rating or
    one per EVSE. Without it the sum of the EVSEs' own peaks is the divisor, as for a diversity
    factor. For each size, ``draws`` groups of different EVSEs are drawn; sizes above the number of
    EVSEs are left out. Short intervals give higher peaks than long ones. Raises ValueError for a
    load that is not of this shape, or with nan.
    """
    kw = np.asarray(load, dtype=np.float64)
    if kw.ndim != 2 or not kw.size or not np.isfinite(kw).all():
        raise ValueError(
            f"load has shape {kw.shape}: expected finite kW of shape (EVSEs, intervals)"
        )
    count = len(kw)
    rating = kw.max(axis=1) if rated_kw is None else np.asarray(rated_kw, dtype=np.float64)
    rating = np.broadcast_to(rating, (count,))
    if not (rating >= 0).all() or not rating.sum() > 0:
        raise ValueError("rated_kw: expected powers above 0")
    rng = np.random.default_rng(seed)
    kept = sorted({int(size) for size in sizes if 1 <= size <= count})
    if not kept:
        raise ValueError(f"sizes {list(sizes)}: expected some of 1..{count}")
    rows = []
    for size in kept:
        tries = 1 if size == count else draws
        found = np.empty(tries)
        for number in range(tries):
            chosen = rng.choice(count, size, replace=False)
            divisor = rating[chosen].sum()
            found[number] = kw[chosen].sum(axis=0).max() / divisor if divisor > 0 else np.nan
        found = found[np.isfinite(found)]
        rows.append(
            (found.mean(), *np.quantile(found, (0.025, 0.975))) if len(found) else (np.nan,) * 3
        )
    mean, low, high = np.array(rows).T
    basis = "own peaks" if rated_kw is None else "rated power"
    return Coincidence(np.array(kept), mean, low, high, draws, basis)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % confidence interval; nan bounds where there is one value only."""

    mean: float
    low: float
    high: float
    n: int


def estimate(values: ArrayLike) -> Estimate:
    """Mean and 95 % confidence interval (Student) of independent replications."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    n = len(known)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    mean = float(known.mean())
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    half = _student(n - 1) * float(known.std(ddof=1)) / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, n)


def _student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t: Abramowitz and Stegun 26.7.5, exact below 3 degrees."""
    if freedom <= 2:
        return (12.706204736, 4.302652730)[freedom - 1]
    z = 1.959963985
    terms = (
        (z**3 + z) / 4.0,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96.0,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384.0,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160.0,
    )
    return z + math.fsum(term / float(freedom) ** (k + 1) for k, term in enumerate(terms))


def frontier(x: F64, y: F64) -> I64:
    """Rows of the points that no other point beats in both (smaller is better), by rising x."""
    order = np.lexsort((y, x))
    best, kept = math.inf, []
    for row in order.tolist():
        if np.isfinite(x[row]) and y[row] < best:
            best = float(y[row])
            kept.append(row)
    return np.array(kept, dtype=np.int64)
