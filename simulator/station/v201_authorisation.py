"""OCPP 2.0.1: the cache and the local list in its words (C11, block D)."""

from __future__ import annotations

from typing import Any, Final

from simulator.station import authcache, locallist
from simulator.station.events import Event
from simulator.station.state import Part, Request, State
from simulator.station.v201_messages import token_info
from simulator.station.v201_requests import Answer, worded


def clear_cache(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ClearCache (C11); Rejected where the cache is switched off (C11.FR.04)."""
    return worded("Accepted" if authcache.clear(st) else "Rejected"), None


def list_version(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetLocalListVersion (D02): 0 where there is no list, because none came or it is off."""
    found = st.local_list if st.conf.listed else None
    return f'{{"versionNumber":{found.version if found is not None else 0}}}', None


def send_list(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SendLocalList (D01); Failed where the list is switched off."""
    if not st.conf.listed:
        return worded("Failed"), None
    changes = [
        (entry["idToken"]["idToken"], entry["idToken"]["type"], token_info(entry))
        for entry in payload.get("localAuthorizationList", ())
    ]
    full = payload["updateType"] == "Full"
    return worded(locallist.update(st, payload["versionNumber"], changes, full)), None


PART: Final = Part(
    messages={Event.LOCAL_LIST_CONFLICT: ()},
    requests={
        "ClearCache": Request(clear_cache),
        "GetLocalListVersion": Request(list_version),
        "SendLocalList": Request(send_list),
    },
)
"""That the CSMS contradicts its list is not told: 2.0.1 has no message for it."""
