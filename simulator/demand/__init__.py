"""Demand: who turns up at a site, when, and what they want.

Visits come from a Poisson process with an hour-of-week profile, or from a trace. This room knows no
clock, no OCPP and no files.
"""

from __future__ import annotations

from simulator.demand.draw import draw_visits
from simulator.demand.draws import Draws, generator, key64
from simulator.demand.trace import TraceNotice, trace_notice
from simulator.demand.visits import Curves, Visits

__all__ = [
    "Curves",
    "Draws",
    "TraceNotice",
    "Visits",
    "draw_visits",
    "generator",
    "key64",
    "trace_notice",
]
