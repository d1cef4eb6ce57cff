"""Load a scenario: file, overrides, profiles, trace, inventories; every mistake at once.

The only place that reads them all. Called by the public API and the command line.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from simulator.scenario import checks, overrides
from simulator.scenario.check_control import check_control
from simulator.scenario.check_embedded import BootScript, check_embedded
from simulator.scenario.check_events import check_events
from simulator.scenario.clock import localise
from simulator.scenario.document import Labels, Loc, path_text, read_toml, repair, validate
from simulator.scenario.fields import Known, read_local_time
from simulator.scenario.inventory import (
    InventoryStation,
    InventoryToken,
    read_stations,
    read_tokens,
)
from simulator.scenario.model import ScenarioFile
from simulator.scenario.network import named_evses
from simulator.scenario.problems import (
    FieldError,
    InputError,
    Problem,
    ScenarioError,
    nearest,
    shown,
)
from simulator.scenario.profiles import Library, data_folder, list_scenarios
from simulator.scenario.scenario import Scenario

if TYPE_CHECKING:
    from simulator.scenario.options import Options
    from simulator.scenario.preset_build import Presets
    from simulator.scenario.series import SeriesTable
    from simulator.scenario.sessions import TraceTable

POLICIES = (
    "uncontrolled",
    "equal_share",
    "round_robin",
    "fcfs",
    "edf",
    "llf",
    "priority",
    "weighted",
)


def load_scenario(
    path: str | Path,
    *,
    sets: Sequence[str] = (),
    policies: Collection[str] = POLICIES,
    controllers: Mapping[str, Mapping[str, Any]] | None = None,
    events: Mapping[str, Options] | None = None,
    presets: Presets | None = None,
    boot_script: BootScript | None = None,
    seed: int | None = None,
    csms_url: str | None = None,
) -> Scenario:
    """Read a scenario with everything that it names.

    ``path`` is a file or the name of a shipped scenario. ``sets`` are ``path=value`` overrides (see
    `overrides`); ``seed`` and ``csms_url`` override these two. ``policies`` are the policies that
    exist, ``controllers`` the controllers with their options (see `check_control`), ``events`` the
    kinds of events with theirs, ``presets`` says what a station model cannot preset, and
    ``boot_script`` reads what our CSMS is to send after a boot. Raises ScenarioError (for a
    trace or an inventory: InputError), which holds every mistake found.
    """
    file = find_scenario(path)
    label = str(path) if Path(path) == file else file.name
    raw = read_toml(file, label)
    document, changed, problems = overrides.apply(raw, sets)
    for loc, value, flag in (
        (("scenario", "seed"), seed, "--seed"),
        (("csms", "url"), csms_url, "--csms"),
    ):
        if value is not None:
            table = document.setdefault(loc[0], {})
            if isinstance(table, dict):
                table[loc[1]] = value
            changed.append((loc, flag))
    labels = Labels(label, changed)
    document, unknown = repair(document, ScenarioFile, labels)
    library = Library(file.parent, presets)
    kinds = controllers or {}
    happenings = events or {}
    known = Known(library, policies, controllers=kinds, events=happenings)
    model, found = validate(document, ScenarioFile, labels, known)
    problems += unknown + [problem for _, problem in found]
    bad: list[Loc] = [loc for loc, _ in found]
    tables = checks.Tables(document, bad, labels, library)
    problems += checks.check(tables)
    problems += check_control(tables, kinds, file.parent)
    problems += check_events(tables, happenings, file.parent)
    problems += check_embedded(tables, file.parent, boot_script)
    problems += library.problems
    inputs = _Inputs(tables, file.parent, model if not problems else None)
    if problems:
        raise ScenarioError([*problems, *inputs.problems])
    if inputs.problems:
        raise InputError(inputs.problems)
    assert model is not None
    scenario = Scenario(
        file=model,
        path=file,
        arrivals=library.all("arrivals"),
        vehicles=library.all("vehicles"),
        models=library.all("stations"),
        trace=inputs.trace,
        trace_site=inputs.trace_site,
        stations=inputs.stations,
        tokens=inputs.tokens,
        series=library.all("series"),
        series_tables=inputs.series,
        tariffs=library.all("tariffs"),
        carbon=library.all("carbon"),
    )
    if inputs.stations is not None:
        scenario.network()  # finds what does not fit the inventory
    return scenario


def find_scenario(path: str | Path) -> Path:
    """The file that is meant. Raises ScenarioError with the nearest shipped name."""
    given = Path(path)
    if os.path.isfile(given):  # noqa: PTH113  Path.is_file raises for a name that is too long
        return given
    plain = str(path) == given.name and given.suffix in {"", ".toml"}
    if plain:
        shipped = data_folder("scenarios") / f"{given.stem}.toml"
        if os.path.isfile(shipped):  # noqa: PTH113
            return shipped
    known = [row.name for row in list_scenarios()]
    beside = [str(given.parent / name) for name in _names_beside(given, "*.toml")]
    near = nearest(given.stem, known) if plain else None
    near = near or nearest(str(given), beside) or nearest(given.stem, known)
    expected = f"a scenario file, or the name of a shipped scenario ({', '.join(known)})"
    raise ScenarioError([Problem("", "", repr(str(path)), expected, near)])


def _names_beside(path: Path, pattern: str) -> list[str]:
    """Names of the files that may have been meant."""
    try:
        return sorted(entry.name for entry in path.parent.glob(pattern))
    except OSError:
        return []


class _Inputs:
    """The trace and the inventories, read as far as the scenario's own mistakes allow."""

    def __init__(self, tables: checks.Tables, beside: Path, model: ScenarioFile | None) -> None:
        self._tables = tables
        self._beside = beside
        self._model = model
        self.problems: list[Problem] = []
        self.trace: TraceTable | None = None
        self.stations: tuple[InventoryStation, ...] | None = None
        self.tokens: tuple[InventoryToken, ...] | None = None
        self.series: dict[str, SeriesTable] = {}
        index = checks.trace_site(tables)
        name = tables.get("sites", index, "name") if index is not None else None
        self.trace_site: str | None = name if isinstance(name, str) else None
        for read in (
            self._read_trace,
            self._read_stations,
            self._read_tokens,
            self._read_known,
            self._read_series,
            self._look_for_certificates,
        ):
            try:
                read()
            except InputError as error:
                self.problems += error.problems

    def _file(self, *loc: str | int) -> tuple[Path, str] | None:
        """A file named in the scenario, and what to call it."""
        name = self._tables.get(*loc)
        if not isinstance(name, str):
            return None
        if not name.strip() or "\0" in name:
            self.problems.append(self._tables.problem(loc, "the name of a file"))
            return None
        path = self._beside / name
        if Path(name).is_absolute() and path.is_relative_to(Path.cwd()):
            name = str(path.relative_to(Path.cwd()))
        if os.path.exists(path):  # noqa: PTH110  Path.exists raises for a name that is too long
            return path, name
        near = nearest(path.name, _names_beside(path, f"*{path.suffix}"))
        meant = str(Path(name).with_name(near)) if near else None
        label = self._tables.labels.of(loc)
        where = path_text(self._tables.document, loc)
        self.problems.append(Problem(label, where, shown(name), "a file that exists", meant))
        return None

    def _local(self, *loc: str) -> dt.datetime | None:
        """A local time that is right by itself, as an instant."""
        value = self._tables.get(*loc)
        zone = self._tables.get("scenario", "timezone") or "UTC"
        if value is None or self._tables.wrong(("scenario", "timezone")):
            return None
        try:
            return localise(read_local_time(value), ZoneInfo(zone))
        except FieldError:
            return None

    def _read_trace(self) -> None:
        file, start = self._file("trace", "file"), self._local("scenario", "start")
        origin = self._local("trace", "start") if self._tables.has("trace", "start") else start
        if file is None or start is None or origin is None:
            return
        from simulator.scenario.trace import read_trace

        known: list[str] | None = None
        if self._model is not None and self._tables.get("trace", "missing_evse") != "create":
            site = next(site for site in self._model.sites if site.name == self.trace_site)
            known = named_evses(site, self._tables.library.all("stations"))
        self.trace = read_trace(
            *file, start=start, origin=origin, known=known, site=self.trace_site or ""
        )

    def _read_stations(self) -> None:
        file = self._file("fleet")
        if file is not None:
            private = self._tables.get("csms", "security_profile") in (1, 2)
            private = private and not self._tables.has("csms", "password")
            self.stations = read_stations(*file, needs_password=private)

    def _look_for_certificates(self) -> None:
        """Files and folders are read when a run needs them; here they have to be there."""
        for field, folder in (("ca", False), ("client_certificates", True)):
            found = self._file("csms", field)
            if found is not None and found[0].is_dir() is not folder:
                expected = "a folder" if folder else "a file, not a folder"
                self.problems.append(self._tables.problem(("csms", field), expected))

    def _read_tokens(self) -> None:
        file = self._file("tokens")
        if file is not None:
            self.tokens = read_tokens(*file)

    def _read_known(self) -> None:
        """Whom our CSMS knows: read by itself again, but a mistake is to be found now."""
        stations = self._file("csms", "embedded", "stations")
        tokens = self._file("csms", "embedded", "tokens")
        if stations is not None:
            read_stations(*stations)
        if tokens is not None:
            read_tokens(*tokens)

    def _read_series(self) -> None:
        """Base load and photovoltaics; each file once, and long enough for the horizon."""
        start = self._local("scenario", "start")
        seen: set[str] = set()
        for index in self._tables.tables("sites"):
            for field in ("base_load", "pv"):
                loc = ("sites", index, field, "file")
                name = self._tables.get(*loc)
                if not isinstance(name, str) or name in seen:
                    continue
                seen.add(name)
                file = self._file(*loc)
                if file is not None and start is not None:
                    self._read_table(name, file, start)

    def _read_table(self, name: str, file: tuple[Path, str], start: dt.datetime) -> None:
        from simulator.scenario.series import read_series, table_steps

        try:
            self.series[name] = read_series(*file, start)
            if self._model is not None:
                table_steps(self.series[name], start, self._model.scenario.duration)
        except InputError as error:
            self.problems += error.problems
