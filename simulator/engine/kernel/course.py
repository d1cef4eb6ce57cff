"""The course of a session at its EVSE: plug in, piece after piece, charging done, unplug."""

from __future__ import annotations

import math
from typing import Any

from simulator.charging.curve import (
    curve_at,
    draining,
    lasting,
    least_kw,
    piece_from,
    segment,
)
from simulator.engine.kernel.load import power_at, record_energy, soc_at
from simulator.engine.kernel.pairing import (
    pair_discharge_kw,
    pair_efficiency,
    pair_floor_kw,
    pair_kind,
    pair_limit_kw,
)
from simulator.engine.kernel.state import BLOCK, FUTURE, LOOK_FOR, RUNNING, State


def set_due(k: State, i: int, due_s: float) -> None:
    """Set the next event of EVSE ``i`` and keep its block's least, or have it looked for."""
    block = i // BLOCK
    was = k.due_s[i]
    k.due_s[i] = due_s
    if due_s <= k.block_due_s[block]:
        k.block_due_s[block] = due_s
    elif was == k.block_due_s[block]:
        k.block_due_s[block] = LOOK_FOR


def block_due(k: State, block: int) -> float:
    """The next event of a block; looked for at most once, however many of the block change."""
    if k.block_due_s[block] == LOOK_FOR:
        one = math.inf
        two = math.inf
        n = block * BLOCK
        stop = min(n + BLOCK, k.due_s.shape[0])
        while n + 1 < stop:  # Side by side: neither waits for the other.
            one = min(one, k.due_s[n])
            two = min(two, k.due_s[n + 1])
            n += 2
        if n < stop:
            one = min(one, k.due_s[n])
        k.block_due_s[block] = min(one, two)
    return float(k.block_due_s[block])


def settle(k: State, evse: Any, now: float) -> None:
    """Move the anchor to ``now``, recording the energy since the last one."""
    settle_at(k, evse, now, soc_at(evse, now))


def settle_at(k: State, evse: Any, now: float, soc: float) -> None:
    """:func:`settle` where the SoC at ``now`` is known."""
    record_energy(k, evse, now, soc)
    evse.anchor_s = now
    evse.anchor_soc = soc


def renew(k: State, i: int, cap_kw: float) -> None:
    """Begin a new piece at the anchor of EVSE ``i`` under ``cap_kw``; below 0 it discharges.

    It discharges with all of that power whatever the SoC, down to the reserve.
    """
    evse = k.evses[i]
    site = k.site[0]
    site.ceiling_kw -= evse.ceiling_kw
    if evse.power_kw < 0.0:
        site.discharging -= 1
    evse.cap_kw = cap_kw
    evse.power_kw = 0.0
    evse.slope = 0.0
    evse.piece_kwh = evse.capacity_kwh
    evse.end_soc = evse.anchor_soc
    evse.end_s = math.inf
    evse.ceiling_kw = 0.0
    evse.steady = 0
    if cap_kw > 0.0:
        if cap_kw <= evse.least_kw and evse.anchor_soc < evse.target_soc:
            # Its curve never comes below the cap.
            evse.power_kw = cap_kw
            evse.end_soc = evse.target_soc
            dsoc = evse.target_soc - evse.anchor_soc
            evse.end_s = evse.anchor_s + lasting(dsoc, cap_kw, 0.0, evse.capacity_kwh)
            evse.ceiling_kw = cap_kw
            site.ceiling_kw += cap_kw
        elif evse.anchor_soc < evse.target_soc:
            evse.knot = segment(evse.anchor_soc, k.knots_soc, evse.knot, evse.knot_stop)
            at = evse.at_kw
            if at < 0.0 or evse.soc_now != evse.anchor_soc:
                at = curve_at(evse.anchor_soc, evse.scale, k.knots_soc, k.knots_kw, evse.knot)
            power, slope, end = piece_from(
                evse.anchor_soc,
                at,
                evse.target_soc,
                cap_kw,
                evse.scale,
                k.knots_soc,
                k.knots_kw,
                evse.knot,
                evse.knot_stop,
            )
            evse.power_kw = power
            evse.slope = slope
            evse.end_soc = end
            dsoc = end - evse.anchor_soc
            evse.end_s = evse.anchor_s + lasting(dsoc, power, slope, evse.capacity_kwh)
            evse.ceiling_kw = power + max(0.0, slope * dsoc)
            site.ceiling_kw += evse.ceiling_kw
        else:  # It gave back, and need not charge again.
            evse.end_s = evse.anchor_s
    elif cap_kw < 0.0 and evse.anchor_soc > evse.reserve_soc:
        evse.power_kw = cap_kw
        evse.piece_kwh = evse.capacity_kwh / (evse.scale * evse.scale)
        evse.end_soc = evse.reserve_soc
        evse.end_s = evse.anchor_s + draining(
            evse.anchor_soc, evse.reserve_soc, -cap_kw, evse.piece_kwh
        )
        evse.knot = k.visits[evse.visit].knot
        evse.ceiling_kw = cap_kw
        site.ceiling_kw += cap_kw
        site.discharging += 1
    set_due(k, i, min(evse.end_s, evse.departure_s))


def commit(k: State, station: Any) -> None:
    """Sum up anew what a station's vehicles could take (a running sum would drift)."""
    k.site[0].stale = 1
    total = 0.0
    for i in range(station.first, station.stop):
        evse = k.evses[i]
        if evse.active:
            total += evse.limit_kw
    station.committed_kw = total


def plug_in(k: State, v: int, i: int, now: float) -> None:
    """Visit ``v`` takes EVSE ``i``; its first cap is decided later in the same moment."""
    site = k.site[0]
    evse = k.evses[i]
    visit = k.visits[v]
    session = k.sessions[v]
    efficiency = pair_efficiency(visit, evse, k.stations[evse.station])
    evse.visit = v
    evse.plug_in_s = now
    evse.departure_s = visit.departure_s
    evse.linger_s = visit.linger_s
    evse.target_soc = visit.target_soc
    evse.capacity_kwh = visit.battery_kwh / efficiency
    evse.scale = 1.0 / efficiency
    evse.ready_s = math.inf
    evse.weight = visit.weight
    evse.discharge_kw = pair_discharge_kw(visit, evse)
    evse.reserve_soc = visit.reserve_soc
    evse.limit_kw = pair_limit_kw(visit, evse)
    evse.min_kw = min(pair_floor_kw(visit, evse), evse.limit_kw)
    evse.kind = pair_kind(visit, evse)
    evse.feed_kw = 0.0
    evse.knot = visit.knot
    evse.knot_stop = visit.knot_stop
    evse.anchor_s = now
    evse.anchor_soc = visit.soc
    evse.ran_s = 0.0
    session.plug_in_s = now
    session.outcome = RUNNING
    session.evse = i
    session.dc = evse.dc
    session.limit_kw = evse.limit_kw
    session.min_kw = evse.min_kw
    session.soc_end = visit.soc
    site.free_evses -= 1
    if visit.soc >= visit.target_soc:
        log_cap(k, evse, evse.limit_kw, now)
        finish_charging(k, i, now)
    elif visit.ready_s > now:
        evse.ready_s = visit.ready_s
        log_cap(k, evse, 0.0, now)
        set_due(k, i, min(evse.ready_s, evse.departure_s))
    else:
        start_charging(k, i, now)


def start_charging(k: State, i: int, now: float) -> None:
    """Take the vehicle into the sharing; it gets its cap at the end of this moment."""
    site = k.site[0]
    evse = k.evses[i]
    station = k.stations[evse.station]
    evse.ready_s = math.inf
    evse.curve_kw = -1.0  # what is known there is of the one before
    evse.looked_s = -1.0
    evse.least_kw = least_kw(
        evse.target_soc,
        evse.scale,
        k.knots_soc,
        k.knots_kw,
        k.visits[evse.visit].knot,
        evse.knot_stop,
    )
    evse.steady = 0
    evse.active = 1
    evse.fresh = 1
    evse.paused = 1
    evse.turn_s = now
    evse.anchor_s = now
    evse.cap_kw = 0.0
    evse.power_kw = 0.0
    evse.slope = 0.0
    evse.piece_kwh = evse.capacity_kwh
    evse.ceiling_kw = 0.0
    evse.end_s = math.inf
    evse.end_soc = evse.anchor_soc
    site.pausing += 1
    station.dirty = 1
    site.dirty = 1
    commit(k, station)


def log_cap(k: State, evse: Any, cap_kw: float, now: float) -> None:
    """Note a cap that comes into force, if a log of caps is wanted."""
    site = k.site[0]
    if site.record_caps:
        cap = k.caps[site.caps_length]
        cap.visit = evse.visit
        cap.time_s = now
        cap.kw = cap_kw
        site.caps_length += 1


def finish_charging(k: State, i: int, now: float) -> None:
    """The target is reached: the vehicle stops, and stays until its driver comes."""
    site = k.site[0]
    evse = k.evses[i]
    station = k.stations[evse.station]
    if evse.active:
        stop_charging(k, i)
    k.sessions[evse.visit].charge_end_s = now
    k.sessions[evse.visit].soc_end = evse.anchor_soc
    evse.end_s = math.inf
    evse.departure_s = min(evse.departure_s, now + evse.linger_s)
    set_due(k, i, evse.departure_s)
    if station.curbed or site.held:
        station.dirty = 1
        site.dirty = 1


def stop_charging(k: State, i: int) -> None:
    """Take the vehicle out of the sharing (its anchor is settled already)."""
    site = k.site[0]
    evse = k.evses[i]
    evse.active = 0
    evse.fresh = 0
    site.ceiling_kw -= evse.ceiling_kw
    evse.ceiling_kw = 0.0
    if evse.power_kw < 0.0:
        site.discharging -= 1
    evse.power_kw = 0.0
    if evse.paused:
        evse.paused = 0
        site.pausing -= 1
    commit(k, k.stations[evse.station])


def unplug(k: State, i: int, now: float, outcome: int) -> None:
    """The vehicle leaves, done or not (or the EVSE breaks down)."""
    site = k.site[0]
    evse = k.evses[i]
    station = k.stations[evse.station]
    v = evse.visit
    session = k.sessions[v]
    if evse.active:
        settle(k, evse, now)
        gave = evse.power_kw < 0.0
        stop_charging(k, i)
        session.soc_end = evse.anchor_soc
        if gave or station.curbed or site.held:
            station.dirty = 1
            site.dirty = 1
    session.unplug_s = now
    session.outcome = outcome
    evse.visit = -1
    evse.ready_s = math.inf
    if evse.control_kw < 0.0:
        evse.control_kw = math.inf
    evse.free_since_s = now
    site.free_evses += 1
    set_due(k, i, math.inf)
    if k.visits[v].next_visit >= 0:
        pass_on(k, v, session.soc_end)


def pass_on(k: State, v: int, soc: float) -> None:
    """The vehicle of visit ``v`` leaves with ``soc``: its next visit begins with what is left."""
    visit = k.visits[v]
    following = k.visits[visit.next_visit]
    if k.sessions[visit.next_visit].outcome == FUTURE:
        following.soc = max(0.0, soc - visit.used_soc)
        following.target_soc = max(following.target_soc, following.soc)


def end_piece(k: State, i: int, now: float) -> None:
    """The piece of EVSE ``i`` ends: at its target, at a knot, or where cap and curve cross.

    A vehicle that rises to its cap calls for no decision: nobody else is concerned, and where the
    tapers of others lift its share at each decision, its crossings would follow one another in ever
    shorter time.
    """
    site = k.site[0]
    evse = k.evses[i]
    station = k.stations[evse.station]
    before_kw = power_at(evse, now)
    rose = evse.slope > 0.0
    settle(k, evse, now)
    if evse.anchor_soc >= evse.target_soc:
        finish_charging(k, i, now)
        return
    renew(k, i, evse.cap_kw)
    if rose and evse.power_kw == evse.cap_kw and evse.slope == 0.0:
        return
    if evse.ceiling_kw > before_kw or station.curbed or site.held:
        station.dirty = 1
        site.dirty = 1
