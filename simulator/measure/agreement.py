"""What a plan determines of the calls of a run, and how far the rest may be off.

The rule by which a prediction is held against what was measured. Called by ``live`` to judge a run
and by ``report`` to say how it was judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

EXACT: Final = ("Authorize", "StartTransaction", "StopTransaction", "StatusNotification")
"""Calls whose number at each station the plan determines, as long as the target is without faults
and answers in time."""
PER_SESSION: Final = ("TransactionEvent",)
"""Calls that may be one off in each session: a meter value is due just before its end or after."""


def allowance(action: str, sessions: int) -> int | None:
    """How many calls a station with so many sessions may be off; None: nothing is said of them."""
    if action in EXACT:
        return 0
    return sessions if action in PER_SESSION else None


def judged(actions: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those of the actions that must be equal, and those that may be one off in each session."""
    found = set(actions)
    return (
        tuple(action for action in EXACT if action in found),
        tuple(action for action in PER_SESSION if action in found),
    )
