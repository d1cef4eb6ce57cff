"""What a site's drivers and cars do beyond wanting energy: who looks at the queue, whose car has a
timer, who follows the tariff, whom a policy prefers, who gives back, who reserves.

Every habit is one column and has one uniform number per visit (or per depot vehicle), drawn under
its own name: switching one on or changing its share moves no other, and a larger share only adds
drivers. Called by :mod:`simulator.demand.draw`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.demand.calendar import DAY_S, clock_times
from simulator.demand.visits import Manner, Means, Visits

if TYPE_CHECKING:
    from simulator.demand.retail import Retail
    from simulator.scenario import Site
    from simulator.scenario.people_model import Drivers, Start

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

STAY_S: Final = {
    Manner.REFUSED: 20.0,
    Manner.BLOCKED: 20.0,
    Manner.EXPIRED: 20.0,
    Manner.WALKS_AWAY: 90.0,
}
"""How long who does not charge keeps an EVSE (a guess): a refused driver goes before the 60 s that
ConnectionTimeOut commonly is, one who walks away is waited for that long."""

MANNERS: Final = {
    "unplug": Manner.PULLS,
    "double_tap": Manner.TAPS_TWICE,
    "wrong_token": Manner.REFUSED,
    "walk_away": Manner.WALKS_AWAY,
    "blocked_token": Manner.BLOCKED,
    "expired_token": Manner.EXPIRED,
}
"""The shares of ``drivers``, in the order in which they divide the uniform numbers."""
SECOND_TRY: Final = {
    Manner.REFUSED: Manner.REFUSED_AT_FIRST,
    Manner.BLOCKED: Manner.BLOCKED_AT_FIRST,
    Manner.EXPIRED: Manner.EXPIRED_AT_FIRST,
}

Chance = Callable[[str], F64]
"""Gives the uniform numbers of a habit, one per visit."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What habits go by besides the visit itself."""

    start: datetime
    """Aware; plan time 0."""
    zone: ZoneInfo
    retail: Retail | None
    """What the drivers pay, where the site says so."""


def with_driver_habits(visits: Visits, site: Site, around: Surroundings, chance: Chance) -> Visits:
    """Return ``visits`` with the habits of drivers who come of their own accord."""
    changes: dict[str, Any] = {}
    if site.balking:
        changes["most_ahead"] = most_ahead(site.balking, chance("balking"))
    if site.reservations is not None:
        reserves = chance("reservations") < site.reservations.share
        held_s = np.maximum(visits.arrival_s - site.reservations.lead, 0.0)
        changes["reserved_s"] = np.where(reserves, held_s, np.nan)
        if site.reservations.no_show > 0.0:
            changes["no_show"] = reserves & (chance("no_show") < site.reservations.no_show)
    if site.drivers is not None:
        changes |= _manners(visits, site.drivers, chance)
    if site.idle_response > 0.0 and around.retail is not None:
        grace_s = around.retail.idle_grace_s
        if grace_s is not None:
            draw = chance("idle_response")
            # The same number says who hurries and, among those, how soon they are there.
            there_s = np.where(draw < site.idle_response, draw / site.idle_response, np.inf)
            changes["linger_s"] = np.minimum(visits.linger_s, there_s * max(grace_s, 1e-9))
    return replace(visits, **changes) if changes else visits


def _manners(visits: Visits, drivers: Drivers, chance: Chance) -> dict[str, Any]:
    """Who deals with the station in which manner; who does not charge wants nothing and goes."""
    edges = np.cumsum([getattr(drivers, field) for field in MANNERS])
    which = np.array([*MANNERS.values(), Manner.PLAIN], np.int8)
    manner = which[np.searchsorted(edges, chance("manner"), side="right")]
    if drivers.second_try > 0.0:
        again = chance("second_try") < drivers.second_try
        for who, then in SECOND_TRY.items():
            manner[(manner == who) & again] = then
    leaves_s = np.full(len(visits), np.inf)
    for who, stay_s in STAY_S.items():
        leaves_s[manner == who] = stay_s
    idle = np.isfinite(leaves_s)
    return {
        "manner": manner,
        "target_soc": np.where(idle, visits.soc, visits.target_soc),
        "departure_s": np.minimum(visits.departure_s, visits.arrival_s + leaves_s),
        "linger_s": np.where(idle, np.inf, visits.linger_s),
    }


def with_car_habits(
    visits: Visits, site: Site, around: Surroundings, charge_kw: F64, v2g_kw: F64, chance: Chance
) -> Visits:
    """Return ``visits`` with what goes for everybody's car, a depot's too.

    ``charge_kw`` is the battery-side power at which each car charges there if nothing holds it
    back, ``v2g_kw`` the grid-side power that it can give back.
    """
    changes: dict[str, Any] = {}
    if site.start is not None:
        changes["means"] = _means(visits, site.start, chance("start"))
    ready = _ready(visits, site, around, charge_kw, chance)
    if ready is not None:
        changes["ready_s"] = ready
    if site.priority is not None:
        preferred = chance("priority") < site.priority.share
        changes["weight"] = np.where(preferred, site.priority.weight, 1.0)
    if site.vehicle_to_grid is not None:
        gives = chance("vehicle_to_grid") < site.vehicle_to_grid.share
        discharge = np.where(gives, v2g_kw, 0.0)
        changes["discharge_kw"] = discharge
        changes["reserve_soc"] = np.where(discharge > 0.0, site.vehicle_to_grid.reserve, 0.0)
    return replace(visits, **changes) if changes else visits


def _means(visits: Visits, start: Start, uniform: F64) -> NDArray[np.int8]:
    """By what each driver starts; who deals with a card in another manner has one."""
    shares = (start.app, start.free, start.plug_and_charge)
    drawn = np.searchsorted(np.cumsum(shares), uniform, side="right")
    means = np.where(drawn < len(shares), drawn + 1, Means.CARD)
    if visits.manner is not None:
        means = np.where(np.isin(visits.manner, (Manner.PLAIN, Manner.PULLS)), means, Means.CARD)
    return means.astype(np.int8)


def most_ahead(balking: tuple[float, ...], uniform: F64) -> I32:
    """Return behind how many waiting drivers each still joins the queue.

    ``balking[k]`` is the chance to join behind ``k``; a driver who joins behind some joins behind
    fewer.
    """
    joins = np.searchsorted(-np.array(balking), -uniform, side="left")
    return (joins - 1).astype(np.int32)


def _ready(
    visits: Visits, site: Site, around: Surroundings, charge_kw: F64, chance: Chance
) -> F64 | None:
    """Return before when no car is charged; 0 for cars that begin at once.

    A timer is the car's own: it begins at the next time set after the arrival, unless the driver
    plans to have left by then and so switches it off. Who follows the tariff begins where the
    charge at full power costs least and still fits; a car with a timer keeps to it.
    """
    ready: F64 | None = None
    timed = np.zeros(len(visits), dtype=bool)
    if site.delayed_start is not None and site.delayed_start.share > 0.0:
        last_s = float(visits.arrival_s[-1]) if len(visits) else 0.0
        clock = clock_times(site.delayed_start.at, around.start, around.zone, last_s + DAY_S)
        begins = clock.after(visits.arrival_s)
        timed = chance("delayed_start") < site.delayed_start.share
        ready = np.where(timed & (begins < visits.departure_s), begins, 0.0)
    if site.tariff_followers > 0.0 and around.retail is not None:
        follows = (chance("tariff_followers") < site.tariff_followers) & ~timed
        rows = np.flatnonzero(follows & (charge_kw > 0.0))
        wanted_kwh = (visits.target_soc - visits.soc)[rows] * visits.battery_kwh[rows]
        begins = around.retail.cheapest_start(
            visits.arrival_s[rows],
            visits.departure_s[rows],
            wanted_kwh / charge_kw[rows] * 3600.0,
        )
        ready = np.zeros(len(visits)) if ready is None else ready
        ready[rows] = np.where(begins > visits.arrival_s[rows], begins, 0.0)
    return ready
