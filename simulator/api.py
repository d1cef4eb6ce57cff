"""The public functions: load a scenario, simulate it, run it live, open a run. Glue only.

They may be called from a script, the command line or a notebook (where an event loop already runs).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from simulator.charging.controllers import Controller
    from simulator.engine.world import Process
    from simulator.fleet.certificates import Written
    from simulator.live.readiness import Readiness
    from simulator.scenario import Scenario, StationModel
    from simulator.simulation.compare import Comparison
    from simulator.simulation.sweep import Sweep
    from simulator.store import Run

Progress = Callable[[float, str | None], None]


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """A finished run: its summary, its tables as DataFrames, its folder."""

    run: Run
    trouble: str = ""
    """What could not be done with the run afterwards: its report could not be written."""

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.run.path

    @property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` holds."""
        return self.run.summary

    @property
    def verdict(self) -> str:
        """``PASS``, ``NO_SLO``, ``SLO_MISSED``, ``INVALID``, ``INTERRUPTED`` ..."""
        return str(self.summary.get("verdict", "INTERRUPTED"))

    @property
    def exit_code(self) -> int:
        """What the command line returns for this run: a simulation without fault gives 0.

        1 where the verdict is good and a part of the results could not be written.
        """
        from simulator.measure.verdict import exit_code

        incomplete = self.trouble or self.summary.get("not_written")
        return exit_code(self.verdict) or int(bool(incomplete))

    @property
    def report(self) -> Path:
        """The report, a single HTML file."""
        return self.path / "report.html"

    @property
    def sessions(self) -> pd.DataFrame:
        """What became of every visit (simulation)."""
        return self.run.table("sessions")

    @property
    def load(self) -> pd.DataFrame:
        """Exact energy and mean power per site and interval (simulation)."""
        return self.run.table("load")

    @property
    def figures(self) -> dict[str, float]:
        """The figures of a simulation by name, see ``store.figures``; nan where it has none."""
        found = self.summary.get("figures", {})
        return {name: float("nan") if value is None else value for name, value in found.items()}

    @property
    def stations(self) -> pd.DataFrame:
        """Energy, sessions and utilisation of every station (simulation)."""
        return self.run.table("stations")

    @property
    def network(self) -> pd.DataFrame:
        """The load of the whole network per interval (simulation)."""
        return self.run.table("network")

    @property
    def replications(self) -> pd.DataFrame:
        """Every figure of every replication (simulation); empty where there was one run."""
        return self.run.table("replications")

    @property
    def messages(self) -> pd.DataFrame:
        """OCPP calls per time bucket and action, predicted and measured."""
        return self.run.table("messages")

    @property
    def ledger(self) -> pd.DataFrame:
        """Every transaction as its station knows it (live)."""
        return self.run.table("ledger")

    @property
    def events(self) -> pd.DataFrame:
        """What happened besides calls: errors with their last frames, deviations (live)."""
        return self.run.table("events")

    def text(self) -> str:
        """The run in a few lines, for a terminal."""
        from simulator.report import brief

        return brief(self.path)

    def __repr__(self) -> str:
        return f"<Result {self.verdict} {self.path}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text())}</pre>"


def load_scenario(
    path: str | Path,
    *,
    sets: Sequence[str] = (),
    seed: int | None = None,
    csms: str | None = None,
) -> Scenario:
    """Read a scenario file (or a shipped one by its name) with everything that it names.

    ``sets`` are ``path=value`` overrides as on the command line. Raises ScenarioError with every
    mistake found; for a trace or an inventory InputError.
    """
    from simulator.scenario import load_scenario as load

    sets = [sets] if isinstance(sets, str) else sets
    return load(
        path,
        sets=sets,
        **known_names(),
        presets=_presets,
        boot_script=_boot_script,
        seed=seed,
        csms_url=csms,
    )


def _presets(model: StationModel) -> Iterable[tuple[tuple[str | int, ...], str, str | None]]:
    """What a station model presets and no station of ours can have; loaded for those who ask."""
    from simulator.fleet.presets import mistakes

    return mistakes(model)


def _boot_script(path: Path) -> object:
    """Read what the embedded CSMS is to send after a boot; loaded for those who ask."""
    from simulator.csms.onboot import read

    return read(path)


def json_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file, with the names that this version knows."""
    from simulator.scenario import json_schema as schema

    return schema(**known_names())


def known_names() -> dict[str, Any]:
    """What a scenario may name: policies, and controllers and events with their options."""
    from simulator.charging.controllers import catalogue
    from simulator.engine.events import KINDS
    from simulator.engine.policies import NAMES

    return {"policies": NAMES, "controllers": catalogue(), "events": KINDS}


def simulate(
    scenario: Scenario | str | Path,
    *,
    stations: int | None = None,
    duration: str | float | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    report: bool = True,
    progress: Progress | None = None,
    processes: Sequence[Process] = (),
    controllers: Mapping[str, Controller] | None = None,
    replications: int | None = None,
    jobs: int | None = None,
) -> Result:
    """Run a scenario in virtual time.

    ``duration`` is text with a unit (``"7d"``) or seconds; ``stations`` scales the network;
    ``report=False`` leaves the report and its plots out; ``processes`` are simpy processes of your
    own that act on the sites (see ``engine.world``); ``controllers`` are functions of your own by
    name of their site, ``f(view, forecast) -> limits`` (see ``charging.controllers.view``).
    ``replications`` repeats the run with other draws (the scenario's number unless given): the
    tables are those of the first, the summary gets a 95 % interval of every figure. ``jobs`` limits
    the worker processes; by default a large run uses every core, a small one none but this. Raises
    ScenarioError, StoreError, ControllerError.
    """
    from simulator.simulation.part import Own
    from simulator.simulation.run import run_simulation

    loaded = _variant(scenario, seed, duration)
    if replications is not None:
        loaded = loaded.replace(replications=replications)
    path = run_simulation(
        loaded,
        stations,
        out=out,
        jobs=jobs,
        progress=progress,
        command=_command(),
        own=Own(tuple(processes), dict(controllers or {})),
    )
    return _result(path, report=report)


def compare(
    a: Scenario | str | Path,
    b: Scenario | str | Path,
    *,
    replications: int = 20,
    stations: int | None = None,
    duration: str | float | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    names: tuple[str, str] | None = None,
    progress: Progress | None = None,
    controllers: Mapping[str, Controller] | None = None,
) -> Comparison:
    """Simulate two variants so often each, with common random numbers, and judge every difference.

    Both meet the same visits where they ask for the same ones (sites are told apart by their
    names). ``.table`` is a DataFrame of the figures of both, their difference and its 95 %
    interval; where that holds zero the difference is called noise. ``controllers`` are functions
    of your own for the sites of b, as for ``simulate``. Raises ScenarioError, ControllerError.
    """
    from simulator.simulation.compare import run_comparison
    from simulator.simulation.part import Own

    called = names or (_called(a), _called(b))
    one, two = (_variant(scenario, seed, duration) for scenario in (a, b))
    return run_comparison(
        one,
        two,
        called,
        replications=_count("replications", replications),
        stations=stations,
        jobs=jobs,
        tell=progress or (lambda done, what: None),
        own=Own(controllers=dict(controllers or {})),
    )


def sweep(
    scenario: str | Path,
    vary: Mapping[str, Sequence[Any]] | None = None,
    *,
    points: Sequence[Mapping[str, Any]] = (),
    replications: int | None = None,
    stations: int | None = None,
    duration: str | float | None = None,
    seed: int | None = None,
    sets: Sequence[str] = (),
    jobs: int | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    started: Callable[[Path], None] | None = None,
    report: bool = True,
) -> Sweep:
    """Simulate every combination of the values of some fields, so often each (the scenario says).

    ``vary`` gives values to fields by their paths, as people write them:
    ``{"sites.0.policy": ["equal_share", "edf"], "sites.0.grid_limit": ["40 kW", "60 kW"]}``;
    ``points`` lists combinations, of which each meets all of ``vary``. Every finished trial is kept
    in the folder ``out``: the same call goes on where an earlier one stopped. ``.table`` is tidy,
    ``.summary("energy_kwh")`` has a mean with its 95 % interval per point. A wrong field or value
    is a ScenarioError before anything runs; what fails later is in ``.failures``. ``started`` is
    told the folder; ``report=False`` leaves the report out. Raises ScenarioError, StoreError.
    """
    from simulator.simulation import points as p
    from simulator.simulation.sweep import run_sweep

    listed = [{f: p.as_text(v) for f, v in point.items()} for point in points]
    varied = {field: [p.as_text(v) for v in values] for field, values in (vary or {}).items()}
    found = p.grid(varied, listed)
    base = _variant(load_scenario(scenario, sets=sets), seed, duration)
    variants = [_variant(_at_point(scenario, sets, point.sets), seed, duration) for point in found]
    if replications is None:
        replications = base.file.scenario.replications
    folder: list[Path] = []

    def begun(path: Path) -> None:
        folder.append(path)
        if started is not None:
            started(path)

    try:
        return run_sweep(
            base,
            found,
            variants,
            replications=_count("replications", replications),
            stations=stations,
            jobs=jobs,
            out=out,
            tell=progress or (lambda done, what: None),
            started=begun,
        )
    finally:  # stopped, too: the page then says how far it came
        if report and folder:
            from simulator.report import render

            render(folder[0])


def _at_point(scenario: str | Path, sets: Sequence[str], point: Sequence[str]) -> Scenario:
    """The scenario at a point of a sweep. What is wrong is said of the field that varies."""
    from dataclasses import replace

    from simulator.scenario import ScenarioError

    try:
        return load_scenario(scenario, sets=[*sets, *point])
    except ScenarioError as error:
        raise type(error)(
            replace(problem, file="--vary") if problem.file == "--set" else problem
            for problem in error.problems
        ) from None


def _variant(
    scenario: Scenario | str | Path, seed: int | None, duration: str | float | None
) -> Scenario:
    loaded = _prepared(scenario, seed)
    return loaded if duration is None else loaded.replace(duration_s=_seconds(duration))


def _called(scenario: Scenario | str | Path) -> str:
    return str(scenario) if isinstance(scenario, str | Path) else scenario.name


def _count(name: str, number: int) -> int:
    from simulator.scenario import Problem, ScenarioError
    from simulator.scenario.fields import MOST_REPLICATIONS

    if not 1 <= number <= MOST_REPLICATIONS:
        expected = f"a whole number from 1 to {MOST_REPLICATIONS}"
        raise ScenarioError([Problem("", name, str(number), expected)])
    return number


def run_live(
    scenario: Scenario | str | Path,
    *,
    csms: str | None = None,
    stations: int | None = None,
    duration: str | float | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    trace: str = "",
    screen: Literal["auto", "plain", "none"] = "auto",
    metrics: str | None = None,
    jsonl: str | Path | None = None,
    report: bool = True,
    allow_hooks: bool = False,
) -> Result:
    """Run a scenario live against its CSMS, in real time, and wait for the end.

    ``duration`` is the whole run, ramp included (the stages keep their proportions); ``trace``
    names stations whose frames are kept (``"CSW-ring-road-0042,1%"``). ``metrics`` is where
    Prometheus may scrape the run (``":9464"``, loopback unless it says an address), ``jsonl`` a
    file (or ``-``) for a JSON object each second; ``allow_hooks`` lets storms run the commands that
    the scenario declares. Works where an event loop already runs.

    Raises ScenarioError, StoreError, and TargetUnreachableError.
    """
    from simulator.live.outlets import Wanted
    from simulator.live.run import run_live as run

    loaded = _prepared(scenario, seed)
    if csms is not None:
        loaded = loaded.replace(csms_url=csms)
    path = run(
        loaded,
        stations=stations,
        duration_s=None if duration is None else _seconds(duration),
        out=out,
        trace=trace,
        screen=screen,
        command=_command(),
        wanted=Wanted(metrics, jsonl),
        allow_hooks=allow_hooks,
    )
    return _result(path, report=report)


def preflight(
    scenario: Scenario | str | Path,
    *,
    csms: str | None = None,
    stations: int | None = None,
    duration: str | float | None = None,
    seed: int | None = None,
    fresh: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Readiness:
    """Check whether a live run could take place here and be valid, without putting load anywhere.

    ``fresh`` calibrates the generator again; ``tell`` is told what is being done. Raises
    ScenarioError, and RefusedError for a run that cannot be planned.
    """
    from simulator.live.readiness import run_preflight

    loaded = _prepared(scenario, seed)
    if csms is not None:
        loaded = loaded.replace(csms_url=csms)
    seconds = None if duration is None else _seconds(duration)
    return run_preflight(loaded, stations=stations, duration_s=seconds, fresh=fresh, tell=tell)


def open_run(path: str | Path) -> Result:
    """Open the folder of an earlier run. Raises StoreError if it is none."""
    return _result(Path(path), report=False)


def export_fleet(
    scenario: Scenario | str | Path,
    out: str | Path,
    *,
    stations: int | None = None,
    seed: int | None = None,
    overwrite: bool = False,
) -> tuple[Path, Path]:
    """Write ``stations.csv`` and ``tokens.csv`` (mode 0600) into the folder ``out``.

    Returns the two paths. Raises ScenarioError, and ExportError where a file is there already.
    """
    from simulator.fleet.inventory import export

    loaded = _prepared(scenario, seed)
    return export(loaded, loaded.network(stations), Path(out), overwrite=overwrite)


def make_certificates(
    scenario: Scenario | str | Path,
    out: str | Path,
    *,
    stations: int | None = None,
    days: int = 365,
    overwrite: bool = False,
    hosts: Sequence[str] = (),
) -> Written:
    """Make a client certificate for each station into the folder ``out``, and what signs them.

    What is there is kept (``overwrite``: made anew, but for the authority); ``hosts`` are names or
    addresses of a CSMS that is to have a certificate too. Keys have mode 0600. Raises
    ScenarioError, and ExportError where something cannot be read or written.
    """
    from simulator.fleet.certificates import Holder, write

    loaded = _prepared(scenario, None)
    sites = loaded.network(stations).sites
    holders = [Holder(station.id, station.serial) for s in sites for station in s.stations]
    operator = loaded.file.csms.operator or "Chargeswarm"
    return write(Path(out), holders, operator, days=days, overwrite=overwrite, hosts=hosts)


def _prepared(scenario: Scenario | str | Path, seed: int | None) -> Scenario:
    loaded = load_scenario(scenario) if isinstance(scenario, str | Path) else scenario
    return loaded if seed is None else loaded.replace(seed=seed)


def _seconds(duration: str | float) -> float:
    if isinstance(duration, int | float):
        return float(duration)
    from simulator.scenario import Problem, ScenarioError
    from simulator.scenario.fields import LONGEST_S
    from simulator.scenario.problems import FieldError
    from simulator.scenario.units import DURATION, parse, text

    try:
        seconds = parse(DURATION, duration)
        if not 0 < seconds <= LONGEST_S:
            raise FieldError(f"a duration above 0, of at most {text(DURATION, LONGEST_S)}")
    except FieldError as error:
        problem = Problem("", "duration", repr(duration), error.expected, error.suggestion)
        raise ScenarioError([problem]) from None
    return seconds


def _command() -> str | None:
    """The command line that repeats the run, where there is one."""
    import shlex

    name = Path(sys.argv[0]).name if sys.argv else ""
    return shlex.join(["chargeswarm", *sys.argv[1:]]) if name == "chargeswarm" else None


def _result(path: Path, *, report: bool) -> Result:
    from simulator.store import read_run
    from simulator.store.errors import NotWrittenError

    trouble = ""
    if report:
        from simulator.report import render

        try:
            render(path)
        except (NotWrittenError, OSError) as error:
            trouble = f"no report: {error}; 'chargeswarm report {path}' writes it later"
        except KeyboardInterrupt:  # the run itself is over, and its verdict stands
            trouble = f"interrupted at the report; 'chargeswarm report {path}' writes it"
    return Result(read_run(path), trouble)
