"""A shard in this very process: its words to the parent, and what becomes of a fault in it."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from simulator.live.connection import Upgrade
from simulator.live.dial import DialRules
from simulator.live.messages import Abort, Failed, Final, Ready, Snapshot, Start, Stop
from simulator.live.pipe import Outbox, PipeClosedError, read_message, write_message
from simulator.live.prepare import prepare, shard_specs
from simulator.live.shard import EXIT_FAILED, EXIT_OK, EXIT_ORPHANED, Shard, main
from simulator.live.target import Address, parse_target
from simulator.measure.measurement import merge
from simulator.scenario import load_scenario

CITY = Path(__file__).parents[2] / "scenarios" / "city-launch.toml"

pytestmark = pytest.mark.socket


@pytest.fixture(scope="module")
def prepared():
    scenario = load_scenario(CITY)
    return prepare(
        scenario,
        scenario.network(3),
        duration_s=4.0,
        trace=(),
        password=None,
        heartbeat_s=300.0,
    )


def spec_for(prepared, port: int, tmp_path: Path):
    (spec,) = shard_specs(
        prepared,
        upgrade=Upgrade(parse_target(f"ws://127.0.0.1:{port}/")),
        rules=DialRules(Address(socket.AF_INET, ("127.0.0.1", port)), 1.0),
        run_id="test",
        epoch_guess=time.time(),
        folder=tmp_path,
        drain_s=0.1,
    )
    return spec


class Parent:
    """The parent's ends of the two pipes, with a shard's ``main`` in a thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("simulator.live.shard.signal.signal", lambda *_: None)
        monkeypatch.setattr("simulator.live.shard.settle_memory", lambda: None)
        read, self.commands = os.pipe()
        self.results, write = os.pipe()
        self.code: list[int] = []

        def work() -> None:
            self.code.append(main(["--read", str(read), "--write", str(write)]))
            os.close(read)
            os.close(write)

        self.thread = threading.Thread(target=work)
        self.thread.start()

    def say(self, message: object) -> None:
        write_message(self.commands, message)

    def hear(self, kind: type) -> Any:
        while True:
            message = read_message(self.results)
            if isinstance(message, kind):
                return message
            assert isinstance(message, Snapshot)

    def hang_up(self) -> None:
        os.close(self.commands)

    def end(self) -> int:
        self.thread.join()
        os.close(self.results)
        return self.code[0]


def start_now() -> Start:
    return Start(time.perf_counter_ns(), time.time())


def test_ready_snapshots_and_the_final_result(prepared, tmp_path, closed_port, monkeypatch) -> None:
    parent = Parent(monkeypatch)
    parent.say(spec_for(prepared, closed_port, tmp_path))
    ready = parent.hear(Ready)
    assert ready.stations == 3 and ready.loop in ("uvloop", "asyncio")
    parent.say(start_now())
    assert parent.hear(Snapshot).values["expected"] == 3
    parent.say(Stop())
    final = parent.hear(Final)
    parent.hang_up()
    assert parent.end() == EXIT_OK
    assert final.measurement.station_ids == prepared.plans[0].ids
    assert merge([final.measurement]).identity_problems() == []
    assert set(final.measurement.errors.counts()) <= {"tcp_refused"}
    assert final.measurement.cpu and final.measurement.rss_before_kb is not None


def test_an_abort_before_the_start_is_the_end(prepared, tmp_path, closed_port, monkeypatch) -> None:
    parent = Parent(monkeypatch)
    parent.say(spec_for(prepared, closed_port, tmp_path))
    parent.hear(Ready)
    parent.say(Abort())
    assert parent.thread.join(30) is None
    parent.hang_up()
    assert parent.end() == EXIT_OK


def test_a_parent_that_is_gone_ends_the_shard(prepared, tmp_path, closed_port, monkeypatch) -> None:
    parent = Parent(monkeypatch)
    parent.say(spec_for(prepared, closed_port, tmp_path))
    parent.hear(Ready)
    parent.hang_up()
    assert parent.end() == EXIT_ORPHANED


def test_a_parent_that_goes_in_the_middle_ends_the_shard_too(
    prepared, tmp_path, closed_port, monkeypatch
) -> None:
    parent = Parent(monkeypatch)
    parent.say(spec_for(prepared, closed_port, tmp_path))
    parent.hear(Ready)
    parent.say(start_now())
    parent.hear(Snapshot)
    parent.hang_up()
    parent.hear(Final)
    assert parent.end() == EXIT_OK


def test_something_that_is_no_spec_is_a_failure_with_its_trace(monkeypatch) -> None:
    parent = Parent(monkeypatch)
    parent.say("hello")
    failed = parent.hear(Failed)
    parent.hang_up()
    assert parent.end() == EXIT_FAILED
    assert failed.reason == "TypeError: expected ShardSpec, got str"
    assert "Traceback" in failed.trace


def test_a_fault_of_our_own_is_a_failed_shard_not_a_quiet_one(
    prepared, tmp_path, closed_port, monkeypatch
) -> None:
    def broken(self: object, now: float, reason: str) -> None:
        raise RuntimeError("a bug in the station")

    monkeypatch.setattr("simulator.fleet.virtual.VirtualStation.disconnected", broken)
    parent = Parent(monkeypatch)
    parent.say(spec_for(prepared, closed_port, tmp_path))
    parent.hear(Ready)
    parent.say(start_now())
    failed = parent.hear(Failed)
    parent.hang_up()
    assert parent.end() == EXIT_FAILED
    assert failed.reason == "RuntimeError: a bug in the station"


def test_clocks_are_set_to_the_real_t0(prepared, tmp_path, closed_port, monkeypatch) -> None:
    monkeypatch.setattr("simulator.live.shard.settle_memory", lambda: None)
    shard = Shard(spec_for(prepared, closed_port, tmp_path))
    read, write = os.pipe()
    results, out = os.pipe()
    write_message(write, Abort())
    start = Start(time.perf_counter_ns(), 1_800_000_000.0)
    final = asyncio.run(shard.run(start, read, Outbox(out)))
    assert isinstance(final, Final)
    assert {station.station.clock_zero for station in shard._stations} == {1_800_000_000.0}
    for fd in (read, write, results, out):
        os.close(fd)


def test_reading_from_nobody_is_said() -> None:
    read, write = os.pipe()
    os.close(write)
    with pytest.raises(PipeClosedError):
        read_message(read)
    os.close(read)
