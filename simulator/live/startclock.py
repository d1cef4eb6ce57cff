"""When a run may begin, if its scenario wants a quarter of an hour to strike at a moment of it.

What a fleet does by the clock cannot be moved to where a run would have it: the start waits for the
clock instead (``live.quarter_hour_at``). Pure; ``supervise`` waits, ``run`` and ``readiness`` ask
when T0 will be.
"""

from __future__ import annotations

from typing import Final

QUARTER_S: Final = 900.0


def start_epoch(earliest_s: float, quarter_hour_at_s: float | None) -> float:
    """Unix time of T0: the first at or after ``earliest_s`` that suits; None: that itself."""
    if quarter_hour_at_s is None:
        return earliest_s
    return earliest_s + (-(earliest_s + quarter_hour_at_s)) % QUARTER_S
