"""Where profiles and scenarios are found, and how a profile file becomes a profile.

Shipped ones first, then beside the scenario (``profiles/<kind>/<name>.toml`` or ``<name>.toml`` in
the scenario's folder). Shipped data lies in the package (``_data``) or, in a checkout, in the
folders ``profiles`` and ``scenarios`` next to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from simulator.scenario.document import (
    Labels,
    Loc,
    path_text,
    read_toml,
    repair,
    validate,
    value_at,
)
from simulator.scenario.money_build import build_carbon, build_series, build_tariff
from simulator.scenario.preset_build import Presets, variables_of
from simulator.scenario.problems import FieldError, Problem, ScenarioError, listed, nearest, shown
from simulator.scenario.profile_build import build_arrivals, build_mix, build_model
from simulator.scenario.profile_model import (
    ArrivalFile,
    ArrivalProfile,
    ProfileFile,
    StationFile,
    StationModel,
    VehicleMix,
    VehicleMixFile,
)
from simulator.scenario.series_model import SeriesFile, SeriesProfile
from simulator.scenario.tariff_model import CarbonFile, CarbonProfile, Tariff, TariffFile

Kind = Literal["arrivals", "vehicles", "stations", "series", "tariffs", "carbon"]
Profile = ArrivalProfile | VehicleMix | StationModel | SeriesProfile | Tariff | CarbonProfile
KINDS: tuple[Kind, ...] = ("arrivals", "vehicles", "stations", "series", "tariffs", "carbon")
_FILES: dict[Kind, type[ProfileFile]] = {
    "arrivals": ArrivalFile,
    "vehicles": VehicleMixFile,
    "stations": StationFile,
    "series": SeriesFile,
    "tariffs": TariffFile,
    "carbon": CarbonFile,
}


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One line of the list of profiles."""

    kind: Kind
    name: str
    source: str
    description: str


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """One line of the list of scenarios."""

    name: str
    description: str
    path: Path


def data_folder(what: str) -> Path:
    """The folder of shipped ``profiles`` or ``scenarios``."""
    from importlib.resources import files

    package = Path(str(files("simulator")))
    inside = package / "_data" / what
    return inside if inside.is_dir() else package.parent / what


def names(kind: Kind, beside: Path | None = None) -> list[str]:
    """Profiles of a kind that a scenario in the folder ``beside`` can use."""
    folders = [data_folder("profiles") / kind]
    if beside is not None:
        folders.append(beside / "profiles" / kind)
    return sorted({path.stem for folder in folders for path in folder.glob("*.toml")})


def find_path(kind: Kind, name: str, beside: Path | None = None) -> Path:
    """The file of a profile; raises FieldError with the nearest name."""
    shipped = data_folder("profiles") / kind / f"{name}.toml"
    own = beside / "profiles" / kind / f"{name}.toml" if beside is not None else None
    plain = Path(name).name == name and name not in {"", ".", ".."}
    if plain and shipped.is_file():
        if own is not None and own.is_file() and not own.samefile(shipped):
            raise FieldError(f"a name that is not taken: a profile {name!r} ({kind}) is shipped")
        return shipped
    if plain and beside is not None:
        for path in (cast(Path, own), beside / f"{name}.toml"):
            if path.is_file():
                return path
    known = names(kind, beside)
    raise FieldError(f"a profile ({kind}): {listed(known)}", nearest(name, known))


def find_profile(kind: str | None, name: str, beside: Path | None = None) -> Path:
    """The file of a profile; without a ``kind``, of whichever kind has that name.

    Raises ScenarioError with the nearest name if there is none.
    """
    if kind is not None and kind not in KINDS:
        raise ScenarioError([Problem("", "kind", repr(kind), listed(KINDS), nearest(kind, KINDS))])
    kinds = KINDS if kind is None else (kind,)
    for each in kinds:
        try:
            return find_path(each, name, beside)
        except FieldError:
            continue
    known = sorted({known for each in kinds for known in names(each, beside)})
    where = "profile" if kind is None else f"profile ({kind})"
    raise ScenarioError([Problem("", where, repr(name), listed(known), nearest(name, known))])


def load_profile(kind: str, name: str, beside: Path | None = None) -> Profile:
    """Read a profile. Raises ScenarioError if there is none or if its file is wrong."""
    path = find_profile(kind, name, beside)
    return read_profile(cast(Kind, kind), path)


def read_profile(kind: Kind, path: Path, presets: Presets | None = None) -> Profile:
    """A profile from its file. Raises ScenarioError with every mistake in it.

    ``presets`` looks at what a station model presets.
    """
    labels = Labels(str(path))
    raw = read_toml(path, labels.label)
    document, problems = repair(raw, _FILES[kind], labels)
    model, found = validate(document, _FILES[kind], labels)
    problems += [problem for _, problem in found]
    if model is None or problems:
        raise ScenarioError(problems)

    def wrong(loc: Loc, expected: str) -> Problem:
        value = value_at(document, loc)
        text = shown(value, str(loc[-1])) if value is not None else None
        return Problem(labels.label, path_text(document, loc), text, expected)

    if isinstance(model, ArrivalFile):
        return build_arrivals(path.stem, model, wrong)
    if isinstance(model, VehicleMixFile):
        return build_mix(path.stem, model, wrong)
    if isinstance(model, SeriesFile):
        return build_series(path.stem, model, wrong)
    if isinstance(model, TariffFile):
        return build_tariff(path.stem, model, wrong)
    if isinstance(model, CarbonFile):
        return build_carbon(path.stem, model, wrong)
    file = cast(StationFile, model)
    station = build_model(path.stem, file, wrong)
    places: dict[Loc, Loc] = {
        ("variables", name): loc for name, (loc, _) in variables_of(file).items()
    }
    refused = [
        replace(wrong(places.get(loc, loc), expected), suggestion=near)
        for loc, expected, near in (() if presets is None else presets(station))
    ]
    if refused:
        raise ScenarioError(refused)
    return station


def list_profiles(beside: Path | None = None) -> list[ProfileRow]:
    """All shipped profiles, and those beside a scenario if its folder is given."""
    rows = []
    for kind in KINDS:
        for name in names(kind, beside):
            profile = load_profile(kind, name, beside)
            rows.append(ProfileRow(kind, name, profile.source, profile.description))
    return rows


def list_scenarios() -> list[ScenarioRow]:
    """The shipped scenarios."""
    rows = []
    for path in sorted(data_folder("scenarios").glob("*.toml"), key=lambda path: path.stem):
        section = read_toml(path, str(path)).get("scenario", {})
        rows.append(ScenarioRow(path.stem, str(section.get("description", "")), path))
    return rows


class Library:
    """The profiles that one scenario uses, each read once; mistakes in them are collected."""

    def __init__(self, beside: Path, presets: Presets | None = None) -> None:
        self._beside = beside
        self._presets = presets
        self._found: dict[tuple[Kind, str], Profile | None] = {}
        self.problems: list[Problem] = []

    def check(self, kind: str, name: str) -> None:
        """Raise FieldError if there is no such profile; read it otherwise."""
        key = (cast(Kind, kind), name)
        if key in self._found:
            return
        path = find_path(key[0], name, self._beside)
        try:
            self._found[key] = read_profile(key[0], path, self._presets)
        except ScenarioError as error:
            self._found[key] = None
            self.problems += error.problems

    def get(self, kind: Kind, name: object) -> Profile | None:
        """A profile that `check` has read, else None."""
        return self._found.get((kind, name)) if isinstance(name, str) else None

    def all(self, kind: Kind) -> dict[str, Any]:
        """Every profile of a kind that was read."""
        return {name: p for (k, name), p in self._found.items() if k == kind and p is not None}
