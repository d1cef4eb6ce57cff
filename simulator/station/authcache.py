"""The authorisation cache: what the CSMS last said of every token (1.6 §3.5.1, 2.0.1 C10-C12).

Filled by every answer that speaks of a token, whatever it says. Bounded; a new token takes the
place of those that are not valid, then of the oldest. It outlives reboots. ``tokens`` reads it.
"""

from __future__ import annotations

from math import inf
from typing import Final

from simulator.station.model import VALID, TokenInfo, token_key
from simulator.station.state import State

NEVER: Final = frozenset(("Central", "NoAuthorization"))
"""Types of tokens that are not kept (2.0.1 C02.FR.03, C05.FR.02)."""


def look(st: State, now: float, token: str, kind: str) -> TokenInfo | None:
    """What the cache says of a token; None if it does not know it, or is switched off.

    An entry whose time is over is changed to Expired (1.6 §3.5.1, 2.0.1 C10.FR.10).
    """
    if st.cache is None or not st.conf.cache:
        return None
    key = token_key(token, kind)
    info = st.cache.get(key)
    if info is not None and info.valid and info.expires <= st.clock_zero + now:
        info = st.cache[key] = info._replace(status="Expired")
    return info


def keep(st: State, now: float, token: str, kind: str, info: TokenInfo) -> None:
    """The CSMS has spoken of a token: the entry is new, and the youngest."""
    if not st.conf.cache or kind in NEVER or st.settings.max_cached_tokens < 1:
        return
    if info.expires <= st.clock_zero + now:
        # Not to be kept at all (2.0.1 errata 2.21), which 1.6 §3.5.1 allows, too.
        if st.cache is not None:
            st.cache.pop(token_key(token, kind), None)
        return
    if info.expires == inf and st.conf.cache_life_s < inf:
        info = info._replace(expires=st.clock_zero + now + st.conf.cache_life_s)
    elif info == VALID:
        info = VALID  # one object for all tokens of all stations
    if st.cache is None:
        st.cache = {}
    key = token_key(token, kind)
    st.cache.pop(key, None)
    if len(st.cache) >= st.settings.max_cached_tokens:
        _make_room(st.cache, st.clock_zero + now)
    st.cache[key] = info


def _make_room(cache: dict[str, TokenInfo], epoch_s: float) -> None:
    """Every entry that is not valid goes, else the oldest one (1.6 §3.5.1, 2.0.1 C10.FR.07)."""
    over = [k for k, info in cache.items() if not info.valid or info.expires <= epoch_s]
    for key in over or [next(iter(cache))]:
        del cache[key]


def clear(st: State) -> bool:
    """Forget every token (1.6 §5.4, 2.0.1 C11). False: the cache is switched off."""
    if not st.conf.cache:
        return False
    st.cache = None
    return True
