"""What a station model presets, held against the stations' own tables when a scenario is loaded.

The scenario room knows no OCPP: it hands the model over, and says where in the file a mistake is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from simulator.fleet.setup import hardware_of, written
from simulator.fleet.shardplan import measured
from simulator.station import v16_keys, v201_device, v201_keys
from simulator.station.configuration import Key, Kind, refuse
from simulator.station.device import Variable
from simulator.station.monitoring import MAX_MONITORS, THRESHOLDS
from simulator.station.monitors import Kind as MonitorKind
from simulator.station.settings import Settings

if TYPE_CHECKING:
    from simulator.scenario import StationModel
    from simulator.scenario.preset_model import Monitor, Setting

Mistake = tuple[tuple[str | int, ...], str, str | None]
_OF_THE_RUN: Final = {
    v201_keys.LIST_BYTES: "nothing here: it follows from the longest frame that is read",
    v201_keys.PASSWORD: "csms.password in the scenario instead",
    v201_keys.PRIORITY: "nothing here: a station has one network profile when a run begins",
}
_SHORTEST_S: Final = 1.0


def mistakes(model: StationModel) -> Iterator[Mistake]:
    """Keys, variables and monitors that no station of the model can have.

    Each with its field, what was expected there, and what may be meant.
    """
    settings = Settings("check", measurands=measured(model))
    for name, text in model.configuration.items():
        key = _key(v16_keys.KEYS, name)
        expected = refuse(key, text, settings) if key is not None else ""
        if key is None:
            what = "a configuration key of OCPP 1.6"
            if name.lower() in v201_keys.KEYS:
                what += " (variables of 2.0.1 stand under [variables])"
            yield ("configuration", name), what, _near(v16_keys.KEYS, name)
        elif expected:
            yield ("configuration", name), expected, None
    for name, value in model.variables.items():
        yield from _variable(name, value, settings)
    yield from _monitors(model)


def _key(keys: Mapping[str, Key], name: str) -> Key | None:
    key = keys.get(name.lower())
    return key if key is not None and key.name == name else None


def _near(keys: Mapping[str, Key], name: str) -> str | None:
    found = get_close_matches(name.lower(), keys, 1)
    return keys[found[0]].name if found else None


def _variable(name: str, value: Setting, settings: Settings) -> Iterator[Mistake]:
    loc = ("variables", name)
    key = _key(v201_keys.KEYS, name)
    if key is None:
        expected = "a variable of OCPP 2.0.1 that stations go by, as Component.Variable[Instance]"
        yield loc, expected, _near(v201_keys.KEYS, name)
    elif name in _OF_THE_RUN:
        yield loc, _OF_THE_RUN[name], None
    else:
        right = {Kind.BOOLEAN: isinstance(value, bool), Kind.INTEGER: type(value) is int}
        lists = key.kind in (Kind.MEASURANDS, Kind.MEMBERS, Kind.SEQUENCE)
        expected = refuse(key, written(value), settings)
        if not right.get(key.kind, isinstance(value, str) or (lists and type(value) is tuple)):
            expected = expected or _type(key)
        if expected:
            yield loc, expected, None


def _type(key: Key) -> str:
    """What a value is written as whose text would do."""
    if key.kind is Kind.BOOLEAN:
        return "true or false, without quotes"
    if key.kind is Kind.INTEGER:
        return f"a whole number from {key.minimum} to {key.maximum}, without quotes"
    return "text in quotes"


def _monitors(model: StationModel) -> Iterator[Mistake]:
    table = v201_device.build(hardware_of(model), measured(model), model.evses).components
    if len(model.monitors) > MAX_MONITORS:
        yield ("monitors",), f"at most {MAX_MONITORS} monitors, not {len(model.monitors)}", None
    seen: set[tuple[object, ...]] = set()
    for index, monitor in enumerate(model.monitors):
        loc = ("monitors", index)
        rows = table.get((monitor.component.lower(), monitor.evse, monitor.connector))
        if rows is None:
            yield (*loc, "component"), *_component(table, monitor)
            continue
        row = rows.get((monitor.variable.lower(), monitor.instance.lower()))
        if row is None:
            known = [row.name for row in rows.values()]
            near = get_close_matches(monitor.variable, known, 1)
            expected = f"a variable of {monitor.component}: {', '.join(dict.fromkeys(known))}"
            yield (*loc, "variable"), expected, near[0] if near else None
            continue
        same = (row.where, row.name, row.instance, monitor.kind, monitor.severity)
        if same in seen:
            expected = "another kind, or another severity: there is such a monitor already"
            yield (*loc, "kind"), expected, None
        seen.add(same)
        yield from _watches(loc, monitor, row)


def _component(table: Mapping[tuple[str, int, int], object], monitor: Monitor) -> tuple[str, None]:
    places = [place[1:] for place in table if place[0] == monitor.component.lower()]
    if not places:
        return "a component that such a station has", None
    evse, connector = places[0]
    if connector:
        return (
            f"an EVSE and a connector of the station: evse = 1 ..., connector = {connector}",
            None,
        )
    return ("an EVSE of the station: evse = 1 ..." if evse else "no EVSE and no connector"), None


def _watches(loc: tuple[str | int, ...], monitor: Monitor, row: Variable) -> Iterator[Mistake]:
    """Whether that variable can be watched in that way."""
    numeric = row.data_type in ("decimal", "integer")
    kind = MonitorKind(monitor.kind)
    if not row.watchable:
        yield (*loc, "variable"), "a variable that can change", None
    elif kind in THRESHOLDS and not numeric:
        expected = f"Delta, Periodic or PeriodicClockAligned: {row.name} is no number"
        yield (*loc, "kind"), expected, None
    elif kind in THRESHOLDS:
        low = float("-inf") if row.least is None else row.least
        high = float("inf") if row.most is None else row.most
        if not low <= monitor.value <= high:
            expected = f"a threshold from {low:g} to {high:g}, which is the range of {row.name}"
            yield (*loc, "value"), expected, None
    elif kind is MonitorKind.DELTA and monitor.value < 0.0:
        yield (*loc, "value"), "a delta of 0 or more", None
    elif kind is not MonitorKind.DELTA and monitor.value < _SHORTEST_S:
        yield (*loc, "value"), f"an interval of {_SHORTEST_S:g} s or more", None
