"""Cabinets that share their power among their EVSEs by themselves, whatever the site's policy.

``SPLIT_EQUAL``: equal parts, and what one plug cannot use goes to the others.
``SPLIT_MODULES``: whole power modules are routed to EVSEs, in rounds: one to each who can use
another, until none is left. A vehicle gets no more than its modules carry.

Runs before the site's own allocation and limits what members want there.
"""

from __future__ import annotations

from typing import Any

from simulator.charging.sharing import fill
from simulator.engine.kernel.order import has_turn_before
from simulator.engine.kernel.state import (
    FLOOR,
    GIVE,
    MEMBER,
    ORDER,
    SPARE,
    SPLIT_MODULES,
    WANT,
    State,
)


def split(k: State, station: Any, start: int, stop: int, limit_kw: float) -> None:
    """Share a cabinet among the members ``start..stop-1`` (rows WANT and FLOOR are lowered).

    A member whose minimum does not fit gets nothing; who pauses takes turns.
    """
    line_up(k, start, stop)
    if station.split == SPLIT_MODULES:
        route_modules(k, station, start, stop)
        admit_in_line(k, start, stop, limit_kw)
    else:
        admit_in_line(k, start, stop, limit_kw)
    for m in range(start, stop):
        k.scratch[SPARE, m] = 1.0
    fill(
        limit_kw, k.scratch[FLOOR], k.scratch[WANT], k.scratch[SPARE], k.scratch[GIVE], start, stop
    )
    for m in range(start, stop):
        k.scratch[WANT, m] = k.scratch[GIVE, m]
        if k.scratch[WANT, m] < k.evses[k.links[MEMBER, m]].want_kw:
            station.curbed = 1


def line_up(k: State, start: int, stop: int) -> None:
    """Sort the members by turns (a cabinet has few EVSEs)."""
    order = k.links[ORDER]
    for m in range(start, stop):
        at = m
        while at > start and has_turn_before(k, m, order[at - 1]):
            order[at] = order[at - 1]
            at -= 1
        order[at] = m


def route_modules(k: State, station: Any, start: int, stop: int) -> None:
    """One module after the other to whoever can use another; lowers what members want."""
    for m in range(start, stop):
        k.scratch[GIVE, m] = 0.0
    left = station.modules
    found = True
    while left > 0 and found:
        found = False
        for n in range(start, stop):
            m = k.links[ORDER, n]
            if left > 0 and k.scratch[GIVE, m] < k.scratch[WANT, m]:
                k.scratch[GIVE, m] += station.module_kw
                left -= 1
                found = True
    for m in range(start, stop):
        k.scratch[WANT, m] = min(k.scratch[WANT, m], k.scratch[GIVE, m])
        if k.scratch[WANT, m] < k.scratch[FLOOR, m]:
            k.scratch[WANT, m] = 0.0
            k.scratch[FLOOR, m] = 0.0


def admit_in_line(k: State, start: int, stop: int, limit_kw: float) -> None:
    """Who cannot have its minimum beside those before it gets nothing."""
    left_kw = limit_kw
    for n in range(start, stop):
        m = k.links[ORDER, n]
        if k.scratch[FLOOR, m] > left_kw:
            k.scratch[WANT, m] = 0.0
            k.scratch[FLOOR, m] = 0.0
        left_kw -= k.scratch[FLOOR, m]
