"""OCPP 1.6: firmware management (§5.9, §5.19) and the whitepaper's L01 and N01."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, Final

from simulator.station import firmware, logs, updates
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.payloads import NOT_SUPPORTED, Refusal
from simulator.station.rpc import text
from simulator.station.state import Part, Request, State
from simulator.station.v16_codes import PROPERTY
from simulator.station.wording import Answer, epoch, notice, progress

_UNSIGNED: Final = frozenset(
    (
        "Downloaded",
        "DownloadFailed",
        "Downloading",
        "Idle",
        "InstallationFailed",
        "Installing",
        "Installed",
    )
)
"""The states that §7.25 knows; the others are left out."""
_UNDER_WAY: Final = {
    "Downloading": "Downloading",
    "Downloaded": "Downloaded",
    "InstallScheduled": "Downloaded",
    "Installing": "Installing",
    "InstallRebooting": "Installing",
}
"""How far an update is in those words, also while it waits or the station boots."""
_DIAGNOSTICS: Final = {"Idle": "Idle", "Uploading": "Uploading", "Uploaded": "Uploaded"}
_LATER: Final = frozenset(("AcceptedCanceled",))
"""States of 2.0.1 that LogStatusNotification of the whitepaper lacks."""


def firmware_status(st: State, now: float, call: Call) -> str | None:
    """FirmwareStatusNotification.req (§6.19)."""
    status = call.about.about.status
    if status == "InstallVerificationFailed":
        status = "InstallationFailed"
    return f'"status":"{status}"' if status in _UNSIGNED else None


def diagnostics_status(st: State, now: float, call: Call) -> str | None:
    """DiagnosticsStatusNotification.req (§6.17): all failures are one."""
    status = call.about.about.status
    if status in _LATER:
        return None
    return f'"status":"{_DIAGNOSTICS.get(status, "UploadFailed")}"'


def log_status(st: State, now: float, call: Call) -> str | None:
    """LogStatusNotification.req (whitepaper §5.13)."""
    return None if call.about.about.status in _LATER else progress(st, now, call)


def update_firmware(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """UpdateFirmware (§5.19); a secured station takes signed firmware alone (L01.FR.20)."""
    if st.conf.security_profile > 0:
        raise Refusal(NOT_SUPPORTED, "only signed firmware with a security profile")
    order = firmware.Order(
        url=payload["location"],
        retrieve_at=epoch(payload, "retrieveDate", PROPERTY, -inf) - st.clock_zero,
        retries=payload.get("retries"),
        retry_s=payload.get("retryInterval"),
    )
    return "{}", partial(firmware.begin, order)


def signed_update(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SignedUpdateFirmware (whitepaper L01)."""
    return updates.update(st, now, updates.firmware_order(st, payload, PROPERTY, secured=True))


def get_diagnostics(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetDiagnostics (§5.9): there always are some."""
    order = logs.Order(
        url=payload["location"],
        kind=logs.DIAGNOSTICS_LOG,
        name=logs.file_name(st, now, logs.DIAGNOSTICS_LOG),
        retries=payload.get("retries"),
        retry_s=payload.get("retryInterval"),
        oldest=epoch(payload, "startTime", PROPERTY, -inf),
        latest=epoch(payload, "stopTime", PROPERTY, inf),
    )
    return f'{{"fileName":{text(order.name)}}}', partial(logs.begin, order)


def get_log(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetLog (whitepaper N01)."""
    return updates.get_log(st, now, payload, PROPERTY)


def unsigned_progress(st: State) -> firmware.Progress:
    """What TriggerMessage asks for: Idle unless an update without signature is under way."""
    told = firmware.last(st)
    busy = firmware.busy(st) and not told.secured
    word = _UNDER_WAY.get(told.status, "Idle") if busy else "Idle"
    return firmware.Progress(word, None, False)


def signed_progress(st: State) -> firmware.Progress:
    """What ExtendedTriggerMessage asks for (L01.FR.28, FR.29)."""
    told = firmware.last(st)
    return told if told.secured else firmware.Progress("Idle", None, True)


PART: Final = Part(
    {
        Event.FIRMWARE: ("FirmwareStatusNotification",),
        Event.SIGNED_FIRMWARE: ("SignedFirmwareStatusNotification",),
        Event.LOG: ("LogStatusNotification",),
        Event.DIAGNOSTICS: ("DiagnosticsStatusNotification",),
    },
    {
        "FirmwareStatusNotification": notice(firmware_status),
        "SignedFirmwareStatusNotification": notice(progress),
        "LogStatusNotification": notice(log_status),
        "DiagnosticsStatusNotification": notice(diagnostics_status),
    },
    {
        "UpdateFirmware": Request(update_firmware),
        "SignedUpdateFirmware": Request(signed_update),
        "GetDiagnostics": Request(get_diagnostics),
        "GetLog": Request(get_log),
    },
)
