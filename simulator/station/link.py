"""The connection: power-on, back-off, reboot. The driver opens and closes it; this says when.

Back-off as in 2.0.1 part 4 §5.3 (1.6J errata 3.4 asks for "an appropriate" one): a minimum, doubled
at each failure up to a number of times, plus a random part each time. It starts anew once the CSMS
has answered something, or a connection held for as long as the wait. A plain reconnect sends no
BootNotification (1.6J §5.4), but for firmware that does (``boot_on_reconnect``). A station that is
``impatient`` knows no back-off.
"""

from __future__ import annotations

from math import inf
from typing import Final

from simulator.station import boot, heartbeat, network, rpc, security, statuses, truststore
from simulator.station.effects import Close
from simulator.station.model import GATE_BOOT, GATE_OFFLINE, OUT_RESET, Link, Registration
from simulator.station.state import State
from simulator.station.waits import gate_off, gate_on

IMPATIENT_S: Final = 1.0
"""How often a station tries to connect that knows no back-off."""


def power_on(st: State, now: float) -> None:
    """Start, or come back from a reboot: BootNotification will be first."""
    st.registration = Registration.NONE
    st.boot_due = now
    st.boot_failures = 0
    st.day_due = inf
    st.ping_s = st.conf.ping_s
    network.rebooted(st)
    security.note(st, now, "StartupOfTheDevice", st.boot_reason)
    gate_on(st, now, GATE_OFFLINE | GATE_BOOT)
    _connect(st)


def _connect(st: State) -> None:
    st.link = Link.CONNECTING
    st.link_due = inf
    st.effects.append(network.way(st))


def wake(st: State, now: float) -> None:
    """Back-off or reboot is over."""
    if st.link is Link.OFF:
        power_on(st, now)
    else:
        _connect(st)


def connected(st: State, now: float) -> None:
    """The WebSocket is open."""
    if st.link is not Link.CONNECTING:
        return
    st.link = Link.ONLINE
    st.heard = ""
    if st.security is not None:
        st.security.suspected = frozenset()
    st.link_since = now
    st.writable_now = True
    st.timeouts = 0
    st.backlog = st.orders
    gate_off(st, now, GATE_OFFLINE)
    network.arrived(st, now)
    truststore.proved(st, now)
    if st.registration is Registration.ACCEPTED and st.settings.boot_on_reconnect:
        st.registration = Registration.NONE
        st.boot_due = now
        gate_on(st, now, GATE_BOOT)
    if st.registration is Registration.ACCEPTED:
        statuses.report_changed(st, now)
        heartbeat.start(st, now)
    elif st.boot_due <= now:
        boot.send(st, now, now)


def disconnected(st: State, now: float) -> None:
    """The WebSocket is gone, or did not come to be."""
    if st.link in (Link.OFF, Link.WAITING):
        return
    st.beat_due = inf
    if st.link is Link.ONLINE or st.link is Link.CLOSING:
        st.lost_at = now
    else:
        network.failed(st)
        truststore.doubt(st)
    gate_on(st, now, GATE_OFFLINE)
    if st.resetting:
        _switch_off(st, now)
    else:
        st.link = Link.WAITING
        st.link_due = now + _backoff(st, now)
    rpc.connection_lost(st, now)
    st.writable_now = True


def _backoff(st: State, now: float) -> float:
    if st.impatient:
        held, st.link_since = st.link_since, inf
        return 0.0 if now - held >= IMPATIENT_S else IMPATIENT_S
    c = st.conf
    wait = c.backoff_min_s * 2.0 ** min(st.link_failures, c.backoff_repeats)
    if now - st.link_since >= wait:
        st.link_failures = 0
        wait = c.backoff_min_s
    st.link_since = inf
    st.link_failures += 1
    return wait + c.backoff_random_s * st.draws.uniform()


def close(st: State, now: float, code: int, reason: str) -> None:
    """Ask the driver to close; nothing is sent or read from here on."""
    if st.link is Link.ONLINE:
        st.link = Link.CLOSING
        gate_on(st, now, GATE_OFFLINE)
        st.effects.append(Close(code, reason))


def _switch_off(st: State, now: float) -> None:
    st.resetting = ""
    st.evse_resets = 0
    for evse in st.evses:
        evse.resetting = ""
        evse.out &= ~OUT_RESET
        statuses.update(st, now, now, evse)
    st.reset_due = inf
    st.link = Link.OFF
    st.registration = Registration.NONE
    st.boot_due = inf
    st.aligned_due = inf
    st.link_due = now + st.settings.reboot_s
