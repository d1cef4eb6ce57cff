"""What a decision changes: caps, who pauses, and which limits hold somebody back.

It decides nothing: ``share`` does, and calls this. Time is added up here for which vehicles ran and
limits bound.
"""

from __future__ import annotations

import math
from typing import Any

from simulator.engine.kernel.course import log_cap, renew, settle_at
from simulator.engine.kernel.members import (
    SITE_TOP,
    STATION_TOP,
    discharge_kw,
    look_again,
    look_at,
    own_cap_kw,
)
from simulator.engine.kernel.state import (
    ANYHOW,
    ASKED,
    FULLY,
    GIVE,
    HELD,
    MEMBER,
    NODE_AT,
    NOT_AT_ALL,
    PARENT,
    PAUSES,
    SERVED_AS,
    START,
    STOP,
    State,
)


def set_cap(k: State, i: int, cap_kw: float, now: float) -> None:
    """Put a new cap in force at EVSE ``i``, and log it if asked to."""
    evse = k.evses[i]
    if cap_kw == evse.cap_kw and not evse.fresh:
        return
    turns = evse.fresh or (cap_kw > 0.0) != (evse.cap_kw > 0.0)
    if evse.active:
        if evse.looked_s != now:
            look_again(evse, now)
        settle_at(k, evse, now, evse.soc_now)
        renew(k, i, cap_kw)
    evse.fresh = 0
    if turns or k.site[0].record_caps != PAUSES:
        log_cap(k, evse, cap_kw, now)


def set_paused(k: State, evse: Any, paused: int, now: float) -> None:
    """Note that a vehicle pauses or runs from now on."""
    if evse.paused != paused:
        if paused:
            evse.ran_s += now - evse.turn_s
        evse.paused = paused
        evse.turn_s = now
        k.site[0].pausing += 2 * paused - 1


def set_held(node: Any, held: int, now: float) -> None:
    """Note that a node holds somebody back, or no longer."""
    if node.held != held:
        if held:
            node.held_s = now
        else:
            node.bound_s += now - node.held_s
        node.held = held


def close_nodes(k: State, until_s: float) -> None:
    """Bring the time for which nodes held somebody back up to date."""
    for x in range(k.nodes.shape[0]):
        node = k.nodes[x]
        if node.held:
            node.bound_s += until_s - node.held_s
            node.held_s = until_s


def put_in_force(k: State, n: int, feeding: bool, now: float) -> None:
    """Give the members their caps."""
    for m in range(n):
        i = k.links[MEMBER, m]
        give = k.scratch[GIVE, m]
        served = ANYHOW
        if give >= k.scratch[ASKED, m]:
            served = FULLY
        elif give <= 0.0:
            served = NOT_AT_ALL
        if served != ANYHOW and k.links[SERVED_AS, i] == served:
            continue
        evse = k.evses[i]
        if not feeding and evse.control_kw >= evse.limit_kw:
            k.links[SERVED_AS, i] = served
        cap = give
        paused = 0
        if feeding:
            evse.feed_kw = give
            cap = 0.0 - give
        elif give >= evse.want_kw:
            cap = own_cap_kw(evse)
        elif give <= 0.0:
            paused = 1
        set_paused(k, evse, paused, now)
        set_cap(k, i, cap, now)


def release_caps(k: State, station: Any, now: float) -> None:
    """Nothing can bind at this station: everybody runs as it likes."""
    station.curbed = 0
    for i in range(station.first, station.stop):
        k.links[SERVED_AS, i] = ANYHOW
        evse = k.evses[i]
        if evse.active:
            cap = own_cap_kw(evse)
            look_at(evse, now)
            if evse.control_kw < 0.0:
                evse.feed_kw = discharge_kw(evse, evse.soc_now)
                cap = 0.0 - evse.feed_kw
            set_paused(k, evse, 0, now)
            set_cap(k, i, cap, now)


def note_held(k: State, first: int, stop: int, limits: int, now: float) -> None:
    """Keep which limits hold somebody back, and which stations are below one."""
    site = k.site[0]
    held = False
    for g in range(limits):
        x = k.links[NODE_AT, g]
        held = held or k.links[HELD, g] != 0
        if x >= 0:
            set_held(k.nodes[x], k.links[HELD, g], now)
        elif x == SITE_TOP:
            site.held = k.links[HELD, g]
        above = k.links[PARENT, g]
        if above >= 0 and k.links[HELD, above]:
            k.links[HELD, g] = 1  # from here on: this limit or one above
    if not held:
        return
    below = k.links[HELD, 0] != 0
    for place in range(first, stop):
        s = k.stations[place].placed
        station = k.stations[s]
        if below:
            station.curbed = 1
        elif station.node >= 0:
            above = k.nodes[station.node].limit
            if above >= 0 and k.links[HELD, above]:
                station.curbed = 1
    for g in range(limits):
        some = k.links[START, g] < k.links[STOP, g]
        if some and k.links[NODE_AT, g] == STATION_TOP and k.links[HELD, g]:
            i = k.links[MEMBER, k.links[START, g]]
            k.stations[k.evses[i].station].curbed = 1


def darken(k: State, now: float) -> None:
    """The stations have no power: nobody charges, and no limit holds anybody back."""
    site = k.site[0]
    site.held = 0
    site.turn = 0
    site.rotate_s = math.inf
    for x in range(k.nodes.shape[0]):
        set_held(k.nodes[x], 0, now)
    for s in range(k.stations.shape[0]):
        station = k.stations[s]
        station.dirty = 0
        station.curbed = 0
        for i in range(station.first, station.stop):
            k.links[SERVED_AS, i] = ANYHOW
            evse = k.evses[i]
            if evse.active:
                look_at(evse, now)
                set_paused(k, evse, 1, now)
                set_cap(k, i, 0.0, now)
