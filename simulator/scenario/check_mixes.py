"""Groups of stations against the models that they name: mixes, and the OCPP versions asked for.

A version that is asked of one model must be one that it speaks. Where many models are asked at once
(``csms.versions``, or a group with a mix) each takes what it can, but it must be able to take
something. See `mixes` for what is drawn then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.scenario.document import Loc
from simulator.scenario.fields import VERSIONS
from simulator.scenario.problems import Problem, listed
from simulator.scenario.profile_model import StationModel

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables


def check_mixes(tables: Tables) -> Iterator[Problem]:
    """Every problem with what the stations are and speak."""
    from simulator.scenario.checks import trace_site  # which calls this

    replays = trace_site(tables)
    told: set[str] = set()
    for site in tables.tables("sites"):
        for n in tables.tables("sites", site, "stations"):
            loc = ("sites", site, "stations", n)
            yield from _form(tables, loc, site == replays)
            for model in _open(tables, loc):
                yield from _told_once(told, model, _taken(tables, ("csms",), model))
            yield from _asked(tables, loc)
    made = tables.model("trace", "model")
    if made is not None:
        yield from _told_once(told, made, _taken(tables, ("csms",), made))


def versions_at(tables: Tables, site: Loc) -> list[str]:
    """The versions that stations of a site may speak, oldest first."""
    found: set[str] = set()
    for n in tables.tables(*site, "stations"):
        loc = (*site, "stations", n)
        for place in _entries(tables, loc) or [loc]:
            model = tables.model(*place, "model")
            stating = [where for where in (place, loc) if _states(tables, where)]
            _, wanted = _wanted(tables, stating[0] if stating else ("csms",))
            found.update(v for v in wanted if model is None or v in model.versions)
    return [version for version in VERSIONS if version in found]


def _told_once(told: set[str], model: StationModel, found: Iterator[Problem]) -> Iterator[Problem]:
    """One message for each model that the run asks too much of."""
    if model.name not in told:
        told.add(model.name)
        yield from found


def _form(tables: Tables, loc: Loc, replays: bool) -> Iterator[Problem]:
    """A model or a mix; a version or versions; no mix where EVSEs have names."""
    model, mix = tables.has(*loc, "model"), tables.has(*loc, "mix")
    if model and mix:
        yield tables.problem((*loc, "mix"), "either a model or a mix", show=False)
    elif not model and not mix:
        yield tables.problem((*loc, "model"), "a station profile, or a mix of them")
    elif mix and tables.has(*loc, "names"):
        expected = "nothing here: how many EVSEs a station of a mix has is drawn"
        yield tables.problem((*loc, "names"), expected)
    elif mix and replays:
        expected = "a model: a trace names EVSEs, and how many those of a mix have is drawn"
        yield tables.problem((*loc, "mix"), expected, show=False)
    for place in (loc, *_entries(tables, loc)):
        if tables.has(*place, "version") and tables.has(*place, "versions"):
            yield tables.problem((*place, "version"), "either a version or versions")


def _entries(tables: Tables, loc: Loc) -> list[Loc]:
    return [(*loc, "mix", n) for n in tables.tables(*loc, "mix")]


def _open(tables: Tables, loc: Loc) -> Iterator[StationModel]:
    """The models of a group that leaves their versions to the run."""
    if _states(tables, loc):
        return
    places = _entries(tables, loc) if tables.has(*loc, "mix") else [loc]
    for place in places:
        model = tables.model(*place, "model")
        if model is not None and (place == loc or not _states(tables, place)):
            yield model


def _asked(tables: Tables, loc: Loc) -> Iterator[Problem]:
    """What a group, or an entry of its mix, states itself."""
    entries = _entries(tables, loc)
    for place in entries or [loc]:
        model = tables.model(*place, "model")
        if model is None:
            continue
        if _states(tables, place):
            yield from _spoken(tables, place, model)
        elif entries and _states(tables, loc):
            yield from _taken(tables, loc, model)


def _states(tables: Tables, loc: Loc) -> bool:
    return tables.has(*loc, "version") or tables.has(*loc, "versions")


def _wanted(tables: Tables, loc: Loc) -> tuple[str, list[str]]:
    """The field that says which versions are spoken, and those of a share above 0."""
    version, shares = tables.get(*loc, "version"), tables.get(*loc, "versions")
    if isinstance(version, str):
        return "version", [version]
    if isinstance(shares, dict):
        return "versions", [name for name, share in shares.items() if share > 0]
    known = not (tables.wrong((*loc, "version")) or tables.wrong((*loc, "versions")))
    return "versions", [VERSIONS[0]] if known and loc == ("csms",) else []


def _spoken(tables: Tables, loc: Loc, model: StationModel) -> Iterator[Problem]:
    """A model is asked for versions: it must speak each of them."""
    field, wanted = _wanted(tables, loc)
    if any(version not in model.versions for version in wanted):
        spoken = listed(model.versions)
        expected = f"no version but what the station model {model.name} speaks: {spoken}"
        near = model.versions[0] if field == "version" and len(model.versions) == 1 else None
        yield tables.problem((*loc, field), expected, near)


def _taken(tables: Tables, loc: Loc, model: StationModel) -> Iterator[Problem]:
    """Many models are asked: this one must speak some of the versions."""
    field, wanted = _wanted(tables, loc)
    if wanted and not any(version in model.versions for version in wanted):
        spoken = listed(model.versions)
        expected = f"a share of a version that the station model {model.name} speaks: {spoken}"
        yield tables.problem((*loc, field), expected)
