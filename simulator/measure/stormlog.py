"""What storms do to the stations of one shard: who is in operation, attempts, accepts, boots.

Fed by the driver for each connection and each accepted boot. A station is in operation while it is
connected and accepted. Of each storm only the stations that it hits count, from its begin until
nobody looks any more, and a station that a stage switches off meanwhile counts as it was, or as
back: nobody waits for it. What is made of it is ``fleet.recovery``'s.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(slots=True)
class StormRecord:
    """One storm as one shard saw it. Stations are indices in the shard."""

    number: int
    hit: I32
    present: int = 0
    """Stations hit that were in operation when it began."""
    lost: int = 0
    """Stations that lost their connection."""
    changes_s: array[float] = field(default_factory=lambda: array("d"))
    changes: array[int] = field(default_factory=lambda: array("b"))
    """-1: a station fell out of operation; +1: one came back."""
    attempts: Counter[int] = field(default_factory=Counter)
    accepted: Counter[int] = field(default_factory=Counter)
    booted: Counter[int] = field(default_factory=Counter)
    """By whole second of the run."""
    linked: int = 0
    """Stations hit that were connected when it began."""
    moves: Counter[int] = field(default_factory=Counter)
    """Connections that came to be, less those that ended, by second."""
    firmware: Counter[str] = field(default_factory=Counter)
    """Stations hit by the version of their firmware at the end, where it was asked for."""


class _Watched:
    """A storm under way, and which of its stations have been lost."""

    __slots__ = ("lost", "mask", "record")

    def __init__(self, record: StormRecord, stations: int) -> None:
        self.record = record
        self.mask = bytearray(stations)
        for index in record.hit.tolist():
            self.mask[index] = 1
        self.lost = bytearray(stations)


class StormLog:
    """The storms of one shard. ``accepted(station)``: has the CSMS accepted it at the moment?"""

    def __init__(self, stations: int, hits: Sequence[I32], accepted: Callable[[int], bool]) -> None:
        self._operates = bytearray(stations)
        self._linked = bytearray(stations)
        self._excused = bytearray(stations)
        """Not in operation, and not missing: switched off by a stage, or not there yet."""
        self._accepted = accepted
        self.records = [StormRecord(number, hit) for number, hit in enumerate(hits)]
        self._now: _Watched | None = None

    def begin(self, number: int) -> None:
        """A storm begins; one that was under way is looked at no longer."""
        record = self.records[number]
        for index in record.hit.tolist():
            there = self._operates[index]
            record.present += there
            record.linked += self._linked[index]
            self._excused[index] = not there
        self._now = _Watched(record, len(self._operates))

    def end(self, number: int) -> None:
        """Nobody looks any more, unless the next one has begun."""
        if self._now is not None and self._now.record.number == number:
            self._now = None

    def attempted(self, station: int, now: float) -> None:
        """A station tries to connect."""
        storm = self._now
        if storm is not None and storm.mask[station]:
            storm.record.attempts[int(now)] += 1

    def connected(self, station: int, now: float) -> None:
        """Its WebSocket is open."""
        storm = self._now
        self._linked[station] = 1
        if storm is not None and storm.mask[station]:
            storm.record.accepted[int(now)] += 1
            storm.record.moves[int(now)] += 1
        if self._accepted(station):
            self._operate(station, now)

    def booted(self, station: int, now: float) -> None:
        """The CSMS accepted its boot."""
        storm = self._now
        if storm is not None and storm.mask[station]:
            storm.record.booted[int(now)] += 1
        self._operate(station, now)

    def disconnected(self, station: int, now: float) -> None:
        """Its connection is gone."""
        storm = self._now
        if self._linked[station]:
            self._linked[station] = 0
            if storm is not None and storm.mask[station]:
                storm.record.moves[int(now)] -= 1
        planned = self._excused[station]
        if storm is not None and storm.mask[station] and not (storm.lost[station] or planned):
            storm.lost[station] = 1
            storm.record.lost += 1
        if self._operates[station]:
            self._operates[station] = 0
            if not planned:
                self._note(station, now, -1)

    def switched(self, station: int, off: bool, now: float) -> None:
        """A stage has switched it off, or on again."""
        if off and not self._excused[station]:
            self._excused[station] = 1
            if not self._operates[station]:
                self._note(station, now, 1)

    def _operate(self, station: int, now: float) -> None:
        if not self._operates[station]:
            self._operates[station] = 1
            if not self._excused[station]:
                self._note(station, now, 1)
            self._excused[station] = 0

    def _note(self, station: int, now: float, change: int) -> None:
        storm = self._now
        if storm is not None and storm.mask[station]:
            storm.record.changes_s.append(now)
            storm.record.changes.append(change)

    def firmware(self, number: int, version: Callable[[int], str]) -> None:
        """The run is over: what firmware the stations have that a storm hit."""
        record = self.records[number]
        record.firmware.update(version(index) for index in record.hit.tolist())

    def snapshot(self) -> dict[str, Any] | None:
        """How the storm under way stands, for a screen; None: there is none."""
        storm = self._now
        if storm is None:
            return None
        record = storm.record
        return {
            "number": record.number,
            "hit": len(record.hit),
            "present": record.present,
            "operating": record.present + sum(record.changes),
        }


@dataclass(frozen=True, slots=True)
class StormSum:
    """One storm as all shards saw it."""

    hit: int
    present: int
    lost: int
    changes_s: F64
    changes: I64
    attempts: I64
    accepted: I64
    booted: I64
    connected: I64
    """At the end of each second, from its begin until nobody looks any more."""
    firmware: dict[str, int]


def add_up(records: Sequence[StormRecord], seconds: int) -> StormSum:
    """The same storm over all shards; series have ``seconds`` entries."""
    changes_s = np.array([at for record in records for at in record.changes_s], np.float64)
    changes = np.array([step for record in records for step in record.changes], np.int64)
    order = np.argsort(changes_s, kind="stable")
    linked = sum(record.linked for record in records)
    moves = _by_second([record.moves for record in records], seconds)
    firmware: Counter[str] = Counter()
    for record in records:
        firmware.update(record.firmware)
    attempts, accepted, booted = (
        _by_second([getattr(record, name) for record in records], seconds)
        for name in ("attempts", "accepted", "booted")
    )
    return StormSum(
        sum(len(record.hit) for record in records),
        sum(record.present for record in records),
        sum(record.lost for record in records),
        changes_s[order],
        changes[order],
        attempts,
        accepted,
        booted,
        linked + np.cumsum(moves),
        dict(sorted(firmware.items())),
    )


def _by_second(counts: Sequence[Counter[int]], seconds: int) -> I64:
    row = np.zeros(seconds, np.int64)
    for count in counts:
        for second, n in count.items():
            if 0 <= second < seconds:
                row[second] += n
    return row
