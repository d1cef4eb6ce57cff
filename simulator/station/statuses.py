"""The state machine of EVSEs and what the CSMS hears of it (1.6 §4.9).

A status is worked out from facts (plugged, transaction, fault ...), never set. A change is reported
at once, or once it has lasted MinimumStatusDuration; nothing is reported while offline, and after
an outage only the current status of what changed (§4.9).
"""

from __future__ import annotations

from math import inf
from typing import Final

from simulator.station.events import Event
from simulator.station.model import Call, Evse, Link, Registration, Status, Transaction
from simulator.station.ports import CallOutcome
from simulator.station.rpc import raise_event
from simulator.station.state import State

_EVENTS: Final = {
    Status.AVAILABLE: Event.UNPLUGGED,
    Status.PREPARING: Event.PLUGGED_IN,
    Status.CHARGING: Event.CHARGING,
    Status.SUSPENDED_EV: Event.SUSPENDED_EV,
    Status.SUSPENDED_EVSE: Event.SUSPENDED_EVSE,
    Status.FINISHING: Event.FINISHING,
    Status.UNAVAILABLE: Event.AVAILABILITY,
    Status.FAULTED: Event.FAULTED,
    Status.RESERVED: Event.RESERVED,
}

_A, _B, _C, _D, _E, _F, _H, _I, _G = Status
TRANSITIONS: Final = {
    _A: frozenset((_B, _C, _D, _E, _G, _H, _I)),
    _B: frozenset((_A, _C, _D, _E, _F, _I)),
    _C: frozenset((_A, _D, _E, _F, _H, _I)),
    _D: frozenset((_A, _C, _E, _F, _H, _I)),
    _E: frozenset((_A, _C, _D, _F, _H, _I)),
    _F: frozenset((_A, _B, _H, _I)),
    _G: frozenset((_A, _B, _H, _I)),
    _H: frozenset((_A, _B, _C, _D, _E, _I)),
    _I: frozenset((_A, _B, _C, _D, _E, _F, _G, _H)),
}
"""The table of §4.9, B6 added by errata 3.20."""


def current(evse: Evse) -> Status:
    """The status that follows from the facts."""
    if evse.fault:
        return Status.FAULTED
    if evse.tx is not None and evse.tx.powered:
        if evse.evse_suspended or evse.limited or evse.stopped_energy:
            return Status.SUSPENDED_EVSE
        return Status.SUSPENDED_EV if evse.ev_suspended else Status.CHARGING
    if evse.finishing:
        return Status.FINISHING
    if not evse.in_service and evse.tx is None:
        return Status.UNAVAILABLE
    if evse.reserved and evse.token is None:
        # A cable alone does not change it (2.0.1 G01.FR.09; 1.6 §4.9 G2 wants the identity).
        return Status.RESERVED
    if evse.number and (evse.plugged or evse.token is not None):
        return Status.PREPARING
    return Status.AVAILABLE


def update(st: State, now: float, due: float, evse: Evse) -> None:
    """Something about the EVSE changed: see what its status is now, and report a change."""
    new = current(evse)
    if new is Status.FINISHING and st.settings.skips_finishing and st.table.version == "1.6":
        new = Status.AVAILABLE
    if new is Status.UNAVAILABLE and not evse.number and _charges(st):
        new = Status.AVAILABLE  # its unavailability is scheduled (1.6 §5.2)
    old = evse.status
    if new is not old:
        if st.table.version == "1.6" and new not in TRANSITIONS[old]:
            # Preparing to Unavailable is no transition of the table: usage ends first (B1, A8).
            _change(st, now, due, evse, Status.AVAILABLE)
        _change(st, now, due, evse, new)
    if evse.tx is not None:
        tell_charging(st, now, due, evse, evse.tx)


def _charges(st: State) -> bool:
    return any(evse.tx is not None for evse in st.evses)


def tell_charging(st: State, now: float, due: float, evse: Evse, tx: Transaction) -> None:
    """Let an open transaction tell how charging goes, if that changed (2.0.1 E02)."""
    state = st.table.charging_state(evse)
    if state == tx.state and tx.opened:
        return
    tell = st.table.energy is None or st.table.energy(st, now, due, evse, tx)
    if tell and state != tx.state:
        tx.state = state
        raise_event(st, Event.CHARGING_STATE, now, due, evse, tx)


def _change(st: State, now: float, due: float, evse: Evse, new: Status) -> None:
    event = Event.AVAILABILITY if evse.status is Status.UNAVAILABLE else _EVENTS[new]
    if new in (Status.FAULTED, Status.PREPARING):
        event = _EVENTS[new]
    evse.status = new
    evse.since = now
    wait = st.conf.minimum_status_s
    if wait > 0.0:
        evse.status_due = now + wait
        rearm(st)
    else:
        _report(st, event, now, due, evse)


def wake(st: State, now: float, evse: Evse) -> None:
    """A status has lasted MinimumStatusDuration."""
    due, evse.status_due = evse.status_due, inf
    if st.table.word(evse) != evse.told:
        _report(st, _EVENTS[evse.status], now, due, evse)


def report_all(st: State, now: float) -> None:
    """After Accepted: the station and every EVSE, whatever was reported before (errata 3.22)."""
    for evse in st.evses:
        evse.status_due = inf
        evse.told = None
        _report(st, Event.OPERATIVE, now, now, evse)
    rearm(st)


def report_changed(st: State, now: float) -> None:
    """After an outage: the current status of everything that changed, and no history (§4.9).

    After a long one of everything (2.0.1 B04.FR.01).
    """
    everything = now - st.lost_at > st.conf.offline_threshold_s
    for evse in st.evses:
        held_back = st.lost_at - st.settings.status_delay_s < evse.since < st.lost_at
        if everything or held_back:
            evse.told = None
        if evse.told != st.table.word(evse) and evse.status_due == inf:
            _report(st, _EVENTS[evse.status], now, now, evse)


def _report(st: State, event: Event, now: float, due: float, evse: Evse) -> None:
    word = st.table.word(evse)
    if word is None or word == evse.told:
        return
    if st.link is Link.ONLINE and st.registration is Registration.ACCEPTED:
        evse.told = word
        told = st.table.told(event, word)
        raise_event(st, told, now, due, evse, late_s=st.settings.status_delay_s)


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """The CSMS may not have heard; only a lost connection makes the station say it again."""
    if call.evse is not None and outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED):
        call.evse.told = None


def arm(st: State, now: float, evse: Evse) -> None:
    """Give the driver ConnectionTimeOut to plug in, or to present a token (1.6 §9.1.6)."""
    limit = st.conf.connection_timeout_s
    evse.plug_due = now + limit if limit > 0.0 else inf
    rearm(st)


def rearm(st: State) -> None:
    """Work out the station's next deadline among those of its EVSEs."""
    due = inf
    for evse in st.evses:
        due = min(due, evse.sample_due, evse.plug_due, evse.status_due)
    st.evse_due = due
