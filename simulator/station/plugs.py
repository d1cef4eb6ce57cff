"""What the cable and the car in the bay do to transactions (1.6 §4.9, 2.0.1 E01, E06, E09, E10).

A transaction may begin with either, and end with it (TxStartPoint, TxStopPoint); a cable that is
unplugged at the EV ends the authorisation, or suspends charging until it is plugged in again.
"""

from __future__ import annotations

from math import inf
from typing import Final

from simulator.station import authorisation, metervalues, smartcharging, statuses, transactions
from simulator.station.authorisation import NO_AUTHORIZATION
from simulator.station.events import Event
from simulator.station.model import BAY, CONNECTED, Authorisation, Evse, Link, Transaction
from simulator.station.rpc import raise_event
from simulator.station.state import State

PLUGGED: Final = "CablePluggedIn"
UNPLUGGED: Final = "EVCommunicationLost"
ARRIVED: Final = "EVDetected"


def plugged_in(st: State, now: float, due: float, evse: Evse) -> None:
    """A cable now joins EV and EVSE."""
    if evse.plugged:
        return
    evse.plugged = True
    evse.finishing = False
    if evse.token is not None:
        auth = _expected(evse, evse.token)
        trigger = PLUGGED
        if evse.tx is not None:
            evse.tx.state = st.table.charging_state(evse)
        elif evse.remote_id is not None:
            trigger = "RemoteStart"  # the state tells of the plug (2.0.1 F02.FR.21)
        statuses.update(st, now, due, evse)
        transactions.start(st, now, due, evse, auth, evse.parent, trigger)
        return
    if evse.tx is not None:
        _plugged_again(st, now, due, evse, evse.tx)
    else:
        statuses.update(st, now, due, evse)
        begin_by_plug(st, now, due, evse)
        statuses.arm(st, now, evse)
    if not st.conf.authorisation and st.link is not Link.OFF and not st.resetting:
        _ask_button(st, now, due, evse)
    statuses.update(st, now, due, evse)


def _expected(evse: Evse, token: str) -> Authorisation:
    """What was accepted before the car came."""
    auth = Authorisation(token, None, evse.kind, evse.remote_id, None, evse.reservation)
    auth.priority = evse.priority
    return auth


def _ask_button(st: State, now: float, due: float, evse: Evse) -> None:
    """Where nobody is to be authorised, whoever plugs in may charge."""
    if evse.tx is None or evse.tx.token is None:
        token = authorisation.own_token(st)
        authorisation.ask(st, now, due, evse, Authorisation(token, None, NO_AUTHORIZATION))


def begin_by_plug(st: State, now: float, due: float, evse: Evse) -> None:
    """A car is plugged in: a transaction may begin by that (2.0.1 E01.FR.02)."""
    running = evse.tx is not None or evse.finishing or not evse.plugged
    if st.conf.start_points & CONNECTED and not running and _may_begin(st, evse):
        tx = transactions.begin(st, now, due, evse, PLUGGED)
        metervalues.begin(st, now, evse, tx)


def _may_begin(st: State, evse: Evse) -> bool:
    up = st.link is not Link.OFF and st.resetting in ("", "idle") and authorisation.serves(st)
    return up and evse.in_service and not evse.fault


def _plugged_again(st: State, now: float, due: float, evse: Evse, tx: Transaction) -> None:
    """The transaction was there before the cable, or outlived its being unplugged at the EV."""
    evse.info = None
    evse.plug_due = inf
    powered, tx.powered = tx.powered, False
    tx.state = st.table.charging_state(evse)
    raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, tx, about=PLUGGED)
    tx.powered = powered
    if powered and not evse.stopped_energy:
        st.meter.energise(now, evse.number)
        transactions.look(st, now, evse)
        smartcharging.refresh(st, now, now, told=True)
    elif not powered:
        statuses.arm(st, now, evse)


def unplugged(st: State, now: float, due: float, evse: Evse) -> None:
    """The cable is gone: ends the transaction if StopTransactionOnEVSideDisconnect (1.6 §4.9)."""
    if not evse.plugged:
        return
    if evse.tx is not None:
        evse.info = "EV side disconnected"
        if transactions.outlives_plug(st, evse, evse.tx):
            _suspend(st, now, due, evse, evse.tx)
            return
        evse.plugged = not transactions.outlives(st, evse, transactions.UNPLUGGED)
        transactions.stop(st, now, due, evse, transactions.UNPLUGGED, None, UNPLUGGED)
    evse.plugged = evse.finishing = False
    evse.auth = evse.token = evse.parent = evse.info = None
    evse.plug_due = inf
    statuses.rearm(st)
    statuses.update(st, now, due, evse)


def _suspend(st: State, now: float, due: float, evse: Evse, tx: Transaction) -> None:
    """Unplugged at the EV, and to go on once it is plugged in again (1.6 §4.9, 2.0.1 E10)."""
    st.meter.release(now, evse.number)
    evse.plugged = False
    evse.ev_suspended = True
    tx.state = st.table.charging_state(evse)
    raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, tx, about=UNPLUGGED)
    if st.conf.replug_s < inf:
        evse.plug_due = now + st.conf.replug_s
        statuses.rearm(st)
    smartcharging.refresh(st, now, now, told=True)
    statuses.update(st, now, due, evse)


# -- the bay --------------------------------------------------------------------------------------


def arrived(st: State, now: float, due: float, evse: Evse) -> None:
    """The bay's sensor sees a car (2.0.1 E01.FR.01)."""
    if evse.bay or not st.settings.hardware.bay_sensor:
        return
    evse.bay = True
    if evse.tx is not None:
        raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, evse.tx, about=ARRIVED)
    elif st.conf.start_points & BAY and not evse.reserved and _may_begin(st, evse):
        auth = None if evse.token is None else _expected(evse, evse.token)
        trigger = ARRIVED if evse.remote_id is None or auth is None else "RemoteStart"
        tx = transactions.begin(st, now, due, evse, trigger, auth, evse.parent)
        metervalues.begin(st, now, evse, tx)


def departed(st: State, now: float, due: float, evse: Evse) -> None:
    """The bay is empty (2.0.1 E06.FR.01)."""
    if not evse.bay:
        return
    evse.bay = False
    tx = evse.tx
    if tx is not None and (st.conf.stop_points & BAY or not _ends_otherwise(st, evse, tx)):
        transactions.stop(st, now, due, evse, transactions.DEPARTED)
    elif tx is not None:
        raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, tx, about=transactions.DEPARTED)


def _ends_otherwise(st: State, evse: Evse, tx: Transaction) -> bool:
    """Is somebody still authorised, or plugged in?"""
    return evse.plugged or tx.granted
