"""What is wrong with a site's controller: which it is, its options, the function that it names.

Which controllers there are is handed in as plain data: by name ``options``, a list of tables
with ``name``, ``kind``, ``description``, ``default``, ``required``, ``choices`` and ``fields``, and
``needs``, which says from the options which other fields of the site the controller cannot do
without. `option_values` turns checked options into values in base units.
"""

from __future__ import annotations

import ast
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulator.scenario import units
from simulator.scenario.checks import Tables
from simulator.scenario.document import Loc
from simulator.scenario.problems import FieldError, Problem, listed, nearest

Options = Sequence[Mapping[str, Any]]
Kinds = Mapping[str, Mapping[str, Any]]

SHORTEST_TICK_S = 1.0

_FUNCTION = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_NEEDED = {"tariff": "prices", "pv": "generation to follow", "carbon": "its carbon intensity"}


def option_values(options: Options, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options in base units, defaults filled in. Raises FieldError for a wrong value."""
    return {
        option["name"]: read_option(option, given[option["name"]])
        if option["name"] in given
        else option["default"]
        for option in options
    }


def read_option(option: Mapping[str, Any], value: Any) -> Any:
    """One option's value in base units; raises FieldError."""
    kind = option["kind"]
    if kind in _QUANTITIES:
        return _quantity(_QUANTITIES[kind], value)
    if kind == "flag":
        if isinstance(value, bool):
            return value
        raise FieldError("true or false")
    if kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldError("a number")
        if not 0 <= value < math.inf:
            raise FieldError("a finite number of 0 or more")
        return float(value)
    if kind == "clock":
        match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise FieldError('a time of day such as "17:00"')
        return 3600.0 * int(match.group(1)) + 60.0 * int(match.group(2))
    if kind == "choice":
        if value not in option["choices"]:
            raise FieldError(listed(option["choices"]), nearest(value, option["choices"]))
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(row, Mapping) for row in value):
        raise FieldError("a list of tables")
    return [option_values(option["fields"], row) for row in value]


_QUANTITIES = {"power": units.POWER, "duration": units.DURATION}


def _quantity(quantity: units.Quantity, value: Any) -> float:
    result = units.parse(quantity, value)
    if result < 0.0 or (result == 0.0 and quantity is units.DURATION):
        least = "above 0" if quantity is units.DURATION else "of 0 or more"
        raise FieldError(f"a {quantity.name} {least}")
    return result


def check_control(tables: Tables, kinds: Kinds, beside: Path) -> list[Problem]:
    """Every problem with the sites' controllers; ``beside``: the folder that files stand in."""
    found: list[Problem] = []
    for index in tables.tables("sites"):
        loc: Loc = ("sites", index, "controller")
        if isinstance(tables.get(*loc), dict):
            found += _check(tables, loc, kinds, beside)
    return found


def _check(tables: Tables, loc: Loc, kinds: Kinds, beside: Path) -> Iterator[Problem]:
    tick_s = tables.quantity(units.DURATION, *loc, "tick")
    if tick_s is not None and tick_s < SHORTEST_TICK_S:
        yield tables.problem((*loc, "tick"), f"a tick of {SHORTEST_TICK_S:g} s or more")
    has = [name for name in ("kind", "function") if tables.has(*loc, name)]
    if len(has) != 1:
        expected = 'either kind (one of ours) or function ("file.py:function", one of yours)'
        yield tables.problem((*loc, "function") if has else loc, expected, show=False)
        return
    if has == ["function"]:
        yield from _function(tables, loc, beside)
        return
    kind = kinds.get(tables.get(*loc, "kind"))
    if kind is not None:
        wrong = list(_table(tables, (*loc, "options"), kind["options"]))
        yield from wrong
        if not wrong:
            yield from _needs(tables, loc, kind)


def _function(tables: Tables, loc: Loc, beside: Path) -> Iterator[Problem]:
    if tables.get(*loc, "options"):
        expected = "nothing here: a function of yours takes no options"
        yield tables.problem((*loc, "options"), expected)
    where = (*loc, "function")
    named = tables.get(*where)
    if not isinstance(named, str):
        return
    try:
        _defined(named, beside)
    except FieldError as error:
        yield tables.problem(where, error.expected, error.suggestion)


def _defined(named: str, beside: Path) -> None:
    """The file can be read and has that name at its top level; it is not run."""
    match = _FUNCTION.fullmatch(named)
    if match is None:
        raise FieldError('a file and its function, such as "control.py:limits"')
    file, name = match.groups()
    try:
        tree = ast.parse((beside / file).read_bytes(), file)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise FieldError(f"a file of valid Python ({error.args[0]}, line {line})") from None
    except OSError:
        here = (beside / file).parent
        known = sorted(path.name for path in here.glob("*.py")) if os.path.isdir(here) else []  # noqa: PTH112  Path.is_dir raises for a name that is too long
        near = nearest(Path(file).name, known)
        meant = f"{Path(file).with_name(near)}:{name}" if near else None
        raise FieldError("a Python file that exists", meant) from None
    names = list(_names(tree))
    if name not in names and "*" not in names:
        near = nearest(name, names)
        said = listed(names) if names else "it defines none"
        raise FieldError(f"a function of {file} ({said})", f"{file}:{near}" if near else None)


def _names(tree: ast.Module) -> Iterator[str]:
    """What a module binds at its top level; ``*`` if that cannot be told."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (name.id for name in node.targets if isinstance(name, ast.Name))
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For):
            yield "*"


def _table(tables: Tables, loc: Loc, options: Options) -> Iterator[Problem]:
    """The options in one table: known, right by themselves, and all there."""
    given = tables.get(*loc)
    given = given if isinstance(given, dict) else {}
    known = {option["name"]: option for option in options}
    for name in given:
        if name not in known:
            what = listed(list(known)) if known else "it takes none"
            yield tables.problem((*loc, name), f"a known option ({what})", nearest(name, known))
    meant = {nearest(name, known) for name in given if name not in known}
    for name, option in known.items():
        if name not in given:
            if option["required"] and name not in meant:
                what = option["description"].rstrip(".")
                yield tables.problem((*loc, name), f"this option: {what}", show=False)
        elif option["kind"] == "tables" and isinstance(given[name], list) and given[name]:
            for row, item in enumerate(given[name]):
                if isinstance(item, dict):
                    yield from _table(tables, (*loc, name, row), option["fields"])
                else:
                    yield tables.problem((*loc, name, row), "a table")
        else:
            yield from _value(tables, (*loc, name), option, given[name])


def _value(tables: Tables, loc: Loc, option: Mapping[str, Any], value: Any) -> Iterator[Problem]:
    if option["kind"] == "tables" and value == []:
        yield tables.problem(loc, "at least one of them")
        return
    try:
        read_option(option, value)
    except FieldError as error:
        yield tables.problem(loc, error.expected, error.suggestion)


def _needs(tables: Tables, loc: Loc, kind: Mapping[str, Any]) -> Iterator[Problem]:
    options = option_values(kind["options"], tables.get(*loc, "options") or {})
    name = tables.get(*loc, "kind")
    for field in kind["needs"](options):
        if not tables.has(*loc[:-1], field):
            what = _NEEDED.get(field, f"its {field}")
            expected = f"this field: the controller {name} needs {what}"
            yield tables.problem((*loc[:-1], field), expected)
