"""The decision: who gets how much from now on, under the station limits and the site limit.

Limits are kept here, whatever the policy says. A vehicle's *want* is the most that it can use
before its piece of curve ends; since the end of a piece is an event, caps that fit the wants now
fit until the next decision. A vehicle that gets its want is left uncapped (its cap is the
pairing's limit).
"""

from __future__ import annotations

import math
from typing import Any

from simulator.charging.curve import curve_at, segment
from simulator.charging.sharing import admit, fill_tree, floors_fit, greedy
from simulator.engine.kernel.course import log_cap, renew, settle
from simulator.engine.kernel.load import soc_at
from simulator.engine.kernel.state import (
    ADMITTED,
    FLOOR,
    GIVE,
    GROUP,
    GROUP_START,
    LEFT,
    LIMIT,
    MEMBER,
    MIDDLE,
    ORDER,
    PAUSES,
    WANT,
    WEIGHT,
    State,
)


def want_kw(k: State, evse: Any, soc: float) -> float:
    """The most power that the vehicle can use until its curve's next knot."""
    knot = segment(soc, k.knots_soc, evse.knot, evse.knot_stop)
    top = max(
        curve_at(soc, evse.scale, k.knots_soc, k.knots_kw, knot),
        k.knots_kw[knot + 1] * evse.scale,
    )
    return float(min(evse.limit_kw, top))


def set_cap(k: State, i: int, cap_kw: float, now: float) -> None:
    """Put a new cap in force at EVSE ``i``, and log it if asked to."""
    evse = k.evses[i]
    if cap_kw == evse.cap_kw and not evse.fresh:
        return
    turns = evse.fresh or (cap_kw > 0.0) != (evse.cap_kw > 0.0)
    if evse.active:
        settle(k, evse, now)
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


def site_can_bind(k: State) -> bool:
    """Whether the site limit could hold anybody back who is plugged in now."""
    total = 0.0
    for s in range(k.stations.shape[0]):
        total += min(k.stations[s].limit_kw, k.stations[s].committed_kw)
    return bool(total > k.site[0].limit_kw)


def own_cap_kw(evse: Any) -> float:
    """The cap of a vehicle that no limit of the site holds back: the pairing's or a controller's.

    A controller that allows less than the minimum stops it; below 0 the vehicle gives back.
    """
    if evse.control_kw >= evse.limit_kw:
        return float(evse.limit_kw)
    if evse.control_kw < 0.0:
        return float(max(evse.control_kw, -evse.discharge_kw))
    return float(evse.control_kw if evse.control_kw >= evse.min_kw else 0.0)


def release_caps(k: State, station: Any, now: float) -> None:
    """Nothing can bind at this station: everybody runs uncapped."""
    station.curbed = 0
    for i in range(station.first, station.stop):
        evse = k.evses[i]
        if evse.active:
            set_paused(k, evse, 0, now)
            set_cap(k, i, own_cap_kw(evse), now)


def collect(k: State, key: Any, first: int, stop: int, now: float) -> int:
    """Gather the charging vehicles of stations ``first..stop-1`` in the scratch rows; how many."""
    site = k.site[0]
    n = 0
    for s in range(first, stop):
        station = k.stations[s]
        k.links[GROUP_START, s - first] = n
        k.scratch[LIMIT, s - first] = station.limit_kw
        for i in range(station.first, station.stop):
            evse = k.evses[i]
            if evse.active:
                evse.soc_now = soc_at(evse, now)
                evse.want_kw = want_kw(k, evse, evse.soc_now)
                k.links[MEMBER, n] = i
                k.links[GROUP, n] = s - first
                k.links[ORDER, n] = n
                k.scratch[WANT, n] = evse.want_kw
                k.scratch[FLOOR, n] = min(evse.min_kw, evse.want_kw)
                k.scratch[WEIGHT, n] = key(site, evse, now)
                n += 1
    k.links[GROUP_START, stop - first] = n
    return n


def comes_before(k: State, a: int, b: int) -> bool:
    """Whether member ``a`` is admitted before member ``b``, where not everybody's minimum fits.

    As a rule who runs goes on, longest first, then who has paused for longest. At a turn those who
    pause come first, longest first, and of those who run the ones that have run for longest come
    last. Of two that changed together the one that has charged for the shorter time comes first.
    """
    one = k.evses[k.links[MEMBER, a]]
    two = k.evses[k.links[MEMBER, b]]
    turn = k.site[0].turn
    if one.paused != two.paused:
        return bool(one.paused == turn)
    if one.turn_s == two.turn_s:
        return bool(one.ran_s < two.ran_s)
    if turn and not one.paused:
        return bool(one.turn_s > two.turn_s)
    return bool(one.turn_s < two.turn_s)


def order_by_turn(k: State, n: int) -> None:
    """Insertion sort of the members for :func:`admit`; equals stay in the order of their EVSEs."""
    order = k.links[ORDER]
    for m in range(1, n):
        one = order[m]
        at = m
        while at > 0 and comes_before(k, one, order[at - 1]):
            order[at] = order[at - 1]
            at -= 1
        order[at] = one


def order_by_key(k: State, n: int) -> None:
    """Insertion sort of the members by their key, smallest first; equals in the order of EVSEs."""
    order = k.links[ORDER]
    key = k.scratch[WEIGHT]
    for m in range(1, n):
        one = order[m]
        at = m
        while at > 0 and key[one] < key[order[at - 1]]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = one


def allocate(k: State, site_kw: float, groups: int, n: int) -> bool:
    """Share among ``n`` members (row GIVE); whether the site held anybody back."""
    f = k.scratch
    if k.site[0].greedy:
        order_by_key(k, n)
        return greedy(
            site_kw,
            f[LIMIT],
            k.links[GROUP],
            k.links[ORDER],
            n,
            f[FLOOR],
            f[WANT],
            f[LEFT],
            f[GIVE],
        )
    held = False
    if not floors_fit(site_kw, f[LIMIT], k.links[GROUP_START], groups, f[FLOOR]):
        order_by_turn(k, n)
        held = admit(
            site_kw, f[LIMIT], k.links[GROUP], k.links[ORDER], n, f[FLOOR], f[LEFT], f[ADMITTED]
        )
        for m in range(n):
            if f[ADMITTED, m] == 0.0:
                f[FLOOR, m] = 0.0
                f[WANT, m] = 0.0
    bound = fill_tree(
        site_kw,
        f[LIMIT],
        k.links[GROUP_START],
        groups,
        f[FLOOR],
        f[WANT],
        f[WEIGHT],
        f[GIVE],
        f[MIDDLE],
    )
    return held or bound


def decide_group(k: State, key: Any, first: int, stop: int, site_kw: float, now: float) -> bool:
    """Decide anew for stations ``first..stop-1``; whether ``site_kw`` held anybody back."""
    n = collect(k, key, first, stop, now)
    held = allocate(k, site_kw, stop - first, n)
    for s in range(first, stop):
        k.stations[s].curbed = 0
    for m in range(n):
        i = k.links[MEMBER, m]
        evse = k.evses[i]
        give = k.scratch[GIVE, m]
        if give >= evse.want_kw:
            set_paused(k, evse, 0, now)
            set_cap(k, i, evse.limit_kw, now)
        else:
            k.stations[evse.station].curbed = 1
            set_paused(k, evse, 0 if give > 0.0 else 1, now)
            set_cap(k, i, give, now)
    return held


def darken(k: State, now: float) -> None:
    """The stations have no power: nobody charges, and no limit holds anybody back."""
    site = k.site[0]
    site.held = 0
    site.turn = 0
    site.rotate_s = math.inf
    for s in range(k.stations.shape[0]):
        station = k.stations[s]
        station.dirty = 0
        station.curbed = 0
        for i in range(station.first, station.stop):
            evse = k.evses[i]
            if evse.active:
                set_paused(k, evse, 1, now)
                set_cap(k, i, 0.0, now)


def decide(k: State, key: Any, now: float) -> None:
    """Decide anew wherever something has changed that matters."""
    site = k.site[0]
    stations = k.stations.shape[0]
    site.dirty = 0
    if site.dark:
        darken(k, now)
        return
    if site_can_bind(k):
        site.held = 1 if decide_group(k, key, 0, stations, site.limit_kw, now) else 0
        for s in range(stations):
            k.stations[s].dirty = 0
    else:
        everywhere = site.held
        site.held = 0
        for s in range(stations):
            station = k.stations[s]
            if station.dirty or everywhere:
                station.dirty = 0
                if station.committed_kw > station.limit_kw:
                    decide_group(k, key, s, s + 1, math.inf, now)
                else:
                    release_caps(k, station, now)
    site.turn = 0
    if site.pausing == 0 or site.greedy:
        site.rotate_s = math.inf
    elif math.isinf(site.rotate_s):
        site.rotate_s = now + site.rotate_period_s
