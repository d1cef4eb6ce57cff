"""A task of a simulation, start to finish: visits, engine, messages, rows, sums.

What is left of a site is its row in the summary, its share of a few sums, and its rows as Arrow
tables. Runs in the calling process or in a worker; ``totals``, which adds parts up in their order,
cannot tell which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.engine import simulate_network
from simulator.fleet.predict import NetworkCount
from simulator.scenario import Network, Scenario
from simulator.simulation.groups import Task, in_network_order
from simulator.simulation.site_figures import Sums, added, site_row, sums
from simulator.store.rowgroups import park
from simulator.store.simtables import joined, site_table
from simulator.store.siterows import Rows

if TYPE_CHECKING:
    import pyarrow as pa

    from simulator.charging.controllers import Controller
    from simulator.engine.plan import EngineResult, SiteResult
    from simulator.engine.world import Process, Progress

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Own:
    """Python of the user's that acts on the sites; where there is some, nothing leaves the process.

    To be true in a condition: there is some.
    """

    processes: tuple[Process, ...] = ()
    controllers: Mapping[str, Controller] = field(default_factory=dict)
    """Functions that set limits, by name of their site."""

    def __bool__(self) -> bool:
        return bool(self.processes or self.controllers)

    def options(self) -> dict[str, Any]:
        """As arguments of ``simulate_network``."""
        return {"processes": self.processes, "controllers": self.controllers}


NOTHING = Own()


@dataclass(frozen=True, slots=True)
class Work:
    """What every task of a simulation has in common. Crosses process borders."""

    scenario: Scenario
    network: Network
    tables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The tables to make rows for, with their columns."""
    folder: Path | None = None
    """Where rows are left for the parent; None: handed over as they are."""
    own: Own = NOTHING


@dataclass(slots=True)
class Part:
    """What is left of a task."""

    number: int
    sites: list[dict[str, Any]]
    """The row of each site, in the order of the network."""
    sums: Sums
    events: int
    kernel_s: float
    notes: tuple[str, ...]
    """What the engine has to say of these sites."""
    tables: dict[str, pa.Table | Path]


class Simulator:
    """Simulates tasks one after the other, and counts the messages of all of them."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._count = NetworkCount(work.scenario, work.scenario.duration_s, work.network.stations)
        sizes = [len(site.stations) for site in work.network.sites]
        self._first_station = np.concatenate(([0], np.cumsum(sizes)))

    def __call__(self, task: Task, progress: Progress | None = None) -> Part:
        """Simulate the groups of a task; ``progress`` is told the share of it that is done."""
        found: list[list[_Site]] = []
        events, kernel_s = 0, 0.0
        notes: list[str] = []
        for number, group in enumerate(task.groups):
            engine = simulate_network(
                self._work.scenario,
                Network(tuple(self._work.network.sites[place] for place in group)),
                record_caps="pauses",
                progress=None if progress is None else _share(progress, number, len(task.groups)),
                **self._work.own.options(),
            )
            events += engine.events
            kernel_s += engine.kernel_s
            notes += engine.notes
            found.append(
                [
                    self._site(engine, site, place)
                    for site, place in zip(engine.sites, group, strict=True)
                ]
            )
        sites: list[_Site] = in_network_order(task.groups, found)
        tables = {name: self._rows(name, sites, task.number) for name in self._work.tables}
        return Part(
            task.number,
            [site.row for site in sites],
            added([site.sums for site in sites]),
            events,
            kernel_s,
            tuple(notes),
            tables,
        )

    def finish(self) -> tuple[dict[str, I64], bool]:
        """Messages per minute by action of all tasks, and whether every pause was known."""
        return self._count.tally.series(), self._count.recorded

    def _site(self, engine: EngineResult, site: SiteResult, place: int) -> _Site:
        scenario = self._work.scenario
        self._count.add(site, int(self._first_station[place]))
        rows = Rows(
            site,
            scenario.start.timestamp(),
            engine.duration_s,
            engine.interval_s,
            scenario.file.scenario.warmup,
        )
        tables = {name: site_table(name, rows, of) for name, of in self._work.tables.items()}
        return _Site(site_row(rows), sums(rows), tables)

    def _rows(self, name: str, sites: list[_Site], number: int) -> pa.Table | Path:
        table = joined(name, [site.tables.pop(name) for site in sites])
        if self._work.folder is None:
            return table
        path = self._work.folder / f".{name}-{number}.arrow.tmp"
        park(table, path)
        return path


@dataclass(frozen=True, slots=True)
class _Site:
    row: dict[str, Any]
    sums: Sums
    tables: dict[str, pa.Table]


def _share(progress: Progress, number: int, groups: int) -> Progress:
    return lambda done: progress((number + done) / groups)
