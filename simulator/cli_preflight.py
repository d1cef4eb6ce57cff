"""``chargeswarm preflight``: parse, call, print. Registered by `cli`."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from simulator.cli_options import (
    CsmsOpt,
    DurationOpt,
    JsonOpt,
    ScenarioArg,
    SeedOpt,
    Sets,
    StationsOpt,
    Verdict,
)
from simulator.console import print_table

_MARKS = {True: "ok", False: "NO", None: "-"}


def preflight(
    scenario: ScenarioArg,
    csms: CsmsOpt = None,
    stations: StationsOpt = None,
    duration: DurationOpt = None,
    seed: SeedOpt = None,
    calibrate: Annotated[
        bool,
        typer.Option("--calibrate", help="Measure this machine's generator again (some seconds)."),
    ] = False,
    sets: Sets = None,
    as_json: JsonOpt = False,
) -> None:
    """Check whether a live run could take place from here, and be valid, before it starts.

    Descriptors and ports, the target's address, sub-protocol and round trip, and whether this
    machine can send the plan's busiest 100 ms: the generator is calibrated once against a target
    that does no work. The target gets one connection for each OCPP version and no load.

    Exit code 0: nothing stands in the way. 1: this machine, or the plan. 4: the target.

    Example: chargeswarm preflight scenarios/city-launch.toml --stations 5000
    """
    from simulator.api import load_scenario
    from simulator.api import preflight as check

    loaded = load_scenario(scenario, sets=sets or (), csms=csms, seed=seed)

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found = check(loaded, stations=stations, duration=duration, fresh=calibrate, tell=tell)
    Verdict.code = found.exit_code
    if as_json:
        print(json.dumps(found.as_dict(), indent=2))
    else:
        rows = [(_MARKS[row.ok], row.name, row.text) for row in found.checks]
        print_table(("", "check", ""), rows)
