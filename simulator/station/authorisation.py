"""Who may charge: tokens presented here or by the CSMS, asked for, granted, refused, given back.

1.6 §4.1: the CSMS is asked unless the token is the one that began the running transaction. This
station has no authorisation cache and no local list (both optional, §3.5), so that offline it can
only serve unknown tokens, where AllowOfflineTxForUnknownId says so (§3.5.4).
"""

from __future__ import annotations

from math import inf
from typing import Final

from simulator.station import metervalues, statuses, transactions
from simulator.station.events import Event
from simulator.station.model import (
    AUTHORIZED,
    CONNECTED,
    Authorisation,
    Call,
    Evse,
    Link,
    Registration,
    Status,
)
from simulator.station.ports import CallOutcome
from simulator.station.rpc import raise_event
from simulator.station.state import State
from simulator.station.transactions import same_token

PLUGGED: Final = "CablePluggedIn"
UNPLUGGED: Final = "EVCommunicationLost"


def present(st: State, now: float, due: float, evse: Evse, token: str, kind: str = "") -> None:
    """A driver holds a token to the reader. ``kind`` is its type in 2.x; "" is the default."""
    tx = evse.tx
    if st.link is Link.OFF or (st.resetting and (st.resetting != "idle" or tx is None)):
        st.refused += 1
        return
    if tx is not None and tx.granted and evse.token is None:
        if same_token(token, tx.token):
            transactions.stop(st, now, due, evse, "Local", token)
        elif evse.auth is None:
            _ask(st, now, due, evse, Authorisation(token, tx, kind))
        return
    if evse.auth is not None:
        return
    if same_token(token, evse.token):
        _give_back(st, now, due, evse)
    elif evse.status is Status.FAULTED or not evse.in_service:
        st.refused += 1
    else:
        _ask(st, now, due, evse, Authorisation(token, None, kind))


def present_remote(
    st: State,
    now: float,
    evse: Evse,
    token: str,
    kind: str = "",
    remote_id: int | None = None,
) -> None:
    """The CSMS starts for a token (1.6 §5.11): ask it first if AuthorizeRemoteTxRequests."""
    auth = Authorisation(token, None, kind, remote_id)
    if st.conf.authorize_remote:
        _ask(st, now, now, evse, auth)
    else:
        evse.auth = auth
        _grant(st, now, now, evse, auth, None)


def _ask(st: State, now: float, due: float, evse: Evse, auth: Authorisation) -> None:
    evse.auth = auth
    if st.link is Link.ONLINE and st.registration is Registration.ACCEPTED:
        raise_event(st, Event.TOKEN_PRESENTED, now, due, evse, None, auth)
    else:
        _decide_offline(st, now, due, evse, auth)


def _decide_offline(st: State, now: float, due: float, evse: Evse, auth: Authorisation) -> None:
    if auth.ends is None and st.trusted and st.conf.unknown_offline:
        _grant(st, now, due, evse, auth, None)
    else:
        _deny(st, now, evse)


def answered(st: State, now: float, call: Call, status: str, parent: str | None) -> None:
    """The CSMS's word on a token."""
    evse, auth = call.evse, call.auth
    if evse is None or auth is None or evse.auth is not auth:
        return
    if status == "Accepted":
        _grant(st, now, now, evse, auth, parent)
    else:
        st.observer.violation(st.index, "id_rejected", f"Authorize: {status}", now)
        _deny(st, now, evse)


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """No answer of use: decide as offline if the connection went, else refuse."""
    evse, auth = call.evse, call.auth
    if evse is None or auth is None or evse.auth is not auth:
        return
    if outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED):
        _decide_offline(st, now, now, evse, auth)
    else:
        _deny(st, now, evse)


def _grant(
    st: State, now: float, due: float, evse: Evse, auth: Authorisation, parent: str | None
) -> None:
    evse.auth = None
    if auth.ends is not None:
        if evse.tx is not auth.ends:
            return
        if parent is not None and same_token(parent, auth.ends.parent):
            transactions.stop(st, now, due, evse, "Local", auth.token)
        else:
            # Another driver's transaction, and no common parent (1.6 §4.1).
            st.refused += 1
        return
    if evse.status is Status.FAULTED or not evse.in_service:
        st.refused += 1
        return
    evse.finishing = False
    trigger = "Authorized" if auth.remote_id is None else "RemoteStart"
    if evse.plugged:
        if evse.tx is None:
            evse.token = auth.token
            statuses.update(st, now, due, evse)
            evse.token = None
        transactions.start(st, now, due, evse, auth, parent, trigger)
        return
    if st.conf.start_points & AUTHORIZED:
        tx = transactions.begin(st, now, due, evse, trigger, auth, parent)
        metervalues.begin(st, now, evse, tx)
    evse.token, evse.kind, evse.remote_id = auth.token, auth.kind, auth.remote_id
    evse.parent = parent
    statuses.update(st, now, due, evse)
    _arm(st, now, evse)


def _deny(st: State, now: float, evse: Evse) -> None:
    """A driver is turned away."""
    evse.auth = None
    st.refused += 1
    if evse.plugged and evse.tx is None and not evse.finishing:
        _arm(st, now, evse)


def _arm(st: State, now: float, evse: Evse) -> None:
    """Give the driver ConnectionTimeOut to plug in, or to present a token (1.6 §9.1.6)."""
    limit = st.conf.connection_timeout_s
    evse.plug_due = now + limit if limit > 0.0 else inf
    statuses.rearm(st)


def _give_back(st: State, now: float, due: float, evse: Evse) -> None:
    """The driver changes his mind before plugging in."""
    transactions.stop(st, now, due, evse, "Local", evse.token)
    evse.token = evse.parent = None
    evse.plug_due = inf
    statuses.rearm(st)
    statuses.update(st, now, due, evse)


def wake(st: State, now: float, evse: Evse) -> None:
    """ConnectionTimeOut: nobody plugged in (Available again), or no token came (B6)."""
    due, evse.plug_due = evse.plug_due, inf
    if evse.auth is not None or (evse.tx is not None and evse.token is None):
        return
    transactions.stop(st, now, due, evse, "Timeout")
    if evse.plugged and evse.status is Status.PREPARING:
        evse.finishing = True
    evse.token = evse.parent = None
    statuses.update(st, now, due, evse)


def plugged_in(st: State, now: float, due: float, evse: Evse) -> None:
    """A cable now joins EV and EVSE."""
    if evse.plugged:
        return
    evse.plugged = True
    evse.finishing = False
    if evse.token is not None:
        auth = Authorisation(evse.token, None, evse.kind, evse.remote_id)
        if evse.tx is not None:
            evse.tx.state = st.table.charging_state(evse)
        statuses.update(st, now, due, evse)
        transactions.start(st, now, due, evse, auth, evse.parent, PLUGGED)
        return
    if evse.tx is not None:
        # It was unplugged at the EV with StopTransactionOnEVSideDisconnect off.
        evse.info = None
        if not evse.stopped_energy:
            st.meter.energise(now, evse.number)
            transactions.look(st, now, evse)
    else:
        statuses.update(st, now, due, evse)
        if st.conf.start_points & CONNECTED and evse.in_service and not evse.fault:
            tx = transactions.begin(st, now, due, evse, PLUGGED)
            metervalues.begin(st, now, evse, tx)
        _arm(st, now, evse)
    statuses.update(st, now, due, evse)


def unplugged(st: State, now: float, due: float, evse: Evse) -> None:
    """The cable is gone: ends the transaction if StopTransactionOnEVSideDisconnect (1.6 §4.9)."""
    if not evse.plugged:
        return
    if evse.tx is not None:
        evse.info = "EV side disconnected"
        if evse.tx.powered and not st.conf.stop_on_disconnect:
            st.meter.release(now, evse.number)
            evse.plugged = False
            evse.ev_suspended = True
            statuses.update(st, now, due, evse)
            return
        transactions.stop(st, now, due, evse, "EVDisconnected", None, UNPLUGGED)
    evse.plugged = evse.finishing = False
    evse.auth = evse.token = evse.parent = evse.info = None
    evse.plug_due = inf
    statuses.rearm(st)
    statuses.update(st, now, due, evse)
