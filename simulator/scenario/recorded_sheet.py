"""Recorded sessions as written: columns while they are read, and the rows that could not be.

What every layout has in common. A row that cannot be read is counted and named with its place; it
never stops the reading and is never dropped in silence. The layouts are read in `recorded_csv` and
`recorded_json`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from simulator.scenario.problems import shown
from simulator.scenario.recorded_time import Stamp

DATE_AND_TIME = "a date and time"


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that could not be read."""

    place: str
    """``line 17`` or ``item 16``."""
    why: str


@dataclass(slots=True)
class Sheet:
    """The readable rows of a file as columns, in its order; stamps as they were written."""

    path: Path
    layout: str
    """In words, such as ``OCPI CDRs (JSON)``."""
    columns: dict[str, str] = field(default_factory=dict)
    """What was found where: role (start, end, energy, evse ...) to column or field."""
    zone: str | None = None
    """The time zone that the file itself names."""
    notes: list[str] = field(default_factory=list)
    place: list[str] = field(default_factory=list)
    session: list[str] = field(default_factory=list)
    evse: list[str] = field(default_factory=list)
    start: list[Stamp] = field(default_factory=list)
    end: list[Stamp] = field(default_factory=list)
    energy_kwh: list[float] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    dated: bool = True
    """Whether stamps are dates; not so for minutes since a start and for Unix times."""

    @property
    def rows(self) -> int:
        """Rows of the file, readable or not."""
        return len(self.place) + len(self.unread)

    def skip(self, place: str, where: str, value: object, expected: str) -> None:
        """Count a row that cannot be read."""
        found = f" is {shown(value)}," if value not in (None, "") else " is empty,"
        self.unread.append(Unread(place, f"{where}{found} expected {expected}"))

    def refuse(self, place: str, why: str) -> None:
        """Count a row that is wrong as a whole."""
        self.unread.append(Unread(place, why))

    def add(
        self, place: str, session: str, evse: str, start: Stamp, end: Stamp, energy_kwh: float
    ) -> None:
        """Keep a row."""
        self.place.append(place)
        self.session.append(session)
        self.evse.append(evse)
        self.start.append(start)
        self.end.append(end)
        self.energy_kwh.append(energy_kwh)


def read_energy(value: object) -> float | None:
    """A finite number of 0 or more from a number or a text; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        text = value.strip() if isinstance(value, str) else value
        if isinstance(text, str) and text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        number = float(text)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
