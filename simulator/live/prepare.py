"""From a scenario to the specs of its shards: stages, engine plan, live plan. Decides, does no I/O.

Called by ``run`` in the parent, before anything is started.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from simulator.demand.visits import Means
from simulator.fleet.course import demand_of
from simulator.fleet.liveplan import build_live_plan, split, window
from simulator.fleet.predict import Prediction, predict_live
from simulator.fleet.setup import Conditions, in_force
from simulator.fleet.stages import Stage, run_length, scenario_stages, station_spells
from simulator.fleet.steps import Span, Step, outside_storms, phases, steps
from simulator.fleet.storms import with_storms
from simulator.live.apicalls import ApiRules
from simulator.live.connection import Upgrade
from simulator.live.dial import DialRules
from simulator.live.errands import Errands, plan_errands
from simulator.live.errors import RefusedError
from simulator.live.health import raise_fd_limit
from simulator.live.messages import ShardSpec
from simulator.live.preflight import SPARE_FDS
from simulator.live.routes import Routes
from simulator.live.security import Security
from simulator.live.startclock import start_epoch
from simulator.live.trace import TraceError, choose_traced, parse_trace
from simulator.live.transfers import TransferRules
from simulator.live.weather import Weather, forecast

if TYPE_CHECKING:
    from simulator.engine.plan import EngineResult
    from simulator.fleet.shardplan import ShardPlan
    from simulator.fleet.siteplan import Window
    from simulator.scenario import Network, Scenario

STATIONS_PER_SHARD: Final = 5000
"""What one process carries with ease: 5 000 stations at 0.5 calls a second each are a quarter of
what it does in a second of CPU time (tests/benchmarks/bench_live.py)."""
DRAIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that could start."""

    scenario: Scenario
    network: Network
    stages: tuple[Stage, ...]
    spans: tuple[Span, ...]
    steps: tuple[Step, ...]
    window: Window
    engine: EngineResult
    plans: tuple[ShardPlan, ...]
    traced: frozenset[str]
    heartbeat_s: float | None
    """The heartbeat interval that the CSMS is known to give; None: not known."""
    weather: Weather
    errands: Errands

    @property
    def expected(self) -> int:
        """Stations that the stages switch on."""
        return sum(int((plan.connect_due_s < self.window.run_s).sum()) for plan in self.plans)

    @property
    def with_app(self) -> int:
        """Drivers who have the CSMS start their charge."""
        means = [plan.stays.means for plan in self.plans]
        return sum(int(np.count_nonzero(by == Means.APP)) for by in means if by is not None)

    def start_epoch(self, earliest_s: float) -> float:
        """Unix time of T0 if everything is ready by then."""
        return start_epoch(earliest_s, self.scenario.file.live.quarter_hour_at)

    def predict(self, epoch_at_zero: float) -> Prediction:
        """The calls that this run will cause; ``epoch_at_zero`` is the Unix time of T0."""
        return predict_live(
            self.scenario, self.plans, heartbeat_s=self.heartbeat_s, epoch_at_zero=epoch_at_zero
        )


def prepare(
    scenario: Scenario,
    network: Network,
    *,
    duration_s: float | None,
    trace: str | Sequence[str],
    password: str | None,
    heartbeat_s: float | None,
    progress: Callable[[float], None] | None = None,
) -> Prepared:
    """Plan a run. ``duration_s`` is the whole run; None: as long as the stages say.

    Raises RefusedError for stages or traces that cannot be, ScenarioError.
    """
    from simulator.engine import simulate_network

    names = [(s.site, s.ordinal) for site in network.sites for s in site.stations]
    ids = [s.id for site in network.sites for s in site.stations]
    try:
        stages = read_stages(scenario, len(names), duration_s)
        spells = station_spells(stages, scenario.seed, names)
        traced = choose_traced(parse_trace(trace), ids)
    except TraceError as error:
        raise RefusedError(str(error)) from None
    except ValueError as error:
        raise RefusedError(f"live.stages: {error}") from None
    check_models(network)
    span = window(scenario, run_length(stages))
    engine = simulate_network(
        scenario,
        network,
        duration_s=span.until_s,
        record_caps="all",
        progress=progress,
        course=demand_of(stages, span.from_s, span.speed),
    )
    refuse_outages(engine, span)
    refuse_discharge(engine, span)
    refuse_timers(engine, span)
    embedded = scenario.file.csms.url == "embedded"
    shards = shard_count(scenario.file.live.shards, len(names), embedded=embedded)
    plans = tuple(
        build_live_plan(
            scenario,
            network,
            engine,
            from_s=span.from_s,
            speed=span.speed,
            run_s=span.run_s,
            connect_due=spells.first_on_s,
            spells=spells,
            sites=group,
            password=password,
        )
        for group in split(network, shards)
    )
    refuse_quarter_hour(scenario.file.live.quarter_hour_at, span.run_s)
    weather = forecast(scenario, network, spells, span.run_s)
    errands = plan_errands(scenario, network, span.run_s)
    spans = phases(stages)
    rows = steps(stages, spans, len(names))
    spans = with_storms(spans, weather.storms)
    rows = outside_storms(rows, spans)
    return Prepared(
        scenario,
        network,
        stages,
        spans,
        rows,
        span,
        engine,
        plans,
        traced,
        heartbeat_s,
        weather,
        errands,
    )


def refuse_quarter_hour(at_s: float | None, run_s: float) -> None:
    """Raise RefusedError where the quarter of an hour that is waited for is not in the run."""
    if at_s is not None and at_s >= run_s:
        raise RefusedError(
            f"live.quarter_hour_at: {at_s:g} s after the start a run of {run_s:g} s is over"
        )


def refuse_outages(engine: EngineResult, span: Window) -> None:
    """Raise RefusedError where stations would lose their power during the run.

    Live stations play sessions, limits and crowds as the plan has them, but not its outages: a
    power cut of a live run is a storm.
    """
    for site in engine.sites:
        for outage in site.outages:
            if outage.from_s < span.until_s and not outage.to_s <= span.from_s:
                what = "the site" if outage.evse < 0 else f"EVSE {outage.evse}"
                raise RefusedError(
                    f"events: {what} of {site.site.name} is out of service from plan time"
                    f" {outage.from_s:.0f} s on, and a live run cannot play outages yet"
                    " (leave out station_failures and site_outage)"
                )


def refuse_discharge(engine: EngineResult, span: Window) -> None:
    """Raise RefusedError where vehicles would give energy back during the run.

    A live station's meter knows one direction. Where stations do not follow the plan's caps nobody
    gives anything back.
    """
    for site in engine.sites:
        plan = site.plan
        if site.site.site.control != "local" or not (plan.cap_kw < 0.0).any():
            continue
        visit = np.repeat(np.arange(len(plan.evse)), np.diff(plan.cap_offset))
        gives = (plan.cap_kw < 0.0) & (plan.cap_s < span.until_s)
        if (gives & ~(plan.unplug_s[visit] <= span.from_s)).any():
            raise RefusedError(
                f"vehicle_to_grid: vehicles at {site.site.name} give energy back during the run,"
                " and a live run cannot play that yet (leave out vehicle_to_grid, or the controller"
                " that asks for it)"
            )


def refuse_timers(engine: EngineResult, span: Window) -> None:
    """Raise RefusedError where a car's own timer would start it during the run and nobody would.

    Such a start is among the plan's caps, which only stations under local control follow.
    """
    for site in engine.sites:
        ready_s, control = site.visits.ready_s, site.site.site.control
        if control == "local" or ready_s is None:
            continue
        plan = site.plan
        timed = (ready_s > plan.plug_in_s) & (ready_s > span.from_s)
        if (timed & (plan.plug_in_s < span.until_s) & ~(plan.unplug_s <= span.from_s)).any():
            raise RefusedError(
                f"delayed_start, tariff_followers: cars at {site.site.name} start by a timer of"
                f" their own, which a live run cannot play with control = '{control}' yet (leave"
                " them out, or say control = 'local')"
            )


def read_stages(scenario: Scenario, stations: int, duration_s: float | None) -> tuple[Stage, ...]:
    """The scenario's stages for a fleet of that size, stretched to ``duration_s`` in proportion."""
    return scenario_stages(scenario, stations, duration_s)


def shard_count(
    wanted: int | None,
    stations: int,
    cpus: int | None = None,
    *,
    embedded: bool = False,
    files: int | None = None,
) -> int:
    """How many processes: as told, else one for so many stations, and at most one per usable CPU.

    A CPU is left to the embedded CSMS: beside it a second shard only takes time from both. More
    than that only where a process may not open a file for each of its stations (``files``; None:
    as the system has it).
    """
    if wanted is not None:
        return wanted
    usable = usable_cpus() if cpus is None else cpus
    each = max((raise_fd_limit() if files is None else files) - 2 * SPARE_FDS, 1)
    with_ease = min(usable - embedded, ceil(stations / STATIONS_PER_SHARD))
    return max(1, with_ease, ceil(stations / each))


def first_of_versions(plans: Sequence[ShardPlan]) -> dict[str, tuple[str, str | None]]:
    """Id and password of the first station of each OCPP version that the fleet speaks."""
    first: dict[str, tuple[str, str | None]] = {}
    for plan in plans:
        for version, station_id, password in zip(
            plan.versions, plan.ids, plan.passwords, strict=True
        ):
            first.setdefault(version, (station_id, password))
    return first


def check_models(network: Network) -> None:
    """Raise RefusedError where a model has a configuration that its stations cannot have."""
    for kind, version in {(s.model, s.version) for site in network.sites for s in site.stations}:
        try:
            in_force(kind, version)
        except ValueError as error:
            raise RefusedError(f"station model {kind.name}, OCPP {version}: {error}") from None


def usable_cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shard_specs(
    prepared: Prepared,
    *,
    upgrade: Upgrade,
    rules: DialRules,
    routes: Routes | None = None,
    run_id: str,
    epoch_guess: float,
    folder: Path,
    drain_s: float,
    security: Security | None = None,
    api: ApiRules | None = None,
    detailed: bool = False,
) -> list[ShardSpec]:
    """What each shard is told. Traces go into ``folder``, a file for each shard.

    ``security`` None: as the scenario's profile says, which must do without TLS.
    """
    live = prepared.scenario.file.live
    security = security or Security(prepared.scenario.file.csms.security_profile)
    conditions = Conditions(
        run_id,
        live.call_timeout,
        live.heartbeat,
        security.profile,
        security.ca,
        security.certificates,
        clock_spread_s=live.clock_spread,
        operator=security.operator,
        check_answers=live.check_answers,
    )
    phases = tuple((span.start_s, span.name) for span in prepared.spans)
    return [
        ShardSpec(
            shard=number,
            plan=plan,
            phases=phases,
            upgrade=upgrade,
            rules=rules,
            routes=routes,
            tls=security.tls,
            authenticate=security.profile >= 1,
            conditions=conditions,
            transfers=TransferRules(frozenset(live.transfer_hosts)),
            api=api,
            run_s=prepared.window.run_s,
            drain_s=drain_s,
            traced=prepared.traced & frozenset(plan.ids),
            trace_path=folder / f"frames-{number}.jsonl" if prepared.traced else None,
            epoch_guess=epoch_guess,
            detailed=detailed,
            stormy=prepared.weather.of(plan.station_index),
            orders=prepared.errands.orders,
            calls=prepared.errands.calls.of(plan.station_index),
        )
        for number, plan in enumerate(prepared.plans)
    ]
