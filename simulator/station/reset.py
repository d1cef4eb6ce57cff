"""Reset by the CSMS: transactions end, the connection goes, the station boots again (1.6 §5.14).

Soft: the ends of transactions are sent first, as far as a grace period lets them (errata 3.36).
Hard: the connection goes at once and they are sent after the reboot, once accepted. What the CSMS
was told to keep out of service stays so, and the queue survives.

2.x resets a single EVSE too (B11.FR.08, B12.FR.07, FR.08): its transaction ends, it is out of
service for as long as a reboot takes, and is then what it was before; the connection stays.
"""

from __future__ import annotations

from functools import partial
from math import inf

from simulator.station import link, notices, reservations, security, statuses, timers, transactions
from simulator.station.model import OUT_RESET, Evse, Link
from simulator.station.state import State


def begin(st: State, now: float, hard: bool) -> None:
    """The answer is on its way: end everything and go down."""
    if st.resetting and st.resetting != "idle":
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
        _keep_free(st, now)
    else:
        begin(st, now, hard=False)


def busy(st: State) -> bool:
    """Does a transaction run, is anybody expected, a log on its way, firmware being renewed?"""
    update = None if st.firmware is None else st.firmware.update
    return (
        any(_in_use(evse) for evse in st.evses)
        or reservations.pending(st)
        or (update is not None and update.under_way)
        or (st.log is not None and bool(st.log.text))
    )


def _in_use(evse: Evse) -> bool:
    return evse.tx is not None or evse.token is not None or evse.auth is not None


def _keep_free(st: State, now: float) -> None:
    """Nobody begins at an EVSE that is free, but for whom it is reserved (B12)."""
    for evse in st.evses[1:]:
        if not _in_use(evse) and not evse.reserved and not evse.out & OUT_RESET:
            _take_out(st, now, evse)


def _take_out(st: State, now: float, evse: Evse) -> None:
    evse.out |= OUT_RESET
    evse.auth = evse.token = evse.parent = None
    evse.plug_due = inf
    statuses.rearm(st)
    statuses.update(st, now, now, evse)


def check(st: State, now: float) -> None:
    """A soft reset goes ahead once nothing is left to send, or its grace period is over."""
    if st.resetting == "idle":
        if busy(st):
            _keep_free(st, now)
        else:
            begin(st, now, hard=False)
        return
    if st.resetting and st.link is Link.ONLINE:
        idle = st.call is None and not st.calls and not st.queue and not notices.pending(st)
        if idle or now >= st.reset_due:
            st.reset_due = inf
            link.close(st, now, 1001, "reset")


# -- one EVSE -------------------------------------------------------------------------------------


def evse_busy(st: State, evse: Evse) -> bool:
    """Does a transaction run there, or is somebody expected?"""
    return _in_use(evse) or evse.reserved


def evse_when_idle(evse: Evse, st: State, now: float) -> None:
    """Reset it once it is free; until then nobody else begins there (B12.FR.07)."""
    if not evse_busy(st, evse):
        begin_evse(evse, st, now)
        return
    evse.resetting = "idle"
    st.evse_resets += 1
    if not evse.reserved:
        evse.out |= OUT_RESET


def begin_evse(evse: Evse, st: State, now: float) -> None:
    """End its transaction and reset it."""
    if evse.resetting == "now" or st.resetting:
        return
    if evse.resetting:
        st.evse_resets -= 1
    evse.resetting = "now"
    transactions.stop(st, now, now, evse, "SoftReset")
    evse.finishing = False
    _take_out(st, now, evse)
    timers.at(st, now + st.settings.reboot_s, partial(_evse_back, evse))


def _evse_back(evse: Evse, st: State, now: float, due: float) -> None:
    if evse.resetting != "now":
        return  # the whole station was reset meanwhile
    evse.resetting = ""
    evse.out &= ~OUT_RESET
    evse.finishing = evse.plugged
    statuses.update(st, now, now, evse)


def check_evses(st: State, now: float) -> None:
    """Something happened: an EVSE may have become free for its reset."""
    for evse in st.evses[1:]:
        if evse.resetting == "idle" and not evse_busy(st, evse):
            begin_evse(evse, st, now)
