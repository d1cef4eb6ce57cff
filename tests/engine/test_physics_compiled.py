"""The physics that the kernel compiles is the physics that the fleet calls, to the last bit.

Where the compiler's mathematical library rounds ``expm1`` or ``log1p`` otherwise than Python's, one
unit in the last place is granted.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from engine_build import KNOTS

from simulator.charging import curve
from simulator.engine.kernel.compiled import kernel

ONE_ULP = 1


@pytest.fixture(scope="module")
def compiled():
    """The three elementary functions, compiled as the kernel compiles them."""
    kernel()
    jit = numba.njit(error_model="numpy")
    return {name: jit(getattr(curve, name)) for name in ("gained", "lasting", "piece")}


def ulps(a: float, b: float) -> float:
    if a == b:
        return 0.0
    return abs(a - b) / math.ulp(max(abs(a), abs(b)))


def test_gains_and_durations_agree(compiled):
    r = np.random.default_rng(1)
    worst = 0.0
    for _ in range(5_000):
        power = float(r.uniform(1.0, 350.0))
        slope = float(r.choice([0.0, 1e-9, 1.0, 50.0, -50.0, -4700.0, 2e5]) * r.uniform(0.5, 1.5))
        capacity = float(r.uniform(5.0, 120.0))
        dt = float(r.uniform(0.0, 60.0 if abs(slope) > 1e4 else 1800.0))
        worst = max(
            worst,
            ulps(
                compiled["gained"](dt, power, slope, capacity),
                curve.gained(dt, power, slope, capacity),
            ),
        )
        dsoc = float(r.uniform(0.0, 0.9)) * (power / -slope if slope < 0.0 else 1.0)
        worst = max(
            worst,
            ulps(
                compiled["lasting"](dsoc, power, slope, capacity),
                curve.lasting(dsoc, power, slope, capacity),
            ),
        )
    assert worst <= ONE_ULP


def test_pieces_agree_bit_for_bit(compiled):
    """No library function in there: nothing may differ at all."""
    r = np.random.default_rng(2)
    for knots_soc, knots_kw in KNOTS:
        soc_array, kw_array = np.array(knots_soc), np.array(knots_kw)
        n = len(knots_soc)
        for _ in range(500):
            soc = float(r.uniform(0.0, 0.999))
            target = float(r.uniform(soc, 1.0))
            cap = float(r.choice([1.4, 11.0, 50.0, 110.0, 185.0, 400.0]))
            scale = float(r.choice([1.0, 1.0 / 0.9, 1.0 / 0.95]))
            fast = compiled["piece"](soc, target, cap, scale, soc_array, kw_array, 0, n)
            assert fast == curve.piece(soc, target, cap, scale, knots_soc, knots_kw, 0, n)
