"""What the engine decided: the sessions, caps and load of every site.

Plain columns without behaviour, so that the fleet, the prediction and the tables read them without
simpy or numba. EVSEs of a site are numbered 0..n-1 in station order; ``evse_station`` and
``evse_number`` lead back to the station (index in the site) and to its connector (1-based).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simulator.demand.visits import Visits
    from simulator.engine.costs import SiteCosts
    from simulator.scenario import SiteInstance

Caps = Literal["none", "pauses", "all"]
"""Which caps the engine keeps: none, only where a vehicle pauses or goes on, or all of them."""

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]


class Outcome(IntEnum):
    """What became of a visit."""

    SERVED = 0
    """Plugged in and left (with or without all the energy wanted)."""
    RUNNING = 1
    """Still plugged in at the horizon."""
    WAITING = 2
    """Still in the queue at the horizon."""
    BLOCKED = 3
    """Found no free EVSE and no place in the queue."""
    RENEGED = 4
    """Left the queue: out of patience, or the planned departure came first."""
    UNSUITABLE = 5
    """No EVSE of the site fits the vehicle."""
    FUTURE = 6
    """Arrives after the horizon."""
    BALKED = 7
    """Saw the queue and drove on."""
    FAILED = 8
    """The station broke down while it was plugged in."""
    NO_SHOW = 9
    """Had a reservation and never came."""


def _none() -> F64:
    return np.zeros(0)


class Outage(NamedTuple):
    """A time without service."""

    evse: int
    """Index of the EVSE, or -1: the whole site had no power."""
    from_s: float
    to_s: float
    """``nan`` if it lasts beyond the horizon."""


@dataclass(frozen=True, slots=True)
class SitePlan:
    """One row per visit of the site, in order of arrival (the columns of ``visits`` run alongside).

    Times in plan seconds, ``nan`` where it did not happen; energies grid side in kWh.
    """

    outcome: I32
    evse: I32
    """Index of the EVSE used, -1 if none."""
    plug_in_s: F64
    unplug_s: F64
    """When the vehicle left; ``nan`` for one that is still plugged in at the horizon."""
    charge_end_s: F64
    """When the target was reached; ``nan`` if it never was."""
    limit_kw: F64
    """Largest grid-side power of this pairing of vehicle and EVSE."""
    min_kw: F64
    """Below this the car pauses (AC: 6 A on its phases)."""
    efficiency: F64
    """Battery side / grid side for this pairing, the station's own included."""
    energy_kwh: F64
    """Drawn from the grid less given back."""
    unserved_kwh: F64
    """Grid-side energy wanted and not delivered, of visits that are over."""
    soc_end: F64
    cap_offset: NDArray[np.int64]
    """Caps of visit i: rows ``cap_offset[i]:cap_offset[i + 1]`` (none unless recorded)."""
    cap_s: F64
    cap_kw: F64
    """The first cap of a session stands at its plug-in; each holds until the next. Below 0: the
    vehicle discharges."""
    soc_start: F64 = field(default_factory=_none)
    """State of charge at arrival (a vehicle's later visits begin with what earlier ones left)."""
    target_soc: F64 = field(default_factory=_none)
    charged_kwh: F64 = field(default_factory=_none)
    """Drawn from the grid."""
    discharged_kwh: F64 = field(default_factory=_none)
    """Given back to the grid."""
    losses_kwh: F64 = field(default_factory=_none)
    """What of it reached neither battery nor grid: ``energy_kwh`` less the battery's gain."""
    rerouted: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Went on to another site and is a visit there; what it wanted is unserved there if at all."""
    cost: F64 = field(default_factory=_none)
    """Energy times its price at the time, less what was paid for energy given back; 0 unpriced."""
    carbon_kg: F64 = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class BatteryLedger:
    """What went through a stationary battery: in = out + lost + gained, to rounding."""

    charged_kwh: float
    """Grid side."""
    discharged_kwh: float
    """Grid side."""
    lost_kwh: float
    gained_kwh: float
    """Stored at the horizon less stored at the start."""
    soc_start: float
    soc_end: float


@dataclass(frozen=True, slots=True)
class SiteResult:
    """A site's plan with the load that follows from it."""

    site: SiteInstance
    visits: Visits
    """In order of arrival, with those that were added; with the states of charge as they came."""
    plan: SitePlan
    evse_station: I32
    evse_number: I32
    evse_kw: F64
    load_kwh: F64
    """Exact grid-side energy of the vehicles per recording interval (net), shape (intervals,)."""
    occupied_s: F64
    """EVSE-seconds occupied per interval."""
    queue_s: F64
    """Vehicle-seconds spent waiting per interval."""
    peak_kw: float
    """Largest instantaneous power, exact at every event."""
    peak_s: float
    events: int
    limit_bound_s: float
    """Seconds during which a limit of the grid connection or of the tree below it held somebody
    back (a station's own power aside)."""
    evse_energy_kwh: F64
    evse_occupied_s: F64
    grid_bound_s: float = 0.0
    """Of these, those of the power of the grid connection."""
    net_peak_kw: float = 0.0
    """Largest instantaneous power of vehicles and other load together; 0 if none was drawn."""
    net_peak_s: float = 0.0
    base_kwh: F64 = field(default_factory=_none)
    """Other load of the site per interval: building and standby, less PV and battery."""
    standby_kwh: float = 0.0
    """The stations' own consumption after a warm-up (part of ``base_kwh``)."""
    node_bound_s: F64 = field(default_factory=_none)
    """Seconds during which each limit below the site's held somebody back."""
    outages: tuple[Outage, ...] = ()
    evse_kwh: F64 = field(default_factory=lambda: np.zeros((0, 0)))
    """Load by EVSE, shape (EVSEs, intervals), where EVSEs are recorded; else (0, intervals)."""
    station_peak_kw: F64 = field(default_factory=_none)
    """Largest instantaneous power by station, where EVSEs are recorded; else empty."""
    pv_kwh: F64 = field(default_factory=_none)
    """Photovoltaic energy per interval, where the site has any (taken off ``base_kwh``)."""
    battery_kwh: F64 = field(default_factory=_none)
    """Energy into the stationary battery per interval (below 0: out of it; part of
    ``base_kwh``), where the site has one."""
    battery: BatteryLedger | None = None
    """After a warm-up, like the costs."""
    costs: SiteCosts | None = None
    """The site's books, where it has other load, a tariff, or an intensity of carbon."""


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What a run of the engine hands back: every site, and what the run cost."""

    sites: tuple[SiteResult, ...]
    duration_s: float
    interval_s: float
    events: int
    kernel_s: float
    """Seconds spent in the compiled kernel."""
    compile_s: float
    """Seconds spent compiling before the first event (0 when the cache was warm)."""
    notes: tuple[str, ...] = ()
    """What a reader must know of the run, in sentences."""
