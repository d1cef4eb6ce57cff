"""``[[sites]]`` of a scenario file: a place, its stations, its grid connection, who comes to it.

Its smaller tables stand in `mix_model` (stations), `grid_model` and `people_model`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.grid_model import Battery, Controller, Limit, LimitWindow, Series
from simulator.scenario.mix_model import StationGroup
from simulator.scenario.people_model import (
    DelayedStart,
    Depot,
    Drivers,
    Priority,
    Reroute,
    Reservations,
    Start,
    VehicleToGrid,
)
from simulator.scenario.table import Table


class Site(Table):
    """A place with one grid connection; ``count`` makes equal ones, each with its own draws."""

    name: Annotated[f.Name, Field(description="Name; copies are called name#2, name#3 ...")]
    count: Annotated[int, Field(ge=1, le=f.MOST_STATIONS, description="How many such sites.")] = 1
    stations: Annotated[
        tuple[StationGroup, ...],
        Field(strict=False, min_length=1, description="Its charging stations."),
    ]
    grid_limit: Annotated[
        f.Power | None, Field(description="Power of the grid connection, shared by all EVSEs.")
    ] = None
    control: Annotated[
        Literal["local", "csms", "none"],
        f.choice("who keeps the site limit on a live run", "local", "csms", "none"),
        Field(description="Who keeps the site limit on a live run."),
    ] = "local"
    arrivals: Annotated[
        Annotated[str, f.profile("arrivals")] | None,
        Field(description="Arrival profile; a site without one replays the trace."),
    ] = None
    visits_per_evse_day: Annotated[
        float | None,
        Field(gt=0, le=1440, description="Visits per EVSE and day, as the mean over a week."),
    ] = None
    vehicles: Annotated[
        Annotated[str, f.profile("vehicles")] | None, Field(description="Vehicle mix.")
    ] = None
    policy: Annotated[f.Policy, Field(description="How a scarce limit is shared.")] = "equal_share"
    rotate: Annotated[
        f.Interval, Field(description="Where not all can charge, who pauses changes this often.")
    ] = 900.0
    queue: Annotated[
        f.Queue,
        Field(description="Whether drivers wait for a free EVSE; a number limits how many."),
    ] = True
    voltage: Annotated[float, Field(gt=50, le=1000, description="Phase to neutral, V.")] = 230.0
    grid_current: Annotated[
        f.Current | None,
        Field(description="Current of the grid connection on each phase, all loads (evenly) in."),
    ] = None
    neutral: Annotated[
        f.Current | None, Field(description="Unbalance at the grid connection (phasor sum).")
    ] = None
    grid_windows: Annotated[
        tuple[LimitWindow, ...],
        Field(strict=False, description="Another grid limit at certain times."),
    ] = ()
    limits: Annotated[
        tuple[Limit, ...], Field(strict=False, description="Limits below the grid connection.")
    ] = ()
    policy_interval: Annotated[
        f.Interval,
        Field(description="How often llf looks again while a limit binds, besides at events."),
    ] = 300.0
    controller: Annotated[Controller | None, Field(description="Sets limits at ticks.")] = None
    base_load: Annotated[Series | None, Field(description="The building's own load.")] = None
    pv: Annotated[Series | None, Field(description="Photovoltaics behind the meter.")] = None
    battery: Annotated[Battery | None, Field(description="A stationary battery.")] = None
    tariff: Annotated[
        Annotated[str, f.profile("tariffs")] | None, Field(description="What the site pays.")
    ] = None
    retail: Annotated[
        Annotated[str, f.profile("tariffs")] | None, Field(description="What its drivers pay.")
    ] = None
    carbon: Annotated[
        Annotated[str, f.profile("carbon")] | None, Field(description="Intensity of its energy.")
    ] = None
    balking: Annotated[
        tuple[f.Ratio, ...],
        Field(
            strict=False,
            description="Chance to join behind 0, 1, 2 ... who wait; then none.",
        ),
    ] = ()
    reroute: Annotated[Reroute | None, Field(description="Where drivers go who find no place.")] = (
        None
    )
    reservations: Annotated[Reservations | None, Field(description="Who reserves.")] = None
    plug_in_probability: Annotated[
        float,
        Field(gt=0, le=1, description="Chance to plug in at a visit; its energy adds up."),
    ] = 1.0
    delayed_start: Annotated[
        DelayedStart | None, Field(description="Cars with a timer of their own.")
    ] = None
    tariff_followers: Annotated[
        f.Ratio, Field(description="Drivers who begin when energy gets cheap (`retail`).")
    ] = 0.0
    idle_response: Annotated[
        f.Ratio, Field(description="Drivers who come at once for fear of an idle fee (`retail`).")
    ] = 0.0
    priority: Annotated[Priority | None, Field(description="Drivers whom a policy prefers.")] = None
    vehicle_to_grid: Annotated[VehicleToGrid | None, Field(description="Cars that give back.")] = (
        None
    )
    drivers: Annotated[
        Drivers | None, Field(description="Drivers who do not do what they should.")
    ] = None
    start: Annotated[Start | None, Field(description="By what drivers start; default: cards.")] = (
        None
    )
    depot: Annotated[
        tuple[Depot, ...], Field(strict=False, description="Vehicles with a schedule.")
    ] = ()
