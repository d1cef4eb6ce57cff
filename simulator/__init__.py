"""chargeswarm: simulate a charging network, and run the same network live against a CSMS.

The public API. Importing it is cheap: every name is loaded when it is first used.

    from simulator import load_scenario, simulate, run_live

    scenario = load_scenario("city-launch")
    week = simulate(scenario, duration="7d")
    week.load.plot()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "load_scenario": "simulator.api",
    "simulate": "simulator.api",
    "compare": "simulator.api",
    "sweep": "simulator.api",
    "run_live": "simulator.api",
    "preflight": "simulator.api",
    "open_run": "simulator.api",
    "calibrate_arrivals": "simulator.calibration",
    "Result": "simulator.api",
    "Scenario": "simulator.scenario",
    "ScenarioError": "simulator.scenario",
    "InputError": "simulator.scenario",
}

__all__ = [
    "InputError",
    "Result",
    "Scenario",
    "ScenarioError",
    "__version__",
    "calibrate_arrivals",
    "compare",
    "load_scenario",
    "open_run",
    "preflight",
    "run_live",
    "simulate",
    "sweep",
]

if TYPE_CHECKING:
    from simulator.api import (
        Result,
        compare,
        load_scenario,
        open_run,
        preflight,
        run_live,
        simulate,
        sweep,
    )
    from simulator.calibration import calibrate_arrivals
    from simulator.scenario import InputError, Scenario, ScenarioError


def __getattr__(name: str) -> Any:
    """Load a public name from its room on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'simulator' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
