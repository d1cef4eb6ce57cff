"""Transactions: how they begin and end, and what the CSMS's answers do to them.

1.6 §4.8 and §4.10: the CSMS gives the id, so that later messages wait for it in the queue; a start
that is never confirmed leaves its transaction with the id -1 (errata 3.18).
"""

from __future__ import annotations

from math import inf
from typing import Final

from simulator.station import maxenergy, metervalues, reservations, smartcharging, statuses
from simulator.station.events import Event
from simulator.station.model import CONNECTED, Authorisation, Evse, TokenInfo, Transaction
from simulator.station.ports import EvState
from simulator.station.rpc import raise_event
from simulator.station.state import State


def same_token(a: str | None, b: str | None) -> bool:
    """Tokens are compared without regard to case (1.6 §7.28)."""
    return a is not None and b is not None and a.casefold() == b.casefold()


def begin(
    st: State,
    now: float,
    due: float,
    evse: Evse,
    trigger: str,
    auth: Authorisation | None = None,
    parent: str | None = None,
) -> Transaction:
    """A transaction opens, and is told; who is authorised may follow later (2.x)."""
    st.transactions += 1
    register = st.meter.register_wh(now, evse.number)
    token = None if auth is None else auth.token
    tx = Transaction(st.transactions, evse.number, token, now, register)
    tx.parent = parent
    if auth is not None:
        tx.kind, tx.remote_id, tx.priority = auth.kind, auth.remote_id, auth.priority
        _use(st, tx, auth)
    evse.tx = tx
    evse.finishing = False
    evse.info = None
    st.table.transaction_id(st, tx)
    tx.state = st.table.charging_state(evse)
    st.observer.transaction_started(st.index, evse.number, tx.local_id, token or "", now, register)
    raise_event(st, Event.TRANSACTION_STARTED, now, due, evse, tx, about=trigger)
    return tx


def start(
    st: State,
    now: float,
    due: float,
    evse: Evse,
    auth: Authorisation,
    parent: str | None = None,
    trigger: str = "Authorized",
) -> None:
    """An authorised driver's EV is plugged in: energy may flow.

    The transaction begins now, unless it began earlier: with the plug or with the authorisation.
    """
    tx = evse.tx
    fresh = tx is None
    if tx is None:
        tx = begin(st, now, due, evse, trigger, auth, parent)
    elif evse.token is None:
        authorise(st, now, due, evse, tx, auth, parent, trigger)
    else:
        raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, tx, about=trigger)
    evse.token = evse.parent = None
    evse.plug_due = inf
    tx.powered = True
    tx.closed = now
    if not evse.stopped_energy:  # refused before the plug came
        st.meter.energise(now, evse.number)
    look(st, now, evse)
    smartcharging.begin(st, now, evse)
    if fresh:
        metervalues.begin(st, now, evse, tx)
    statuses.update(st, now, due, evse)


def authorise(
    st: State,
    now: float,
    due: float,
    evse: Evse,
    tx: Transaction,
    auth: Authorisation,
    parent: str | None,
    trigger: str,
) -> None:
    """Somebody is authorised for a transaction that is open already (2.0.1 E03)."""
    tx.token, tx.kind, tx.remote_id, tx.parent = auth.token, auth.kind, auth.remote_id, parent
    tx.priority = auth.priority
    tx.granted = True
    tx.reason = ""
    tx.limited = False
    _use(st, tx, auth)
    evse.finishing = False
    raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, tx, about=trigger)


def _use(st: State, tx: Transaction, auth: Authorisation) -> None:
    """The transaction ends the reservation that its token made use of, and says so (H03)."""
    if auth.reservation is None:
        return
    ended_now = reservations.use(st, auth.reservation)
    if ended_now or not st.conf.reserved_until_start:
        tx.reservation = auth.reservation.id


def look(st: State, now: float, evse: Evse) -> None:
    """See what the EV does with the power, right after the contactor closed."""
    drawing = st.meter.drawing(now, evse.number)
    evse.ev_suspended = drawing == EvState.SUSPENDED_EV
    evse.evse_suspended = drawing == EvState.SUSPENDED_EVSE


_KEEPS: Final = frozenset(("Local", "Remote", "DeAuthorized", "MasterPass"))
"""Reasons that end an authorisation; the others end whatever is going on."""


def stop(
    st: State,
    now: float,
    due: float,
    evse: Evse,
    reason: str,
    token: str | None = None,
    trigger: str = "",
    kind: str = "",
) -> None:
    """Whoever was authorised is no longer; ``token`` is the one that ended it, if one did.

    The transaction ends, unless only the plug ends one (TxStopPoint, 2.0.1 E06). ``trigger`` tells
    what brought it about where that is not the reason itself.
    """
    tx = evse.tx
    if tx is None:
        return
    if reason in _KEEPS and evse.plugged and not st.conf.stop_points & ~CONNECTED:
        _revoke(st, now, due, evse, tx, reason, token, kind)
        return
    metervalues.end(st, now, due, evse, tx)
    if tx.powered:
        st.meter.release(now, evse.number)
    evse.tx = None
    tx.powered = tx.granted = False
    tx.reason = tx.reason or reason
    if tx.stop_token is None:
        tx.stop_token, tx.stop_kind = token, kind
    tx.meter_stop = max(st.meter.register_wh(now, evse.number), tx.meter_start)
    tx.state = st.table.charging_state(evse)
    st.observer.transaction_stopped(st.index, tx.local_id, tx.reason, now, tx.meter_stop)
    raise_event(st, Event.TRANSACTION_ENDED, now, due, evse, tx, about=trigger or reason)
    tx.data = None
    evse.ev_suspended = evse.evse_suspended = evse.stopped_energy = False
    evse.finishing = evse.plugged
    if not evse.plugged:
        evse.info = None  # it told why the transaction was suspended
    smartcharging.end(st, now, evse)
    if evse.auth is not None and evse.auth.ends is tx:
        evse.auth = None
    statuses.update(st, now, due, evse)
    statuses.update(st, now, due, st.evses[0])  # it may have waited to go out of service


def _revoke(
    st: State,
    now: float,
    due: float,
    evse: Evse,
    tx: Transaction,
    reason: str,
    token: str | None,
    kind: str,
) -> None:
    """No energy any more; the transaction goes on until the plug is pulled."""
    if tx.powered:
        st.meter.release(now, evse.number)
    tx.powered = tx.granted = False
    tx.reason, tx.stop_token, tx.stop_kind = reason, token, kind
    evse.ev_suspended = evse.evse_suspended = evse.stopped_energy = False
    evse.finishing = True
    if evse.auth is not None and evse.auth.ends is tx:
        evse.auth = None
    tx.state = st.table.charging_state(evse)
    raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, tx, about=reason)
    smartcharging.refresh(st, now, now, told=True)
    statuses.update(st, now, due, evse)


def confirmed(st: State, now: float, tx: Transaction, info: TokenInfo) -> None:
    """The CSMS knows the transaction now; ``info`` is what it says of the token."""
    st.observer.transaction_confirmed(st.index, tx.local_id, str(tx.id), info.status, now)
    judged(st, now, tx, info)


def judged(st: State, now: float, tx: Transaction, info: TokenInfo) -> None:
    """What the CSMS says of the token of an open transaction.

    One that is not accepted ends the transaction, or only its energy (StopTransactionOnInvalidId;
    1.6 §3.5.4 and errata 3.17: online too; 2.0.1 E05).
    """
    if info.group is not None:
        tx.parent = info.group
    if info.valid:
        tx.limited = False
        return
    status = info.status
    st.refused += 1
    st.observer.violation(st.index, "id_rejected", f"StartTransaction: {status}", now)
    evse = st.evses[tx.evse]
    if evse.tx is not tx:
        return
    if st.conf.stop_on_invalid:
        stop(st, now, now, evse, "DeAuthorized")
    else:
        maxenergy.limit(st, now, evse, tx)


def stop_all(st: State, now: float, due: float, reason: str) -> None:
    """End every transaction for a reason that is no driver's."""
    for evse in st.evses[1:]:
        stop(st, now, due, evse, reason, evse.tx.token if evse.tx and reason == "Local" else None)
