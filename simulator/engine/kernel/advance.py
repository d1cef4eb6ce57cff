"""The event loop of one site.

Events: arrival (a chain of visits in their order), end of a piece, departure, a car's own timer,
giving up in the queue, a change of limits or of the other load, the turn of those who pause, the
next look of a policy, and a decision asked for from outside. All events of one moment are handled
together: first what changes by the clock, then what ends (pieces, departures, patience), then who
waits, then who arrives, then one decision for all. State moves only at events, so cutting the
horizon anywhere changes no bit.
"""

from __future__ import annotations

import math
from typing import Any

from simulator.engine.kernel.changes import apply_change, call_for_decision
from simulator.engine.kernel.course import block_due, end_piece, set_due, start_charging, unplug
from simulator.engine.kernel.force import close_nodes
from simulator.engine.kernel.load import pass_time, record_energy, soc_at
from simulator.engine.kernel.share import decide
from simulator.engine.kernel.state import BLOCK, SERVED, State
from simulator.engine.kernel.waiting import arrive, renege, serve

DONE = 0
CAPS_FULL = 1

_REFRESH = 4096


def advance(
    site: Any,
    stations: Any,
    evses: Any,
    visits: Any,
    sessions: Any,
    knots_soc: Any,
    knots_kw: Any,
    due_s: Any,
    block_due_s: Any,
    load_kwh: Any,
    caps: Any,
    scratch: Any,
    links: Any,
    nodes: Any,
    phasors: Any,
    phasor_re: Any,
    phasor_im: Any,
    changes: Any,
    price: Any,
    feed_in: Any,
    carbon: Any,
    evse_kwh: Any,
    key: Any,
    until_s: float,
) -> int:
    """Handle every event up to and including ``until_s``; the arrays are those of ``State``.

    Returns ``DONE``, or ``CAPS_FULL`` if the log of caps needs more room (enlarge it and call
    again).
    """
    k = State(
        site,
        stations,
        evses,
        visits,
        sessions,
        knots_soc,
        knots_kw,
        due_s,
        block_due_s,
        load_kwh,
        caps,
        scratch,
        links,
        nodes,
        phasors,
        phasor_re,
        phasor_im,
        changes,
        price,
        feed_in,
        carbon,
        evse_kwh,
    )
    s = site[0]
    while True:
        now = next_event_s(k)
        if now > until_s or math.isinf(now):
            return DONE
        if s.record_caps and s.caps_length + 2 * evses.shape[0] > caps.shape[0]:
            return CAPS_FULL
        pass_time(k, now)
        handle(k, now)
        if s.dirty:
            decide(k, key, now)
        if s.events >= s.refresh_events:
            s.refresh_events = s.events + _REFRESH
            refresh_ceiling(k)


def next_event_s(k: State) -> float:
    """Time of the next event of any kind."""
    s = k.site[0]
    now = min(s.call_s, s.renege_s, s.rotate_s, s.policy_s, s.arrive_s)
    if s.next_change < k.changes.shape[0]:
        now = min(now, k.changes[s.next_change].time_s)
    for block in range(k.block_due_s.shape[0]):
        now = min(now, block_due(k, block))
    return float(now)


def handle(k: State, now: float) -> None:
    """All events of this moment: releases first, then starts."""
    s = k.site[0]
    while s.next_change < k.changes.shape[0] and k.changes[s.next_change].time_s <= now:
        s.events += 1
        apply_change(k, k.changes[s.next_change])
        s.next_change += 1
    for block in range(k.block_due_s.shape[0]):
        while block_due(k, block) <= now:
            release_block(k, block, now)
    if s.renege_s <= now:
        s.events += renege(k, now)
    if s.queue_length > 0 and s.free_evses > 0:
        serve(k, now)
    while s.arrive_s <= now:
        v = s.next_visit
        s.next_visit = k.visits[v].after
        s.arrive_s = math.inf if s.next_visit < 0 else k.visits[s.next_visit].arrival_s
        s.events += 1
        arrive(k, v, now)
    if s.rotate_s <= now:
        s.events += 1
        s.rotate_s = now + s.rotate_period_s
        s.turn = 1
        call_for_decision(k)
    if s.policy_s <= now:
        s.events += 1
        s.policy_s = now + s.policy_period_s
        call_for_decision(k)
    if s.call_s <= now:
        s.events += 1
        s.call_s = math.inf
        call_for_decision(k)


def release_block(k: State, block: int, now: float) -> None:
    """What ends at the EVSEs of a block, in their order."""
    s = k.site[0]
    for i in range(block * BLOCK, min(block * BLOCK + BLOCK, k.due_s.shape[0])):
        if k.due_s[i] <= now:
            evse = k.evses[i]
            s.events += 1
            if evse.active and evse.end_s <= now:
                end_piece(k, i, now)
            if evse.departure_s <= now:
                unplug(k, i, now, SERVED)
            elif evse.ready_s <= now:
                set_due(k, i, evse.departure_s)
                start_charging(k, i, now)


def refresh_ceiling(k: State) -> None:
    """Sum up the bound of the load anew, before rounding adds up."""
    total = 0.0
    for i in range(k.evses.shape[0]):
        if k.evses[i].active:
            total += k.evses[i].ceiling_kw
    k.site[0].ceiling_kw = total


def finish(
    site: Any,
    stations: Any,
    evses: Any,
    visits: Any,
    sessions: Any,
    knots_soc: Any,
    knots_kw: Any,
    due_s: Any,
    block_due_s: Any,
    load_kwh: Any,
    caps: Any,
    scratch: Any,
    links: Any,
    nodes: Any,
    phasors: Any,
    phasor_re: Any,
    phasor_im: Any,
    changes: Any,
    price: Any,
    feed_in: Any,
    carbon: Any,
    evse_kwh: Any,
    until_s: float,
) -> None:
    """Close the books at ``until_s``, once, after :func:`advance` to the same time.

    Records the energy since the last anchors, the SoC of those who still charge, and the rest of
    the peak and of the time for which the limit held; no session is ended.
    """
    k = State(
        site,
        stations,
        evses,
        visits,
        sessions,
        knots_soc,
        knots_kw,
        due_s,
        block_due_s,
        load_kwh,
        caps,
        scratch,
        links,
        nodes,
        phasors,
        phasor_re,
        phasor_im,
        changes,
        price,
        feed_in,
        carbon,
        evse_kwh,
    )
    pass_time(k, until_s)
    close_nodes(k, until_s)
    for i in range(evses.shape[0]):
        evse = evses[i]
        if evse.active:
            soc = soc_at(evse, until_s)
            record_energy(k, evse, until_s, soc)
            sessions[evse.visit].soc_end = soc
