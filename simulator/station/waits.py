"""Why a call could not leave: cumulative clocks of waiting, and what a call takes from them.

Two clocks run in a station. *Busy*: an earlier call is unanswered or the socket takes nothing (the
CSMS's fault: protocol wait). *Gated*, for queued transaction messages alone: offline, not accepted,
or a retry interval (the scenario's doing: station wait). A third counts both at once, so that no
second is charged twice. A call notes the clocks when it becomes due and again when it leaves; what
is left of its queue time is the generator's own.
"""

from __future__ import annotations

from math import inf

from simulator.station.model import Call
from simulator.station.ports import CallOutcome
from simulator.station.state import State


def busy_on(st: State, now: float) -> None:
    """A call has left, or the socket is full."""
    if st.busy_since == inf:
        st.busy_since = now


def busy_off(st: State, now: float) -> None:
    """Nothing is in the way of the next call any more."""
    since = st.busy_since
    if since == inf:
        return
    st.busy_total += now - since
    if st.gate_since != inf:
        st.overlap_total += now - max(since, st.gate_since)
    st.busy_since = inf
    st.busy_from, st.busy_until = since, now


def gate_on(st: State, now: float, reason: int) -> None:
    """Queued messages may not leave, for this reason too."""
    if not st.gate:
        st.gate_since = now
    st.gate |= reason


def gate_off(st: State, now: float, reason: int) -> None:
    """This reason is gone."""
    if not st.gate & reason:
        return
    st.gate &= ~reason
    if not st.gate:
        st.gate_total += now - st.gate_since
        if st.busy_since != inf:
            st.overlap_total += now - max(st.gate_since, st.busy_since)
        st.gate_from, st.gate_until = st.gate_since, now
        st.gate_since = inf


def mark(st: State, call: Call, now: float) -> None:
    """The call is due: note the clocks as they stood at ``call.due`` (at or before ``now``).

    Of periods that began and ended since then only the last is known; the time of earlier ones
    falls to the generator, which was late to notice.
    """
    due = call.due
    at_due = st.busy_total
    if st.busy_since <= due:
        at_due += due - st.busy_since
    elif st.busy_until > due:
        at_due -= st.busy_until - max(due, st.busy_from)
    call.busy_mark = at_due
    if call.queued:
        at_due = st.gate_total
        if st.gate_since <= due:
            at_due += due - st.gate_since
        elif st.gate_until > due:
            at_due -= st.gate_until - max(due, st.gate_from)
        call.gate_mark = at_due
        call.overlap_mark = _overlap(st, now)


def settle(st: State, call: Call, now: float) -> None:
    """The call leaves, or is given up: which part of its queue time was whose."""
    left = now - call.due
    if left <= 0.0:
        call.protocol_wait = call.station_wait = 0.0
        return
    busy = st.busy_total - call.busy_mark
    if st.busy_since != inf:
        busy += now - st.busy_since
    gated = 0.0
    if call.queued:
        gated = st.gate_total - call.gate_mark
        if st.gate_since != inf:
            gated += now - st.gate_since
        gated = min(max(gated, 0.0), left)
        busy -= _overlap(st, now) - call.overlap_mark
    call.station_wait = gated
    call.protocol_wait = min(max(busy, 0.0), left - gated)


def finished(st: State, call: Call, outcome: CallOutcome, now: float, detail: str = "") -> None:
    """Tell the observer how an attempt ended (its waits are settled already)."""
    st.observer.call_finished(
        st.index,
        call.action,
        outcome,
        call.due,
        call.written,
        now,
        call.protocol_wait,
        call.station_wait,
        detail,
    )


def _overlap(st: State, now: float) -> float:
    if st.gate_since == inf or st.busy_since == inf:
        return st.overlap_total
    return st.overlap_total + now - max(st.gate_since, st.busy_since)
