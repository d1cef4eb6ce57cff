"""What the station itself knows of tokens: the local list first, then the cache (1.6 §3.5.3).

Read before the CSMS is asked (``authorisation``), taught by every answer that speaks of a token.
"""

from __future__ import annotations

from simulator.station import authcache, locallist
from simulator.station.events import Event
from simulator.station.model import TokenInfo
from simulator.station.rpc import raise_event
from simulator.station.state import State


def known(st: State, now: float, token: str, kind: str = "") -> TokenInfo | None:
    """What list or cache say of a token; None if neither knows it.

    The list wins (1.6 §3.5.3, 2.0.1 C13.FR.01). Tokens of type Local are the CSMS's to judge alone
    (2.0.1 C06.FR.02).
    """
    if kind == "Local":
        return None
    found = locallist.look(st, now, token, kind)
    return found if found is not None else authcache.look(st, now, token, kind)


def asks_again(st: State, now: float, token: str, kind: str) -> bool:
    """Is the CSMS to be asked about a token that is known not to be valid (2.0.1 C10.FR.03)?"""
    if locallist.look(st, now, token, kind) is not None:
        return st.conf.ask_again_listed
    return st.conf.ask_again_cached


def _contradicts(said: TokenInfo, listed: TokenInfo) -> bool:
    return said.valid != listed.valid and said.status != "ConcurrentTx"


def learn(st: State, now: float, token: str, kind: str, info: TokenInfo) -> None:
    """The CSMS has spoken of a token.

    One that is on the list is not cached (1.6 §3.5.3); that the CSMS contradicts its own list is
    told (1.6 §3.5.2).
    """
    listed = locallist.look(st, now, token, kind)
    if listed is None:
        authcache.keep(st, now, token, kind, info)
    elif _contradicts(info, listed) and listed.expires > st.clock_zero + now:
        raise_event(st, Event.LOCAL_LIST_CONFLICT, now, now, st.evses[0])
