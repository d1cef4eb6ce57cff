"""Transactions: how they begin and end, and what the CSMS's answers do to them.

1.6 §4.8 and §4.10: the CSMS gives the id, so that later messages wait for it in the queue; a start
that is never confirmed leaves its transaction with the id -1 (errata 3.18).
"""

from __future__ import annotations

from math import inf

from simulator.station import metervalues, smartcharging, statuses
from simulator.station.events import Event
from simulator.station.model import Evse, Transaction
from simulator.station.ports import EvState
from simulator.station.rpc import raise_event
from simulator.station.state import State


def same_token(a: str, b: str | None) -> bool:
    """Tokens are compared without regard to case (1.6 §7.28)."""
    return b is not None and a.casefold() == b.casefold()


def start(
    st: State, now: float, due: float, evse: Evse, token: str, parent: str | None = None
) -> None:
    """An authorised driver's EV is plugged in: the transaction begins, energy may flow."""
    st.transactions += 1
    register = st.meter.register_wh(now, evse.number)
    tx = Transaction(st.transactions, evse.number, token, now, register)
    tx.parent = parent
    evse.tx = tx
    evse.token = evse.parent = None
    evse.finishing = False
    evse.info = None
    evse.plug_due = inf
    st.observer.transaction_started(st.index, evse.number, tx.local_id, token, now, register)
    raise_event(st, Event.TRANSACTION_STARTED, now, due, evse, tx)
    st.meter.energise(now, evse.number)
    evse.stopped_energy = False
    look(st, now, evse)
    smartcharging.begin(st, now, evse)
    metervalues.begin(st, now, evse, tx)
    statuses.update(st, now, due, evse)


def look(st: State, now: float, evse: Evse) -> None:
    """See what the EV does with the power, right after the contactor closed."""
    drawing = st.meter.drawing(now, evse.number)
    evse.ev_suspended = drawing == EvState.SUSPENDED_EV
    evse.evse_suspended = drawing == EvState.SUSPENDED_EVSE


def stop(
    st: State, now: float, due: float, evse: Evse, reason: str, token: str | None = None
) -> None:
    """The transaction at this EVSE ends; ``token`` is the one that ended it, if one did."""
    tx = evse.tx
    if tx is None:
        return
    metervalues.end(st, now, due, evse, tx)
    st.meter.release(now, evse.number)
    evse.tx = None
    tx.reason = reason
    tx.stop_token = token
    tx.meter_stop = max(st.meter.register_wh(now, evse.number), tx.meter_start)
    st.observer.transaction_stopped(st.index, tx.local_id, reason, now, tx.meter_stop)
    raise_event(st, Event.TRANSACTION_ENDED, now, due, evse, tx)
    tx.data = None
    evse.ev_suspended = evse.evse_suspended = evse.stopped_energy = False
    evse.finishing = evse.plugged
    smartcharging.end(st, now, evse)
    if evse.auth is not None and evse.auth.ends is tx:
        evse.auth = None
    statuses.update(st, now, due, evse)


def confirmed(st: State, now: float, tx: Transaction, status: str, parent: str | None) -> None:
    """The CSMS knows the transaction now; ``status`` is what it says of the token.

    A token that is not accepted ends the transaction, or only its energy
    (StopTransactionOnInvalidId; 1.6 §3.5.4 and errata 3.17: online too).
    """
    st.observer.transaction_confirmed(st.index, tx.local_id, str(tx.id), status, now)
    if parent is not None:
        tx.parent = parent
    if status == "Accepted":
        return
    st.refused += 1
    st.observer.violation(st.index, "id_rejected", f"StartTransaction: {status}", now)
    evse = st.evses[tx.evse]
    if evse.tx is not tx:
        return
    if st.conf.stop_on_invalid:
        stop(st, now, now, evse, "DeAuthorized")
    else:
        st.meter.release(now, evse.number)
        evse.stopped_energy = True
        smartcharging.refresh(st, now, now)
        statuses.update(st, now, now, evse)


def stop_all(st: State, now: float, due: float, reason: str) -> None:
    """End every transaction for a reason that is no driver's."""
    for evse in st.evses[1:]:
        stop(st, now, due, evse, reason, evse.tx.token if evse.tx and reason == "Local" else None)
