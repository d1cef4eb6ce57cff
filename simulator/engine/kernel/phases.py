"""Sharing where currents on three phases are limited too: the allocators of ``sharing``, by phasor.

A row of the phasor table is a conductor: the sum, over the kinds of load (see ``state.KINDS``), of
a complex coefficient times the power of that kind may not be longer than its limit. Loads draw less
than their allotment as batteries fill, and in a neutral or behind a transformer less load can mean
more current. So such a conductor has one row for each set of kinds that can be its worst case
(``engine/wiring.py``): a row that holds for the allotments holds for every load below them.

Greedy solves a quadratic equation for each member. Filling raises one level for all until a limit
binds, fixes those whom it holds, and goes on with the others (progressive filling, which is max-min
fair for any limits that never ask for more load).
"""

from __future__ import annotations

import math

from simulator.engine.kernel.state import (
    BY_KIND,
    FIXED,
    FLOOR,
    GIVE,
    GROUP,
    HELD,
    KINDS,
    LEFT,
    LIMIT,
    MEMBER,
    NODE_AT,
    ORDER,
    PARENT,
    SLOPE,
    START,
    STOP,
    WANT,
    WEIGHT,
    State,
)

_OVER = 1.0 + 1e-12
_TIGHT = 1.0 - 1e-10
_STEEP = 1e-12
SLOPES = BY_KIND + KINDS
"""Scratch rows of the part that grows with the level."""


def any_phasors(k: State, limits: int) -> bool:
    """Whether a limit of this decision has conductors."""
    for g in range(limits):
        x = k.links[NODE_AT, g]
        if x >= 0 and k.nodes[x].row < k.nodes[x].row_stop:
            return True
    return False


def make_room(k: State, first: int, stop: int, feeding: bool) -> None:
    """What each conductor has left for those who charge, with what others give back.

    It may come or go at any time, so it never makes room; where loads of one sort can add to the
    current of the other, it takes some.
    """
    for r in range(k.phasors.shape[0]):
        row = k.phasors[r]
        row.room = row.limit_kw
        row.re = 0.0
        row.im = 0.0
        row.base_re = 0.0
        row.base_im = 0.0
    draw_base(k, feeding)
    if feeding:
        return
    fed = False
    for place in range(first, stop):
        station = k.stations[k.stations[place].placed]
        for i in range(station.first, station.stop):
            evse = k.evses[i]
            if evse.active and evse.control_kw < 0.0 and evse.feed_kw > 0.0:
                fed = True
                x = station.node
                while x >= 0:
                    draw(k, x, evse.kind, evse.feed_kw)
                    x = k.nodes[x].parent
    if not fed:
        return
    for r in range(k.phasors.shape[0]):
        row = k.phasors[r]
        if not row.simple:
            for q in range(k.nodes[row.node].row, k.nodes[row.node].row_stop):
                other = k.phasors[q]
                if other.conductor == row.conductor:
                    row.room = min(row.room, row.limit_kw - math.hypot(other.re, other.im))
            row.room = max(row.room, 0.0)


def draw_base(k: State, feeding: bool) -> None:
    """What the other load draws through the grid connection, evenly on three phases.

    Nothing of it is in the neutral. What alone is more than a conductor's limit counts as the
    limit. Seen from those who give back it flows the other way.
    """
    site = k.site[0]
    if k.nodes.shape[0] == 0 or not k.nodes[0].whole or site.base_kw == 0.0:
        return
    for r in range(k.nodes[0].row, k.nodes[0].row_stop):
        row = k.phasors[r]
        amps = site.base_kw * math.hypot(k.phasor_re[r, 0], k.phasor_im[r, 0])
        if amps != 0.0:
            share = site.base_kw * min(1.0, row.limit_kw / abs(amps))
            if feeding:
                share = 0.0 - share
            row.base_re = k.phasor_re[r, 0] * share
            row.base_im = k.phasor_im[r, 0] * share


def draw(k: State, x: int, kind: int, kw: float) -> None:
    """Add a load to the conductors of node ``x``."""
    for r in range(k.nodes[x].row, k.nodes[x].row_stop):
        row = k.phasors[r]
        row.re += k.phasor_re[r, kind] * kw
        row.im += k.phasor_im[r, kind] * kw


def longest(re: float, im: float, by_re: float, by_im: float, room: float) -> float:
    """Largest ``x >= 0`` with ``|(re + j im) + x (by_re + j by_im)| <= room``; inf if any.

    The larger root of the quadratic equation, written without the difference of nearly equals.
    """
    a = by_re * by_re + by_im * by_im
    if a == 0.0:
        return math.inf
    b = re * by_re + im * by_im
    c = re * re + im * im - room * room
    d = b * b - a * c
    if d <= 0.0:
        return 0.0
    root = math.sqrt(d)
    x = -c / (b + root) if b > 0.0 else (root - b) / a
    return max(0.0, x)


def greedy_by_phasor(k: State, n: int, limits: int, row_of_wants: int) -> None:
    """Serve members in order (row ORDER) up to their wants; see ``sharing.greedy``. Fills GIVE."""
    for g in range(limits):
        k.scratch[LEFT, g] = k.scratch[LIMIT, g]
        k.links[HELD, g] = 0
    for r in range(k.phasors.shape[0]):
        k.phasors[r].re = k.phasors[r].base_re
        k.phasors[r].im = k.phasors[r].base_im
    for t in range(n):
        m = k.links[ORDER, t]
        kind = k.evses[k.links[MEMBER, m]].kind
        give = k.scratch[row_of_wants, m]
        tightest = -1
        g = k.links[GROUP, m]
        while g >= 0:
            left = k.scratch[LEFT, g]
            x = k.links[NODE_AT, g]
            if x >= 0:
                for r in range(k.nodes[x].row, k.nodes[x].row_stop):
                    row = k.phasors[r]
                    by_re = k.phasor_re[r, kind]
                    by_im = k.phasor_im[r, kind]
                    left = min(left, longest(row.re, row.im, by_re, by_im, row.room))
            if left < give:
                give = left
                tightest = g
            g = k.links[PARENT, g]
        if tightest >= 0:
            k.links[HELD, tightest] = 1
        if give < k.scratch[FLOOR, m] or give < 0.0:
            give = 0.0
        k.scratch[GIVE, m] = give
        if give > 0.0:
            g = k.links[GROUP, m]
            while g >= 0:
                k.scratch[LEFT, g] -= give
                if k.links[NODE_AT, g] >= 0:
                    draw(k, k.links[NODE_AT, g], kind, give)
                g = k.links[PARENT, g]


def share_at(k: State, m: int, level: float) -> float:
    """What member ``m`` gets at a level."""
    if k.links[FIXED, m]:
        return float(k.scratch[GIVE, m])
    share = level * k.scratch[WEIGHT, m]
    return float(min(max(share, k.scratch[FLOOR, m]), k.scratch[WANT, m]))


def sum_row(k: State, r: int, g: int, table: int) -> tuple[float, float]:
    """The phasor of a conductor at limit ``g``, from a table of power by kind."""
    re = 0.0
    im = 0.0
    if table == BY_KIND:
        re = k.phasors[r].base_re
        im = k.phasors[r].base_im
    for kind in range(KINDS):
        kw = k.scratch[table + kind, g]
        re += k.phasor_re[r, kind] * kw
        im += k.phasor_im[r, kind] * kw
    return re, im


def pass_up(k: State, g: int, table: int) -> float:
    """Add what is below limit ``g`` to the limit above; returns the sum."""
    total = 0.0
    above = k.links[PARENT, g]
    for kind in range(table, table + KINDS):
        kw = k.scratch[kind, g]
        total += kw
        if above >= 0:
            k.scratch[kind, above] += kw
    return total


def fits_at(k: State, n: int, limits: int, level: float) -> bool:
    """Whether all limits hold at a level."""
    for row in range(BY_KIND, BY_KIND + KINDS):
        for g in range(limits):
            k.scratch[row, g] = 0.0
    for m in range(n):
        g = k.links[GROUP, m]
        if g >= 0:
            kind = k.evses[k.links[MEMBER, m]].kind
            k.scratch[BY_KIND + kind, g] += share_at(k, m, level)
    for g in range(limits - 1, -1, -1):
        if pass_up(k, g, BY_KIND) > k.scratch[LIMIT, g] * _OVER + 1e-12:
            return False
        x = k.links[NODE_AT, g]
        if x >= 0:
            for r in range(k.nodes[x].row, k.nodes[x].row_stop):
                re, im = sum_row(k, r, g, BY_KIND)
                if math.hypot(re, im) > k.phasors[r].room * _OVER:
                    return False
    return True


def highest_want(k: State, n: int) -> float:
    """The level at which everybody who is not fixed has what it wants."""
    level = 0.0
    for m in range(n):
        if not k.links[FIXED, m]:
            level = max(level, k.scratch[WANT, m] / k.scratch[WEIGHT, m])
    return level


def bend(k: State, n: int, low: float, high: float) -> float:
    """A level between two others at which somebody's share begins or ends to grow; -1 if none.

    Of several the one nearest to their mean, so that about half of them remain.
    """
    count = 0
    total = 0.0
    for m in range(n):
        if not k.links[FIXED, m]:
            for edge in (FLOOR, WANT):
                at = k.scratch[edge, m] / k.scratch[WEIGHT, m]
                if low < at < high:
                    count += 1
                    total += at
    if count == 0:
        return -1.0
    mean = total / count
    best = -1.0
    for m in range(n):
        if not k.links[FIXED, m]:
            for edge in (FLOOR, WANT):
                at = k.scratch[edge, m] / k.scratch[WEIGHT, m]
                if low < at < high and (best < 0.0 or abs(at - mean) < abs(best - mean)):
                    best = at
    return best


def lay_lines(k: State, n: int, limits: int, low: float, high: float) -> None:
    """Power by kind as a constant and a slope over the level, where no share bends in between."""
    for row in range(BY_KIND, SLOPES + KINDS):
        for g in range(limits):
            k.scratch[row, g] = 0.0
    middle = 0.5 * (low + high)
    for m in range(n):
        g = k.links[GROUP, m]
        if g >= 0:
            kind = k.evses[k.links[MEMBER, m]].kind
            weight = k.scratch[WEIGHT, m]
            grows = k.scratch[FLOOR, m] < middle * weight < k.scratch[WANT, m]
            if grows and not k.links[FIXED, m]:
                k.scratch[SLOPES + kind, g] += weight
            else:
                k.scratch[BY_KIND + kind, g] += share_at(k, m, middle)


def binding_level(k: State, limits: int, high: float) -> float:
    """The first level at which a limit binds, in closed form; needs :func:`lay_lines`."""
    level = high
    for g in range(limits - 1, -1, -1):
        at = pass_up(k, g, BY_KIND)
        slope = pass_up(k, g, SLOPES)
        k.scratch[LEFT, g] = at
        k.scratch[SLOPE, g] = slope
        if slope > 0.0:
            level = min(level, (k.scratch[LIMIT, g] - at) / slope)
        x = k.links[NODE_AT, g]
        if x >= 0:
            for r in range(k.nodes[x].row, k.nodes[x].row_stop):
                row = k.phasors[r]
                row.re, row.im = sum_row(k, r, g, BY_KIND)
                row.slope_re, row.slope_im = sum_row(k, r, g, SLOPES)
                level = min(level, longest(row.re, row.im, row.slope_re, row.slope_im, row.room))
    return level


def fix_below(k: State, g: int, level: float, r: int) -> int:
    """Fix those below a limit that binds; with ``r >= 0`` those who add to that conductor."""
    fixed = 0
    re = 0.0
    im = 0.0
    if r >= 0:
        row = k.phasors[r]
        re = row.re + level * row.slope_re
        im = row.im + level * row.slope_im
    for m in range(k.links[START, g], k.links[STOP, g]):
        if not k.links[FIXED, m]:
            if r >= 0:
                kind = k.evses[k.links[MEMBER, m]].kind
                by_re = k.phasor_re[r, kind]
                by_im = k.phasor_im[r, kind]
                steep = _STEEP * math.hypot(re, im) * math.hypot(by_re, by_im)
                if re * by_re + im * by_im <= steep:
                    continue
            k.scratch[GIVE, m] = share_at(k, m, level)
            k.links[FIXED, m] = 1
            fixed += 1
    return fixed


def fix_held(k: State, limits: int, level: float) -> int:
    """Fix whom the limits that bind at a level hold back; returns how many."""
    fixed = 0
    for g in range(limits):
        slope = k.scratch[SLOPE, g]
        at = k.scratch[LEFT, g] + slope * level
        if slope > 0.0 and at >= k.scratch[LIMIT, g] * _TIGHT:
            k.links[HELD, g] = 1
            fixed += fix_below(k, g, level, -1)
        x = k.links[NODE_AT, g]
        if x >= 0:
            for r in range(k.nodes[x].row, k.nodes[x].row_stop):
                row = k.phasors[r]
                re = row.re + level * row.slope_re
                im = row.im + level * row.slope_im
                rises = re * row.slope_re + im * row.slope_im > 0.0
                if rises and math.hypot(re, im) >= row.room * _TIGHT:
                    k.links[HELD, g] = 1
                    fixed += fix_below(k, g, level, r)
    return fixed


def fill_by_phasor(k: State, n: int, limits: int) -> None:
    """Max-min shares under limits of power and current; floors must fit. Fills GIVE."""
    for g in range(limits):
        k.links[HELD, g] = 0
    for m in range(n):
        k.links[FIXED, m] = 0
    level = 0.0
    free = n
    high = highest_want(k, n)
    while free > 0 and not fits_at(k, n, limits, high):
        low = level
        at = bend(k, n, low, high)
        while at >= 0.0:
            if fits_at(k, n, limits, at):
                low = at
            else:
                high = at
            at = bend(k, n, low, high)
        lay_lines(k, n, limits, low, high)
        level = max(low, min(high, binding_level(k, limits, high)))
        fixed = fix_held(k, limits, level)
        free -= fixed
        if fixed == 0:  # A limit that rounding alone exceeds: nobody gets more.
            for m in range(n):
                k.scratch[GIVE, m] = share_at(k, m, low)
                k.links[FIXED, m] = 1
            free = 0
        high = highest_want(k, n)
    for m in range(n):
        k.scratch[GIVE, m] = share_at(k, m, high)
