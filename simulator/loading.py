"""Scenarios for the public functions: read with the names that this program knows, and varied.

``scenario`` imports nothing of ours, so the names of policies, controllers and events, and the
checks of other rooms, are handed to it here. Called by ``api``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.scenario import Scenario, StationModel


def load_scenario(
    path: str | Path,
    *,
    sets: Sequence[str] = (),
    seed: int | None = None,
    csms: str | None = None,
) -> Scenario:
    """Read a scenario file (or a shipped one by its name) with everything that it names.

    ``sets`` are ``path=value`` overrides as on the command line. Raises ScenarioError with every
    mistake found; for a trace or an inventory InputError.
    """
    from simulator.scenario import load_scenario as load

    sets = [sets] if isinstance(sets, str) else sets
    return load(
        path,
        sets=sets,
        **known_names(),
        presets=_presets,
        boot_script=_boot_script,
        seed=seed,
        csms_url=csms,
    )


def _presets(model: StationModel) -> Iterable[tuple[tuple[str | int, ...], str, str | None]]:
    """What a station model presets and no station of ours can have; loaded for those who ask."""
    from simulator.fleet.presets import mistakes

    return mistakes(model)


def _boot_script(path: Path) -> object:
    """Read what the embedded CSMS is to send after a boot; loaded for those who ask."""
    from simulator.csms.onboot import read

    return read(path)


def json_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file, with the names that this version knows."""
    from simulator.scenario import json_schema as schema

    return schema(**known_names())


def known_names() -> dict[str, Any]:
    """What a scenario may name: policies, and controllers and events with their options."""
    from simulator.charging.controllers import catalogue
    from simulator.engine.events import KINDS
    from simulator.engine.policies import NAMES

    return {"policies": NAMES, "controllers": catalogue(), "events": KINDS}


def prepared(scenario: Scenario | str | Path, seed: int | None) -> Scenario:
    """A scenario, read if it is a path, with another seed if one is given."""
    loaded = load_scenario(scenario) if isinstance(scenario, str | Path) else scenario
    return loaded if seed is None else loaded.replace(seed=seed)


def seconds_of(duration: str | float) -> float:
    """A duration as text with a unit, or in seconds. Raises ScenarioError."""
    if isinstance(duration, int | float):
        return float(duration)
    from simulator.scenario import Problem, ScenarioError
    from simulator.scenario.fields import LONGEST_S
    from simulator.scenario.problems import FieldError
    from simulator.scenario.units import DURATION, parse, text

    try:
        seconds = parse(DURATION, duration)
        if not 0 < seconds <= LONGEST_S:
            raise FieldError(f"a duration above 0, of at most {text(DURATION, LONGEST_S)}")
    except FieldError as error:
        problem = Problem("", "duration", repr(duration), error.expected, error.suggestion)
        raise ScenarioError([problem]) from None
    return seconds


def variant(
    scenario: Scenario | str | Path, seed: int | None, duration: str | float | None
) -> Scenario:
    """A scenario, read if it is a path, with another seed or length if they are given."""
    loaded = prepared(scenario, seed)
    return loaded if duration is None else loaded.replace(duration_s=seconds_of(duration))
