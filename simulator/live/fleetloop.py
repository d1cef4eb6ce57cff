"""Drives the links of one shard on an event loop: who is due, until when, and how it ends.

One heap of deadlines, one armed timer. At most BATCH due stations are woken per turn of the loop,
then it polls its sockets: else answers would wait behind our own dispatch and service times lie.
``shard`` builds it and carries its words to the parent; tests run it in their own loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum
from math import ceil
from typing import Any, Final, Protocol

from simulator.live.deadlines import Deadlines
from simulator.live.health import PROBE_S, HealthRecorder, collect_young, cpu_s, rss_kb
from simulator.live.link import Link, Surroundings

BATCH: Final = 64
CLOSE_S: Final = 2.0
"""At the end, connections have this long for their closing handshake."""
_CHECK_S: Final = 0.1
_OWN_TURN_S: Final = 0.05
"""Stations due for less than this when the run ends were not forgotten."""


class FleetRecorder(HealthRecorder, Protocol):
    """The part of the recorder that the loop itself uses."""

    def snapshot(self, now: float) -> dict[str, Any]:
        """Totals so far."""
        ...

    def memory(self, *, before_kb: float | None = None, full_kb: float | None = None) -> None:
        """Memory without and with the fleet."""
        ...

    def connect_step(self, step: str, seconds: float) -> None:
        """``late``: how long after its due time a station was switched on."""
        ...

    def not_dispatched(self, count: int) -> None:
        """So many due stations were never woken."""
        ...


class Ending(Enum):
    """How a fleet ends."""

    PLANNED = "planned"
    """The run's time is over."""
    STOPPED = "stopped"
    """Asked to stop early: transactions are stopped, then as planned."""
    ABORTED = "aborted"
    """At once."""


class FleetLoop:
    """One shard's fleet. ``run`` is awaited once; ``stop`` and ``abort`` may come at any time."""

    def __init__(
        self,
        *,
        shared: Surroundings,
        recorder: FleetRecorder,
        run_s: float,
        drain_s: float,
        on_snapshot: Callable[[dict[str, Any]], None],
        each_second: Callable[[float], dict[str, Any]] | None = None,
    ) -> None:
        """``each_second`` is told the time, and adds what it returns to the snapshot."""
        self._shared = shared
        shared.moved = self.moved
        self._clock = shared.clock
        self._deadlines: Deadlines = shared.deadlines
        self._recorder = recorder
        self._run_s = run_s
        self._drain_s = drain_s
        self._on_snapshot = on_snapshot
        self._each_second = each_second
        self._links: Sequence[Link] = ()
        self._started = bytearray()
        self._connect_due: Sequence[float] = ()
        self._expected = 0
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._timer_at = float("inf")
        self._dispatching = False
        self._ending = Ending.PLANNED
        self._wake_up: asyncio.Event | None = None
        self._full_ticks = 0
        self._fault: BaseException | None = None
        self.drained = False
        self.ended_s = 0.0

    # -- the run --------------------------------------------------------------------------------

    def populate(self, links: Sequence[Link], connect_due: Sequence[float]) -> None:
        """Take over the links; ``connect_due`` is when each is switched on (``inf``: never)."""
        self._links = links
        self._started = bytearray(len(links))
        self._connect_due = connect_due
        self._expected = sum(due < self._run_s for due in connect_due)
        for index, due in enumerate(connect_due):
            if due < self._run_s:
                self._deadlines.arm(index, due)

    async def run(self) -> Ending:
        """From now (T0 may still lie ahead) to the last closed connection.

        Raises what a probe raised: without its probes a run could not tell how it went.
        """
        self._wake_up = asyncio.Event()
        probes = [asyncio.ensure_future(c) for c in (self._probe_lag(), self._tick())]
        for probe in probes:
            probe.add_done_callback(self._probe_ended)
        self._arm()
        try:
            await self._until(self._run_s)
            if self._ending is Ending.STOPPED:
                await self._stop_transactions()
            if self._ending is not Ending.ABORTED:
                await self._drain()
        finally:
            for probe in probes:
                probe.cancel()
        await self._let_go()
        if self._fault is not None:
            raise self._fault
        return self._ending

    def _probe_ended(self, probe: asyncio.Future[None]) -> None:
        if not probe.cancelled() and (fault := probe.exception()) is not None:
            self._fault = self._fault or fault
            self.abort()

    def stop(self) -> None:
        """Stop transactions, drain, end."""
        if self._ending is Ending.PLANNED:
            self._ending = Ending.STOPPED
            self._nudge()

    def abort(self) -> None:
        """End at once."""
        self._ending = Ending.ABORTED
        self._nudge()

    def _nudge(self) -> None:
        if self._wake_up is not None:
            self._wake_up.set()

    async def _until(self, when: float) -> None:
        """Wait for a time of the run, or for the way of ending to change."""
        assert self._wake_up is not None
        self._wake_up.clear()
        ending = self._ending
        while ending is self._ending and (left := when - self._clock()) > 0.0:
            try:
                await asyncio.wait_for(self._wake_up.wait(), left)
            except TimeoutError:
                continue
            self._wake_up.clear()

    # -- dispatch -------------------------------------------------------------------------------

    def moved(self) -> None:
        """The earliest deadline came closer: see that the timer does too."""
        if not self._dispatching and self._deadlines.earliest < self._timer_at:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self._timer_at = self._deadlines.earliest
        if when == float("inf"):
            return
        loop = asyncio.get_running_loop()
        delay = when - self._clock()
        if delay <= 0.0:
            self._timer = loop.call_soon(self._dispatch)
        else:
            # Up to the next millisecond: that is how fine the timers of uvloop are, and a shorter
            # delay would become 0 and keep the loop spinning until the time has come.
            self._timer = loop.call_later(ceil(delay * 1e3) * 1e-3, self._dispatch)

    def _dispatch(self) -> None:
        """Wake at most BATCH stations that are due."""
        self._timer = None
        self._timer_at = float("inf")
        self._dispatching = True
        try:
            clock, pop, links, started = (
                self._clock,
                self._deadlines.pop_due,
                self._links,
                self._started,
            )
            for _ in range(BATCH):
                now = clock()
                index = pop(now)
                if index < 0:
                    break
                if started[index]:
                    links[index].wake(now)
                elif self._shared.accepting:
                    started[index] = 1
                    self._recorder.connect_step("late", max(now - self._connect_due[index], 0.0))
                    links[index].start(now)
        finally:
            self._dispatching = False
            self._arm()

    # -- watching -------------------------------------------------------------------------------

    async def _probe_lag(self) -> None:
        """Ask every PROBE_S to be woken, and record how late it happens."""
        clock, lag = self._clock, self._recorder.lag
        due = clock() + PROBE_S
        while True:
            await asyncio.sleep(max(due - clock(), 0.0))
            now = clock()
            if now < due:
                continue  # timers are cut to whole milliseconds
            while due <= now:  # a stall delays every probe that was due in it
                lag(now - due)
                due += PROBE_S
            collect_young()

    async def _tick(self) -> None:
        """Each second: CPU and memory, the trace on disk, a snapshot for the parent."""
        self._sample(self._clock())
        while True:
            now = self._clock()
            await asyncio.sleep(max(1.0 - now % 1.0, 0.05))
            self._sample(self._clock())

    def _sample(self, now: float) -> None:
        rss = rss_kb()
        self._recorder.cpu(now, cpu_s(), rss)
        more = self._each_second(now) if self._each_second is not None else {}
        snapshot = self._recorder.snapshot(now)
        self._note_full(snapshot, rss)
        if self._shared.tracer is not None:
            self._shared.tracer.flush()
        self._on_snapshot(
            snapshot
            | more
            | {
                "expected": self._expected,
                "started": sum(self._started),
                "in_flight": _in_flight(snapshot),
                "rss_kb": rss,
            }
        )

    def _note_full(self, snapshot: dict[str, Any], rss: float) -> None:
        """The memory of the fleet counts once all of it is connected, and has booted or had 3 s."""
        if not 0 <= self._full_ticks < 3:
            return
        if snapshot["connected"] < self._expected or self._expected < len(self._links):
            self._full_ticks = 0
            return
        self._full_ticks += 1
        if snapshot["booted"] >= self._expected or self._full_ticks == 3:
            self._recorder.memory(full_kb=rss)
            self._full_ticks = -1

    # -- the end --------------------------------------------------------------------------------

    async def _stop_transactions(self) -> None:
        """Stop every running transaction, a batch per turn of the loop."""
        for first in range(0, len(self._links), BATCH):
            for index in range(first, min(first + BATCH, len(self._links))):
                if self._started[index]:
                    self._links[index].stop_all(self._clock(), "Local")
            await asyncio.sleep(0)
            if self._ending is Ending.ABORTED:
                return

    async def _drain(self) -> None:
        """Wait until nothing is unanswered, twice in a row, or the deadline has come."""
        deadline = self._clock() + self._drain_s
        quiet = 0
        while self._ending is not Ending.ABORTED:
            await self._until(min(self._clock() + _CHECK_S, deadline))
            now = self._clock()
            behind = self._deadlines.earliest <= now
            waiting = _in_flight(self._recorder.snapshot(now))
            quiet = 0 if waiting or behind else quiet + 1
            if quiet == 2:
                self.drained = True
                return
            if now >= deadline:
                return

    async def _let_go(self) -> None:
        """Finish every station, then close every connection and wait a little for that."""
        shared = self._shared
        shared.accepting = False
        now = self.ended_s = self._clock()
        if self._timer is not None:
            self._timer.cancel()
        self._recorder.not_dispatched(self._overdue(now))
        for index, link in enumerate(self._links):
            if self._started[index]:
                link.retire(now)
        if self._fault is None:
            self._sample(now)
        if shared.commands is not None:
            await shared.commands.close()
        for task in tuple(shared.tasks):
            task.cancel()
        if self._ending is not Ending.ABORTED:
            await self._close_all()
        for link in self._links:
            link.abort()
        await asyncio.gather(*shared.tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _close_all(self) -> None:
        for first in range(0, len(self._links), BATCH):
            for link in self._links[first : first + BATCH]:
                link.hang_up(1000, "")
            await asyncio.sleep(0)
        deadline = self._clock() + CLOSE_S
        while self._clock() < deadline and any(link.connected for link in self._links):
            if self._ending is Ending.ABORTED:
                return
            await asyncio.sleep(_CHECK_S / 2)

    def _overdue(self, now: float) -> int:
        """Stations that were due well before now and not woken (more than the loop's own turn)."""
        count = 0
        late = now - _OWN_TURN_S
        while self._deadlines.pop_due(late) >= 0:
            count += 1
        return count


def _in_flight(snapshot: dict[str, Any]) -> int:
    """Attempts planned that have not ended."""
    ended: int = sum(snapshot["calls"].values())
    return int(snapshot["planned"]) - ended
