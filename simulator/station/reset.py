"""Reset by the CSMS: transactions end, the connection goes, the station boots again (1.6 §5.14).

Soft: the ends of transactions are sent first, as far as a grace period lets them (errata 3.36).
Hard: the connection goes at once and they are sent after the reboot, once accepted. What the CSMS
was told to keep out of service stays so, and the queue survives.
"""

from __future__ import annotations

from math import inf

from simulator.station import link, notices, reservations, security, statuses, transactions
from simulator.station.model import Link
from simulator.station.state import State


def begin(st: State, now: float, hard: bool) -> None:
    """The answer is on its way: end everything and go down."""
    if st.resetting:
        return
    st.resetting = "hard" if hard else "soft"
    security.note(st, now, "ResetOrReboot", st.resetting)
    for evse in st.evses[1:]:
        evse.auth = evse.token = evse.parent = None
        evse.plug_due = inf
    statuses.rearm(st)
    if hard:
        link.close(st, now, 1001, "reset")
    transactions.stop_all(st, now, now, "HardReset" if hard else "SoftReset")
    for evse in st.evses:
        statuses.update(st, now, now, evse)
    if not hard:
        st.reset_due = now + st.settings.reset_grace_s
        check(st, now)


def when_idle(st: State, now: float) -> None:
    """Reset once no transaction runs and nobody is expected (2.0.1 B12, errata 2.14).

    Until then only whoever has a reservation can begin one.
    """
    if busy(st):
        st.resetting = "idle"
    else:
        begin(st, now, hard=False)


def busy(st: State) -> bool:
    """Does a transaction run, or is a reservation pending?"""
    return any(evse.tx is not None for evse in st.evses) or reservations.pending(st)


def check(st: State, now: float) -> None:
    """A soft reset goes ahead once nothing is left to send, or its grace period is over."""
    if st.resetting == "idle":
        if not busy(st):
            st.resetting = ""
            begin(st, now, hard=False)
        return
    if st.resetting and st.link is Link.ONLINE:
        idle = st.call is None and not st.calls and not st.queue and not notices.pending(st)
        if idle or now >= st.reset_due:
            st.reset_due = inf
            link.close(st, now, 1001, "reset")
