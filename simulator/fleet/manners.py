"""Drivers who do not do what they should, in columns: what the agenda's rules make of their stays.

``siteplan`` and ``predict`` call it; ``virtual`` plays the same manners one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import Manner
from simulator.fleet.agenda import AGAIN, FIRST_TAP, I8, Happenings, Stays, ranges, tidy_caps
from simulator.fleet.rules import TAP_S, TWICE_LEAST_S
from simulator.station.events import Event

if TYPE_CHECKING:
    from simulator.scenario import StationModel

F64 = NDArray[np.float64]
_TIMEOUT_KEY = "ConnectionTimeOut"
_TIMEOUT_S = 60.0
"""As the station has it unless its model says otherwise."""


def playable(manner: I8 | None, start_s: F64, stop_s: F64) -> I8 | None:
    """The manners of stays, plain where there is no time for anything else; None: all plain."""
    if manner is None or not manner.any():
        return None
    hurried = (manner == Manner.TAPS_TWICE) & (stop_s - start_s < TWICE_LEAST_S)
    return np.where(hurried, np.int8(Manner.PLAIN), manner).astype(np.int8)


def split_taps(stays: Stays) -> Stays:
    """The stays with those of drivers who tap twice in two pieces, one for each transaction."""
    if stays.manner is None or not (twice := stays.manner == Manner.TAPS_TWICE).any():
        return stays
    row = np.repeat(np.arange(len(stays), dtype=np.int64), 1 + twice)
    second = np.zeros(len(row), dtype=bool)
    second[1:] = row[1:] == row[:-1]
    first = twice[row] & ~second
    start = np.where(second, stays.start_s[row] + 2.0 * TAP_S, stays.start_s[row])
    stop = np.where(first, stays.start_s[row] + TAP_S, stays.stop_s[row])
    manner = np.where(first, FIRST_TAP, np.where(second, AGAIN, stays.manner[row]))
    offset, caps = ranges(stays.cap_offset[row], np.diff(stays.cap_offset)[row])
    tidied = tidy_caps(
        start, stop, stays.full_s[row], offset, stays.cap_s[caps], stays.cap_kw[caps]
    )
    station, evse = stays.station[row], stays.evse[row]
    means = stays.means_of(row)
    return Stays(station, evse, start, stop, *tidied, manner.astype(np.int8), means)


def timed_out(stays: Stays, models: Sequence[StationModel], end_s: float) -> Stays:
    """The stays with those who never plug in ended by ConnectionTimeOut; ``models`` by station."""
    if stays.manner is None or not (walks := stays.manner == Manner.WALKS_AWAY).any():
        return stays
    over_s = _over_s(stays, models)
    sooner = walks & (over_s < stays.stop_s) & (over_s <= end_s)
    return replace(stays, stop_s=np.where(sooner, over_s, stays.stop_s))


def given_up(stays: Stays, models: Sequence[StationModel], end_s: float) -> list[Happenings]:
    """Where a refused driver stays on past ConnectionTimeOut: the EVSE waits for the unplugging."""
    if stays.manner is None or not (refused := stays.manner == Manner.REFUSED).any():
        return []
    over_s = _over_s(stays, models)
    rows = np.flatnonzero(refused & (over_s < stays.stop_s) & (over_s <= end_s))
    return [Happenings(Event.FINISHING, over_s[rows], rows)]


def _over_s(stays: Stays, models: Sequence[StationModel]) -> F64:
    """When a station waits no longer for the plug, or the token, of a stay."""
    set_s = np.array([float(m.configuration.get(_TIMEOUT_KEY, _TIMEOUT_S)) for m in models])
    over: F64 = stays.start_s + np.where(set_s > 0.0, set_s, np.inf)[stays.station]
    return over
