"""What a station profile presets: read, and checked as far as that needs no OCPP.

Whether there is such a variable or monitor is the station's business: see ``Presets``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from simulator.scenario.document import Loc
from simulator.scenario.preset_model import Setting
from simulator.scenario.problems import Problem
from simulator.scenario.profile_model import StationFile, StationModel

Presets = Callable[[StationModel], Iterable[tuple[Loc, str, str | None]]]
"""What stations of a model cannot be preset to: (field, what was expected, what may be meant)."""

RUN_KEYS = {
    "AuthorizationKey": "csms.password",
    "SecurityProfile": "csms.security_profile",
}
"""Configuration keys that belong to a run, not to a model."""


class Wrong(Protocol):
    """Makes a located problem."""

    def __call__(self, loc: Loc, expected: str) -> Problem:
        """The problem with the value at ``loc`` in the file."""
        ...


def variables_of(file: StationFile) -> dict[str, tuple[Loc, Setting]]:
    """The variables by their whole name, with where they stand.

    ``"A.B" = 1`` and ``A.B = 1`` mean the same: TOML reads the second as a table in a table.
    """
    return dict(_flat(file.variables, "", ("variables",)))


def _flat(table: dict[str, Any], head: str, loc: Loc) -> Iterator[tuple[str, tuple[Loc, Any]]]:
    for key, value in table.items():
        name, here = f"{head}{key}", (*loc, key)
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.", here)
        else:
            yield name, (here, tuple(value) if isinstance(value, list) else value)


def preset_mistakes(file: StationFile, wrong: Wrong) -> Iterator[Problem]:
    """Presets that no station could have."""
    variables = variables_of(file)
    for loc, value in variables.values():
        words = value if isinstance(value, tuple) else ()
        if not isinstance(value, bool | int | str | tuple) or any(
            not isinstance(word, str) for word in words
        ):
            yield wrong(loc, "true, false, a whole number, text, or a list of texts")
    if "2.0.1" not in file.versions:
        for field in ("variables", "monitors"):
            if getattr(file, field):
                yield wrong((field,), f"nothing here: only OCPP 2.0.1 has {field}")
    seen: set[tuple[str, str]] = set()
    for index, row in enumerate(file.vendor_messages):
        name = (row.vendor.casefold(), row.message)
        if name in seen:
            yield wrong(("vendor_messages", index, "message"), "each message of a vendor once")
        seen.add(name)
        if not _is_json(row.data):
            expected = "what JSON can hold: no times, no infinite numbers"
            yield wrong(("vendor_messages", index, "data"), expected)


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_json, value.values()))
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)
