"""The recorder watching a real station: its books balance, and no wait is put down to us."""

from __future__ import annotations

import json
from math import inf

import pytest

from simulator.fleet.ledger import Ledger
from simulator.measure.keys import Kind
from simulator.measure.measurement import Measurement, merge
from simulator.measure.recorder import Recorder
from simulator.station import clock
from simulator.station.effects import Close, Connect, Send
from simulator.station.ports import EvState
from simulator.station.settings import Identity, Settings
from simulator.station.station import Station
from simulator.station.v16 import TABLE

EPOCH = clock.parse("2026-06-01T06:00:00Z")
SERVICE_S = 0.25


class Meter:
    def register_wh(self, now: float, evse: int) -> float:
        return 1000.0 + now

    def power_w(self, now: float, evse: int) -> float:
        return 3600.0

    def current_a(self, now: float, evse: int) -> float:
        return 16.0

    def lines_a(self, now: float, evse: int) -> tuple[float, ...]:
        return (16.0, 16.0, 16.0)

    def voltage_v(self, now: float, evse: int) -> float:
        return 230.0

    def phases(self, now: float, evse: int) -> int:
        return 3

    def soc_percent(self, now: float, evse: int) -> float:
        return 50.0

    def drawing(self, now: float, evse: int) -> EvState:
        return EvState.CHARGING

    def energise(self, now: float, evse: int) -> None: ...

    def release(self, now: float, evse: int) -> None: ...

    def limit(self, now: float, evse: int, watts: float, lines: int, phase: int = 0) -> None: ...


class Draws:
    def uniform(self) -> float:
        return 0.5

    def below(self, n: int) -> int:
        return n // 2


class World:
    """One station, a CSMS that answers everything after ``SERVICE_S``, and a virtual clock."""

    def __init__(self, **settings: object) -> None:
        self.ledger = Ledger()
        self.recorder = Recorder((), 1, station_ids=("CSW-1",), ledger=self.ledger)
        who = Identity("CSW-1", "Vendor", "Model", "SN", "1.0", 1)
        self.station = Station(
            0, who, TABLE, Settings("t", **settings), Meter(), Draws(), self.recorder, EPOCH
        )
        self.now, self.online, self.silent, self.refuse = 0.0, False, False, False
        self.coming: list[tuple[float, bytes]] = []
        self.station.start(0.0)
        self.perform()

    def perform(self) -> None:
        while effects := self.station.take_effects():
            for effect in effects:
                if isinstance(effect, Connect) and not self.refuse:
                    self.online = True
                    self.recorder.connected(0, self.now)
                    self.station.connected(self.now)
                elif isinstance(effect, Close | Connect):
                    self.drop()
                elif isinstance(effect, Send) and effect.call:
                    self.station.written(self.now)
                    if not self.silent:
                        self.coming.append((self.now + SERVICE_S, self.answer(effect.data)))

    def answer(self, data: bytes) -> bytes:
        _, mid, action, _ = json.loads(data)
        payload = {
            "BootNotification": {
                "status": "Accepted",
                "currentTime": clock.iso(EPOCH + self.now),
                "interval": 60,
            },
            "Heartbeat": {"currentTime": clock.iso(EPOCH + self.now)},
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "StartTransaction": {"transactionId": 7, "idTagInfo": {"status": "Accepted"}},
        }.get(action, {})
        return json.dumps([3, mid, payload]).encode()

    def drop(self) -> None:
        self.online = False
        self.coming.clear()
        self.recorder.disconnected(0, self.now)
        self.station.disconnected(self.now, "gone")

    def run(self, until: float) -> None:
        while True:
            arrives = self.coming[0][0] if self.coming else inf
            at = min(self.station.next_deadline, arrives)
            if at > until:
                self.now = until
                return
            self.now = max(self.now, at)
            if arrives <= at:
                self.station.receive(self.now, self.coming.pop(0)[1])
            else:
                self.station.wake(self.now)
            self.perform()

    def do(self, what: str, *args: object) -> None:
        getattr(self.station, what)(self.now, *args)
        self.perform()

    def finish(self) -> Measurement:
        self.station.finish(self.now)
        return merge([self.recorder.result(self.now, record_s=0.0)])


def test_a_day_in_the_life_adds_up() -> None:
    world = World()
    world.run(10.0)
    world.do("plug_in", 1)
    world.do("present_token", 1, "CSWTOKEN")
    world.run(200.0)
    world.do("present_token", 1, "CSWTOKEN")
    world.do("unplug", 1)
    world.run(400.0)
    result = world.finish()
    assert result.identity_problems() == []
    calls = result.calls()
    assert (calls.answered, calls.failed, calls.censored) == (calls.planned, 0, 0)
    answered = {a: c.answered for a, c in result.calls_by_action().items()}
    assert (answered["StartTransaction"], answered["StopTransaction"]) == (1, 1)
    assert result.select(Kind.SERVICE).min_us == pytest.approx(SERVICE_S * 1e6, abs=1)
    assert result.select(Kind.SERVICE).max_us == pytest.approx(SERVICE_S * 1e6, abs=1)
    # Several messages fall due at once: all but the first wait for the CSMS, none for us.
    assert result.select(Kind.QUEUE_PROTOCOL).max_us >= SERVICE_S * 1e6
    assert result.select(Kind.QUEUE_GENERATOR).max_us <= 1
    assert result.select(Kind.DELAYED).n == 0
    assert world.ledger.counts().unacknowledged == 0
    assert (result.shards[0].connected, result.shards[0].booted) == (1, 1)


def test_a_transaction_that_ends_offline_is_delayed_by_the_scenario() -> None:
    world = World()
    world.run(10.0)
    world.do("plug_in", 1)
    world.do("present_token", 1, "CSWTOKEN")
    world.run(60.0)
    world.refuse = True
    world.drop()
    world.perform()
    world.run(70.0)
    world.do("unplug", 1)
    world.run(130.0)
    world.refuse = False
    world.run(600.0)
    result = world.finish()
    assert result.identity_problems() == []
    assert world.ledger.counts().unacknowledged == 0
    delayed = result.select(Kind.DELAYED, "StopTransaction")
    assert delayed.n == 1
    assert delayed.max_us >= 60e6
    assert result.select(Kind.QUEUE_STATION, "StopTransaction").max_us >= 59e6
    assert result.select(Kind.QUEUE_GENERATOR).max_us <= 1
    assert result.shards[0].not_sent == 0


def test_a_csms_that_falls_silent_leaves_timeouts_and_censored_calls() -> None:
    world = World()
    world.run(10.0)
    world.silent = True
    world.do("plug_in", 1)
    world.do("present_token", 1, "CSWTOKEN")
    world.run(50.0)
    result = world.finish()
    assert result.identity_problems() == []
    calls = result.calls()
    assert calls.timeout >= 1
    assert calls.censored + calls.skipped >= 1
    assert result.select(Kind.RESPONSE).max_us >= 30e6
    assert result.errors.counts()["call_timeout"] == calls.timeout
    assert result.shards[0].not_sent == 0
