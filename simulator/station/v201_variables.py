"""OCPP 2.0.1: GetVariables and SetVariables (B05, B06), item by item on the device model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from simulator.station import credentials, device, heartbeat, metervalues, network, v201_device
from simulator.station.configuration import Key, Kind, refuse, split
from simulator.station.device import ACTUAL, Attribute, Variable
from simulator.station.payloads import Refusal
from simulator.station.rpc import text
from simulator.station.schemas import Fault
from simulator.station.state import Afterwards, Part, Request, State
from simulator.station.v201_codes import CODES, FORMAT
from simulator.station.v201_configure import configure
from simulator.station.v201_controllers import BYTES, ITEMS, VALUE_SIZE
from simulator.station.v201_keys import (
    HEARTBEAT_INTERVAL,
    OCCUPANCY,
    PASSWORD,
    PRIORITY,
    START_POINT,
    STOP_POINT,
)

Answer = tuple[str, Afterwards | None]
_encode = msgspec.json.encode
_WHERE: Final = ("name", "instance", "evse")
_EVSE: Final = ("id", "connectorId")


def limit(action: str, items: list[Any], payload: dict[str, Any]) -> None:
    """Raise ``Refusal`` for more items, or more bytes, than a request may have (B06.FR.16, 17)."""
    if len(items) > ITEMS[action]:
        raise Refusal(CODES[Fault.COUNT], f"more than {ITEMS[action]} items")
    if len(_encode(payload)) > BYTES:
        raise Refusal(FORMAT, f"longer than {BYTES} bytes")


def names(item: dict[str, Any]) -> str:
    """Component and variable of an item, as the CSMS wrote them."""
    where = {name: item["component"][name] for name in _WHERE if name in item["component"]}
    if "evse" in where:
        where["evse"] = {name: where["evse"][name] for name in _EVSE if name in where["evse"]}
    what = {name: item["variable"][name] for name in _WHERE[:2] if name in item["variable"]}
    return f'"component":{_encode(where).decode()},"variable":{_encode(what).decode()}'


def find(st: State, item: dict[str, Any]) -> tuple[Variable, Attribute] | str:
    """The attribute that an item means, or the status that says why there is none.

    Names are compared without regard to case; no component here has instances.
    """
    where, what = item["component"], item["variable"]
    evse = where.get("evse", {})
    tier = (where["name"].lower(), evse.get("id", 0), evse.get("connectorId", 0))
    rows = v201_device.of(st).components.get(tier)
    if rows is None or where.get("instance") or ("evse" in where and tier[1] < 1):
        return "UnknownComponent"
    row = rows.get((what["name"].lower(), what.get("instance", "").lower()))
    if row is None:
        return "UnknownVariable"
    attribute = row.attribute(item.get("attributeType", ACTUAL))
    return "NotSupportedAttributeType" if attribute is None else (row, attribute)


def _result(item: dict[str, Any], status: str, reason: str = "", rest: str = "") -> str:
    kind = item.get("attributeType", ACTUAL)
    info = f',"attributeStatusInfo":{{"reasonCode":"{reason}"}}' if reason else ""
    return f'{{"attributeStatus":"{status}"{info},"attributeType":"{kind}"{rest},{names(item)}}}'


# -- reading --------------------------------------------------------------------------------------


def get_variables(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetVariables (B06)."""
    items = payload["getVariableData"]
    limit("GetVariables", items, payload)
    results = ",".join(_got(st, now, item) for item in items)
    return f'{{"getVariableResult":[{results}]}}', None


def _got(st: State, now: float, item: dict[str, Any]) -> str:
    found = find(st, item)
    if isinstance(found, str):
        return _result(item, found)
    row, attribute = found
    if attribute.mutability == device.WRITE_ONLY:
        return _result(item, "Rejected", "WriteOnly")
    value = device.value(st, now, row, attribute)[:VALUE_SIZE]
    return _result(item, "Accepted", rest=f',"attributeValue":{text(value)}')


# -- setting --------------------------------------------------------------------------------------


def set_variables(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SetVariables (B05): each item for itself; what is accepted holds from here on."""
    items = payload["setVariableData"]
    limit("SetVariables", items, payload)
    changes: dict[str, str] = {}
    results = ",".join(_set(st, item, changes) for item in items)
    afterwards = _apply(st, now, changes) if changes else None
    return f'{{"setVariableResult":[{results}]}}', afterwards


def _set(st: State, item: dict[str, Any], changes: dict[str, str]) -> str:
    found = find(st, item)
    if isinstance(found, str):
        return _result(item, found)
    row, attribute = found
    key = attribute.key
    if key is None or not key.writable:
        return _result(item, "Rejected", "ReadOnly")
    value = item["attributeValue"]
    if not key.secret:
        value = value.strip()
    if key.kind is Kind.BOOLEAN:
        value = value.lower()
    if refuse(key, value, st.settings):
        return _result(item, "Rejected", _misfit(key, value))
    reason = _outside(st, row, attribute, value, changes) or _unfit(st, key, value)
    if reason:
        return _result(item, "Rejected", reason)
    changes[key.name] = value
    return _result(item, "RebootRequired" if key.reboot else "Accepted")


def _misfit(key: Key, value: str) -> str:
    """Why a value cannot be had: it is none of its type, or beyond what it may be."""
    bare = value.lstrip("+-")
    whole = key.kind is Kind.INTEGER and bare.isdecimal()
    broken = key.kind is Kind.DECIMAL and bare.replace(".", "", 1).isdecimal()
    return "ValueOutOfRange" if whole or broken else "InvalidValue"


def _outside(
    st: State, row: Variable, attribute: Attribute, value: str, changes: dict[str, str]
) -> str:
    """A target lies between MinSet and MaxSet, and those around each other (part 1, 4.3)."""
    if len(row.attributes) == 1:
        return ""

    def other(kind: str) -> int:
        key = getattr(row.attribute(kind), "key", None)
        return int(changes.get(key.name, st.conf.values[key.name])) if key is not None else 0

    number = int(value)
    low = attribute.type != "MinSet" and number < other("MinSet")
    high = attribute.type != "MaxSet" and number > other("MaxSet")
    return "ValueOutOfRange" if low or high else ""


def _no_such_way(st: State, value: str) -> str:
    """Every slot of the order holds a profile by which this station can connect (B10.FR.02)."""
    for slot in split(value):
        profile = network.profile_of(st, int(slot))
        if profile is None and int(slot) != network.PROVISIONED:
            return "InvalidNetworkConf"
        if profile is None:
            continue
        if profile.security < network.security(st):
            return "NoSecurityDowngrade"
        higher = profile.security > max(network.security(st), 1)
        if higher and not credentials.possible(st, profile.security):
            return "InvalidNetworkConf"  # A05.FR.02, FR.03: certificates are missing
    return ""


def _no_such_point(st: State, value: str) -> str:
    """Where no sensor sees the car in its bay, nothing can begin or end by it."""
    blind = OCCUPANCY in split(value) and not st.settings.hardware.bay_sensor
    return "InvalidValue" if blind else ""


_UNFIT: Final[dict[str, Callable[[State, str], str]]] = {
    PRIORITY: _no_such_way,
    START_POINT: _no_such_point,
    STOP_POINT: _no_such_point,
}
"""Settings whose values hang on more than their type: why one does not fit, or ""."""


def _unfit(st: State, key: Key, value: str) -> str:
    rule = _UNFIT.get(key.name)
    return rule(st, value) if rule is not None else ""


def _apply(st: State, now: float, changes: dict[str, str]) -> Afterwards | None:
    st.conf = configure(st.settings, {**st.conf.overrides, **changes})
    if HEARTBEAT_INTERVAL in changes:
        heartbeat.set_interval(st, float(changes[HEARTBEAT_INTERVAL]))
    metervalues.configured(st, now)
    return credentials.password_changed if PASSWORD in changes else None


PART: Final = Part(
    requests={"GetVariables": Request(get_variables), "SetVariables": Request(set_variables)}
)
