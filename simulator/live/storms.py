"""Plays the storms of one shard: its acts, each at its moment on the run's clock.

One timer for all of them, and at most BATCH acts or SLICE_S per turn of the loop, so that what
other stations are sent in the meantime does not wait behind a whole region that falls dark.
``shard`` starts it with the fleet and ends it before the fleet is let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from simulator.fleet.storms import Acts, Storm, What, until
from simulator.live.stormlink import StormLink
from simulator.measure.stormlog import StormLog

BATCH: Final = 64
SLICE_S: Final = 2e-3
"""Of a turn of the loop, acts take no more than this (and one act more)."""


@dataclass(frozen=True, slots=True)
class Stormy:
    """What a shard is told of the storms of its run."""

    storms: tuple[Storm, ...]
    acts: Acts
    """Of its own stations, by their index in the shard."""
    hits: tuple[tuple[int, ...], ...]
    """Its own stations that each storm hits."""


class StormPlayer:
    """The storms of one shard, one row of acts in order of time."""

    def __init__(
        self,
        stormy: Stormy,
        links: Sequence[StormLink],
        log: StormLog,
        clock: Callable[[], float],
        run_s: float,
    ) -> None:
        acts = stormy.acts
        self._storms = stormy.storms
        self._links = links
        self._log = log
        self._clock = clock
        # What lies beyond the run's end would only disturb its closing.
        rows = [
            *((storm.at_s, -1, storm.number, -1) for storm in stormy.storms),
            *(
                (until(stormy.storms, storm.number, run_s), -2, storm.number, -1)
                for storm in stormy.storms
            ),
            *zip(
                acts.at_s.tolist(),
                acts.what.tolist(),
                acts.storm.tolist(),
                acts.station.tolist(),
                strict=True,
            ),
        ]
        self._rows = sorted((row for row in rows if row[0] <= run_s), key=lambda row: row[:2])
        self._next = 0
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None

    def start(self) -> None:
        """Wait for the first act."""
        self._arm()

    def stop(self) -> None:
        """No act follows."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = None
        if self._next >= len(self._rows):
            return
        loop = asyncio.get_running_loop()
        delay = self._rows[self._next][0] - self._clock()
        if delay <= 0.0:
            self._timer = loop.call_soon(self._play)
        else:
            self._timer = loop.call_later(ceil(delay * 1e3) * 1e-3, self._play)

    def _play(self) -> None:
        """Play at most BATCH acts that are due, and not for long."""
        rows = self._rows
        begun = self._clock()
        for _ in range(BATCH):
            if self._next >= len(rows):
                break
            now = self._clock()
            at_s, what, storm, station = rows[self._next]
            if at_s > now or now - begun > SLICE_S:
                break
            self._next += 1
            if what == -1:
                self._log.begin(storm)
            elif what == -2:
                self._log.end(storm)
            else:
                self._act(now, What(what), self._storms[storm], self._links[station])
        self._arm()

    def _act(self, now: float, what: What, storm: Storm, link: StormLink) -> None:
        if what is What.POWER_OFF:
            link.power_off(now, storm.close)
        elif what is What.POWER_ON:
            link.power_on(now)
        elif what is What.CUT:
            link.cut(now, storm.close)
        elif what in (What.AWAY, What.BACK):
            link.away(what is What.AWAY)
        elif what is What.RESET:
            link.reset(now, storm.hard)
        elif what in (What.ALIGN, What.UNALIGN):
            link.align(now, storm.interval_s if what is What.ALIGN else None)
        else:
            link.hurry(what is What.HURRY)
