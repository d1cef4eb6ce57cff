"""Numbers that cannot flatter: what a run measures is what the CSMS really did.

The shard's own parts (stations, links, loop, recorder) talk over real sockets to a CSMS in the same
loop. Only time is made up: the loop's clock jumps to the next timer as soon as no socket has
anything to say, so a minute passes in a second and every figure is exact, however busy the machine.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import ceil, inf
from typing import Any

import numpy as np
import pytest

from simulator.csms.central import CentralSystem
from simulator.csms.faults import draw, read_service_time
from simulator.csms.options import CsmsOptions, Faults
from simulator.fleet.crew import virtual_stations
from simulator.fleet.setup import Conditions
from simulator.live.connection import Upgrade
from simulator.live.deadlines import Deadlines
from simulator.live.dial import DialRules
from simulator.live.fleetloop import FleetLoop
from simulator.live.link import Link, Surroundings
from simulator.live.madeup import Pace, Paced, made_up_model, made_up_plan
from simulator.live.nulltarget import Null
from simulator.live.target import Address, parse_target
from simulator.measure.keys import Kind
from simulator.measure.measurement import Measurement, merge
from simulator.measure.recorder import Recorder
from simulator.measure.validity import check
from simulator.measure.verdict import Decision, ExitCode, Verdict, decide

pytestmark = pytest.mark.socket

PRECISION = 1e-3
"""Of the histogram: three significant digits."""
GRAIN_S = 1e-3
"""Of the generator's timer."""
EPOCH = 1_780_000_000.0


class Clock(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Waits for sockets in no time at all; where none is ready, the time waited for has passed."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += 1e-8  # no clock stands still: what is due in 1e-16 s must become due
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            ready = super().select(0)  # what a socket of this machine was sent is there by now
            if not ready:
                self.now += timeout
        return ready if timeout is not None or ready else super().select(5)


def play(work: Callable[[Clock], Awaitable[None]]) -> None:
    clock = Clock()

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return clock.now

    with asyncio.Runner(loop_factory=lambda: Loop(clock)) as runner:
        runner.run(work(clock))


class Fleet:
    """Paced stations on the loop that is running."""

    def __init__(self, clock: Clock, port: int, stations: int, run_s: float, **more: Any) -> None:
        self.clock = clock
        model = made_up_model("honesty", kw=11.0, phases=3)
        plan = made_up_plan(model, np.zeros(stations), np.full(stations, 0.5))
        self.ids = plan.ids
        phases = ((0.0, "connect"), (5.0, "measure"))
        self.recorder = Recorder((), stations, phases, station_ids=plan.ids)
        conditions = Conditions("t-", **more)
        crew, _ = virtual_stations(plan, self.recorder, EPOCH, conditions)
        shared = Surroundings(
            clock=lambda: clock.now,
            deadlines=Deadlines(stations),
            rules=DialRules(Address(socket.AF_INET, ("127.0.0.1", port))),
            upgrade=Upgrade(parse_target(f"ws://127.0.0.1:{port}/")),
            watcher=self.recorder,
        )
        self.loop = FleetLoop(
            shared=shared,
            recorder=self.recorder,
            run_s=run_s,
            drain_s=5.0,
            on_snapshot=lambda _: None,
        )
        self.pace = Pace()
        self.drivers = [Paced(station, self.pace) for station in crew]
        self.links = [Link(i, plan.ids[i], None, d, shared) for i, d in enumerate(self.drivers)]
        self.loop.populate(self.links, plan.connect_due_s.tolist())

    def call_from(self, begin_s: float, every_s: float, end_s: float) -> None:
        """Each station's calls are due at ``begin + k * every``, one station after the other."""
        self.pace.every_s = every_s
        loop = asyncio.get_running_loop()
        for number, (driver, link) in enumerate(zip(self.drivers, self.links, strict=True)):
            driver.due = begin_s + number * every_s / len(self.drivers)
            link.settle(self.clock.now)
            loop.call_at(end_s - GRAIN_S / 2, setattr, driver, "due", inf)

    async def run(self) -> Measurement:
        await self.loop.run()
        return merge([self.recorder.result(self.loop.ended_s, record_s=1e-6)])


class Csms(Null):
    """Answers ``service_s`` after a call came, but not while it is frozen."""

    service_s = GRAIN_S
    frozen: tuple[float, float] = (inf, inf)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.held: list[bytes] = []
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        begin, end = self.frozen
        at = end if begin <= loop.time() < end else loop.time()
        loop.call_at(at + self.service_s, self.answer, data)

    def answer(self, data: bytes) -> None:
        if not self._transport.is_closing():
            super().data_received(data)


def served_by(csms: type[Null], work: Callable[[Clock, int], Awaitable[None]]) -> None:
    async def whole(clock: Clock) -> None:
        server = await asyncio.get_running_loop().create_server(csms, "127.0.0.1", 0)
        async with server:
            await work(clock, server.sockets[0].getsockname()[1])

    play(whole)


def test_a_freeze_of_1_4_s_is_in_the_response_times_and_not_in_the_service_times() -> None:
    every_s, calls, frozen_s, begin_s = 0.010, 3000, 1.4, 5.0
    found: list[Measurement] = []

    class Freezing(Csms):
        frozen = (begin_s + 10.0, begin_s + 10.0 + frozen_s)

    async def work(clock: Clock, port: int) -> None:
        fleet = Fleet(clock, port, 1, begin_s + calls * every_s + 1.0)
        fleet.call_from(begin_s, every_s, begin_s + calls * every_s)
        found.append(await fleet.run())

    served_by(Freezing, work)
    response = found[0].select(Kind.RESPONSE, "MeterValues")
    service = found[0].select(Kind.SERVICE, "MeterValues")
    assert response.n == calls
    # Call j of the frozen ones is due j * every after the freeze began, and is answered one service
    # time after the one before: its response time is frozen + service - j * (every - service).
    for percent in (99.0, 98.0, 99.9):
        slower = calls - ceil(calls * percent / 100)
        analytic = frozen_s + GRAIN_S - slower * (every_s - GRAIN_S)
        measured = (response.percentile(percent) or 0) / 1e6
        assert abs(measured - analytic) <= analytic * PRECISION + 2 * GRAIN_S, percent
    for percent in (50.0, 99.0, 99.9):
        measured = (service.percentile(percent) or 0) / 1e6
        assert abs(measured - GRAIN_S) <= GRAIN_S * PRECISION + 1e-6, percent
    assert service.max_us / 1e6 == pytest.approx(frozen_s, abs=2 * GRAIN_S)  # one call of them all
    queue = found[0].select(Kind.QUEUE_PROTOCOL, "MeterValues")
    assert (queue.percentile(99) or 0) / 1e6 > 1.0  # the CSMS's doing, not ours
    assert not [row for row in check(found[0]) if row.name == "generator_wait_p99" and not row.ok]


@pytest.mark.parametrize("text", ["20ms", "exponential(20ms)", "lognormal(30ms, 0.8)"])
def test_a_known_distribution_of_service_times_is_measured_as_it_is(text: str) -> None:
    stations, seed = 20, 11
    found: list[tuple[Measurement, tuple[str, ...]]] = []

    async def work(clock: Clock) -> None:
        faults = Faults(seed=seed, service_time=text)
        async with CentralSystem(CsmsOptions(port=0, fast=True, faults=faults)) as csms:
            fleet = Fleet(clock, csms.port, stations, 45.0)
            fleet.call_from(5.0, 0.5, 44.0)
            found.append((await fleet.run(), fleet.ids))

    play(work)
    measurement, ids = found[0]
    calls = dict(zip(ids, measurement.station_counts()[2].sum(axis=1).tolist(), strict=True))
    times = read_service_time(text)
    drawn = sorted(
        times.quantile(draw(seed, "service", name, number))
        for name, count in calls.items()
        for number in range(1, count + 1)
    )
    service = measurement.select(Kind.SERVICE)
    assert service.n == len(drawn) > 1500
    for percent in (1, 10, 50, 90, 95, 99, 99.9, 100):
        true = drawn[max(ceil(len(drawn) * percent / 100), 1) - 1]
        measured = (service.percentile(percent) or 0) / 1e6
        assert abs(measured - true) <= true * PRECISION + GRAIN_S, percent
    mean = sum(drawn) / len(drawn)
    assert (service.mean_us or 0.0) / 1e6 == pytest.approx(mean, abs=GRAIN_S)


def rules(measurement: Measurement) -> Mapping[str, bool]:
    return {row.name: row.ok for row in check(measurement)}


def stalled(run_s: float, stalls: Sequence[float]) -> Measurement:
    """A sound run but for stalls of 50 ms in the generator's own loop."""
    found: list[Measurement] = []

    async def work(clock: Clock, port: int) -> None:
        def stall() -> None:
            clock.now += 0.050

        for at in stalls:
            asyncio.get_running_loop().call_at(at, stall)
        fleet = Fleet(clock, port, 1, run_s)
        fleet.call_from(2.0, 0.010, run_s)
        found.append(await fleet.run())

    served_by(Csms, work)
    return found[0]


def verdict(measurement: Measurement, *names: str) -> Decision:
    """By these rules alone: the others watch the machine that the test runs on."""
    return decide(validity=[row for row in check(measurement) if row.name in names])


@pytest.mark.parametrize("offset_s", [0.0, 0.003, 0.007, 0.011, 0.015, 0.019])
def test_a_stall_of_50_ms_each_second_is_invalid_whenever_it_begins(offset_s: float) -> None:
    # An answer that came meanwhile is read late, which looks like the CSMS's own slowness; so it is
    # the probes of the loop that must notice, not the calls alone.
    measurement = stalled(12.0, [second + offset_s for second in range(1, 12)])
    decision = verdict(measurement, "loop_lag_p99")
    assert decision.verdict is Verdict.INVALID and decision.exit_code == ExitCode.INVALID
    assert decision.reasons[0].startswith("loop_lag_p99: ")


def test_one_stall_of_50_ms_makes_a_run_of_some_seconds_invalid_and_is_told_in_any() -> None:
    names = ("loop_lag_p99", "generator_wait_p99")
    assert verdict(stalled(4.0, ()), *names).exit_code == ExitCode.OK
    assert verdict(stalled(4.0, [3.013]), *names).exit_code == ExitCode.INVALID
    lag = next(row for row in check(stalled(30.0, [20.013])) if row.name == "loop_lag_p99")
    longest_ms = float(lag.why.split("the longest ")[1].split()[0])
    assert 30.0 <= longest_ms <= 50.1  # a thousandth of its time: p99 does not notice


@pytest.mark.parametrize("seed", range(6))
def test_every_attempt_is_counted_once_however_connections_are_killed(seed: int) -> None:
    chance = random.Random(seed)
    open_now: set[asyncio.BaseTransport] = set()
    found: list[Measurement] = []

    class Unreliable(Csms):
        """Loses an answer now and then; its connections are reset behind its back."""

        service_s = 0.020

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            open_now.add(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            open_now.discard(self._transport)

        def answer(self, data: bytes) -> None:
            if chance.random() > 0.02 or (self._ws.handshake_exc is None and not self._upgraded):
                super().answer(data)

        @property
        def _upgraded(self) -> bool:
            return self._ws.state.name == "OPEN"

    async def work(clock: Clock, port: int) -> None:
        def kill() -> None:
            for transport in chance.sample(sorted(open_now, key=id), min(2, len(open_now))):
                transport.abort()  # type: ignore[attr-defined]

        for _ in range(40):
            asyncio.get_running_loop().call_at(chance.uniform(0.01, 110.0), kill)
        fleet = Fleet(clock, port, 8, 120.0, call_timeout_s=5.0)
        fleet.call_from(2.0, 0.5, 119.0)
        found.append(await fleet.run())

    served_by(Unreliable, work)
    measurement = found[0]
    assert measurement.identity_problems() == []
    calls = measurement.calls()
    assert calls.planned == calls.ended
    assert calls.answered > 500 and calls.connection_lost > 0 and calls.timeout > 0
    assert measurement.errors.count() >= calls.connection_lost
    assert rules(measurement)["calls_add_up"]
