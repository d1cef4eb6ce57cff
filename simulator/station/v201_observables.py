"""OCPP 2.0.1: the variables that can be watched, by component and variable.

``ROWS`` has what the station itself knows at every moment; the settings of ``v201_keys`` follow,
for the CSMS may watch these, too. ``lookup`` finds one of them as a monitor needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from simulator.station import display
from simulator.station.configuration import Key, Kind
from simulator.station.model import Evse, Status
from simulator.station.monitors import Observable, Read
from simulator.station.state import State
from simulator.station.v201_keys import HEARTBEAT_INTERVAL, KEYS
from simulator.station.v201_messages import word

UNKNOWN_COMPONENT: Final = "UnknownComponent"
UNKNOWN_VARIABLE: Final = "UnknownVariable"


class Row(NamedTuple):
    """One variable: how it is read, and whether it is a number, moves by itself, has a range."""

    read: Read
    numeric: bool = False
    drifts: bool = False
    least: float | None = None
    most: float | None = None


def _availability(st: State, now: float, evse: Evse) -> str:
    if evse.number:
        return word(evse) or ""
    if evse.status in (Status.FAULTED, Status.UNAVAILABLE):
        return "Faulted" if evse.status is Status.FAULTED else "Unavailable"
    words = {word(each) for each in st.evses[1:]}
    order = ("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
    return next(name for name in order if name in words)


def _problem(st: State, now: float, evse: Evse) -> str:
    return "true" if evse.fault else "false"


def _power(st: State, now: float, evse: Evse) -> float:
    return st.meter.power_w(now, evse.number)


def _energy(st: State, now: float, evse: Evse) -> float:
    return st.meter.register_wh(now, evse.number)


def _messages(st: State, now: float, evse: Evse) -> float:
    return len(display.current(st, now))


def _heartbeat(st: State, now: float, evse: Evse) -> float:
    return round(st.heartbeat_s) if st.heartbeat_s < 1e9 else 0


def _level(st: State, now: float, evse: Evse) -> float:
    return 9 if st.monitoring is None else st.monitoring.level


def _base(st: State, now: float, evse: Evse) -> str:
    return "FactoryDefault" if st.monitoring is None else st.monitoring.base


def _longest(st: State, now: float, evse: Evse) -> float:
    return st.settings.max_frame


STATION: Final = 0
EVSE: Final = 1
CONNECTOR: Final = 2
_STATE: Final = Row(_availability)
_PROBLEM: Final = Row(_problem)
_POWER: Final = Row(_power, numeric=True, drifts=True, least=0.0)
_REGISTER: Final = Row(_energy, numeric=True, drifts=True, least=0.0)
_BYTES: Final = Row(_longest, numeric=True, least=0.0)

ROWS: Final[Mapping[tuple[int, str, str, str], Row]] = {
    (STATION, "ChargingStation", "AvailabilityState", ""): _STATE,
    (STATION, "ChargingStation", "Power", ""): _POWER,
    (STATION, "ChargingStation", "Problem", ""): _PROBLEM,
    (STATION, "FiscalMetering", "EnergyImportRegister", ""): _REGISTER,
    (EVSE, "EVSE", "AvailabilityState", ""): _STATE,
    (EVSE, "EVSE", "Power", ""): _POWER,
    (EVSE, "EVSE", "Problem", ""): _PROBLEM,
    (EVSE, "FiscalMetering", "EnergyImportRegister", ""): _REGISTER,
    (CONNECTOR, "Connector", "AvailabilityState", ""): _STATE,
    (CONNECTOR, "Connector", "Problem", ""): _PROBLEM,
    (STATION, "DisplayMessageCtrlr", "DisplayMessages", ""): Row(
        _messages, numeric=True, least=0.0
    ),
    (STATION, "MonitoringCtrlr", "ActiveMonitoringBase", ""): Row(_base),
    (STATION, "MonitoringCtrlr", "ActiveMonitoringLevel", ""): Row(
        _level, numeric=True, least=0.0, most=9.0
    ),
    (STATION, "MonitoringCtrlr", "BytesPerMessage", "ClearVariableMonitoring"): _BYTES,
    (STATION, "MonitoringCtrlr", "BytesPerMessage", "SetVariableMonitoring"): _BYTES,
}
"""Tier, component, variable, instance -> how it is read. An EVSE has one connector, number 1."""


def lookup(
    st: State, component: Mapping[str, Any], variable: Mapping[str, Any]
) -> Observable | str:
    """The variable that a ComponentType and a VariableType name, or why there is none."""
    place = component.get("evse")
    number = 0 if place is None else place["id"]
    connector = 0 if place is None else place.get("connectorId", 0)
    there = place is None or (0 < number < len(st.evses) and connector in (0, 1))
    tier = STATION if place is None else CONNECTOR if connector else EVSE
    name = component["name"].casefold()
    names = _components().get((tier, name)) if there and "instance" not in component else None
    if names is None:
        return UNKNOWN_COMPONENT
    found = names.get((variable["name"].casefold(), variable.get("instance", "").casefold()))
    if found is None:
        return UNKNOWN_VARIABLE
    (_, owner, spelt, instance), row = found
    return Observable(
        owner,
        spelt,
        row.read,
        row.numeric,
        instance,
        number,
        connector,
        row.drifts,
        row.least,
        row.most,
    )


_Found = tuple[tuple[int, str, str, str], Row]


@cache
def _components() -> Mapping[tuple[int, str], Mapping[tuple[str, str], _Found]]:
    """All variables by tier and component, names in lower case."""
    rows = {_name(key): _of_key(key) for key in KEYS.values()} | dict(ROWS)
    found: dict[tuple[int, str], dict[tuple[str, str], _Found]] = {}
    for full, row in rows.items():
        tier, component, variable, instance = full
        names = found.setdefault((tier, component.casefold()), {})
        names[variable.casefold(), instance.casefold()] = full, row
    return found


def _name(key: Key) -> tuple[int, str, str, str]:
    """``Component.Variable[Instance]`` as the name of a row."""
    component, _, rest = key.name.partition(".")
    variable, _, instance = rest.partition("[")
    return STATION, component, variable, instance.rstrip("]")


def _of_key(key: Key) -> Row:
    name = key.name
    if name == HEARTBEAT_INTERVAL:
        return Row(_heartbeat, numeric=True, least=0.0)
    if key.kind is Kind.INTEGER:
        return Row(_whole(name), True, False, float(key.minimum), float(key.maximum))
    return Row(_text(name))


def _whole(name: str) -> Read:
    def read(st: State, now: float, evse: Evse) -> float:
        return int(st.conf.values[name])

    return read


def _text(name: str) -> Read:
    def read(st: State, now: float, evse: Evse) -> str:
        return st.conf.values[name]

    return read
