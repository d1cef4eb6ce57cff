"""The boot gate (1.6 §4.2): nothing else is sent before BootNotification is accepted.

Pending: the station answers, and sends what it is told to by TriggerMessage. Rejected: it neither
sends nor answers. Either is asked again after ``interval``; 0 leaves the wait to the station.
"""

from __future__ import annotations

from math import inf
from typing import Any

from simulator.station import heartbeat, metervalues, plugs, rpc, statuses
from simulator.station.events import Event
from simulator.station.model import GATE_BOOT, Call, Link, Registration
from simulator.station.ports import CallOutcome
from simulator.station.state import State
from simulator.station.waits import gate_off

MAX_DOUBLINGS = 3
_WORDS = {
    "Accepted": Registration.ACCEPTED,
    "Pending": Registration.PENDING,
    "Rejected": Registration.REJECTED,
}


def send(st: State, now: float, due: float, reason: str = "") -> None:
    """BootNotification, now; ``reason`` where it is another than why the station booted (2.x)."""
    st.boot_due = inf
    rpc.raise_event(st, Event.BOOT, now, due, about=reason)


def wake(st: State, now: float) -> None:
    """The retry interval is over; offline it is due at the reconnect."""
    if st.link is Link.ONLINE:
        send(st, now, st.boot_due)


def answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """BootNotification.conf."""
    registration = _WORDS.get(payload.get("status", "")) if _readable(payload) else None
    if registration is None or not heartbeat.set_clock(st, now, payload.get("currentTime")):
        return False
    interval = max(float(payload["interval"]), 0.0)
    st.registration = registration
    st.boot_failures = 0 if interval > 0.0 else st.boot_failures
    if registration is Registration.ACCEPTED:
        _accepted(st, now, interval)
        return True
    kind = "boot_pending" if registration is Registration.PENDING else "boot_rejected"
    st.observer.violation(st.index, kind, str(payload["status"]), now)
    if registration is Registration.REJECTED:
        rpc.drop_calls(st, now, CallOutcome.SKIPPED, "rejected")
        st.answers = None
    st.boot_due = now + (interval if interval > 0.0 else _own_wait(st))
    return True


def _readable(payload: dict[str, Any]) -> bool:
    interval = payload.get("interval")
    return (
        isinstance(payload.get("status"), str)
        and isinstance(interval, int | float)
        and not isinstance(interval, bool)
        and abs(interval) <= 1e9
    )


def _accepted(st: State, now: float, interval: float) -> None:
    st.trusted = True
    st.boot_failures = 0
    st.boot_reason = "PowerUp"
    st.backlog = st.orders
    gate_off(st, now, GATE_BOOT)
    heartbeat.set_interval(st, interval if interval > 0.0 else st.conf.heartbeat_s)
    st.observer.booted(st.index, now)
    statuses.report_all(st, now)
    for evse in st.evses[1:]:
        plugs.begin_by_plug(st, now, now, evse)  # plugged in before anybody could know
    heartbeat.start(st, now)
    metervalues.align(st, now)


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """No answer of use: again after a while, or as soon as there is a connection."""
    if st.registration is Registration.ACCEPTED:
        return
    lost = outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED)
    st.boot_due = now if lost else now + _own_wait(st)


def _own_wait(st: State) -> float:
    """A wait of our own that floods nobody: doubled up to eightfold, spread by a half."""
    wait = st.settings.boot_retry_s * 2.0 ** min(st.boot_failures, MAX_DOUBLINGS)
    st.boot_failures += 1
    return wait * (1.0 + 0.5 * st.draws.uniform())
