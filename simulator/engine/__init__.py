"""The discrete-event engine: visits in, sessions and load out.

``simulate_network`` runs a whole network, ``simulate_site`` one site by itself. simpy carries what
is rare (days, processes of the user's), a compiled kernel what is frequent (``kernel``). Importing
this package is cheap; simpy and numba are loaded when something runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.engine.plan import EngineResult, Outage, Outcome, SitePlan, SiteResult

if TYPE_CHECKING:
    from simulator.engine.site import simulate_site
    from simulator.engine.view import SiteView
    from simulator.engine.world import SiteHandle, World, simulate_network

__all__ = [
    "EngineResult",
    "Outage",
    "Outcome",
    "SiteHandle",
    "SitePlan",
    "SiteResult",
    "SiteView",
    "World",
    "simulate_network",
    "simulate_site",
]

_HOME = {
    "SiteHandle": "simulator.engine.world",
    "SiteView": "simulator.engine.view",
    "World": "simulator.engine.world",
    "simulate_network": "simulator.engine.world",
    "simulate_site": "simulator.engine.site",
}


def __getattr__(name: str) -> Any:
    """Load a name that needs simpy or numba on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
