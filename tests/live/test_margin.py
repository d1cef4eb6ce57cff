"""What a plan asks of the generator in its busiest moment, against what this machine can do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulator.live import calibrated
from simulator.live.calibrated import Calibration, cache_file, margin_note, remember, remembered
from simulator.live.ceiling import Ceiling, judged
from simulator.live.margin import Load, around, loads, margin
from simulator.live.prepare import prepare
from simulator.measure.detail import Detail
from simulator.measure.recorder import Recorder
from simulator.scenario import load_scenario
from simulator.station.ports import CallOutcome

PREPARED: Any = SimpleNamespace(
    scenario=load_scenario("city-launch"), start_epoch=lambda earliest_s: earliest_s
)
CEILING = Ceiling(500, 1000.0, 22_000.0, 25_000.0, 20_000.0, ())


def load(calls: list[float], connects: list[float] | None = None, shard: int = 0) -> Load:
    none = np.zeros(len(calls))
    return Load(shard, 0.1, np.array(calls), none if connects is None else np.array(connects))


def test_a_herd_counts_in_its_100_ms_and_not_in_the_mean() -> None:
    herd = margin([load([0.0, 100.0, 30_000.0, 100.0])], CEILING, 2)
    assert herd.used == pytest.approx(1.5) and herd.at_s == pytest.approx(0.2) and not herd.ok
    assert (herd.needed, herd.peak_calls) == (2, 30_000.0)
    assert "150%" in herd.text and "30000 calls/s in its busiest 100 ms" in herd.text
    assert herd.advice.startswith("live.shards = 2 would do")
    assert margin([load([7_500.0] * 4)], CEILING, 2).used == pytest.approx(0.375)


def test_connections_and_calls_share_the_processor() -> None:
    both = margin([load([10_000.0, 0.0], [600.0, 900.0])], CEILING, 1)
    assert both.used == pytest.approx(1.1) and both.at_s == 0.0 and both.peak_connects == 900.0


def test_the_worst_shard_decides_and_shards_beyond_the_cores_share_them() -> None:
    shards = [load([2_000.0]), load([8_000.0], shard=1)]
    assert margin(shards, CEILING, 2).shard == 1
    assert margin(shards, CEILING, 2).used == pytest.approx(0.4)
    crowded = margin(shards, CEILING, 1)
    assert crowded.used == pytest.approx(0.8) and crowded.ok


def test_more_than_the_machine_has_is_said_to_be() -> None:
    asked = margin([load([90_000.0])], CEILING, 1)
    assert asked.needed == 5 and "5 processes with a core each and this machine has 1" in (
        asked.advice
    )


def test_connections_are_counted_over_the_second_before() -> None:
    due = np.array([0.0] * 50 + [0.95] * 30 + [1.25] * 20 + [np.inf])
    counts = around(due, 0.1, 30)
    assert counts[9] == pytest.approx(80) and counts[10] == pytest.approx(30)
    assert counts[12] == pytest.approx(50) and counts[-1] == 0.0
    assert around(due, 1.0, 3).tolist() == [80.0, 20.0, 0.0]


def test_the_steps_of_a_plan_hold_every_call_that_is_foretold() -> None:
    scenario = load_scenario("city-launch")
    prepared = prepare(
        scenario,
        scenario.network(30),
        duration_s=20.0,
        trace="",
        password=None,
        heartbeat_s=None,
    )
    found = loads(prepared, 0.0)
    foretold = prepared.predict(0.0)
    assert len(found) == len(prepared.plans) and found[0].step_s == 0.1
    calls = sum(float(row.calls.sum()) for row in found) * 0.1
    assert calls == pytest.approx(foretold.series.sum())
    assert sum(float(row.connects.sum()) for row in found) * 0.1 == pytest.approx(30)
    assert found[0].peak_calls >= foretold.series.sum(axis=1).max()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_calibration_is_remembered_for_this_machine_and_version(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remembered() is None
    steps = ({"asked_per_s": 9.0, "valid": 1.0},)
    found = Calibration(replace(CEILING, steps=steps), "2026-01-01 10:00 UTC", 0.5)
    assert remember(found) and remembered() == found
    assert "20000 calls/s sent validly" in found.text and "load 0.5 before" in found.text
    idle = replace(found, ceiling=replace(CEILING, calls_per_s=0.0, steps=steps))
    assert remember(idle) and remembered() is None
    assert idle.text.startswith("not even 9 calls/s could be sent validly")
    cache_file().write_text("{}")
    assert remembered() is None
    remember(found)
    monkeypatch.setattr(calibrated, "versions", lambda: {"chargeswarm": "another"})
    assert remembered() is None


def test_a_cache_that_cannot_be_written_is_no_error(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache / "file"))
    assert not remember(Calibration(CEILING, "", None)) and remembered() is None


def test_a_run_tells_its_margin_only_where_there_is_a_calibration(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrated, "loads", lambda *_: [load([5_000.0])])
    assert margin_note(PREPARED, embedded=False) is None
    remember(Calibration(CEILING, "2026-01-01 10:00 UTC", None))
    told = margin_note(PREPARED, embedded=False)
    assert told is not None and told.startswith("generator: 25% of what this machine sends")
    assert told.endswith("calibrated 2026-01-01 10:00 UTC")
    monkeypatch.setattr(calibrated, "loads", lambda *_: [load([50_000.0])])
    told = margin_note(PREPARED, embedded=False)
    assert told is not None and "will hardly be valid" in told


def stepped(late_s: float, lag_s: float, calls: int = 1000) -> tuple[Detail, Detail]:
    recorder = Recorder((), 1)
    before = recorder.detail(1.0)
    for number in range(calls):
        due = 1.0 + number / calls
        recorder.call_planned(0, "MeterValues", due, 1)
        slow = late_s if number >= calls - calls // 50 else 0.0
        times = (due, due + slow, due + slow + 0.001, 0.0, 0.0)
        recorder.call_finished(0, "MeterValues", CallOutcome.ANSWERED, *times, "")
    for _ in range(20):
        recorder.lag(lag_s)
    return before, recorder.detail(2.0)


@pytest.mark.parametrize(
    ("late_s", "lag_s", "asked", "used_s", "valid"),
    [
        (0.0, 0.001, 1000.0, 0.5, True),
        (0.006, 0.001, 1000.0, 0.5, False),
        (0.0, 0.011, 1000.0, 0.5, False),
        (0.0, 0.001, 1100.0, 0.5, False),
        (0.0, 0.001, 1000.0, 0.9, False),
    ],
)
def test_a_rate_is_valid_by_the_rules_of_a_run(
    late_s: float, lag_s: float, asked: float, used_s: float, valid: bool
) -> None:
    step = judged(asked, *stepped(late_s, lag_s), 1.0, used_s)
    assert bool(step["valid"]) is valid and step["written_per_s"] == 1000.0
    assert json.dumps(step)
