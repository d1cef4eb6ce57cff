"""Uncontrolled charging: everybody takes what the vehicle and the EVSE allow.

Limits hold even so. Where they bind, who plugged in first keeps what it takes; who comes later gets
what is left, and waits with its charging where that is less than its minimum. Nobody takes turns.
"""

from typing import Any

NAME = "uncontrolled"
SUMMARY = "full power for all; where a limit binds, first come, first served"
ALLOCATOR = "greedy"


def key(site: Any, evse: Any, now: float) -> float:
    """Order of plugging in (seconds since the scenario's start)."""
    return float(evse.plug_in_s)
