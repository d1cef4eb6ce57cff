"""One network simulated once: tasks spread over processes, rows written as they come, sums kept.

Called by ``run`` (tables into a run's folder) and by ``replicate`` (figures alone).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.engine.kernel.cache import is_warm
from simulator.simulation.groups import coupled_groups, tasks
from simulator.simulation.part import NOTHING, Own, Part, Simulator, Work
from simulator.simulation.totals import Totals
from simulator.simulation.workers import Spread, usable_cpus
from simulator.store.simtables import tables_of

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario

SMALL_VISITS: Final = 600_000
"""Below, starting processes takes longer than what they save."""

Tell = Callable[[float], None]


def run_network(
    scenario: Scenario,
    network: Network,
    *,
    folder: Path | None = None,
    jobs: int | None = None,
    own: Own = NOTHING,
    tell: Tell = lambda done: None,
) -> Totals:
    """Simulate a network; with a ``folder``, write its large tables there.

    ``jobs``: processes at most; None: as many as there are cores, one for a small network. Where
    the user's ``own`` Python acts on the sites there is only one. ``tell`` is called with the
    share done. The kernel must be compiled (``warm_up``).
    """
    groups = coupled_groups(scenario, network, processes=bool(own))
    todo = tasks(scenario, network, groups)
    visits = sum(task.visits for task in todo)
    used = jobs_for(jobs, visits, len(todo)) if not own else 1
    spread = used > 1
    work = Work(
        scenario,
        network,
        tables_of(scenario) if folder is not None else {},
        folder if spread else None,
        own,
    )
    totals = Totals(scenario, network)
    done = 0.0

    def part_way(share: float) -> None:
        tell((done + share * todo[totals.parts].visits) / visits)

    with ExitStack() as stack:
        writers = _writers(stack, folder, tuple(work.tables))
        make = Simulator if spread else lambda what: Reporting(Simulator(what), part_way)
        parts = stack.enter_context(Spread(make, work, todo, used))
        for part in parts:
            totals.add(part)
            _write(writers, part)
            done += todo[part.number].visits
            tell(done / visits)
        totals.add_messages(parts.finished)
    return totals


class Reporting:
    """A simulator in this process, which tells how far it is within a task."""

    def __init__(self, simulator: Simulator, tell: Tell) -> None:
        self._simulator, self._tell = simulator, tell

    def __call__(self, task: Any) -> Part:
        """Simulate a task."""
        return self._simulator(task, self._tell)

    def finish(self) -> Any:
        """What the simulator gathered."""
        return self._simulator.finish()


def jobs_for(jobs: int | None, visits: float, tasks: int) -> int:
    """How many processes to use."""
    if not is_warm():  # the machine code could not be kept: every process would compile it again
        return 1
    if jobs is not None:
        return min(jobs, tasks)
    return 1 if visits < SMALL_VISITS else min(usable_cpus(), tasks)


def warm_up(tell: Callable[[str], None]) -> float:
    """Compile the kernel if that is still to be done; seconds that it took, 0 if it was."""
    if not is_warm():
        tell("compiling the kernel, once")
    started = time.perf_counter()
    from simulator.engine.kernel.compiled import kernel

    known = kernel.cache_info().misses
    compiled = kernel()
    if kernel.cache_info().misses == known or not compiled.compile_s:
        return 0.0
    return time.perf_counter() - started


def _writers(stack: ExitStack, folder: Path | None, names: Sequence[str]) -> Mapping[str, Any]:
    if folder is None:
        return {}
    from simulator.store.rowgroups import RowGroups

    stack.callback(_sweep, folder)
    return {name: stack.enter_context(RowGroups(folder, name)) for name in names}


def _sweep(folder: Path) -> None:
    """Remove rows that workers left and nobody took."""
    for path in folder.glob(".*.arrow.tmp"):
        path.unlink(missing_ok=True)


def _write(writers: Mapping[str, Any], part: Part) -> None:
    from simulator.store.rowgroups import take

    for name, rows in part.tables.items():
        writers[name].write(take(rows) if isinstance(rows, Path) else rows)
