"""Stand-ins for the live driver's neighbours: a small station, and whoever measures."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import pytest

from simulator.live.connection import Upgrade
from simulator.live.deadlines import Deadlines
from simulator.live.dial import DialRules
from simulator.live.link import Link, Surroundings
from simulator.live.target import Address, parse_target
from simulator.live.tls import Tls
from simulator.station.effects import Close, Connect, Effect, Send
from simulator.station.ports import Transfer


class SmallStation:
    """Boots, then calls Heartbeat every ``beat_s``; reconnects after ``backoff_s`` each time."""

    def __init__(
        self, beat_s: float = inf, backoff_s: float = inf, wish: Connect | None = None
    ) -> None:
        self.beat_s, self.backoff_s = beat_s, backoff_s
        self.wish = Connect() if wish is None else wish
        self.effects: list[Effect] = []
        self.next_deadline = inf
        self.online = False
        self.sent = 0
        self.log: list[tuple[str, Any]] = []
        self.written_at: list[float] = []
        self.waiting = False

    def call(self, action: str) -> None:
        self.sent += 1
        self.waiting = True
        self.effects.append(Send(json.dumps([2, str(self.sent), action, {}]).encode(), True))

    def start(self, now: float) -> None:
        self.log.append(("start", now))
        self.effects.append(self.wish)

    def connected(self, now: float) -> None:
        self.log.append(("connected", now))
        self.online = True
        self.call("BootNotification")

    def disconnected(self, now: float, reason: str) -> None:
        self.log.append(("disconnected", reason))
        self.online, self.waiting = False, False
        self.next_deadline = now + self.backoff_s

    def insecure(self, now: float, event: str, info: str) -> None:
        self.log.append(("insecure", event))

    def receive(self, now: float, data: bytes) -> None:
        self.log.append(("receive", data))
        try:
            frame = json.loads(data)
        except ValueError:
            return
        if frame[0] == 2:
            self.effects.append(Send(json.dumps([3, frame[1], {}]).encode(), False))
        else:
            self.waiting = False
            self.next_deadline = now + self.beat_s

    def writable(self, now: float, flag: bool) -> None:
        self.log.append(("writable", flag))

    def written(self, now: float) -> None:
        self.written_at.append(now)

    def wake(self, now: float) -> None:
        self.log.append(("wake", now))
        self.next_deadline = inf
        if self.online:
            self.call("Heartbeat")
        else:
            self.effects.append(self.wish)

    def transferred(
        self, now: float, transfer: int, outcome: Transfer, digest: bytes, *, played: bool
    ) -> None:
        self.log.append(("transferred", (transfer, outcome, played)))

    def stop_all(self, now: float, reason: str) -> None:
        self.log.append(("stop_all", reason))

    def finish(self, now: float) -> None:
        self.log.append(("finish", now))
        self.next_deadline = inf

    def close(self, code: int, reason: str) -> None:
        self.effects.append(Close(code, reason))

    def take_effects(self) -> list[Effect]:
        effects, self.effects = self.effects, []
        return effects

    def said(self, what: str) -> list[Any]:
        return [value for kind, value in self.log if kind == what]


@dataclass
class Watching:
    """Counts what the driver reports; calls in flight can be set by a test."""

    errors: list[tuple[int | None, str, str]] = field(default_factory=list)
    steps: list[tuple[str, float]] = field(default_factory=list)
    online: set[int] = field(default_factory=set)
    full_kb: float | None = None
    lags: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    in_flight: Callable[[], int] = lambda: 0
    missed: int = 0

    def connect_step(self, step: str, seconds: float) -> None:
        self.steps.append((step, seconds))

    def connected(self, station: int, now: float) -> None:
        self.online.add(station)

    def disconnected(self, station: int, now: float) -> None:
        self.online.discard(station)

    def error(self, station: int | None, kind: Any, detail: str, now: float) -> None:
        self.errors.append((station, str(kind), detail))

    def lag(self, seconds: float) -> None:
        self.lags.append(seconds)

    def gc_pause(self, seconds: float) -> None: ...

    def cpu(self, now: float, cpu_s: float, rss_kb: float = 0.0) -> None:
        self.cpus.append(now)

    def memory(self, *, before_kb: float | None = None, full_kb: float | None = None) -> None:
        self.full_kb = full_kb

    def not_dispatched(self, count: int) -> None:
        self.missed += count

    def snapshot(self, now: float) -> dict[str, Any]:
        online = len(self.online)
        return {
            "now_s": now,
            "planned": self.in_flight(),
            "calls": {},
            "connected": online,
            "booted": online,
        }

    @property
    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.errors]


@dataclass
class Bench:
    """One station, its link, and what surrounds it, on the running loop."""

    station: SmallStation
    link: Link
    shared: Surroundings
    watching: Watching

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop run until something is so; a test that hangs fails by itself."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.001)


def bench_for(
    port: int,
    *,
    timeout_s: float = 5.0,
    station: SmallStation | None = None,
    password: str | None = None,
    station_id: str = "CSW-a b/0001",
    max_message_bytes: int = 2**20,
    tls: Tls | None = None,
    deflate: int | None = None,
) -> Bench:
    began = time.perf_counter()
    watching = Watching()
    shared = Surroundings(
        clock=lambda: time.perf_counter() - began,
        deadlines=Deadlines(1),
        rules=DialRules(Address(socket.AF_INET, ("127.0.0.1", port)), timeout_s),
        upgrade=Upgrade(
            parse_target(f"{'ws' if tls is None else 'wss'}://127.0.0.1:{port}/ocpp"),
            max_message_bytes=max_message_bytes,
            deflate=deflate,
        ),
        watcher=watching,
        tls=tls,
    )
    chosen = SmallStation() if station is None else station
    return Bench(chosen, Link(0, station_id, password, chosen, shared), shared, watching)


@pytest.fixture
def bench() -> Callable[..., Bench]:
    return bench_for


@pytest.fixture
def small_station() -> type[SmallStation]:
    return SmallStation


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture(params=["asyncio", "uvloop"])
def play(request: pytest.FixtureRequest) -> Iterator[Callable[[Awaitable[None]], None]]:
    """Runs a coroutine on the loop named, and fails on exceptions that nobody awaited."""
    factory = None
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    problems: list[dict[str, Any]] = []

    def run(work: Awaitable[None]) -> None:
        async def whole() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, c: problems.append(c))
            await work

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(whole())

    yield run
    assert problems == []


@pytest.fixture
def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
