"""In which order the members of a decision are served: by the policy's key, or by turns.

Both orders change little from one decision to the next, so the last one is kept (for the EVSEs of
the whole site) and mended by insertion. Equals stand in the order of their EVSEs.
"""

from __future__ import annotations

from simulator.engine.kernel.state import LISTED, MEMBER, NUMBER, ORDER, WEIGHT, State

FEW = 8
"""So few are sorted from scratch."""

ABSENT = -1
OUTSIDE = -2
"""Values of the row NUMBER: no member now; nor in the kept order."""


def has_turn_before(k: State, a: int, b: int) -> bool:
    """Whether member ``a`` is admitted before member ``b``, where not everybody's minimum fits.

    As a rule who runs goes on, longest first, then who has paused for longest. At a turn those who
    pause come first, longest first, and of those who run the ones that have run for longest come
    last. Of two that changed together the one that has charged for the shorter time comes first.
    """
    i = k.links[MEMBER, a]
    j = k.links[MEMBER, b]
    one = k.evses[i]
    two = k.evses[j]
    turn = k.site[0].turn
    if one.paused != two.paused:
        return bool(one.paused == turn)
    if one.turn_s == two.turn_s:
        if one.ran_s == two.ran_s:
            return bool(i < j)
        return bool(one.ran_s < two.ran_s)
    if turn and not one.paused:
        return bool(one.turn_s > two.turn_s)
    return bool(one.turn_s < two.turn_s)


def has_key_before(k: State, a: int, b: int) -> bool:
    """Whether member ``a`` has the smaller key."""
    one = k.scratch[WEIGHT, a]
    two = k.scratch[WEIGHT, b]
    if one == two:
        return bool(k.links[MEMBER, a] < k.links[MEMBER, b])
    return bool(one < two)


def recall(k: State, n: int) -> int:
    """Put the members in the order of the last decision, newcomers at the end; returns how many."""
    site = k.site[0]
    before = site.listed
    number = k.links[NUMBER]
    listed = k.links[LISTED]
    known = 0
    for m in range(n):
        i = k.links[MEMBER, m]
        if number[i] == OUTSIDE:
            listed[site.listed] = i
            site.listed += 1
        number[i] = m
    newcomers = site.listed - before
    kept = 0
    for t in range(site.listed):
        i = listed[t]
        m = number[i]
        if m >= 0:
            k.links[ORDER, known] = m
            known += 1
        elif not k.evses[i].active:
            number[i] = OUTSIDE
            continue
        listed[kept] = i
        kept += 1
    site.listed = kept
    return int(newcomers)


def keep(k: State, n: int) -> None:
    """Keep the members' order for the next decision; who is no member keeps its place."""
    number = k.links[NUMBER]
    listed = k.links[LISTED]
    at = 0
    for t in range(k.site[0].listed):
        if number[listed[t]] >= 0:
            number[listed[t]] = ABSENT
            listed[t] = k.links[MEMBER, k.links[ORDER, at]]
            at += 1


def put_in_order(k: State, n: int, by_key: bool) -> None:
    """Sort the members (links row ORDER) by the policy's key, or by turns."""
    order = k.links[ORDER]
    start = 1
    if n > FEW:
        newcomers = recall(k, n)
        if by_key and k.site[0].sorted and not k.site[0].restless:
            start = max(1, n - newcomers)
        # Those who are no members now may stand anywhere among them.
        k.site[0].sorted = by_key and n == k.site[0].listed
    else:
        for m in range(n):
            order[m] = m
    for m in range(start, n):
        one = order[m]
        at = m
        if by_key:
            while at > 0 and has_key_before(k, one, order[at - 1]):
                order[at] = order[at - 1]
                at -= 1
        else:
            while at > 0 and has_turn_before(k, one, order[at - 1]):
                order[at] = order[at - 1]
                at -= 1
        order[at] = one
    if n > FEW:
        keep(k, n)
