"""Transactions: how they begin and end, and what the CSMS's answers do to them.

1.6 §4.8 and §4.10: the CSMS gives the id, so that later messages wait for it in the queue; a start
that is never confirmed leaves its transaction with the id -1 (errata 3.18).
"""

from __future__ import annotations

from math import inf
from typing import Final

from simulator.station import maxenergy, metervalues, reservations, smartcharging, statuses
from simulator.station.events import Event
from simulator.station.model import (
    AUTHORIZED,
    BAY,
    CONNECTED,
    ENERGY,
    PATH_CLOSED,
    Authorisation,
    Evse,
    Status,
    TokenInfo,
    Transaction,
)
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
    opened: bool = True,
) -> Transaction:
    """A transaction opens, and is told; who is authorised may follow later (2.x).

    One that is not ``opened`` yet waits for energy to flow, untold (TxStartPoint EnergyTransfer).
    """
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
    tx.opened = opened
    if opened:
        _tell_start(st, now, due, evse, tx, trigger)
    return tx


def _tell_start(
    st: State, now: float, due: float, evse: Evse, tx: Transaction, trigger: str
) -> None:
    token = tx.token or ""
    st.observer.transaction_started(st.index, evse.number, tx.local_id, token, now, tx.meter_start)
    raise_event(st, Event.TRANSACTION_STARTED, now, due, evse, tx, about=trigger)


def energy(st: State, now: float, due: float, evse: Evse, tx: Transaction) -> bool:
    """Charging changed; False: there is nothing about it to tell beside what was told here.

    A transaction may begin when energy flows, and end when it ceases to (2.0.1 E01.FR.06,
    E06.FR.07).
    """
    flows = statuses.current(evse) is Status.CHARGING
    ceased = tx.drawn and not flows
    tx.drawn = tx.drawn or flows
    if not tx.opened:
        if flows:
            _open(st, now, due, evse, tx)
        return False
    if not ceased or not st.conf.stop_points & ENERGY:
        return True
    if evse.stopped_energy:
        reason = "DeAuthorized"
    else:
        reason = "StoppedByEV" if evse.ev_suspended else "Other"
    tx.reason = ""
    stop(st, now, due, evse, reason, None, "ChargingStateChanged")
    return False


def _open(st: State, now: float, due: float, evse: Evse, tx: Transaction) -> None:
    tx.opened = True
    tx.begun = now
    tx.meter_start = st.meter.register_wh(now, evse.number)
    tx.state = st.table.charging_state(evse)
    trigger = "ChargingStateChanged" if tx.remote_id is None else "RemoteStart"
    _tell_start(st, now, due, evse, tx, trigger)
    metervalues.begin(st, now, evse, tx)


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
        opened = bool(st.conf.start_points & ~(ENERGY | BAY))
        tx = begin(st, now, due, evse, trigger, auth, parent, opened)
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
    if fresh and tx.opened:
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


UNPLUGGED: Final = "EVDisconnected"
DEPARTED: Final = "EVDeparted"
_KEEPS: Final = frozenset(("Local", "Remote", "DeAuthorized", "MasterPass", "Timeout", UNPLUGGED))
"""Reasons that end an authorisation; the others end whatever is going on."""


def outlives(st: State, evse: Evse, reason: str) -> bool:
    """Does the transaction outlive its authorisation (TxStopPoint, 2.0.1 E06)?

    So it does as long as the plug or the bay is yet to end it; what nothing would end, ends.
    """
    points = st.conf.stop_points
    if reason not in _KEEPS or points & (AUTHORIZED | PATH_CLOSED | ENERGY):
        return False
    if reason == UNPLUGGED and points & CONNECTED:
        return False
    plug = bool(points & CONNECTED) and evse.plugged
    return plug or (bool(points & BAY) and evse.bay)


def outlives_plug(st: State, evse: Evse, tx: Transaction) -> bool:
    """Is charging suspended, not ended, while the cable is unplugged at the EV (E10)?"""
    if st.conf.stop_on_disconnect or not tx.powered:
        return False
    points = st.conf.stop_points
    if points & (CONNECTED | PATH_CLOSED):
        return False  # E06.FR.02, FR.06
    return not (points & ENERGY and tx.drawn)  # E06.FR.07


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
    if outlives(st, evse, reason):
        _revoke(st, now, due, evse, tx, reason, token, kind, trigger)
        return
    metervalues.end(st, now, due, evse, tx)
    if tx.powered:
        st.meter.release(now, evse.number)
    evse.tx = None
    _forget_token(st, evse)
    tx.powered = tx.granted = False
    if not tx.reason or reason not in (*_KEEPS, DEPARTED):  # a reset has the last word (B12.FR.04)
        tx.reason = reason if reason != DEPARTED else UNPLUGGED
    if tx.stop_token is None:
        tx.stop_token, tx.stop_kind = token, kind
    tx.meter_stop = max(st.meter.register_wh(now, evse.number), tx.meter_start)
    tx.state = st.table.charging_state(evse)
    if tx.opened:
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
    trigger: str,
) -> None:
    """No energy any more; the transaction goes on until the plug is pulled, or the car leaves."""
    if tx.powered:
        st.meter.release(now, evse.number)
    _forget_token(st, evse)
    tx.powered = tx.granted = tx.drawn = False
    tx.reason, tx.stop_token, tx.stop_kind = tx.reason or reason, token, kind
    evse.ev_suspended = evse.evse_suspended = evse.stopped_energy = False
    evse.finishing = evse.plugged
    if evse.auth is not None and evse.auth.ends is tx:
        evse.auth = None
    tx.state = st.table.charging_state(evse)
    raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, tx, about=trigger or reason)
    smartcharging.refresh(st, now, now, told=True)
    statuses.update(st, now, due, evse)


def _forget_token(st: State, evse: Evse) -> None:
    """Whoever was to plug in may no longer."""
    if evse.token is not None:
        evse.token = evse.parent = None
        evse.plug_due = inf
        statuses.rearm(st)


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
