"""The scenario file as typed models: one class per TOML table, values in base units.

Fields have the names they have in the file (``for`` and ``from`` are Python keywords: ``for_``,
``from_``). Powers are kW, durations seconds, ratios 0..1. What one table cannot know of another is
checked in `checks`; profiles are read in `profiles`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.csms_model import Csms
from simulator.scenario.mix_model import StationGroup
from simulator.scenario.slo_model import Slo
from simulator.scenario.stage_model import Stage
from simulator.scenario.storm_model import Storm
from simulator.scenario.table import Table


class ScenarioSection(Table):
    """What is run, when, and with which random numbers."""

    name: Annotated[f.Title, Field(description="Name of the scenario; run folders begin with it.")]
    description: Annotated[str, Field(description="One line for people.")] = ""
    seed: Annotated[int, Field(ge=0, description="Same seed, same visits.")] = 1
    start: Annotated[f.LocalTime, Field(description="Local time of the first instant.")]
    timezone: Annotated[f.Zone, Field(description="IANA zone of `start` and the profiles.")] = "UTC"
    duration: Annotated[
        f.Duration, Field(description="Length of the horizon, as elapsed time.")
    ] = 86400.0
    replications: Annotated[
        int,
        Field(
            ge=1,
            le=f.MOST_REPLICATIONS,
            description="Runs with other draws; figures get an interval.",
        ),
    ] = 1
    warmup: Annotated[
        f.DurationOrZero, Field(description="Left out of the figures, from the start.")
    ] = 0.0


class Window(Table):
    """A time of the local day at which something holds."""

    from_: Annotated[f.Clock, Field(alias="from", description="Local time of day.")]
    to: Annotated[f.Clock, Field(description="Local time of day; past midnight if not after from.")]
    days: Annotated[
        Literal["all", "weekdays", "weekends"],
        f.choice("days", "all", "weekdays", "weekends"),
        Field(description="On which days the window begins."),
    ] = "all"


class LimitWindow(Window):
    """A limit that holds at certain times."""

    limit: Annotated[f.Power, Field(description="Instead of the limit that holds otherwise.")]


class Transformer(Table):
    """A delta-wye transformer above the stations of a limit."""

    current: Annotated[f.Current, Field(description="Current in each line of the delta side.")]
    voltage: Annotated[
        float, Field(gt=50, le=50_000, description="Phase to neutral on the delta side, V.")
    ]


class Limit(Table):
    """A limit between the site's grid connection and its stations."""

    name: Annotated[f.Name, Field(description="Name, for `under`.")]
    under: Annotated[
        str | None, Field(description="The limit above; default: the grid connection.")
    ] = None
    limit: Annotated[f.Power | None, Field(description="Power of all stations below.")] = None
    current: Annotated[
        f.Current | None, Field(description="Current on each of the three phases.")
    ] = None
    neutral: Annotated[
        f.Current | None, Field(description="Current of the unbalance (phasor sum of the phases).")
    ] = None
    transformer: Annotated[
        Transformer | None, Field(description="Currents on the far side of a transformer.")
    ] = None
    windows: Annotated[
        tuple[LimitWindow, ...], Field(strict=False, description="Other limits at certain times.")
    ] = ()


class Battery(Table):
    """A stationary battery behind the site's meter."""

    capacity: Annotated[f.Energy, Field(description="Usable energy.")]
    power: Annotated[f.Power, Field(description="Most power, either way.")]
    efficiency: Annotated[float, Field(gt=0, le=1, description="There and back.")] = 0.9
    soc: Annotated[float, Field(ge=0, le=1, description="State of charge at the start.")] = 0.5
    target: Annotated[
        f.Power | None,
        Field(description="Net load that it keeps; default: none drawn from or fed into the grid."),
    ] = None


class Series(Table):
    """A load or generation over time: a profile of the week, or a file."""

    profile: Annotated[
        Annotated[str, f.profile("series")] | None,
        Field(description="Shape, from profiles/series."),
    ] = None
    file: Annotated[
        str | None, Field(description="CSV with columns time and kW, relative to this file.")
    ] = None
    peak: Annotated[
        f.Power | None,
        Field(description="The shape's largest value; of a generator in the sun: its rating."),
    ] = None


class Controller(Table):
    """What sets limits at ticks: one of ours, or a function of yours."""

    kind: Annotated[str | None, f.controller(), Field(description="One of ours, by name.")] = None
    function: Annotated[
        str | None, Field(description="`file.py:function` of yours, relative to this file.")
    ] = None
    tick: Annotated[f.Duration, Field(description="How often it is asked.")] = 900.0
    options: Annotated[dict[str, Any], Field(description="What the controller takes besides.")] = (
        Field(default_factory=dict)
    )


class Reroute(Table):
    """Where drivers go who find no place."""

    to: Annotated[
        tuple[str, ...], Field(strict=False, min_length=1, description="Sites, in order.")
    ]
    travel: Annotated[f.Duration, Field(description="Time to the next one.")]


class Reservations(Table):
    """Drivers who reserve."""

    share: Annotated[f.Ratio, Field(description="Of all visits.")]
    lead: Annotated[f.Duration, Field(description="Held so long before the arrival.")] = 1800.0
    grace: Annotated[f.Duration, Field(description="And so long after it, if nobody comes.")] = (
        900.0
    )
    no_show: Annotated[f.Ratio, Field(description="Of those who reserve.")] = 0.0


class DelayedStart(Table):
    """Cars with a timer of their own."""

    share: Annotated[f.Ratio, Field(description="Of all visits.")]
    at: Annotated[f.Clock, Field(description="Local time at which they begin, if plugged in then.")]


class VehicleToGrid(Table):
    """Cars that give back, where their model and a controller do."""

    share: Annotated[f.Ratio, Field(description="Of the drivers whose car can.")] = 1.0
    reserve: Annotated[float, Field(ge=0, le=1, description="SoC never gone below.")] = 0.4


class Priority(Table):
    """Drivers whom a policy prefers."""

    share: Annotated[f.Ratio, Field(description="Of all visits.")]
    weight: Annotated[float, Field(gt=1, description="Against 1 for everybody else.")] = 2.0


class Drivers(Table):
    """How drivers deal with the stations; the rest stop with the card that they began with."""

    unplug: Annotated[
        f.Ratio, Field(description="Unplug without stopping (a locked cable is stopped first).")
    ] = 0.0
    double_tap: Annotated[
        f.Ratio, Field(description="Stop by a second tap what they have just begun; begin anew.")
    ] = 0.0
    wrong_token: Annotated[
        f.Ratio, Field(description="Plug in, are refused, and leave without charging.")
    ] = 0.0
    walk_away: Annotated[
        f.Ratio, Field(description="Are authorised and never plug in (ConnectionTimeOut).")
    ] = 0.0
    blocked_token: Annotated[
        f.Ratio, Field(description="As `wrong_token`, with one that the CSMS has blocked.")
    ] = 0.0
    expired_token: Annotated[
        f.Ratio, Field(description="As `wrong_token`, with one that is no longer valid.")
    ] = 0.0
    second_try: Annotated[
        f.Ratio, Field(description="Of those refused: tap a good token then, and charge.")
    ] = 0.0


class Start(Table):
    """By what drivers start a charge: shares that sum to 1 (of another manner: by card)."""

    rfid: Annotated[f.Ratio, Field(description="A card at the reader.")] = 0.0
    app: Annotated[
        f.Ratio, Field(description="An app: the CSMS starts from afar; stopped by unplugging.")
    ] = 0.0
    free: Annotated[
        f.Ratio, Field(description="A button, without token (1.6: an idTag of the station's own).")
    ] = 0.0
    plug_and_charge: Annotated[
        f.Ratio, Field(description="A contract certificate in the car (2.0.1); by unplugging.")
    ] = 0.0


class Depot(Table):
    """Vehicles with a schedule that come back every day with what they have used."""

    vehicle: Annotated[str, Field(description="Name of a vehicle in the site's mix.")]
    count: Annotated[int, Field(ge=1, description="How many.")]
    back: Annotated[f.Clock, Field(description="Local time of coming back.")]
    out: Annotated[f.Clock, Field(description="Local time of leaving, the last before it is due.")]
    days: Annotated[
        Literal["all", "weekdays", "weekends"],
        f.choice("days", "all", "weekdays", "weekends"),
        Field(description="On which days they come back."),
    ] = "weekdays"
    used: Annotated[f.Energy, Field(description="Energy used on a day out, out of the battery.")]
    spread: Annotated[
        float, Field(ge=0, le=1, description="Standard deviation of `used`, as a part of it.")
    ] = 0.1
    jitter: Annotated[f.DurationOrZero, Field(description="Standard deviation of coming back.")] = (
        600.0
    )


class Event(Table):
    """Something that goes wrong, or is out of the ordinary; a process of the simulated world."""

    kind: Annotated[str, f.event(), Field(description="What happens.")]
    sites: Annotated[
        tuple[str, ...] | None, Field(strict=False, description="Where; default: everywhere.")
    ] = None
    options: Annotated[dict[str, Any], Field(description="What the kind takes.")] = Field(
        default_factory=dict
    )


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


class Trace(Table):
    """Recorded sessions that a site replays."""

    file: Annotated[str, Field(description="CSV or ACN-Data JSON, relative to this file.")]
    site: Annotated[
        str | None, Field(description="Site that replays it; default: the one without arrivals.")
    ] = None
    start: Annotated[
        f.LocalTime | None,
        Field(description="Local time that minutes in the trace count from; default: the start."),
    ] = None
    missing_evse: Annotated[
        Literal["error", "create"],
        f.choice("what to do with an EVSE that the site lacks", "error", "create"),
        Field(description="What to do with an EVSE that the site lacks."),
    ] = "error"
    model: Annotated[
        Annotated[str, f.profile("stations")] | None,
        Field(description="Station profile of made EVSEs; default: the site's first."),
    ] = None


class Live(Table):
    """How the plan is played against a real CSMS."""

    speed: Annotated[
        float, Field(gt=0, le=f.FASTEST, description="Compresses stays and gaps, not the clock.")
    ] = 1.0
    from_: Annotated[
        f.Clock, Field(alias="from", description="Local time of day at which the run starts.")
    ] = "00:00"
    stages: Annotated[
        tuple[Stage, ...], Field(strict=False, min_length=1, description="Played one by one.")
    ] = Field(
        default_factory=lambda: (
            Stage.model_validate({"kind": "ramp", "for": "20s", "to": "100 %"}),
            Stage.model_validate({"kind": "hold", "for": "100s"}),
        )
    )
    storms: Annotated[
        tuple[Storm, ...], Field(strict=False, description="Bad moments, by name and time.")
    ] = ()
    shards: Annotated[
        int | None, Field(ge=1, description="Processes; default: one per 5 000 stations.")
    ] = None
    call_timeout: Annotated[f.Duration, Field(description="Wait for the answer to a call.")] = 30.0
    connect_timeout: Annotated[f.Duration, Field(description="Wait for a connection.")] = 20.0
    heartbeat: Annotated[
        f.Duration | None, Field(description="Heartbeat interval until the CSMS sets one.")
    ] = None
    check_answers: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="Hold one in so many answers of each type against its schema, the first"
            " always; 1: all, 0: none. Calls of the CSMS are always checked.",
        ),
    ] = 10
    deflate: Annotated[
        int | None,
        Field(
            ge=9,
            le=15,
            description="Window bits of permessage-deflate, which stations then offer; default:"
            " no compression. A connection that compresses takes 17 KB more with 9 bits, 21 KB"
            " with 10, 47 KB with 12, 137 KB with 15 (tests/benchmarks/bench_deflate.py).",
        ),
    ] = None
    max_rate: Annotated[
        f.Rate | None, Field(description="Calls per second that the run may not exceed.")
    ] = None
    sources: Annotated[
        tuple[Annotated[str, f.SOURCE], ...],
        Field(
            strict=False,
            description="Local addresses to connect from, in turn by station; none: the system's.",
        ),
    ] = ()
    pin: Annotated[
        bool,
        Field(
            description="All stations stay with one address of the host; else they spread over all,"
            " and the name is looked up again every 60 s."
        ),
    ] = False
    transfer_hosts: Annotated[
        tuple[str, ...],
        Field(
            strict=False,
            description="Hosts with which firmware and logs are really transferred, by HTTP or "
            "HTTPS; none: a transfer only takes its time.",
        ),
    ] = ()


class Validity(Table):
    """What the generator may show before a live run is INVALID. The defaults are the rules."""

    generator_wait_p99: Annotated[
        f.Lateness, Field(description="Calls written late by the generator, 99th percentile.")
    ] = 0.005
    generator_wait_share: Annotated[
        f.Ratio, Field(description="Or this share of the service time's p99, if that is more.")
    ] = 0.05
    loop_lag_p99: Annotated[
        f.Lateness, Field(description="Lag of the event loop, 99th percentile.")
    ] = 0.010
    connect_late_p99: Annotated[
        f.Lateness, Field(description="Stations switched on late, 99th percentile.")
    ] = 1.0
    sends_achieved: Annotated[
        f.Ratio, Field(description="Calls written of those that the generator could write.")
    ] = 0.98
    cpu_share: Annotated[f.Ratio, Field(description="Share of a core that counts as busy.")] = 0.85
    cpu_for: Annotated[f.Lateness, Field(description="Busy for so long on end.")] = 5.0
    gc_pause_max: Annotated[f.Lateness, Field(description="Longest garbage collection.")] = 0.020
    record_cost: Annotated[f.Ratio, Field(description="Share of CPU time for measuring.")] = 0.05
    throttled: Annotated[
        int, Field(ge=0, le=f.MOST_WAITING, description="Periods without CPU, by a control group.")
    ] = 0
    steal: Annotated[
        f.Ratio, Field(description="Share of CPU time that a hypervisor gave to others.")
    ] = 0.05
    local_errors: Annotated[
        int,
        Field(ge=0, le=f.MOST_WAITING, description="Connections without descriptor or port."),
    ] = 0


class Record(Table):
    """What is recorded."""

    interval: Annotated[f.Duration, Field(description="Interval of the load curve.")] = 900.0
    billing_interval: Annotated[
        f.Duration, Field(description="Interval whose mean power is billed.")
    ] = 900.0
    evses: Annotated[bool, Field(description="Keep the load curve of every EVSE too.")] = False


class ScenarioFile(Table):
    """A whole scenario file."""

    scenario: ScenarioSection
    sites: Annotated[
        tuple[Site, ...], Field(strict=False, min_length=1, description="The network.")
    ]
    trace: Trace | None = None
    events: Annotated[
        tuple[Event, ...], Field(strict=False, description="What is out of the ordinary.")
    ] = ()
    csms: Csms = Field(default_factory=Csms)
    live: Live = Field(default_factory=Live)
    slo: Slo = Field(default_factory=Slo)
    validity: Validity = Field(default_factory=Validity)
    record: Record = Field(default_factory=Record)
    fleet: Annotated[
        str | None, Field(description="Inventory of existing stations (stations.csv).")
    ] = None
    tokens: Annotated[str | None, Field(description="Inventory of tokens (tokens.csv).")] = None
