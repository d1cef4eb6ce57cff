"""The official JSON schemas of every version, compiled to quick checks of what the CSMS sends.

The ``ocpp`` package carries the schema files; each is read when its message first appears. A check
walks plain decoded JSON and says what is wrong first, as a ``Misfit``: which kind, where, and what
was expected. The version's table turns the kind into the error code of its specification
(1.6J §4.2.3, 2.0.1 part 4 §4.2.3).

Stricter than JSON Schema in two points: 1.0 is no whole number, and a number has 64 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from simulator.station import clock

MOST: Final = 2**63
_FUZZ: Final = 1e-6
"""A tenth has no exact binary form: so far a multiple of it may be off."""
_NOUNS: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}
_FOLDERS: Final = {"1.6": ("v16", ""), "2.0.1": ("v201", "Request")}


class Fault(Enum):
    """In which way a payload misses its schema."""

    SHAPE = "shape"
    """The payload is no object, or has a field that the message does not have."""
    MISSING = "missing"
    TYPE = "type"
    VALUE = "value"
    """A text too long, a word that is none of the enumeration, a number out of range."""
    COUNT = "count"
    """A list with too few or too many items."""


class Misfit(NamedTuple):
    """What is wrong with a payload; ``text`` says where, and what was expected."""

    fault: Fault
    text: str


class Check:
    """One node of a compiled schema."""

    __slots__ = (
        "closed",
        "date",
        "fields",
        "item",
        "least",
        "longest",
        "most",
        "most_items",
        "noun",
        "required",
        "step",
        "types",
        "words",
    )

    def __init__(self, node: Mapping[str, Any], of: Mapping[str, Any]) -> None:
        """``of`` is the document that holds the definitions."""
        while "$ref" in node:
            node = of["definitions"][node["$ref"].rpartition("/")[2]]
        kind = node.get("type", "")
        self.types = _TYPES.get(kind)
        self.noun = _NOUNS.get(kind, "")
        self.words = frozenset(node["enum"]) if "enum" in node else None
        self.longest = node.get("maxLength")
        self.date = node.get("format") == "date-time"
        if kind == "array":
            self.least, self.most = None, None
        else:
            self.least, self.most = node.get("minimum"), node.get("maximum")
        self.step = node.get("multipleOf")
        self.most_items = (node.get("minItems", 0), node.get("maxItems"))
        self.item = Check(node["items"], of) if "items" in node else None
        fields = {name: Check(part, of) for name, part in node.get("properties", {}).items()}
        self.fields: dict[str, Check] | None = fields if kind == "object" else None
        self.required = tuple(node.get("required", ()))
        self.closed = node.get("additionalProperties", True) is False

    def misfit(self, value: object, name: str = "the payload") -> Misfit | None:
        """The first thing wrong with ``value``, or None."""
        types = self.types
        if types is not None and (type(value) not in types):
            fault = Fault.TYPE if name != "the payload" else Fault.SHAPE
            return Misfit(fault, f"{name} is not {self.noun}")
        if isinstance(value, str):
            return self._text(value, name)
        if isinstance(value, dict):
            return self._object(value, name)
        if isinstance(value, list):
            return self._list(value, name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if not -MOST <= value <= MOST:
                return Misfit(Fault.VALUE, f"{name} is beyond 64 bits")
            low, high = self.least, self.most
            if (low is not None and value < low) or (high is not None and value > high):
                span = f"{'' if low is None else low}..{'' if high is None else high}"
                return Misfit(Fault.VALUE, f"{name} is not in {span}")
            if self.step is not None and abs(value / self.step - round(value / self.step)) > _FUZZ:
                return Misfit(Fault.VALUE, f"{name} is no multiple of {self.step}")
        return None

    def _text(self, value: str, name: str) -> Misfit | None:
        if self.longest is not None and len(value) > self.longest:
            return Misfit(Fault.VALUE, f"{name} has more than {self.longest} characters")
        if self.words is not None and value not in self.words:
            return Misfit(Fault.VALUE, f"{name} is none of {', '.join(sorted(self.words))}")
        if self.date and clock.parse(value) is None:
            return Misfit(Fault.VALUE, f"{name} is not a date and time of ISO 8601")
        return None

    def _object(self, value: dict[str, Any], name: str) -> Misfit | None:
        fields = self.fields
        if fields is None:
            return None
        for key in self.required:
            if key not in value:
                return Misfit(Fault.MISSING, f"{key} is missing")
        for key, part in value.items():
            check = fields.get(key)
            if check is None:
                if self.closed:
                    return Misfit(Fault.SHAPE, f"{key[:50]!r} is not a field of this message")
                continue
            found = check.misfit(part, key)
            if found is not None:
                return found
        return None

    def _list(self, value: list[Any], name: str) -> Misfit | None:
        least, most = self.most_items
        if len(value) < least:
            return Misfit(Fault.COUNT, f"{name} has fewer than {least} items")
        if most is not None and len(value) > most:
            return Misfit(Fault.COUNT, f"{name} has more than {most} items")
        if self.item is not None:
            for item in value:
                found = self.item.misfit(item, name)
                if found is not None:
                    return found
        return None


@cache
def _home() -> Path:
    """Where the package is, found without importing it: that takes a tenth of a second and 3 MB."""
    spec = find_spec("ocpp")
    assert spec is not None and spec.submodule_search_locations, "a dependency of this package"
    return Path(spec.submodule_search_locations[0])


@cache
def document(version: str, name: str) -> Mapping[str, Any]:
    """The schema file of a message as it is: ``name`` is ``Reset`` or ``ResetResponse``.

    Raises FileNotFoundError if the version has no such message.
    """
    folder, suffix = _FOLDERS[version]
    file = name if name.endswith("Response") else name + suffix
    text = (_home() / folder / "schemas" / f"{file}.json").read_text(encoding="utf-8-sig")
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


@cache
def schema(version: str, name: str) -> Check:
    """The check of a request (``Reset``) or an answer (``ResetResponse``) of a version.

    Raises FileNotFoundError if the version has no such message.
    """
    found = document(version, name)
    return Check(found, found)
