"""The form of what the CSMS sends: fields of a request, and the error code for each way to miss it.

A hand-made check, because JSON Schema takes longer than the rest of an answer. Codes as in 1.6J
§4.2.3; versions 2.x spell some of them differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FORMATION: Final = "FormationViolation"
PROTOCOL: Final = "ProtocolError"
PROPERTY: Final = "PropertyConstraintViolation"
OCCURRENCE: Final = "OccurenceConstraintViolation"
"""[sic]: the specification's own spelling, kept because it is what goes over the wire."""
TYPE: Final = "TypeConstraintViolation"
NOT_IMPLEMENTED: Final = "NotImplemented"
NOT_SUPPORTED: Final = "NotSupported"
INTERNAL: Final = "InternalError"

LARGEST: Final = 2**31 - 1
NOUNS: Final = {
    str: "text",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list of texts",
}


class Refusal(Exception):  # noqa: N818 - it is the answer, not a fault
    """A request that is answered with a CALLERROR."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``kind`` is str, int, float (any number), dict or list.

    Objects, and the items of lists, have the shape ``of``; without it objects are not looked into
    and lists hold texts.
    """

    kind: type
    required: bool = True
    longest: int = 500
    """Characters of a text, or of each text of a list."""
    choices: tuple[str, ...] = ()
    least: int = -LARGEST - 1
    most: int = LARGEST
    items: int = 500
    """Most items of a list."""
    of: Shape | None = None


Shape = Mapping[str, Field]


def check(payload: object, shape: Shape) -> None:
    """Raise ``Refusal`` unless the payload fits the shape. None counts as {} (1.6J §4.2.1)."""
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise Refusal(FORMATION, "the payload is not an object")
    for name, field in shape.items():
        if name in payload:
            _check_field(name, payload[name], field)
        elif field.required:
            raise Refusal(PROTOCOL, f"{name} is missing")
    if len(payload) > len(shape) or not payload.keys() <= shape.keys():
        extra = next(name for name in payload if name not in shape)
        raise Refusal(FORMATION, f"{extra[:50]!r} is not a field of this message")


def _check_field(name: str, value: object, field: Field) -> None:
    if type(value) is not field.kind and not (field.kind is float and type(value) is int):
        raise Refusal(TYPE, f"{name} is not {NOUNS[field.kind]}")
    if field.kind is float:
        return
    if isinstance(value, str):
        _check_text(name, value, field)
    elif isinstance(value, dict) and field.of is not None:
        check(value, field.of)
    elif isinstance(value, int):
        if not field.least <= value <= field.most:
            raise Refusal(PROPERTY, f"{name} is not in {field.least}..{field.most}")
    elif isinstance(value, list):
        if len(value) > field.items:
            raise Refusal(OCCURRENCE, f"{name} has more than {field.items} items")
        for item in value:
            if field.of is not None:
                check(item, field.of)
                continue
            if not isinstance(item, str):
                raise Refusal(TYPE, f"{name} is not {NOUNS[list]}")
            _check_text(name, item, field)


def _check_text(name: str, value: str, field: Field) -> None:
    if len(value) > field.longest:
        raise Refusal(PROPERTY, f"{name} has more than {field.longest} characters")
    if field.choices and value not in field.choices:
        raise Refusal(PROPERTY, f"{name} is none of {', '.join(field.choices)}")
