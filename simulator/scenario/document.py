"""A TOML file against its typed model: every mistake becomes one located `Problem`.

Reads no profile and knows no scenario. The steps: `read_toml`; `repair`, which reports unknown
fields and goes on as if the nearest known one had been written (or nothing), so that one slip does
not cause a second message; `validate`, which turns pydantic's findings into problems.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from simulator.scenario.problems import FieldError, Problem, ScenarioError, listed, nearest, shown

Part = str | int
Loc = tuple[Part, ...]
M = TypeVar("M", bound=BaseModel)

_SYNTAX = re.compile(r"(.*?)\s*\(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


def read_toml(path: Path, label: str) -> dict[str, Any]:
    """The tables of a TOML file; raises ScenarioError (``label`` names the file)."""
    try:
        text = path.read_bytes().decode("utf-8")
        return tomllib.loads(text.replace("\r\n", "\n"))
    except FileNotFoundError:
        problem = Problem(label, "", None, "a file that exists")
    except IsADirectoryError:
        problem = Problem(label, "", None, "a file, not a folder")
    except OSError as error:
        problem = Problem(label, "", None, f"a readable file ({error.strerror})")
    except UnicodeDecodeError as error:
        problem = Problem(label, f"byte {error.start}", None, "text in UTF-8")
    except tomllib.TOMLDecodeError as error:
        problem = _syntax(label, str(error), text)
    raise ScenarioError([problem])


def _syntax(label: str, message: str, text: str) -> Problem:
    match = _SYNTAX.match(message)
    if match is None:
        return Problem(label, "", None, f"valid TOML ({message})")
    lines = text.splitlines()
    line = int(match.group(2)) if match.group(2) else max(len(lines), 1)
    column = int(match.group(3)) if match.group(3) else len(lines[-1]) + 1 if lines else 1
    there = lines[line - 1].strip() if line <= len(lines) else ""
    return Problem(
        label,
        f"line {line}, column {column}",
        shown(there) if there else None,
        f"valid TOML ({match.group(1)})",
    )


def path_text(document: Any, loc: Sequence[Part]) -> str:
    """A location as people read it: list items by their name if that is unique, else ``[0]``."""
    text, here = "", document
    for part in loc:
        if isinstance(part, int):
            text += _item(here, part)
            here = here[part] if isinstance(here, list) and part < len(here) else None
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            text += ("." if text else "") + (part if bare else f'"{part}"')
            here = here.get(part) if isinstance(here, dict) else None
    return text


def _item(items: Any, index: int) -> str:
    if isinstance(items, list) and index < len(items):
        names = [item.get("name") if isinstance(item, dict) else None for item in items]
        name = names[index]
        if (
            isinstance(name, str)
            and names.count(name) == 1
            and re.fullmatch(r"[A-Za-z][\w-]*", name)
        ):
            return f".{name}"
    return f"[{index}]"


def value_at(document: Any, loc: Sequence[Part]) -> Any:
    """What stands at a location, or None."""
    here = document
    for part in loc:
        inside = isinstance(here, dict) and part in here
        if not inside and isinstance(here, list) and isinstance(part, int):
            inside = part < len(here)
        if not inside:
            return None
        here = here[part]
    return here


class Labels:
    """Which file a location is from: the scenario, or the ``--set`` that put the value there."""

    def __init__(self, label: str, overridden: Collection[tuple[Loc, str]] = ()) -> None:
        self.label = label
        self.overridden = list(overridden)

    def alias(self, written: Loc, meant: Loc) -> None:
        """What was written at ``written`` is from now on found at ``meant``."""
        if self.of(written) != self.label:
            self.overridden.append((meant, self.of(written)))

    def of(self, loc: Loc) -> str:
        """The label for a location."""
        for path, label in reversed(self.overridden):
            if loc[: len(path)] == path:
                return label
        return self.label


def table_fields(model: type[BaseModel]) -> dict[str, Any]:
    """Names as written in the file, with pydantic's field information."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def nested(annotation: Any) -> type[BaseModel] | None:
    """The table inside an annotation (optional, or in a tuple), if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = nested(inner)
        if found is not None:
            return found
    return None


def repair(
    document: dict[str, Any], model: type[BaseModel], labels: Labels
) -> tuple[dict[str, Any], list[Problem]]:
    """A copy of ``document`` with known fields only, and a problem for each unknown one."""
    problems: list[Problem] = []

    def walk(table: Any, kind: type[BaseModel], loc: Loc) -> Any:
        if not isinstance(table, dict):
            return table
        known = table_fields(kind)
        result: dict[str, Any] = {}
        for key, value in table.items():
            name: str | None = key
            if key not in known:
                near = nearest(key, known)
                name = near if near not in table and near not in result else None
                labels.alias((*loc, key), (*loc, name or key))
                problems.append(
                    Problem(
                        labels.of((*loc, key)),
                        path_text(document, (*loc, key)),
                        shown(value, key),
                        f"a known field ({listed(list(known))})",
                        near,
                    )
                )
            if name is not None:
                result[name] = descend(value, known[name].annotation, (*loc, key))
        return result

    def descend(value: Any, annotation: Any, loc: Loc) -> Any:
        inner = nested(annotation)
        if inner is None:
            return value
        if isinstance(value, list):
            return [walk(item, inner, (*loc, index)) for index, item in enumerate(value)]
        return walk(value, inner, loc)

    return walk(document, model, ()), problems


def validate(
    document: dict[str, Any], model: type[M], labels: Labels, context: object = None
) -> tuple[M | None, list[tuple[Loc, Problem]]]:
    """The document as ``model``, or None and a problem per mistake."""
    try:
        return model.model_validate(document, context=context), []
    except ValidationError as error:
        found = [
            (loc, problem)
            for details in error.errors(include_url=False)
            for loc, problem in [_translate(document, model, labels, details)]
            if problem is not None
        ]
        return None, found


def _translate(
    document: dict[str, Any], model: type[BaseModel], labels: Labels, details: Any
) -> tuple[Loc, Any]:
    loc: Loc = tuple(details["loc"])
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    where = path_text(document, loc)
    if kind == "too_short" and isinstance(given, list | tuple) and len(given) > 0:
        wrong_items = context.get("actual_length", 0) < len(given)
        if wrong_items:
            return loc, None
    if kind == "missing":
        what = _description(model, loc)
        return loc, Problem(labels.of(loc), where, None, f"this field{what}")
    suggestion = None
    error = context.get("error")
    if isinstance(error, FieldError):
        expected, suggestion = error.expected, error.suggestion
    else:
        expected = _EXPECTED.get(kind, "").format(**context) or str(details["msg"]).lower()
    field = str(loc[-1]) if loc else ""
    return loc, Problem(labels.of(loc), where, shown(given, field), expected, suggestion)


def _description(model: type[BaseModel], loc: Loc) -> str:
    kind: type[BaseModel] | None = model
    info = None
    for part in loc:
        if isinstance(part, int) or kind is None:
            continue
        info = table_fields(kind).get(part)
        kind = nested(info.annotation) if info is not None else None
    return f": {info.description.rstrip('.')}" if info is not None and info.description else ""


_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of {ge:g} or more",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:.10g}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them, not {actual_length}",
    "string_too_short": "text of {min_length} or more characters",
    "string_too_long": "text of at most {max_length} characters",
}
