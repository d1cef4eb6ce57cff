"""How long a driver waits for a free EVSE: four laws, all given by their mean.

Each driver has one number of the stream, whatever the mean: another mean keeps who is patient and
who is not. Called by :mod:`simulator.demand.drivers`, and by the engine for drivers who went on
to another site.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simulator.scenario import ArrivalProfile

F64 = NDArray[np.float64]


def draw_patience(profile: ArrivalProfile, n: int, draws: np.random.Generator) -> F64:
    """Return the patience of ``n`` drivers in seconds; ``inf`` where the profile has none."""
    if profile.patience is None:
        return np.broadcast_to(np.inf, n)
    law, mean = profile.patience_law, profile.patience
    if law.kind == "fixed":
        return np.full(n, mean)
    if law.kind == "lognormal":
        sigma = law.parameter
        return np.exp(draws.standard_normal(n) * sigma) * (mean * math.exp(-sigma * sigma / 2))
    exponential = draws.standard_exponential(n)
    if law.kind == "weibull":
        shape = law.parameter
        return exponential ** (1.0 / shape) * (mean / math.gamma(1.0 + 1.0 / shape))
    return exponential * mean


def patience_s(profile: ArrivalProfile, uniform: float) -> float:
    """Return the patience at one quantile (0 <= ``uniform`` < 1) of the same law."""
    if profile.patience is None:
        return math.inf
    law, mean = profile.patience_law, profile.patience
    if law.kind == "fixed":
        return mean
    if law.kind == "lognormal":
        sigma = law.parameter
        z = NormalDist().inv_cdf(min(max(uniform, 1e-16), 1.0 - 1e-16))
        return mean * math.exp(sigma * z - sigma * sigma / 2)
    exponential = -math.log1p(-uniform)
    if law.kind == "weibull":
        shape = law.parameter
        return float(mean * exponential ** (1.0 / shape) / math.gamma(1.0 + 1.0 / shape))
    return mean * exponential
