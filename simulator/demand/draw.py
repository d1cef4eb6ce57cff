"""The visits of one site: drawn from its profile, or read from the trace.

The only door of this room: the engine calls :func:`draw_visits` once per site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.demand.arrivals import arrivals, hazard
from simulator.demand.draws import generator
from simulator.demand.drivers import draw_wants, fleet, pick_vehicles
from simulator.demand.trace import trace_visits
from simulator.demand.visits import Visits

if TYPE_CHECKING:
    from simulator.scenario import Scenario, SiteInstance


def draw_visits(
    scenario: Scenario, site: SiteInstance, start_s: float = 0.0, end_s: float | None = None
) -> Visits:
    """Return the visits of ``site`` that arrive within ``start_s`` <= t < ``end_s``, by arrival.

    Times are plan seconds; ``end_s`` is the scenario's duration unless given. The draws of a visit
    depend on the seed, the site's name and the visit's place among the site's visits since the
    scenario's start, and on nothing else.
    """
    end = scenario.duration_s if end_s is None else end_s
    if site.trace:
        if scenario.trace is None:
            raise ValueError(f"site {site.name} replays a trace, but the scenario has none")
        return trace_visits(scenario.trace, site, start_s, end)
    return _from_profile(scenario, site, start_s, end)


def _from_profile(scenario: Scenario, site: SiteInstance, start_s: float, end_s: float) -> Visits:
    """Draw the visits of a site from its arrival profile and vehicle mix."""
    rate, arrivals_name, mix_name = (
        site.site.visits_per_evse_day,
        site.site.arrivals,
        site.site.vehicles,
    )
    if rate is None or arrivals_name is None or mix_name is None:
        raise ValueError(f"site {site.name} has neither arrivals with vehicles nor a trace")
    profile = scenario.arrivals[arrivals_name]
    cars = fleet(scenario.vehicles[mix_name])

    def stream(name: str) -> np.random.Generator:
        return generator(scenario.seed, site.name, "visits", name)

    currents = {station.model.current for station in site.stations}
    table = hazard(profile.hour_of_week, scenario.start, scenario.timezone, end_s)
    arrival, hour = arrivals(table, rate * site.evses, end_s, stream("gap"))
    car = pick_vehicles(cars, len(arrival), currents == {"dc"}, stream)
    on_dc = ("dc" in currents) & (cars.dc_kw > 0.0)
    efficiency = np.where(on_dc, cars.efficiency_dc, cars.efficiency_ac)
    wants = draw_wants(profile, arrival, hour, cars.battery_kwh[car], efficiency[car], stream)
    first = int(np.searchsorted(arrival, start_s))
    cut = slice(first, None)
    car = car[cut]
    return Visits(
        arrival_s=arrival[cut],
        departure_s=wants.departure_s[cut],
        linger_s=wants.linger_s[cut],
        patience_s=wants.patience_s[cut],
        soc=wants.soc[cut],
        target_soc=wants.target_soc[cut],
        battery_kwh=cars.battery_kwh[car],
        ac_kw=cars.ac_kw[car],
        ac_phases=cars.ac_phases[car],
        dc_kw=cars.dc_kw[car],
        efficiency_ac=cars.efficiency_ac[car],
        efficiency_dc=cars.efficiency_dc[car],
        curve=cars.curve[car],
        evse=np.full(len(car), -1, dtype=np.int32),
        label=None,
        curves=cars.curves,
    )
