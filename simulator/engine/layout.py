"""The EVSEs and limits of a site as arrays, in station order: what the kernel starts from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import NEUTRAL
from simulator.engine.kernel import state
from simulator.engine.kernel.order import OUTSIDE
from simulator.engine.kernel.pairing import LINE_TO_LINE
from simulator.engine.limits import LimitTree, limit_tree
from simulator.engine.plan import Caps
from simulator.engine.wiring import wiring_of

if TYPE_CHECKING:
    from simulator.demand.visits import Visits
    from simulator.engine.policies import Policy
    from simulator.scenario import SiteInstance, StationModel

Records = NDArray[np.void]
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SiteLayout:
    """A site's EVSEs (n) and stations (s), and the way back from EVSE to station and connector."""

    evses: Records
    stations: Records
    evse_station: NDArray[np.int32]
    evse_number: NDArray[np.int32]
    standby_kw: float
    """What its stations take for themselves, together."""
    tree: LimitTree


AC_MIN_A = 6.0
"""Least AC charging current of IEC 61851-1."""

_SPLIT = {
    "policy": state.SPLIT_POLICY,
    "equal": state.SPLIT_EQUAL,
    "modules": state.SPLIT_MODULES,
}
_CAPS: dict[Caps, int] = {
    "none": state.NO_CAPS,
    "pauses": state.PAUSES,
    "all": state.ALL_CAPS,
}


def site_layout(site: SiteInstance) -> SiteLayout:
    """Lay out a site; an EVSE can never give more than its station has."""
    stations = np.zeros(len(site.stations), state.STATION)
    count = sum(station.evses for station in site.stations)
    evses = np.zeros(count, state.EVSE)
    number = np.zeros(count, np.int32)
    wired: dict[str, int] = {}
    first = 0
    standby_kw = 0.0
    for s, station in enumerate(site.stations):
        model = station.model
        stop = first + station.evses
        stations[s]["limit_kw"] = model.station_kw
        stations[s]["first"] = first
        stations[s]["stop"] = stop
        evses["evse_kw"][first:stop] = min(model.evse_kw, model.station_kw)
        stations[s]["split"] = _SPLIT[model.split]
        stations[s]["modules"] = model.modules
        stations[s]["module_kw"] = model.module_kw
        nth = wired.get(station.wiring, 0)
        wired[station.wiring] = nth + (model.current == "ac")
        wiring = wiring_of(station.wiring, nth)
        evses["wiring"][first:stop] = wiring
        evses["floor_kw"][first:stop] = floor_kw(model, site.site.voltage, wiring)
        evses["station"][first:stop] = s
        evses["phases"][first:stop] = model.phases
        evses["dc"][first:stop] = model.current == "dc"
        number[first:stop] = np.arange(1, station.evses + 1)
        stations[s]["efficiency"] = model.efficiency
        standby_kw += model.standby_kw
        first = stop
    tree = limit_tree(site)
    stations["node"] = tree.station_node
    stations["placed"] = tree.placed
    evses["index"] = np.arange(count)
    evses["visit"] = -1
    evses["ready_s"] = math.inf
    evses["keyed"] = -1
    evses["held_for"] = -1
    evses["control_kw"] = math.inf
    return SiteLayout(evses, stations, evses["station"].astype(np.int32), number, standby_kw, tree)


def floor_kw(model: StationModel, voltage: float, wiring: int) -> float:
    """Least power of an EVSE: DC as a whole, AC of each phase (or between two of them)."""
    if model.current == "dc":
        return model.min_kw
    across = math.sqrt(3.0) if model.phases == 1 and wiring >= LINE_TO_LINE else 1.0
    return AC_MIN_A * voltage * across / 1000.0


def scratch(layout: SiteLayout) -> NDArray[np.float64]:
    """Room for the numbers of a decision."""
    return np.zeros((state.SCRATCH_ROWS, _width(layout)))


def links(layout: SiteLayout) -> NDArray[np.int64]:
    """Room for the indices of a decision."""
    rows = np.zeros((state.LINK_ROWS, _width(layout)), np.int64)
    rows[state.NUMBER] = OUTSIDE
    return rows


def _width(layout: SiteLayout) -> int:
    limits = 1 + len(layout.tree.nodes) + len(layout.stations)
    return max(len(layout.evses), limits) + 1


def site_record(
    site: Any,
    evse_count: int,
    interval_s: float,
    policy: Policy,
    record_caps: Caps,
    standby_kw: float,
) -> Records:
    """The site's own record, before the first event; ``site`` is the scenario's ``Site``."""
    record = np.zeros(1, state.SITE)
    record["grid_kw"] = math.inf if site.grid_limit is None else site.grid_limit
    record["standby_kw"] = standby_kw
    record["base_kw"] = standby_kw
    record["curtail_kw"] = math.inf
    record["limit_kw"] = np.maximum(0.0, record["grid_kw"] - standby_kw)
    record["feed_kw"] = record["grid_kw"] + standby_kw
    record["rotate_period_s"] = site.rotate
    record["interval_s"] = interval_s
    for name in ("call_s", "rotate_s", "renege_s", "policy_period_s", "policy_s", "arrive_s"):
        record[name] = math.inf
    record["greedy"] = policy.greedy
    record["turns"] = policy.turns
    record["restless"] = policy.turns or policy.changes
    if policy.changes:
        record["policy_period_s"] = site.policy_interval
    record["record_caps"] = _CAPS[record_caps]
    record["free_evses"] = evse_count
    record["next_visit"] = -1
    record["queue_head"] = -1
    record["queue_tail"] = -1
    record["queue_room"] = queue_room(site.queue)
    return record


def queue_room(queue: bool | int) -> int:
    """Most vehicles that may wait: ``True`` is no end (-1), ``False`` none (0)."""
    if queue is True:
        return -1
    return int(queue)


def check_visits(visits: Visits, evses: int) -> None:
    """Refuse what would lead the kernel astray: it indexes without looking.

    Raises ValueError that names the first visit at fault.
    """
    curve = np.asarray(visits.curve)
    offset = np.asarray(visits.curves.offset)
    curves = len(offset) - 1
    arrival = np.asarray(visits.arrival_s)
    faults = {
        "does not arrive at a time": ~np.isfinite(arrival),
        "arrives before the one before it": np.diff(arrival, prepend=-math.inf) < 0.0,
        f"asks for an EVSE that is none of the site's {evses}": np.asarray(visits.evse) >= evses,
        f"has a curve that is none of the {curves}": (curve < 0) | (curve >= curves),
        "has no battery": ~(np.asarray(visits.battery_kwh) > 0.0),
        "has a state of charge outside 0..1": ~(
            (np.asarray(visits.soc) >= 0.0)
            & (np.asarray(visits.soc) <= 1.0)
            & (np.asarray(visits.target_soc) <= 1.0)
        ),
        "has an efficiency outside 0..1": ~(
            (np.minimum(visits.efficiency_ac, visits.efficiency_dc) > 0.0)
            & (np.maximum(visits.efficiency_ac, visits.efficiency_dc) <= 1.0)
        ),
    }
    for name, fault, refused in _OPTIONAL_FAULTS:
        values = getattr(visits, name)
        if values is not None:
            faults[fault] = refused(np.asarray(values), len(visits))
    for fault, at in faults.items():
        if at.any():
            raise ValueError(f"visit {int(at.argmax())} {fault}")
    if (np.diff(offset) < 2).any():
        raise ValueError("a charge curve has fewer than two knots")


_OPTIONAL_FAULTS: tuple[tuple[str, str, Callable[[Any, int], Any]], ...] = (
    ("ready_s", "has a timer that is set to no time", lambda x, n: np.isnan(x)),
    ("weight", "has no weight above 0", lambda x, n: ~((x > 0.0) & np.isfinite(x))),
    ("discharge_kw", "gives back less than nothing", lambda x, n: ~(x >= 0.0) | np.isinf(x)),
    ("reserve_soc", "has a reserve outside 0..1", lambda x, n: ~((x >= 0.0) & (x <= 1.0))),
    ("used_soc", "uses less than nothing", lambda x, n: ~(x >= 0.0)),
    ("next_visit", "has a next visit that is none", lambda x, n: (x < -1) | (x >= n)),
)


def visit_records(visits: Visits) -> Records:
    """The visits as records, with the knots of their curves."""
    records = np.zeros(len(visits), state.VISIT)
    for name in (
        "arrival_s",
        "departure_s",
        "linger_s",
        "patience_s",
        "soc",
        "target_soc",
        "battery_kwh",
        "ac_kw",
        "dc_kw",
        "efficiency_ac",
        "efficiency_dc",
        "ac_phases",
        "evse",
    ):
        records[name] = getattr(visits, name)
    for name, neutral in NEUTRAL.items():
        if name not in ("reserved_s", "manner", "means"):
            values = getattr(visits, name)
            records[name] = neutral if values is None else values
    records["reserved"] = -1
    records["after"] = np.arange(1, len(visits) + 1)
    records["after"][-1:] = -1
    offset = np.asarray(visits.curves.offset)
    records["knot"] = offset[visits.curve]
    records["knot_stop"] = offset[np.asarray(visits.curve) + 1]
    return records


def session_records(count: int) -> Records:
    """Sessions of which nothing has happened yet."""
    records = np.zeros(count, state.SESSION)
    for name in ("plug_in_s", "charge_end_s", "unplug_s", "queue_end_s"):
        records[name] = math.nan
    records["outcome"] = state.FUTURE
    for name in ("evse", "dc", "queue_next", "queue_previous"):
        records[name] = -1
    return records


def price_arrays(
    price: F64 | None, feed_in: F64 | None, carbon: F64 | None, intervals: int
) -> tuple[F64, F64, F64]:
    """Prices by interval as the kernel takes them; without a feed-in price giving back earns 0.

    Raises ValueError for other lengths than the intervals', and for what is not a number.
    """
    arrays = []
    for name, values in (("price", price), ("feed-in price", feed_in), ("carbon", carbon)):
        array = np.zeros(0) if values is None else np.ascontiguousarray(values, np.float64)
        if values is not None and (array.shape != (intervals,) or not np.isfinite(array).all()):
            raise ValueError(f"{name}: {intervals} numbers expected, one per interval")
        arrays.append(array)
    if len(arrays[1]) and not len(arrays[0]):
        raise ValueError("a feed-in price without a price")
    if len(arrays[0]) and not len(arrays[1]):
        arrays[1] = np.zeros(intervals)
    return arrays[0], arrays[1], arrays[2]


def merged_changes(changes: Records | None, more: Records) -> Records:
    """Two tables of changes as one, by time; at equal times those of the first come first."""
    if changes is None or not len(changes):
        return more
    rows = np.concatenate([changes, more])
    return rows[np.argsort(rows["time_s"], kind="stable")]


def check_changes(changes: Records, nodes: int) -> None:
    """Refuse a table of changes that the kernel cannot apply; ValueError names the first row."""
    if changes.dtype != state.CHANGE:
        raise ValueError("changes are rows of state.CHANGE")
    at_node = changes["what"] == state.NODE_LIMIT
    load = changes["what"] == state.BASE_LOAD
    faults = {
        "is not at a time": ~np.isfinite(changes["time_s"]),
        "comes before the one before it": np.diff(changes["time_s"], prepend=-math.inf) < 0.0,
        "changes nothing that there is": ~np.isin(
            changes["what"], (state.SITE_LIMIT, state.NODE_LIMIT, state.BASE_LOAD)
        ),
        f"is about a limit that is none of the {nodes}": at_node
        & ((changes["node"] < 0) | (changes["node"] >= nodes)),
        "is no limit": ~load & ~(changes["kw"] >= 0.0),
        "is no load": load & ~np.isfinite(changes["kw"]),
    }
    for fault, at in faults.items():
        if at.any():
            raise ValueError(f"change {int(at.argmax())} {fault}")
