"""Drivers who do not plug in at every visit, and then want the energy of the visits before as well.

Called by :mod:`simulator.demand.draw` where a site's ``plug_in_probability`` is below 1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import Visits

F64 = NDArray[np.float64]


def skip_visits(visits: Visits, plugs_in: NDArray[np.bool_], regulars: int) -> Visits:
    """Return the visits that plug in, with the energy of those skipped before them.

    The visits of a site are those of ``regulars`` cars, who come in turn (visit k is car
    k mod ``regulars``). What a car wanted at the visits that it skipped is added to its next one:
    it arrives emptier and, where that is not enough, charges further; what its battery has no room
    for it has charged elsewhere. Nothing carries over before the first visit.
    """
    n = len(visits)
    car = np.arange(n) % max(regulars, 1)
    turn = np.argsort(car, kind="stable")  # car by car
    plugged = np.flatnonzero(plugs_in[turn])
    if not len(plugged):
        return visits.take(plugged)
    owner = car[turn][plugged]
    begin = np.searchsorted(car[turn], owner, side="left")
    same = owner[1:] == owner[:-1]
    begin[1:] = np.where(same, plugged[:-1] + 1, begin[1:])
    wanted = ((visits.target_soc - visits.soc) * visits.battery_kwh)[turn]
    spans = np.column_stack((begin, plugged + 1)).ravel()
    # Span by span, so that a longer horizon changes no bit of the sums.
    sums = np.add.reduceat(np.append(wanted, 0.0), spans)[::2]
    due = np.zeros(n)
    due[turn[plugged]] = sums
    part = np.minimum(due / visits.battery_kwh, 1.0)
    target = np.maximum(visits.target_soc, part)
    # A car that skipped nothing keeps its states of charge to the last bit.
    alone = np.zeros(n, dtype=bool)
    alone[turn[plugged]] = begin == plugged
    soc = np.where(alone, visits.soc, np.maximum(target - part, 0.0))
    target = np.where(alone, visits.target_soc, target)
    whole = replace(visits, soc=soc, target_soc=target)
    return whole.take(np.flatnonzero(plugs_in))
