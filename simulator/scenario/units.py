"""Quantities as people write them: ``"600 kW"``, ``"15m"``, ``"80 %"``.

Text in, a float in base units out (kW, kWh, seconds, ratio, per second), and back. A bare number is
refused where a unit is needed, since nobody can tell 600 W from 600 kW by looking at it.
Called by the typed models of this room and by the SLO parser.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from simulator.scenario.problems import FieldError, nearest


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of quantity: its units with their factor to the base unit (the first one)."""

    name: str
    example: str
    units: Mapping[str, float]

    @property
    def base(self) -> str:
        """The unit that parsed values are in."""
        return next(iter(self.units))

    @property
    def pattern(self) -> str:
        """A regular expression for well-formed text, for editors."""
        units = "|".join(re.escape(unit) for unit in self.units)
        number = r"[+-]?([0-9][0-9_]*(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
        return rf"^\s*{number}\s*({units})\s*$"


POWER = Quantity("power", "600 kW", {"kW": 1.0, "W": 1e-3, "MW": 1e3})
ENERGY = Quantity("energy", "50 kWh", {"kWh": 1.0, "Wh": 1e-3, "MWh": 1e3})
DURATION = Quantity(
    "duration",
    "15m",
    {"s": 1.0, "ms": 1e-3, "us": 1e-6, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0},
)
CURRENT = Quantity("current", "250 A", {"A": 1.0, "mA": 1e-3, "kA": 1e3})
RATIO = Quantity("ratio", "80 %", {"": 1.0, "%": 1e-2})
RATE = Quantity("rate", "500/s", {"/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600})

_NUMBER = re.compile(r"\s*([+-]?(?:[0-9][0-9_]*)?(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*")


def parse(quantity: Quantity, value: object) -> float:
    """``value`` in the base unit of ``quantity``.

    Raises FieldError, which says what was expected and how the value may have been meant.
    """
    wanted = f'a {quantity.name} with its unit, such as "{quantity.example}"'
    if quantity is RATIO:
        wanted = 'a ratio such as 0.8 or "80 %"'
    if isinstance(value, bool):
        raise FieldError(wanted)
    if isinstance(value, int | float):
        if quantity is RATIO and math.isfinite(value):
            return float(value)
        bare = f"{value} {quantity.base}" if quantity is not RATE else f"{value}{quantity.base}"
        raise FieldError(wanted, bare if math.isfinite(value) else None)
    if not isinstance(value, str):
        raise FieldError(wanted)
    match = _NUMBER.fullmatch(value)
    number = match.group(1) if match else ""
    if match is None or not any(digit in number for digit in "0123456789"):
        raise FieldError(wanted)
    unit = match.group(2)
    factor = quantity.units.get(unit)
    if factor is None:
        known = list(quantity.units)
        exact = [u for u in known if u.casefold() == unit.casefold()]
        near = exact[0] if len(exact) == 1 else nearest(unit, known) if unit else quantity.base
        raise FieldError(
            f"{wanted} (units: {', '.join(u for u in known if u)})",
            f"{number} {near}" if near else None,
        )
    # Exact until the last step, so that "99.9 %" is 0.999 and not the number above it.
    result = float(number)
    if result != 0.0 and math.isfinite(result):
        scaled = Fraction(number.replace("_", "")) * Fraction(factor).limit_denominator(10**9)
        result = float(scaled) if abs(scaled) < sys.float_info.max else math.inf
    if not math.isfinite(result):
        raise FieldError(wanted)
    return result


def text(quantity: Quantity, value: float) -> str:
    """``value`` (base units) as text that `parse` reads back to the same float."""
    if quantity is DURATION:
        for unit in ("d", "h", "m"):
            count = value / DURATION.units[unit]
            if count >= 1 and count == int(count) and count * DURATION.units[unit] == value:
                return f"{int(count)}{unit}"
    number = repr(value).removesuffix(".0")
    joint = "" if quantity.base in {"/s", "s", ""} else " "
    return f"{number}{joint}{quantity.base}"
