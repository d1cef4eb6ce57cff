"""Round robin: full power in turns, those first who have charged for the least time.

Every ``rotate`` the turn goes to those who have had power for the shortest time since they plugged
in. In between who has power keeps it, and what becomes free goes to those who have had least.
"""

from typing import Any

NAME = "round_robin"
SUMMARY = "full power in turns; who has charged for the shortest time comes next"
ALLOCATOR = "greedy"
TURNS = True

_AHEAD_S = 1e12


def key(site: Any, evse: Any, now: float) -> float:
    """Time with power, s; between turns those who have power come before all others."""
    if evse.paused:
        return float(evse.ran_s)
    ran_s = evse.ran_s + (now - evse.turn_s)
    return float(ran_s if site.turn else ran_s - _AHEAD_S)
