"""One simulation from scenario to run folder: engine, prediction, tables, summary.

Glue without rules of its own. Called by the API; the live counterpart is ``live.run``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.measure.verdict import Decision, Verdict
from simulator.scenario.problems import Problem, ScenarioError
from simulator.simulation.network_run import run_network, warm_up
from simulator.simulation.part import NOTHING, Own
from simulator.simulation.replicate import Trial, intervals, run_trials, tidy
from simulator.store import RunFolder, StoreError
from simulator.store.figures import figures
from simulator.store.host import host, versions
from simulator.store.summary import short_summary

if TYPE_CHECKING:
    from simulator.scenario import Scenario

Progress = Callable[[float, str | None], None]

_ENGINE_SHARE = 0.95
"""Part of the progress bar that the simulation fills; the rest is the report."""


def run_simulation(
    scenario: Scenario,
    stations: int | None = None,
    *,
    out: Path | str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    command: str | None = None,
    own: Own = NOTHING,
) -> Path:
    """Simulate the scenario's network and write the run folder; gives its path.

    ``stations`` scales the network.

    The scenario says how often (``replications``): the tables are those of the first, the summary
    holds the intervals of all. ``jobs``: processes at most. An interruption (Ctrl-C) leaves a
    folder that says so. Raises ScenarioError, StoreError, WorkerLostError.
    """
    tell = progress or (lambda done, what: None)
    started = time.perf_counter()
    check_warmup(scenario)
    network = scenario.network(stations)
    folder = RunFolder.create(out, scenario.name, "simulation")
    folder.write_manifest(
        scenario=scenario.as_dict(),
        scenario_file=scenario.path.name,
        seed=scenario.seed,
        stations=network.stations,
        evses=network.evses,
        duration_s=scenario.duration_s,
        timezone=scenario.timezone.key,
        start=scenario.start.isoformat(),
        command=command,
        versions=versions(),
        host=host(),
    )
    try:
        summary = _simulate(scenario, stations, folder, jobs, own, tell)
        summary["wall_s"] = time.perf_counter() - started
        folder.finish(summary)
        tell(1.0, "drawing the report")
    except KeyboardInterrupt:
        stopped = Decision(Verdict.INTERRUPTED, ("stopped by the user",))
        folder.finish(short_summary("simulation", stopped), "interrupted")
        raise
    except Exception as error:
        with contextlib.suppress(StoreError):  # it may be the disk that failed
            folder.write_manifest(status="failed", error=f"{type(error).__name__}: {error}")
        raise
    return folder.path


def _simulate(
    scenario: Scenario,
    stations: int | None,
    folder: RunFolder,
    jobs: int | None,
    own: Own,
    tell: Progress,
) -> dict[str, Any]:
    """Write the tables of the first replication; the summary of all, but for its wall time."""
    compile_s = warm_up(lambda what: tell(0.0, what))
    replications = scenario.file.scenario.replications
    first = _ENGINE_SHARE / replications
    totals = run_network(
        scenario,
        scenario.network(stations),
        folder=folder.path,
        jobs=jobs,
        own=own,
        tell=lambda done: tell(done * first, None),
    )
    folder.write_table("messages", totals.messages())
    folder.write_table("network", totals.network())
    folder.write_table("distributions", totals.distributions())
    decision = Decision(Verdict.NO_SLO, ("a simulation predicts; an SLO is judged live",))
    summary = totals.summary(decision, wall_s=0.0, compile_s=compile_s)
    if replications > 1:
        again = run_trials(
            [Trial(scenario, stations, r) for r in range(1, replications)],
            jobs=jobs,
            own=own,
            tell=lambda done: tell(first + done * (_ENGINE_SHARE - first), "replicating"),
        )
        found = [figures(summary), *again]
        folder.write_table("replications", tidy(found))
        summary["replications"] = intervals(found)
    return summary


def check_warmup(scenario: Scenario) -> None:
    """Refuse a warm-up that leaves nothing to count. Raises ScenarioError."""
    from simulator.scenario.units import DURATION, text

    warmup = scenario.file.scenario.warmup
    if warmup >= scenario.duration_s:
        expected = f"less than the duration ({text(DURATION, scenario.duration_s)})"
        shown = f"'{text(DURATION, warmup)}'"
        raise ScenarioError([Problem(scenario.path.name, "scenario.warmup", shown, expected)])
