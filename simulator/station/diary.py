"""The station's diary: what happened to it last, for whoever asks for its diagnostics.

A short list, made when first needed and bounded, of the rare events alone: meter values and
heartbeats would push everything else out. ``lines`` writes it, logs.py uploads it.
"""

from __future__ import annotations

from typing import Final

from simulator.station.events import Event
from simulator.station.state import State

MOST: Final = 48
"""Entries kept."""
ROUTINE: Final = frozenset(
    (
        Event.CLOCK_ALIGNED,
        Event.CLOCK_ALIGNED_IDLE,
        Event.HEARTBEAT,
        Event.OPERATIVE,
        Event.SAMPLED,
        Event.TRIGGERED,
        Event.REPORT,
        Event.MONITORED,
        Event.MONITORING_REPORTED,
        Event.DISPLAY_REPORTED,
        Event.CUSTOMER_REPORTED,
        Event.PROFILES_REPORTED,
    )
)
"""Too frequent to be kept."""


def note(st: State, now: float, what: str, evse: int = 0) -> None:
    """Write down what happened, at an EVSE or (0) to the station."""
    diary = st.diary
    if diary is None:
        diary = st.diary = []
    elif len(diary) >= MOST:
        del diary[0]
    diary.append((st.clock_zero + now, what, evse))
