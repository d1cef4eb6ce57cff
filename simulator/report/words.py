"""Numbers and durations as people read them.

Pure functions from numbers to text; no run, no layout. Called by the page builders and the plots.
Thousands are set apart by a narrow space that does not break, a missing value is a dash.
"""

from __future__ import annotations

import math
from typing import Any

NARROW = "\u202f"
"""Narrow no-break space: between thousands, and between a number and its unit."""
DASH = "–"


def as_number(value: Any) -> float | None:
    """``value`` as a finite float, or None where it is none (None, text, nan, inf, a bool)."""
    if value is None or isinstance(value, bool | str):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _grouped(number: float, decimals: int) -> str:
    text = f"{number:,.{decimals}f}".replace(",", NARROW)
    if "." in text and not text.partition(".")[2].strip("0"):
        text = text.partition(".")[0]
    return text.removeprefix("-") if text in ("0", "-0") else text.replace("-", "−")


def figure(value: Any, digits: int = 3) -> str:
    """A number with about ``digits`` significant digits; what is whole then is shown whole."""
    number = as_number(value)
    if number is None:
        return DASH
    if number == 0 or (number == int(number) and abs(number) < 1e15):
        return _grouped(number, 0)
    places = digits - 1 - math.floor(math.log10(abs(number)))
    return _grouped(number, max(0, min(places, 6)))


def count(value: Any) -> str:
    """A count: whole, grouped by thousands."""
    number = as_number(value)
    return DASH if number is None else _grouped(number, 0)


def tick(value: float, digits: int = 4) -> str:
    """A number without zeros at its end, as on an axis."""
    text = figure(round(value, 9), digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def with_unit(value: Any, unit: str, digits: int = 3) -> str:
    """A number and its unit, or a dash."""
    text = figure(value, digits)
    return text if text == DASH or not unit else f"{text}{NARROW}{unit}"


def latency(ms: Any) -> str:
    """A latency given in milliseconds: in ms below one second, in s from there on."""
    number = as_number(ms)
    if number is None:
        return DASH
    return with_unit(number, "ms") if abs(number) < 999.5 else with_unit(number / 1000, "s")


def power(kw: Any) -> str:
    """A power given in kW: in MW from 10 MW on."""
    number = as_number(kw)
    if number is None:
        return DASH
    return with_unit(number, "kW") if abs(number) < 10_000 else with_unit(number / 1000, "MW")


def energy(kwh: Any) -> str:
    """An energy given in kWh: in MWh from 10 MWh on, in GWh from 10 GWh on."""
    number = as_number(kwh)
    if number is None:
        return DASH
    for limit, unit in ((1e4, "kWh"), (1e7, "MWh")):
        if abs(number) < limit:
            return with_unit(number / (limit / 1e4), unit)
    return with_unit(number / 1e6, "GWh")


def money(amount: Any, currency: str) -> str:
    """An amount of money: to the cent below 1000, whole from there on."""
    number = as_number(amount)
    if number is None:
        return DASH
    decimals = 2 if abs(number) < 999.995 else 0
    text = f"{number:,.{decimals}f}".replace(",", NARROW).replace("-", "−")
    return f"{text}{NARROW}{currency}" if currency else text


def mass(kg: Any) -> str:
    """A mass given in kg: in t from 10 t on."""
    number = as_number(kg)
    if number is None:
        return DASH
    return with_unit(number, "kg") if abs(number) < 10_000 else with_unit(number / 1000, "t")


def share(ratio: Any, digits: int = 3) -> str:
    """A ratio 0..1 in percent."""
    number = as_number(ratio)
    return DASH if number is None else f"{tick(number * 100, digits)}{NARROW}%"


def duration(seconds: Any) -> str:
    """A length of time in at most two units: ``45 s``, ``2 min 30 s``, ``7 d``."""
    number = as_number(seconds)
    if number is None:
        return DASH
    if 0 < abs(number) < 1:
        return with_unit(number * 1000, "ms")
    if abs(number) < 60:
        return with_unit(number, "s")
    if number < 0:
        return f"−{duration(-number)}"
    rest = round(number)
    parts = []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount}{NARROW}{unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def plural(n: Any, one: str, many: str | None = None) -> str:
    """``1 station``, ``2 stations``."""
    word = one if as_number(n) == 1 else (many or one + "s")
    return f"{count(n)}{NARROW if n is None else ' '}{word}"


def listed(items: list[str], last: str = "and") -> str:
    """``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def scalar(value: Any) -> str:
    """Any single value as text: numbers grouped, None a dash, truth as yes or no."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return figure(value, 4)
    return str(value)
