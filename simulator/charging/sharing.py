"""Sharing limits among vehicles: weighted max-min water-filling and greedy, over a tree of limits.

A vehicle has a *floor*, below which it cannot charge (6 A on its phases), and a *want*, the most
that it could use. Who is admitted gets between floor and want; who is not gets nothing (it pauses).

The tree is a list of limits from the root to the leaves: ``parent[g] < g``, -1 at the top. Limit
``g`` holds the members ``start[g]..stop[g] - 1``, so the members lie in the order of the tree;
``group[i]`` is the lowest limit above member ``i``, -1 if there is none.

Pure arithmetic on arrays that the caller owns: no vehicles, no time, no memory of who paused before
(the caller's ``order`` says whose turn it is). Powers only; for currents on three phases see
``engine/kernel/phases.py``. The engine's kernel compiles these functions.
"""

from __future__ import annotations

from numpy.typing import NDArray

Array = NDArray  # type: ignore[type-arg]

FULL = 1.0 - 1e-9
"""A limit used to this part of it is used up."""


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
    for i in range(start, stop):
        total += want_kw[i]
    if total <= limit_kw:
        for i in range(start, stop):
            give_kw[i] = want_kw[i]
        return False
    level_out(limit_kw, floor_kw, want_kw, weight, give_kw, start, stop)
    return True


def level_out(
    limit_kw: float,
    floor_kw: Array,
    want_kw: Array,
    weight: Array,
    give_kw: Array,
    start: int,
    stop: int,
) -> None:
    """:func:`fill` where the limit is below what is wanted."""
    rest = limit_kw
    weights = 0.0
    for i in range(start, stop):
        weights += weight[i]
        give_kw[i] = -1.0  # not fixed yet
    while weights > 0.0:
        level = rest / weights
        over = 0.0
        under = 0.0
        for i in range(start, stop):
            share = level * weight[i]
            above = share - want_kw[i]
            below = floor_kw[i] - share
            free = give_kw[i] < 0.0
            over += above if free and above > 0.0 else 0.0
            under += below if free and below > 0.0 else 0.0
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


def fill_tree(
    limit_kw: Array,
    start: Array,
    stop: Array,
    limits: int,
    members: int,
    floor_kw: Array,
    want_kw: Array,
    weight: Array,
    give_kw: Array,
    spare_kw: Array,
    held: Array,
) -> None:
    """Weighted max-min shares under a tree of ``limits``; ``held[g]``: limit ``g`` binds (1 or 0).

    Filling limit by limit from the leaves to the root, with the answers of those below as wants,
    is max-min fair for all of them at once, because they are nested. ``spare_kw`` is scratch.
    Floors must fit (see :func:`admit`).
    """
    for i in range(members):
        give_kw[i] = want_kw[i]
    for g in range(limits - 1, -1, -1):
        total = 0.0
        for i in range(start[g], stop[g]):
            total += give_kw[i]
        held[g] = 0
        if total > limit_kw[g]:
            held[g] = 1
            level_out(limit_kw[g], floor_kw, give_kw, weight, spare_kw, start[g], stop[g])
            for i in range(start[g], stop[g]):
                give_kw[i] = spare_kw[i]
    # One further up may have taken so much that a limit below has room again.
    for g in range(1, limits):
        if held[g]:
            total = 0.0
            for i in range(start[g], stop[g]):
                total += give_kw[i]
            if total < limit_kw[g] * FULL:
                held[g] = 0


def floors_fit(limit_kw: Array, start: Array, stop: Array, limits: int, floor_kw: Array) -> bool:
    """Whether every member can have its floor at once."""
    for g in range(limits):
        total = 0.0
        for i in range(start[g], stop[g]):
            total += floor_kw[i]
        if total > limit_kw[g]:
            return False
    return True


def greedy(
    limit_kw: Array,
    parent: Array,
    limits: int,
    group: Array,
    order: Array,
    members: int,
    floor_kw: Array,
    want_kw: Array,
    left_kw: Array,
    give_kw: Array,
    held: Array,
) -> None:
    """Give members what they want in ``order`` until limits are used up; less than the floor is
    nothing.

    Somebody smaller further down the order may still fit where a larger one did not.
    ``held[g]``: limit ``g`` held somebody back. ``left_kw`` is scratch.
    """
    for g in range(limits):
        left_kw[g] = limit_kw[g]
        held[g] = 0
    for n in range(members):
        i = order[n]
        give = want_kw[i]
        g = group[i]
        tightest = -1
        while g >= 0:
            if left_kw[g] < give:
                give = left_kw[g]
                tightest = g
            g = parent[g]
        if tightest >= 0:
            held[tightest] = 1
        if give < floor_kw[i] or give < 0.0:
            give = 0.0
        give_kw[i] = give
        if give > 0.0:
            g = group[i]
            while g >= 0:
                left_kw[g] -= give
                g = parent[g]


def admit(
    limit_kw: Array,
    parent: Array,
    limits: int,
    group: Array,
    order: Array,
    members: int,
    floor_kw: Array,
    left_kw: Array,
    admitted: Array,
    held: Array,
) -> None:
    """Admit members in ``order`` while their floors fit: ``admitted[i]`` is the floor, or 0.

    A member without a floor is admitted anyway. ``held[g]``: limit ``g`` refused somebody.
    """
    greedy(
        limit_kw,
        parent,
        limits,
        group,
        order,
        members,
        floor_kw,
        floor_kw,
        left_kw,
        admitted,
        held,
    )
