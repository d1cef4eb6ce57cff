"""What changes by the clock or by a hand from outside: limits, the other load, the power itself."""

from __future__ import annotations

from typing import Any

from simulator.engine.kernel.state import BASE_LOAD, SITE_LIMIT, State


def apply_change(k: State, change: Any) -> None:
    """Put a row of the table of changes in force."""
    site = k.site[0]
    if change.what == SITE_LIMIT:
        site.grid_kw = change.kw
    elif change.what == BASE_LOAD:
        site.other_kw = change.kw
    else:
        k.nodes[change.node].limit_kw = change.kw
        call_for_decision(k)
    set_room(k)


def set_room(k: State) -> None:
    """Derive what the vehicles may draw: what the other load leaves of the grid connection.

    Where the other load takes all of it, they may draw nothing (and the limit is exceeded without
    them: the engine does not switch off a building).
    """
    site = k.site[0]
    before_kw = site.limit_kw
    feed_before_kw = site.feed_kw
    base_before_kw = site.base_kw
    site.base_kw = site.other_kw if site.dark else site.other_kw + site.standby_kw
    site.limit_kw = max(0.0, min(site.grid_kw, site.curtail_kw) - site.base_kw)
    # The connection carries as much either way, and other load is met first.
    site.feed_kw = max(0.0, site.grid_kw + site.base_kw)
    changed = site.limit_kw != before_kw
    changed = changed or (site.feeds != 0 and site.feed_kw != feed_before_kw)
    changed = changed or (k.phasors.shape[0] > 0 and site.base_kw != base_before_kw)
    if changed:
        call_for_decision(k)


def call_for_decision(k: State) -> None:
    """Have everybody's share decided anew at the end of this moment."""
    k.site[0].dirty = 1
    k.site[0].stale = 1
    for s in range(k.stations.shape[0]):
        k.stations[s].dirty = 1
