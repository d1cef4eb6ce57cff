"""The decision: who gets how much from now on, under every limit of the site.

Limits are kept here, whatever the policy says. A vehicle's *want* is the most that it can use
before its piece of curve ends; since the end of a piece is an event, caps that fit the wants now
fit until the next decision. A vehicle that gets its want is left uncapped (its cap is the
pairing's limit, or a controller's).

Limits form a tree: site, nodes, stations. What the vehicles below could take at most says whether a
limit can bind at all. Below the topmost limit that can, everything is decided together if anything
there has changed (``members``); a station under none is decided by itself, or its caps are lifted.
"""

from __future__ import annotations

import math
from typing import Any

from simulator.charging.sharing import admit, fill_tree, floors_fit, greedy
from simulator.engine.kernel.course import log_cap, renew, settle_at
from simulator.engine.kernel.members import (
    SITE_TOP,
    STATION_TOP,
    discharge_kw,
    gather,
    look_again,
    look_at,
    own_cap_kw,
    station_can_bind,
)
from simulator.engine.kernel.order import put_in_order
from simulator.engine.kernel.phases import (
    any_phasors,
    fill_by_phasor,
    fits_at,
    greedy_by_phasor,
    make_room,
)
from simulator.engine.kernel.state import (
    ANYHOW,
    ASKED,
    FIXED,
    FLOOR,
    FULLY,
    GIVE,
    GROUP,
    HELD,
    LEFT,
    LIMIT,
    MEMBER,
    NODE_AT,
    NOT_AT_ALL,
    ORDER,
    PARENT,
    PAUSES,
    SERVED_AS,
    SPARE,
    START,
    STOP,
    WANT,
    WEIGHT,
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


def weigh(k: State) -> float:
    """What the vehicles at the site could take at most; says of each node whether it can bind."""
    site = k.site[0]
    if not site.stale:
        return float(site.demand_kw)
    nodes = k.nodes.shape[0]
    for x in range(nodes):
        k.nodes[x].demand_kw = 0.0
    other_kw = k.site[0].base_kw
    if k.site[0].feeds:
        other_kw = abs(other_kw)
    total = 0.0
    for s in range(k.stations.shape[0]):
        station = k.stations[s]
        demand = min(station.limit_kw, station.committed_kw)
        if station.node >= 0:
            k.nodes[station.node].demand_kw += demand
        else:
            total += demand
    for x in range(nodes - 1, -1, -1):
        node = k.nodes[x]
        demand = node.demand_kw
        current = demand + max(0.0, other_kw) if x == 0 and node.whole else demand
        node.binds = demand > node.limit_kw or current > node.free_kw
        demand = min(demand, node.limit_kw)
        if node.parent >= 0:
            k.nodes[node.parent].demand_kw += demand
        else:
            total += demand
    site.demand_kw = total
    site.stale = 0
    return total


def mark(k: State, first: int, stop: int) -> None:
    """The stations at these places must be decided anew."""
    for place in range(first, stop):
        k.stations[k.stations[place].placed].dirty = 1


def any_dirty(k: State, first: int, stop: int) -> bool:
    """Whether one of the stations at these places must be decided anew."""
    found = False
    for place in range(first, stop):
        found = found or k.stations[k.stations[place].placed].dirty != 0
    return found


def let_go(k: State, site_binds: bool, now: float) -> None:
    """Limits that held somebody back and no longer can: those below are decided anew."""
    site = k.site[0]
    if site.held and not site_binds:
        site.held = 0
        mark(k, 0, k.stations.shape[0])
    for x in range(k.nodes.shape[0]):
        node = k.nodes[x]
        if node.held and not node.binds:
            set_held(node, 0, now)
            mark(k, node.first, node.stop)


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


def allocate(k: State, first: int, stop: int, n: int, limits: int, feeding: bool) -> None:
    """Share among ``n`` members (row GIVE) under ``limits`` (row HELD says which bind)."""
    f = k.scratch
    o = k.links
    serves = k.site[0].greedy and not feeding
    if any_phasors(k, limits):
        make_room(k, first, stop, feeding)
        if serves:
            put_in_order(k, n, True)
            greedy_by_phasor(k, n, limits, WANT)
            return
        for m in range(n):
            o[FIXED, m] = 0
        refuses = not fits_at(k, n, limits, 0.0)
        if refuses:
            put_in_order(k, n, False)
            greedy_by_phasor(k, n, limits, FLOOR)
            turn_away(k, n, limits)
        fill_by_phasor(k, n, limits)
        if refuses:
            remember(k, limits)
        return
    if serves:
        put_in_order(k, n, True)
        greedy(
            f[LIMIT],
            o[PARENT],
            limits,
            o[GROUP],
            o[ORDER],
            n,
            f[FLOOR],
            f[WANT],
            f[LEFT],
            f[GIVE],
            o[HELD],
        )
        return
    refuses = not floors_fit(f[LIMIT], o[START], o[STOP], limits, f[FLOOR])
    if refuses:
        put_in_order(k, n, False)
        admit(
            f[LIMIT],
            o[PARENT],
            limits,
            o[GROUP],
            o[ORDER],
            n,
            f[FLOOR],
            f[LEFT],
            f[GIVE],
            o[HELD],
        )
        turn_away(k, n, limits)
    fill_tree(
        f[LIMIT],
        o[START],
        o[STOP],
        limits,
        n,
        f[FLOOR],
        f[WANT],
        f[WEIGHT],
        f[GIVE],
        f[SPARE],
        o[HELD],
    )
    if refuses:
        remember(k, limits)


def turn_away(k: State, n: int, limits: int) -> None:
    """Who was not admitted (row GIVE) wants nothing; keeps in mind which limits refused."""
    for m in range(n):
        if k.scratch[GIVE, m] < k.scratch[FLOOR, m]:
            k.scratch[FLOOR, m] = 0.0
            k.scratch[WANT, m] = 0.0
    for g in range(limits):
        k.links[ORDER, g] = k.links[HELD, g]


def remember(k: State, limits: int) -> None:
    """A limit that refused somebody held it back, used up or not."""
    for g in range(limits):
        if k.links[ORDER, g]:
            k.links[HELD, g] = 1


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


def decide_below(k: State, key: Any, first: int, stop: int, top: int, now: float) -> None:
    """Decide anew for the stations at the places ``first..stop-1``, which ``top`` could hold.

    Where a controller asks vehicles to give back, that is settled first: it makes room.
    """
    feeding = False
    settled = False
    while True:
        n, limits, asked = gather(k, key, first, stop, top, now, feeding)
        if asked and not settled:
            settled = True
            feeding = True
            continue
        allocate(k, first, stop, n, limits, feeding)
        put_in_force(k, n, feeding, now)
        if not feeding:
            break
        feeding = False
    note_held(k, first, stop, limits, now)


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


def decide(k: State, key: Any, now: float) -> None:
    """Decide anew wherever something has changed that matters."""
    site = k.site[0]
    nodes = k.nodes.shape[0]
    steps = nodes + k.stations.shape[0]
    site.dirty = 0
    if site.dark:
        darken(k, now)
        return
    most_kw = weigh(k)
    site_binds = most_kw > site.limit_kw or (site.feeds != 0 and most_kw > site.feed_kw)
    let_go(k, site_binds, now)
    step = -1
    while step < steps:
        first = 0
        stop = 0
        top = SITE_TOP
        following = step + 1
        if step < 0:
            if site_binds:
                stop = k.stations.shape[0]
                following = steps
        elif step < nodes:
            node = k.nodes[step]
            if node.binds:
                following = node.end
                if any_dirty(k, node.first, node.stop):
                    top = step
                    first = node.first
                    stop = node.stop
        else:
            place = step - nodes
            station = k.stations[k.stations[place].placed]
            if station.dirty:
                if station_can_bind(k, station):
                    top = STATION_TOP
                    first = place
                    stop = place + 1
                else:
                    station.dirty = 0
                    release_caps(k, station, now)
        if first < stop:
            decide_below(k, key, first, stop, top, now)
        step = following
    wind_clocks(k, now)


def anybody_curbed(k: State) -> bool:
    """Whether a limit holds somebody back."""
    curbed = k.site[0].held != 0
    for s in range(k.stations.shape[0]):
        curbed = curbed or k.stations[s].curbed != 0
    return bool(curbed)


def wind_clocks(k: State, now: float) -> None:
    """When those who pause change, and when a policy whose order changes with time looks again."""
    site = k.site[0]
    site.turn = 0
    turning = site.pausing > 0 and not site.greedy
    if site.turns:
        turning = anybody_curbed(k)
    if not turning:
        site.rotate_s = math.inf
    elif math.isinf(site.rotate_s):
        site.rotate_s = now + site.rotate_period_s
    if math.isfinite(site.policy_period_s):
        if not anybody_curbed(k):
            site.policy_s = math.inf
        elif math.isinf(site.policy_s):
            site.policy_s = now + site.policy_period_s
