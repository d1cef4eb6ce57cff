"""Heartbeat as an inactivity timer (1.6 §4.6, §9.1.10), and the clock that it sets.

Every frame sent moves ``beat_due`` (rpc.py), but for a ``fixed_heartbeat``. Once in 24 hours a
heartbeat is sent in any case.
"""

from __future__ import annotations

from math import cos, inf, log, pi, sqrt
from typing import Any, Final

from simulator.station import clock, metervalues, reservations, security, smartcharging
from simulator.station.events import Event
from simulator.station.model import Call, Link, Registration
from simulator.station.ports import CallOutcome
from simulator.station.quirks import Drift
from simulator.station.rpc import raise_event
from simulator.station.state import State

LARGE_STEP_S: Final = 20.0
"""A clock set by more is a security event (2.0.1: ClockCtrlr.TimeAdjustmentReportingThreshold)."""


def start(st: State, now: float) -> None:
    """The station is accepted and online: count from here."""
    st.beat_due = now + st.heartbeat_s
    if st.day_due == inf:
        st.day_due = now + clock.DAY_S


def wake(st: State, now: float) -> None:
    """The interval passed without a frame, or the day without a heartbeat."""
    due = max(min(st.beat_due, st.day_due), st.link_since)
    st.beat_due = due + st.heartbeat_s if st.settings.fixed_heartbeat else inf
    if st.link is not Link.ONLINE or st.registration is not Registration.ACCEPTED:
        return
    st.day_due = due + clock.DAY_S
    raise_event(st, Event.HEARTBEAT, now, due)


def set_interval(st: State, seconds: float) -> None:
    """A new interval, from the next frame sent. 0: no heartbeats but the daily one."""
    st.heartbeat_s = seconds if seconds > 0.0 else inf


def set_clock(st: State, now: float, current_time: object) -> bool:
    """Take the CSMS's time (1.6 §4.2, §4.6), off by the station's own error. False: unreadable."""
    epoch = clock.parse(current_time)
    if epoch is None or not clock.settable(epoch):
        return False
    spread = st.settings.clock_spread_s
    if spread and st.clock_error == 0.0:
        st.clock_error = spread * _normal(st.draws.uniform(), st.draws.uniform())
    before = st.clock_zero
    st.clock_zero = epoch + st.clock_error - now
    step = st.clock_zero - before
    if abs(step) > LARGE_STEP_S:
        security.note(st, now, "SettingSystemTime", f"by {step:+.3f} s")
    if st.settings.clock_drift_ppm:
        if st.drift is None:
            rate = st.settings.clock_drift_ppm * 1e-6
            st.drift = Drift(rate * _normal(st.draws.uniform(), st.draws.uniform()), now)
        st.drift.since = now
    metervalues.align(st, now)
    smartcharging.refresh(st, now, now)
    reservations.clock_set(st, now)
    return True


def answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """Heartbeat.conf."""
    return set_clock(st, now, payload.get("currentTime"))


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """Nothing to mend: the next one comes in its time."""


def _normal(u: float, v: float) -> float:
    """A standard normal number from two uniform ones (Box and Muller 1958)."""
    return sqrt(-2.0 * log(1.0 - u)) * cos(2.0 * pi * v)
