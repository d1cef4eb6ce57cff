"""Notices: messages about the station itself that must reach the CSMS, now or later.

Firmware and log states, security events, requests for certificates. They wait while the station is
offline or not accepted, leave one at a time and in order, and go again after a reconnect. Only a
security event is tried again when the CSMS fails to take it, after a wait that doubles, for as long
as it takes (A04.FR.02: guaranteed delivery); meanwhile the others pass. They are not transaction
messages: those have the queue (txqueue.py).
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, Final

from simulator.station import rpc, timers
from simulator.station.events import Event
from simulator.station.model import Call, Link, Registration
from simulator.station.ports import CallOutcome
from simulator.station.state import Afterwards, State

MOST: Final = 100
"""Notices kept; past it the oldest that waits goes."""
FIRST_WAIT_S: Final = 60.0
LONGEST_WAIT_S: Final = 3600.0
_SPEAKS: Final = (Registration.PENDING, Registration.ACCEPTED)
_KEPT: Final = frozenset((Event.SECURITY,))


class Notice:
    """One message that waits; ``about`` is what its builder needs.

    ``asked``: the CSMS wants it, so that it may leave while the station is Pending (1.6 §4.2).
    """

    __slots__ = ("about", "asked", "due", "event", "tries")

    def __init__(self, event: Event, about: Any, asked: bool = False) -> None:
        self.asked = asked
        self.event = event
        self.about = about
        self.due = -inf
        self.tries = 0


class Outbox:
    """What waits, and which of it is on its way."""

    __slots__ = ("leaving", "waiting")

    def __init__(self) -> None:
        self.waiting: list[Notice] = []
        self.leaving: Notice | None = None


def tell(st: State, now: float, event: Event, about: Any, asked: bool = False) -> None:
    """Have the CSMS told, as soon as it can be. ``asked``: by its own wish (TriggerMessage)."""
    if not st.table.messages[event]:
        return
    if st.notices is None:
        st.notices = Outbox()
    waiting = st.notices.waiting
    if len(waiting) >= MOST:
        waiting.pop(1 if waiting[0] is st.notices.leaving else 0)
    waiting.append(Notice(event, about, asked))
    go(st, now)


def go(st: State, now: float) -> None:
    """Let the first notice that may go leave, if the CSMS is there."""
    box = st.notices
    if box is None or box.leaving is not None:
        return
    if st.link is not Link.ONLINE or st.registration not in _SPEAKS:
        return
    free = st.registration is Registration.ACCEPTED
    while True:
        notice = next((n for n in box.waiting if n.due <= now and (free or n.asked)), None)
        if notice is None:
            break
        before = st.orders
        box.leaving = notice
        rpc.raise_event(st, notice.event, now, now, about=notice)
        if st.orders != before:
            return
        # The version has no word for it.
        box.leaving = None
        box.waiting.remove(notice)
    if not box.waiting:
        st.notices = None


def pending(st: State) -> bool:
    """Is there a notice that could leave now, or is on its way?"""
    box = st.notices
    return box is not None and (box.leaving is not None or any(n.due == -inf for n in box.waiting))


def answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """The CSMS took it."""
    _over(st, now, call, keep=False)
    return True


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """Lost with the connection: it goes again. Refused or unanswered: only what must arrive."""
    lost = outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED)
    notice: Notice = call.about
    if not lost and notice.event in _KEPT:
        wait = min(FIRST_WAIT_S * 2.0**notice.tries, LONGEST_WAIT_S)
        notice.tries += 1
        notice.due = now + wait
        timers.at(st, notice.due, _again)
        lost = True
    _over(st, now, call, keep=lost)


def _over(st: State, now: float, call: Call, keep: bool) -> None:
    box = st.notices
    notice: Notice = call.about
    if box is None or notice is not box.leaving:
        return  # sent out of turn
    box.leaving = None
    if not keep:
        box.waiting.remove(notice)
        if not box.waiting:
            st.notices = None
            return
    go(st, now)


def _again(st: State, now: float, due: float) -> None:
    go(st, now)


def trigger(st: State, action: str, event: Event, about: Any) -> Afterwards | None:
    """Send one out of turn, once the answer is on its way (1.6 §5.17, F06); None: not now."""
    if st.registration not in _SPEAKS:
        return None
    return partial(_out_of_turn, action, event, about)


def _out_of_turn(action: str, event: Event, about: Any, st: State, now: float) -> None:
    if not rpc.waiting(st, action):
        rpc.plan(st, action, event, now, now, about=Notice(event, about))
