"""The visits of one site: EVs that turn up wanting energy, as columns.

A visit is an input of a run. What becomes of it (a session) is decided by the engine.
Columns, not objects: a year of a large network has ten million of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

NEUTRAL: dict[str, Any] = {
    "ready_s": 0.0,
    "weight": 1.0,
    "most_ahead": np.int32(-1),
    "discharge_kw": 0.0,
    "reserve_soc": 0.0,
    "next_visit": np.int32(-1),
    "used_soc": 0.0,
    "reserved_s": np.nan,
    "no_show": False,
    "manner": np.int8(0),
    "means": np.int8(0),
}
"""The optional columns, and what None means in each of them."""


class Manner(IntEnum):
    """How a driver deals with the station."""

    PLAIN = 0
    """Plugs in, presents a token; presents it again to stop, and unplugs."""
    PULLS = 1
    """Unplugs without having stopped the transaction."""
    TAPS_TWICE = 2
    """Presents the token again right after the start, which stops the transaction; begins anew."""
    REFUSED = 3
    """Plugs in, presents a token that is no good, and leaves."""
    WALKS_AWAY = 4
    """Presents a good token and never plugs in."""
    BLOCKED = 10
    """As REFUSED, with a token that the CSMS has blocked."""
    EXPIRED = 11
    """The same with one that is no longer valid."""
    REFUSED_AT_FIRST = 12
    """Presents a token that is no good and, a few seconds later, a good one; then as PLAIN."""
    BLOCKED_AT_FIRST = 13
    EXPIRED_AT_FIRST = 14


class Means(IntEnum):
    """By what a driver starts a charge, in the order of the scenario's shares."""

    CARD = 0
    """Presents a token."""
    APP = 1
    """Has the CSMS start from afar, and unplugs to stop."""
    BUTTON = 2
    """Presses a button: nobody is asked."""
    CONTRACT = 3
    """The car identifies itself by a contract certificate (2.x); unplugs to stop."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Charge curves of all vehicles, flattened: curve ``i`` is ``soc[offset[i]:offset[i + 1]]``.

    ``soc`` rises from 0 to 1; ``kw`` is the battery-side power that the vehicle accepts there.
    Curve 0 is the flat one (``inf`` kW): a vehicle of which only its maximum is known.
    """

    offset: I32
    soc: F64
    kw: F64


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits of one site, sorted by arrival. Every column has the same length.

    Times are seconds since the scenario's start; energies and capacities are battery side. A
    column that is None says the same of every visit (see ``NEUTRAL``).
    """

    arrival_s: F64
    departure_s: F64
    """Planned departure; ``inf`` for a driver who leaves when the car is done."""
    linger_s: F64
    """A driver who leaves when done goes this long after the end of charging; ``inf`` otherwise."""
    patience_s: F64
    """Longest wait in the queue; ``inf`` for a driver who waits until departure."""
    soc: F64
    """State of charge on arrival, 0..1."""
    target_soc: F64
    """State of charge wanted, ``soc``..1."""
    battery_kwh: F64
    ac_kw: F64
    ac_phases: I32
    dc_kw: F64
    """Largest DC power; 0 for a car without DC inlet."""
    efficiency_ac: F64
    efficiency_dc: F64
    curve: I32
    evse: I32
    """Index of the EVSE in the site that the visit must use (a trace), or -1 for any."""
    label: tuple[str, ...] | None
    """Session identifiers of a trace, or None."""
    curves: Curves
    ready_s: F64 | None = None
    """Not charged before (the car's own timer); None: at once, for every visit."""
    weight: F64 | None = None
    """Share or rank that a policy may go by, above 0; None: 1."""
    most_ahead: I32 | None = None
    """Drives on if more than these wait already; -1 (or None): never."""
    discharge_kw: F64 | None = None
    """Most power given back to the grid, grid side; None: 0."""
    reserve_soc: F64 | None = None
    """Never discharged below this; None: 0."""
    next_visit: I32 | None = None
    """Row of the same vehicle's next visit, whose charge follows from this one; -1: none."""
    used_soc: F64 | None = None
    """Charge used until that next visit, as a part of the battery."""
    reserved_s: F64 | None = None
    """When an EVSE is to be reserved for the visit, before its arrival; nan: no reservation."""
    no_show: NDArray[np.bool_] | None = None
    """Has a reservation and never comes."""
    manner: NDArray[np.int8] | None = None
    """`Manner` of each driver; None: all plain."""
    means: NDArray[np.int8] | None = None
    """`Means` of each driver; None: all by card."""

    def __len__(self) -> int:
        return len(self.arrival_s)

    def columns(self) -> Iterator[tuple[str, Any]]:
        """Name and values of every column that there is, except the labels."""
        for field in fields(self):
            if field.name not in ("label", "curves"):
                values = getattr(self, field.name)
                if values is not None:
                    yield field.name, values

    def take(self, rows: NDArray[np.int64]) -> Visits:
        """The visits at ``rows``, which rise; who has no next visit among them has none."""
        chosen: dict[str, Any] = {name: values[rows] for name, values in self.columns()}
        if self.next_visit is not None:
            place = np.full(len(self) + 1, -1, dtype=np.int32)  # the last: where -1 points
            place[rows] = np.arange(len(rows), dtype=np.int32)
            chosen["next_visit"] = place[chosen["next_visit"]]
        if self.label is not None:
            chosen["label"] = tuple(self.label[row] for row in rows)
        return replace(self, **chosen)


def merge(first: Visits, second: Visits) -> Visits:
    """Both sets in order of arrival, at equal times the first set's visits first.

    Raises ValueError if they do not share their table of curves, or have labels.
    """
    if first.curves is not second.curves or first.label is not None or second.label is not None:
        raise ValueError("only visits without labels that share their curves can be merged")
    order = np.argsort(np.concatenate((first.arrival_s, second.arrival_s)), kind="stable")
    has = {name for part in (first, second) for name, _ in part.columns()}
    merged: dict[str, Any] = {}
    for name in has:
        parts = []
        for part in (first, second):
            values = getattr(part, name)
            parts.append(np.full(len(part), NEUTRAL[name]) if values is None else values)
        merged[name] = np.concatenate(parts)[order]
    if "next_visit" in has:
        place = np.empty(len(order) + 1, dtype=np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        place[-1] = -1
        following = merged["next_visit"]
        later = (order >= len(first)) & (following >= 0)
        merged["next_visit"] = place[np.where(later, following + len(first), following)]
    return replace(first, **merged)
