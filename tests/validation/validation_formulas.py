"""Closed formulas of queueing theory. Rates per hour; nothing here knows the simulator.

Sources: Erlang (1917) for B and C; Palm (1957) for impatience, here as the birth-death chain
it is; Eick, Massey and Whitt (1993) for the occupancy of infinitely many servers under a rate that
changes with time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


def erlang_b(servers: int, load: float) -> float:
    """Share of arrivals that find all servers busy and leave, for any law of the service time."""
    b = 1.0
    for k in range(1, servers + 1):
        b = load * b / (k + load * b)
    return b


def erlang_c(servers: int, load: float) -> float:
    """Share of arrivals that wait, where everybody waits as long as it takes."""
    b = erlang_b(servers, load)
    rho = load / servers
    return b / (1.0 - rho + rho * b)


@dataclass(frozen=True, slots=True)
class Queue:
    """Steady state of M/M/c/K+M: shares of all arrivals, means over time, hours."""

    blocked: float
    waits: float
    abandons: float
    wait_h: float
    """Mean over those who get in."""
    queue: float
    system: float


def birth_death(
    servers: int, arrivals: float, service: float, *, patience: float = 0.0, room: int = 2000
) -> Queue:
    """M/M/c/K+M with ``room`` places to wait (K = c + room) and abandonment rate ``patience``."""
    log = 0.0
    logs = [log]
    for n in range(1, servers + room + 1):
        leave = min(n, servers) * service + max(0, n - servers) * patience
        log += math.log(arrivals / leave)
        logs.append(log)
    p = np.exp(np.array(logs) - max(logs))
    p /= p.sum()
    n = np.arange(len(p))
    queue = float(p @ np.maximum(n - servers, 0))
    blocked = float(p[-1])
    return Queue(
        blocked=blocked,
        waits=float(p[servers:-1].sum()),
        abandons=patience * queue / arrivals,
        wait_h=queue / (arrivals * (1.0 - blocked)),
        queue=queue,
        system=float(p @ n),
    )


def lognormal_survival(hours: F64, median_h: float, sigma: float, bounds_h: tuple[float, float]):
    """P(S > t) of a lognormal stay that is clipped to ``bounds_h``."""
    erf = np.vectorize(math.erf, otypes=[np.float64])
    z = (np.log(np.maximum(hours, 1e-300)) - math.log(median_h)) / sigma
    survival = 0.5 * (1.0 - erf(z / math.sqrt(2.0)))
    return np.where(hours < bounds_h[0], 1.0, np.where(hours >= bounds_h[1], 0.0, survival))


def clipped_lognormal_mean_h(median_h: float, sigma: float, bounds_h: tuple[float, float]) -> float:
    """E[S] of the same stay: the integral of its survival."""
    t = np.linspace(0.0, bounds_h[1], 400_001)
    return float(np.trapezoid(lognormal_survival(t, median_h, sigma, bounds_h), t))


def occupancy_by_hour(
    rate_by_hour: F64, stays: list[tuple[float, float]], bounds_h: tuple[float, float]
) -> F64:
    """Mean occupancy in each hour of NHPP/G/infinity that starts empty: the mean of m(t) over it.

    ``rate_by_hour`` holds the arrivals of each hour since the start, ``stays`` the stay (median in
    hours, sigma) of those who arrive at each hour of the day. In cells of two minutes.
    """
    hours, steps = len(rate_by_hour), 30
    lag = np.arange(hours * steps) / steps
    survival = {stay: lognormal_survival(lag, *stay, bounds_h) for stay in set(stays)}
    for stay in survival.values():
        stay[0] = 0.5  # within one cell, half of all pairs have the arrival first
    mean = np.zeros(hours * steps)
    for cell in range(hours * steps):
        rate = rate_by_hour[cell // steps] / steps
        mean[cell:] += rate * survival[stays[cell // steps % 24]][: len(mean) - cell]
    return mean.reshape(hours, steps).mean(axis=1)
