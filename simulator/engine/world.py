"""The simpy world: sites as processes, and the place where a process of the user's plugs in.

A site that nothing couples advances a whole day in one call of the kernel. A user's process acts on
sites through their handles; touching a handle first brings that site up to the present moment, so a
process sees and changes every site exactly as it is *now*:

    def maintenance(world):
        site = world.sites["ring-road"]
        yield world.env.timeout(6 * 3600)
        site.set_limit(200.0)
        yield world.env.timeout(2 * 3600)
        site.set_limit(600.0)

    simulate_network(scenario, network, processes=[maintenance])

A scenario names such a function as an event, and runs it besides those of our own (``events``):

    [[events]]
    kind = "python"
    options = { function = "mine.py:maintenance" }

What a site does at the very moment at which a process acts comes first, the process's act after it.
Processes run until the horizon, which they do not see: what falls on it does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import simpy

from simulator.engine import acts, rerouting
from simulator.engine.battery import battery_process
from simulator.engine.plan import Caps, EngineResult
from simulator.engine.reservations import keep_reservations
from simulator.engine.site import SiteRun

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from simulator.charging.controllers import Controller
    from simulator.demand.draw import Course
    from simulator.demand.visits import Visits
    from simulator.engine.view import SiteView
    from simulator.scenario import Network, Scenario

DAY_S = 86_400.0
_PIECES = 8
"""Calls of the kernel for the whole horizon of a site that nothing couples."""


class SiteHandle:
    """A site as a process of the user's sees it: always at the world's present moment."""

    __slots__ = ("_env", "_run")

    def __init__(self, env: simpy.Environment, run: SiteRun) -> None:
        self._env = env
        self._run = run

    def _now(self) -> SiteRun:
        self._run.advance(float(self._env.now))
        return self._run

    @property
    def name(self) -> str:
        """Name of the site."""
        return self._run.site.name

    @property
    def limit_kw(self) -> float:
        """The limit of the grid connection in force (``inf`` without one)."""
        return self._now().limit_kw

    @property
    def load_kw(self) -> float:
        """Grid-side power that the vehicles draw at this moment."""
        return self._now().load_kw

    @property
    def occupied(self) -> int:
        """EVSEs with a vehicle plugged in."""
        return self._now().occupied

    @property
    def free(self) -> int:
        """EVSEs that the next driver could take."""
        return self._now().free

    @property
    def waiting(self) -> int:
        """Vehicles in the queue."""
        return self._now().waiting

    @property
    def visits(self) -> Visits:
        """All visits that are known to the site, row by row; those that were added come last."""
        return self._run.visits

    def outcomes(self) -> NDArray[np.int32]:
        """What has become of each visit so far (see ``Outcome``), by row; a copy."""
        run = self._now()
        outcomes: NDArray[np.int32] = run.state.sessions["outcome"][: len(run.visits)].copy()
        return outcomes

    def view(self) -> SiteView:
        """The whole site at this moment, as arrays: what a controller sees."""
        return self._now().view()

    def set_limit(self, limit_kw: float) -> None:
        """Put another limit of the grid connection in force from now on (``inf`` lifts it).

        Raises ValueError if it is negative or not a number.
        """
        acts.set_limit(self._now(), limit_kw)

    @property
    def own_limit_kw(self) -> float:
        """The limit of the grid connection, were it not curtailed."""
        return float(self._now().state.site["grid_kw"][0])

    def curtail(self, limit_kw: float) -> None:
        """Have no more drawn from the grid than this, whatever its limit is (``inf`` ends it)."""
        acts.curtail(self._now(), limit_kw)

    def set_node_limit(self, node: str | int, limit_kw: float) -> None:
        """Put another limit between the site's and the stations' in force, by its name or index.

        Raises ValueError if there is none, or for what is no limit.
        """
        acts.set_node_limit(self._now(), node, limit_kw)

    def set_base(self, kw: float) -> None:
        """Put another load of building, PV and battery together in force (below 0: a surplus)."""
        acts.set_base(self._now(), kw)

    def set_controls(self, limits_kw: ArrayLike) -> None:
        """Put a controller's limits in force, one per EVSE, until the next ones.

        ``inf`` is no limit; below 0 asks the vehicle to give back that power. The limits of the
        site hold all the same. Raises ValueError for another shape, or what is not a number.
        """
        acts.set_controls(self._now(), limits_kw)

    def fail(self, evse: int) -> int:
        """The EVSE breaks down and its session is over; the row of that visit, or -1."""
        return acts.fail(self._now(), evse)

    def repair(self, evse: int) -> None:
        """The EVSE works again; who waits for it plugs in."""
        acts.repair(self._now(), evse)

    def power_off(self) -> None:
        """The stations lose their power: nobody charges and nobody starts, but cars stay."""
        acts.power_off(self._now())

    def power_on(self) -> None:
        """The power is back."""
        acts.power_on(self._now())

    def hold(self, visit: int) -> int:
        """Reserve a free EVSE for a visit (a row) that has yet to come; its index, or -1."""
        return acts.hold(self._now(), visit)

    def release(self, evse: int) -> None:
        """End the reservation of an EVSE (the arrival of its visit does so by itself)."""
        acts.release(self._now(), evse)

    def add_visits(self, visits: Visits) -> NDArray[np.int64]:
        """Let further visits come, all after this moment; their rows, which stay what they are.

        Raises ValueError for visits that cannot be, or that should have come already.
        """
        return acts.add_visits(self._now(), visits)


@dataclass(frozen=True, slots=True)
class World:
    """What a process of the user's is given."""

    env: simpy.Environment
    """The clock: ``env.now`` is plan time in seconds."""
    sites: Mapping[str, SiteHandle]
    duration_s: float


Process = Callable[[World], Generator[Any, Any, Any]]
Progress = Callable[[float], None]


def simulate_network(
    scenario: Scenario,
    network: Network,
    *,
    duration_s: float | None = None,
    record_caps: Caps = "none",
    progress: Progress | None = None,
    processes: Sequence[Process] = (),
    controllers: Mapping[str, Controller] | None = None,
    course: Course | None = None,
) -> EngineResult:
    """Simulate a network from plan time 0 to ``duration_s`` (the scenario's, unless given).

    ``record_caps`` says which caps are kept (a live run needs all); ``progress`` is called
    with the fraction done, per site and day; ``processes`` are generators that act on the world,
    besides the scenario's events; ``controllers`` are functions that set limits, by name of their
    site, instead of the scenario's; ``course`` is a demand that changes with
    time. Raises ControllerError, and what ``draw_visits`` raises for a
    site without demand.
    """
    from simulator.demand import draw_visits
    from simulator.engine.control import site_controls
    from simulator.engine.events import event_processes
    from simulator.engine.kernel.compiled import kernel
    from simulator.engine.terms import network_terms
    from simulator.engine.windows import limit_changes

    horizon_s = scenario.duration_s if duration_s is None else duration_s
    if not 0.0 < horizon_s < float("inf"):
        raise ValueError(f"a duration of {horizon_s} s")
    interval_s = scenario.file.record.interval
    known = kernel.cache_info().misses
    compiled = kernel()
    compile_s = compiled.compile_s if kernel.cache_info().misses > known else 0.0
    drawn = [draw_visits(scenario, site, 0.0, horizon_s, course) for site in network.sites]
    rerouting.share_curves(drawn, rerouting.routes(network.sites))
    terms = network_terms(scenario, network, horizon_s)
    runs = [
        SiteRun(
            visits,
            site,
            horizon_s,
            interval_s=interval_s,
            record_caps=record_caps,
            changes=limit_changes(scenario.start, scenario.timezone, site.site, horizon_s),
            record_evses=scenario.file.record.evses,
            terms=None if terms[site.name].plain else terms[site.name],
            warmup_s=scenario.file.scenario.warmup,
            kernel=compiled,
        )
        for visits, site in zip(drawn, network.sites, strict=True)
    ]
    mood = rerouting.redraw(scenario)
    controls = site_controls(
        scenario,
        runs,
        controllers,
        demand_prices={name: each.demand_price for name, each in terms.items()},
        # A battery's process puts the other load in force: no table of changes says it.
        others={
            name: each.other_steps() for name, each in terms.items() if each.battery is not None
        },
    )
    acting = [
        *site_processes(runs),
        *event_processes(scenario, network),
        *processes,
        *(control.process for control in controls),
    ]
    result = run_world(
        runs, horizon_s, interval_s, progress, acting, mood=mood, compile_s=compile_s
    )
    return replace(result, notes=tuple(note for each in controls for note in each.notes()))


def site_processes(runs: Sequence[SiteRun]) -> list[Process]:
    """The processes that the sites bring with them: their stationary batteries."""
    return [
        battery_process(run.site.name, run.terms, run.battery, run.layout.standby_kw)
        for run in runs
        if run.battery is not None and run.terms is not None
    ]


def run_world(
    runs: Sequence[SiteRun],
    duration_s: float,
    interval_s: float,
    progress: Progress | None = None,
    processes: Sequence[Process] = (),
    *,
    mood: rerouting.Redraw | None = None,
    compile_s: float = 0.0,
) -> EngineResult:
    """Run sites that are ready together with the user's processes; see :func:`simulate_network`.

    Drivers who go on to another site wait there as ``mood`` says, or as at the first.
    """
    meter = _Meter(progress, len(runs) * duration_s)
    ways = rerouting.routes([run.site for run in runs])
    together = (
        bool(processes)
        or any(run.visits.reserved_s is not None for run in runs)
        or any(len(group) > 1 for group in ways.groups)
    )
    if together:
        _run_together(runs, duration_s, processes, ways, mood, meter)
    results = []
    for run in runs:
        if not together:
            _run_alone(run, meter)
        results.append(run.result())
        meter.done(run, duration_s)
    return EngineResult(
        sites=tuple(results),
        duration_s=duration_s,
        interval_s=interval_s,
        events=sum(site.events for site in results),
        kernel_s=sum(run.kernel_s for run in runs),
        compile_s=compile_s,
    )


def _run_alone(run: SiteRun, meter: _Meter) -> None:
    """Let a site that nothing couples live on its own, in a few long pieces."""
    piece_s = max(DAY_S, run.duration_s / _PIECES)
    while run.now_s + piece_s < run.duration_s:
        run.advance(run.now_s + piece_s)
        meter.done(run, run.now_s)


def _run_together(
    runs: Sequence[SiteRun],
    duration_s: float,
    processes: Sequence[Process],
    ways: rerouting.Routes,
    mood: rerouting.Redraw | None,
    meter: _Meter,
) -> None:
    """Let sites live side by side, at the same moment wherever a process looks."""
    env = simpy.Environment()
    world = World(env, {run.site.name: SiteHandle(env, run) for run in runs}, duration_s)
    for process in processes:
        env.process(process(world))
    for run in runs:
        if run.visits.reserved_s is not None:
            env.process(keep_reservations(env, run))
    for group in ways.groups:
        if len(group) == 1:
            env.process(_site(env, runs[group[0]], meter))
        else:
            env.process(rerouting.travel_on(env, runs, ways, group, mood, meter.pass_by))
    env.run(until=duration_s)


def _site(env: simpy.Environment, run: SiteRun, meter: _Meter) -> Generator[Any, Any, None]:
    """A site: sleeps through a day, then lets the kernel live it (the last is left to the end)."""
    while True:
        yield env.timeout(DAY_S)
        run.advance(float(env.now))
        meter.done(run, float(env.now))


class _Meter:
    """How much of all site-seconds is done."""

    __slots__ = ("_done_s", "_progress", "_sum_s", "_total_s")

    def __init__(self, progress: Progress | None, total_s: float) -> None:
        self._progress = progress
        self._total_s = total_s
        self._sum_s = 0.0
        self._done_s: dict[str, float] = {}

    def pass_by(self, run: SiteRun) -> None:
        """Note that a site has come further, where a day is over."""
        if run.now_s - self._done_s.get(run.site.name, 0.0) >= DAY_S:
            self.done(run, run.now_s)

    def done(self, run: SiteRun, until_s: float) -> None:
        """Note that a site has come as far as ``until_s``."""
        self._sum_s += until_s - self._done_s.get(run.site.name, 0.0)
        self._done_s[run.site.name] = until_s
        if self._progress is not None:
            self._progress(min(self._sum_s / self._total_s, 1.0))
