"""Calibration gives back the profile that the visits were drawn from, and judges what it fitted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from numpy.typing import NDArray

from simulator.demand import draw_visits
from simulator.demand.calibrate import (
    LEAST_VISITS,
    Observed,
    TooFewError,
    fit_arrivals,
    holes,
)
from simulator.demand.goodness import goodness, quiet_stretch
from simulator.scenario import Scenario

ZONE = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, tzinfo=ZONE)  # daylight saving begins on 29 March
WEEKDAY = [1, 1, 1, 1, 1, 2, 8, 20, 30, 20, 12, 10, 12, 10, 8, 8, 10, 12, 10, 6, 4, 3, 2, 1]
WEEKEND = [3, 2, 1, 1, 1, 1, 2, 3, 6, 10, 14, 16, 16, 16, 15, 14, 12, 10, 8, 6, 5, 4, 4, 3]
DAYS = [10, 11, 12, 11, 10, 5, 4]
STAYS = [[1.6 - 0.08 * abs(h - 8), 0.5 + 0.01 * h] for h in range(24)]
PROFILE = {
    "weekday": WEEKDAY,
    "weekend": WEEKEND,
    "day_of_week": DAYS,
    "stay": {"ln_hours_by_hour": STAYS},
    "energy_ln_kwh": [2.2, 0.6],
    "rho": 0.5,
}
Make = Callable[..., Scenario]


def drawn(make: Make, profile: dict[str, Any], days: int, per_evse: float = 6.0) -> Observed:
    """Visits of ten EVSEs as their meters would have recorded them."""
    big = {"name": "a", "battery_kwh": 1000.0, "ac_kw": 22.0, "ac_phases": 3, "share": 1.0}
    site = {
        "name": "home",
        "stations": [{"model": "t-ac", "count": 5}],
        "arrivals": "t-arrivals",
        "visits_per_evse_day": per_evse,
        "vehicles": "t-cars",
    }
    scenario = make(
        profile=profile,
        cars=[big],
        sites=[site],
        scenario={"start": "2026-03-02T00:00:00", "duration": f"{days}d"},
    )
    visits = draw_visits(scenario, scenario.network().sites[0])
    kwh = (visits.target_soc - visits.soc) * visits.battery_kwh / visits.efficiency_ac
    return Observed(MONDAY, ZONE, visits.arrival_s, visits.departure_s - visits.arrival_s, kwh, 10)


def kept(seen: Observed, keep: NDArray[np.bool_]) -> Observed:
    columns = (seen.start_s, seen.stay_s, seen.energy_kwh)
    return Observed(MONDAY, ZONE, *(column[keep] for column in columns), 10)


@pytest.fixture
def seen(make: Make) -> Observed:
    return drawn(make, PROFILE, 84)


def test_a_known_profile_is_recovered(make: Make, seen: Observed) -> None:
    """84 days of 60 visits: within four standard errors of every parameter."""
    fit = fit_arrivals(seen)
    n = int(fit.used.sum())
    assert fit.visits_per_evse_day == pytest.approx(6.0, abs=4 * 6.0 / np.sqrt(n))
    assert fit.energy[0] == pytest.approx(2.2, abs=4 * 0.6 / np.sqrt(n))
    assert fit.energy[1] == pytest.approx(0.6, abs=4 * 0.6 / np.sqrt(2 * n))
    assert fit.rho == pytest.approx(0.5, abs=4 * 0.75 / np.sqrt(n))
    days = np.array(DAYS) / sum(DAYS)
    assert fit.week.day_of_week == pytest.approx(days, abs=4 * np.sqrt(0.2 / n))
    hours = np.array(WEEKDAY) / sum(WEEKDAY)
    assert np.abs(fit.week.weekday - hours).max() < 4 * np.sqrt(hours.max() / n)
    busy = fit.stay.n > 100
    mu, sigma = np.array(STAYS).T
    error = sigma / np.sqrt(np.maximum(fit.stay.n, 1))
    assert busy.sum() >= 12
    assert (np.abs(fit.stay.mu - mu)[busy] < 4 * error[busy]).all()
    assert (np.abs(fit.stay.sigma - sigma)[busy] < 4 * error[busy]).all()
    assert fit.week.shape == "day types"


def test_the_replay_of_what_fits_agrees_with_the_data(make: Make, seen: Observed) -> None:
    fit = fit_arrivals(seen)
    scenario = make(profile=PROFILE)
    found = goodness(seen, fit, scenario.arrivals["t-arrivals"], replays=20)
    assert found.days.verdict == "Poisson"
    assert found.stay_h.distance < 0.03
    assert found.energy_kwh.distance < 0.03
    assert found.arrivals.inside > 0.8
    assert found.occupied.model.mean() == pytest.approx(found.occupied.data.mean(), rel=0.05)
    assert found.energy_kwh.model == pytest.approx(found.energy_kwh.data, rel=0.05)


def test_occupancy_by_hour_of_week_adds_up_to_the_stays(make: Make, seen: Observed) -> None:
    """Sum over the data: hours plugged in within the period, nothing lost across midnight."""
    fit = fit_arrivals(seen)
    found = goodness(seen, fit, make(profile=PROFILE).arrivals["t-arrivals"], replays=2)
    hours = fit.calendar.hours
    length = np.bincount(hours.hour_of_week, np.diff(hours.begin_s), 168)
    end = hours.begin_s[-1]
    inside = np.minimum(seen.start_s + seen.stay_s, end) - seen.start_s
    assert (found.occupied.data * length).sum() == pytest.approx(inside.sum(), rel=1e-9)
    assert (found.energy.data * length / 3600).sum() == pytest.approx(seen.energy_kwh.sum())


def test_a_week_of_its_own_shape_gets_168_rates(make: Make) -> None:
    """A market on Wednesday morning, which hours and weights of days cannot say."""
    week = np.tile(np.array(WEEKDAY, dtype=float), 7)
    week[2 * 24 + 6 : 2 * 24 + 12] *= 4
    profile = {**PROFILE, "weekday": None, "weekend": None, "day_of_week": None}
    seen = drawn(make, {**profile, "hour_of_week": week.tolist()}, 84)
    fit = fit_arrivals(seen)
    assert fit.week.shape == "hour of week"
    share = fit.week.hour_of_week / fit.week.hour_of_week.sum()
    assert share[54:60].sum() == pytest.approx((week / week.sum())[54:60].sum(), rel=0.1)


def test_short_data_has_no_168_rates(make: Make) -> None:
    fit = fit_arrivals(drawn(make, PROFILE, 14))
    assert fit.week.shape == "day types"
    assert "2.0 weeks" in fit.week.why


def test_days_that_vary_more_than_chance_are_called_over_dispersed(
    make: Make, seen: Observed
) -> None:
    day = (seen.start_s // 86_400).astype(int)
    keep = np.random.default_rng(3).random(len(day)) < np.where(day % 3 == 0, 0.3, 1.0)
    thin = kept(seen, keep)
    profile = make(profile=PROFILE).arrivals["t-arrivals"]
    found = goodness(thin, fit_arrivals(thin), profile, replays=20)
    assert found.days.verdict == "over-dispersed"


def test_a_hole_is_no_exposure(seen: Observed) -> None:
    keep = (seen.start_s < 30 * 86_400) | (seen.start_s > 44 * 86_400)
    fit = fit_arrivals(kept(seen, keep))
    assert [(hole.first_day, hole.days) for hole in fit.calendar.holes] == [(30, 14)]
    assert fit.visits_per_day == pytest.approx(fit_arrivals(seen).visits_per_day, rel=0.05)


def test_empty_weekends_are_no_holes() -> None:
    weekday = np.arange(70) % 7
    assert holes(np.where(weekday < 5, 20, 0), weekday) == ()


@given(hs.lists(hs.integers(0, 3), min_size=7, max_size=60))
@settings(deadline=None, max_examples=50)
def test_holes_hold_no_session_and_do_not_touch(visits: list[int]) -> None:
    counts = np.array(visits)
    found = holes(counts, np.arange(len(counts)) % 7)
    for hole in found:
        assert hole.days >= 2
        assert not counts[hole.first_day : hole.first_day + hole.days].any()
    ends = [hole.first_day + hole.days for hole in found]
    assert all(a < b.first_day for a, b in zip(ends, found[1:], strict=False))


def test_weeks_below_half_the_usual_are_named(seen: Observed) -> None:
    week = (seen.start_s // (7 * 86_400)).astype(int)
    keep = np.random.default_rng(3).random(len(week)) < np.where((week >= 4) & (week < 8), 0.2, 1.0)
    thin = kept(seen, keep)
    first, days, level = quiet_stretch(fit_arrivals(thin)) or (0, 0, 0.0)
    assert (first, days) == (28, 28)
    assert level == pytest.approx(0.2, abs=0.05)
    assert quiet_stretch(fit_arrivals(seen)) is None


def test_what_a_profile_cannot_draw_is_counted_and_not_fitted(seen: Observed) -> None:
    stay, kwh = seen.stay_s.copy(), seen.energy_kwh.copy()
    kwh[:5], kwh[5:7] = 0.1, 300.0
    stay[10:13], stay[20] = 30.0, 10 * 86_400.0
    fit = fit_arrivals(Observed(MONDAY, ZONE, seen.start_s, stay, kwh, 10))
    assert (fit.too_little, fit.too_much, fit.too_short, fit.too_long) == (5, 2, 3, 1)
    assert fit.used.sum() == len(kwh) - 11


def test_few_sessions_are_refused() -> None:
    n = LEAST_VISITS - 1
    few = Observed(MONDAY, ZONE, np.arange(n) * 3600.0, np.full(n, 600.0), np.full(n, 5.0), None)
    with pytest.raises(TooFewError, match=f"not {n} of {n}"):
        fit_arrivals(few)


@given(hs.integers(0, 2**32 - 1), hs.integers(LEAST_VISITS, 120), hs.integers(1, 40))
@settings(deadline=None, max_examples=40)
def test_any_sessions_give_finite_figures(seed: int, n: int, days: int) -> None:
    rng = np.random.default_rng(seed)
    start = np.sort(rng.uniform(0, days * 86_400, n))
    origin = MONDAY + timedelta(days=int(rng.integers(7)))
    found = fit_arrivals(
        Observed(origin, ZONE, start, rng.uniform(120, 432_000, n), rng.uniform(0.5, 200, n), None)
    )
    for values in (found.week.hour_of_week, found.stay.mu, found.stay.sigma, found.energy):
        assert np.isfinite(values).all()
    assert found.week.hour_of_week.min() >= 0
    assert (found.stay.sigma > 0).all()
    assert found.visits_per_evse_day is None
