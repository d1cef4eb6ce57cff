"""OCPP 2.0.1: the device model of a model of station, put together once, shared by all of them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from simulator.station import device_live as live
from simulator.station.device import ACTUAL, Model, Variable, at, of_key, split_name
from simulator.station.settings import Hardware
from simulator.station.state import State
from simulator.station.v201_components import of_connector, of_evse, of_station
from simulator.station.v201_controllers import BLOCKS, GENERAL, counted, fixed
from simulator.station.v201_keys import HEARTBEAT_INTERVAL, KEYS, OCCUPANCY

UNLOCK: Final = "OCPPCommCtrlr.UnlockOnEVSideDisconnect"


def of(st: State) -> Model:
    """The device model of this station, shared with all that are built like it."""
    settings, profiles = st.settings, st.conf.profiles.max_profiles
    known = settings.max_display_messages, profiles
    return build(settings.hardware, settings.measurands, st.identity.evses, *known)


@lru_cache(maxsize=64)
def build(
    built: Hardware,
    measurands: tuple[str, ...],
    evses: int,
    messages: int = 20,
    profiles: int = 40,
) -> Model:
    """The table for stations of this kind: controllers, the station's parts, EVSE after EVSE.

    ``messages``, ``profiles``: how many the display and the book of profiles can hold.
    """
    settings = [
        of_key(key, measurands) for key in KEYS.values() if split_name(key.name)[3] == ACTUAL
    ]
    instead = counted(messages, profiles)
    if not built.bay_sensor:
        settings = [_sightless(row) for row in settings]
    settings = [_in_force(row) for row in settings]
    if built.connector.startswith("c"):  # fixed cables have nothing to unlock (part 2, 2.1.12)
        instead.append(fixed(UNLOCK, "boolean", "false"))
    replaced = {_name(row) for row in instead}
    settings = [row for row in settings if _name(row) not in replaced] + instead
    taken = {_name(row) for row in settings}
    others = [row for row in GENERAL + BLOCKS if _name(row) not in taken]
    rows = sorted(settings + others, key=_name) + of_station(built)
    for number in range(1, evses + 1):
        rows += at(of_evse(built), number)
        rows += at(of_connector(built), number, 1)
    return Model(tuple(rows))


def _sightless(row: Variable) -> Variable:
    """The row as a station without a sensor in its bays has it."""
    words = row.values.split(",")
    kept = ",".join(word for word in words if word != OCCUPANCY)
    return replace(row, values=kept) if OCCUPANCY in words else row


def _in_force(row: Variable) -> Variable:
    """The interval of heartbeats is what the CSMS gave at the boot, until it sets another."""
    key = row.actual.key
    if key is None or key.name != HEARTBEAT_INTERVAL:
        return row
    return replace(row, attributes=(replace(row.actual, value=live.heartbeat),))


def _name(row: Variable) -> tuple[str, str, str]:
    return row.component, row.name, row.instance
