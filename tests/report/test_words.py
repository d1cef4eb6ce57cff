"""Numbers as text, and ticks that follow the local clock."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.report import words
from simulator.report.canvas import plot
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import Clock, latency_axis, thinned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.figure(1234567), "1 234 567"),
        (words.figure(0.0004133), "0.000413"),
        (words.figure(-12.345), "−12.3"),
        (words.figure(42.999999), "43"),
        (words.figure(99.99), "100"),
        (words.figure(0.5), "0.500"),
        (words.figure(-1e-9), "0"),
        (words.figure(None), "–"),
        (words.figure(math.nan), "–"),
        (words.figure(math.inf), "–"),
        (words.latency(0.42), "0.420 ms"),
        (words.latency(999.4), "999 ms"),
        (words.latency(999.6), "1 s"),
        (words.latency(12_300), "12.3 s"),
        (words.energy(912.4), "912 kWh"),
        (words.energy(44321.5), "44.3 MWh"),
        (words.energy(1.5e7), "15 GWh"),
        (words.power(587.25), "587 kW"),
        (words.power(12_345), "12.3 MW"),
        (words.share(0.0413), "4.13 %"),
        (words.share(0.5), "50 %"),
        (words.share(-0.001), "−0.1 %"),
        (words.duration(0.05), "50 ms"),
        (words.duration(0), "0 s"),
        (words.duration(604800), "7 d"),
        (words.duration(95), "1 min 35 s"),
        (words.duration(4210), "1 h 10 min"),
        (words.duration(59.9999), "60 s"),
        (words.plural(1, "station"), "1 station"),
        (words.plural(1000, "station"), "1 000 stations"),
        (words.tick(0.30000000000000004), "0.3"),
        (words.tick(2000), "2 000"),
    ],
)
def test_numbers_read_as_people_write_them(text: str, expected: str) -> None:
    assert text.replace(words.NARROW, " ") == expected


@given(st.floats(min_value=1e-6, max_value=1e14))
def test_three_digits_are_within_half_a_percent(value: float) -> None:
    shown = float(words.figure(value).replace(words.NARROW, ""))
    assert shown == pytest.approx(value, rel=6e-3, abs=5.1e-7)


@given(st.integers(1, 5000), st.integers(0, 2**32))
def test_a_thinned_line_keeps_its_extremes_and_its_order(n: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=n)
    x, kept = thinned(np.arange(n, dtype=float), y, 200)
    assert len(x) <= 202
    assert kept.max() == y.max()
    assert kept.min() == y.min()
    assert (np.diff(x) > 0).all()


def _ticks(start: datetime, zone: str, seconds: float) -> tuple[list[float], list[str]]:
    found: list[tuple[float, str]] = []

    def draw(figure: object, axes: object) -> None:
        axes.plot([0, seconds], [0, 1])  # type: ignore[attr-defined]
        Clock(start, ZoneInfo(zone)).label(axes, 0.0, seconds)  # type: ignore[arg-type]
        axis = axes.xaxis  # type: ignore[attr-defined]
        labels = axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
        found.extend(zip(axis.get_majorticklocs(), labels, strict=True))

    assert isinstance(plot("test", "Test", "", draw, wide=True), Plot)
    return [at for at, _ in found], [label for _, label in found]


def test_ticks_stay_at_local_midnight_across_a_change_to_summer_time() -> None:
    start = datetime(2026, 3, 27, tzinfo=ZoneInfo("Europe/Berlin"))
    at, labels = _ticks(start, "Europe/Berlin", 5 * 86400.0)
    assert labels[:3] == ["Fri 27 Mar", "Sat 28 Mar", "Sun 29 Mar"]
    hours = [(b - a) / 3600 for a, b in pairwise(at)]
    assert hours == [24, 24, 23, 24, 24]


def test_ticks_of_a_day_are_whole_local_hours_also_in_a_zone_of_half_hours() -> None:
    start = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
    at, labels = _ticks(start, "Asia/Kolkata", 86400.0)
    assert labels[0] == "15:00" or labels[0] == "18:00"
    assert all(label == "" or ":00" in label or "Jun" in label for label in labels)
    assert len(at) > 4


@given(
    st.floats(min_value=1e-3, max_value=1e6),
    st.floats(min_value=1.0, max_value=1e8),
)
def test_a_latency_axis_has_ticks_within_its_bounds(low: float, ratio: float) -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    latency_axis(axes.yaxis, low, low * ratio)
    bottom, top = axes.get_ylim()
    assert bottom < low
    assert low * ratio < top or math.isclose(low * ratio, top)
    assert all(bottom * 0.999 <= tick <= top * 1.001 for tick in axes.yaxis.get_majorticklocs())


def test_a_drawing_without_data_is_absent_and_says_why() -> None:
    from simulator.report.plots import people

    found = people.histogram("x", "Waiting", "", np.array([]), "min", noun="visits")
    assert found == Absent("Waiting", "there are no visits to count")
