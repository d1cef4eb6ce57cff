"""Clock-aligned meter values: the moments at which a whole fleet speaks at once.

Every EVSE, and the main meter of a station with several, is read at the multiples of the interval
from 00:00 UTC of each day (1.6 §3.16.2, 2.0.1 J01), with or without a transaction. Where a version
puts the readings of a transaction into another message, it is worked out how many EVSEs have one at
each moment. A reading breaks a silence too. Called by ``predict``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import floor
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.agenda import Stays
from simulator.fleet.tally import Silence
from simulator.station.events import Event
from simulator.station.metervalues import MAIN_METER_FROM
from simulator.station.versions import reads_idle_apart

if TYPE_CHECKING:
    from simulator.fleet.tally import Tally
    from simulator.station.state import VersionTable

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

_DAY_S: Final = 86_400.0
_PORTION: Final = 1 << 20
"""Pieces of silences that are held at once."""


def add_aligned(
    tally: Tally,
    awake_s: F64,
    interval_s: F64,
    evses: I32,
    stays: Stays,
    runs: NDArray[np.bool_],
    epoch_at_zero: float,
    dark: Callable[[float], NDArray[np.bool_]] | None = None,
    late_s: F64 | None = None,
) -> None:
    """Count the readings of stations up to the end of the tally.

    ``awake_s``, ``interval_s`` (0: none) and ``evses`` are of each station; ``runs`` says which
    stays are transactions, ``dark`` which stations have no power at a moment. ``epoch_at_zero`` is
    the Unix time of second 0, ``late_s`` by how much each station's clock is behind that; None:
    all are right.
    """
    end_s = tally.frame.end_s
    meters = evses + (evses >= MAIN_METER_FROM)
    for interval in np.unique(interval_s[interval_s > 0.0]).tolist():
        ticks = np.array(aligned_ticks(interval, end_s, epoch_at_zero))
        mine = np.flatnonzero((interval_s == interval) & np.isfinite(awake_s))
        for tick in ticks.tolist():
            at_s = np.full(len(mine), tick) if late_s is None else tick + late_s[mine]
            there = (awake_s[mine] < at_s) & (at_s < end_s)
            on, at_s = mine[there].astype(np.int32), at_s[there]
            if dark is not None:
                lit = ~dark(tick)[on]
                on, at_s = on[lit], at_s[lit]
            tally.points(Event.CLOCK_ALIGNED_IDLE, at_s, on, meters[on])
        if any(map(reads_idle_apart, tally.tables)):
            of = runs & (interval_s[stays.station] == interval)
            for table, speaks in tally.by_table(stays.station):
                rows = np.flatnonzero(of if speaks is None else of & speaks)
                if not reads_idle_apart(table):
                    continue
                if late_s is None:
                    _in_transactions(tally, table, ticks, stays, rows)
                else:
                    _in_transactions_late(tally, table, ticks, stays, rows, late_s)


def clock_errors(place: I32, spread_s: float) -> F64:
    """By how much the clocks of stations are behind, or ahead (< 0); ``place``: in the network.

    The quantiles of the normal distribution that stations draw theirs from, in an order that mixes
    them: no station's own, but as many in each moment as there will be.
    """
    turn = (place + 1.0) * ((np.sqrt(5.0) - 1.0) / 2.0) % 1.0
    quantile = NormalDist().inv_cdf
    return spread_s * np.array([quantile(share) for share in turn.tolist()])


def _in_transactions_late(
    tally: Tally,
    table: VersionTable,
    ticks: F64,
    stays: Stays,
    rows: NDArray[np.int64],
    late_s: F64,
) -> None:
    """As ``_in_transactions``, each at its station's own moment: for runs of few ticks."""
    station = stays.station[rows]
    for tick in ticks.tolist():
        at_s = tick + late_s[station]
        there = (stays.start_s[rows] <= at_s) & (at_s < stays.stop_s[rows])
        there &= at_s < tally.frame.end_s
        told, of = table.messages[Event.CLOCK_ALIGNED], table.messages[Event.CLOCK_ALIGNED_IDLE]
        one = np.ones(int(there.sum()), np.int64)
        tally.instead(told, of, at_s[there], one, station[there], one)


def _in_transactions(
    tally: Tally, table: VersionTable, ticks: F64, stays: Stays, rows: NDArray[np.int64]
) -> None:
    """The readings that fall into these stays go into the message of transactions.

    A stay that begins at a tick is there already; one that ends at a tick is gone.
    """
    first = np.searchsorted(ticks, stays.start_s[rows])
    last = np.maximum(np.searchsorted(ticks, stays.stop_s[rows]), first)
    change = np.bincount(first, minlength=len(ticks) + 1)
    change -= np.bincount(last, minlength=len(ticks) + 1)
    tally.instead(
        table.messages[Event.CLOCK_ALIGNED],
        table.messages[Event.CLOCK_ALIGNED_IDLE],
        ticks,
        np.cumsum(change)[:-1],
        stays.station[rows],
        last - first,
    )


def between_readings(
    silence: Silence,
    interval_s: F64,
    end_s: float,
    epoch_at_zero: float,
    late_s: F64 | None = None,
) -> Iterator[Silence]:
    """The silences in pieces, since each reading of the station breaks them; in portions.

    ``interval_s`` is each station's interval of clock-aligned readings, 0: none; ``late_s`` as for
    ``add_aligned``.
    """
    if late_s is not None:
        behind = late_s[silence.station]
        own = Silence(silence.station, silence.start_s - behind, silence.end_s - behind)
        for part in between_readings(own, interval_s, end_s, epoch_at_zero):
            behind = late_s[part.station]
            yield Silence(part.station, part.start_s + behind, part.end_s + behind)
        return
    every = interval_s[silence.station]
    for interval in np.unique(every).tolist():
        ticks = np.array(aligned_ticks(interval, end_s, epoch_at_zero) if interval else [])
        mine = np.flatnonzero(every == interval)
        first = np.searchsorted(ticks, silence.start_s[mine], side="right")
        pieces = 1 + np.maximum(np.searchsorted(ticks, silence.end_s[mine]) - first, 0)
        cuts = np.flatnonzero(np.diff(np.cumsum(pieces) // _PORTION)) + 1
        for rows in np.split(np.arange(len(mine)), cuts):
            n = pieces[rows]
            row = np.repeat(rows, n)
            k = np.arange(len(row)) - np.repeat(np.cumsum(n) - n, n)
            place = mine[row]
            start, end = silence.start_s[place], silence.end_s[place]
            if len(ticks):
                after = first[row] + k
                start = np.where(k > 0, ticks[after - 1], start)
                last = k == pieces[row] - 1
                end = np.where(last, end, ticks[np.minimum(after, len(ticks) - 1)])
            yield Silence(silence.station[place], start, end)


def aligned_ticks(interval_s: float, end_s: float, epoch_at_zero: float) -> list[float]:
    """Moments in (0, end) at which the clock shows a multiple of the interval since 00:00 UTC."""
    ticks, day = [], floor(epoch_at_zero / _DAY_S)
    while (midnight := day * _DAY_S - epoch_at_zero) < end_s:
        k = 0
        while k * interval_s < _DAY_S:
            at = midnight + k * interval_s
            if 0.0 < at < end_s:
                ticks.append(at)
            k += 1
        day += 1
    return ticks
