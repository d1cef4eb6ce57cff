"""Who arrives and what they want: vehicle, state of charge, energy, stay, patience.

Every attribute has a stream of its own, keyed by (seed, site, stream), and is drawn as one column
in order of arrival: visit k has the same attributes whatever the horizon, and an attribute that a
later version adds moves no other. Called by :mod:`simulator.demand.draw`.

The figures of a profile are those of charging records: energy is what a meter on the grid side
counted, within the same bounds as the records that the profiles come from (0.5..200 kWh, stays of
2 minutes to 120 hours). Visits are battery side, so energy is multiplied by the vehicle's
efficiency for the current (AC or DC) that it will most likely use at the site.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.demand.patience import draw_patience
from simulator.demand.visits import Curves

if TYPE_CHECKING:
    from simulator.scenario import ArrivalProfile, VehicleMix

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

Stream = Callable[[str], np.random.Generator]
"""Gives the generator of one of the site's streams."""

ENERGY_BOUNDS_KWH = (0.5, 200.0)
STAY_BOUNDS_S = (120.0, 432_000.0)
_KNOT_GAP = 1e-9


@dataclass(frozen=True, slots=True)
class Fleet:
    """A vehicle mix as columns, one row per vehicle; shared by every site that uses it."""

    names: tuple[str, ...]
    share: F64
    battery_kwh: F64
    ac_kw: F64
    ac_phases: I32
    dc_kw: F64
    efficiency_ac: F64
    efficiency_dc: F64
    v2g_kw: F64
    curve: I32
    curves: Curves


@dataclass(frozen=True, slots=True)
class Wants:
    """What the drivers of a site want; columns in order of arrival, energies battery side."""

    soc: F64
    target_soc: F64
    departure_s: F64
    linger_s: F64
    patience_s: F64


def flat_curves() -> Curves:
    """Return the table that holds only curve 0, the flat one."""
    return Curves(
        np.array([0, 2], dtype=np.int32), np.array([0.0, 1.0]), np.array([np.inf, np.inf])
    )


@lru_cache(maxsize=64)
def fleet(mix: VehicleMix) -> Fleet:
    """Return the columns of a vehicle mix; shares are scaled to sum to 1."""
    cars = mix.vehicles
    offset, soc, kw = [0, 2], [0.0, 1.0], [np.inf, np.inf]
    curve: list[int] = []
    for car in cars:
        if not car.curve:
            curve.append(0)
            continue
        knots = _whole(car.curve)
        soc += [s for s, _ in knots]
        kw += [p for _, p in knots]
        curve.append(len(offset) - 1)
        offset.append(len(soc))
    share = np.array([car.share for car in cars], dtype=np.float64)
    return Fleet(
        names=tuple(car.name for car in cars),
        share=share / share.sum(),
        battery_kwh=np.array([car.battery_kwh for car in cars], dtype=np.float64),
        ac_kw=np.array([car.ac_kw for car in cars], dtype=np.float64),
        ac_phases=np.array([car.ac_phases for car in cars], dtype=np.int32),
        dc_kw=np.array([car.dc_kw for car in cars], dtype=np.float64),
        efficiency_ac=np.array([car.efficiency_ac for car in cars], dtype=np.float64),
        efficiency_dc=np.array([car.efficiency_dc for car in cars], dtype=np.float64),
        v2g_kw=np.array([car.v2g_kw for car in cars], dtype=np.float64),
        curve=np.array(curve, dtype=np.int32),
        curves=Curves(np.array(offset, dtype=np.int32), np.array(soc), np.array(kw)),
    )


def _whole(curve: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Return the knots from SoC 0 to 1, held level where the curve does not reach the ends."""
    knots = list(curve)
    if knots[0][0] > _KNOT_GAP:
        knots.insert(0, (0.0, knots[0][1]))
    if knots[-1][0] < 1.0 - _KNOT_GAP:
        knots.append((1.0, knots[-1][1]))
    return knots


def pick_vehicles(cars: Fleet, n: int, currents: set[str], stream: Stream) -> I32:
    """Return the row of the vehicle of each of ``n`` visits, by share.

    Drivers know their plug: at a site whose stations are all DC (or AC: ``currents``), cars
    without such an inlet do not turn up (unless the mix has no others). So the rate of visits stays
    what the scenario says.
    """
    fits = np.zeros(len(cars.share), dtype=bool)
    for current, kw in (("ac", cars.ac_kw), ("dc", cars.dc_kw)):
        if current in currents:
            fits |= kw > 0.0
    share = np.where(fits, cars.share, 0.0)
    if not (share > 0.0).any():
        share = cars.share
    edges = np.cumsum(share)
    row: I32 = np.searchsorted(edges, stream("vehicle").random(n) * edges[-1], side="right").astype(
        np.int32
    )
    return row


def draw_wants(
    profile: ArrivalProfile,
    arrival_s: F64,
    hour_of_week: I32,
    battery_kwh: F64,
    efficiency: F64,
    stream: Stream,
) -> Wants:
    """Draw what the driver of each visit wants, from ``profile``.

    Stay and energy are lognormal and joined by a Gaussian copula: ``rho`` is the correlation of
    their logarithms. ``efficiency`` is battery side / grid side, per visit.
    """
    n = len(arrival_s)
    z_stay = stream("stay").standard_normal(n)
    stay = _stay(profile, hour_of_week % 24, z_stay)
    soc, target = _states_of_charge(profile, z_stay, battery_kwh, efficiency, stream)
    patience = draw_patience(profile, n, stream("patience"))
    return Wants(soc, target, arrival_s + stay, _linger(profile, n, stream), patience)


def _linger(profile: ArrivalProfile, n: int, stream: Stream) -> F64:
    """Return how long each driver stays after the end of charging; ``inf`` until the departure."""
    if not profile.leave_when_done:
        return np.broadcast_to(np.inf, n)
    mean: float | F64 = profile.linger
    if profile.overstay is not None:
        share, overstay = profile.overstay
        mean = np.where(stream("overstay").random(n) < share, overstay, profile.linger)
    return stream("linger").standard_exponential(n) * mean


def _stay(profile: ArrivalProfile, hour: I32, z: F64) -> F64:
    """Return the planned stay in seconds; ``inf`` where only the end of charging ends it."""
    if profile.stay_by_hour is None or profile.leave_when_done:
        return np.broadcast_to(np.inf, len(z))
    table = np.array(profile.stay_by_hour, dtype=np.float64)
    stay: F64 = table[hour, 0] * np.exp(table[hour, 1] * z)
    return np.clip(stay, *STAY_BOUNDS_S)


def _states_of_charge(
    profile: ArrivalProfile, z_stay: F64, battery_kwh: F64, efficiency: F64, stream: Stream
) -> tuple[F64, F64]:
    """Return the state of charge on arrival and the one wanted, both 0..1, the first the smaller.

    With an energy: the target is the arrival plus the energy. Where the battery has no room for
    it, the car arrived emptier (the energy has a measured source, the arrival mostly not), and only
    an energy that exceeds the battery is cut. Without an arrival, the energy ends at the target;
    with neither, it lies anywhere in the battery with equal chance (not at the top, where a fast
    charge would always meet the taper). Without an energy, both states are drawn; if they cross
    they change places.
    """
    n = len(z_stay)
    arrival, target = profile.arrival_soc, profile.target_soc
    if profile.energy_kwh is None:
        low = stream("soc").beta(*arrival, n) if arrival else np.zeros(n)
        high = stream("target").beta(*target, n) if target else np.ones(n)
        return np.minimum(low, high), np.maximum(low, high)
    mu, sigma = profile.energy_kwh
    z = profile.rho * z_stay + np.sqrt(1.0 - profile.rho**2) * stream("energy").standard_normal(n)
    energy = np.clip(np.exp(mu + sigma * z), *ENERGY_BOUNDS_KWH)
    part = np.minimum(energy * efficiency / battery_kwh, 1.0)
    if arrival:
        soc = np.minimum(stream("soc").beta(*arrival, n), 1.0 - part)
    elif target:
        soc = np.maximum(stream("target").beta(*target, n), part) - part
    else:
        soc = stream("soc").random(n) * (1.0 - part)
    return soc, np.minimum(soc + part, 1.0)
