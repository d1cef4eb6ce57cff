"""The station is switched off by its owner, and later on again. Unlike a reset it decides nothing.

Off means off: the connection is closed in good order, nothing is sent, and what is queued of
transactions stays until there is power again and the CSMS has accepted the station anew.
"""

from __future__ import annotations

from math import inf

from simulator.station import rpc, statuses, transactions
from simulator.station.effects import Close
from simulator.station.model import GATE_OFFLINE, Link, Registration
from simulator.station.state import State
from simulator.station.waits import gate_on


def switch_off(st: State, now: float) -> None:
    """End what runs, close the connection, and be silent until ``link.power_on``."""
    for evse in st.evses[1:]:
        evse.auth = evse.token = evse.parent = None
        evse.plug_due = inf
    transactions.stop_all(st, now, now, "Local")
    statuses.rearm(st)
    was = st.link
    st.link = Link.OFF
    st.link_due = inf
    st.registration = Registration.NONE
    st.resetting = ""
    st.reset_due = st.boot_due = st.aligned_due = st.beat_due = inf
    gate_on(st, now, GATE_OFFLINE)
    rpc.connection_lost(st, now)
    st.writable_now = True
    if was in (Link.ONLINE, Link.CONNECTING):
        st.effects.append(Close(1000, "switched off"))
