"""The queue of a site: first in, first out, as a list linked through the session records."""

from __future__ import annotations

import math
from typing import Any

from simulator.engine.kernel.course import pass_on, plug_in
from simulator.engine.kernel.pairing import best_pairing, choose_evse
from simulator.engine.kernel.state import (
    BALKED,
    BLOCKED,
    NO_SHOW,
    RENEGED,
    UNSUITABLE,
    WAITING,
    State,
)


def patience_ends_s(visit: Any) -> float:
    """When a waiting driver gives up: out of patience, or at the planned departure."""
    return float(min(visit.arrival_s + visit.patience_s, visit.departure_s))


def arrive(k: State, v: int, now: float) -> None:
    """Visit ``v`` turns up: it plugs in, waits, or leaves."""
    site = k.site[0]
    session = k.sessions[v]
    visit = k.visits[v]
    if visit.no_show:
        turn_away(k, v, NO_SHOW)
        return
    i = -1
    if not site.dark:
        if visit.reserved >= 0:
            i = int(visit.reserved)
        elif site.free_evses > 0:
            i = choose_evse(k, v)
    if visit.reserved >= 0:
        let_go(k, visit.reserved)
    if i >= 0:
        plug_in(k, v, i, now)
        return
    fit = best_pairing(k, v)
    if fit < 0:
        turn_away(k, v, UNSUITABLE)
        return
    session.dc = k.evses[fit].dc
    if site.queue_room >= 0 and site.queue_length >= site.queue_room:
        turn_away(k, v, BLOCKED)
    elif visit.most_ahead >= 0 and site.queue_length > visit.most_ahead:
        turn_away(k, v, BALKED)
    else:
        join(k, v)


def turn_away(k: State, v: int, outcome: int) -> None:
    """Visit ``v`` ends without having plugged in."""
    k.sessions[v].outcome = outcome
    if k.visits[v].next_visit >= 0:
        pass_on(k, v, k.visits[v].soc)


def let_go(k: State, i: int) -> None:
    """End the reservation of EVSE ``i``."""
    evse = k.evses[i]
    k.visits[evse.held_for].reserved = -1
    evse.held_for = -1
    k.site[0].free_evses += 1


def join(k: State, v: int) -> None:
    """Put visit ``v`` at the end of the queue."""
    site = k.site[0]
    session = k.sessions[v]
    session.outcome = WAITING
    session.queue_next = -1
    session.queue_previous = site.queue_tail
    if site.queue_tail >= 0:
        k.sessions[site.queue_tail].queue_next = v
    else:
        site.queue_head = v
    site.queue_tail = v
    site.queue_length += 1
    site.renege_s = min(site.renege_s, patience_ends_s(k.visits[v]))


def leave(k: State, v: int, now: float) -> None:
    """Take visit ``v`` out of the queue."""
    site = k.site[0]
    session = k.sessions[v]
    session.queue_end_s = now
    if session.queue_previous >= 0:
        k.sessions[session.queue_previous].queue_next = session.queue_next
    else:
        site.queue_head = session.queue_next
    if session.queue_next >= 0:
        k.sessions[session.queue_next].queue_previous = session.queue_previous
    else:
        site.queue_tail = session.queue_previous
    site.queue_length -= 1
    if patience_ends_s(k.visits[v]) <= site.renege_s:
        least = math.inf
        n = site.queue_head
        while n >= 0:
            least = min(least, patience_ends_s(k.visits[n]))
            n = k.sessions[n].queue_next
        site.renege_s = least


def renege(k: State, now: float) -> int:
    """Whoever has run out of patience goes; returns how many."""
    gone = 0
    n = k.site[0].queue_head
    while n >= 0:
        following = k.sessions[n].queue_next
        if patience_ends_s(k.visits[n]) <= now:
            leave(k, n, now)
            turn_away(k, n, RENEGED)
            gone += 1
        n = following
    return gone


def serve(k: State, now: float) -> None:
    """Whoever waits and fits a free EVSE plugs in, in order of arrival."""
    site = k.site[0]
    n = site.queue_head
    while n >= 0 and site.free_evses > 0 and not site.dark:
        following = k.sessions[n].queue_next
        i = choose_evse(k, n)
        if i >= 0:
            leave(k, n, now)
            plug_in(k, n, i, now)
        n = following
