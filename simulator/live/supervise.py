"""Runs the shards of a fleet from the parent: brings them up, sets T0, watches, collects.

Reads one queue in the calling thread, so it works wherever a function can be called, a notebook's
running loop included. A shard that dies makes the others stop orderly; the first Ctrl-C does the
same, the second ends them at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from simulator.live.interrupts import Interrupts
from simulator.live.messages import Abort, Failed, Ready, ShardSpec, Snapshot, Start, Stop
from simulator.live.messages import Final as FinalMessage
from simulator.live.parent import Mail, ShardProcess
from simulator.live.startclock import start_epoch

if TYPE_CHECKING:
    from simulator.measure.measurement import ShardMeasurement

LEAD_S: Final = 0.2
"""From the moment that all shards are ready to T0: time for the news to arrive."""
POLL_S: Final = 0.2
READY_TIMEOUT_S: Final = 120.0
END_MARGIN_S: Final = 30.0
"""A shard that is silent so long after it should have ended is taken for lost."""
ABORT_MARGIN_S: Final = 10.0


@dataclass(slots=True)
class Fleet:
    """What the shards brought home."""

    finals: list[FinalMessage] = field(default_factory=list)
    lost: dict[int, str] = field(default_factory=dict)
    """Why each lost shard is lost, and the last it said."""
    traces: dict[int, str] = field(default_factory=dict)
    aborted: str = ""
    """Why the run was ended early by a clause of its own; "": it was not."""
    interrupted: int = 0
    """How often the user asked for the end."""
    t0_ns: int = 0
    epoch_at_zero: float = 0.0
    ended_s: float = 0.0
    build_s: float = 0.0
    loop: str = ""
    ready: int = 0


OnSnapshot = Callable[[float, Sequence[dict[str, Any]], str], None]
"""(seconds since T0, latest snapshot of every shard, ``running``, ``stopping`` or ``aborting``)."""


class Supervisor:
    """The state of one fleet under way."""

    def __init__(
        self,
        specs: Sequence[ShardSpec],
        interrupts: Interrupts,
        on_snapshot: OnSnapshot,
        quarter_hour_at_s: float | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._quarter_hour_at_s = quarter_hour_at_s
        self._tell = tell
        self._specs = specs
        self._interrupts = interrupts
        self._on_snapshot = on_snapshot
        self._mail: Mail = SimpleQueue()
        self._shards: dict[int, ShardProcess] = {}
        self._snapshots: dict[int, dict[str, Any]] = {}
        self._open: set[int] = set()
        self._ready: set[int] = set()
        self._asked = 0
        self._deadline = float("inf")
        self.fleet = Fleet()
        self.finished: list[ShardMeasurement] = []
        """What shards have told of phases that are over; whoever reads it empties it."""

    @property
    def pids(self) -> dict[int, int]:
        """Process ids by shard."""
        return {number: shard.pid for number, shard in self._shards.items()}

    def run(self) -> Fleet:
        """From the first process to the last result."""
        try:
            for spec in self._specs:
                self._shards[spec.shard] = ShardProcess(spec, self._mail)
                self._open.add(spec.shard)
            self._gather()
            if self._ready and self._ready == set(self._shards) and self._await_clock():
                self._set_off()
                self._watch()
            else:
                self._dismiss()
        finally:
            for shard in self._shards.values():
                shard.end()
        self.fleet.interrupted = self._interrupts.count
        return self.fleet

    # -- phases ---------------------------------------------------------------------------------

    def _gather(self) -> None:
        """Wait until every shard is ready, or one is lost, or the user has had enough."""
        self._deadline = time.monotonic() + READY_TIMEOUT_S
        while self._open - self._ready and not self.fleet.lost and not self._interrupts.count:
            self._next()
            self._reap_silent("was not ready")
        self.fleet.ready = len(self._ready)

    def _await_clock(self) -> bool:
        """Wait until a quarter of an hour will strike when it should; False: it came to nothing."""
        at_s, began, now = self._quarter_hour_at_s, time.monotonic(), time.time()
        if at_s is None:
            return True
        wait_s = start_epoch(now + LEAD_S, at_s) - now - LEAD_S
        self._tell(f"waiting {wait_s:.0f} s, so that a quarter hour strikes at {at_s:g} s")
        while (left_s := began + wait_s - time.monotonic()) > 0.0:
            self._next(min(left_s, POLL_S))
            if self.fleet.lost or self._interrupts.count:
                return False
        return True

    def _set_off(self) -> None:
        """Agree on T0."""
        fleet = self.fleet
        lead_ns = int(LEAD_S * 1e9)
        fleet.t0_ns = time.perf_counter_ns() + lead_ns
        fleet.epoch_at_zero = time.time() + LEAD_S
        start = Start(fleet.t0_ns, fleet.epoch_at_zero)
        for shard in self._shards.values():
            shard.send(start)
        run_s = max(spec.run_s for spec in self._specs)
        self._allow(run_s + max(spec.drain_s for spec in self._specs) + END_MARGIN_S)

    def _watch(self) -> None:
        """Until every shard has handed over its results or is lost."""
        while self._open:
            self._next()
            if self._interrupts.count + bool(self.fleet.aborted) > self._asked:
                self._ask(self._interrupts.count + bool(self.fleet.aborted))
            if self.fleet.lost and self._asked == 0:
                self._ask(1)
            self._reap_silent("did not end")
            self._on_snapshot(self.now, self._latest(), self._mode())
        self.fleet.ended_s = self.now

    def _dismiss(self) -> None:
        """The run does not take place: let the shards that are up go."""
        for number in self._open:
            self._shards[number].send(Abort())
        self._deadline = time.monotonic() + ABORT_MARGIN_S
        while self._open:
            self._next()
            self._reap_silent("did not end")

    def end_early(self, reason: str) -> None:
        """Stop orderly, as a clause of the scenario asks for; once is enough."""
        if not self.fleet.aborted and self._asked == 0:
            self.fleet.aborted = reason
            self._ask(1)

    # -- details --------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since T0."""
        return (time.perf_counter_ns() - self.fleet.t0_ns) * 1e-9

    def _mode(self) -> str:
        return ("running", "stopping", "aborting")[min(self._asked, 2)]

    def _latest(self) -> list[dict[str, Any]]:
        return [self._snapshots[number] for number in sorted(self._snapshots)]

    def _ask(self, level: int) -> None:
        """1: stop orderly; 2: abort; more: kill."""
        self._asked = level
        drain = max(spec.drain_s for spec in self._specs)
        for number in tuple(self._open):
            if level == 1:
                self._shards[number].send(Stop())
            elif level == 2:
                self._shards[number].send(Abort())
            else:
                self._shards[number].kill()
        self._allow(self.now + (drain + END_MARGIN_S if level == 1 else ABORT_MARGIN_S))

    def _allow(self, until_s: float) -> None:
        """Shards may take until then, in seconds since T0."""
        self._deadline = time.monotonic() + until_s - self.now

    def _next(self, patience_s: float = POLL_S) -> None:
        """Take in what has arrived, waiting a little if nothing has."""
        try:
            self._take(*self._mail.get(timeout=patience_s))
            while True:
                self._take(*self._mail.get_nowait())
        except Empty:
            return

    def _take(self, number: int, message: Any) -> None:
        fleet = self.fleet
        if isinstance(message, Ready):
            self._ready.add(number)
            fleet.build_s = max(fleet.build_s, message.build_s)
            fleet.loop = message.loop
        elif isinstance(message, Snapshot):
            self._snapshots[number] = message.values
            self.finished += message.finished
        elif isinstance(message, FinalMessage):
            fleet.finals.append(message)
            fleet.finals.sort(key=lambda final: final.measurement.shard)
            self._open.discard(number)
        elif isinstance(message, Failed):
            self._lose(number, message.reason, message.trace)
        elif message is None and number in self._open:
            self._bury(number)

    def _bury(self, number: int) -> None:
        """The pipe closed without a result."""
        shard = self._shards[number]
        code = shard.wait(1.0)
        if not self.fleet.t0_ns and code == 0:
            self._open.discard(number)
            return
        words = shard.last_words()
        how = "its pipe closed" if code is None else _death(code)
        last = f": {words.splitlines()[-1]}" if words else ""
        self._lose(number, f"{how}{last}", words)

    def _lose(self, number: int, reason: str, trace: str) -> None:
        self._open.discard(number)
        self.fleet.lost[number] = f"shard {number}: {reason}"
        self.fleet.traces[number] = trace

    def _reap_silent(self, what: str) -> None:
        """Kill what is overdue."""
        if time.monotonic() > self._deadline:
            for number in tuple(self._open):
                self._shards[number].kill()
                self._lose(number, f"{what} in time", self._shards[number].last_words())


def ending_words(mode: str, fleet: Fleet) -> str:
    """Why a fleet ends before its time, and how, for whoever watches."""
    if mode == "aborting":
        return "ending at once"
    if fleet.lost:
        return f"{'; '.join(fleet.lost.values())}: the other shards end orderly"
    if fleet.aborted:
        return "stopping orderly"
    return (
        "stopping orderly: transactions end, answers are awaited, everything is written;"
        " Ctrl-C again ends at once"
    )


def _death(code: int) -> str:
    if code < 0:
        import signal

        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"ended with exit code {code}"
