"""First come, first served: full power in the order of plugging in, as far as the limits go.

The order that ``uncontrolled`` falls back on where a limit binds, under the name that it has among
scheduling policies. Whose minimum does not fit in what is left waits.
"""

from typing import Any

NAME = "fcfs"
SUMMARY = "full power in the order of plugging in"
ALLOCATOR = "greedy"


def key(site: Any, evse: Any, now: float) -> float:
    """Time of plugging in."""
    return float(evse.plug_in_s)
