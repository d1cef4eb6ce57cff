"""The visits of one site: drawn from its profile, its depot's schedule, or read from the trace.

The only door of this room: the engine calls :func:`draw_visits` once per site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.demand.arrivals import DAY_S, arrivals, hazard
from simulator.demand.depot import depot_visits
from simulator.demand.draws import generator
from simulator.demand.drivers import Fleet, draw_wants, fleet, pick_vehicles
from simulator.demand.habits import Surroundings, with_car_habits, with_driver_habits
from simulator.demand.retail import Retail, retail
from simulator.demand.skipping import skip_visits
from simulator.demand.trace import trace_visits
from simulator.demand.visits import Visits, merge

if TYPE_CHECKING:
    from simulator.scenario import Scenario, SiteInstance

F64 = NDArray[np.float64]


class Course(Protocol):
    """A demand that changes with time: a factor on the rate of drawn arrivals."""

    @property
    def peak(self) -> float:
        """The largest factor: so many times the usual visits are drawn."""
        ...

    def share(self, plan_s: F64) -> F64:
        """The part (0..1) of them that takes place, by arrival in plan seconds."""
        ...


def draw_visits(
    scenario: Scenario,
    site: SiteInstance,
    start_s: float = 0.0,
    end_s: float | None = None,
    course: Course | None = None,
) -> Visits:
    """Return the visits of ``site`` that arrive within ``start_s`` <= t < ``end_s``, by arrival.

    Times are plan seconds; ``end_s`` is the scenario's duration unless given. The draws of a visit
    depend on the seed, the site's name and the visit's place among the site's visits since the
    scenario's start (in a depot: on the vehicle and its day), and on nothing else.

    With a ``course`` as many visits are drawn from the arrival profile as its peak asks for, each
    with a uniform draw of its own, and those take place whose draw is below the share of the moment
    at which they arrive (thinning, which leaves a Poisson process one; Lewis and Shedler, 1979).
    A depot's schedule and a trace stay as they are.
    """
    end = scenario.duration_s if end_s is None else end_s
    if site.trace:
        if scenario.trace is None:
            raise ValueError(f"site {site.name} replays a trace, but the scenario has none")
        return trace_visits(scenario.trace, site, start_s, end)
    if site.site.vehicles is None or not (site.site.arrivals or site.site.depot):
        raise ValueError(f"site {site.name} has no demand: no arrivals, no depot and no trace")
    cars = fleet(scenario.vehicles[site.site.vehicles])
    around = Surroundings(scenario.start, scenario.timezone, _retail(scenario, site, end))
    visits = None
    if site.site.arrivals is not None:
        visits = _from_profile(scenario, site, cars, around, end, course)
    if site.site.depot:
        scheduled = _from_depot(scenario, site, cars, around, end)
        visits = scheduled if visits is None else merge(visits, scheduled)
    assert visits is not None
    first = int(np.searchsorted(visits.arrival_s, start_s))
    return visits if first == 0 else visits.take(np.arange(first, len(visits)))


def _retail(scenario: Scenario, site: SiteInstance, end_s: float) -> Retail | None:
    """What the site's drivers pay, where some of them go by it."""
    goes_by = site.site.tariff_followers > 0.0 or site.site.idle_response > 0.0
    tariffs = getattr(scenario, "tariffs", {})
    if not goes_by or site.site.retail not in tariffs:
        return None
    # Longer than anything stays: the last to arrive sees prices until it leaves.
    cover_s = end_s + 9.0 * DAY_S
    return retail(tariffs[site.site.retail], scenario.start, scenario.timezone, cover_s)


def _from_profile(
    scenario: Scenario,
    site: SiteInstance,
    cars: Fleet,
    around: Surroundings,
    end_s: float,
    course: Course | None = None,
) -> Visits:
    """Draw the visits of a site from its arrival profile and vehicle mix."""
    table = site.site
    if table.visits_per_evse_day is None or table.arrivals is None:
        raise ValueError(f"site {site.name} has arrivals without visits_per_evse_day")
    profile = scenario.arrivals[table.arrivals]

    def stream(name: str) -> np.random.Generator:
        return generator(scenario.seed, site.name, "visits", name)

    currents = {station.model.current for station in site.stations}
    rate = hazard(profile.hour_of_week, scenario.start, scenario.timezone, end_s)
    per_day = table.visits_per_evse_day * site.evses * (1.0 if course is None else course.peak)
    arrival, hour = arrivals(rate, per_day, end_s, stream("gap"))
    n = len(arrival)
    car = pick_vehicles(cars, n, currents, stream)
    on_dc = ("dc" in currents) & (cars.dc_kw > 0.0)
    efficiency = np.where(on_dc, cars.efficiency_dc, cars.efficiency_ac)
    wants = draw_wants(profile, arrival, hour, cars.battery_kwh[car], efficiency[car], stream)
    visits = Visits(
        arrival_s=arrival,
        departure_s=wants.departure_s,
        linger_s=wants.linger_s,
        patience_s=wants.patience_s,
        soc=wants.soc,
        target_soc=wants.target_soc,
        battery_kwh=cars.battery_kwh[car],
        ac_kw=cars.ac_kw[car],
        ac_phases=cars.ac_phases[car],
        dc_kw=cars.dc_kw[car],
        efficiency_ac=cars.efficiency_ac[car],
        efficiency_dc=cars.efficiency_dc[car],
        curve=cars.curve[car],
        evse=np.broadcast_to(np.int32(-1), n),
        label=None,
        curves=cars.curves,
    )
    rows: NDArray[np.int64] | slice = slice(None)
    if table.plug_in_probability < 1.0:
        plugs_in = stream("plug_in").random(n) < table.plug_in_probability
        rows = np.flatnonzero(plugs_in)
        visits, car = skip_visits(visits, plugs_in, site.evses), car[rows]

    def chance(habit: str) -> F64:
        return stream(habit).random(n)[rows]

    visits = with_driver_habits(visits, table, around, chance)
    power = charge_kw(site, cars)[car]
    visits = with_car_habits(visits, table, around, power, cars.v2g_kw[car], chance)
    if course is None:
        return visits
    return visits.take(np.flatnonzero(chance("demand") < course.share(visits.arrival_s)))


def _from_depot(
    scenario: Scenario, site: SiteInstance, cars: Fleet, around: Surroundings, end_s: float
) -> Visits:
    """Draw the comings of the vehicles with a schedule; a habit is the vehicle's own for good."""
    key = (scenario.seed, site.name)
    depots = site.site.depot
    visits, car, vehicle = depot_visits(depots, cars, key, scenario.start, scenario.timezone, end_s)
    owners = [(table, n) for table, depot in enumerate(depots) for n in range(depot.count)]

    def chance(habit: str) -> F64:
        drawn = [generator(*key, "depot", table, n, habit).random() for table, n in owners]
        return np.array(drawn)[vehicle]

    power = charge_kw(site, cars)[car]
    return with_car_habits(visits, site.site, around, power, cars.v2g_kw[car], chance)


def charge_kw(site: SiteInstance, cars: Fleet) -> F64:
    """Return the battery-side power at which each car of a mix charges at the site's best EVSE."""
    best = np.zeros(len(cars.names))
    for model in {station.model for station in site.stations}:
        if model.current == "dc":
            kw = np.minimum(model.evse_kw, cars.dc_kw) * cars.efficiency_dc
        else:
            phases = np.minimum(cars.ac_phases, model.phases)
            wired = model.evse_kw * phases / model.phases
            kw = np.minimum(wired, cars.ac_kw) * cars.efficiency_ac
        best = np.maximum(best, kw)
    return best
