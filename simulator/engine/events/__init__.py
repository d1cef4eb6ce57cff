"""Events: what goes wrong at sites, or is out of the ordinary, each a simpy process of a few lines.

One file per kind, all of one shape:

- ``NAME`` and ``SUMMARY``;
- ``OPTIONS``: what its table of options may hold (``scenario.options``), plain data;
- ``processes(event) -> Iterator[Generator]``: the simpy processes that make it happen, each acting
  on sites through the handles of ``world``.

Whatever is drawn is keyed by the seed, the kind and the name of what it happens to: a failure comes
at the same moment whatever else is changed in the scenario (common random numbers). To add a kind,
add a file and name it in ``_MODULES``. Importing this package needs neither simpy nor a compiler.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.demand.draws import Draws, key64
from simulator.engine.events import (
    demand_response,
    python,
    site_outage,
    stadium_night,
    station_failures,
)
from simulator.engine.events.reasons import Reasons
from simulator.scenario.moments import occurrences_s
from simulator.scenario.options import Options, read_options

if TYPE_CHECKING:
    from simulator.engine.world import Process, SiteHandle, World
    from simulator.scenario import Network, Scenario, SiteInstance

_MODULES = (station_failures, site_outage, demand_response, stadium_night, python)

KINDS: Mapping[str, Options] = {module.NAME: module.OPTIONS for module in _MODULES}
"""The options of each kind: what a scenario is checked against."""
NAMES: tuple[str, ...] = tuple(KINDS)
_PROCESSES = {module.NAME: module.processes for module in _MODULES}


@dataclass(frozen=True, slots=True)
class Place:
    """A site as an event knows it: what can be done to it, and how it is built."""

    handle: SiteHandle
    instance: SiteInstance

    @property
    def name(self) -> str:
        """Name of the site."""
        return self.instance.name

    def evses(self) -> list[range]:
        """The indices of the EVSEs of each station."""
        found, first = [], 0
        for station in self.instance.stations:
            found.append(range(first, first + station.evses))
            first += station.evses
        return found


@dataclass(frozen=True, slots=True)
class Event:
    """One table of ``[[events]]`` in a world that runs."""

    kind: str
    number: int
    """Counts the scenario's events of this kind, from 0."""
    options: Mapping[str, Any]
    """In base units."""
    places: tuple[Place, ...]
    world: World
    scenario: Scenario
    reasons: Reasons

    def draws(self, *names: str | int) -> Draws:
        """A stream of draws for what has these names."""
        return Draws(key64(self.scenario.seed, "events", self.kind, self.number, *names))

    def occurrences_s(self, option: str = "at") -> list[float]:
        """Plan times within the horizon that an option of moments names."""
        return occurrences_s(
            self.options[option] or (),
            self.scenario.start,
            self.scenario.timezone,
            self.world.duration_s,
        )

    def wait_until(self, at_s: float) -> Any:
        """A simpy timeout that ends at ``at_s``, which is not before the present moment."""
        env = self.world.env
        return env.timeout(max(0.0, at_s - env.now))


def event_processes(scenario: Scenario, network: Network) -> list[Process]:
    """The processes of a scenario's events, for ``run_world``; none if it has no events."""
    reasons = Reasons()
    counts: dict[str, int] = {}
    found: list[Process] = []
    for table in scenario.file.events:
        number = counts.setdefault(table.kind, 0)
        counts[table.kind] += 1
        options = read_options(KINDS[table.kind], table.options)
        sites = [site for site in network.sites if concerns(table.sites, site.name)]
        found.append(_begin(scenario, table.kind, number, options, sites, reasons))
    return found


def concerns(names: tuple[str, ...] | None, site: str) -> bool:
    """Whether an event with these ``sites`` concerns a site: a name means all its copies."""
    return names is None or site in names or site.partition("#")[0] in names


def _begin(
    scenario: Scenario,
    kind: str,
    number: int,
    options: Mapping[str, Any],
    sites: list[SiteInstance],
    reasons: Reasons,
) -> Process:
    def begin(world: World) -> Generator[Any, Any, None]:
        places = tuple(Place(world.sites[site.name], site) for site in sites)
        event = Event(kind, number, options, places, world, scenario, reasons)
        processes: Iterator[Generator[Any, Any, Any]] = _PROCESSES[kind](event)
        for process in processes:
            world.env.process(process)
        yield from ()

    return begin
