"""The competitor of bench_three_phase: the garage in steps of five minutes, in numpy.

What one would write oneself: at each step every car that charges is served in the order of its key
with as much as its battery takes and every conductor still carries, then all batteries move on by
one step. It takes the cheap roads: the largest power under all conductors is solved in closed form
for all of them at once, steps without a car are skipped, and who stands at which EVSE from when to
when is given. It has greedy policies only, and is as inexact as its steps are long; the energy that
it delivers is compared with the kernel's before times count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
KEYS = ("uncontrolled", "fcfs", "edf", "llf", "priority")


@dataclass(frozen=True, slots=True)
class Cars:
    """Those who plug in (n), in order of arrival; powers and capacity on the grid side."""

    evse: NDArray[np.int64]
    start_s: F64
    stop_s: F64
    departure_s: F64
    soc: F64
    target: F64
    capacity_kwh: F64
    efficiency: F64
    limit_kw: F64
    min_kw: F64
    weight: F64
    curve_soc: list[F64]
    curve_kw: list[F64]


@dataclass(frozen=True, slots=True)
class Conductors:
    """Limits on currents: ``|matrix @ kw| <= limit``, one column for each EVSE."""

    matrix: NDArray[np.complex128]
    limit: F64


def most_kw(drawn: NDArray[np.complex128], by: NDArray[np.complex128], limit: F64) -> float:
    """The largest power of one more car that every conductor carries."""
    used = by != 0.0
    drawn, by, limit = drawn[used], by[used], limit[used]
    a = np.abs(by) ** 2
    b = (drawn * by.conj()).real
    c = np.abs(drawn) ** 2 - limit**2
    d = b * b - a * c
    x = np.where(d > 0.0, (np.sqrt(np.maximum(d, 0.0)) - b) / a, 0.0)
    return max(0.0, float(x.min(initial=np.inf)))


def key(policy: str, cars: Cars, here: NDArray[np.int64], soc: F64, now_s: float) -> F64:
    """What the cars are sorted by, smallest first."""
    if policy == "edf":
        return cars.departure_s[here]
    if policy == "llf":
        wanted_kwh = (cars.target[here] - soc[here]) * cars.capacity_kwh[here]
        return cars.departure_s[here] - now_s - 3600.0 * wanted_kwh / cars.limit_kw[here]
    if policy == "priority":
        return -cars.weight[here]
    return cars.start_s[here]


def run(
    cars: Cars, conductors: Conductors, policy: str, duration_s: float, step_s: float = 300.0
) -> float:
    """Energy delivered, kWh, grid side."""
    soc = cars.soc.copy()
    matrix, limit = conductors.matrix, conductors.limit
    hours = step_s / 3600.0
    for step in range(int(duration_s / step_s)):
        now_s = step * step_s
        there = (cars.start_s <= now_s) & (now_s < cars.stop_s) & (soc < cars.target)
        here = np.flatnonzero(there)
        if not len(here):
            continue
        drawn = np.zeros(len(limit), np.complex128)
        for car in here[np.argsort(key(policy, cars, here, soc, now_s), kind="stable")]:
            curve = np.interp(soc[car], cars.curve_soc[car], cars.curve_kw[car])
            rest_kwh = (cars.target[car] - soc[car]) * cars.capacity_kwh[car]
            want = min(cars.limit_kw[car], curve / cars.efficiency[car])
            by = matrix[:, cars.evse[car]]
            give = min(want, most_kw(drawn, by, limit))
            if give < min(cars.min_kw[car], want):
                continue
            drawn += give * by
            soc[car] += min(give * hours, rest_kwh) / cars.capacity_kwh[car]
    return float(((soc - cars.soc) * cars.capacity_kwh).sum())
