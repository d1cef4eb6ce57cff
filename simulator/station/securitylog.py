"""The security log (A04.FR.04): rolling, bounded, and made when something happens.

``security.note`` writes into it and tells what is critical; what is not critical is written
straight here, also by the RPC engine, which knows nothing of notices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.station.state import State

MOST: Final = 64
"""Entries kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One security event; ``at`` is epoch seconds."""

    at: float
    type: str
    info: str


class Security:
    """What a station remembers of it."""

    __slots__ = ("log", "suspected")

    def __init__(self) -> None:
        self.log: list[Entry] = []
        self.suspected: frozenset[str] = frozenset()
        """Events of attempts to connect since the last connection."""


def record(st: State, now: float, type_: str, info: str = "") -> Entry:
    """Write one down."""
    if st.security is None:
        st.security = Security()
    log = st.security.log
    if len(log) >= MOST:
        del log[0]
    entry = Entry(st.clock_zero + now, type_, info)
    log.append(entry)
    return entry
