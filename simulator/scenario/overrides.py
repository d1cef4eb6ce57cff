"""``--set path=value``: change a scenario's tables before they are checked.

A path is dotted; a part that stands in a list is an index or the ``name`` of an item:
``sites.0.count``, ``sites.ring-road.stations[0].model``. The value is read as TOML, and taken as
text where it is none: ``sites.0.count=3``, ``sites.0.grid_limit=300 kW``.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulator.scenario.document import Loc, Part, path_text, value_at
from simulator.scenario.problems import Problem, listed, nearest, shown

LABEL = "--set"
_PART = re.compile(r'\.?(?:"([^"]*)"|([^.\[\]"=\s]+))|\[(\d+)\]')
_FILES: tuple[Loc, ...] = (
    ("trace", "file"),
    ("fleet",),
    ("tokens",),
    ("csms", "password", "file"),
    ("sites", "base_load", "file"),
    ("sites", "pv", "file"),
)
"""Fields that name files, without the indices of lists."""


def apply(
    document: dict[str, Any], sets: Sequence[str]
) -> tuple[dict[str, Any], list[tuple[Loc, str]], list[Problem]]:
    """A changed copy of ``document``, where it was changed, and what was wrong with ``sets``.

    File names given here are relative to the working directory, not to the scenario.
    """
    result = copy.deepcopy(document)
    changed: list[tuple[Loc, str]] = []
    problems: list[Problem] = []
    for text in sets:
        path, equals, value = text.partition("=")
        while equals and path.count('"') % 2:
            more, equals, value = value.partition("=")
            path = f"{path}={more}"
        parts = _split(path.strip())
        if not equals or not parts:
            problems.append(Problem(LABEL, "", shown(text), "path=value, such as sites.0.count=3"))
            continue
        loc, problem = _resolve(result, parts, path.strip())
        if problem is not None:
            problems.append(problem)
            continue
        made = next(
            (n for n in range(1, len(loc)) if value_at(document, loc[:n]) is None), len(loc)
        )
        _put(result, loc, _anchor(loc, toml_value(value.strip())))
        changed += [(loc[:made], LABEL), (loc, LABEL)] if made < len(loc) else [(loc, LABEL)]
    return result, changed, problems


def toml_value(text: str) -> Any:
    """``text`` as a TOML value, or as it is."""
    if "\n" not in text and "\r" not in text:
        try:
            parsed = tomllib.loads(f"value = {text}")
        except tomllib.TOMLDecodeError:
            return text
        if list(parsed) == ["value"]:
            return parsed["value"]
    return text


def _split(path: str) -> list[str | int]:
    parts: list[str | int] = []
    position = 0
    for match in _PART.finditer(path):
        if match.start() != position:
            return []
        quoted, bare, index = match.groups()
        parts.append(int(index) if index is not None else quoted if quoted is not None else bare)
        position = match.end()
    return parts if position == len(path) else []


def _resolve(document: Any, parts: Sequence[str | int], path: str) -> tuple[Loc, Problem | None]:
    """Where the path leads: list parts become indices. Tables that are missing are made."""
    loc: list[Part] = []
    here = document
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if isinstance(here, list):
            index = _index(here, part)
            if index is None:
                return (), _no_item(document, loc, here, part)
            loc.append(index)
            here = here[index]
        elif isinstance(here, dict):
            key = str(part)
            loc.append(key)
            here = here.get(key) if last else here.setdefault(key, {})
        else:
            where = path_text(document, loc)
            return (), Problem(LABEL, where, shown(path), f"a path that ends at {where}")
    return tuple(loc), None


def _index(items: list[Any], part: str | int) -> int | None:
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if isinstance(part, str) and names.count(part) == 1:
        return names.index(part)
    if isinstance(part, str) and not part.isdecimal():
        return None
    index = int(part)
    return index if index < len(items) else None


def _no_item(document: Any, loc: Sequence[Part], items: list[Any], part: str | int) -> Problem:
    names = [item["name"] for item in items if isinstance(item, dict) and "name" in item]
    known = [name for name in names if isinstance(name, str)]
    expected = f"an index from 0 to {len(items) - 1}" if items else "a list that is not empty"
    if known:
        expected += f", or a name: {listed(known)}"
    return Problem(LABEL, path_text(document, loc), shown(part), expected, nearest(part, known))


def _put(document: Any, loc: Loc, value: Any) -> None:
    here = document
    for part in loc[:-1]:
        here = here[part]
    here[loc[-1]] = value


def _anchor(loc: Loc, value: Any) -> Any:
    """The value, with the file names in it made relative to the working directory."""
    plain = tuple(part for part in loc if isinstance(part, str))
    if isinstance(value, str) and plain in _FILES and value:
        return str(Path.cwd() / value)
    if isinstance(value, dict):
        return {key: _anchor((*loc, key), inner) for key, inner in value.items()}
    return value
