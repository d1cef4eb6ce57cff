"""What a controller can be told in a scenario, as plain data: names, kinds of value, defaults.

The scenario room checks a file against `plain` and knows nothing else of controllers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["power", "duration", "number", "flag", "choice", "clock", "tables"]
"""kW, seconds, a number of 0 or more, true or false, a word of a list, "HH:MM", a list of tables.
"""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a controller, or one field of a table in it."""

    name: str
    kind: Kind
    description: str
    default: Any = None
    """In base units; None: none. An option without a default may still be left out."""
    required: bool = False
    choices: tuple[str, ...] = ()
    fields: tuple[Option, ...] = ()
    """Of the tables in a list of tables."""


def plain(options: Iterable[Option]) -> list[dict[str, Any]]:
    """The options as dictionaries of plain values."""
    return [
        {
            "name": option.name,
            "kind": option.kind,
            "description": option.description,
            "default": option.default,
            "required": option.required,
            "choices": list(option.choices),
            "fields": plain(option.fields),
        }
        for option in options
    ]


V2G = Option("v2g", "flag", "Vehicles that can give back do, above their reserve.", False)
CARBON_PRICE = Option("carbon_price", "number", "What a kg of CO2 counts for.", 0.0)
HARD = Option("hard", "flag", "Stop the run where not everybody can be served.", False)
PENALTY = Option("penalty", "number", "What a kWh counts that is not delivered.", 1000.0)
OBJECTIVE = Option(
    "objective",
    "choice",
    "cost: the energy bill with its demand charge; peak: the highest mean power of a billing "
    "interval.",
    "cost",
    choices=("cost", "peak"),
)
