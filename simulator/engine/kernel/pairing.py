"""Which vehicle fits which EVSE, how well, and which EVSE an arriving vehicle takes."""

from __future__ import annotations

from typing import Any

from simulator.engine.kernel.state import State

AC_MIN_KW_PER_PHASE = 6.0 * 230.0 / 1000.0
"""Least AC charging current of IEC 61851-1, 6 A, at 230 V."""


def pair_limit_kw(visit: Any, evse: Any) -> float:
    """Largest grid-side power of a vehicle at an EVSE; 0 if they do not fit."""
    if evse.dc:
        return float(min(evse.evse_kw, visit.dc_kw))
    phases = min(visit.ac_phases, evse.phases)
    return float(min(evse.evse_kw * phases / evse.phases, visit.ac_kw))


def pair_floor_kw(visit: Any, evse: Any) -> float:
    """Least power at which the vehicle charges there (AC: 6 A on the phases that both have)."""
    if evse.dc:
        return float(evse.floor_kw)
    return float(AC_MIN_KW_PER_PHASE * min(visit.ac_phases, evse.phases))


def pair_efficiency(visit: Any, evse: Any, station: Any) -> float:
    """Battery side / grid side: the vehicle's efficiency times the station's."""
    if evse.dc:
        return float(visit.efficiency_dc * station.efficiency)
    return float(visit.efficiency_ac * station.efficiency)


def pair_discharge_kw(visit: Any, evse: Any) -> float:
    """Most that the vehicle can give back there, within what the EVSE's conductors carry."""
    if evse.dc:
        return float(min(evse.evse_kw, visit.discharge_kw))
    phases = min(visit.ac_phases, evse.phases)
    return float(min(evse.evse_kw * phases / evse.phases, visit.discharge_kw))


def is_free(evse: Any) -> bool:
    """Nobody is plugged in, nobody has reserved it, and it works."""
    return bool(evse.visit < 0 and evse.held_for < 0 and not evse.out)


def choose_evse(k: State, v: int) -> int:
    """The free EVSE that visit ``v`` takes, or -1.

    The one that gives it most power; then the one whose station has most power left; then the
    one that has been free for longest; then the first.
    """
    visit = k.visits[v]
    if visit.evse >= 0:
        evse = k.evses[visit.evse]
        if is_free(evse) and pair_limit_kw(visit, evse) > 0.0:
            return int(visit.evse)
        return -1
    best = -1
    best_kw = 0.0
    best_spare_kw = 0.0
    best_since_s = 0.0
    for i in range(k.evses.shape[0]):
        evse = k.evses[i]
        if not is_free(evse):
            continue
        kw = pair_limit_kw(visit, evse)
        if kw <= 0.0 or kw < best_kw:
            continue
        station = k.stations[evse.station]
        spare_kw = station.limit_kw - station.committed_kw
        if kw == best_kw:
            if spare_kw < best_spare_kw:
                continue
            if spare_kw == best_spare_kw and evse.free_since_s >= best_since_s:
                continue
        best = i
        best_kw = kw
        best_spare_kw = spare_kw
        best_since_s = evse.free_since_s
    return best


def best_pairing(k: State, v: int) -> int:
    """The EVSE, free or not, that would give visit ``v`` most power; -1 if none fits."""
    visit = k.visits[v]
    if visit.evse >= 0:
        if pair_limit_kw(visit, k.evses[visit.evse]) > 0.0:
            return int(visit.evse)
        return -1
    best = -1
    best_kw = 0.0
    for i in range(k.evses.shape[0]):
        kw = pair_limit_kw(visit, k.evses[i])
        if kw > best_kw:
            best = i
            best_kw = kw
    return best
