"""A driver with an app: what a virtual station wants from outside for him, and the command.

The station cannot start by itself what only the CSMS may start: it tells its driver (``AskStart``),
who calls the CSMS's API in a live run (``live.commands``). ``Begun`` says what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class AskStart:
    """Somebody at an EVSE asks the CSMS, by an app, to start his charge."""

    evse: int
    token: str
    due: float
    """When he wanted it, in run seconds."""
    number: int
    """Counts what the drivers of this station have asked, from 1."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The charge that was asked for at an EVSE has begun."""

    evse: int
    number: int


ACTIONS: Final = {"1.6": "RemoteStartTransaction", "2.0.1": "RequestStartTransaction"}
"""The command by version; its field for the EVSE is in ``EVSE``."""
EVSE: Final = {"RemoteStartTransaction": "connectorId", "RequestStartTransaction": "evseId"}


def command(version: str, evse: int, token: str, number: int) -> tuple[str, dict[str, Any]]:
    """(action, payload) by which a CSMS starts what an app asked for.

    In 2.x the token is of type Central, since the CSMS stands for it (C05).
    """
    action = ACTIONS[version]
    if version == "1.6":
        return action, {EVSE[action]: evse, "idTag": token}
    who = {"idToken": token, "type": "Central"}
    return action, {"idToken": who, "remoteStartId": number, EVSE[action]: evse}
