"""What can be done to a running site from outside, at the moment to which it has been advanced.

Rare, so these run the kernel's functions as plain Python on the site's records; each ends with the
decision that the kernel takes upon it. Called through ``SiteHandle``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.engine import layout
from simulator.engine.joining import append
from simulator.engine.kernel import state
from simulator.engine.kernel.changes import call_for_decision, set_room
from simulator.engine.kernel.course import (
    finish_charging,
    log_cap,
    settle,
    start_charging,
    unplug,
)
from simulator.engine.kernel.load import soc_at
from simulator.engine.kernel.pairing import choose_evse
from simulator.engine.kernel.waiting import let_go
from simulator.engine.plan import Outage

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from simulator.demand.visits import Visits
    from simulator.engine.site import SiteRun

SITE = -1
"""Stands for the whole site where an EVSE's index is expected."""


def set_limit(run: SiteRun, limit_kw: float) -> None:
    """Put another limit of the grid connection in force (``inf`` lifts it)."""
    if not limit_kw >= 0.0:
        raise ValueError(f"{run.site.name}: a site limit of {limit_kw} kW")
    k = run.touch()
    k.site[0].grid_kw = limit_kw
    set_room(k)
    run.decide()


def curtail(run: SiteRun, limit_kw: float) -> None:
    """Have no more drawn from the grid than this, whatever its limit is (``inf`` ends it)."""
    if not limit_kw >= 0.0:
        raise ValueError(f"{run.site.name}: curtailed to {limit_kw} kW")
    k = run.touch()
    k.site[0].curtail_kw = limit_kw
    set_room(k)
    run.decide()


def set_node_limit(run: SiteRun, node: str | int, limit_kw: float) -> None:
    """Put another limit in force between the site's and the stations'."""
    if not limit_kw >= 0.0:
        raise ValueError(f"{run.site.name}, {node}: a limit of {limit_kw} kW")
    index = node_index(run, node)
    k = run.touch()
    k.nodes[index].limit_kw = limit_kw
    call_for_decision(k)
    run.decide()


def node_index(run: SiteRun, node: str | int) -> int:
    """Which row of the limits a name or an index means."""
    names = list(run.node_names)
    if isinstance(node, str):
        if node in names:
            return names.index(node)
    elif 0 <= node < len(run.state.nodes):
        return node
    raise ValueError(f"{run.site.name}: no limit {node!r}; there are {names}")


def set_base(run: SiteRun, kw: float) -> None:
    """Put another load of building, PV and battery together in force (below 0: a surplus)."""
    if not math.isfinite(kw):
        raise ValueError(f"{run.site.name}: another load of {kw} kW")
    k = run.touch()
    k.site[0].other_kw = kw
    set_room(k)
    run.base_log.append((run.now_s, kw))
    run.decide()


def fail(run: SiteRun, evse: int) -> int:
    """The EVSE breaks down: out of service, its session over; the row of that visit, or -1.

    A reservation of the EVSE is void. Nothing happens to an EVSE that is out of service already.
    """
    check_evse(run, evse)
    k = run.touch()
    record = k.evses[evse]
    if record.out:
        return -1
    if record.held_for >= 0:
        let_go(k, evse)
    visit = int(record.visit)
    if visit >= 0:
        unplug(k, evse, run.now_s, state.FAILED)
    record.out = 1
    k.site[0].free_evses -= 1
    run.outages.append(Outage(evse, run.now_s, math.nan))
    run.decide()
    return visit


def repair(run: SiteRun, evse: int) -> None:
    """The EVSE works again; who waits for it plugs in."""
    check_evse(run, evse)
    k = run.touch()
    record = k.evses[evse]
    if not record.out:
        return
    record.out = 0
    record.free_since_s = run.now_s
    k.site[0].free_evses += 1
    _end_outage(run, evse)
    run.decide()


def power_off(run: SiteRun) -> None:
    """The stations lose their power: nobody charges, and nobody starts.

    Vehicles stay plugged in until their drivers come. Who arrives finds no EVSE that works, and
    waits or leaves as if all were taken. The building's load goes on.
    """
    k = run.touch()
    if k.site[0].dark:
        return
    k.site[0].dark = 1
    set_room(k)
    call_for_decision(k)
    run.outages.append(Outage(SITE, run.now_s, math.nan))
    run.decide()


def power_on(run: SiteRun) -> None:
    """The power is back: vehicles go on charging, who waits plugs in."""
    k = run.touch()
    if not k.site[0].dark:
        return
    k.site[0].dark = 0
    set_room(k)
    call_for_decision(k)
    _end_outage(run, SITE)
    run.decide()


def _end_outage(run: SiteRun, evse: int) -> None:
    for n in range(len(run.outages) - 1, -1, -1):
        if run.outages[n].evse == evse:
            run.outages[n] = run.outages[n]._replace(to_s=run.now_s)
            return


def hold(run: SiteRun, visit: int) -> int:
    """Keep a free EVSE for a visit that has yet to arrive; its index, or -1 if none is free.

    The one that the visit would take if it came now. It keeps what it has if it has one.
    """
    if not 0 <= visit < len(run.visits):
        raise ValueError(f"{run.site.name}: no visit {visit}")
    k = run.touch()
    if k.sessions[visit].outcome != state.FUTURE:
        return -1
    if k.visits[visit].reserved >= 0:
        return int(k.visits[visit].reserved)
    if k.site[0].free_evses <= 0 or k.site[0].dark:
        return -1
    evse = choose_evse(k, visit)
    if evse >= 0:
        k.evses[evse].held_for = visit
        k.visits[visit].reserved = evse
        k.site[0].free_evses -= 1
    return evse


def release(run: SiteRun, evse: int) -> None:
    """End the reservation of an EVSE; who waits takes it. Nothing happens if there is none."""
    check_evse(run, evse)
    k = run.touch()
    if k.evses[evse].held_for >= 0:
        let_go(k, evse)
        k.evses[evse].free_since_s = run.now_s
        run.decide()


def check_evse(run: SiteRun, evse: int) -> None:
    """Refuse an index that is none of the site's."""
    if not 0 <= evse < len(run.state.evses):
        raise ValueError(f"{run.site.name}: no EVSE {evse}, there are {len(run.state.evses)}")


def set_controls(run: SiteRun, limits_kw: ArrayLike) -> None:
    """Put a controller's limits in force, one per EVSE, until the next ones.

    ``inf`` is no limit; below 0 asks the vehicle to give back that power, which ends with its
    session at the latest. Other limits stay with the EVSE, whoever plugs in.
    """
    values = np.asarray(limits_kw, np.float64)
    if values.shape != (len(run.state.evses),) or np.isnan(values).any():
        what = f"shape {values.shape}" if not np.isnan(values).any() else "not a number"
        raise ValueError(
            f"{run.site.name}: limits for {len(run.state.evses)} EVSEs expected, not {what}"
        )
    k = run.touch()
    run.state.evses["control_kw"] = np.where(
        (values >= 0.0) | (run.state.evses["visit"] >= 0), values, math.inf
    )
    for i in np.flatnonzero(run.state.evses["discharge_kw"] > 0.0):
        _turn_round(k, int(i), run.now_s)
    k.site[0].feeds = int((run.state.evses["control_kw"] < 0.0).any())
    call_for_decision(k)
    run.decide()


def _turn_round(k: Any, i: int, now: float) -> None:
    """Take a full vehicle back into the sharing to give; let one go that need not give again."""
    evse = k.evses[i]
    if evse.visit < 0 or evse.ready_s < math.inf:
        return
    if not evse.active:
        if evse.control_kw < 0.0 and evse.anchor_soc > evse.reserve_soc:
            start_charging(k, i, now)
    elif evse.control_kw >= 0.0 and soc_at(evse, now) >= evse.target_soc:
        settle(k, evse, now)
        finish_charging(k, i, now)
        log_cap(k, evse, min(evse.control_kw, evse.limit_kw), now)


def add_visits(run: SiteRun, visits: Visits) -> NDArray[np.int64]:
    """Let further visits come, all of them after this moment; returns their rows.

    Their ``next_visit`` counts rows among themselves. Rows never change while the site runs; the
    result has all visits in order of arrival.
    """
    count = len(run.visits)
    if not len(visits):
        return np.zeros(0, np.int64)
    layout.check_visits(visits, len(run.state.evses))
    if not visits.arrival_s[0] > run.now_s:
        raise ValueError(
            f"{run.site.name}: a visit at {visits.arrival_s[0]} s is not after {run.now_s} s"
        )
    everybody = append([run.visits, visits])
    made = _room_for(run, count, len(visits))
    records = layout.visit_records(visits)
    if everybody.curves is not run.visits.curves:
        run.state = run.state._replace(
            knots_soc=np.ascontiguousarray(everybody.curves.soc, np.float64),
            knots_kw=np.ascontiguousarray(everybody.curves.kw, np.float64),
        )
    offset = np.asarray(everybody.curves.offset)
    records["knot"] = offset[everybody.curve[count:]]
    records["knot_stop"] = offset[everybody.curve[count:] + 1]
    records["next_visit"] = np.where(records["next_visit"] >= 0, records["next_visit"] + count, -1)
    made.visits[count : len(everybody)] = records
    run.visits = everybody
    run.arrange(np.asarray(visits.arrival_s, np.float64))
    return np.arange(count, len(everybody))


def _room_for(run: SiteRun, count: int, more: int) -> Any:
    """The state with room for further visits; it grows by a quarter at least."""
    missing = count + more - len(run.state.visits)
    if missing > 0:
        size = len(run.state.visits) + max(missing, count // 4)
        visits = np.zeros(size, state.VISIT)
        visits[:count] = run.state.visits[:count]
        sessions = layout.session_records(size)
        sessions[:count] = run.state.sessions[:count]
        run.state = run.state._replace(visits=visits, sessions=sessions)
    return run.state
