"""What is wrong with ``[[events]]``: their options, the sites they name, the functions they call.

Which kinds there are, and what each takes, is handed in as plain data (``Options`` by kind).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from simulator.scenario.checks import Tables
from simulator.scenario.document import Loc
from simulator.scenario.fields import read_local_time
from simulator.scenario.moments import check_moments
from simulator.scenario.options import Option, Options, read_option
from simulator.scenario.problems import FieldError, Problem, listed, nearest

Kinds = Mapping[str, Options]


def check_events(tables: Tables, kinds: Kinds, beside: Path) -> list[Problem]:
    """Every problem with the events; ``beside`` is the folder that files are relative to."""
    found: list[Problem] = []
    for index in tables.tables("events"):
        kind = tables.get("events", index, "kind")
        found += _sites(tables, index)
        if isinstance(kind, str) and kind in kinds:
            found += _options(tables, index, kind, kinds[kind], beside)
    return found


def _sites(tables: Tables, index: int) -> Iterator[Problem]:
    """Every site named exists; a site means all its copies, ``name#2`` the second."""
    given = tables.get("events", index, "sites")
    if given is None or tables.wrong(("events", index, "sites")):
        return
    known = {tables.get("sites", i, "name"): i for i in tables.tables("sites")}
    if None in known or not isinstance(given, list):
        return
    if not given:
        expected = "at least one site, or no `sites` for all of them"
        yield tables.problem(("events", index, "sites"), expected)
    for place, name in enumerate(given):
        if not isinstance(name, str):
            continue
        base, hash_, copy = name.partition("#")
        count = tables.get("sites", known[base], "count") if base in known else None
        count = count if isinstance(count, int) else 1
        if base not in known:
            words = list(known)
            near = nearest(base, words)
            expected = f"a site: {listed(words)}"
            yield tables.problem(("events", index, "sites", place), expected, near)
        elif hash_ and not (copy.isdecimal() and 2 <= int(copy) <= count):
            expected = f"{base} (all of them)" + (f", or {base}#2 to #{count}" if count > 1 else "")
            yield tables.problem(("events", index, "sites", place), expected, base)


def _options(
    tables: Tables, index: int, kind: str, options: Options, beside: Path
) -> Iterator[Problem]:
    loc: Loc = ("events", index, "options")
    given = tables.get(*loc)
    if given is None:
        given = {}
    if not isinstance(given, dict) or tables.wrong(loc):
        return
    for name in given:
        if name not in options:
            expected = f"an option of {kind} ({listed(list(options))})"
            yield tables.problem((*loc, name), expected, nearest(name, options))
    unknown = {nearest(name, options) for name in given if name not in options}
    for name, option in options.items():
        if name in given:
            yield from _value(tables, index, (*loc, name), option, given[name], beside)
        elif option.required and name not in unknown:
            yield tables.problem((*loc, name), f"this option: {option.text}", show=False)
    yield from _order(tables, loc, options, given)
    for group in {option.one_of for option in options.values()} - {""}:
        names = [name for name, option in options.items() if option.one_of == group]
        here = [name for name in names if name in given]
        if len(here) != 1 and not unknown & set(names):
            expected = f"exactly one of {listed(names, 'and')}"
            where = (*loc, here[1]) if len(here) > 1 else loc
            yield tables.problem(where, expected, show=len(here) > 1)


def _order(
    tables: Tables, loc: Loc, options: Options, given: Mapping[str, Any]
) -> Iterator[Problem]:
    """Options that have to exceed others do."""
    for name, option in options.items():
        if not option.above:
            continue
        try:
            mine, other = (
                read_option(options[key], given[key]) if key in given else options[key].default
                for key in (name, option.above)
            )
        except FieldError:
            continue  # said already
        if mine <= other:
            where = (*loc, name if name in given else option.above)
            yield tables.problem(where, f"{name} longer than {option.above}")


def _value(
    tables: Tables, index: int, loc: Loc, option: Option, value: Any, beside: Path
) -> Iterator[Problem]:
    try:
        read = read_option(option, value)
        if option.kind == "moments":
            _check_moments(tables, read)
        elif option.kind == "function":
            _check_function(beside, read)
    except FieldError as error:
        yield tables.problem(loc, error.expected, error.suggestion)
        return
    needs = _NEEDS.get(option.kind)
    if needs is None:
        return
    for site in _meant(tables, index):
        if not tables.has("sites", site, needs):
            name = tables.get("sites", site, "name")
            yield tables.problem(loc, f"{_WHY[needs]}, and {name} has none")


_NEEDS = {"part": "grid_limit", "visits": "vehicles"}
_WHY = {
    "grid_limit": "a site with a grid_limit (it is a part of that)",
    "vehicles": "a site with arrivals and vehicles (the visits are drawn from them)",
}


def _meant(tables: Tables, index: int) -> list[int]:
    """The sites (tables) that an event concerns."""
    given = tables.get("events", index, "sites")
    every = list(tables.tables("sites"))
    if not isinstance(given, list):
        return every
    names = {name.partition("#")[0] for name in given if isinstance(name, str)}
    return [i for i in every if tables.get("sites", i, "name") in names]


def _check_moments(tables: Tables, moments: Any) -> None:
    start = tables.get("scenario", "start")
    zone = tables.get("scenario", "timezone") or "UTC"
    if start is None or tables.wrong(("scenario", "timezone")):
        return
    try:
        first = read_local_time(start)
    except FieldError:
        return
    check_moments(moments, first, ZoneInfo(zone))


def _check_function(beside: Path, function: str) -> None:
    """The file can be read, and defines that function; it is not run."""
    file, _, name = function.rpartition(":")
    try:
        tree = ast.parse((beside / file).read_bytes(), file)
    except OSError:
        near = nearest(Path(file).name, sorted(path.name for path in beside.glob("*.py")))
        raise FieldError("a Python file that exists", near and f"{near}:{name}") from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise FieldError(f"valid Python ({error.args[0]}, line {line})") from None
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    if name not in names:
        near = nearest(name, names)
        defined = listed(names) if names else "it defines none"
        raise FieldError(f"a function of {file}: {defined}", near and f"{file}:{near}")
