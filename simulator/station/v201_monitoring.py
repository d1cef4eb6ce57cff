"""OCPP 2.0.1: the messages about monitoring (N02 to N08)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from simulator.station import clock, monitoring
from simulator.station.events import Event
from simulator.station.model import Call, Evse
from simulator.station.monitoring import LOWEST_LEVEL, PERIODIC, THRESHOLDS
from simulator.station.monitors import Kind, Monitor, Notice, Observable
from simulator.station.payloads import Refusal
from simulator.station.rpc import text
from simulator.station.settings import Preset
from simulator.station.state import Action, Part, Request, State
from simulator.station.v201_codes import OCCURRENCE
from simulator.station.v201_keys_screen import ITEMS_CLEAR, ITEMS_SET
from simulator.station.v201_observables import lookup
from simulator.station.v201_parts import forgotten, frame, noted, parts, ready, telling
from simulator.station.v201_requests import Answer, worded

EVENT: Final = "NotifyEvent"
REPORT: Final = "NotifyMonitoringReport"
PER_PART: Final = 16
"""Variables with their monitors in one part of a report."""
_CRITERIA: Final = {
    "ThresholdMonitoring": THRESHOLDS,
    "DeltaMonitoring": frozenset((Kind.DELTA,)),
    "PeriodicMonitoring": PERIODIC,
}
HARDWARE_FAILURE: Final = 2
"""Severity of what keeps hardware from working."""
_LOCKS: Final[dict[str, dict[str, int]]] = {
    "ConnectorPlugRetentionLock": {"connectorId": 1},
    "EVRetentionLock": {},
}
"""What holds a plug: in a socket of the station, or in the EV; and on which tier it is."""
_json: Final = msgspec.json.encode


# -- setting up -----------------------------------------------------------------------------------


def set_monitoring(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SetVariableMonitoring (N04): one result for every element, in order."""
    wanted = payload["setMonitoringData"]
    _at_most(st, ITEMS_SET, wanted)
    results = ",".join(_set(st, now, data) for data in wanted)
    return f'{{"setMonitoringResult":[{results}]}}', None


def _at_most(st: State, key: str, items: list[Any]) -> None:
    most = int(st.conf.values[key])
    if len(items) > most:
        raise Refusal(OCCURRENCE, f"more than {most} items")


def _set(st: State, now: float, data: dict[str, Any]) -> str:
    what = lookup(st, data["component"], data["variable"])
    number: int | None = None
    if isinstance(what, str):
        status = what
    else:
        status, number = monitoring.put(
            st,
            now,
            what,
            Kind(data["type"]),
            _number(data["value"]),
            data["severity"],
            data.get("transaction", False),
            data.get("id"),
        )
    head = f'"id":{number},' if number is not None else ""
    return (
        f'{{{head}"status":"{status}","type":"{data["type"]}","severity":{data["severity"]},'
        f'"component":{_json(data["component"]).decode()},'
        f'"variable":{_json(data["variable"]).decode()}}}'
    )


def _number(value: float) -> float:
    """A number of JSON; one that is too large for any monitor becomes infinite."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def clear_monitoring(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ClearVariableMonitoring (N06)."""
    _at_most(st, ITEMS_CLEAR, payload["id"])
    results = ",".join(
        f'{{"status":"{monitoring.remove(st, number)}","id":{number}}}' for number in payload["id"]
    )
    return f'{{"clearMonitoringResult":[{results}]}}', None


def set_level(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SetMonitoringLevel (N05)."""
    severity = payload["severity"]
    if not 0 <= severity <= LOWEST_LEVEL:
        return worded("Rejected"), None
    monitoring.of(st).level = severity
    return worded("Accepted"), None


def set_base(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SetMonitoringBase (N03)."""
    base = payload["monitoringBase"]
    if base != "All":
        monitoring.strip(st)
    monitoring.of(st).base = base
    _install(st, now, (p for p in st.settings.monitors if base != "HardWiredOnly" or p.hardwired))
    return worded("Accepted"), None


def installed(st: State, now: float) -> None:
    """The station is new: its model's monitors are in place."""
    _install(st, now, st.settings.monitors)


def _install(st: State, now: float, presets: Iterable[Preset]) -> None:
    """Put monitors of the settings in place. Raises ValueError for one that cannot be had."""
    for preset in presets:
        component: dict[str, Any] = {"name": preset.component}
        if preset.evse:
            component["evse"] = {"id": preset.evse}
            if preset.connector:
                component["evse"]["connectorId"] = preset.connector
        what = lookup(st, component, {"name": preset.variable, "instance": preset.instance})
        if isinstance(what, str):
            name = f"{preset.component}.{preset.variable}"
            raise ValueError(f"monitor of {name}, EVSE {preset.evse}: {what}")
        monitoring.install(st, now, preset, what)


# -- what there is --------------------------------------------------------------------------------


def get_report(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetMonitoringReport (N02)."""
    if not ready(st, REPORT):
        return worded("Rejected"), None
    found: dict[tuple[str, str, str, int, int], list[Monitor]] = {}
    kinds = [kind for name in payload.get("monitoringCriteria", ()) for kind in _CRITERIA[name]]
    wanted = payload.get("componentVariable")
    monitors = {} if st.monitoring is None else st.monitoring.monitors
    for monitor in monitors.values():
        right = not kinds or monitor.kind in kinds
        if right and (wanted is None or any(_fits(monitor.what, row) for row in wanted)):
            found.setdefault(monitor.what.name, []).append(monitor)
    if not found:
        return worded("EmptyResultSet"), None
    contents = parts([_described(monitors) for monitors in found.values()], PER_PART)
    return worded("Accepted"), telling(Event.MONITORING_REPORTED, payload["requestId"], contents)


def _fits(what: Observable, row: Mapping[str, Any]) -> bool:
    """Is this variable meant? What is left out means any (N02.FR.16 to 21)."""
    component, variable = row["component"], row.get("variable")
    if component["name"].casefold() != what.component.casefold() or "instance" in component:
        return False
    evse = component.get("evse")
    if evse is not None and evse["id"] != what.evse:
        return False
    if evse is not None and evse.get("connectorId", what.connector) != what.connector:
        return False
    if variable is None:
        return True
    instance: str = variable.get("instance", what.instance)
    name: str = variable["name"]
    return (name.casefold(), instance.casefold()) == (
        what.variable.casefold(),
        what.instance.casefold(),
    )


def _described(monitors: list[Monitor]) -> str:
    """A MonitoringDataType: all monitors of one variable."""
    rows = ",".join(
        f'{{"id":{m.id},"transaction":{"true" if m.transaction else "false"},'
        f'"value":{_json(m.value).decode()},"type":"{m.kind.value}","severity":{m.severity}}}'
        for m in monitors
    )
    return f'{{{_variable(monitors[0].what)},"variableMonitoring":[{rows}]}}'


def _variable(what: Observable) -> str:
    """The fields that name a variable."""
    place = ""
    if what.evse:
        connector = f',"connectorId":{what.connector}' if what.connector else ""
        place = f',"evse":{{"id":{what.evse}{connector}}}'
    instance = f',"instance":"{what.instance}"' if what.instance else ""
    return (
        f'"component":{{"name":"{what.component}"{place}}},'
        f'"variable":{{"name":"{what.variable}"{instance}}}'
    )


def report(st: State, now: float, call: Call) -> str:
    """NotifyMonitoringReportRequest."""
    return f'{frame(st, now, call.about)},"monitor":[{call.about.content}]'


# -- what was noticed -----------------------------------------------------------------------------


def notify(st: State, now: float, call: Call) -> str:
    """NotifyEventRequest (N07, N08): always in one part."""
    events = ",".join(_event(notice) for notice in call.about)
    return (
        f'"generatedAt":"{clock.iso(st.clock_zero + now)}","tbc":false,"seqNo":0,'
        f'"eventData":[{events}]'
    )


def _event(notice: Notice) -> str:
    cleared = ',"cleared":true' if notice.cleared else ""
    linked = f',"transactionId":{text(notice.transaction)}' if notice.transaction else ""
    monitor = f'"variableMonitoringId":{notice.monitor},' if notice.monitor else ""
    return (
        f'{{"eventId":{notice.id},"timestamp":"{clock.iso(notice.epoch_s)}",'
        f'"trigger":"{notice.trigger}","actualValue":{text(notice.value)}{cleared}{linked},'
        f'{monitor}"eventNotificationType":"{notice.origin.value}",{_variable(notice.what)}}}'
    )


def lock_told(st: State, now: float, evse: Evse) -> None:
    """The lock of a connector fails, or does no longer (G05.FR.02)."""
    for name, connector in _LOCKS.items():
        place = {"id": evse.number, **connector}
        found = lookup(st, {"name": name, "evse": place}, {"name": "Problem"})
        if isinstance(found, Observable):
            monitoring.announce(st, now, found, HARDWARE_FAILURE)


PART: Final = Part(
    {Event.MONITORED: (EVENT,), Event.MONITORING_REPORTED: (REPORT,)},
    {
        EVENT: Action(notify, monitoring.answered, monitoring.failed),
        REPORT: Action(report, noted, forgotten),
    },
    {
        "ClearVariableMonitoring": Request(clear_monitoring),
        "GetMonitoringReport": Request(get_report),
        "SetMonitoringBase": Request(set_base),
        "SetMonitoringLevel": Request(set_level),
        "SetVariableMonitoring": Request(set_monitoring),
    },
)
