"""The points of a sweep: which fields vary, and which values they take together.

A field is a path into the scenario as for ``--set``; values are texts as people write them. Called
by ``sweep``, the API and the command line. Not here: whether a field exists, which loading the
scenario tells.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from simulator.scenario.problems import InputError, Problem, ScenarioError, shown

_OPENING = "[{("
_CLOSING = "]})"


@dataclass(frozen=True, slots=True)
class Point:
    """A variant of the scenario."""

    values: tuple[tuple[str, str], ...]
    """Fields and what they are set to, as text."""

    @property
    def sets(self) -> tuple[str, ...]:
        """As overrides."""
        return tuple(f"{field}={value}" for field, value in self.values)

    @property
    def key(self) -> str:
        """A name of the point that does not depend on what else is swept."""
        digest = blake2b(json.dumps(self.values).encode(), digest_size=8)
        return digest.hexdigest()

    @property
    def text(self) -> str:
        """The point for people."""
        return ", ".join(self.sets) or "as it is"


def grid(
    vary: Mapping[str, Sequence[str]], listed: Sequence[Mapping[str, str]] = ()
) -> tuple[Point, ...]:
    """All combinations of ``vary``, with each of the ``listed`` points where there are any.

    The last field changes fastest. Raises ScenarioError where there is nothing to vary, a field is
    without values, or stands in both.
    """
    for field, values in vary.items():
        if not values:
            raise _wrong("--vary", field, None, "values to try, such as field=a,b")
        if listed and field in listed[0]:
            raise _wrong("--vary", field, None, "a field that the list does not have too")
    if not vary and not listed:
        raise _wrong("--vary", "", None, "fields to vary, such as sites.0.policy=equal_share,edf")
    combined = itertools.product(
        *([(field, value) for value in values] for field, values in vary.items())
    )
    pairs = list(combined)
    points = [Point((*row.items(), *pair)) for row in (listed or ({},)) for pair in pairs]
    return tuple(dict.fromkeys(points))


def read_vary(texts: Sequence[str]) -> dict[str, list[str]]:
    """``field=value,value`` as given on the command line. Raises ScenarioError."""
    found: dict[str, list[str]] = {}
    for text in texts:
        field, equals, values = text.partition("=")
        while equals and field.count('"') % 2:
            more, equals, values = values.partition("=")
            field = f"{field}={more}"
        field = field.strip()
        if not equals or not field:
            raise _wrong("--vary", "", shown(text), "field=value,value, such as sites.0.count=1,2")
        if field in found:
            raise _wrong("--vary", field, None, "a field once, with all its values")
        found[field] = split(values)
    return found


def split(values: str) -> list[str]:
    """Values between commas; commas within quotes and brackets separate nothing."""
    parts, depth, quote, begin = [], 0, "", 0
    for place, char in enumerate(values):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
        elif char == "," and depth <= 0:
            parts.append(values[begin:place])
            begin = place + 1
    parts.append(values[begin:])
    return [part.strip() for part in parts if part.strip()]


def read_list(path: Path) -> list[dict[str, str]]:
    """Points from a CSV file: fields in the first line, a point in each other.

    Raises InputError.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        expected = f"a CSV file of points ({error})"
        raise InputError([Problem(str(path), "", None, expected)]) from None
    if len(lines) < 2:
        expected = "fields in the first line and a point in each other"
        raise InputError([Problem(str(path), "", None, expected)])
    fields = [cell.strip() for cell in lines[0]]
    for place, field in enumerate(fields):
        if not field or field in fields[:place]:
            expected = "a name of its own for each column: the field that it sets"
            raise InputError([Problem(str(path), "line 1", shown(field), expected)])
    points = []
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(fields):
            expected = f"{len(fields)} values, one per field"
            raise InputError([Problem(str(path), f"line {number}", str(len(line)), expected)])
        points.append(dict(zip(fields, (cell.strip() for cell in line), strict=True)))
    return points


def as_text(value: Any) -> str:
    """A value given in Python as it would stand in a file."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        inner = (json.dumps(item) if isinstance(item, str) else as_text(item) for item in value)
        return f"[{', '.join(inner)}]"
    return str(value)


def _wrong(label: str, where: str, value: str | None, expected: str) -> ScenarioError:
    return ScenarioError([Problem(label, where, value, expected)])
