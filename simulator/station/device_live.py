"""What variables of the device model say of the station at this moment: small functions, no state.

Each takes the station, the time and the EVSE that the component belongs to (number 0: the station).
A fault is shown by the component that its code names (1.6 §7.6 lists the codes).
"""

from __future__ import annotations

from typing import Final

from simulator.station import clock, display, locallist, network
from simulator.station import firmware as running
from simulator.station.device import Live
from simulator.station.model import Evse, Link, Registration, Status
from simulator.station.state import State

YES: Final = "true"
NO: Final = "false"


def _truth(yes: bool) -> str:
    return YES if yes else NO


# -- the station ----------------------------------------------------------------------------------


def vendor(st: State, now: float, evse: Evse) -> str:
    """As in BootNotification."""
    return st.identity.vendor[:50]


def model(st: State, now: float, evse: Evse) -> str:
    """As in BootNotification."""
    return st.identity.model[:20]


def serial(st: State, now: float, evse: Evse) -> str:
    """As in BootNotification."""
    return st.identity.serial[:25]


def firmware(st: State, now: float, evse: Evse) -> str:
    """As in BootNotification."""
    return running.version(st)[:50]


def identity(st: State, now: float, evse: Evse) -> str:
    """The identity by which the station connects."""
    return st.identity.id


def date_time(st: State, now: float, evse: Evse) -> str:
    """The station's own clock."""
    return clock.iso(st.clock_zero + now)


def heartbeat(st: State, now: float, evse: Evse) -> str:
    """The interval that is in force; 0: none but the daily one."""
    return str(round(st.heartbeat_s)) if st.heartbeat_s < 1e9 else "0"


def connected(st: State, now: float, evse: Evse) -> str:
    """Is there a connection to a CSMS?"""
    return _truth(st.link is Link.ONLINE)


def accepted(st: State, now: float, evse: Evse) -> str:
    """Has the CSMS accepted the station?"""
    return _truth(st.registration is Registration.ACCEPTED)


def network_slot(st: State, now: float, evse: Evse) -> str:
    """The slot of the network profile in use."""
    return str(network.active(st))


def security_profile(st: State, now: float, evse: Evse) -> str:
    """The security profile in use."""
    return str(network.security(st))


def display_messages(st: State, now: float, evse: Evse) -> str:
    """Messages that the display keeps."""
    return str(len(display.current(st, now)))


def list_entries(st: State, now: float, evse: Evse) -> str:
    """Tokens on the local authorisation list."""
    return str(locallist.size(st))


def monitoring_base(st: State, now: float, evse: Evse) -> str:
    """Which monitors were put in place last."""
    return "FactoryDefault" if st.monitoring is None else st.monitoring.base


def monitoring_level(st: State, now: float, evse: Evse) -> str:
    """Up to which severity monitors speak."""
    return str(9 if st.monitoring is None else st.monitoring.level)


def longest_frame(st: State, now: float, evse: Evse) -> str:
    """In bytes: what is read at all."""
    return str(st.settings.max_frame)


def certificates(st: State, now: float, evse: Evse) -> str:
    """Certificates that are installed."""
    return str(0 if st.certificates is None else len(st.certificates.roots))


def serves(action: str) -> Live:
    """Is a message of the CSMS served at all? So a block is available once its messages are."""

    def live(st: State, now: float, evse: Evse) -> str:
        return _truth(action in st.table.requests)

    return live


# -- availability ---------------------------------------------------------------------------------


def availability(st: State, now: float, evse: Evse) -> str:
    """AvailabilityState: of an EVSE as StatusNotification tells it; of the station from all."""
    own = evse.status
    if evse.number:
        return st.table.word(evse) or ""
    if own is Status.FAULTED:
        return "Faulted"
    if own is Status.UNAVAILABLE:
        return "Unavailable"
    words = {st.table.word(e) for e in st.evses[1:]}
    for word in ("Available", "Occupied", "Reserved", "Unavailable"):
        if word in words:
            return word
    return "Faulted"


def operative(st: State, now: float, evse: Evse) -> str:
    """In service: not taken out by ChangeAvailability."""
    return _truth(evse.operative)


def problem(*codes: str) -> Live:
    """Is there a fault with one of these codes (of any code if none is given)?"""

    def live(st: State, now: float, evse: Evse) -> str:
        return _truth(bool(evse.fault) and (not codes or evse.fault in codes))

    return live


def any_problem(*codes: str) -> Live:
    """The same for a part that all EVSEs share."""

    def live(st: State, now: float, evse: Evse) -> str:
        return _truth(any(e.fault and (not codes or e.fault in codes) for e in st.evses))

    return live


# -- charging -------------------------------------------------------------------------------------


def plugged(st: State, now: float, evse: Evse) -> str:
    """Is an EV plugged in?"""
    return _truth(evse.plugged)


def transacting(st: State, now: float, evse: Evse) -> str:
    """Does a transaction run (at the station: any)?"""
    if not evse.number:
        return _truth(any(e.tx is not None for e in st.evses))
    return _truth(evse.tx is not None)


def closed(st: State, now: float, evse: Evse) -> str:
    """Is the contactor closed?"""
    return _truth(evse.tx is not None and evse.tx.powered and not evse.stopped_energy)


def drawing(st: State, now: float, evse: Evse) -> str:
    """Does power flow?"""
    return _truth(st.meter.power_w(now, evse.number) > 0.0)


def locked(st: State, now: float, evse: Evse) -> str:
    """A plug is held as long as somebody is authorised."""
    return _truth(evse.plugged and evse.tx is not None and evse.tx.granted)


def pilot(st: State, now: float, evse: Evse) -> str:
    """State of the control pilot (IEC 61851-1): A no EV, B connected, C takes power, F a fault."""
    if evse.fault:
        return "F"
    if not evse.plugged:
        return "A"
    return "C" if evse.status is Status.CHARGING else "B"


def transaction_id(st: State, now: float, evse: Evse) -> str:
    """The transaction that runs here; "" for none."""
    return "" if evse.tx is None or evse.tx.id is None else str(evse.tx.id)


def power(st: State, now: float, evse: Evse) -> str:
    """In W, from the meter."""
    return f"{st.meter.power_w(now, evse.number):.0f}"


def voltage(st: State, now: float, evse: Evse) -> str:
    """In V, from the meter."""
    return f"{st.meter.voltage_v(now, evse.number):.1f}"


def current(st: State, now: float, evse: Evse) -> str:
    """In A, from the meter."""
    return f"{st.meter.current_a(now, evse.number):.1f}"


def register(st: State, now: float, evse: Evse) -> str:
    """In Wh, from the meter."""
    return f"{st.meter.register_wh(now, evse.number):.0f}"


def energy(st: State, now: float, evse: Evse) -> str:
    """In Wh: what the running transaction has taken; 0 without one."""
    if evse.tx is None:
        return "0"
    return f"{st.meter.register_wh(now, evse.number) - evse.tx.meter_start:.0f}"


def state_of_charge(st: State, now: float, evse: Evse) -> str:
    """In percent; "" where the station cannot know it."""
    soc = st.meter.soc_percent(now, evse.number) if evse.plugged else None
    return "" if soc is None else f"{soc:.0f}"
