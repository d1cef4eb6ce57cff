"""Sessions of a trace while they are read, and the columns that they become.

What every layout has in common: which values are holes, and that each is reported with its place.
The layouts are read in `trace` (CSV) and `acn` (JSON).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.scenario.problems import InputError, Problem, nearest, shown

F64 = NDArray[np.float64]

HIGHEST = 5000.0
"""Above it a figure is taken for a slip of units (Wh, W): ships and lorries stay below."""


@dataclass(frozen=True, slots=True)
class TraceTable:
    """Sessions in the order of the file; every column has the same length.

    Times are plan seconds, energies kWh and powers kW on the grid side. A power that was not
    recorded is ``inf``: then the EVSE sets it.
    """

    session_id: list[str]
    evse: list[str]
    arrival_s: F64
    departure_s: F64
    energy_kwh: F64
    max_kw: F64
    source: Path

    def __len__(self) -> int:
        return len(self.session_id)


@dataclass(slots=True)
class Row:
    """A session while it is read; ``place`` finds it in the file."""

    session_id: str
    evse: str
    arrival: float
    departure: float
    energy_kwh: float
    max_kw: float


@dataclass(slots=True)
class Reading:
    """What has been read and what was wrong with it."""

    label: str
    known: Collection[str] | None
    """EVSE names of the site; None if EVSEs that it lacks are made."""
    site: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _first: dict[str, str] = field(default_factory=dict)
    _missing: set[str] = field(default_factory=set)

    def wrong(self, where: str, value: str | None, expected: str, near: str | None = None) -> None:
        """Report a mistake."""
        self.problems.append(Problem(self.label, where, value, expected, near))

    def number(self, where: str, text: object, what: str, *, zero: bool) -> float:
        """A number from 0 (above it unless ``zero``) to `HIGHEST`; nan if it is not."""
        value = math.nan
        if isinstance(text, str | int | float) and not isinstance(text, bool):
            try:
                value = float(text)
            except (ValueError, OverflowError):
                value = math.nan
        if 0 < value <= HIGHEST or (zero and value == 0):
            return value
        expected, near = f"{what} {'of 0 or more' if zero else 'above 0'}", None
        if HIGHEST < value < math.inf:
            expected = f"{what} of at most {HIGHEST:g}"
            near = f"{value / 1000:g}" if value / 1000 <= HIGHEST else None
        self.wrong(where, shown(text) if text is not None and text != "" else None, expected, near)
        return math.nan

    def session(self, where: str, place: str, name: object) -> str:
        """A session identifier, once in the file."""
        if not isinstance(name, str) or not name.strip():
            self.wrong(where, None, "a session identifier")
            return ""
        name = name.strip()
        if name in self._first:
            expected = f"an identifier of its own ({self._first[name]} has it)"
            self.wrong(where, shown(name), expected)
        self._first.setdefault(name, place)
        return name

    def evse(self, where: str, name: object) -> str:
        """An EVSE of the site."""
        if not isinstance(name, str) or not name.strip():
            self.wrong(where, None, "the name of an EVSE")
            return ""
        name = name.strip()
        if self.known is not None and name not in self.known and name not in self._missing:
            self._missing.add(name)
            near = nearest(name, self.known)
            expected = f"one of the {len(self.known)} EVSEs of the site {self.site!r}"
            self.wrong(where, shown(name), f'{expected}, or trace.missing_evse = "create"', near)
        return name

    def finish(self, source: Path) -> TraceTable:
        """The table. Raises InputError with every mistake."""
        if not self.rows and not self.problems:
            self.wrong("", None, "at least one session")
        if self.problems:
            raise InputError(self.problems)
        return TraceTable(
            session_id=[row.session_id for row in self.rows],
            evse=[row.evse for row in self.rows],
            arrival_s=np.array([row.arrival for row in self.rows], dtype=np.float64),
            departure_s=np.array([row.departure for row in self.rows], dtype=np.float64),
            energy_kwh=np.array([row.energy_kwh for row in self.rows], dtype=np.float64),
            max_kw=np.array([row.max_kw for row in self.rows], dtype=np.float64),
            source=source,
        )
