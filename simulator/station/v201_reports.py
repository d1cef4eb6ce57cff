"""OCPP 2.0.1: reports on the device model (B07, B08), told in parts by NotifyReport.

A part is built when the one before it has been answered, so that a report costs a station next to
nothing while it is under way; what changes in between is told as it is then. A part that the CSMS
refuses or does not answer is not repeated. A report ends with the connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from simulator.station import clock, device, v201_device
from simulator.station.device import READ_WRITE, WRITE_ONLY, Attribute, Variable
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.ports import CallOutcome
from simulator.station.rpc import raise_event, text
from simulator.station.state import Action, Afterwards, Part, Request, State
from simulator.station.v201_controllers import VALUE_SIZE
from simulator.station.v201_variables import limit

Answer = tuple[str, Afterwards | None]
MOST_REPORTS: Final = 4
"""Reports under way at once; another one is refused (B07.FR.13, B08.FR.16)."""
_ABNORMAL: Final = frozenset(("Problem", "Tripped", "Overload", "Fallback"))
_HEAD_BYTES: Final = 200
"""A CALL's frame with what stands before the first variable."""


class Report:
    """What is left of a report."""

    __slots__ = ("at", "request_id", "rows", "seq")

    def __init__(self, request_id: int, rows: tuple[Variable, ...]) -> None:
        self.request_id = request_id
        self.rows = rows
        self.at = 0
        self.seq = 0


# -- what is asked for ----------------------------------------------------------------------------


def get_base_report(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetBaseReport (B07)."""
    rows = v201_device.of(st).variables
    kind = payload["reportBase"]
    if kind == "ConfigurationInventory":
        rows = tuple(row for row in rows if row.settable)
    elif kind == "SummaryInventory":
        rows = tuple(row for row in rows if _in_summary(st, now, row))
    return _begin(st, payload["requestId"], rows)


def _in_summary(st: State, now: float, row: Variable) -> bool:
    """Availability (of a connector it is its EVSE's), and whatever is wrong (B07.FR.09)."""
    if row.name == "AvailabilityState":
        return row.connector == 0
    return row.name in _ABNORMAL and device.value(st, now, row, row.actual) == "true"


def get_report(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetReport (B08)."""
    asked = payload.get("componentVariable", [])
    limit("GetReport", asked, payload)
    rows: Iterable[Variable] = v201_device.of(st).variables
    if asked:
        rows = [row for row in rows if any(_meant(row, item) for item in asked)]
    criteria = payload.get("componentCriteria", [])
    if criteria:
        rows = [row for row in rows if any(_meets(st, now, row, name) for name in criteria)]
    return _begin(st, payload["requestId"], tuple(rows))


def _meant(row: Variable, item: dict[str, Any]) -> bool:
    """Is the row one of those that an item of the list means (B08.FR.20-25)?"""
    where, what = item["component"], item.get("variable")
    if where["name"].lower() != row.component.lower() or where.get("instance"):
        return False
    evse = where.get("evse", {})
    if evse.get("id", row.evse) != row.evse:
        return False
    if evse.get("connectorId", row.connector) != row.connector:
        return False
    if what is None:
        return True
    instance = what.get("instance", row.instance)
    return bool(
        what["name"].lower() == row.name.lower() and instance.lower() == row.instance.lower()
    )


def _meets(st: State, now: float, row: Variable, criterion: str) -> bool:
    """Has its component the variable of that name set, or none such (but for Problem)?"""
    named = v201_device.of(st).components[row.where].get((criterion.lower(), ""))
    if named is None:
        return criterion != "Problem"
    return device.value(st, now, named, named.actual) == "true"


def _begin(st: State, request_id: int, rows: tuple[Variable, ...]) -> Answer:
    if not rows:
        return '{"status":"EmptyResultSet"}', None
    if st.reports >= MOST_REPORTS:
        return '{"status":"Rejected"}', None
    st.reports += 1

    def tell(st: State, now: float) -> None:
        raise_event(st, Event.REPORT, now, now, about=Report(request_id, rows))

    return '{"status":"Accepted"}', tell


# -- what is told ---------------------------------------------------------------------------------


def notify_report(st: State, now: float, call: Call) -> str:
    """The next part: as many variables as fit, one at least."""
    report: Report = call.about
    most, room = st.settings.report_items, st.settings.report_bytes - _HEAD_BYTES
    told: list[str] = []
    while report.at < len(report.rows) and len(told) < most:
        item = entry(st, now, report.rows[report.at])
        room -= len(item.encode()) + 1
        if told and room < 0:
            break
        told.append(item)
        report.at += 1
    more = "true" if report.at < len(report.rows) else "false"
    seq, report.seq = report.seq, report.seq + 1
    return (
        f'"requestId":{report.request_id},"generatedAt":"{clock.iso(st.clock_zero + now)}",'
        f'"seqNo":{seq},"tbc":{more},"reportData":[{",".join(told)}]'
    )


def entry(st: State, now: float, row: Variable) -> str:
    """A ReportDataType: the variable with all its attributes and its characteristics."""
    attributes = ",".join(_attribute(st, now, row, a) for a in row.attributes)
    return (
        f'{{"component":{_component(row)},"variable":{_named(row.name, row.instance)},'
        f'"variableAttribute":[{attributes}],"variableCharacteristics":{_nature(st, row)}}}'
    )


def _component(row: Variable) -> str:
    if not row.evse:
        return f'{{"name":"{row.component}"}}'
    connector = f',"connectorId":{row.connector}' if row.connector else ""
    return f'{{"name":"{row.component}","evse":{{"id":{row.evse}{connector}}}}}'


def _named(name: str, instance: str) -> str:
    return f'{{"name":"{name}"' + (f',"instance":"{instance}"}}' if instance else "}")


def _attribute(st: State, now: float, row: Variable, attribute: Attribute) -> str:
    mutability = attribute.mutability
    value = ""
    if mutability != WRITE_ONLY:
        value = f',"value":{text(device.value(st, now, row, attribute)[:VALUE_SIZE])}'
    kept = ',"persistent":true' if mutability in (READ_WRITE, WRITE_ONLY) else ""
    still = ',"constant":true' if attribute.constant else ""
    return f'{{"type":"{attribute.type}"{value},"mutability":"{mutability}"{kept}{still}}}'


def _nature(st: State, row: Variable) -> str:
    """VariableCharacteristicsType; nothing can be monitored where that area is not there."""
    unit = f'"unit":"{row.unit}",' if row.unit else ""
    least = f',"minLimit":{row.least!r}' if row.least is not None else ""
    most = f',"maxLimit":{row.most!r}' if row.most is not None else ""
    values = f',"valuesList":"{row.values}"' if row.values else ""
    watched = row.watchable and "SetVariableMonitoring" in st.table.requests
    supports = "true" if watched else "false"
    return (
        f'{{{unit}"dataType":"{row.data_type}"{least}{most}{values},'
        f'"supportsMonitoring":{supports}}}'
    )


def answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """NotifyReportResponse: empty; the next part follows."""
    _go_on(st, now, call.about)
    return True


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """The part is lost; without a connection so is the rest."""
    if outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED):
        st.reports -= 1
    else:
        _go_on(st, now, call.about)


def _go_on(st: State, now: float, report: Report) -> None:
    if report.at < len(report.rows):
        raise_event(st, Event.REPORT, now, now, about=report)
    else:
        st.reports -= 1


PART: Final = Part(
    {Event.REPORT: ("NotifyReport",)},
    {"NotifyReport": Action(notify_report, answered, failed)},
    {"GetBaseReport": Request(get_base_report), "GetReport": Request(get_report)},
)
