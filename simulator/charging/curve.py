"""One charging session in closed form: a piecewise-linear charge curve under a constant cap.

The power at state of charge ``s`` is ``p(s) = min(cap, curve(s))``. Between two knots the curve
is a straight line over SoC, so ``ds/dt = p(s) / C`` is solved exactly: SoC is linear in time
where the cap or a level stretch of curve rules, exponential where the curve slopes. A course is
a chain of such
*pieces*; a piece ends at a knot, where cap and curve cross, or at the target.

All powers and the capacity of a call must stand on the same side of the charger. On the grid side
that means: curve and cap in grid kW (battery kW / efficiency), capacity in grid kWh likewise.

This is neither a cell model (no temperature, no voltage) nor a simulation: nothing is stepped.
Callers: the engine's kernel (compiled), the fleet (as plain Python; sequences may be lists or
tuples).

Source of the closed forms: the linear ordinary differential equation ``C ds/dt = m s + n``,
solved by ``s(t) = -n/m + (s0 + n/m) exp(m t / C)``; written here with ``expm1`` and ``log1p`` so
that slopes near zero lose no digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from numpy.typing import NDArray

Numbers = Sequence[float] | NDArray  # type: ignore[type-arg]


def segment(soc: float, knots_soc: Numbers, k: int, k1: int) -> int:
    """Index of the curve's segment that holds ``soc``, searched upwards from segment ``k``.

    Segments are closed on the left: at a knot the one that begins there is meant.
    """
    while k + 2 < k1 and knots_soc[k + 1] <= soc:
        k += 1
    return k


def curve_at(soc: float, scale: float, knots_soc: Numbers, knots_kw: Numbers, k: int) -> float:
    """Power that the curve allows at ``soc`` in segment ``k``, in kW times ``scale``."""
    left = knots_kw[k] * scale
    right = knots_kw[k + 1] * scale
    if left == right:
        return left
    width = knots_soc[k + 1] - knots_soc[k]
    if width <= 0.0:
        return right
    return left + (right - left) * ((soc - knots_soc[k]) / width)


def least_kw(
    target: float, scale: float, knots_soc: Numbers, knots_kw: Numbers, k: int, k1: int
) -> float:
    """The least power of the curve from knot ``k`` up to ``target``, in kW times ``scale``."""
    least = knots_kw[k] * scale
    while k + 2 < k1 and knots_soc[k + 1] <= target:
        k += 1
        least = min(least, knots_kw[k] * scale)
    return min(least, curve_at(target, scale, knots_soc, knots_kw, k))


def _falls_below(
    soc: float,
    at: float,
    cap: float,
    scale: float,
    knots_soc: Numbers,
    knots_kw: Numbers,
    k: int,
    k1: int,
) -> float:
    """First SoC from ``soc`` on at which the curve (now ``at``) sinks below the cap; 2 if never."""
    left_soc = soc
    left_kw = at
    for j in range(k, k1 - 1):
        right_kw = knots_kw[j + 1] * scale
        if right_kw < cap:
            if left_kw <= cap:
                return left_soc
            drop = left_kw - right_kw
            return left_soc + (knots_soc[j + 1] - left_soc) * ((left_kw - cap) / drop)
        left_soc = knots_soc[j + 1]
        left_kw = right_kw
    return 2.0


def piece(
    soc: float,
    target: float,
    cap_kw: float,
    scale: float,
    knots_soc: Numbers,
    knots_kw: Numbers,
    k: int,
    k1: int,
) -> tuple[float, float, float, int]:
    """The stretch of a single closed form that begins at ``soc < target``, ``cap_kw > 0``.

    ``scale`` multiplies the knots' powers (1 / efficiency takes battery kW to the grid side);
    ``k`` is a segment at or before the one that holds ``soc`` and ``k1`` the end of the curve's
    knots.

    Returns ``(power, slope, end, k)``: kW at ``soc``, its change in kW per unit of SoC, the SoC
    at which the piece ends (``soc < end <= target``), and the segment that holds ``soc``.
    """
    k = segment(soc, knots_soc, k, k1)
    at = curve_at(soc, scale, knots_soc, knots_kw, k)
    power, slope, end = piece_from(soc, at, target, cap_kw, scale, knots_soc, knots_kw, k, k1)
    return power, slope, end, k


def piece_from(
    soc: float,
    at: float,
    target: float,
    cap_kw: float,
    scale: float,
    knots_soc: Numbers,
    knots_kw: Numbers,
    k: int,
    k1: int,
) -> tuple[float, float, float]:
    """``(power, slope, end)`` of :func:`piece` in segment ``k``, where the curve is at ``at``."""
    right_soc = knots_soc[k + 1]
    right_kw = knots_kw[k + 1] * scale
    if at < cap_kw:
        end = right_soc
        if right_kw > cap_kw:
            end = soc + (right_soc - soc) * ((cap_kw - at) / (right_kw - at))
        if end > soc:
            return at, _slope(soc, at, right_soc, right_kw), min(end, target)
    end = _falls_below(soc, at, cap_kw, scale, knots_soc, knots_kw, k, k1)
    if end > soc:
        return cap_kw, 0.0, min(end, target)
    # The curve leaves the cap right here and falls to the knot.
    return cap_kw, _slope(soc, cap_kw, right_soc, right_kw), min(right_soc, target)


def _slope(soc: float, kw: float, right_soc: float, right_kw: float) -> float:
    """Kilowatts per unit of SoC from a point to the knot on its right."""
    if kw == right_kw or right_soc <= soc:
        return 0.0
    return (right_kw - kw) / (right_soc - soc)


def gained(dt_s: float, power_kw: float, slope: float, capacity_kwh: float) -> float:
    """SoC gained in ``dt_s`` seconds within a piece that begins at ``power_kw``."""
    linear = power_kw * (dt_s / (3600.0 * capacity_kwh))
    if slope == 0.0:
        return linear
    return linear * _growth(slope * (dt_s / (3600.0 * capacity_kwh)))


def _growth(x: float) -> float:
    """``expm1(x) / x``: as a series where that has all digits, which takes a fraction of the time.

    Its terms are ``x^n / (n + 1)!``; the first one left out, at 0.5, is 2e-18.
    """
    if x < -0.5 or x > 0.5:
        return math.expm1(x) / x
    x2 = x * x
    x4 = x2 * x2
    low = (1.0 + x * (1.0 / 2.0)) + (1.0 / 6.0 + x * (1.0 / 24.0)) * x2
    middle = (1.0 / 120.0 + x * (1.0 / 720.0)) + (1.0 / 5040.0 + x * (1.0 / 40320.0)) * x2
    high = (1.0 / 362880.0 + x * (1.0 / 3628800.0)) + (
        1.0 / 39916800.0 + x * (1.0 / 479001600.0)
    ) * x2
    rest = (1.0 / 6227020800.0 + x * (1.0 / 87178291200.0)) + x2 * (1.0 / 1307674368000.0)
    return (low + middle * x4) + (high + rest * x4) * (x4 * x4)


def lasting(dsoc: float, power_kw: float, slope: float, capacity_kwh: float) -> float:
    """Seconds in which a piece that begins at ``power_kw`` gains ``dsoc``; ``inf`` if never."""
    if power_kw <= 0.0:
        return math.inf
    linear = dsoc * (3600.0 * capacity_kwh) / power_kw
    if slope == 0.0:
        return linear
    x = slope * dsoc / power_kw
    if x == 0.0:
        return linear
    if x <= -1.0:
        return math.inf
    return linear * (math.log1p(x) / x)


def draining(soc: float, reserve: float, power_kw: float, capacity_kwh: float) -> float:
    """Seconds in which ``power_kw`` (above 0) empties a battery from ``soc`` to ``reserve``.

    On the grid side of the charger the whole battery holds ``battery * efficiency`` when it is
    emptied, where it takes ``battery / efficiency`` to be filled: hand in the former.
    """
    return (soc - reserve) * (3600.0 * capacity_kwh) / power_kw


def drained_soc(
    soc: float, dt_s: float, power_kw: float, capacity_kwh: float, reserve: float
) -> float:
    """SoC after ``dt_s`` seconds of discharge at a constant ``power_kw``, as in :func:`draining`.

    A battery gives the same power at every SoC, and nothing at or below its reserve.
    """
    if soc <= reserve:
        return soc
    return max(reserve, soc - power_kw * (dt_s / (3600.0 * capacity_kwh)))


def power_at(
    soc: float, cap_kw: float, knots_soc: Numbers, knots_kw: Numbers, k0: int, k1: int
) -> float:
    """Power in kW at ``soc`` under ``cap_kw``; 0 for a full battery.

    ``knots_soc[k0:k1]`` rises from 0 to 1 and ``knots_kw[k0:k1]`` is the curve at those knots,
    with a last value above 0. A jump is written as two knots close together.
    """
    if soc >= 1.0 or cap_kw <= 0.0:
        return 0.0
    k = segment(soc, knots_soc, k0, k1)
    return min(cap_kw, curve_at(soc, 1.0, knots_soc, knots_kw, k))


def advance_soc(
    soc: float,
    dt_s: float,
    cap_kw: float,
    capacity_kwh: float,
    knots_soc: Numbers,
    knots_kw: Numbers,
    k0: int,
    k1: int,
) -> float:
    """SoC after ``dt_s`` seconds under a constant cap; never above 1.

    The energy taken is ``(result - soc) * capacity_kwh``. Knots as in :func:`power_at`.
    """
    if cap_kw <= 0.0 or dt_s <= 0.0:
        return soc
    k = k0
    left_s = dt_s
    while soc < 1.0:
        power, slope, end, k = piece(soc, 1.0, cap_kw, 1.0, knots_soc, knots_kw, k, k1)
        lasts_s = lasting(end - soc, power, slope, capacity_kwh)
        if left_s < lasts_s:
            return min(end, soc + gained(left_s, power, slope, capacity_kwh))
        left_s -= lasts_s
        soc = end
    return soc


def time_to_soc(
    soc: float,
    target: float,
    cap_kw: float,
    capacity_kwh: float,
    knots_soc: Numbers,
    knots_kw: Numbers,
    k0: int,
    k1: int,
) -> float:
    """Seconds from ``soc`` to ``target`` under a constant cap; 0 if it is there, ``inf`` if never.

    Knots as in :func:`power_at`; ``target <= 1``.
    """
    if target <= soc:
        return 0.0
    if cap_kw <= 0.0:
        return math.inf
    k = k0
    total_s = 0.0
    while soc < target:
        power, slope, end, k = piece(soc, target, cap_kw, 1.0, knots_soc, knots_kw, k, k1)
        total_s += lasting(end - soc, power, slope, capacity_kwh)
        if total_s == math.inf:
            break
        soc = end
    return total_s
