"""The scenario file as typed models; every input file is read here, and nothing of ours imported.

Importing this package is cheap: what it names is loaded when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.scenario.inventory import InventoryStation, InventoryToken
    from simulator.scenario.loader import load_scenario
    from simulator.scenario.model import ScenarioFile
    from simulator.scenario.network import Network, SiteInstance, StationInstance
    from simulator.scenario.problems import InputError, Problem, ScenarioError
    from simulator.scenario.profile_model import ArrivalProfile, StationModel, Vehicle, VehicleMix
    from simulator.scenario.profiles import (
        find_profile,
        list_profiles,
        list_scenarios,
        load_profile,
    )
    from simulator.scenario.scenario import Scenario
    from simulator.scenario.schema import json_schema
    from simulator.scenario.sessions import TraceTable
    from simulator.scenario.site_model import Site
    from simulator.scenario.slo import Clause

_WHERE = {
    "ArrivalProfile": "profile_model",
    "Clause": "slo",
    "InputError": "problems",
    "InventoryStation": "inventory",
    "InventoryToken": "inventory",
    "Network": "network",
    "Problem": "problems",
    "Scenario": "scenario",
    "ScenarioError": "problems",
    "ScenarioFile": "model",
    "Site": "site_model",
    "SiteInstance": "network",
    "StationInstance": "network",
    "StationModel": "profile_model",
    "TraceTable": "sessions",
    "Vehicle": "profile_model",
    "VehicleMix": "profile_model",
    "find_profile": "profiles",
    "json_schema": "schema",
    "list_profiles": "profiles",
    "list_scenarios": "profiles",
    "load_profile": "profiles",
    "load_scenario": "loader",
}

__all__ = [
    "ArrivalProfile",
    "Clause",
    "InputError",
    "InventoryStation",
    "InventoryToken",
    "Network",
    "Problem",
    "Scenario",
    "ScenarioError",
    "ScenarioFile",
    "Site",
    "SiteInstance",
    "StationInstance",
    "StationModel",
    "TraceTable",
    "Vehicle",
    "VehicleMix",
    "find_profile",
    "json_schema",
    "list_profiles",
    "list_scenarios",
    "load_profile",
    "load_scenario",
]


def __getattr__(name: str) -> object:
    """Load what is asked for."""
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
