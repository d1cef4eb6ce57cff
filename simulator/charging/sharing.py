"""Sharing limits among vehicles: weighted max-min water-filling and greedy, over a tree of two
levels.

The upper level is the site's limit, the lower one the limits of its stations (groups). A vehicle
has a
*floor*, below which it cannot charge (6 A on its phases), and a *want*, the most that it could use.
Who is admitted gets between floor and want; who is not gets nothing (it pauses).

Pure arithmetic on arrays that the caller owns: no vehicles, no time, no memory of who paused before
(the caller's ``order`` says whose turn it is). The engine's kernel compiles these functions.
"""

from __future__ import annotations

from numpy.typing import NDArray

Array = NDArray  # type: ignore[type-arg]


def fill(
    limit_kw: float,
    floor_kw: Array,
    want_kw: Array,
    weight: Array,
    give_kw: Array,
    start: int,
    stop: int,
) -> bool:
    """Weighted max-min shares of one limit among members ``start..stop-1``, written to ``give_kw``.

    ``give = clamp(level * weight, floor, want)`` with one level for all, the largest that fits.
    Needs ``0 <= floor <= want``, weights above 0 and floors that fit together. Returns whether
    the limit held somebody back.

    Each round fixes those whom the level over-serves at their want, or those whom it
    under-serves at their floor, whichever weighs more: the level only moves one way afterwards,
    so no one who is fixed needs another look (at most one round per member, two or three as a
    rule).
    """
    total = 0.0
    weights = 0.0
    for i in range(start, stop):
        total += want_kw[i]
        weights += weight[i]
    if total <= limit_kw:
        for i in range(start, stop):
            give_kw[i] = want_kw[i]
        return False
    rest = limit_kw
    for i in range(start, stop):
        give_kw[i] = -1.0  # not fixed yet
    while weights > 0.0:
        level = rest / weights
        over = 0.0
        under = 0.0
        for i in range(start, stop):
            if give_kw[i] < 0.0:
                share = level * weight[i]
                if share > want_kw[i]:
                    over += share - want_kw[i]
                elif share < floor_kw[i]:
                    under += floor_kw[i] - share
        if over == 0.0 and under == 0.0:
            for i in range(start, stop):
                if give_kw[i] < 0.0:
                    give_kw[i] = level * weight[i]
            break
        weights = 0.0
        for i in range(start, stop):
            if give_kw[i] < 0.0:
                share = level * weight[i]
                if share > want_kw[i] and over >= under:
                    give_kw[i] = want_kw[i]
                    rest -= want_kw[i]
                elif share < floor_kw[i] and under >= over:
                    give_kw[i] = floor_kw[i]
                    rest -= floor_kw[i]
                else:
                    weights += weight[i]
    return True


def fill_tree(
    site_kw: float,
    group_kw: Array,
    group_start: Array,
    groups: int,
    floor_kw: Array,
    want_kw: Array,
    weight: Array,
    give_kw: Array,
    middle_kw: Array,
) -> bool:
    """Weighted max-min shares under group limits and a site limit; returns whether the site's
    bound.

    Group ``g`` has members ``group_start[g]..group_start[g + 1] - 1``. Filling each group first
    and the site with the groups' answers as wants is max-min fair for both levels at once,
    because the limits are nested. ``middle_kw`` is scratch. Floors must fit (see :func:`admit`).
    """
    for g in range(groups):
        fill(group_kw[g], floor_kw, want_kw, weight, middle_kw, group_start[g], group_start[g + 1])
    return fill(site_kw, floor_kw, middle_kw, weight, give_kw, group_start[0], group_start[groups])


def floors_fit(
    site_kw: float, group_kw: Array, group_start: Array, groups: int, floor_kw: Array
) -> bool:
    """Whether every member can have its floor at once."""
    total = 0.0
    for g in range(groups):
        inside = 0.0
        for i in range(group_start[g], group_start[g + 1]):
            inside += floor_kw[i]
        if inside > group_kw[g]:
            return False
        total += inside
    return total <= site_kw


def admit(
    site_kw: float,
    group_kw: Array,
    group: Array,
    order: Array,
    members: int,
    floor_kw: Array,
    group_left_kw: Array,
    admitted: Array,
) -> bool:
    """Admit members in ``order`` while their floors fit; ``admitted[i]`` becomes 1 or 0.

    Somebody smaller further down the order may still fit where a larger one did not.
    ``group_left_kw`` is scratch. Returns whether the site's limit refused anybody.
    """
    site_left = site_kw
    refused_by_site = False
    for n in range(members):
        group_left_kw[group[n]] = group_kw[group[n]]
    for n in range(members):
        i = order[n]
        g = group[i]
        admitted[i] = 0.0
        if floor_kw[i] > group_left_kw[g]:
            continue
        if floor_kw[i] > site_left:
            refused_by_site = True
            continue
        admitted[i] = 1.0
        group_left_kw[g] -= floor_kw[i]
        site_left -= floor_kw[i]
    return refused_by_site


def greedy(
    site_kw: float,
    group_kw: Array,
    group: Array,
    order: Array,
    members: int,
    floor_kw: Array,
    want_kw: Array,
    group_left_kw: Array,
    give_kw: Array,
) -> bool:
    """Give members what they want in ``order`` until a limit is used up; less than the floor is
    nothing.

    ``group_left_kw`` is scratch. Returns whether the site's limit held anybody back.
    """
    site_left = site_kw
    held_by_site = False
    for n in range(members):
        group_left_kw[group[n]] = group_kw[group[n]]
    for n in range(members):
        i = order[n]
        g = group[i]
        give = min(want_kw[i], group_left_kw[g])
        if site_left < give:
            held_by_site = True
            give = site_left
        if give < floor_kw[i]:
            give = 0.0
        give_kw[i] = give
        group_left_kw[g] -= give
        site_left -= give
    return held_by_site
