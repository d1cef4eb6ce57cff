"""The visits of one site: EVs that turn up wanting energy, as columns.

A visit is an input of a run. What becomes of it (a session) is decided by the engine.
Columns, not objects: a year of a large network has ten million of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]


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

    Times are seconds since the scenario's start; energies and capacities are battery side.
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

    def __len__(self) -> int:
        return len(self.arrival_s)
