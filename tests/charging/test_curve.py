"""The closed form of a session: against a stepped twin, and properties that must hold anywhere."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.charging.curve import (
    advance_soc,
    gained,
    least_kw,
    piece,
    power_at,
    time_to_soc,
)

FLAT = ([0.0, 1.0], [math.inf, math.inf])
TAPER = ([0.0, 0.3, 0.7, 0.8, 1.0], [125.0, 125.0, 65.0, 65.0, 22.0])
# A car that rises, jumps down within a per cent, and falls (knots of a real curve).
STEPS = (
    [0.0, 0.10, 0.22, 0.23, 0.37, 0.38, 0.47, 0.48, 0.55, 0.56, 0.70, 0.80, 1.0],
    [200.0, 210.0, 232.0, 185.0, 185.0, 175.0, 175.0, 155.0, 155.0, 130.0, 130.0, 100.0, 11.0],
)


@st.composite
def curves(draw):
    """Curves with 2 to 8 knots that rise, fall, stay level, and now and then jump."""
    inner = draw(st.lists(st.integers(1, 9_998), max_size=6, unique=True))
    soc = [0.0, *sorted(n / 10_000 for n in inner), 1.0]
    if draw(st.booleans()) and len(soc) < 8:
        soc.insert(-1, 0.5 * (soc[-2] + 1.0))
        soc.insert(-1, soc[-2] + 1e-7)
        soc.sort()
    kw = [draw(st.sampled_from([1.0, 7.5, 22.0, 60.0, 150.0, 350.0])) for _ in soc]
    return soc, kw


def stepped(soc, dt_s, cap_kw, capacity_kwh, knots, steps=20_000):
    """The same course in small Runge-Kutta steps of fourth order."""

    def rate(s):
        return power_at(min(s, 1.0 - 1e-12), cap_kw, *knots, 0, len(knots[0])) / (
            3600.0 * capacity_kwh
        )

    h = dt_s / steps
    for _ in range(steps):
        a = rate(soc)
        b = rate(soc + 0.5 * h * a)
        c = rate(soc + 0.5 * h * b)
        d = rate(soc + h * c)
        soc = min(1.0, soc + h * (a + 2 * b + 2 * c + d) / 6.0)
    return soc


@pytest.mark.parametrize("knots", [TAPER, STEPS], ids=["taper", "steps"])
@pytest.mark.parametrize("cap_kw", [50.0, 110.0, 180.0, 400.0])
@pytest.mark.parametrize("minutes", [5.0, 20.0, 60.0])
def test_the_closed_form_agrees_with_a_stepped_twin(knots, cap_kw, minutes):
    exact = advance_soc(0.07, 60.0 * minutes, cap_kw, 72.0, *knots, 0, len(knots[0]))
    assert exact == pytest.approx(stepped(0.07, 60.0 * minutes, cap_kw, 72.0, knots), abs=2e-6)


def test_constant_current_constant_voltage_as_in_the_literature():
    """SoC(t) = 1 - (1 - s0) exp(-P t / (C (1 - s*))) beyond the knee s* of a taper to zero."""
    power, capacity, knee, start = 50.0, 60.0, 0.8, 0.85
    end = 1.0 - 1e-9
    knots = ([0.0, knee, end, 1.0], [power, power, power * (1 - end) / (1 - knee), 1e-9])
    for minutes in (1.0, 10.0, 30.0):
        expected = 1 - (1 - start) * math.exp(-power * (minutes / 60.0) / (capacity * (1 - knee)))
        got = advance_soc(start, 60.0 * minutes, 1e3, capacity, *knots, 0, 4)
        assert got == pytest.approx(expected, rel=1e-13)


def test_a_flat_curve_charges_linearly():
    assert advance_soc(0.2, 3600.0, 11.0, 55.0, *FLAT, 0, 2) == pytest.approx(0.4, rel=1e-15)
    assert time_to_soc(0.2, 0.4, 11.0, 55.0, *FLAT, 0, 2) == pytest.approx(3600.0, rel=1e-15)


def test_a_nearly_level_slope_loses_no_digits():
    level = advance_soc(0.1, 1800.0, 1e3, 60.0, [0.0, 1.0], [50.0, 50.0], 0, 2)
    nearly = advance_soc(0.1, 1800.0, 1e3, 60.0, [0.0, 1.0], [50.0, 50.0 + 1e-10], 0, 2)
    assert nearly == pytest.approx(level, rel=1e-11)
    assert nearly >= level


def test_a_slice_of_the_knots_is_its_own_curve():
    soc = [*TAPER[0], *STEPS[0]]
    kw = [*TAPER[1], *STEPS[1]]
    k0, k1 = len(TAPER[0]), len(soc)
    alone = advance_soc(0.1, 900.0, 300.0, 70.0, *STEPS, 0, len(STEPS[0]))
    assert advance_soc(0.1, 900.0, 300.0, 70.0, soc, kw, k0, k1) == alone


def test_a_vertical_jump_is_allowed():
    knots = ([0.0, 0.5, 0.5, 1.0], [100.0, 100.0, 40.0, 40.0])
    assert power_at(0.5, 200.0, *knots, 0, 4) == 40.0
    assert time_to_soc(0.4, 0.6, 200.0, 10.0, *knots, 0, 4) == pytest.approx(36.0 + 90.0)


def test_nothing_flows_without_a_cap_or_into_a_full_battery():
    assert power_at(1.0, 50.0, *TAPER, 0, 5) == 0.0
    assert power_at(0.5, 0.0, *TAPER, 0, 5) == 0.0
    assert advance_soc(0.5, 1e6, 0.0, 60.0, *TAPER, 0, 5) == 0.5
    assert advance_soc(0.5, 1e9, 50.0, 60.0, *TAPER, 0, 5) == 1.0
    assert time_to_soc(0.5, 0.6, 0.0, 60.0, *TAPER, 0, 5) == math.inf
    assert time_to_soc(0.5, 0.5, 50.0, 60.0, *TAPER, 0, 5) == 0.0
    assert time_to_soc(0.5, 0.4, 50.0, 60.0, *TAPER, 0, 5) == 0.0


states = {
    "knots": curves(),
    "soc": st.floats(0.0, 0.999),
    "cap_kw": st.sampled_from([1.4, 11.0, 22.0, 49.9, 60.0, 149.0, 500.0]),
    "capacity_kwh": st.floats(5.0, 120.0),
}


@settings(max_examples=300, deadline=None)
@given(**states, target=st.floats(0.0, 1.0))
def test_time_and_advance_are_inverse(knots, soc, cap_kw, capacity_kwh, target):
    n = len(knots[0])
    needed_s = time_to_soc(soc, target, cap_kw, capacity_kwh, *knots, 0, n)
    if target <= soc:
        assert needed_s == 0.0
    else:
        reached = advance_soc(soc, needed_s, cap_kw, capacity_kwh, *knots, 0, n)
        assert reached == pytest.approx(target, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(**states, dt_s=st.floats(0.0, 7200.0), part=st.floats(0.0, 1.0))
def test_two_steps_are_one(knots, soc, cap_kw, capacity_kwh, dt_s, part):
    n = len(knots[0])

    def after(start, seconds):
        return advance_soc(start, seconds, cap_kw, capacity_kwh, *knots, 0, n)

    assert after(after(soc, part * dt_s), dt_s - part * dt_s) == pytest.approx(
        after(soc, dt_s), abs=1e-9
    )


@settings(max_examples=300, deadline=None)
@given(**states, dt_s=st.lists(st.floats(0.0, 7200.0), min_size=2, max_size=5))
def test_soc_rises_with_time_and_stays_within_its_bounds(knots, soc, cap_kw, capacity_kwh, dt_s):
    n = len(knots[0])
    reached = [
        advance_soc(soc, seconds, cap_kw, capacity_kwh, *knots, 0, n) for seconds in sorted(dt_s)
    ]
    assert all(soc <= s <= 1.0 for s in reached)
    assert all(b >= a - 1e-15 for a, b in pairwise(reached))
    longest = max(dt_s)
    assert (reached[-1] - soc) * capacity_kwh <= cap_kw * longest / 3600.0 * (1 + 1e-9) + 1e-12


@settings(max_examples=200, deadline=None)
@given(**states, caps=st.lists(st.floats(1.0, 400.0), min_size=2, max_size=4))
def test_a_larger_cap_never_charges_slower(knots, soc, cap_kw, capacity_kwh, caps):
    n = len(knots[0])
    reached = [advance_soc(soc, 900.0, cap, capacity_kwh, *knots, 0, n) for cap in sorted(caps)]
    assert all(b >= a - 1e-9 for a, b in pairwise(reached))


@settings(max_examples=300, deadline=None)
@given(**states)
def test_pieces_make_progress_and_agree_with_the_power(knots, soc, cap_kw, capacity_kwh):
    """A course has at most two pieces per segment, each beginning at min(cap, curve)."""
    n = len(knots[0])
    k = 0
    count = 0
    while soc < 1.0:
        power, slope, end, k = piece(soc, 1.0, cap_kw, 1.0, *knots, k, n)
        assert soc < end <= 1.0
        assert power == pytest.approx(power_at(soc, cap_kw, *knots, 0, n), rel=1e-6)
        assert power + slope * (end - soc) > 0.0
        soc = end
        count += 1
    assert count <= 3 * n


@settings(max_examples=100, deadline=None)
@given(**states)
def test_the_scale_takes_battery_powers_to_the_grid_side(knots, soc, cap_kw, capacity_kwh):
    """Both sides of the charger see the same course of SoC."""
    n = len(knots[0])
    efficiency = 0.9
    battery = advance_soc(soc, 1200.0, cap_kw * efficiency, capacity_kwh, *knots, 0, n)
    grid_kw = [kw / efficiency for kw in knots[1]]
    grid = advance_soc(soc, 1200.0, cap_kw, capacity_kwh / efficiency, knots[0], grid_kw, 0, n)
    assert grid == pytest.approx(battery, abs=1e-9)


@given(st.floats(-0.6, 0.6))
def test_the_gain_on_a_slope_has_all_digits(x):
    """Against the series of (exp(x) - 1) / x in exact fractions: 20 terms leave less than 1e-23."""
    exact, term = Fraction(0), Fraction(1)
    for n in range(20):
        exact += term
        term *= Fraction(x) / (n + 2)
    found = gained(3600.0, 1.0, x, 1.0)
    assert abs(Fraction(found) / exact - 1) < Fraction(1, 10**15)


@given(st.data())
def test_the_least_power_is_that_of_the_lowest_place_below_the_target(data):
    n = data.draw(st.integers(2, 6))
    soc = [i / (n - 1) for i in range(n)]
    kw = [data.draw(st.floats(1.0, 300.0)) for _ in soc]
    target = data.draw(st.floats(0.01, 1.0))
    least = least_kw(target, 1.1, soc, kw, 0, n)
    places = [target * step / 50 for step in range(51)] + [s for s in soc if s <= target]
    powers = [power_at(min(s, 1 - 1e-15), math.inf, soc, kw, 0, n) * 1.1 for s in places]
    assert least <= min(powers) * (1 + 1e-9)
    assert least == pytest.approx(min(powers), rel=1e-9)
