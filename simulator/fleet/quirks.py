"""What the quirks of station models do to predicted messages.

Late statuses are counted later, and not at all where they would leave after the end: what a station
holds back then is never sent. (One that is held back when the power goes is never sent either, and
is counted.) A station that skips Finishing has one status less per session. Heartbeats on a fixed
timer are counted by ``tally.silences``. The other quirks change no numbers while the connection
holds: readings by a drifting clock may fall on the other side of the end, one per EVSE.

Works on the columns of stays; the counterpart of ``station.quirks``. Called by ``predict``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.agenda import Happenings, Stays
from simulator.station.events import Event

if TYPE_CHECKING:
    from simulator.scenario import StationModel

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]

_STATUSES: Final = frozenset((Event.PLUGGED_IN, Event.FINISHING, Event.UNPLUGGED))
_STATUSES_16: Final = frozenset((Event.CHARGING, Event.SUSPENDED_EV, Event.SUSPENDED_EVSE))
"""What versions 2.x tell by the transaction, at once."""


@dataclass(frozen=True, slots=True)
class StationQuirks:
    """The quirks of each station that the prediction goes by, as columns."""

    delay_s: F64
    skips_finishing: Flags
    fixed_heartbeat: Flags
    is_16: Flags

    @classmethod
    def of(cls, models: Sequence[StationModel], versions: Sequence[str]) -> StationQuirks:
        """Of stations of these models that speak these versions."""
        quirks = [model.quirks for model in models]
        is_16 = np.array([version == "1.6" for version in versions], dtype=bool)
        return cls(
            np.array([quirk.status_delay for quirk in quirks], np.float64),
            np.array([quirk.skips_finishing for quirk in quirks], dtype=bool) & is_16,
            np.array([quirk.fixed_heartbeat for quirk in quirks], dtype=bool),
            is_16,
        )

    def applied(self, events: list[Happenings], stays: Stays, end_s: float) -> list[Happenings]:
        """The events of stays as these stations tell them, up to ``end_s``."""
        if not self.delay_s.any() and not self.skips_finishing.any():
            return events
        free = np.zeros(len(stays), dtype=bool)
        # Available was told instead of Finishing there, and is not told again.
        for group in events:
            if group.event is Event.FINISHING:
                free[group.row] = self.skips_finishing[stays.station[group.row]]
        found = []
        for group in events:
            station = stays.station[group.row]
            at_s, keep = group.at_s, np.ones(len(group.row), dtype=bool)
            if group.event in _STATUSES or group.event in _STATUSES_16:
                late_s = self.delay_s[station]
                if group.event in _STATUSES_16:
                    late_s = np.where(self.is_16[station], late_s, 0.0)
                at_s = at_s + late_s
                keep &= (late_s == 0.0) | (at_s <= end_s)
            if group.event is Event.UNPLUGGED:
                keep &= ~free[group.row]
            found.append(replace(group, at_s=at_s[keep], row=group.row[keep]))
        return found
