"""Earliest deadline first: full power in the order of planned departure, as far as the limits go.

A driver who leaves when the car is done has no planned departure and comes last.
"""

from typing import Any

NAME = "edf"
SUMMARY = "full power in the order of planned departure"
ALLOCATOR = "greedy"


def key(site: Any, evse: Any, now: float) -> float:
    """Planned departure."""
    return float(evse.departure_s)
