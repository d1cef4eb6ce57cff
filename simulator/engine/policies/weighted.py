"""Processor sharing by weight: max-min water-filling, twice the power for twice the weight.

As ``equal_share``, with a level that counts by weight: what a vehicle cannot use goes to the others
in proportion to theirs, nobody who charges gets less than the minimum, and who pauses rotates.
"""

from typing import Any

NAME = "weighted"
SUMMARY = "power in proportion to weight; what one leaves over goes to the others"
ALLOCATOR = "fill"


def key(site: Any, evse: Any, now: float) -> float:
    """The visit's weight."""
    return float(evse.weight)
