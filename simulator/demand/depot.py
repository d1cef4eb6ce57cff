"""Vehicles with a schedule: the same ones come back every day, with what they have used.

A vehicle is (site, depot table, number) and has draws of its own, so that more of them change
nobody's. It comes back at ``back``, on the days that ``days`` names, and stays until the last
``out`` before it is due back again: a van of the working week that comes back on Friday evening
stands in the depot until Monday morning. It leaves on time whatever its charge; what it uses until
it comes back is taken from the charge that it left with. Called by :mod:`simulator.demand.draw`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.demand.calendar import DAY_S, clock_times
from simulator.demand.draws import generator
from simulator.demand.visits import Visits

if TYPE_CHECKING:
    from simulator.demand.drivers import Fleet
    from simulator.scenario.people_model import Depot

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

_MOST_SIGMA = 3.0
"""Draws of coming back and of energy used are cut at three standard deviations."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The comings of a depot's vehicles, before they are put in order of arrival."""

    arrival_s: F64
    departure_s: F64
    used_kwh: F64
    """Used on the day before the arrival, out of the battery."""
    car: I32
    """Row of the vehicle mix."""
    vehicle: NDArray[np.int64]
    """Which vehicle of the site it is, counted over all its depot tables."""


def depot_visits(
    depots: tuple[Depot, ...],
    cars: Fleet,
    key: tuple[int, str],
    start: datetime,
    zone: ZoneInfo,
    end_s: float,
) -> tuple[Visits, I32, NDArray[np.int64]]:
    """Return the visits of the vehicles of ``depots``, with the mix's row and vehicle of each.

    ``key`` is (seed, name of the site). The depot is empty at the start of the scenario: a vehicle
    is first seen when it comes back for the first time.
    """
    parts: list[Roster] = []
    vehicles = 0
    for table, depot in enumerate(depots):
        for number in range(depot.count):
            parts.append(_roster(depot, table, number, vehicles, cars, key, start, zone, end_s))
            vehicles += 1
    arrival = np.concatenate([part.arrival_s for part in parts])
    departure = np.concatenate([part.departure_s for part in parts])
    car = np.concatenate([part.car for part in parts])
    vehicle = np.concatenate([part.vehicle for part in parts])
    used = np.concatenate([part.used_kwh for part in parts])
    used_soc = np.minimum(used / cars.battery_kwh[car], 1.0)
    again = np.zeros(len(arrival), dtype=bool)
    again[:-1] = vehicle[1:] == vehicle[:-1]
    until_next = np.zeros(len(arrival))
    until_next[:-1] = np.where(again[:-1], used_soc[1:], 0.0)
    order = np.argsort(arrival, kind="stable")
    place = np.empty(len(order) + 1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    following = np.where(again, place[np.arange(1, len(order) + 1)], -1).astype(np.int32)
    car, vehicle = car[order], vehicle[order]
    never = np.broadcast_to(np.inf, len(order))
    visits = Visits(
        arrival_s=arrival[order],
        departure_s=departure[order],
        linger_s=never,
        patience_s=never,
        soc=1.0 - used_soc[order],
        target_soc=np.ones(len(order)),
        battery_kwh=cars.battery_kwh[car],
        ac_kw=cars.ac_kw[car],
        ac_phases=cars.ac_phases[car],
        dc_kw=cars.dc_kw[car],
        efficiency_ac=cars.efficiency_ac[car],
        efficiency_dc=cars.efficiency_dc[car],
        curve=cars.curve[car],
        evse=np.full(len(order), -1, dtype=np.int32),
        label=None,
        curves=cars.curves,
        next_visit=following[order],
        used_soc=until_next[order],
    )
    return visits, car, vehicle


def _roster(
    depot: Depot,
    table: int,
    number: int,
    vehicle: int,
    cars: Fleet,
    key: tuple[int, str],
    start: datetime,
    zone: ZoneInfo,
    end_s: float,
) -> Roster:
    """The comings of one vehicle from 0 to ``end_s``."""
    cover_s = end_s + 9.0 * DAY_S  # so that the last coming knows the next one
    back = clock_times(depot.back, start, zone, cover_s)
    out_s = clock_times(depot.out, start, zone, cover_s).time_s
    days = {"all": (0, 7), "weekdays": (0, 5), "weekends": (5, 7)}[depot.days]
    due_s = back.time_s[(back.weekday >= days[0]) & (back.weekday < days[1])]
    leaves_s = out_s[np.searchsorted(out_s, due_s[1:], side="left") - 1]
    due_s = due_s[:-1]
    draws = generator(*key, "depot", table, number)
    z = np.clip(draws.standard_normal((len(due_s), 2)), -_MOST_SIGMA, _MOST_SIGMA)
    arrival = np.minimum(due_s + depot.jitter * z[:, 0], leaves_s)
    arrival[1:] = np.maximum(arrival[1:], leaves_s[:-1])
    used = np.maximum(depot.used * (1.0 + depot.spread * z[:, 1]), 0.0)
    here = (arrival >= 0.0) & (arrival < end_s)
    count = int(here.sum())
    return Roster(
        arrival[here],
        leaves_s[here],
        used[here],
        np.full(count, cars.names.index(depot.vehicle), dtype=np.int32),
        np.full(count, vehicle, dtype=np.int64),
    )
