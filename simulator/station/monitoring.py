"""Monitoring: watching variables for the CSMS, and telling what was noticed (2.0.1 N02-N08).

``check`` is called after everything that happened to the station; ``_tick`` comes for what is
periodic, and for meters, which move by themselves while energy flows (``monitor_poll_s``). What is
noticed is told in one message at a time; offline it is kept up to OfflineQueuingSeverity. A monitor
that may not speak (its severity is over the level, or the station is offline) rests: it looks again
when it may, so that the CSMS learns how things stand then (remark of N07).
"""

from __future__ import annotations

from math import floor, inf
from typing import Any, Final

from simulator.station import clock, rpc, timers
from simulator.station.events import Event
from simulator.station.model import Call, Link, Registration, Transaction
from simulator.station.monitors import Kind, Monitor, Monitoring, Notice, Observable, Origin
from simulator.station.ports import CallOutcome
from simulator.station.settings import Preset
from simulator.station.state import State

MAX_MONITORS: Final = 64
MAX_HELD: Final = 100
PER_MESSAGE: Final = 16
LOWEST_LEVEL: Final = 9
PERIODIC: Final = frozenset((Kind.PERIODIC, Kind.ALIGNED))
THRESHOLDS: Final = frozenset((Kind.UPPER, Kind.LOWER))
_SHORTEST_S: Final = 1.0


def of(st: State) -> Monitoring:
    """The station's monitoring, made when first needed."""
    if st.monitoring is None:
        st.monitoring = Monitoring()
    return st.monitoring


# -- setting up -----------------------------------------------------------------------------------


def put(
    st: State,
    now: float,
    what: Observable,
    kind: Kind,
    value: float,
    severity: int,
    transaction: bool,
    number: int | None,
) -> tuple[str, int | None]:
    """Set a monitor, or replace the one of that number: SetMonitoringStatusEnumType and its id."""
    mon = of(st)
    old = None if number is None else mon.monitors.get(number)
    if number is not None:
        if old is None or old.what.name != what.name or old.origin is Origin.HARDWIRED:
            return "Rejected", None
    elif len(mon.monitors) >= MAX_MONITORS:
        return "Rejected", None
    if kind in THRESHOLDS and not what.numeric:
        return "UnsupportedMonitorType", None
    if not st.conf.monitoring or _impossible(what, kind, value, severity):
        return "Rejected", None
    for other in mon.monitors.values():
        same = other.what.name == what.name and other.kind is kind
        if same and other.severity == severity and other is not old:
            return "Duplicate", None
    new = _place(st, now, what, kind, value, severity, transaction, Origin.CUSTOM, number)
    if old is not None:
        new.preset = old.preset
        new.alerted = old.alerted and kind is old.kind and kind in THRESHOLDS
    return "Accepted", new.id


def _impossible(what: Observable, kind: Kind, value: float, severity: int) -> bool:
    if not 0 <= severity <= LOWEST_LEVEL or not abs(value) < inf:
        return True
    if kind in THRESHOLDS:
        low = -inf if what.least is None else what.least
        return not low <= value <= (inf if what.most is None else what.most)
    return value < (0.0 if kind is Kind.DELTA else _SHORTEST_S)


def _place(
    st: State,
    now: float,
    what: Observable,
    kind: Kind,
    value: float,
    severity: int,
    transaction: bool,
    origin: Origin,
    number: int | None = None,
) -> Monitor:
    mon = of(st)
    if number is None:
        mon.ids += 1
        number = mon.ids
    new = Monitor(number, what, kind, value, severity, transaction, origin)
    if kind is Kind.DELTA:
        new.reference = _read(st, now, what)
    elif kind is Kind.PERIODIC:
        new.due = now + value
    elif kind is Kind.ALIGNED:
        new.due = _aligned(st, now, value)
    mon.monitors[number] = new
    _arm(st, mon)
    return new


def remove(st: State, number: int) -> str:
    """Remove a monitor, without a word on what it had noticed: ClearMonitoringStatusEnumType."""
    mon = st.monitoring
    found = None if mon is None else mon.monitors.get(number)
    if mon is None or found is None:
        return "NotFound"
    if found.origin is Origin.HARDWIRED:
        return "Rejected"
    del mon.monitors[number]
    _arm(st, mon)
    return "Accepted"


def install(st: State, now: float, preset: Preset, what: Observable) -> None:
    """Put a monitor of the settings in its place, unless it is there or was overruled (N03)."""
    if any(monitor.preset is preset for monitor in of(st).monitors.values()):
        return
    origin = Origin.HARDWIRED if preset.hardwired else Origin.PRECONFIGURED
    kind = Kind(preset.kind)
    args = (preset.value, preset.severity, preset.transaction, origin)
    _place(st, now, what, kind, *args).preset = preset


def strip(st: State) -> None:
    """Remove every monitor but the hard-wired ones."""
    mon = of(st)
    kept = {n: m for n, m in mon.monitors.items() if m.origin is Origin.HARDWIRED}
    mon.monitors = kept
    _arm(st, mon)


# -- watching -------------------------------------------------------------------------------------


def check(st: State, now: float) -> None:
    """Something happened: see what every monitor makes of it, and tell."""
    mon = st.monitoring
    if mon is None:
        return
    if mon.monitors:
        for monitor in mon.monitors.values():
            if monitor.kind not in PERIODIC and _rests(st, mon, monitor) is False:
                _look(st, now, mon, monitor)
        _poll(st, now, mon)
    _tell(st, now, mon)


def _offline(st: State) -> bool:
    return st.link is not Link.ONLINE or st.registration is not Registration.ACCEPTED


def _rests(st: State, mon: Monitoring, monitor: Monitor) -> bool:
    """May it not speak now?"""
    if not st.conf.monitoring or monitor.severity > mon.level:
        return True
    if monitor.transaction and _transaction(st, monitor.what) is None:
        monitor.alerted = False
        return True
    return _offline(st) and monitor.severity > st.conf.offline_severity


def _transaction(st: State, what: Observable) -> Transaction | None:
    """The transaction at a component; for the station's own, any."""
    chosen = (st.evses[what.evse],) if what.evse else st.evses
    return next((evse.tx for evse in chosen if evse.tx is not None), None)


def _read(st: State, now: float, what: Observable) -> float | str:
    return what.read(st, now, st.evses[what.evse])


def _look(st: State, now: float, mon: Monitoring, monitor: Monitor) -> None:
    value = _read(st, now, monitor.what)
    if monitor.kind is Kind.DELTA:
        if _moved(value, monitor.reference, monitor.value):
            monitor.reference = value
            _notice(st, now, mon, monitor, value, "Delta")
        return
    if isinstance(value, str):
        return  # a number that the station does not know now
    above = value > monitor.value if monitor.kind is Kind.UPPER else value < monitor.value
    if above != monitor.alerted:
        monitor.alerted = above
        _notice(st, now, mon, monitor, value, "Alerting", cleared=not above)


def _moved(value: float | str, reference: float | str, by: float) -> bool:
    if isinstance(value, str) or isinstance(reference, str):
        return value != reference
    return abs(value - reference) > by


def _notice(
    st: State,
    now: float,
    mon: Monitoring,
    monitor: Monitor,
    value: float | str,
    trigger: str,
    cleared: bool = False,
) -> None:
    mon.events += 1
    tx = _transaction(st, monitor.what) if monitor.what.evse else None
    notice = Notice(
        mon.events,
        monitor.id,
        monitor.what,
        monitor.origin,
        monitor.severity,
        st.clock_zero + now,
        "" if monitor.what.secret else _worded(value),
        trigger,
        cleared,
        "" if tx is None else str(tx.id),
    )
    mon.held.append(notice)
    del mon.held[:-MAX_HELD]


def announce(st: State, now: float, what: Observable, severity: int) -> None:
    """Tell what a variable is, without a monitor and whatever the CSMS set (2.0.1 G05.FR.02)."""
    mon = of(st)
    value = _worded(_read(st, now, what))
    mon.events += 1
    at = st.clock_zero + now
    mon.held.append(
        Notice(mon.events, 0, what, Origin.NOTIFICATION, severity, at, value, "Delta", False, "")
    )
    _tell(st, now, mon)


def _worded(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3f}".rstrip("0").rstrip(".")


# -- in time --------------------------------------------------------------------------------------


def _poll(st: State, now: float, mon: Monitoring) -> None:
    """Meters move while energy flows: look again after a while."""
    if mon.poll_due != inf or all(e.tx is None or not e.tx.powered for e in st.evses):
        return
    if any(m.what.drifts and m.kind not in PERIODIC for m in mon.monitors.values()):
        mon.poll_due = now + st.settings.monitor_poll_s
        _arm(st, mon)


def _arm(st: State, mon: Monitoring) -> None:
    due = min((monitor.due for monitor in mon.monitors.values()), default=inf)
    timers.instead(st, min(due, mon.poll_due), _tick)


def _tick(st: State, now: float, due: float) -> None:
    mon = st.monitoring
    if mon is None:
        return
    if mon.poll_due <= now:
        mon.poll_due = inf
    for monitor in mon.monitors.values():
        if monitor.due <= now:
            if not _rests(st, mon, monitor):
                value = _read(st, now, monitor.what)
                _notice(st, now, mon, monitor, value, "Periodic")
            monitor.due = _next(st, now, monitor)
    _arm(st, mon)


def _next(st: State, now: float, monitor: Monitor) -> float:
    """The next moment of a periodic monitor; moments that were slept through are left out."""
    if monitor.kind is Kind.ALIGNED:
        return _aligned(st, max(now, monitor.due), monitor.value)
    missed = floor((now - monitor.due) / monitor.value)
    return monitor.due + (missed + 1) * monitor.value


def _aligned(st: State, after: float, interval_s: float) -> float:
    """The next multiple from midnight of the station's own clock."""
    return max(clock.next_aligned(st.clock_zero + after, interval_s) - st.clock_zero, after + 1e-3)


# -- telling --------------------------------------------------------------------------------------


def _tell(st: State, now: float, mon: Monitoring) -> None:
    if mon.sending or not mon.held or _offline(st):
        return
    mon.sending, mon.held = tuple(mon.held[:PER_MESSAGE]), mon.held[PER_MESSAGE:]
    rpc.raise_event(st, Event.MONITORED, now, now, about=mon.sending)


def answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """The CSMS has heard."""
    of(st).sending = ()
    return True


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """It has not. What the connection took away is kept like what is noticed offline."""
    mon = of(st)
    lost = outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED)
    if lost:
        kept = [n for n in mon.sending if n.severity <= st.conf.offline_severity]
        mon.held = (kept + mon.held)[-MAX_HELD:]
    mon.sending = ()
