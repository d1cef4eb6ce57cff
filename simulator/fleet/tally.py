"""From the events of many stays to counts of messages, by the version tables. Numpy only.

The counterpart of what a station does one event at a time. Called by ``predict``; knows neither
scenario nor engine, so that it can be tested on made-up stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.agenda import Happenings, Stays
from simulator.fleet.series import TrainCounts, bins_of, train_lengths
from simulator.station.events import Event
from simulator.station.state import VersionTable
from simulator.station.versions import TABLES

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

STATES: Final = (Event.CHARGING, Event.SUSPENDED_EV, Event.SUSPENDED_EVSE)
"""How charging goes: at each the charging state of the transaction changes too."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The bins that messages are counted into, and the stations whose messages they are."""

    begin_s: float
    end_s: float
    bin_s: float
    stations: int

    @property
    def bins(self) -> int:
        """Enough bins for every moment up to and including ``end_s``."""
        return int(np.floor((self.end_s - self.begin_s) / self.bin_s)) + 1


@dataclass(slots=True)
class Tally:
    """Messages per bin and per station, by action; grows as events are added.

    ``base`` is the number of the first station of those whose events are being added: sites are
    added one after the other, each with stations that count from 0. ``tables`` are the versions
    that these stations speak, and ``speaks`` says which of them each one does; None: all the first.
    """

    frame: Frame
    base: int = 0
    tables: tuple[VersionTable, ...] = (TABLES["1.6"],)
    speaks: I32 | None = None
    per_station: dict[str, I64] = field(default_factory=dict)
    begun: dict[int, int] = field(default_factory=dict)
    """Transactions by station, whatever messages tell of them."""
    _counts: dict[str, I64] = field(default_factory=dict)
    _trains: dict[tuple[str, ...], TrainCounts] = field(default_factory=dict)

    def turn_to(self, versions: Sequence[str], base: int) -> None:
        """What is added from now on is of stations that speak these versions, one for each."""
        known = tuple(dict.fromkeys(versions))
        self.base = base
        self.tables = tuple(TABLES[name] for name in known)
        self.speaks = None
        if len(known) > 1:
            self.speaks = np.array([known.index(name) for name in versions], np.int32)

    def by_table(self, station: I32) -> Iterator[tuple[VersionTable, NDArray[np.bool_] | None]]:
        """Each version, and which of the rows given are of its stations (None: all of them)."""
        for number, table in enumerate(self.tables):
            yield table, None if self.speaks is None else self.speaks[station] == number

    def points(self, event: Event, at_s: F64, station: I32, times: I32 | int = 1) -> None:
        """Events at moments; each causes its messages ``times`` times over."""
        for table, mine in self.by_table(station):
            actions = table.messages[event]
            if mine is None:
                self._points(actions, at_s, station, times)
            elif actions:
                every = np.broadcast_to(times, at_s.shape)
                self._points(actions, at_s[mine], station[mine], every[mine])

    def _points(
        self, actions: tuple[str, ...], at_s: F64, station: I32, times: I64 | I32 | int
    ) -> None:
        if not actions or not len(at_s):
            return
        self._moments(actions, at_s, times)
        self._stations(actions, station, np.broadcast_to(np.asarray(times, np.int64), at_s.shape))

    def trains(self, event: Event, start_s: F64, period_s: F64, n: I64, station: I32) -> None:
        """Events at ``start + k * period``, k = 1..n."""
        for table, mine in self.by_table(station):
            actions = table.messages[event]
            if mine is None:
                self._train(actions, start_s, period_s, n, station)
            else:
                self._train(actions, start_s[mine], period_s[mine], n[mine], station[mine])

    def instead(
        self, told: Sequence[str], of: Sequence[str], at_s: F64, times: I64, station: I32, n: I64
    ) -> None:
        """Messages that turn out to be others: ``times`` at each moment, ``n`` of each station."""
        for actions, sign in ((tuple(told), 1), (tuple(of), -1)):
            self._moments(actions, at_s, sign * times)
            self._stations(actions, station, sign * n)

    def _train(
        self, actions: tuple[str, ...], start_s: F64, period_s: F64, n: I64, station: I32
    ) -> None:
        if not actions or not n.any():
            return
        frame = self.frame
        if actions not in self._trains:
            self._trains[actions] = TrainCounts(frame.begin_s, frame.bin_s, frame.bins)
        self._trains[actions].add(start_s, period_s, n)
        self._stations(actions, station, n)

    def _moments(self, actions: tuple[str, ...], at_s: F64, times: I64 | I32 | int) -> None:
        frame = self.frame
        bins = bins_of(at_s, frame.begin_s, frame.bin_s, frame.bins)
        for action in actions:
            if action not in self._counts:
                self._counts[action] = np.zeros(frame.bins, dtype=np.int64)
            np.add.at(self._counts[action], bins, times)

    def _stations(self, actions: tuple[str, ...], station: I32, weight: I64) -> None:
        here = np.rint(np.bincount(station, weight)).astype(np.int64)
        for action in actions:
            if action not in self.per_station:
                self.per_station[action] = np.zeros(self.frame.stations, dtype=np.int64)
            self.per_station[action][self.base : self.base + len(here)] += here

    def begin(self, station: I32) -> None:
        """Transactions begin, one at each station given."""
        for number, count in enumerate(np.bincount(station).tolist()):
            if count:
                here = self.base + number
                self.begun[here] = self.begun.get(here, 0) + count

    def series(self) -> dict[str, I64]:
        """Messages per bin by action, shape (bins,) each."""
        series = {action: counts.copy() for action, counts in self._counts.items()}
        for actions, trains in self._trains.items():
            total = trains.total()
            for action in actions:
                series[action] = series[action] + total if action in series else total.copy()
        return series


def add_stays(tally: Tally, stays: Stays, events: Sequence[Happenings], sample_s: F64) -> None:
    """Everything that the stays cause: statuses, authorisations, transactions, meter values.

    ``events`` are the stays' (``tabulate``), ``sample_s`` is the interval of sampled meter values
    of each stay's station, shape (stays,).
    """
    for group in events:
        station = stays.station[group.row]
        tally.points(group.event, group.at_s, station)
        if group.event is Event.TRANSACTION_STARTED:
            tally.begin(station)
        if group.event in STATES:
            tally.points(Event.CHARGING_STATE, group.at_s, station)
    end = np.minimum(stays.stop_s, tally.frame.end_s)
    n = train_lengths(stays.start_s, end, sample_s)
    tally.trains(Event.SAMPLED, stays.start_s, sample_s, n, stays.station)


@dataclass(frozen=True, slots=True)
class Silence:
    """Stretches in which a station has nothing to say, from its last message to the next one."""

    station: I32
    start_s: F64
    end_s: F64


def silences(
    stays: Stays,
    events: Sequence[Happenings],
    sample_s: F64,
    heartbeat_s: F64,
    awake_s: F64,
    end_s: float,
    dark: tuple[I32, F64, F64] | None = None,
    fixed: NDArray[np.bool_] | None = None,
    said: tuple[I32, F64] | None = None,
) -> Silence:
    """When stations are silent long enough that a heartbeat may be due.

    ``awake_s`` is the moment of each station's first message (``inf``: it has none),
    ``heartbeat_s`` its heartbeat interval. A stay whose meter values come at least as often as
    heartbeats is one message after another; of other stays every message counts by itself.
    ``dark`` are spans (station, from, to) without power: nobody is there to be silent. Of stations
    marked in ``fixed`` nothing else ends a silence: their heartbeats have a timer of their own.
    ``said`` are moments (station, at) of messages besides those of the stays.
    """
    dense = (sample_s > 0.0) & (sample_s <= heartbeat_s[stays.station])
    station: list[NDArray[Any]] = []
    start: list[F64] = []
    end: list[F64] = []
    awake = np.flatnonzero(np.isfinite(awake_s))
    station.append(awake)
    start.append(awake_s[awake])
    end.append(awake_s[awake])
    if dark is not None:
        station.append(dark[0].astype(np.int64))
        start.append(dark[1])
        end.append(np.minimum(dark[2], end_s))
    if said is not None:
        station.append(said[0].astype(np.int64))
        start.append(said[1])
        end.append(said[1])
    until = np.minimum(stays.stop_s, end_s)
    station.append(stays.station[dense])
    start.append(stays.start_s[dense])
    end.append(until[dense])
    for group in events:
        loose = ~dense[group.row]
        station.append(stays.station[group.row[loose]])
        start.append(group.at_s[loose])
        end.append(group.at_s[loose])
    loose_rows = np.flatnonzero(~dense & (sample_s > 0.0))
    n = train_lengths(stays.start_s[loose_rows], until[loose_rows], sample_s[loose_rows])
    row = np.repeat(loose_rows, n)
    k = np.arange(1, len(row) + 1) - np.repeat(np.cumsum(n) - n, n)
    at = stays.start_s[row] + k * sample_s[row]
    station.append(stays.station[row])
    start.append(at)
    end.append(at)
    columns = np.concatenate(station), np.concatenate(start), np.concatenate(end)
    if fixed is not None and fixed.any():
        kept = ~fixed[columns[0]]
        kept[: len(awake)] = True
        if dark is not None:
            kept[len(awake) : len(awake) + len(dark[0])] |= dark[2] > dark[1]
        columns = columns[0][kept], columns[1][kept], columns[2][kept]
    return _gaps(*columns, end_s)


def _gaps(station: I64, start: F64, end: F64, end_s: float) -> Silence:
    """Gaps of the union of intervals, per station, up to ``end_s``."""
    if not len(station):
        return Silence(station.astype(np.int32), start, end)
    order = np.lexsort((start, station))
    station, start, end = station[order], start[order], end[order]
    first = np.ones(len(station), dtype=bool)
    first[1:] = station[1:] != station[:-1]
    # A running maximum that forgets at each station: over ranks, lifted above the station before.
    by_end = np.argsort(end, kind="stable")
    rank = np.empty(len(end), dtype=np.int64)
    rank[by_end] = np.arange(len(end))
    lift = np.cumsum(first) * len(end)
    reached = end[by_end[np.maximum.accumulate(rank + lift) - lift]]
    following = np.full(len(station), end_s)
    following[:-1] = np.where(first[1:], end_s, start[1:])
    gap = following > reached
    return Silence(station[gap].astype(np.int32), reached[gap], following[gap])


def add_heartbeats(tally: Tally, silence: Silence, heartbeat_s: F64) -> None:
    """Heartbeats as an inactivity timer (1.6 §4.6): one after each full interval of silence."""
    period = heartbeat_s[silence.station]
    n = train_lengths(silence.start_s, silence.end_s, period)
    tally.trains(Event.HEARTBEAT, silence.start_s, period, n, silence.station)
