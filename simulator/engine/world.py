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

What a site does at the very moment at which a process acts comes first, the process's act after it.
Processes run until the horizon, which they do not see: what falls on it does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import simpy

from simulator.engine.plan import Caps, EngineResult
from simulator.engine.site import SiteRun

if TYPE_CHECKING:
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
        """The site limit in force (``inf`` without one)."""
        return self._run.limit_kw

    @property
    def load_kw(self) -> float:
        """Grid-side power drawn at this moment."""
        return self._now().load_kw

    @property
    def occupied(self) -> int:
        """EVSEs with a vehicle plugged in."""
        return self._now().occupied

    @property
    def waiting(self) -> int:
        """Vehicles in the queue."""
        return self._now().waiting

    def set_limit(self, limit_kw: float) -> None:
        """Put another site limit in force from this moment on (``inf`` lifts it).

        Raises ValueError if it is negative or not a number.
        """
        self._now().set_limit(limit_kw)


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
) -> EngineResult:
    """Simulate a network from plan time 0 to ``duration_s`` (the scenario's, unless given).

    ``record_caps`` says which caps are kept (a live run needs all); ``progress`` is called
    with the fraction done, per site and day; ``processes`` are generators that act on the world.
    Raises what ``draw_visits`` raises for a site without demand.
    """
    from simulator.demand import draw_visits
    from simulator.engine.kernel.compiled import kernel

    horizon_s = scenario.duration_s if duration_s is None else duration_s
    if not 0.0 < horizon_s < float("inf"):
        raise ValueError(f"a duration of {horizon_s} s")
    interval_s = scenario.file.record.interval
    known = kernel.cache_info().misses
    compiled = kernel()
    compile_s = compiled.compile_s if kernel.cache_info().misses > known else 0.0
    runs = [
        SiteRun(
            draw_visits(scenario, site, 0.0, horizon_s),
            site,
            horizon_s,
            interval_s=interval_s,
            record_caps=record_caps,
            warmup_s=scenario.file.scenario.warmup,
            kernel=compiled,
        )
        for site in network.sites
    ]
    return run_world(runs, horizon_s, interval_s, progress, processes, compile_s=compile_s)


def run_world(
    runs: Sequence[SiteRun],
    duration_s: float,
    interval_s: float,
    progress: Progress | None = None,
    processes: Sequence[Process] = (),
    *,
    compile_s: float = 0.0,
) -> EngineResult:
    """Run sites that are ready together with the user's processes; see :func:`simulate_network`."""
    meter = _Meter(progress, len(runs) * duration_s)
    if processes:
        _run_together(runs, duration_s, processes, meter)
    results = []
    for run in runs:
        if not processes:
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
    runs: Sequence[SiteRun], duration_s: float, processes: Sequence[Process], meter: _Meter
) -> None:
    """Let sites live side by side, at the same moment wherever a process looks."""
    env = simpy.Environment()
    world = World(env, {run.site.name: SiteHandle(env, run) for run in runs}, duration_s)
    for process in processes:
        env.process(process(world))
    for run in runs:
        env.process(_site(env, run, meter))
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

    def done(self, run: SiteRun, until_s: float) -> None:
        """Note that a site has come as far as ``until_s``."""
        self._sum_s += until_s - self._done_s.get(run.site.name, 0.0)
        self._done_s[run.site.name] = until_s
        if self._progress is not None:
            self._progress(min(self._sum_s / self._total_s, 1.0))
