"""By what drivers start, in columns: which of it a station plays, and what the CSMS is asked.

``siteplan`` and ``predict`` call it; ``virtual`` plays the same one by one. Whoever deals with a
card in another manner than plainly, or by pulling the plug, has a card.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import Manner, Means
from simulator.fleet.agenda import I8, I64, Happenings, Stays
from simulator.fleet.setup import Setups
from simulator.fleet.terms import Terms
from simulator.station.events import Event

if TYPE_CHECKING:
    from simulator.engine.plan import SiteResult

Flags = NDArray[np.bool_]
UNPLUGS: Final = (Means.APP, Means.CONTRACT)
"""With nothing to hold to the reader, the charge is ended by unplugging."""
_ANY_MEANS: Final = (Manner.PLAIN, Manner.PULLS)


def settled(result: SiteResult, visit: I64) -> tuple[I8 | None, I8 | None]:
    """(manner, means) of visits, as the stations that they go to have it.

    Where nobody is authorised (2.0.1 AuthCtrlr.Enabled, 1.6 FreeVendActive) nobody needs a card,
    and there are no manners of dealing with one. A contract is of no use at a station of 1.6: its
    driver has a card (2.0.1 C08).
    """
    visits, stations = result.visits, result.site.stations
    manner = None if visits.manner is None else visits.manner[visit]
    means = None if visits.means is None else visits.means[visit]
    terms = Setups.of([s.model for s in stations], [s.version for s in stations]).terms
    free = terms.asks_nobody
    if means is None and not free.any():
        return manner, None
    station = result.evse_station[result.plan.evse[visit]]
    how = np.zeros(len(visit), np.int8) if manner is None else manner
    how = np.where(free[station] & (how != Manner.PULLS), np.int8(Manner.PLAIN), how)
    by = np.zeros(len(visit), np.int8) if means is None else means
    by = np.where((by == Means.CONTRACT) & ~terms.takes_contracts[station], np.int8(Means.CARD), by)
    by = np.where(np.isin(how, _ANY_MEANS), by, np.int8(Means.CARD))
    by = np.where(free[station], np.int8(Means.BUTTON), by)
    return how, by


def stations_of(stays: Stays, means: Means) -> frozenset[int]:
    """Where somebody starts by these means: numbers of stations."""
    if stays.means is None:
        return frozenset()
    return frozenset(stays.station[stays.means == means].tolist())


def unasked(events: list[Happenings], stays: Stays, terms: Terms) -> list[Happenings]:
    """The events without the tokens about which the CSMS is not asked.

    A button is no token. An app's token comes from the CSMS, and only some stations of 1.6 ask
    about it.
    """
    if stays.means is None:
        return events
    central = (stays.means == Means.APP) & ~terms.asks_about_app[stays.station]
    quiet = (stays.means == Means.BUTTON) | central
    found = []
    for group in events:
        if group.event is Event.TOKEN_PRESENTED:
            keep = ~quiet[group.row]
            group = replace(group, at_s=group.at_s[keep], row=group.row[keep])
        found.append(group)
    return found
