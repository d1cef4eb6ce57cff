"""A link that storms strike, on real sockets: how connections end, and what the station is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from math import inf
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from simulator.fleet.spells import once
from simulator.fleet.storms import Stations, Storm, acts, together
from simulator.live.stormlink import StormLink, StormWatch
from simulator.live.storms import BATCH, StormPlayer, Stormy
from simulator.measure.stormlog import StormLog

pytestmark = pytest.mark.socket


class Target:
    """Answers calls and notes how each connection ended: close code, or what broke."""

    def __init__(self) -> None:
        self.open = 0
        self.ends: list[Any] = []

    async def __call__(self, connection: ServerConnection) -> None:
        self.open += 1
        try:
            while True:
                text = str(await connection.recv())
                await connection.send(f'[3,"{text.split(chr(34))[1]}",{{}}]')
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else None
            self.ends.append(code if code is not None else type(error.__cause__))
        finally:
            self.open -= 1

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        async with serve(self, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:
            yield next(iter(server.sockets)).getsockname()[1]


class Rig:
    """One struck station with its link and log; ``accepted`` as long as it is connected."""

    def __init__(self, bench: Any, small_station: Any, port: int) -> None:
        outer = self

        class Struck(small_station):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__(backoff_s=0.05)
                self.switched_off = False
                self.station = SimpleNamespace(
                    impatient=False,
                    reset=lambda now, hard: self.log.append(("reset", hard)),
                    align=lambda now, seconds: self.log.append(("align", seconds)),
                )

            def power_off(self, now: float) -> None:
                self.log.append(("power_off", now))
                self.next_deadline = inf

            def power_on(self, now: float) -> None:
                self.log.append(("power_on", now))
                self.start(now)

            def connected(self, now: float) -> None:
                super().connected(now)
                outer.storm.booted(0, now)

        self.station = Struck()
        made = bench(port, station=self.station)
        self.shared, self.watching = made.shared, made.watching
        self.storm = StormLog(1, [np.array([0], np.int32)], lambda index: False)
        self.shared.watcher = StormWatch(self.watching, self.storm)
        self.link = StormLink(0, "CS", None, self.station, self.shared, self.storm)
        self.until = made.until

    @property
    def now(self) -> float:
        return float(self.shared.clock())

    async def up(self) -> None:
        await self.until(lambda: self.link.connected and bool(self.station.said("receive")))

    async def wake(self) -> None:
        """Let the station act when it is due."""
        while not self.link.connected:
            if self.station.next_deadline <= self.now:
                self.link.wake(self.now)
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("close", "seen"), [("clean", 1001), ("fin", type(None)), ("rst", ConnectionResetError)]
)
def test_a_cut_connection_ends_in_the_way_asked_for(
    bench, play, small_station, close, seen
) -> None:
    target = Target()

    async def work() -> None:
        async with target.listening() as port:
            rig = Rig(bench, small_station, port)
            rig.link.start(0.0)
            await rig.up()
            rig.storm.begin(0)
            rig.link.cut(rig.now, close)
            assert not rig.link.connected and rig.watching.online == set()
            assert rig.station.said("disconnected") == ["cut by a storm (emulated)"]
            await rig.until(lambda: bool(target.ends))
            assert rig.watching.errors == []
            await rig.wake()
            assert rig.storm.records[0].attempts.total() == 1
            rig.link.abort()
            await rig.until(lambda: target.open == 0)

    play(work())
    first = target.ends[0]
    assert first == seen or (isinstance(first, type) and issubclass(first, (seen, EOFError)))
    assert (close == "rst") == (first is ConnectionResetError)


def test_a_silent_connection_stays_open_unanswered_until_the_power_is_back(
    bench, play, small_station
) -> None:
    target = Target()

    async def work() -> None:
        async with target.listening() as port:
            rig = Rig(bench, small_station, port)
            rig.link.start(0.0)
            await rig.up()
            heard = len(rig.station.said("receive"))
            rig.link.power_off(rig.now, "silent")
            assert rig.watching.online == set() and not rig.link.connected
            await asyncio.sleep(0.1)
            assert target.open == 1 and target.ends == []
            rig.link.power_on(rig.now)
            await rig.until(lambda: bool(target.ends))
            await rig.until(lambda: rig.link.connected)
            assert len(rig.station.said("receive")) >= heard
            assert rig.station.said("disconnected") == []
            rig.link.abort()
            await rig.until(lambda: target.open == 0)

    play(work())
    assert target.ends[0] is ConnectionResetError


def test_the_end_of_a_run_drops_what_fell_silent(bench, play, small_station) -> None:
    target = Target()

    async def work() -> None:
        async with target.listening() as port:
            rig = Rig(bench, small_station, port)
            rig.link.start(0.0)
            await rig.up()
            rig.link.power_off(rig.now, "silent")
            rig.link.retire(rig.now)
            rig.link.power_on(rig.now)
            assert rig.station.said("power_on") == []
            rig.link.abort()
            await rig.until(lambda: target.open == 0)

    play(work())


def test_a_power_cut_in_the_middle_of_connecting_breaks_the_attempt_off(
    bench, play, small_station
) -> None:
    target = Target()

    async def work() -> None:
        async with target.listening() as port:
            rig = Rig(bench, small_station, port)
            rig.link.start(0.0)
            await asyncio.sleep(0)
            rig.link.power_off(rig.now, "silent")
            await asyncio.sleep(0.1)
            assert not rig.link.connected and rig.station.said("connected") == []
            rig.link.power_on(rig.now)
            await rig.up()
            rig.link.abort()
            await rig.until(lambda: target.open == 0)

    play(work())


def test_while_the_target_is_away_attempts_fail_and_are_counted(bench, play, small_station) -> None:
    target = Target()

    async def work() -> None:
        async with target.listening() as port:
            rig = Rig(bench, small_station, port)
            rig.link.start(0.0)
            await rig.up()
            rig.storm.begin(0)
            rig.link.cut(rig.now, "rst")
            rig.link.away(True)
            tries = lambda: rig.station.said("disconnected").count(  # noqa: E731
                "the target is away (emulated)"
            )
            waking = asyncio.ensure_future(rig.wake())
            await rig.until(lambda: tries() >= 3)
            assert target.open == 0
            rig.link.away(False)
            await rig.up()
            waking.cancel()
            assert rig.storm.records[0].attempts.total() == tries() + 1
            rig.link.abort()
            await rig.until(lambda: target.open == 0)

    play(work())


def test_what_is_done_at_the_station_is_passed_on_but_not_in_the_dark(
    bench, play, small_station
) -> None:
    target = Target()

    async def work() -> None:
        async with target.listening() as port:
            rig = Rig(bench, small_station, port)
            rig.link.start(0.0)
            await rig.up()
            for strike in (lambda: rig.link.reset(rig.now, True), lambda: rig.link.align(0.0, 60)):
                strike()
            rig.link.hurry(True)
            assert rig.station.station.impatient
            rig.link.power_off(rig.now, "rst")
            rig.link.reset(rig.now, False)
            assert rig.station.said("reset") == [True] and rig.station.said("align") == [60]
            await rig.until(lambda: target.open == 0)

    play(work())


# -- the player -----------------------------------------------------------------------------------


class Noted:
    """Stands for a link: notes what it is told, and when."""

    def __init__(self, rows: list[tuple[str, float]]) -> None:
        self.rows = rows

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda now, *rest: self.rows.append((name, now))


def player(storms: list[Storm], n: int, run_s: float = 10.0) -> tuple[StormPlayer, list, StormLog]:
    stations = Stations([f"CS{i}" for i in range(n)], ["yard"] * n, once(np.zeros(n)))
    own = together([acts(storm, stations, 1) for storm in storms])
    rows: list[tuple[str, float]] = []
    hits = tuple(tuple(range(n)) for _ in storms)
    log = StormLog(n, [np.array(hit, np.int32) for hit in hits], lambda index: True)
    began = time.perf_counter()
    made = StormPlayer(
        Stormy(tuple(storms), own, hits),
        [Noted(rows) for _ in range(n)],  # type: ignore[arg-type]
        log,
        lambda: time.perf_counter() - began,
        run_s,
    )
    return made, rows, log


def test_acts_are_played_in_order_at_their_time_a_batch_at_most_between_two_turns(play) -> None:
    storm = Storm(0, "power_cut", 0.02, 0.05, close="silent", ours=True)
    made, rows, _ = player([storm], 3 * BATCH)
    polls: list[int] = []

    async def work() -> None:
        made.start()
        while len(rows) < 6 * BATCH:
            polls.append(len(rows))
            await asyncio.sleep(0)

    play(work())
    assert [name for name, _ in rows] == ["power_off"] * 3 * BATCH + ["power_on"] * 3 * BATCH
    assert all(now >= (0.02 if name == "power_off" else 0.07) for name, now in rows)
    assert max(b - a for a, b in pairwise(polls)) <= BATCH


def test_nothing_follows_a_stop_or_the_end_of_the_run(play) -> None:
    storm = Storm(0, "power_cut", 0.01, 0.02, close="silent", ours=True)
    made, rows, _ = player([storm], 4, run_s=0.015)

    async def work() -> None:
        made.start()
        await asyncio.sleep(0.06)
        made.stop()

    play(work())
    assert [name for name, _ in rows] == ["power_off"] * 4


# -- the log --------------------------------------------------------------------------------------


def test_the_log_counts_the_stations_hit_from_the_begin_of_a_storm_to_its_end() -> None:
    known = {0: True, 1: True, 2: False}
    log = StormLog(3, [np.array([0, 1], np.int32), np.array([2], np.int32)], known.__getitem__)
    for station in range(3):
        log.connected(station, 1.0)
    log.booted(2, 1.0)
    log.begin(0)
    for station in range(3):
        log.disconnected(station, 10.0)
    for now in (11.2, 11.7):
        log.attempted(0, now)
        log.attempted(2, now)
    log.connected(0, 11.8)
    known[1] = False
    log.connected(1, 12.0)
    assert log.snapshot() == {"number": 0, "hit": 2, "present": 2, "operating": 1}
    log.booted(1, 12.5)
    log.disconnected(1, 13.0)
    log.end(0)
    log.connected(0, 20.0)
    record = log.records[0]
    assert (record.present, record.lost) == (2, 2)
    assert record.changes_s.tolist() == [10.0, 10.0, 11.8, 12.5, 13.0]
    assert record.changes.tolist() == [-1, -1, 1, 1, -1]
    assert record.attempts == {11: 2} and record.accepted == {11: 1, 12: 1}
    assert record.booted == {12: 1} and log.snapshot() is None


def test_a_station_that_a_stage_switches_off_is_not_missing_and_comes_back_unseen() -> None:
    log = StormLog(4, [np.arange(4, dtype=np.int32)], lambda index: True)
    for station in range(3):
        log.connected(station, 1.0)
    log.begin(0)  # the fourth is on, but has not booted yet
    log.switched(0, True, 2.0)
    log.disconnected(0, 2.1)  # as planned
    log.disconnected(1, 3.0)
    log.switched(1, True, 4.0)  # from the dark
    log.connected(3, 5.0)
    log.switched(0, False, 6.0)
    log.connected(0, 6.5)
    log.disconnected(2, 7.0)
    log.connected(2, 8.0)
    record = log.records[0]
    assert (record.present, record.lost) == (3, 2)
    assert list(zip(record.changes_s, record.changes, strict=True)) == [
        (3.0, -1),
        (4.0, 1),
        (7.0, -1),
        (8.0, 1),
    ]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("cdFN")), max_size=60))
def test_never_more_are_in_operation_than_were_there_and_never_fewer_than_none(events) -> None:
    log = StormLog(5, [np.arange(5, dtype=np.int32)], lambda index: True)
    for station in range(4):
        log.connected(station, 0.0)
    log.begin(0)
    up, off = [True] * 4 + [False], [False] * 5
    for now, (station, what) in enumerate(events, 1):
        if what == "c" and not up[station]:
            log.connected(station, now)
            up[station] = True
        elif what == "d" and up[station]:
            log.disconnected(station, now)
            up[station] = False
        elif what in "FN" and off[station] is (what == "N"):
            off[station] = what == "F"
            log.switched(station, off[station], now)
        told = log.snapshot()
        assert told is not None and 0 <= told["operating"] <= told["present"] == 4


def test_a_station_that_is_switched_on_in_the_dark_starts_when_the_power_is_back(
    bench, play, small_station
) -> None:
    async def work() -> None:
        rig = Rig(bench, small_station, 9)
        starts: list[float] = []
        rig.station.start = starts.append
        rig.station.power_on = lambda now: None
        rig.link.power_off(1.0, "silent")
        rig.link.start(2.0)
        assert starts == []
        rig.link.power_on(3.0)
        rig.link.power_on(4.0)
        assert starts == [3.0]

    play(work())
