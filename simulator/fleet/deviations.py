"""What went otherwise than planned, because of what the CSMS did or how long it took.

Arrivals and departures are never among it: who comes when is the plan's. One ``Deviations`` per
shard, shared by its stations; counts are complete, rows are kept up to a limit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KEPT: Final = 1000


class Kind(StrEnum):
    """Ways in which a visit can differ from its plan."""

    LATE_BEGIN = "late_begin"
    """The car could plug in only later: the station was not accepted yet, or its EVSE not free."""
    MISSED = "missed"
    """The whole visit passed before the car could plug in."""
    LATE_START = "late_start"
    """The authorisation was answered so late that charging was worked out anew."""
    NOT_STARTED = "not_started"
    """No transaction by the planned end: token refused, or no answer in time."""
    NOT_REFUSED = "not_refused"
    """A token that is no good was accepted."""
    STOPPED_EARLY = "stopped_early"
    """The transaction ended before the driver ended it: remote stop, refused token, reset."""
    CUT_OFF = "cut_off"
    """A power cut ended the transaction before the driver did."""
    CHARGED_ON = "charged_on"
    """After a power cut, in a transaction of its own."""
    LIMITED = "limited"
    """A charging profile gave less than the plan would have; told once for a visit."""
    UNPLANNED_START = "unplanned_start"
    """A transaction that no driver began (remote start)."""
    PLAYED_TRANSFER = "played_transfer"
    """Firmware or a log was not transferred: only the time passed that it would take."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One of them."""

    at_s: float
    """Run seconds."""
    station: int
    """Index in the shard."""
    evse: int
    kind: Kind
    late_s: float
    """How late, where that is what happened; else 0."""


class Deviations:
    """The deviations of one shard."""

    __slots__ = ("counts", "rows")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows: list[Deviation] = []

    def add(self, at_s: float, station: int, evse: int, kind: Kind, late_s: float = 0.0) -> None:
        """Count one, and keep it while there is room."""
        self.counts[kind.value] += 1
        if len(self.rows) < KEPT:
            self.rows.append(Deviation(at_s, station, evse, kind, late_s))

    def stations(self) -> set[int]:
        """Stations with a kept deviation."""
        return {row.station for row in self.rows}
