"""The command line: parse, call the API, print. Nothing is decided here.

Every room is imported inside the command that needs it, so that help and validation answer at once.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, NoReturn

import typer

from simulator import cli_csms, cli_preflight, cli_reconcile, cli_variants
from simulator.cli_calibrate import calibrate_app
from simulator.cli_options import (
    CsmsOpt,
    DurationOpt,
    JobsOpt,
    JsonlOpt,
    JsonOpt,
    MetricsOpt,
    OutOpt,
    ProgressKind,
    ProgressOpt,
    ReplicationsOpt,
    ScenarioArg,
    SeedOpt,
    Sets,
    StationsOpt,
    Verdict,
)
from simulator.console import ProgressBar, explain, only_json, print_table

if TYPE_CHECKING:
    from simulator.api import Result
    from simulator.scenario import Scenario

EXIT_CODES = """\
[bold]Exit codes[/bold]  0 pass · 1 usage or scenario error · 2 SLO missed ·
3 INVALID (the generator could not keep up) · 4 target unreachable · 5 shard or worker lost ·
70 internal error · 130 interrupted"""

INTERRUPTED = 130

app = typer.Typer(
    name="chargeswarm",
    help="Simulate a charging network, then run the same network live against your CSMS.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
fleet_app = typer.Typer(no_args_is_help=True, help="The stations and tokens of a scenario.")
scenarios_app = typer.Typer(no_args_is_help=True, help="Find, read and check scenario files.")
profiles_app = typer.Typer(
    no_args_is_help=True, help="What ships: arrivals, vehicles, stations, series, tariffs, carbon."
)
app.add_typer(fleet_app, name="fleet")
app.add_typer(scenarios_app, name="scenarios")
app.add_typer(profiles_app, name="profiles")
app.add_typer(calibrate_app, name="calibrate")


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from simulator import __version__

        print(f"chargeswarm {__version__}")
        raise typer.Exit


@app.command()
def simulate(
    scenario: ScenarioArg,
    csms: CsmsOpt = None,
    stations: StationsOpt = None,
    duration: DurationOpt = None,
    seed: SeedOpt = None,
    out: OutOpt = None,
    replications: ReplicationsOpt = None,
    jobs: JobsOpt = None,
    sets: Sets = None,
    as_json: JsonOpt = False,
) -> None:
    """Run a scenario in virtual time: power, energy, queues, and the OCPP messages to expect.

    A week of a large network takes seconds. The first run on a machine also compiles the kernel,
    which takes some seconds; later ones find it in the cache.

    Example: chargeswarm simulate scenarios/city-launch.toml --duration 7d
    """
    from simulator.api import simulate as run

    loaded = _load(scenario, sets, csms)
    with only_json(as_json), ProgressBar("simulating", quiet=as_json) as progress:
        result = run(
            loaded,
            stations=stations,
            duration=duration,
            seed=seed,
            out=out,
            progress=progress,
            replications=replications,
            jobs=jobs,
        )
    _finish(result, as_json)


app.command()(cli_variants.compare)
app.command()(cli_variants.sweep)


@app.command()
def live(
    scenario: ScenarioArg,
    csms: CsmsOpt = None,
    stations: StationsOpt = None,
    duration: DurationOpt = None,
    seed: SeedOpt = None,
    out: OutOpt = None,
    sets: Sets = None,
    as_json: JsonOpt = False,
    trace: Annotated[
        str,
        typer.Option(
            "--trace",
            metavar="WHO",
            help="Write these stations' frames to frames.jsonl: ids and shares, "
            "e.g. CSW-ring-road-0042,1%.",
        ),
    ] = "",
    metrics: MetricsOpt = None,
    jsonl: JsonlOpt = None,
    progress: ProgressOpt = ProgressKind.AUTO,
    allow_hooks: Annotated[
        bool,
        typer.Option("--allow-hooks", help="Let storms run the commands that the scenario names."),
    ] = False,
) -> None:
    """Run a scenario live: real OCPP stations against a real CSMS, measured.

    Without --csms the embedded CSMS is started as its own process. Ctrl-C stops the transactions,
    drains, and writes everything; a second Ctrl-C stops at once.

    Example: chargeswarm live scenarios/city-launch.toml --stations 50 --duration 30s
    """
    from simulator.api import run_live

    if as_json and jsonl == "-":
        raise typer.BadParameter("standard output cannot hold both --json and --jsonl -")
    loaded = _load(scenario, sets, csms)
    with only_json(as_json):
        result = run_live(
            loaded,
            stations=stations,
            duration=duration,
            seed=seed,
            out=out,
            trace=trace,
            screen="none" if as_json else progress.value,
            metrics=metrics,
            jsonl=jsonl,
            allow_hooks=allow_hooks,
        )
    _finish(result, as_json, sys.stderr if jsonl == "-" else None)


app.command()(cli_preflight.preflight)
app.command()(cli_reconcile.reconcile)
app.command()(cli_csms.csms)
app.command()(cli_csms.command)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's or a sweep's folder.")],
) -> None:
    """Write report.html, report.md and plots of a run or a sweep again."""
    from simulator.report import render

    print(render(run))


@fleet_app.command("export")
def fleet_export(
    scenario: ScenarioArg,
    stations: StationsOpt = None,
    seed: SeedOpt = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    sets: Sets = None,
) -> None:
    """Write stations.csv and tokens.csv, to provision a back-end that refuses strangers.

    Both hold credentials and are readable by their owner only (mode 0600). A scenario that names
    them (fleet = "stations.csv", tokens = "tokens.csv") runs that inventory.
    """
    from simulator.api import export_fleet

    loaded = _load(scenario, sets, None)
    for path in export_fleet(loaded, out, stations=stations, seed=seed, overwrite=force):
        print(path)


@fleet_app.command("certificates")
def fleet_certificates(
    scenario: ScenarioArg,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write.")],
    stations: StationsOpt = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="How long they are valid.")] = 365,
    csms_host: Annotated[
        list[str] | None,
        typer.Option(
            "--csms-host",
            metavar="HOST",
            help="Also make csms.pem and csms.key for a CSMS of that name or address. Repeatable.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Make those anew that exist (the authority stays).")
    ] = False,
    sets: Sets = None,
) -> None:
    """Make a client certificate for every station, signed by a fleet CA of your own.

    Writes fleet-ca.pem, which your CSMS has to trust, and <station id>.pem with <station id>.key;
    keys are readable by their owner only (mode 0600). The common name is the station's serial
    number, the organisation is csms.operator. A scenario with security_profile = 3 uses the folder
    by client_certificates = "DIR".

    Example: chargeswarm fleet certificates city-launch --out certificates
    """
    from simulator.api import make_certificates

    loaded = _load(scenario, sets, None)
    done = make_certificates(
        loaded, out, stations=stations, days=days, overwrite=force, hosts=csms_host or ()
    )
    kept = f", {done.kept} kept" if done.kept else ""
    print(f"{done.folder}: {done.made} certificates made{kept}")


@scenarios_app.command("list")
def scenarios_list() -> None:
    """The scenarios that ship."""
    from simulator.scenario import list_scenarios

    print_table(("name", "description"), [(s.name, s.description) for s in list_scenarios()])


@scenarios_app.command("show")
def scenarios_show(scenario: ScenarioArg) -> None:
    """Print a scenario's file."""
    from simulator.scenario.loader import find_scenario

    print(find_scenario(scenario).read_text(encoding="utf-8", errors="replace"), end="")


@scenarios_app.command("validate")
def scenarios_validate(scenario: ScenarioArg, sets: Sets = None) -> None:
    """Check a scenario with its profiles, trace and inventory; every mistake is named at once."""
    loaded = _load(scenario, sets, None)
    network = loaded.network()
    counts = ((len(network.sites), "site"), (network.stations, "station"), (network.evses, "EVSE"))
    size = ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for n, what in counts)
    print(f"{loaded.path}: valid. {size}.")


@scenarios_app.command("schema")
def scenarios_schema() -> None:
    """Print the JSON Schema of a scenario file, for editors to complete and check by.

    In the file's first line: #:schema ./scenario.schema.json
    """
    from simulator.api import json_schema

    print(json.dumps(json_schema(), indent=2))


@profiles_app.command("list")
def profiles_list() -> None:
    """The profiles that ship, by kind."""
    from simulator.scenario import list_profiles

    print_table(
        ("kind", "name", "description"),
        [(p.kind, p.name, p.description) for p in list_profiles()],
    )


@profiles_app.command("show")
def profiles_show(
    name: Annotated[str, typer.Argument(help="A profile's name, as 'profiles list' prints it.")],
    kind: Annotated[
        str | None, typer.Option(help="arrivals, vehicles, stations ... where a name is in two.")
    ] = None,
) -> None:
    """Print a profile's file with its source."""
    from simulator.scenario import find_profile

    print(find_profile(kind, name).read_text(encoding="utf-8", errors="replace"), end="")


def main() -> NoReturn:
    """Run the command and leave with the documented exit code."""
    code = run(sys.argv[1:])
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:  # the reader has gone, or the disk is full: what is left goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            code = code or explain(error)
    sys.exit(code)


def run(argv: list[str]) -> int:
    """Run one command line and return its exit code; errors are printed, never raised."""
    Verdict.code = None
    try:
        app(args=argv, prog_name="chargeswarm")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.__context__, BrokenPipeError):  # who read our output has enough of it
            code = 0
        if code == 2:  # the command-line library's own code for a usage error
            code = 1
        if code == INTERRUPTED:
            print("interrupted", file=sys.stderr)
        return Verdict.code if Verdict.code is not None else code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except Exception as error:
        return explain(error)
    return Verdict.code or 0


def _load(scenario: str, sets: list[str] | None, csms_url: str | None) -> Scenario:
    from simulator.api import load_scenario

    return load_scenario(scenario, sets=sets or (), csms=csms_url)


def _finish(result: Result, as_json: bool, out: IO[str] | None = None) -> None:
    Verdict.code = result.exit_code
    if as_json:
        print(json.dumps(result.summary, indent=2))
    else:
        print(result.text(), file=out)
    if result.trouble:
        print(f"chargeswarm: {result.trouble}", file=sys.stderr)
