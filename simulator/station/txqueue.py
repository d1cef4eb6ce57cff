"""The queue of transaction messages: strictly in order, kept while offline, tried again.

1.6 §3.7: new ones wait behind, so that the CSMS sees every transaction in chronological order.
§3.7.1: a message that the CSMS fails to process (CALLERROR or no answer in time, 1.6J errata 3.3)
is tried again after TransactionMessageRetryInterval times the number of tries so far, and given up
after TransactionMessageAttempts. A lost connection is no failure of the CSMS: the message stays at
the head and goes again after the reconnect. The head stays in the queue while it is on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, nan

from simulator.station.model import GATE_RETRY, Call
from simulator.station.ports import CallOutcome
from simulator.station.state import State
from simulator.station.waits import finished, gate_off, gate_on, mark, settle


def push(st: State, call: Call, now: float) -> None:
    """Put a message at the end; one with meter values goes for it if the queue is full."""
    queue = st.queue
    if queue is None:
        queue = st.queue = []
    elif len(queue) >= st.settings.max_queue:
        _make_room(st, queue, now, call.due)
    queue.append(call)


def ready(st: State) -> Call | None:
    """The head, if it may go now."""
    if st.gate or not st.queue:
        return None
    return st.queue[0]


def answered(st: State, now: float, call: Call, useful: bool) -> None:
    """The CSMS answered the head; ``useful`` is False when the answer cannot be used."""
    if not useful:
        failed(st, now, call, CallOutcome.ANSWERED)
        return
    assert st.queue is not None
    st.queue.pop(0)


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """The CSMS failed to process the head: try again later, or give it up."""
    call.failures += 1
    if call.failures < st.conf.attempts:
        call.lost = outcome is not CallOutcome.CALLERROR
        st.retry_due = now + st.conf.retry_interval_s * call.failures
        gate_on(st, now, GATE_RETRY)
        return
    assert st.queue is not None
    st.queue.pop(0)
    st.table.actions[call.action].failed(st, now, call, outcome)


def lost(st: State, now: float, call: Call) -> None:
    """The connection went while the head was on the wire: it is due again at once."""
    call.lost = True
    _plan_again(st, now, call, now)


def retry(st: State, now: float) -> None:
    """The retry interval is over: the head is due."""
    due, st.retry_due = st.retry_due, inf
    gate_off(st, due, GATE_RETRY)
    if st.queue:
        _plan_again(st, now, st.queue[0], due)


def _plan_again(st: State, now: float, call: Call, due: float) -> None:
    call.attempt += 1
    call.due = due
    call.written = nan
    st.observer.call_planned(st.index, call.action, due, call.attempt)
    mark(st, call, now)


def _make_room(st: State, queue: list[Call], now: float, last: float) -> None:
    """Give up the meter values that leave the smallest gap, the first of several such.

    Of evenly spaced ones that is the first, then the third, the fifth ... (2.0.1 E04.FR.08): what
    is left shows the whole course still. The head stays: it is on the wire, or waits for a retry.
    """
    actions = st.table.actions
    place, least = 0, inf
    for i in range(1, len(queue)):
        call = queue[i]
        if call.event not in actions[call.action].expendable:
            continue
        gap = _gap(queue, i, last)
        if gap < least:
            place, least = i, gap
    if place:
        call = queue.pop(place)
        settle(st, call, now)
        finished(st, call, CallOutcome.SKIPPED, now, "queue full")


def _gap(queue: list[Call], place: int, last: float) -> float:
    """How far apart its neighbours lie, to the millisecond; ``last`` is what comes behind all."""
    call = queue[place]
    before = _neighbour(call, reversed(queue[:place]))
    behind = _neighbour(call, queue[place + 1 :])
    until = last if behind is None else behind.due
    since = 2.0 * call.due - until if before is None else before.due
    return round(until - since, 3)


def _neighbour(call: Call, others: Iterable[Call]) -> Call | None:
    return next((c for c in others if c.tx is call.tx and c.evse is call.evse), None)


def went_offline(st: State) -> None:
    """What could not leave before the connection went is told as from then on (E11.FR.07)."""
    for call in st.queue or ():
        mark_late = st.table.actions[call.action].offline
        if mark_late is not None and call is not st.call:
            mark_late(call)
