"""OCPP 1.6: the local list, the cache and conflicts between list and CSMS, in its words."""

from __future__ import annotations

from typing import Any, Final

from simulator.station import authcache, locallist
from simulator.station.events import Event
from simulator.station.model import VALID, TokenInfo
from simulator.station.state import Part, Request, State
from simulator.station.v16_messages import token_info
from simulator.station.v16_requests import Answer, worded

NO_LIST: Final = -1


def clear_cache(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ClearCache (§5.4); Rejected where the cache is switched off."""
    return worded("Accepted" if authcache.clear(st) else "Rejected"), None


def list_version(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetLocalListVersion (§5.10): 0 for an empty list, -1 where it is switched off."""
    version = NO_LIST
    if st.conf.listed:
        version = st.local_list.version if st.local_list is not None and locallist.size(st) else 0
    return f'{{"listVersion":{version}}}', None


def _listed(info: TokenInfo | None) -> TokenInfo | None:
    """On the list ConcurrentTx marks a token as valid (§3.5.2)."""
    if info is not None and info.status == "ConcurrentTx":
        return info._replace(status=VALID.status)
    return info


def send_list(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SendLocalList (§5.15, §7.1); NotSupported where the list is switched off (§7.51)."""
    if not st.conf.listed:
        return worded("NotSupported"), None
    changes = [
        (entry["idTag"], "", _listed(token_info(entry)))
        for entry in payload.get("localAuthorizationList", ())
    ]
    full = payload["updateType"] == "Full"
    word = locallist.update(st, payload["listVersion"], changes, full)
    if not locallist.size(st):
        st.local_list = None  # it has version 0, after which any other may come (§5.10)
    return worded(word), None


PART: Final = Part(
    messages={Event.LOCAL_LIST_CONFLICT: ("StatusNotification",)},
    requests={
        "ClearCache": Request(clear_cache),
        "GetLocalListVersion": Request(list_version),
        "SendLocalList": Request(send_list),
    },
)
