"""OCPP 2.0.1: the variables of the device model as monitoring wants them.

Whatever can change may be watched: what the station says of itself, and every setting. ``lookup``
finds a variable by the names that the CSMS uses, ``watched`` says which ones support monitoring.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulator.station import device, v201_device
from simulator.station import device_live as live
from simulator.station.device import Variable
from simulator.station.model import Evse
from simulator.station.monitors import Observable, Read
from simulator.station.state import State
from simulator.station.v201_keys import HEARTBEAT_INTERVAL

UNKNOWN_COMPONENT: Final = "UnknownComponent"
UNKNOWN_VARIABLE: Final = "UnknownVariable"
UNSUPPORTED: Final = "UnsupportedMonitorType"
_NUMBERS: Final = frozenset(("decimal", "integer"))


def lookup(
    st: State, component: Mapping[str, Any], variable: Mapping[str, Any]
) -> Observable | str:
    """The variable that a ComponentType and a VariableType name, or why there is none."""
    place = component.get("evse")
    number = 0 if place is None else place["id"]
    connector = 0 if place is None else place.get("connectorId", 0)
    where = (component["name"].lower(), number, connector)
    names = v201_device.of(st).components.get(where)
    if names is None or "instance" in component or (place is not None and number < 1):
        return UNKNOWN_COMPONENT
    row = names.get((variable["name"].lower(), variable.get("instance", "").lower()))
    if row is None:
        return UNKNOWN_VARIABLE
    return _observable(row) if row.watchable else UNSUPPORTED


def _observable(row: Variable) -> Observable:
    key = row.actual.key
    numeric = row.data_type in _NUMBERS
    return Observable(
        row.component,
        row.name,
        _read(row, numeric),
        numeric,
        row.instance,
        row.evse,
        row.connector,
        row.monitored and row.data_type == "decimal",
        row.least,
        row.most if numeric else None,
        key is not None and key.secret,
    )


def _read(row: Variable, numeric: bool) -> Read:
    key = row.actual.key

    def read(st: State, now: float, evse: Evse) -> float | str:
        if key is None:
            value = device.value(st, now, row, row.actual)
        elif key.name == HEARTBEAT_INTERVAL:
            value = live.heartbeat(st, now, evse)
        else:
            value = st.conf.values[key.name]
        return float(value) if numeric and value else value

    return read
