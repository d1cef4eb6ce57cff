"""What a CSMS says to a station when it is asked for a command: words and payloads by version.

Tables for ``scenario.call_model.PRESETS``, no sockets: used for calls that a live run makes of the
embedded CSMS's API and for the commands of storms. Actions that have no preset are sent with the
payload that the scenario gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from simulator.fleet import remotestart

Effect = Literal["started", "ended", "power", "booted"]

LIMITS_W: Final = (11_000.0, 6_000.0)
"""What SetChargingProfile leaves, in turn, where nothing else is said."""
_TIMEOUT_S: Final = "120"
"""What ChangeConfiguration and SetVariables set the time to plug in to."""
_OLD: Final = "1.6"
_NEW: Final = "2.0.1"

EITHER: Final[Mapping[str, Mapping[str, str]]] = {
    "RemoteStart": remotestart.ACTIONS,
    "RemoteStop": {_OLD: "RemoteStopTransaction", _NEW: "RequestStopTransaction"},
}
"""Presets whose word depends on the version; every other is called by its own."""
EFFECTS: Final[Mapping[str, Effect]] = {
    "RemoteStart": "started",
    "RemoteStop": "ended",
    "SetChargingProfile": "power",
    "Reset": "booted",
}
"""What shows at a station that a command had its effect: a transaction began or ended, the power
that it draws changed, it booted."""
OF_AN_EVSE: Final = frozenset(
    ("RemoteStart", "RemoteStop", "GetCompositeSchedule", "UnlockConnector", "ChangeAvailability")
)
"""Presets that are about one EVSE: a broadcast of them is another call for each station."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Whom a command is for, and what it is to say."""

    station: str
    version: str
    evse: int
    """0: the station as a whole."""
    n: int
    """The number of the call, or of the broadcast, from 1."""
    token: str = ""
    transaction: int | str = ""
    """What runs at the EVSE, as the CSMS knows it."""
    limit_w: float = 0.0

    def values(self) -> dict[str, str]:
        """What stands in a template's braces."""
        return {
            "station": self.station,
            "evse": str(self.evse),
            "connector": str(self.evse if self.version == _OLD else min(self.evse, 1)),
            "n": str(self.n),
            "token": self.token,
            "transaction": str(self.transaction),
            "limit_w": f"{self.limit_w:g}",
        }


def words(action: str, known: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """{version: the action on the wire}; ``known`` are the commands of each version."""
    either = EITHER.get(action)
    if either is not None:
        return dict(either)
    return {version: action for version, actions in known.items() if action in actions}


def preset(action: str, aim: Aim) -> dict[str, Any]:
    """The payload of a preset. Raises KeyError for another action."""
    if action == "RemoteStart":
        return remotestart.command(aim.version, aim.evse, aim.token, aim.n)[1]
    if action == "RemoteStop":
        return {"transactionId": aim.transaction}
    if action == "SetChargingProfile":
        return profile(aim.version, aim.limit_w, aim.evse)
    if action == "Reset":
        return reset(aim.version)
    if action == "DataTransfer":
        return {"vendorId": "chargeswarm", "messageId": str(aim.n)}
    made: dict[str, Any] = _PRESETS[action, aim.version](aim.evse)
    return made


def reset(version: str, *, hard: bool = False) -> dict[str, Any]:
    """The payload of a Reset."""
    kinds = ("Soft", "Hard") if version == _OLD else ("OnIdle", "Immediate")
    return {"type": kinds[hard]}


def profile(version: str, limit_w: float, evse: int = 0) -> dict[str, Any]:
    """The payload of a SetChargingProfile: at an EVSE every transaction may draw so much.

    ``evse`` 0: at each. One takes the place of the one before it, in either version by its id.
    """
    period = {"startPeriod": 0, "limit": round(limit_w, 1)}
    schedule: dict[str, Any] = {"chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    about = {
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
    }
    if version == _OLD:
        about |= {"chargingProfileId": evse + 1, "chargingSchedule": schedule}
        return {"connectorId": evse, "csChargingProfiles": about}
    about |= {"id": evse + 1, "chargingSchedule": [{"id": 1} | schedule]}
    return {"evseId": evse, "chargingProfile": about}


_PRESETS: Final[Mapping[tuple[str, str], Any]] = {
    ("ChangeAvailability", _OLD): lambda evse: {"connectorId": evse, "type": "Operative"},
    ("ChangeAvailability", _NEW): lambda evse: {
        "evse": {"id": evse},
        "operationalStatus": "Operative",
    },
    ("ChangeConfiguration", _OLD): lambda _: {"key": "ConnectionTimeOut", "value": _TIMEOUT_S},
    ("ClearCache", _OLD): lambda _: {},
    ("ClearCache", _NEW): lambda _: {},
    ("ClearChargingProfile", _OLD): lambda _: {},
    ("ClearChargingProfile", _NEW): lambda _: {
        "chargingProfileCriteria": {"chargingProfilePurpose": "TxDefaultProfile"}
    },
    ("GetCompositeSchedule", _OLD): lambda evse: {"connectorId": evse, "duration": 3600},
    ("GetCompositeSchedule", _NEW): lambda evse: {"evseId": evse, "duration": 3600},
    ("GetConfiguration", _OLD): lambda _: {"key": ["HeartbeatInterval"]},
    ("GetLocalListVersion", _OLD): lambda _: {},
    ("GetLocalListVersion", _NEW): lambda _: {},
    ("GetVariables", _NEW): lambda _: {
        "getVariableData": [
            {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
        ]
    },
    ("SetVariables", _NEW): lambda _: {
        "setVariableData": [
            {
                "attributeValue": _TIMEOUT_S,
                "component": {"name": "TxCtrlr"},
                "variable": {"name": "EVConnectionTimeOut"},
            }
        ]
    },
    ("TriggerMessage", _OLD): lambda _: {"requestedMessage": "Heartbeat"},
    ("TriggerMessage", _NEW): lambda _: {"requestedMessage": "Heartbeat"},
    ("UnlockConnector", _OLD): lambda evse: {"connectorId": evse},
    ("UnlockConnector", _NEW): lambda evse: {"evseId": evse, "connectorId": 1},
}
