"""An arrival profile as the text of a profile file, which `profiles` reads back.

Called by the calibration of the public API.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

from simulator.scenario.problems import Problem, ScenarioError
from simulator.scenario.profile_build import build_arrivals
from simulator.scenario.profile_model import ArrivalFile, ArrivalProfile
from simulator.scenario.profiles import names

_WIDTH = 96


def arrival_text(file: ArrivalFile, heading: Sequence[str]) -> str:
    """The profile as TOML; ``heading`` are lines of comment above it."""
    lines = [f"# {line}".rstrip() for line in heading]
    lines += ["", f"source = {_text(file.source)}", f"description = {_text(file.description)}"]
    if file.assumptions:
        lines += ["assumptions = [", *(f"  {_text(a)}," for a in file.assumptions), "]"]
    lines.append("")
    for field, note in (
        ("weekday", "Share of a weekday's arrivals per hour 0..23, local time."),
        ("weekend", "Share of a weekend day's arrivals per hour."),
        ("day_of_week", "Share of the week's arrivals per day, Monday first."),
        ("hour_of_week", "Relative arrivals per hour of the week, Monday 00 h local time first."),
    ):
        values = getattr(file, field)
        if values is not None:
            lines += [f"# {note}", f"{field} = {_numbers(values)}"]
    if file.energy_ln_kwh is not None:
        lines += ["", "# Mean and deviation of ln kWh, grid side.",
                  f"energy_ln_kwh = {_numbers(file.energy_ln_kwh)}"]  # fmt: skip
    if file.rho:
        lines.append(f"rho = {file.rho!r}  # of the logarithms of energy and stay")
    stay = file.stay
    if stay is not None and stay.ln_hours is not None:
        lines += ["", "[stay]", f"ln_hours = {_numbers(stay.ln_hours)}"]
    elif stay is not None and stay.ln_hours_by_hour is not None:
        pairs = enumerate(stay.ln_hours_by_hour)
        lines += ["", "[stay]", "# Mean and deviation of ln hours, by hour of arrival 0..23.",
                  "ln_hours_by_hour = ["]  # fmt: skip
        lines += [f"  {_numbers(pair)},  # {hour:02} h" for hour, pair in pairs]
        lines.append("]")
    return "\n".join(lines) + "\n"


def profile_of(name: str, text: str) -> ArrivalProfile:
    """The profile that ``text`` is, as it would be read from ``<name>.toml``.

    Raises ScenarioError where the text is no whole arrival profile.
    """

    def wrong(loc: tuple[str | int, ...], expected: str) -> Problem:
        return Problem(f"{name}.toml", ".".join(map(str, loc)), None, expected)

    return build_arrivals(name, ArrivalFile.model_validate(tomllib.loads(text)), wrong)


def check_name(path: Path) -> None:
    """Raise ScenarioError if a profile in this file could not be used under its name."""
    if path.suffix != ".toml":
        expected = "a file name that ends in .toml"
        raise ScenarioError([Problem("", "--out", repr(str(path)), expected)])
    if path.stem in names("arrivals"):
        expected = f"a name that is not taken: an arrival profile {path.stem!r} is shipped"
        raise ScenarioError([Problem("", "--out", repr(str(path)), expected)])


def _text(text: str) -> str:
    """A basic string of TOML: JSON's escapes are among its own."""
    return json.dumps(text.replace("\x7f", ""), ensure_ascii=False)


def _numbers(values: Sequence[float]) -> str:
    """An array, wrapped where it is long."""
    items = [repr(float(value)) for value in values]
    one = f"[{', '.join(items)}]"
    if len(one) <= _WIDTH:
        return one
    rows = [items[k : k + 12] for k in range(0, len(items), 12)]
    return "[\n" + "".join(f"  {', '.join(row)},\n" for row in rows) + "]"
