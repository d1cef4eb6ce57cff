"""What a controller sees of a site: arrays for all its EVSEs at one moment, and nothing else.

Copies: whoever reads them can change nothing. The same columns can be filled from the messages of
real stations, so that a controller runs unchanged on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simulator.engine.kernel.state import State

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SiteView:
    """A site at ``now_s``. One row per EVSE; columns of the vehicle hold where ``occupied``.

    Powers and energies on the grid side. Where nobody is plugged in they are 0, the SoC too.
    """

    now_s: float
    grid_kw: float
    """Limit of the grid connection in force (``inf`` without one)."""
    site_limit_kw: float
    """What the vehicles together may draw: the grid limit less the other load, 0 at least."""
    base_kw: float
    """Other load at this moment: building and standby, less PV and battery."""
    node_limit_kw: F64
    """Limits between the site's and the stations', in force."""
    evse_kw: F64
    """Rating of the EVSE."""
    station: I32
    """Which station of the site it belongs to."""
    station_kw: F64
    """Rating of that station."""
    out: Bools
    """Out of service."""
    occupied: Bools
    active: Bools
    """Takes part in the sharing: plugged in, its timer over, below its target or asked to give."""
    visit: I32
    """Row of the visit, -1 if nobody is plugged in."""
    plug_in_s: F64
    departure_s: F64
    """Planned; ``inf`` for a driver who leaves when the car is done."""
    ready_s: F64
    """When the car's own timer lets it charge; ``inf`` if none is running."""
    soc: F64
    target_soc: F64
    reserve_soc: F64
    capacity_kwh: F64
    """Grid-side energy that fills the empty battery (battery / efficiency)."""
    efficiency: F64
    needed_kwh: F64
    """To the target, grid side."""
    limit_kw: F64
    """Most that this pairing of vehicle and EVSE can draw."""
    min_kw: F64
    discharge_kw: F64
    """Most that it can give back; 0 for a vehicle that cannot."""
    control_kw: F64
    """The controller's limit in force; ``inf``: none."""
    cap_kw: F64
    """The cap in force (below 0: discharges)."""
    power_kw: F64
    charged_kwh: F64
    """Drawn so far in this session."""
    discharged_kwh: F64
    weight: F64
    kind: I32
    """Phases that it draws on, as numbered in ``kernel/state.py``."""


def site_view(state: State, now_s: float) -> SiteView:
    """The state of a site that has been advanced to ``now_s``, as columns."""
    evses = state.evses
    site = state.site[0]
    occupied = evses["visit"] >= 0
    active = evses["active"] > 0
    soc, power_kw = _course(evses, active, now_s)
    visit = np.where(occupied, evses["visit"], 0)
    nothing = np.zeros(len(evses))
    started = state.visits["soc"][visit] if len(state.visits) else nothing
    gave_kwh = state.sessions["discharged_kwh"][visit] if len(state.visits) else nothing
    gives = active & (evses["power_kw"] < 0.0)
    gave_kwh = gave_kwh - np.where(
        gives, evses["power_kw"] * (now_s - evses["anchor_s"]) / 3600.0, 0.0
    )
    capacity = evses["capacity_kwh"]
    scale = evses["scale"]
    charged_kwh = (soc - started) * capacity + gave_kwh * scale * scale

    def here(values: Any) -> Any:
        return np.where(occupied, values, 0.0)

    columns: dict[str, Any] = {
        "node_limit_kw": state.nodes["limit_kw"].copy(),
        "evse_kw": evses["evse_kw"].copy(),
        "station": evses["station"].astype(np.int32),
        "station_kw": state.stations["limit_kw"][evses["station"]],
        "out": evses["out"] > 0,
        "occupied": occupied,
        "active": active,
        "visit": evses["visit"].astype(np.int32),
        "ready_s": np.where(occupied, evses["ready_s"], np.inf),
        "control_kw": evses["control_kw"].copy(),
        "soc": here(soc),
        "efficiency": here(1.0 / np.where(occupied, scale, 1.0)),
        "needed_kwh": here(np.maximum(evses["target_soc"] - soc, 0.0) * capacity),
        "power_kw": power_kw,
        "cap_kw": np.where(active, evses["cap_kw"], 0.0),
        "charged_kwh": here(charged_kwh),
        "discharged_kwh": here(gave_kwh),
        "kind": evses["kind"].astype(np.int32),
    }
    for name in (
        "plug_in_s",
        "departure_s",
        "target_soc",
        "reserve_soc",
        "capacity_kwh",
        "limit_kw",
        "min_kw",
        "discharge_kw",
        "weight",
    ):
        columns[name] = here(evses[name])
    for column in columns.values():
        column.setflags(write=False)
    return SiteView(
        now_s=now_s,
        grid_kw=float(min(site["grid_kw"], site["curtail_kw"])),
        site_limit_kw=float(site["limit_kw"]),
        base_kw=float(site["base_kw"]),
        **columns,
    )


def _course(evses: Any, active: Bools, now_s: float) -> tuple[F64, F64]:
    """SoC and power at ``now_s``: as ``kernel/load.py`` has them, for all EVSEs at once."""
    charging = evses[active]
    hours = (now_s - charging["anchor_s"]) / (3600.0 * charging["piece_kwh"])
    x = charging["slope"] * hours
    flat = x == 0.0
    grown = np.where(flat, 1.0, np.expm1(x) / np.where(flat, 1.0, x))
    soc = charging["anchor_soc"] + charging["power_kw"] * hours * grown
    gives = charging["power_kw"] < 0.0
    soc = np.where(
        gives, np.maximum(soc, charging["end_soc"]), np.minimum(soc, charging["end_soc"])
    )
    soc = np.where(now_s >= charging["end_s"], charging["end_soc"], soc)
    socs = evses["anchor_soc"].copy()
    powers = np.zeros(len(evses))
    socs[active] = soc
    powers[active] = charging["power_kw"] + charging["slope"] * (soc - charging["anchor_soc"])
    return socs, powers
