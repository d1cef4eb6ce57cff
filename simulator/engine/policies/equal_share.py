"""Equal share: max-min water-filling, one level for all.

What a vehicle cannot use (a small on-board charger, a tapering battery) is shared among the others.
Nobody gets less than its minimum: where the minima do not fit, some pause, and who pauses rotates.
"""

from typing import Any

NAME = "equal_share"
SUMMARY = "the same power for all who can use it; what one leaves over goes to the others"
ALLOCATOR = "fill"


def key(site: Any, evse: Any, now: float) -> float:
    """Equal weight for everybody."""
    return 1.0
