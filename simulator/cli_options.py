"""Options that several commands share, and how they are read. Called by ``cli`` and its parts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

ScenarioArg = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A scenario file, or the name of a shipped one.")
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a field of the scenario, e.g. live.speed=1 or "
        "'sites.0.grid_limit=300 kW'. Repeatable.",
    ),
]
CsmsOpt = Annotated[
    str | None,
    typer.Option(
        "--csms",
        metavar="URL",
        help="The target: ws://host:port/path, {station_id} where the identity goes "
        "(at the end if left out), or 'embedded'.",
    ),
]
StationsOpt = Annotated[
    int | None,
    typer.Option(
        "--stations",
        metavar="N",
        min=1,
        help="Scale the network: its first N stations; past its end whole sites are cloned.",
    ),
]
DurationOpt = Annotated[
    str | None,
    typer.Option(
        "--duration",
        metavar="TIME",
        help="The whole run: virtual time of a simulation (7d), real time of a live run "
        "with its ramp (30s).",
    ),
]
SeedOpt = Annotated[int | None, typer.Option("--seed", help="The seed of every draw.")]
OutOpt = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="The run's folder; default: a new one in results/."),
]
JobsOpt = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Processes at most; default: one per core, none but this for a small run.",
    ),
]
ReplicationsOpt = Annotated[
    int | None,
    typer.Option(
        "--replications",
        metavar="N",
        min=1,
        help="Repeat with other draws: every figure gets a 95 % interval.",
    ),
]
JsonOpt = Annotated[
    bool, typer.Option("--json", help="Print the summary as JSON on standard output, nothing else.")
]


MetricsOpt = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="[ADDRESS]:PORT",
        help="Let Prometheus scrape the run at /metrics there; without an address on loopback.",
    ),
]
JsonlOpt = Annotated[
    str | None,
    typer.Option(
        "--jsonl",
        metavar="FILE",
        help="Write a JSON object for each second to this file; - is standard output, and the "
        "result then goes to standard error.",
    ),
]


class ProgressKind(StrEnum):
    """How a live run is shown while it lasts."""

    AUTO = "auto"
    PLAIN = "plain"
    NONE = "none"


ProgressOpt = Annotated[
    ProgressKind,
    typer.Option(
        "--progress",
        help="On standard error: a panel where that is a terminal, else a line every few seconds "
        "(auto); always lines; nothing.",
    ),
]


class Verdict:
    """The exit code of the command that just ended; usage errors never set it."""

    code: int | None = None


def column_roles(given: list[str]) -> dict[str, str]:
    """Columns of a foreign table by what they mean, from ``--column``. Raises InputError."""
    from simulator.scenario import InputError, Problem

    columns = {}
    for text in given:
        role, equals, name = text.partition("=")
        if not equals or not name.strip():
            raise InputError([Problem("", "--column", repr(text), "ROLE=NAME")])
        columns[role.strip()] = name.strip()
    return columns
