"""Options: what a table of ``options`` may hold, as plain data, and how each value is read.

Kinds of events (and whatever else takes options) say what they take as ``{name: Option}``; this
room reads and checks the tables by it without knowing any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from simulator.scenario import fields as f
from simulator.scenario import units
from simulator.scenario.moments import read_moments
from simulator.scenario.problems import FieldError

Kind = Literal["duration", "moments", "power", "part", "energy", "visits", "function", "table"]
"""``part``: of the site's grid limit; ``visits``: a number, drawn from the site's own vehicles."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option: the kind of its value, and whether it has to be there."""

    kind: Kind
    text: str
    """What it says, for people."""
    default: Any = None
    """In base units; None: it has none, so it is required unless ``one_of`` or ``optional``."""
    optional: bool = False
    one_of: str = ""
    """Exactly one of all options with the same word here is given."""
    above: str = ""
    """The option that it has to exceed."""

    @property
    def required(self) -> bool:
        """Whether it must be given by itself."""
        return self.default is None and not self.optional and not self.one_of


Options = Mapping[str, Option]


def read_option(option: Option, value: object) -> Any:
    """The value in base units; raises FieldError."""
    return _READ[option.kind](value)


def read_options(options: Options, table: Mapping[str, Any]) -> dict[str, Any]:
    """All values of a table that was checked, in base units, with defaults; None: not given."""
    return {
        name: read_option(option, table[name]) if name in table else option.default
        for name, option in options.items()
    }


def _visits(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise FieldError("a whole number of visits of 1 or more")
    return value


def _function(value: object) -> str:
    expected = 'a file and a function in it, such as "mine.py:maintenance"'
    if not isinstance(value, str) or "\0" in value:
        raise FieldError(expected)
    file, colon, name = value.rpartition(":")
    if not colon or not file.endswith(".py") or not name.isidentifier():
        raise FieldError(expected)
    return value


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(name.isidentifier() for name in value):
        raise FieldError("a table of keyword arguments")
    return value


def _quantity(kind: units.Quantity, **bounds: Any) -> Callable[[object], Any]:
    value = f.quantity(kind, **bounds)
    return lambda given: value.read(given, None)


_READ: Mapping[str, Callable[[object], Any]] = {
    "duration": _quantity(units.DURATION, highest=f.LONGEST_S),
    "moments": read_moments,
    "power": _quantity(units.POWER, zero=True),
    "energy": _quantity(units.ENERGY),
    "part": _quantity(units.RATIO, zero=True, highest=1.0),
    "visits": _visits,
    "function": _function,
    "table": _table,
}
