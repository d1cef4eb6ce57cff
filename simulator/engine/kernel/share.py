"""The decision: who gets how much from now on, under every limit of the site.

Limits are kept here, whatever the policy says. A vehicle's *want* is the most that it can use
before its piece of curve ends; since the end of a piece is an event, caps that fit the wants now
fit until the next decision. A vehicle that gets its want is left uncapped (its cap is the
pairing's limit, or a controller's).

Limits form a tree: site, nodes, stations. What the vehicles below could take at most says whether a
limit can bind at all. Below the topmost limit that can, everything is decided together if anything
there has changed (``members``); a station under none is decided by itself, or its caps are lifted.
What has been decided is put in force by ``force``. Called by ``advance``.
"""

from __future__ import annotations

import math
from typing import Any

from simulator.charging.sharing import admit, fill_tree, floors_fit, greedy
from simulator.engine.kernel.force import darken, note_held, put_in_force, release_caps, set_held
from simulator.engine.kernel.members import SITE_TOP, STATION_TOP, gather, station_can_bind
from simulator.engine.kernel.order import put_in_order
from simulator.engine.kernel.phases import (
    any_phasors,
    fill_by_phasor,
    fits_at,
    greedy_by_phasor,
    make_room,
)
from simulator.engine.kernel.state import (
    FIXED,
    FLOOR,
    GIVE,
    GROUP,
    HELD,
    LEFT,
    LIMIT,
    ORDER,
    PARENT,
    SPARE,
    START,
    STOP,
    WANT,
    WEIGHT,
    State,
)


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
