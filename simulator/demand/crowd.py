"""A crowd: visits out of the ordinary that come together and leave together.

Drawn from the site's own vehicles and drivers, with streams of their own, so that the ordinary
visits of the site stay what they are. Called by the engine's events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.demand.arrivals import local_hours
from simulator.demand.draws import generator
from simulator.demand.drivers import draw_wants, fleet, pick_vehicles
from simulator.demand.visits import Visits

if TYPE_CHECKING:
    from simulator.scenario import Scenario, SiteInstance


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who comes; times are plan seconds, or seconds."""

    at_s: float
    visits: int
    within_s: float
    """They arrive in ``at_s`` < t <= ``at_s + within_s``, evenly at random."""
    leave_s: float
    """All go this long after ``at_s``; longer than ``within_s``."""
    energy_kwh: float | None
    """What each wants, grid side, as far as its battery has room; None: as the site's drivers."""


def draw_crowd(
    scenario: Scenario, site: SiteInstance, crowd: Crowd, key: tuple[str | int, ...]
) -> Visits:
    """Draw the visits, by arrival; ``key`` names the draws besides seed and site.

    Raises ValueError for a site without vehicles and arrivals of its own.
    """
    if site.site.vehicles is None or site.site.arrivals is None:
        raise ValueError(f"site {site.name} has no vehicles and arrivals to draw a crowd from")
    profile = scenario.arrivals[site.site.arrivals]
    cars = fleet(scenario.vehicles[site.site.vehicles])
    n = crowd.visits

    def stream(name: str) -> np.random.Generator:
        return generator(scenario.seed, site.name, "crowd", *key, name)

    arrival = crowd.at_s + crowd.within_s * np.sort(1.0 - stream("arrival").random(n))
    hours = local_hours(scenario.start, scenario.timezone, crowd.at_s + crowd.within_s + 1.0)
    hour = hours.hour_of_week[np.searchsorted(hours.begin_s, arrival, side="right") - 1]
    currents = {station.model.current for station in site.stations}
    car = pick_vehicles(cars, n, currents, stream)
    on_dc = ("dc" in currents) & (cars.dc_kw > 0.0)
    efficiency = np.where(on_dc, cars.efficiency_dc, cars.efficiency_ac)[car]
    battery = cars.battery_kwh[car]
    wants = draw_wants(profile, arrival, hour, battery, efficiency, stream)
    soc, target = wants.soc, wants.target_soc
    if crowd.energy_kwh is not None:
        part = np.minimum(crowd.energy_kwh * efficiency / battery, 1.0)
        soc = np.minimum(soc, 1.0 - part)
        target = np.minimum(soc + part, 1.0)
    return Visits(
        arrival_s=arrival,
        departure_s=np.full(n, crowd.at_s + crowd.leave_s),
        linger_s=np.full(n, np.inf),
        patience_s=wants.patience_s,
        soc=soc,
        target_soc=target,
        battery_kwh=battery,
        ac_kw=cars.ac_kw[car],
        ac_phases=cars.ac_phases[car],
        dc_kw=cars.dc_kw[car],
        efficiency_ac=cars.efficiency_ac[car],
        efficiency_dc=cars.efficiency_dc[car],
        curve=cars.curve[car],
        evse=np.full(n, -1, dtype=np.int32),
        label=None,
        curves=cars.curves,
    )
