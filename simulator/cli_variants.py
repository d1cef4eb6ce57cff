"""The commands that run many variants: compare and sweep. Registered by ``cli``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli_options import (
    DurationOpt,
    JobsOpt,
    JsonOpt,
    ScenarioArg,
    SeedOpt,
    Sets,
    StationsOpt,
)
from simulator.console import ProgressBar, only_json


def compare(
    scenario: ScenarioArg,
    other: Annotated[
        str | None,
        typer.Argument(metavar="OTHER", help="The other variant; default: the same scenario."),
    ] = None,
    replications: Annotated[
        int, typer.Option("--replications", metavar="N", min=1, help="Runs of each, in pairs.")
    ] = 20,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="Change a field of the other variant, e.g. 'sites.0.grid_limit=300 kW'. "
            "Repeatable.",
        ),
    ] = None,
    stations: StationsOpt = None,
    duration: DurationOpt = None,
    seed: SeedOpt = None,
    jobs: JobsOpt = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the table as CSV, too.")
    ] = None,
    as_json: JsonOpt = False,
) -> None:
    """Simulate two variants and say which differences are more than noise.

    Both meet the same drivers, replication by replication, so that a difference is seen early. Its
    95 % interval is that of the paired differences; where it holds zero the verdict is noise.

    Example: chargeswarm compare city-launch --set 'sites.0.grid_limit=60 kW' --duration 7d
    """
    from simulator.api import compare as run
    from simulator.api import load_scenario
    from simulator.scenario import Problem, ScenarioError
    from simulator.store.atomic import replacing

    if other is None and not sets:
        expected = "another scenario, or --set for what the other variant changes"
        raise ScenarioError([Problem("compare", "OTHER", None, expected)])
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        expected = "a file in a folder that exists"
        raise ScenarioError([Problem("", "--out", repr(str(out)), expected)])
    b = load_scenario(other or scenario, sets=sets or ())
    names = (scenario, " ".join([other or scenario, *(f"--set '{text}'" for text in sets or ())]))
    with only_json(as_json), ProgressBar("comparing", quiet=as_json) as progress:
        found = run(
            load_scenario(scenario),
            b,
            replications=replications,
            stations=stations,
            duration=duration,
            seed=seed,
            jobs=jobs,
            names=names,
            progress=progress,
        )
    if out is not None:
        with replacing(out) as temporary:
            found.table.to_csv(temporary, index=False)
    print(found.table.to_json(orient="records", indent=2) if as_json else found.text())


def sweep(
    scenario: ScenarioArg,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="FIELD=VALUE,VALUE",
            help="A field and its values, e.g. 'sites.0.grid_limit=40 kW,60 kW'. Repeatable: "
            "every combination is run.",
        ),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="A CSV file of points: fields in its first line, values in each other. "
            "With --vary each point meets every combination.",
        ),
    ] = None,
    replications: Annotated[
        int | None,
        typer.Option(
            "--replications",
            metavar="N",
            min=1,
            help="Runs of each point, with the same draws everywhere; default: the scenario's.",
        ),
    ] = None,
    show: Annotated[
        list[str] | None,
        typer.Option("--show", metavar="FIGURE", help="A figure to print. Repeatable."),
    ] = None,
    stations: StationsOpt = None,
    duration: DurationOpt = None,
    seed: SeedOpt = None,
    jobs: JobsOpt = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The sweep's folder; default: a new one in results/. In an earlier sweep's "
            "folder the sweep goes on.",
        ),
    ] = None,
    sets: Sets = None,
    as_json: JsonOpt = False,
) -> None:
    """Simulate every combination of the values of some fields, to one tidy table.

    Fields are paths into the scenario as for --set, values are written as in a scenario file.
    Each finished run is kept at once: after Ctrl-C, or with more values or replications, the same
    command with --out goes on. Writes sweep.csv and sweep.parquet (one row per point, replication
    and figure), points.csv (means with intervals) and report.html. A run that fails is recorded
    with its error and stops nothing; the exit code is 1.

    Example: chargeswarm sweep city-launch --vary 'sites.0.grid_limit=30 kW,43 kW,60 kW'
    --vary sites.0.policy=equal_share,uncontrolled --replications 20 --out results/limits
    """
    from simulator.api import sweep as run
    from simulator.simulation.points import read_list, read_vary
    from simulator.simulation.sweep import SHOWN

    folder: list[Path] = []

    def started(path: Path) -> None:
        folder.append(path)

    try:
        with only_json(as_json), ProgressBar("sweeping", quiet=as_json) as progress:
            found = run(
                scenario,
                read_vary(vary or ()),
                points=read_list(listed) if listed is not None else (),
                replications=replications,
                stations=stations,
                duration=duration,
                seed=seed,
                sets=sets or (),
                jobs=jobs,
                out=out,
                progress=progress,
                started=started,
            )
    except KeyboardInterrupt:
        if folder:
            print(f"finished runs are kept; go on with --out {folder[0]}", file=sys.stderr)
            print(f"report so far  {folder[0] / 'report.html'}", file=sys.stderr)
        raise
    figures = list(dict.fromkeys(found.table["figure"]))
    _check_shown(show or (), figures)
    if as_json:
        shown = {n: _records(found.summary(n)) if n in figures else [] for n in show or SHOWN}
        about = {"path": str(found.path), "report": str(found.report or "")}
        print(json.dumps({**about, "failed": len(found.failures), **shown}))
    else:
        print(found.text(tuple(show or SHOWN)))
    raise typer.Exit(found.exit_code)


def _check_shown(show: Sequence[str], figures: list[str]) -> None:
    """Refuse a figure that no trial has; where every trial failed, that is what is to be said."""
    from simulator.scenario import InputError, Problem
    from simulator.scenario.problems import listed, nearest

    problems = [
        Problem("", "--show", repr(name), f"a figure: {listed(figures)}", nearest(name, figures))
        for name in show
        if figures and name not in figures
    ]
    if problems:
        raise InputError(problems)


def _records(frame: object) -> object:
    return json.loads(frame.to_json(orient="records"))  # type: ignore[attr-defined]
