"""Least laxity first: full power for those who can least wait.

The laxity of a vehicle is the time that it could still spare: what is left until its planned
departure, less the time that its remaining energy takes at its full power (the pairing's limit; a
battery that tapers takes longer than that). It shrinks while a vehicle waits and stays as it is
while it charges at full power, so the order changes with time: it is looked at again at every
event, and every ``policy_interval`` while a limit holds somebody back.
"""

from typing import Any

NAME = "llf"
SUMMARY = "full power for those with the least time to spare"
ALLOCATOR = "greedy"
CHANGES = True


def key(site: Any, evse: Any, now: float) -> float:
    """Laxity, s."""
    remaining_kwh = (evse.target_soc - evse.soc_now) * evse.capacity_kwh
    return float(evse.departure_s - now - 3600.0 * remaining_kwh / evse.limit_kw)
