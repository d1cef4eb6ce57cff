"""The local authorisation list: tokens as the CSMS wants them known (1.6 §3.5.2, 2.0.1 block D).

Nothing but SendLocalList changes it; it outlives reboots. A list that is empty, or that was never
sent, has no version to speak of in 1.6 and its last one in 2.x: the version's table words it.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.station.model import TokenInfo, token_key
from simulator.station.state import State

Change = tuple[str, str, TokenInfo | None]
"""Token, its type, and what is to be known of it; None: it is to go."""


class LocalList:
    """The list with its version number."""

    __slots__ = ("entries", "version")

    def __init__(self, version: int, entries: dict[str, TokenInfo]) -> None:
        self.version = version
        self.entries = entries


def look(st: State, now: float, token: str, kind: str) -> TokenInfo | None:
    """What the list says of a token; None if it is not on it, or the list is switched off."""
    if st.local_list is None or not st.conf.listed:
        return None
    info = st.local_list.entries.get(token_key(token, kind))
    if info is not None and info.valid and info.expires <= st.clock_zero + now:
        return info._replace(status="Expired")
    return info


def size(st: State) -> int:
    """Tokens on the list."""
    return len(st.local_list.entries) if st.local_list is not None else 0


def update(st: State, version: int, changes: Sequence[Change], full: bool) -> str:
    """Replace the list, or change it: Accepted, Failed or VersionMismatch. All of it or nothing."""
    if version < 1:
        return "Failed"  # 1.6 errata 3.52, 2.0.1 D01.FR.18
    old = st.local_list
    if not full and old is not None and version <= old.version:
        return "VersionMismatch"
    keys = [token_key(token, kind) for token, kind, _ in changes]
    if len(changes) > st.conf.list_items or len(set(keys)) < len(keys):
        return "Failed"
    entries = {} if full or old is None else dict(old.entries)
    for key, (_, _, info) in zip(keys, changes, strict=True):
        if info is not None:
            entries[key] = info
        elif full:
            return "Failed"  # 1.6 §7.1: a full list says something of every token
        else:
            entries.pop(key, None)
    if len(entries) > st.conf.list_entries:
        return "Failed"
    st.local_list = LocalList(version, entries)
    return "Accepted"
