"""From the kernel's records to the columns of a site's plan and load."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.engine.joining import in_order
from simulator.engine.kernel import state as st
from simulator.engine.plan import SitePlan, SiteResult

if TYPE_CHECKING:
    from simulator.demand.visits import Visits
    from simulator.engine.layout import Records, SiteLayout
    from simulator.engine.site import SiteRun

F64 = NDArray[np.float64]

_CLOSED = (st.SERVED, st.RENEGED, st.BLOCKED, st.UNSUITABLE, st.BALKED, st.FAILED)
"""Outcomes in which a visit is over and wanted energy."""


def site_result(run: SiteRun) -> SiteResult:
    """Read the records of a finished run."""
    state = run.state
    visits, sessions, begun, caps = _by_arrival(run)
    record = state.site[0]
    interval_s = run.interval_s
    duration_s = run.duration_s
    intervals = len(state.load_kwh)
    plan = site_plan(visits, begun, sessions, caps, run.layout)
    plugged = plan.evse >= 0
    evse = plan.evse[plugged]
    start_s = plan.plug_in_s[plugged]
    stop_s = np.where(np.isnan(plan.unplug_s[plugged]), duration_s, plan.unplug_s[plugged])
    waited = ~np.isnan(sessions["queue_end_s"]) | (sessions["outcome"] == st.WAITING)
    queue_stop_s = np.where(
        np.isnan(sessions["queue_end_s"][waited]), duration_s, sessions["queue_end_s"][waited]
    )
    count = len(run.layout.evses)
    other_kwh, standby_kwh = base_energy(run)
    recorded = len(state.evse_kwh) > 0
    first = math.ceil(run.warmup_s / interval_s - 1e-9)
    return SiteResult(
        site=run.site,
        visits=visits,
        plan=plan,
        evse_station=run.layout.evse_station,
        evse_number=run.layout.evse_number,
        evse_kw=run.layout.evses["evse_kw"].copy(),
        load_kwh=state.load_kwh,
        occupied_s=spread(start_s, stop_s, interval_s, intervals),
        queue_s=spread(np.asarray(visits.arrival_s)[waited], queue_stop_s, interval_s, intervals),
        peak_kw=float(record["peak_kw"]),
        peak_s=float(record["peak_s"]),
        events=int(record["events"]),
        limit_bound_s=float(record["limit_bound_s"]),
        grid_bound_s=float(record["grid_bound_s"]),
        evse_energy_kwh=total_by(evse, plan.energy_kwh[plugged], count),
        evse_occupied_s=total_by(evse, stop_s - start_s, count),
        net_peak_kw=float(record["net_peak_kw"]),
        net_peak_s=float(record["net_peak_s"]),
        base_kwh=other_kwh + standby_kwh,
        standby_kwh=float(standby_kwh[first:].sum()),
        node_bound_s=state.nodes["bound_s"].copy(),
        outages=tuple(run.outages),
        evse_kwh=state.evse_kwh,
        station_peak_kw=state.stations["peak_kw"].copy() if recorded else np.zeros(0),
    )


def _by_arrival(run: SiteRun) -> tuple[Visits, Records, Records, Records]:
    """Visits, sessions, the visits' records and the log of caps, in order of arrival.

    Where vehicles come back, their later visits begin as they came to be, not as they were drawn.
    """
    count = len(run.visits)
    sessions = run.state.sessions[:count]
    begun = run.state.visits[:count]
    caps = run.state.caps[: int(run.state.site["caps_length"][0])]
    visits = run.visits
    if visits.next_visit is not None:
        visits = replace(visits, soc=begun["soc"].copy(), target_soc=begun["target_soc"].copy())
    if run.order is None:
        return visits, sessions, begun, caps
    rows = run.order.rows
    place = np.empty(count, np.int64)
    place[rows] = np.arange(count)
    caps = caps.copy()
    caps["visit"] = place[caps["visit"]]
    return in_order(visits, rows), sessions[rows], begun[rows], caps


def base_energy(run: SiteRun) -> tuple[F64, F64]:
    """kWh of building, PV and battery together, and of the stations' standby, per interval."""
    rows = run.state.changes
    rows = rows[(rows["what"] == st.BASE_LOAD) & (rows["time_s"] < run.duration_s)]
    times = np.concatenate([[0.0], np.maximum(rows["time_s"], 0.0), [t for t, _ in run.base_log]])
    loads = np.concatenate([[0.0], rows["kw"], [kw for _, kw in run.base_log]])
    order = np.argsort(times, kind="stable")
    times, loads = times[order], loads[order]
    intervals = len(run.state.load_kwh)
    other = integral(times, loads, run.interval_s, run.duration_s, intervals)
    dark = [(0.0, run.layout.standby_kw)]
    for outage in run.outages:
        if outage.evse < 0:
            dark.append((outage.from_s, 0.0))
            if not np.isnan(outage.to_s):
                dark.append((outage.to_s, run.layout.standby_kw))
    dark_s, dark_kw = np.array(dark).T
    return other, integral(dark_s, dark_kw, run.interval_s, run.duration_s, intervals)


def integral(times: F64, kw: F64, interval_s: float, duration_s: float, intervals: int) -> F64:
    """kWh per interval of a power that changes in steps, the last interval cut at the end."""
    borders = np.minimum(np.arange(intervals + 1) * interval_s, duration_s)
    points = np.union1d(times, borders)
    points = points[points <= duration_s]
    at = kw[np.searchsorted(times, points[:-1], side="right") - 1]
    interval = np.minimum((points[:-1] / interval_s).astype(np.int64), intervals - 1)
    kwh = at * np.diff(points) / 3600.0
    return np.bincount(interval, kwh, intervals).astype(np.float64)


def site_plan(
    visits: Visits, begun: Records, sessions: Records, caps: Records, layout: SiteLayout
) -> SitePlan:
    """The columns of the plan, one row per visit; ``begun`` are the visits as they came to be."""
    outcome = sessions["outcome"].astype(np.int32)
    evse = sessions["evse"].astype(np.int32)
    dc = np.where(sessions["dc"] >= 0, sessions["dc"] > 0, np.asarray(visits.ac_kw) <= 0.0)
    efficiency = np.where(dc, visits.efficiency_dc, visits.efficiency_ac)
    plugged = evse >= 0
    at = layout.evse_station[evse[plugged]]
    efficiency[plugged] = efficiency[plugged] * layout.stations["efficiency"][at]
    battery_kwh = np.asarray(visits.battery_kwh)
    capacity_kwh = battery_kwh / efficiency
    soc = begun["soc"].copy()
    target_soc = begun["target_soc"].copy()
    soc_end = np.where(plugged, sessions["soc_end"], soc)
    missing = np.maximum(target_soc - soc_end, 0.0)
    given = sessions["discharged_kwh"].copy()
    # What left the battery was put back again by the grid, besides what it has gained.
    charged = (soc_end - soc) * capacity_kwh + given / (efficiency * efficiency)
    offset, cap_s, cap_kw = cap_columns(caps, len(visits))
    rerouted = sessions["rerouted"] > 0
    return SitePlan(
        outcome=outcome,
        evse=evse,
        plug_in_s=sessions["plug_in_s"].copy(),
        unplug_s=sessions["unplug_s"].copy(),
        charge_end_s=sessions["charge_end_s"].copy(),
        limit_kw=sessions["limit_kw"].copy(),
        min_kw=sessions["min_kw"].copy(),
        efficiency=efficiency,
        energy_kwh=charged - given,
        unserved_kwh=np.where(np.isin(outcome, _CLOSED) & ~rerouted, missing * capacity_kwh, 0.0),
        soc_end=soc_end,
        cap_offset=offset,
        cap_s=cap_s,
        cap_kw=cap_kw,
        soc_start=soc,
        target_soc=target_soc,
        charged_kwh=charged,
        discharged_kwh=given,
        losses_kwh=charged * (1.0 - efficiency) + given * (1.0 / efficiency - 1.0),
        rerouted=rerouted,
        cost=sessions["cost"].copy(),
        carbon_kg=sessions["carbon_kg"].copy(),
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
