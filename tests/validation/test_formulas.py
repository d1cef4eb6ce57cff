"""The formulas that the simulation is held against give the values that are published for them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from validation_formulas import (
    birth_death,
    clipped_lognormal_mean_h,
    erlang_b,
    erlang_c,
    lognormal_survival,
    occupancy_by_hour,
)

ERLANG = {
    (1, 0.5): (0.333333, 0.5),
    (2, 1): (0.2, 0.333333),
    (4, 2): (0.095238, 0.173913),
    (6, 5): (0.191847, 0.587516),
    (10, 8): (0.121661, 0.409180),
    (20, 15): (0.045593, 0.160429),
    (50, 45): (0.054104, 0.363864),
    (100, 95): (0.048804, 0.506457),
    (200, 190): (0.027968, 0.365264),
    (1000, 980): (0.013831, 0.412200),
}


@pytest.mark.parametrize(("servers", "load"), ERLANG)
def test_erlang_b_and_c(servers, load):
    blocked, waits = ERLANG[servers, load]
    assert erlang_b(servers, load) == pytest.approx(blocked, abs=6e-7)
    assert erlang_c(servers, load) == pytest.approx(waits, abs=6e-7)


def test_erlang_b_of_more_than_the_servers_can_take():
    """Against the sum that defines it, 1 / B = sum of c! / (k! a^(c - k)), in exact fractions."""
    term, inverse = Fraction(1), Fraction(0)
    for k in range(1001):
        inverse += term
        term *= Fraction(1000 - k, 1100)
    assert erlang_b(1000, 1100) == pytest.approx(float(1 / inverse), rel=1e-12)


@pytest.mark.parametrize(
    ("servers", "arrivals", "service", "wait", "queue", "system"),
    [(6, 10, 2, 0.293758, 2.937582, 7.937582), (8, 14, 2, 0.317658, 4.447212, 11.447212)],
)
def test_m_m_c(servers, arrivals, service, wait, queue, system):
    theory = birth_death(servers, arrivals, service)
    assert (theory.wait_h, theory.queue, theory.system) == pytest.approx(
        (wait, queue, system), abs=6e-7
    )
    load = arrivals / service
    waits = erlang_c(servers, load) / (servers * service - arrivals)
    assert theory.wait_h == pytest.approx(waits, rel=1e-9)


@pytest.mark.parametrize(
    ("servers", "places", "arrivals", "service", "blocked", "wait"),
    [(4, 6, 7, 2, 0.139642, 0.072872), (8, 12, 20, 2, 0.240229, 0.129510)],
)
def test_m_m_c_k(servers, places, arrivals, service, blocked, wait):
    theory = birth_death(servers, arrivals, service, room=places - servers)
    assert (theory.blocked, theory.wait_h) == pytest.approx((blocked, wait), abs=6e-7)


@pytest.mark.parametrize(
    ("servers", "arrivals", "service", "patience", "waits", "abandons", "queue"),
    [
        (4, 7, 2, 4, 0.408420, 0.179534, 0.314185),
        (4, 10, 2, 4, 0.647827, 0.316098, 0.790244),
        (8, 16, 2, 6, 0.430729, 0.175429, 0.467811),
        (2, 2, 2, 1, 0.283614, 0.074579, 0.149157),
    ],
)
def test_m_m_c_plus_m(servers, arrivals, service, patience, waits, abandons, queue):
    theory = birth_death(servers, arrivals, service, patience=patience)
    assert (theory.waits, theory.abandons, theory.queue) == pytest.approx(
        (waits, abandons, queue), abs=6e-7
    )
    busy = theory.system - theory.queue
    assert arrivals * (1.0 - theory.abandons) == pytest.approx(service * busy, rel=1e-9)


def test_the_mean_of_a_stay_is_the_integral_of_its_survival():
    wide = (0.0, 500.0)
    assert clipped_lognormal_mean_h(2.0, 0.5, wide) == pytest.approx(2.0 * math.exp(0.125), 1e-6)
    assert lognormal_survival(np.array([0.01, 2.0, 30.0]), 2.0, 0.5, (0.1, 20.0)) == pytest.approx(
        [1.0, 0.5, 0.0]
    )


def test_the_occupancy_under_a_constant_rate_rises_to_its_mean():
    rate = np.full(60, 3.0)
    hours = occupancy_by_hour(rate, [(2.0, 0.5)] * 24, (0.0, 120.0))
    assert hours[-1] == pytest.approx(3.0 * 2.0 * math.exp(0.125), rel=1e-4)
    assert (np.diff(hours) >= -1e-12).all()
    # Almost constant stays of 4 h: m(t) = 3 t until then, so its mean over the first hour is 1.5.
    sharp = occupancy_by_hour(rate, [(4.0, 1e-6)] * 24, (0.0, 120.0))
    assert sharp[:4] == pytest.approx([1.5, 4.5, 7.5, 10.5], abs=0.01)
