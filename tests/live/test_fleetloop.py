"""The shard's loop with stand-in links: who is woken, in what portions, and how a fleet ends."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from math import inf
from typing import Any

import pytest

from simulator.live.deadlines import Deadlines
from simulator.live.dial import DialRules
from simulator.live.fleetloop import BATCH, Ending, FleetLoop
from simulator.live.health import PROBE_S
from simulator.live.link import Surroundings
from simulator.live.target import Address


class FakeLink:
    """Notes what the loop does with it; its deadlines are given as a list."""

    def __init__(self, index: int, deadlines: Deadlines, wakes: list[float]) -> None:
        self.index, self.deadlines, self.wakes = index, deadlines, wakes
        self.log: list[tuple[str, Any]] = []
        self.connected = False
        self.turns: list[int] = []

    def _arm(self) -> None:
        self.deadlines.arm(self.index, self.wakes.pop(0) if self.wakes else inf)

    def start(self, now: float) -> None:
        self.log.append(("start", now))
        self.connected = True
        self._arm()

    def wake(self, now: float) -> None:
        self.log.append(("wake", now))
        self._arm()

    def stop_all(self, now: float, reason: str) -> None:
        self.log.append(("stop_all", reason))

    def retire(self, now: float) -> None:
        self.log.append(("retire", now))

    def hang_up(self, code: int, reason: str) -> None:
        self.log.append(("hang_up", code))
        self.connected = False

    def abort(self) -> None:
        self.log.append(("abort", None))
        self.connected = False

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.log]


class Rig:
    def __init__(self, watching: Any, due: list[float], run_s: float, drain_s: float = 5.0) -> None:
        began = time.perf_counter()
        self.watching = watching
        self.deadlines = Deadlines(len(due))
        self.snapshots: list[dict[str, Any]] = []
        self.shared = Surroundings(
            clock=lambda: time.perf_counter() - began,
            deadlines=self.deadlines,
            rules=DialRules(Address(2, ("127.0.0.1", 1))),
            upgrade=None,  # type: ignore[arg-type]
            watcher=watching,
        )
        self.fleet = FleetLoop(
            shared=self.shared,
            recorder=watching,
            run_s=run_s,
            drain_s=drain_s,
            on_snapshot=self.snapshots.append,
        )
        self.links = [FakeLink(i, self.deadlines, []) for i in range(len(due))]
        self.fleet.populate(self.links, due)  # type: ignore[arg-type]


def test_a_planned_end_starts_wakes_drains_retires_and_hangs_up(watching, play) -> None:
    rig = Rig(watching, [0.0, 0.01, inf, 9.0], 0.05)
    rig.links[0].wakes = [0.02, 0.03]

    async def work() -> None:
        assert await rig.fleet.run() is Ending.PLANNED

    play(work())
    first, second, never, late = rig.links
    assert first.kinds() == ["start", "wake", "wake", "retire", "hang_up", "abort"]
    assert second.kinds() == ["start", "retire", "hang_up", "abort"]
    assert never.kinds() == late.kinds() == ["hang_up", "abort"]
    assert rig.fleet.drained and rig.fleet.ended_s >= 0.05
    assert rig.snapshots[-1]["started"] == 2 and rig.snapshots[-1]["expected"] == 2
    assert all(when <= at for when, (_, at) in zip([0.0, 0.02, 0.03], first.log, strict=False))


def test_no_more_than_a_batch_between_two_polls_of_the_loop(watching, play) -> None:
    due = [0.0] * (3 * BATCH)
    rig = Rig(watching, due, 0.2)
    polls: list[int] = []

    async def poll() -> None:
        while len(polls) < 50:
            polls.append(sum(bool(link.log) for link in rig.links))
            await asyncio.sleep(0)

    async def work() -> None:
        poller = asyncio.ensure_future(poll())
        await rig.fleet.run()
        poller.cancel()

    play(work())
    steps = [after - before for before, after in pairwise(polls)]
    assert max(steps) == BATCH and polls[-1] == 3 * BATCH


def test_the_loop_sleeps_until_the_next_deadline_instead_of_spinning(watching, play) -> None:
    rig = Rig(watching, [0.0], 0.1)
    rig.links[0].wakes = [0.0137 + 0.0093 * n for n in range(8)]
    turns = []
    dispatch = rig.fleet._dispatch
    rig.fleet._dispatch = lambda: (turns.append(1), dispatch())  # type: ignore[method-assign,func-returns-value,assignment]

    async def work() -> None:
        await rig.fleet.run()

    play(work())
    assert rig.links[0].kinds().count("wake") == 8
    assert len(turns) <= 4 * 9


def test_stop_ends_transactions_first_and_starts_nobody_else(watching, play) -> None:
    rig = Rig(watching, [0.0, 50.0], 100.0)

    async def work() -> None:
        asyncio.get_running_loop().call_later(0.02, rig.fleet.stop)
        assert await rig.fleet.run() is Ending.STOPPED

    play(work())
    assert rig.links[0].kinds() == ["start", "stop_all", "retire", "hang_up", "abort"]
    assert rig.links[1].kinds() == ["hang_up", "abort"]


def test_abort_ends_at_once_even_while_draining(watching, play) -> None:
    watching.in_flight = lambda: 1
    rig = Rig(watching, [0.0], 0.01, drain_s=1000.0)

    async def work() -> None:
        asyncio.get_running_loop().call_later(0.05, rig.fleet.abort)
        assert await rig.fleet.run() is Ending.ABORTED

    play(work())
    assert rig.links[0].kinds() == ["start", "retire", "abort"]
    assert not rig.fleet.drained


def test_stop_and_then_abort(watching, play) -> None:
    watching.in_flight = lambda: 1
    rig = Rig(watching, [0.0], 100.0, drain_s=1000.0)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.02, rig.fleet.stop)
        loop.call_later(0.06, rig.fleet.abort)
        assert await rig.fleet.run() is Ending.ABORTED

    play(work())
    assert rig.links[0].kinds() == ["start", "stop_all", "retire", "abort"]


def test_answers_that_never_come_are_waited_for_only_so_long(watching, play) -> None:
    watching.in_flight = lambda: 1
    rig = Rig(watching, [0.0], 0.01, drain_s=0.05)

    async def work() -> None:
        await rig.fleet.run()

    play(work())
    assert not rig.fleet.drained and rig.links[0].kinds()[1:] == ["retire", "hang_up", "abort"]


def test_the_drain_waits_for_the_last_answer(watching, play) -> None:
    waiting = [3]
    watching.in_flight = lambda: waiting[0]
    rig = Rig(watching, [0.0], 0.01, drain_s=1000.0)

    async def work() -> None:
        asyncio.get_running_loop().call_later(0.05, waiting.__setitem__, 0, 0)
        await rig.fleet.run()

    play(work())
    assert rig.fleet.drained


def test_memory_counts_once_the_whole_fleet_is_connected(watching, play) -> None:
    rig = Rig(watching, [0.0, 0.0], 0.05)
    rig.fleet._note_full({"connected": 1, "booted": 1}, 100.0)
    assert watching.full_kb is None
    rig.fleet._note_full({"connected": 2, "booted": 0}, 200.0)
    assert watching.full_kb is None
    rig.fleet._note_full({"connected": 2, "booted": 2}, 300.0)
    assert watching.full_kb == 300.0
    rig.fleet._note_full({"connected": 2, "booted": 2}, 400.0)
    assert watching.full_kb == 300.0


def test_memory_of_a_fleet_that_is_never_switched_on_as_a_whole_is_not_known(watching) -> None:
    rig = Rig(watching, [0.0, inf], 0.05)
    for _ in range(9):
        rig.fleet._note_full({"connected": 1, "booted": 1}, 1.0)
    assert watching.full_kb is None


def test_stations_that_the_loop_never_got_to_are_counted(watching, play) -> None:
    rig = Rig(watching, [0.0], 0.01)
    rig.deadlines.arm(0, -5.0)
    assert rig.fleet._overdue(1.0) == 1


@pytest.mark.parametrize("level", ["lag", "cpu"])
def test_the_generator_watches_itself(watching, play, level) -> None:
    rig = Rig(watching, [0.0], 0.2)

    async def work() -> None:
        await rig.fleet.run()

    play(work())
    assert watching.lags if level == "lag" else len(watching.cpus) >= 2
    assert all(lag >= 0.0 for lag in watching.lags)


def test_a_stall_of_the_loop_counts_for_every_probe_that_was_due_in_it(
    watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, naps = 0.0, 0

    async def nap(seconds: float) -> None:
        nonlocal now, naps
        naps += 1
        if naps > 20:
            raise asyncio.CancelledError
        now += seconds + (1.5 if naps == 10 else 0.001)

    rig = Rig(watching, [], run_s=1.0)
    monkeypatch.setattr(rig.fleet, "_clock", lambda: now)
    monkeypatch.setattr("simulator.live.fleetloop.asyncio.sleep", nap)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(rig.fleet._probe_lag())
    late = [lag for lag in watching.lags if lag > 0.01]
    assert len(late) == round(1.5 / PROBE_S)
    assert max(late) == pytest.approx(1.5)


def test_how_late_a_station_is_switched_on_is_recorded(watching: Any) -> None:
    rig = Rig(watching, [-0.25, 0.0], run_s=0.05)
    asyncio.run(rig.fleet.run())
    late = [seconds for step, seconds in watching.steps if step == "late"]
    assert len(late) == 2
    assert max(late) >= 0.25


def test_a_fault_of_the_loop_s_own_probes_ends_the_run_and_is_raised(watching, play) -> None:
    rig = Rig(watching, [0.0], 60.0)

    def break_down(_: dict[str, Any]) -> None:
        raise RuntimeError("no snapshot")

    rig.fleet._on_snapshot = break_down
    with pytest.raises(RuntimeError, match="no snapshot"):
        play(rig.fleet.run())
    assert rig.links[0].kinds()[-1] == "abort"
