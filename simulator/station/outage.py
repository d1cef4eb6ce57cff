"""Loss of power, and its return: the station stops dead, and later boots (1.6 §7.36 PowerLoss).

What was cut off ends with the reason PowerLoss at the moment of the cut, with the register as it
stood then; it is told after the boot, once accepted, as after a hard reset. What is kept outlives
the outage: the queue of transaction messages, configuration, charging profiles, reservations, what
the CSMS was told to keep out of service. What only the running program knew does not: tokens that
waited, answers, the place in the back-off. While it is dark nothing happens here at all.
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from simulator.station import firmware, link, rpc, statuses, transactions
from simulator.station.effects import Abandon
from simulator.station.model import GATE_BOOT, GATE_OFFLINE, Link, Registration
from simulator.station.state import State
from simulator.station.waits import gate_on


def off(st: State, now: float) -> None:
    """The power fails. Nobody is told; the driver drops the connection.

    A station that is switched off loses nothing, and stays off.
    """
    if st.ended or (st.link is Link.OFF and st.link_due == inf):
        return
    st.resetting = ""
    st.reset_due = inf
    for evse in st.evses[1:]:
        evse.auth = evse.token = evse.parent = None
        evse.plug_due = evse.status_due = inf
    st.lost_at = now
    st.link = Link.OFF
    st.registration = Registration.NONE
    gate_on(st, now, GATE_OFFLINE | GATE_BOOT)
    rpc.connection_lost(st, now)
    transactions.stop_all(st, now, now, "PowerLoss")
    statuses.rearm(st)
    st.link_due = st.boot_due = st.beat_due = st.day_due = st.aligned_due = inf
    st.link_failures = st.timeouts = 0
    st.link_since = inf
    st.writable_now = True
    if st.firmware is not None:
        firmware.check(st, now)
    upload = st.log
    if upload is not None and upload.text:
        upload.text = b""
        st.effects.append(Abandon(upload.transfer))
    st.effects = [effect for effect in st.effects if isinstance(effect, Abandon)]
    st.dark = st.ended = True


def on(st: State, now: float, plugged: Collection[int]) -> None:
    """The power is back: the station looks at its outlets, and boots.

    ``plugged`` are the EVSEs that have a car by now. Their drivers are asked anew.
    """
    if not st.dark:
        return
    st.dark = st.ended = False
    for evse in st.evses:
        evse.plugged = evse.number in plugged
        evse.finishing = False
        evse.status = statuses.current(evse)
        evse.since = now
        evse.told = None
    st.boot_reason = "PowerUp"
    link.power_on(st, now)
