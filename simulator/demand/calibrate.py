"""Fit an arrival and stay profile to recorded sessions.

Columns in, numbers out: no files, no names of columns. What the model of `arrivals` and `drivers`
can say is estimated, nothing else: a Poisson process with an hour-of-week rate, a lognormal stay by
hour of arrival, a lognormal energy, and the correlation of their logarithms. How well that fits is
asked in `goodness`. Called by the public API's calibration.

Rules, each stated where it is applied: days that belong to a hole in the data are no exposure
(`holes`); the week has 168 rates of its own only where that predicts left-out weeks better
(`_week`); hours with few visits borrow from the others (`_stays`, random-effects shrinkage).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.demand.arrivals import DAY_S, HOURS_A_WEEK, LocalHours, local_hours
from simulator.demand.drivers import ENERGY_BOUNDS_KWH, STAY_BOUNDS_S

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_VISITS = 30
PRIOR_VISITS = 24.0
"""Visits that the smoothed shape of a day weighs as much as: what keeps an hour without any visit
among hours with some from being impossible for ever."""
HOUR_PRIOR_VISITS = 10.0
"""The same for one hour of the week against its kind of day."""
SIGMA_PRIOR = 10.0
_HOLE_CHANCE = 1e-6
_HOLE_LEAST_DAYS = 2
_FOLD_WEEKS = 4


class TooFewError(ValueError):
    """Not enough usable sessions for a fit; the text says how many there are."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Recorded sessions, sorted by start, in seconds since ``origin``."""

    origin: datetime
    """Local midnight of the first day, aware."""
    zone: ZoneInfo
    start_s: F64
    stay_s: F64
    energy_kwh: F64
    evses: int | None
    """Number of EVSEs, where it is known."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Days on end without any session, too many to be chance."""

    first_day: int
    """Days since the origin."""
    days: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """The local days of the data: which weekday each is, and whether it counts."""

    hours: LocalHours
    day_of_hour: I64
    weekday: I64
    """0 = Monday, per day."""
    visits: I64
    """Sessions that begin on each day."""
    counted: Bools
    """Days that are no part of a hole."""
    holes: tuple[Hole, ...]

    @property
    def exposure(self) -> F64:
        """Counted days per weekday."""
        return np.bincount(self.weekday[self.counted], minlength=7).astype(np.float64)


@dataclass(frozen=True, slots=True)
class WeekFit:
    """The hours of the week. ``hour_of_week`` holds mean visits per hour at that hour."""

    shape: str
    """``day types`` (weekday and weekend hours, weights of days) or ``hour of week``."""
    why: str
    hour_of_week: F64
    weekday: F64
    """Share of a weekday's visits per hour; as ``weekend``, used if the shape is ``day types``."""
    weekend: F64
    day_of_week: F64
    """Share of the week's visits per day."""


@dataclass(frozen=True, slots=True)
class StayFit:
    """ln hours of stay by hour of arrival: mean, deviation, number of sessions, each (24,)."""

    mu: F64
    sigma: F64
    n: I64
    shrinkage: float
    """Sessions that the mean over all hours weighs as much as; inf: hours do not differ."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted profile and what it was fitted to."""

    calendar: Calendar
    week: WeekFit
    stay: StayFit
    energy: tuple[float, float]
    """(mu, sigma) of ln kWh."""
    rho: float
    visits_per_day: float
    """Mean over the week."""
    evses: int | None
    used: Bools
    """Which sessions the fit rests on: those within the bounds of the model."""
    too_little: int
    too_much: int
    """Sessions with less or more energy than the model has (0.5..200 kWh)."""
    too_short: int
    too_long: int
    """Sessions shorter or longer than the model has (2 minutes..5 days)."""

    @property
    def visits_per_evse_day(self) -> float | None:
        """Mean over the week; None where the number of EVSEs is not known."""
        return None if not self.evses else self.visits_per_day / self.evses


def fit_arrivals(seen: Observed) -> Fit:
    """Fit the profile. Raises TooFewError."""
    energy, stay = seen.energy_kwh, seen.stay_s
    edge = 1e-9
    low, high = energy < ENERGY_BOUNDS_KWH[0] - edge, energy > ENERGY_BOUNDS_KWH[1] + edge
    short, long = stay < STAY_BOUNDS_S[0] - 1e-3, stay > STAY_BOUNDS_S[1] + 1e-3
    used = ~(low | high | short | long)
    n = int(used.sum())
    if n < LEAST_VISITS:
        raise TooFewError(
            f"at least {LEAST_VISITS} sessions of {ENERGY_BOUNDS_KWH[0]:g} to "
            f"{ENERGY_BOUNDS_KWH[1]:g} kWh and {STAY_BOUNDS_S[0] / 60:g} minutes to "
            f"{STAY_BOUNDS_S[1] / DAY_S:g} days, not {n} of {len(used)}"
        )
    start = seen.start_s[used]
    # A day and an hour more, so that the last day is whole.
    hours = local_hours(seen.origin, seen.zone, float(seen.start_s.max()) + DAY_S + 3600.0)
    calendar = _calendar(hours, seen.start_s, start)
    index = hour_index(hours, start)
    counted = calendar.counted[calendar.day_of_hour[index]]
    week = _week(calendar, index[counted])
    hour_of_day = hours.hour_of_week[index].astype(np.int64) % 24
    log_stay = np.log(stay[used] / 3600.0)
    log_energy = np.log(energy[used])
    stays = _stays(hour_of_day, log_stay)
    z = (log_stay - stays.mu[hour_of_day]) / np.maximum(stays.sigma[hour_of_day], 1e-9)
    return Fit(
        calendar=calendar,
        week=week,
        stay=stays,
        energy=(float(log_energy.mean()), float(log_energy.std(ddof=1))),
        rho=_correlation(z, log_energy),
        visits_per_day=float(week.hour_of_week.sum() / 7.0),
        evses=seen.evses,
        used=used,
        too_little=int(low.sum()),
        too_much=int(high.sum()),
        too_short=int((short & ~low & ~high).sum()),
        too_long=int((long & ~low & ~high).sum()),
    )


def hour_index(hours: LocalHours, seconds: F64) -> I64:
    """The local hour (row of ``hours``) in which each moment lies."""
    index: I64 = np.searchsorted(hours.begin_s, seconds, side="right") - 1
    return index


def _calendar(hours: LocalHours, all_s: F64, used_s: F64) -> Calendar:
    """Days from the first to the last session; sessions of any energy show that data exists."""
    week_day = hours.hour_of_week // 24
    day = np.concatenate(([0], np.cumsum(np.diff(week_day) != 0))).astype(np.int64)
    days = int(day[hour_index(hours, all_s[-1:])][0]) + 1
    inside = day < days
    first_hour = np.searchsorted(day, np.arange(days))
    weekday = week_day[first_hour].astype(np.int64)
    any_visit = np.bincount(day[hour_index(hours, all_s)], minlength=days)
    visits = np.bincount(day[hour_index(hours, used_s)], minlength=days)
    found = holes(any_visit.astype(np.int64), weekday)
    counted = np.ones(days, dtype=bool)
    for hole in found:
        counted[hole.first_day : hole.first_day + hole.days] = False
    trimmed = LocalHours(
        hours.begin_s[: int(inside.sum()) + 1], hours.hour_of_week[: int(inside.sum())]
    )
    return Calendar(trimmed, day[inside], weekday, visits.astype(np.int64), counted, found)


def holes(visits: I64, weekday: I64) -> tuple[Hole, ...]:
    """Runs of at least two days without a session that chance would hardly leave.

    A run is a hole if a Poisson process with the mean of each weekday (over the days outside runs)
    leaves it empty with a probability below one in a million. Quiet weekends are no holes.
    """
    empty = visits == 0
    edges = np.flatnonzero(np.diff(np.concatenate(([0], empty.astype(np.int64), [0]))))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    long = [(a, b) for a, b in runs if b - a >= 7]
    sure = np.ones(len(visits), dtype=bool)
    for a, b in long:
        sure[a:b] = False
    total = np.bincount(weekday[sure], visits[sure], 7)
    mean = total / np.maximum(np.bincount(weekday[sure], minlength=7), 1)
    return tuple(
        Hole(a, b - a)
        for a, b in runs
        if b - a >= _HOLE_LEAST_DAYS and np.exp(-mean[weekday[a:b]].sum()) < _HOLE_CHANCE
    )


def _week(calendar: Calendar, index: I64) -> WeekFit:
    """Hours and days, or 168 rates, whichever predicts left-out weeks better.

    The data is cut into even and odd weeks; each half is predicted from the other by both shapes.
    168 rates need four weeks at least, and a better Poisson likelihood of the left-out weeks.
    """
    hour_of_week = calendar.hours.hour_of_week[index].astype(np.int64)
    day = calendar.day_of_hour[index]
    simple = _day_types(hour_of_week, calendar.exposure)
    weeks = int(calendar.counted.sum()) / 7.0
    if weeks < _FOLD_WEEKS:
        why = f"{weeks:.1f} weeks of data; 168 rates of their own need {_FOLD_WEEKS}"
        return WeekFit("day types", why, *simple)
    gain = 0.0
    parity = (np.arange(len(calendar.weekday)) // 7) % 2
    for half in (0, 1):
        train, test = (parity != half) & calendar.counted, (parity == half) & calendar.counted
        exposure, other = (
            np.bincount(calendar.weekday[part], minlength=7).astype(np.float64)
            for part in (train, test)
        )
        if (exposure[other > 0] == 0).any():
            why = "the weeks have gaps, so that halves of them cannot be compared"
            return WeekFit("day types", why, *simple)
        learnt = hour_of_week[train[day]]
        counts = np.bincount(hour_of_week[test[day]], minlength=HOURS_A_WEEK)
        days = np.repeat(other, 24)
        gain += _likelihood(counts, days * _own_rates(learnt, exposure))
        gain -= _likelihood(counts, days * _day_types(learnt, exposure)[0])
    if gain > 0.0:
        why = f"168 rates predict left-out weeks better (log likelihood +{gain:.0f})"
        return WeekFit(
            "hour of week", why, _own_rates(hour_of_week, calendar.exposure), *simple[1:]
        )
    why = f"168 rates predict left-out weeks no better (log likelihood {gain:.0f})"
    return WeekFit("day types", why, *simple)


def _likelihood(counts: I64, expected: F64) -> float:
    """Poisson log likelihood without the factorials."""
    expected = np.maximum(expected, 1e-6)
    return float((counts * np.log(expected) - expected).sum())


def _day_types(hour_of_week: I64, exposure: F64) -> tuple[F64, F64, F64, F64]:
    """(168 rates, weekday hours, weekend hours, weights of days), the last three as shares.

    A day that the data does not hold has the mean of its kind (weekday or weekend), or of all.
    """
    counts = np.bincount(hour_of_week, minlength=HOURS_A_WEEK).reshape(7, 24).astype(np.float64)
    smooth = _around(counts.sum(axis=0))
    weekday = _share(counts[:5].sum(axis=0), _around(counts[:5].sum(axis=0)), smooth)
    weekend = _share(counts[5:].sum(axis=0), smooth, smooth)
    per_day = counts.sum(axis=1) / np.maximum(exposure, 1.0)
    known = exposure > 0
    for kind in (slice(0, 5), slice(5, 7)):
        seen = known[kind]
        like = per_day[kind][seen].mean() if seen.any() else per_day[known].mean()
        per_day[kind] = np.where(seen, per_day[kind], like)
    rates = per_day[:, None] * np.vstack([weekday] * 5 + [weekend] * 2)
    return rates.ravel(), weekday, weekend, per_day / per_day.sum()


def _around(counts: F64) -> F64:
    """Each hour averaged with its neighbours round the clock, weights 1 2 1."""
    smooth: F64 = (np.roll(counts, 1) + 2.0 * counts + np.roll(counts, -1)) / 4.0
    return smooth


def _share(counts: F64, prior: F64, other: F64) -> F64:
    """Shares of the hours, drawn towards ``prior`` by `PRIOR_VISITS`."""
    prior = prior if prior.sum() > 0 else other
    drawn: F64 = counts + PRIOR_VISITS * prior / prior.sum()
    shares: F64 = drawn / drawn.sum()
    return shares


def _own_rates(hour_of_week: I64, exposure: F64) -> F64:
    """168 rates, each drawn towards its kind of day: the mean of a gamma-Poisson model."""
    expected = _day_types(hour_of_week, exposure)[0]
    counts = np.bincount(hour_of_week, minlength=HOURS_A_WEEK)
    days = np.repeat(exposure, 24)
    prior = np.where(expected > 0, HOUR_PRIOR_VISITS / np.maximum(expected, 1e-12), 1.0)
    rates: F64 = (counts + np.where(expected > 0, HOUR_PRIOR_VISITS, 0.0)) / (days + prior)
    return rates


def _stays(hour: I64, log_stay: F64) -> StayFit:
    """Lognormal stays by hour of arrival.

    The mean of an hour is drawn towards the mean of all by the ratio of the variance within hours
    to that between them (one-way random effects, by moments); the variance towards the pooled one
    as if that came from `SIGMA_PRIOR` sessions.
    """
    n = np.bincount(hour, minlength=24).astype(np.float64)
    total = len(hour)
    mean = np.bincount(hour, log_stay, 24) / np.maximum(n, 1.0)
    squares = np.bincount(hour, (log_stay - mean[hour]) ** 2, 24)
    groups = int((n > 0).sum())
    within = float(squares.sum() / max(total - groups, 1))
    grand = float(log_stay.mean())
    spread = float((n * (mean - grand) ** 2).sum())
    between = (spread - (groups - 1) * within) / max(total - float((n**2).sum()) / total, 1e-12)
    weight = within / between if between > 1e-9 * within and groups > 1 else np.inf
    if np.isinf(weight):
        mu, variance = np.full(24, grand), np.full(24, float(log_stay.var(ddof=1)))
        return StayFit(mu, np.sqrt(variance), n.astype(np.int64), float(weight))
    mu = (n * mean + weight * grand) / (n + weight)
    freedom = np.maximum(n - 1.0, 0.0)
    variance = (squares + SIGMA_PRIOR * within) / (freedom + SIGMA_PRIOR)
    return StayFit(mu, np.sqrt(variance), n.astype(np.int64), float(weight))


def _correlation(z: F64, log_energy: F64) -> float:
    if z.std() <= 0 or log_energy.std() <= 0:
        return 0.0
    return float(np.clip(np.corrcoef(z, log_energy)[0, 1], -0.99, 0.99))
