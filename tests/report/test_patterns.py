"""Durations, weeks, days, waits and coincidence: each against what it is by definition."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from simulator.report import patterns
from simulator.report.plots.axes import Clock

ZONE = ZoneInfo("Europe/Berlin")
MONDAY = Clock(datetime(2026, 3, 23, tzinfo=ZONE), ZONE)  # clocks go forward on the Sunday
POWERS = hs.lists(hs.floats(0, 1e4), min_size=1, max_size=2000)


@given(POWERS)
@settings(deadline=None, max_examples=60)
def test_a_load_duration_curve_falls_from_the_peak_and_keeps_the_mean(values: list[float]) -> None:
    kw = np.array(values)
    curve = patterns.duration(kw, 900.0)
    assert curve.peak_kw == kw.max()
    assert curve.kw[-1] == kw.min()
    assert (np.diff(curve.kw) <= 0).all()
    assert (np.diff(curve.share) >= 0).all()
    assert (curve.share[0], curve.share[-1]) == (0.0, 1.0)
    assert curve.mean_kw == pytest.approx(kw.mean())
    assert curve.hours == len(kw) / 4


def test_the_area_under_a_load_duration_curve_is_the_energy() -> None:
    kw = np.random.default_rng(1).gamma(2.0, 100.0, 35_040)
    curve = patterns.duration(kw, 900.0)
    assert len(curve.kw) < 1000
    assert np.trapezoid(curve.kw, curve.share) == pytest.approx(kw.mean(), rel=2e-3)
    level = np.quantile(kw, 0.9)
    assert curve.share_above(level) == pytest.approx(0.1, abs=2e-3)


def test_week_means_follow_local_time_over_the_change_of_clocks() -> None:
    seconds = np.arange(167 + 168) * 3600.0
    local = patterns.local_hour_of_week(seconds, MONDAY).astype(int)
    assert local[:6].tolist() == [0, 1, 2, 3, 4, 5]
    assert 6 * 24 + 2 not in local[:167]  # the Sunday has no 02:00
    means = patterns.week_means(seconds, local.astype(float), 3600.0, MONDAY)
    assert np.array_equal(means.ravel(), np.arange(168.0))


def test_hours_that_a_run_does_not_reach_are_empty() -> None:
    means = patterns.week_means(np.arange(30) * 3600.0, np.ones(30), 3600.0, MONDAY)
    assert np.isfinite(means).sum() == 30
    assert np.isnan(means[1, 6])


def test_long_intervals_count_in_every_hour_that_they_reach_into() -> None:
    means = patterns.week_means(np.arange(6) * 14_400.0, np.arange(6.0), 14_400.0, MONDAY)
    assert means[0].tolist() == np.repeat(np.arange(6.0), 4).tolist()


@pytest.mark.parametrize("interval_s", [900.0, 1800.0, 3600.0, 7200.0])
def test_a_mean_day_and_its_band(interval_s: float) -> None:
    n = round(10 * 86_400 / interval_s)
    seconds = np.arange(n) * interval_s
    day = np.arange(n) * interval_s // 86_400
    curve = patterns.day_curve(seconds, day, interval_s, Clock(MONDAY.start, ZoneInfo("UTC")))
    assert curve.days in (10, 11)
    plain = patterns.day_curve(seconds, day, interval_s, Clock())
    assert plain.mean == pytest.approx(np.full(len(plain.hour), 4.5))
    assert plain.low == pytest.approx(np.full(len(plain.hour), 0.9))
    assert plain.high == pytest.approx(np.full(len(plain.hour), 8.1))


@given(hs.lists(hs.floats(0, 1e4) | hs.just(0.0), min_size=1, max_size=400))
@settings(deadline=None, max_examples=60)
def test_a_waiting_tail_is_the_share_that_waits_longer(values: list[float]) -> None:
    waits = np.array(values)
    tail = patterns.waiting_tail(waits)
    assert tail.visits == len(waits)
    assert tail.waited == pytest.approx((waits > 0).mean())
    for at, share in zip(tail.seconds, tail.share, strict=True):
        assert share <= (waits >= at).mean() + 1e-12
        assert share >= (waits > at).mean() - 1e-12
    assert (np.diff(tail.share) <= 0).all()


def test_a_tail_of_counts_agrees_with_the_tail_of_values() -> None:
    waits = np.concatenate((np.zeros(500), np.random.default_rng(2).exponential(300.0, 500)))
    edges = np.concatenate(([0.0], np.geomspace(0.1, 1e4, 400)))
    count, _ = np.histogram(waits[waits > 0], edges)
    low, high = np.append(0.0, edges[:-1]), np.append(0.0, edges[1:])
    counted = patterns.counted_tail(low, high, np.append(500.0, count))
    exact = patterns.waiting_tail(waits)
    assert counted.visits == 1000
    assert counted.waited == exact.waited == 0.5
    for seconds in (10.0, 100.0, 300.0, 900.0):
        assert counted.longer_than(seconds) == pytest.approx(exact.longer_than(seconds), abs=0.01)


def test_equal_loads_coincide_wholly_and_disjoint_ones_do_not() -> None:
    same = patterns.coincidence(np.ones((10, 24)) * 7.2, (1, 5, 10), rated_kw=7.2)
    assert same.mean == pytest.approx([1.0, 1.0, 1.0])
    apart = patterns.coincidence(np.eye(10) * 7.2, (1, 2, 5, 10), rated_kw=7.2)
    assert apart.mean == pytest.approx([1.0, 0.5, 0.2, 0.1])


@given(hs.integers(0, 1000), hs.integers(2, 30))
@settings(deadline=None, max_examples=25)
def test_coincidence_lies_between_nothing_and_one(seed: int, count: int) -> None:
    kw = np.random.default_rng(seed).gamma(0.5, 3.0, (count, 48))
    found = patterns.coincidence(kw, range(1, count + 5), draws=20, seed=seed)
    assert found.size.tolist() == list(range(1, count + 1))
    assert found.mean[0] == pytest.approx(1.0)
    assert ((found.mean > 0) & (found.mean <= 1 + 1e-12)).all()
    assert (found.low <= found.mean + 1e-12).all() and (found.mean <= found.high + 1e-12).all()
    again = patterns.coincidence(kw, range(1, count + 5), draws=20, seed=seed)
    assert np.array_equal(found.mean, again.mean)


@pytest.mark.parametrize("load", [np.ones(5), np.ones((0, 5)), np.full((2, 2), np.nan)])
def test_a_load_of_the_wrong_shape_is_refused(load: object) -> None:
    with pytest.raises(ValueError, match="expected finite kW of shape"):
        patterns.coincidence(load)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (5, 2.5706), (19, 2.0930)],
)
def test_confidence_intervals_are_students(freedom: int, t: float) -> None:
    values = np.random.default_rng(freedom).normal(5, 2, freedom + 1)
    found = patterns.estimate(values)
    half = t * values.std(ddof=1) / np.sqrt(freedom + 1)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=2e-3)
    assert patterns.estimate([4.0]).n == 1
    assert np.isnan(patterns.estimate([4.0]).low)


@given(hs.lists(hs.tuples(hs.integers(0, 20), hs.integers(0, 20)), min_size=1, max_size=30))
def test_the_frontier_holds_what_nothing_beats(points: list[tuple[int, int]]) -> None:
    x, y = np.array(points, dtype=float).T
    kept = set(patterns.frontier(x, y).tolist())
    for row in range(len(points)):
        beaten = ((x <= x[row]) & (y <= y[row]) & ((x < x[row]) | (y < y[row]))).any()
        if row in kept:
            assert not beaten
        elif not beaten:  # a twin stands for it
            assert any((x[k], y[k]) == (x[row], y[row]) for k in kept)
