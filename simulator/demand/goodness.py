"""How well a fitted profile describes the sessions it was fitted to.

Three questions: do days vary as a Poisson process does, how far are the distributions of stay and
energy from lognormal, and does a replay (visits drawn from the profile by the very code that a
simulation uses) fill the EVSEs hour by hour as the data did. No test here has a p-value from a
table: parameters were fitted to the same data, so ranges come from the replays. Called by the
public API's calibration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.demand.arrivals import HOURS_A_WEEK, arrivals, hazard
from simulator.demand.calibrate import Fit, Observed, hour_index
from simulator.demand.draws import generator
from simulator.demand.drivers import draw_wants

if TYPE_CHECKING:
    from simulator.scenario import ArrivalProfile

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

REPLAYS = 40
_ROOMY_KWH = 1e6
"""Battery of the replayed cars: the energy of a visit is what the profile says, uncut."""


@dataclass(frozen=True, slots=True)
class Days:
    """Visits per day against those expected."""

    dispersion: float
    """Squared deviations over expected counts, per degree of freedom: 1 for a Poisson process."""
    low: float
    high: float
    """The middle 95 % of it over the replays."""
    verdict: str
    """``Poisson``, ``over-dispersed`` or ``under-dispersed``."""
    observed: F64
    expected: F64
    """Per day of the data, 0 within holes."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution: data against model."""

    distance: float
    """Kolmogorov-Smirnov distance: the largest difference of the distribution functions."""
    data: tuple[float, ...]
    """Mean, and the quantiles of `QUANTILES`."""
    model: tuple[float, ...]
    values: F64
    drawn: F64
    """Data and replayed values themselves: hours of stay, kWh."""


@dataclass(frozen=True, slots=True)
class Week:
    """A mean per hour of the week (168,): data, model (mean of the replays) and its 95 % range."""

    data: F64
    model: F64
    low: F64
    high: F64

    @property
    def inside(self) -> float:
        """Share of the hours in which the data lies in the range of the replays."""
        return float(((self.data >= self.low - 1e-9) & (self.data <= self.high + 1e-9)).mean())

    @property
    def peak(self) -> tuple[float, float]:
        """Largest hour of the data, and of the model."""
        return float(self.data.max()), float(self.model.max())


QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Goodness:
    """Everything that the page shows."""

    days: Days
    stay_h: Spread
    energy_kwh: Spread
    arrival_hour: NDArray[np.int32]
    """Local hour of arrival 0..23 of the sessions behind ``stay_h.values``."""
    arrivals: Week
    """Visits per hour."""
    occupied: Week
    """Vehicles plugged in."""
    energy: Week
    """kWh of the sessions that begin in the hour."""
    replays: int


def goodness(
    seen: Observed, fit: Fit, profile: ArrivalProfile, seed: int = 1, replays: int = REPLAYS
) -> Goodness:
    """Compare the data with ``replays`` draws of the same period from ``profile``."""
    calendar = fit.calendar
    hours = calendar.hours
    rows = fit.used & _counted(fit, seen.start_s)
    start, stay = seen.start_s[rows], seen.stay_s[rows]
    kwh = seen.energy_kwh[rows]
    expected = _expected_days(fit)
    drawn = [_replay(seen, fit, profile, seed, number) for number in range(replays)]
    tables = [_tables(fit, *visits) for visits in drawn]
    mine = _tables(fit, start, stay, kwh)
    weeks = [Week(mine[k], *_range(np.array([table[k] for table in tables]))) for k in range(3)]
    counts = np.where(calendar.counted, calendar.visits, 0).astype(np.float64)
    shown = [_day_counts(fit, visits[0]) for visits in drawn]
    stays = np.concatenate([visits[1] for visits in drawn]) / 3600.0
    energies = np.concatenate([visits[2] for visits in drawn])
    all_stay, all_kwh = seen.stay_s[fit.used] / 3600.0, seen.energy_kwh[fit.used]
    hour = hours.hour_of_week[hour_index(hours, seen.start_s[fit.used])] % 24
    z_stay = (np.log(all_stay) - fit.stay.mu[hour]) / np.maximum(fit.stay.sigma[hour], 1e-9)
    z_energy = (np.log(all_kwh) - fit.energy[0]) / max(fit.energy[1], 1e-9)
    return Goodness(
        days=_days(counts, expected, shown, fit),
        stay_h=Spread(_distance(z_stay), _figures(all_stay), _figures(stays), all_stay, stays),
        energy_kwh=Spread(
            _distance(z_energy), _figures(all_kwh), _figures(energies), all_kwh, energies
        ),
        arrival_hour=hour,
        arrivals=weeks[0],
        occupied=weeks[1],
        energy=weeks[2],
        replays=replays,
    )


def _replay(
    seen: Observed, fit: Fit, profile: ArrivalProfile, seed: int, number: int
) -> tuple[F64, F64, F64]:
    """(start, stay, energy) of visits drawn over the period of the data, holes left out."""

    def stream(name: str) -> np.random.Generator:
        return generator(seed, "calibration", number, name)

    end_s = float(fit.calendar.hours.begin_s[-1])
    table = hazard(profile.hour_of_week, seen.origin, seen.zone, end_s)
    start, hour = arrivals(table, fit.visits_per_day, end_s, stream("gap"))
    n = len(start)
    battery = np.full(n, _ROOMY_KWH)
    wants = draw_wants(profile, start, hour, battery, np.ones(n), stream)
    keep = _counted(fit, start)
    stay = (wants.departure_s - start)[keep]
    return start[keep], stay, ((wants.target_soc - wants.soc) * _ROOMY_KWH)[keep]


def _counted(fit: Fit, start_s: F64) -> NDArray[np.bool_]:
    calendar = fit.calendar
    index = np.minimum(hour_index(calendar.hours, start_s), len(calendar.day_of_hour) - 1)
    return calendar.counted[calendar.day_of_hour[index]]


def _tables(fit: Fit, start: F64, stay: F64, kwh: F64) -> tuple[F64, F64, F64]:
    """Visits, plugged-in vehicles and energy begun, as means per hour of the week."""
    calendar = fit.calendar
    hours = calendar.hours
    kept = calendar.counted[calendar.day_of_hour]
    of_week = hours.hour_of_week[kept]
    length = np.bincount(of_week, np.diff(hours.begin_s)[kept], HOURS_A_WEEK)
    length = np.where(length > 0, length, np.nan)
    begun = hours.hour_of_week[hour_index(hours, start)]
    visits = np.bincount(begun, minlength=HOURS_A_WEEK) * 3600.0 / length
    energy = np.bincount(begun, kwh, HOURS_A_WEEK) * 3600.0 / length
    plugged = np.diff(_before(start, hours.begin_s) - _before(start + stay, hours.begin_s))
    occupied = np.bincount(of_week, plugged[kept], HOURS_A_WEEK) / length
    return np.nan_to_num(visits), np.nan_to_num(occupied), np.nan_to_num(energy)


def _before(moments: F64, at: F64) -> F64:
    """For each of ``at``, the seconds that passed since each earlier moment, summed."""
    moments = np.sort(moments)
    sums = np.concatenate(([0.0], np.cumsum(moments)))
    count = np.searchsorted(moments, at, side="right")
    passed: F64 = count * at - sums[count]
    return passed


def _range(tables: F64) -> tuple[F64, F64, F64]:
    low, high = np.quantile(tables, (0.025, 0.975), axis=0)
    return tables.mean(axis=0), low, high


def _expected_days(fit: Fit) -> F64:
    """Visits per day that the fit expects; days of 23 or 25 hours by their hours."""
    calendar = fit.calendar
    hours = calendar.hours
    length_h = np.diff(hours.begin_s) / 3600.0
    rate = fit.week.hour_of_week[hours.hour_of_week] * length_h
    expected = np.bincount(calendar.day_of_hour, rate, len(calendar.weekday))
    return np.where(calendar.counted, expected, 0.0)


def _day_counts(fit: Fit, start: F64) -> F64:
    calendar = fit.calendar
    day = calendar.day_of_hour[hour_index(calendar.hours, start)]
    return np.bincount(day, minlength=len(calendar.weekday)).astype(np.float64)


def _days(counts: F64, expected: F64, replayed: list[F64], fit: Fit) -> Days:
    some = expected > 0.05
    fitted = int((fit.calendar.exposure > 0).sum())
    freedom = max(int(some.sum()) - fitted, 1)

    def index(found: F64, degrees: float) -> float:
        return float(((found - expected)[some] ** 2 / expected[some]).sum() / degrees)

    if not some.any():
        return Days(math.nan, math.nan, math.nan, "unknown", counts, expected)
    low, high = np.quantile([index(found, some.sum()) for found in replayed], (0.025, 0.975))
    value = index(counts, freedom)
    verdict = "Poisson"
    if value > high:
        verdict = "over-dispersed"
    elif value < low:
        verdict = "under-dispersed"
    return Days(value, float(low), float(high), verdict, counts, expected)


def _distance(z: F64) -> float:
    """Largest difference of the distribution of ``z`` from the standard normal."""
    z = np.sort(z)
    n = len(z)
    normal = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in z.tolist()])
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - normal).max(), (normal - steps[:-1]).max()))


def _figures(values: F64) -> tuple[float, ...]:
    return (float(values.mean()), *(float(q) for q in np.quantile(values, QUANTILES)))


def quiet_stretch(fit: Fit) -> tuple[int, int, float] | None:
    """(first day, days, level) of the longest stretch of weeks below half the usual, or None.

    Weeks on end with less than half the median week's visits, at least three: a lockdown, a
    closure, a site that was still growing. They are part of the fit.
    """
    calendar = fit.calendar
    weeks = len(calendar.weekday) // 7
    if weeks < 6:
        return None
    counted = calendar.counted[: weeks * 7].reshape(weeks, 7)
    visits = np.where(counted, calendar.visits[: weeks * 7].reshape(weeks, 7), 0).sum(axis=1)
    whole = counted.all(axis=1)
    if whole.sum() < 6:
        return None
    usual = float(np.median(visits[whole]))
    low = whole & (visits < 0.5 * usual)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], low.astype(np.int64), [0]))))
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 3]
    if not runs or usual <= 0:
        return None
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return first * 7, (last - first) * 7, float(visits[first:last].mean() / usual)
