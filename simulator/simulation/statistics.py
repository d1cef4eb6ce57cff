"""Means with their intervals: Student's t for few replications, paired or not.

Pure arithmetic; called by ``replicate``, ``compare`` and ``sweep``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, isfinite, lgamma, log, nan, sqrt

LEVEL = 0.95
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of ``n`` independent values and where the true mean lies, with 95 % confidence."""

    mean: float
    low: float
    """nan, like ``high`` and ``sd``, where fewer than two values are known."""
    high: float
    sd: float
    n: int

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2.0

    @property
    def excludes_zero(self) -> bool:
        """Whether zero is outside: of a difference, that it is more than noise."""
        return self.low > 0.0 or self.high < 0.0


def interval(values: Sequence[float]) -> Interval:
    """Mean, standard deviation and 95 % interval of the values that are known (not nan)."""
    known = [value for value in values if isfinite(value)]
    n = len(known)
    if n == 0:
        return Interval(nan, nan, nan, nan, 0)
    mean = sum(known) / n
    if n == 1:
        return Interval(mean, nan, nan, nan, 1)
    sd = sqrt(sum((value - mean) ** 2 for value in known) / (n - 1))
    if sd <= _ROUNDING * abs(mean):  # equal but for the order of adding up
        sd = 0.0
    half = t_quantile(0.5 + LEVEL / 2, n - 1) * sd / sqrt(n)
    return Interval(mean, mean - half, mean + half, sd, n)


@lru_cache(maxsize=256)
def t_quantile(p: float, freedom: int) -> float:
    """The value that Student's t with ``freedom`` degrees stays below with probability ``p``.

    For 0.5 <= p < 1, by bisection of the distribution function. Raises ValueError outside.
    """
    if not 0.5 <= p < 1.0 or freedom < 1:
        raise ValueError(f"t quantile of {p} with {freedom} degrees of freedom")
    low, high = 0.0, 1.0
    while t_probability(high, freedom) < p:
        high *= 2.0
    for _ in range(200):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        if t_probability(middle, freedom) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def t_probability(t: float, freedom: int) -> float:
    """Probability that Student's t is below ``t`` >= 0 (Abramowitz and Stegun, 26.7.1)."""
    x = freedom / (freedom + t * t)
    return 1.0 - 0.5 * _incomplete_beta(freedom / 2.0, 0.5, x)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function (its continued fraction, ibid. 26.5.8)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _incomplete_beta(b, a, 1.0 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1.0 - x)) / a
    # Lentz's method; a step that vanishes is replaced by a tiny one.
    tiny = 1e-300
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0), tiny)
    result = d
    for m in range(1, 400):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _away(1.0 + even * d, tiny)
        c = _away(1.0 + even / c, tiny)
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _away(1.0 + odd * d, tiny)
        c = _away(1.0 + odd / c, tiny)
        step = d * c
        result *= step
        if abs(step - 1.0) < 1e-15:
            break
    return front * result


def _away(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny
