"""OCPP 2.0.1: firmware management (L01, L02) and logs (N01).

PublishFirmware is for a Local Controller (L03), which a station is not.
"""

from __future__ import annotations

from typing import Any, Final

from simulator.station import updates
from simulator.station.events import Event
from simulator.station.state import Part, Request, State
from simulator.station.v201_codes import PROPERTY
from simulator.station.wording import Answer, notice, progress


def update_firmware(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """UpdateFirmware: signed (L01) or not (L02)."""
    return updates.update(st, now, updates.firmware_order(st, payload, PROPERTY))


def get_log(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetLog (N01)."""
    return updates.get_log(st, now, payload, PROPERTY)


PART: Final = Part(
    {
        Event.FIRMWARE: ("FirmwareStatusNotification",),
        Event.SIGNED_FIRMWARE: (),
        Event.LOG: ("LogStatusNotification",),
        Event.DIAGNOSTICS: (),
    },
    {
        "FirmwareStatusNotification": notice(progress),
        "LogStatusNotification": notice(progress),
    },
    {"GetLog": Request(get_log), "UpdateFirmware": Request(update_firmware)},
)
