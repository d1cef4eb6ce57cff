"""From the kernel's records to the columns of a site's plan and load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.engine.kernel import state as st
from simulator.engine.plan import SitePlan, SiteResult

if TYPE_CHECKING:
    from simulator.demand.visits import Visits
    from simulator.engine.kernel.state import State
    from simulator.engine.layout import Records, SiteLayout
    from simulator.scenario import SiteInstance

F64 = NDArray[np.float64]


def site_result(
    site: SiteInstance, visits: Visits, layout: SiteLayout, state: State, duration_s: float
) -> SiteResult:
    """Read the records of a finished run."""
    sessions = state.sessions
    record = state.site[0]
    interval_s = float(record["interval_s"])
    intervals = len(state.load_kwh)
    plan = site_plan(visits, sessions, state.caps[: int(record["caps_length"])])
    plugged = plan.evse >= 0
    evse = plan.evse[plugged]
    start_s = plan.plug_in_s[plugged]
    stop_s = np.where(np.isnan(plan.unplug_s[plugged]), duration_s, plan.unplug_s[plugged])
    waited = ~np.isnan(sessions["queue_end_s"]) | (sessions["outcome"] == st.WAITING)
    queue_stop_s = np.where(
        np.isnan(sessions["queue_end_s"][waited]), duration_s, sessions["queue_end_s"][waited]
    )
    count = len(layout.evses)
    return SiteResult(
        site=site,
        visits=visits,
        plan=plan,
        evse_station=layout.evse_station,
        evse_number=layout.evse_number,
        evse_kw=layout.evses["evse_kw"].copy(),
        load_kwh=state.load_kwh,
        occupied_s=spread(start_s, stop_s, interval_s, intervals),
        queue_s=spread(np.asarray(visits.arrival_s)[waited], queue_stop_s, interval_s, intervals),
        peak_kw=float(record["peak_kw"]),
        peak_s=float(record["peak_s"]),
        events=int(record["events"]),
        limit_bound_s=float(record["limit_bound_s"]),
        evse_energy_kwh=total_by(evse, plan.energy_kwh[plugged], count),
        evse_occupied_s=total_by(evse, stop_s - start_s, count),
    )


def site_plan(visits: Visits, sessions: Records, caps: Records) -> SitePlan:
    """The columns of the plan, one row per visit."""
    outcome = sessions["outcome"].astype(np.int32)
    evse = sessions["evse"].astype(np.int32)
    dc = np.where(sessions["dc"] >= 0, sessions["dc"] > 0, np.asarray(visits.ac_kw) <= 0.0)
    efficiency = np.where(dc, visits.efficiency_dc, visits.efficiency_ac)
    capacity_kwh = np.asarray(visits.battery_kwh) / efficiency
    plugged = evse >= 0
    soc = np.asarray(visits.soc)
    soc_end = np.where(plugged, sessions["soc_end"], soc)
    closed = np.isin(outcome, (st.SERVED, st.RENEGED, st.BLOCKED, st.UNSUITABLE))
    missing = np.maximum(np.asarray(visits.target_soc) - soc_end, 0.0)
    offset, cap_s, cap_kw = cap_columns(caps, len(visits))
    return SitePlan(
        outcome=outcome,
        evse=evse,
        plug_in_s=sessions["plug_in_s"].copy(),
        unplug_s=sessions["unplug_s"].copy(),
        charge_end_s=sessions["charge_end_s"].copy(),
        limit_kw=sessions["limit_kw"].copy(),
        min_kw=sessions["min_kw"].copy(),
        efficiency=efficiency,
        energy_kwh=(soc_end - soc) * capacity_kwh,
        unserved_kwh=np.where(closed, missing * capacity_kwh, 0.0),
        soc_end=soc_end,
        cap_offset=offset,
        cap_s=cap_s,
        cap_kw=cap_kw,
    )


def cap_columns(caps: Records, visits: int) -> tuple[NDArray[np.int64], F64, F64]:
    """The log of caps by visit: offsets, times, caps; of several at one moment the last holds."""
    caps = caps[np.argsort(caps["visit"], kind="stable")]
    if len(caps):
        replaced = (np.diff(caps["visit"]) == 0) & (np.diff(caps["time_s"]) == 0.0)
        caps = caps[np.append(~replaced, True)]
    offset = np.zeros(visits + 1, np.int64)
    np.cumsum(np.bincount(caps["visit"], minlength=visits), out=offset[1:])
    return offset, caps["time_s"].copy(), caps["kw"].copy()


def total_by(index: NDArray[np.int32], amount: F64, count: int) -> F64:
    """Sum of the amounts by index."""
    return np.bincount(index, amount, count).astype(np.float64)


def spread(start_s: F64, stop_s: F64, interval_s: float, intervals: int) -> F64:
    """Seconds that spans ``start_s..stop_s`` spend in each interval; whole ones are exact."""
    first = np.minimum((start_s / interval_s).astype(np.int64), intervals - 1)
    last = np.minimum((stop_s / interval_s).astype(np.int64), intervals - 1)
    inside = first == last
    ends = np.where(inside, stop_s - start_s, (first + 1) * interval_s - start_s)
    out = np.bincount(first, ends, intervals)
    over = ~inside
    out += np.bincount(last[over], (stop_s - last * interval_s)[over], intervals)
    whole = np.bincount(first[over] + 1, minlength=intervals + 1)
    whole = whole - np.bincount(last[over], minlength=intervals + 1)
    return out + interval_s * np.cumsum(whole)[:intervals]
