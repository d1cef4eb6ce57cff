"""Priority: full power by weight, heaviest first; among equals who plugged in first."""

from typing import Any

NAME = "priority"
SUMMARY = "full power for those of most weight, then in the order of plugging in"
ALLOCATOR = "greedy"

_APART_S = 1e10
"""Puts weights that differ by 0.01 further apart than three years of plugging in."""


def key(site: Any, evse: Any, now: float) -> float:
    """Time of plugging in, far earlier for more weight."""
    return float(evse.plug_in_s - evse.weight * _APART_S)
