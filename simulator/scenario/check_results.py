"""Checks of what is counted: the warm-up must leave something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.scenario import units

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables
    from simulator.scenario.problems import Problem

_DAY_S = 86_400.0


def check_results(tables: Tables) -> Iterator[Problem]:
    """A warm-up is shorter than the run."""
    warmup = tables.quantity(units.DURATION, "scenario", "warmup")
    duration = tables.quantity(units.DURATION, "scenario", "duration")
    if duration is None and not tables.has("scenario", "duration"):
        duration = _DAY_S
    if warmup is not None and duration is not None and warmup >= duration:
        expected = f"less than the duration ({units.text(units.DURATION, duration)})"
        yield tables.problem(("scenario", "warmup"), expected)
