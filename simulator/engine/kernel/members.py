"""Who takes part in a decision, and under which limits: the scratch arrays that allocators read.

A decision is about the stations at the places ``first..stop-1`` of the tree, below one limit that
could hold them back (``top``: a node; ``SITE_TOP``: the site; ``STATION_TOP``: a station by
itself). Only limits that can bind are laid out, from the root to the leaves.
"""

from __future__ import annotations

import math
from typing import Any

from simulator.charging.curve import curve_at, segment
from simulator.engine.kernel.load import soc_at
from simulator.engine.kernel.modules import split
from simulator.engine.kernel.order import OUTSIDE
from simulator.engine.kernel.state import (
    ANYHOW,
    ASKED,
    FEED,
    FLOOR,
    GROUP,
    LIMIT,
    MEMBER,
    NODE_AT,
    NUMBER,
    PARENT,
    PLACE,
    SERVED_AS,
    SPLIT_MODULES,
    SPLIT_POLICY,
    START,
    STOP,
    WANT,
    WEIGHT,
    State,
)

SITE_TOP = -1
STATION_TOP = -2


def want_kw(k: State, evse: Any, soc: float) -> float:
    """The most power that the vehicle can use until its curve's next knot."""
    if evse.cap_kw > evse.power_kw > 0.0 and evse.slope <= 0.0 and soc < evse.end_soc:
        # The curve alone holds it, and does not rise before the piece ends.
        return float(min(evse.limit_kw, evse.power_kw + evse.slope * (soc - evse.anchor_soc)))
    knot = segment(soc, k.knots_soc, evse.knot, evse.knot_stop)
    right_kw = k.knots_kw[knot + 1] * evse.scale
    if right_kw >= evse.limit_kw:
        return float(evse.limit_kw)
    evse.at_kw = curve_at(soc, evse.scale, k.knots_soc, k.knots_kw, knot)
    top = max(evse.at_kw, right_kw)
    return float(min(evse.limit_kw, top))


def look_at(evse: Any, now: float) -> None:
    """Bring ``soc_now`` up to date; what was derived from an earlier one no longer holds."""
    evse.soc_now = soc_at(evse, now)
    evse.looked_s = now
    evse.steady = 0
    evse.curve_kw = -1.0
    evse.at_kw = -1.0


def look_again(evse: Any, now: float) -> None:
    """Bring ``soc_now`` up to date where the want stays as it is."""
    evse.soc_now = soc_at(evse, now)
    evse.looked_s = now
    evse.at_kw = -1.0


def is_steady(evse: Any) -> int:
    """Whether the want just looked up holds until the piece ends: 1 or 0.

    It does on a level stretch of curve, at full power, and on the way up to a knot; it sinks with a
    falling curve, and a vehicle that is held back may pass into one unnoticed.
    """
    held_back = evse.power_kw == evse.cap_kw and evse.cap_kw < evse.limit_kw
    held_back = held_back and evse.limit_kw > evse.least_kw
    return int(evse.power_kw > 0.0 and evse.slope >= 0.0 and not held_back)


def discharge_kw(evse: Any, soc: float) -> float:
    """What a controller asks the vehicle to give back, as far as it can; 0 for most."""
    if evse.control_kw >= 0.0 or soc <= evse.reserve_soc:
        return 0.0
    return float(min(-evse.control_kw, evse.discharge_kw, evse.limit_kw))


def own_cap_kw(evse: Any) -> float:
    """The cap of a vehicle that no limit of the site holds back: the pairing's or a controller's.

    A controller that allows less than the minimum stops it.
    """
    if evse.control_kw >= evse.limit_kw:
        return float(evse.limit_kw)
    if evse.control_kw < evse.min_kw:
        return 0.0
    return float(evse.control_kw)


def station_can_bind(k: State, station: Any) -> bool:
    """Whether a station could hold anybody back who is plugged in now."""
    if station.committed_kw > station.limit_kw:
        return True
    if station.split != SPLIT_MODULES:
        return False
    needed = 0
    for i in range(station.first, station.stop):
        evse = k.evses[i]
        if evse.active:
            needed += math.ceil(evse.limit_kw / station.module_kw)
    return bool(needed > station.modules)


def join_in(k: State, key: Any, i: int, n: int, group: int, now: float, feeding: bool) -> None:
    """EVSE ``i`` becomes member ``n``."""
    evse = k.evses[i]
    k.links[MEMBER, n] = i
    k.links[GROUP, n] = group
    paused = evse.cap_kw == 0.0 and evse.soc_now == evse.anchor_soc and evse.curve_kw >= 0.0
    if evse.steady and not feeding:
        if k.site[0].restless:
            look_again(evse, now)
    elif not paused or evse.fresh:
        look_at(evse, now)
        if evse.slope < 0.0:  # A tighter bound of the load for nothing.
            power = evse.power_kw + evse.slope * (evse.soc_now - evse.anchor_soc)
            k.site[0].ceiling_kw += power - evse.ceiling_kw
            evse.ceiling_kw = power
    if feeding:
        k.links[SERVED_AS, i] = ANYHOW
        evse.want_kw = discharge_kw(evse, evse.soc_now)
        k.scratch[FLOOR, n] = 0.0
        k.scratch[WEIGHT, n] = 1.0
    else:
        if evse.curve_kw < 0.0:
            evse.curve_kw = want_kw(k, evse, evse.soc_now)
            evse.steady = is_steady(evse)
        evse.want_kw = evse.curve_kw
        if evse.control_kw < evse.limit_kw:
            evse.want_kw = min(evse.want_kw, own_cap_kw(evse))
            k.links[SERVED_AS, i] = ANYHOW
        elif evse.fresh:
            k.links[SERVED_AS, i] = ANYHOW
        k.scratch[FLOOR, n] = min(evse.min_kw, evse.want_kw)
        if evse.keyed != evse.visit or k.site[0].restless:
            evse.keyed = evse.visit
            evse.key = key(k.site[0], evse, now)
            if k.links[NUMBER, i] != OUTSIDE:
                k.site[0].sorted = 0
        k.scratch[WEIGHT, n] = evse.key
    k.scratch[WANT, n] = evse.want_kw
    k.scratch[ASKED, n] = evse.want_kw


def lay_nodes(k: State, top: int, feeding: bool) -> int:
    """Lay out the limits from ``top`` down to the last node that can bind; returns how many."""
    first = 0
    end = k.nodes.shape[0]
    limits = 0
    if top == SITE_TOP:
        site = k.site[0]
        k.links[PARENT, 0] = -1
        k.links[NODE_AT, 0] = SITE_TOP
        k.scratch[LIMIT, 0] = site.feed_kw if feeding else site.limit_kw
        limits = 1
    elif top >= 0:
        first = top
        end = k.nodes[top].end
    else:
        end = 0
    for x in range(first, end):
        node = k.nodes[x]
        above = -1
        if x > first and node.parent >= first:
            above = k.nodes[node.parent].limit
        elif top == SITE_TOP:
            above = k.nodes[node.parent].limit if node.parent >= 0 else 0
        node.limit = above
        if node.binds:
            node.limit = limits
            k.links[PARENT, limits] = above
            k.links[NODE_AT, limits] = x
            k.scratch[LIMIT, limits] = node.limit_kw
            limits += 1
    return limits


def gather(
    k: State, key: Any, first: int, stop: int, top: int, now: float, feeding: bool
) -> tuple[int, int, bool]:
    """Collect those who charge (or, ``feeding``, those who are asked to give back).

    Returns the members, the limits above them, and whether somebody is asked to give back.
    """
    nodes = lay_nodes(k, top, feeding)
    limits = nodes
    n = 0
    fed = 0.0
    asked = False
    for place in range(first, stop):
        station = k.stations[k.stations[place].placed]
        station.curbed = 0
        station.dirty = 0
        k.links[PLACE, place - first] = n
        k.scratch[FEED, place - first] = fed
        above = -1
        if top != STATION_TOP:
            above = 0 if station.node < 0 else k.nodes[station.node].limit
        binds = station_can_bind(k, station)
        laid = binds and (station.split == SPLIT_POLICY or feeding)
        group = limits if laid else above
        begin = n
        before = fed
        for i in range(station.first, station.stop):
            evse = k.evses[i]
            if evse.active:
                backward = evse.control_kw < 0.0
                asked = asked or backward
                if backward == feeding:
                    join_in(k, key, i, n, group, now, feeding)
                    n += 1
                elif backward:
                    fed += evse.feed_kw
        if laid:
            k.links[PARENT, limits] = above
            k.links[NODE_AT, limits] = STATION_TOP
            k.links[START, limits] = begin
            k.links[STOP, limits] = n
            k.scratch[LIMIT, limits] = station.limit_kw + (fed - before)
            limits += 1
        elif binds and n > begin:
            split(k, station, begin, n, station.limit_kw + (fed - before))
    k.links[PLACE, stop - first] = n
    k.scratch[FEED, stop - first] = fed
    for g in range(nodes):
        a = first
        b = stop
        if k.links[NODE_AT, g] >= 0:
            node = k.nodes[k.links[NODE_AT, g]]
            a = node.first
            b = node.stop
        k.links[START, g] = k.links[PLACE, a - first]
        k.links[STOP, g] = k.links[PLACE, b - first]
        k.scratch[LIMIT, g] += k.scratch[FEED, b - first] - k.scratch[FEED, a - first]
    return n, limits, asked
