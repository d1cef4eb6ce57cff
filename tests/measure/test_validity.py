from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.measure.measurement import CpuSample, Measurement, merge
from simulator.measure.recorder import Recorder
from simulator.measure.validity import Limits, ValidityRow, check, longest_busy_s
from simulator.station.ports import CallOutcome


def healthy(play, shard: int = 0, **call) -> Recorder:
    recorder = Recorder((), 1, shard=shard)
    for number in range(400):
        play(recorder, due=number / 10, **call)
    for second in range(61):
        recorder.cpu(float(second), second * 0.3)
        recorder.lag(0.001)
    recorder.gc_pause(0.005)
    return recorder


def rows(measurement: Measurement, limits: Limits | None = None) -> dict[str, ValidityRow]:
    return {row.name: row for row in check(measurement, limits)}


def test_a_healthy_generator_is_valid(play, measured) -> None:
    found = rows(measured(healthy(play)))
    assert all(row.ok for row in found.values())
    assert list(found) == [
        "generator_wait_p99",
        "loop_lag_p99",
        "connect_late_p99",
        "sends_achieved",
        "cpu_busy",
        "gc_pause_max",
        "throttled",
        "steal",
        "local_errors",
        "record_cost",
        "calls_add_up",
    ]


def test_a_storm_that_the_generator_blunts_is_invalid(play, measured) -> None:
    recorder = healthy(play)
    for number in range(300):
        recorder.connect_step("late", number * 0.01)
    row = rows(measured(recorder))["connect_late_p99"]
    assert not row.ok
    assert row.measured == pytest.approx(2960, rel=1e-2)


def test_generator_wait_over_5_ms_is_invalid(play, measured) -> None:
    row = rows(measured(healthy(play, queue=0.006, service=0.010)))["generator_wait_p99"]
    assert not row.ok
    assert (row.limit, row.unit) == (5.0, "ms")
    assert row.measured == pytest.approx(6, rel=1e-3)


def test_generator_wait_may_be_5_percent_of_a_slow_service(play, measured) -> None:
    row = rows(measured(healthy(play, queue=0.040, service=1.0)))["generator_wait_p99"]
    assert row.ok
    assert row.limit == pytest.approx(50, rel=1e-3)


@pytest.mark.parametrize("blame", [{"protocol": 3.0}, {"wait": 3.0}])
def test_waits_that_are_not_ours_do_not_count(play, measured, blame) -> None:
    found = rows(measured(healthy(play, queue=3.0, **blame)))
    assert found["generator_wait_p99"].ok
    assert found["generator_wait_p99"].measured == 0


def test_loop_lag_over_10_ms_is_invalid_and_no_probe_at_all_too(play, measured) -> None:
    recorder = healthy(play)
    recorder.lag(0.050)
    row = rows(measured(recorder))["loop_lag_p99"]
    assert (row.ok, row.measured) == (False, pytest.approx(50, rel=1e-3))
    blind = rows(measured(Recorder((), 1)))["loop_lag_p99"]
    assert (blind.ok, blind.measured) == (False, None)
    assert "never ran" in blind.why


def test_calls_that_the_generator_kept_back_count_as_not_sent(play, measured) -> None:
    recorder = healthy(play)
    for _ in range(9):
        play(recorder, outcome=CallOutcome.CENSORED, written=False, queue=2.0, service=0.0)
    row = rows(measured(recorder))["sends_achieved"]
    assert (row.ok, row.measured) == (False, pytest.approx(400 / 409))
    assert "400 of 409" in row.why


@pytest.mark.parametrize(
    "call",
    [
        {"outcome": CallOutcome.CENSORED, "protocol": 1.9},
        {"outcome": CallOutcome.CONNECTION_LOST, "wait": 1.9},
        {"outcome": CallOutcome.SKIPPED},
    ],
)
def test_calls_that_something_else_kept_back_do_not(play, measured, call) -> None:
    recorder = healthy(play)
    for _ in range(50):
        play(recorder, written=False, queue=2.0, service=0.0, **call)
    assert rows(measured(recorder))["sends_achieved"].measured == 1


def test_messages_of_the_plan_that_the_shard_never_got_to_count(play, measured) -> None:
    recorder = healthy(play)
    recorder.not_dispatched(100)
    row = rows(measured(recorder))["sends_achieved"]
    assert (row.ok, row.measured) == (False, 0.8)


def test_a_busy_processor_is_invalid_only_when_it_lasts(play, measured) -> None:
    for seconds, ok in ((5, True), (6, False)):
        recorder = healthy(play)
        at, used = recorder.cpu_samples[-1].at_s, recorder.cpu_samples[-1].cpu_s
        for step in range(1, seconds + 1):
            recorder.cpu(at + step, used + 0.9 * step)
        row = rows(measured(recorder))["cpu_busy"]
        assert (row.ok, row.measured) == (ok, pytest.approx(seconds))


def test_the_longest_busy_time_is_broken_by_a_quiet_second() -> None:
    used = [0.0, 0.9, 1.8, 2.0, 2.9, 3.8, 4.7]
    samples = [CpuSample(float(at), cpu, 0.0) for at, cpu in enumerate(used)]
    assert longest_busy_s(samples, 0.85) == 3
    assert longest_busy_s(samples[:1], 0.85) is None


def test_a_long_run_without_cpu_samples_is_invalid(play) -> None:
    recorder = Recorder((), 1)
    recorder.lag(0.0)
    assert not rows(merge([recorder.result(60.0, record_s=0.0)]))["cpu_busy"].ok
    assert rows(merge([recorder.result(3.0, record_s=0.0)]))["cpu_busy"].ok


def test_one_long_collection_is_invalid(play, measured) -> None:
    recorder = healthy(play)
    recorder.gc_pause(0.021)
    assert not rows(measured(recorder))["gc_pause_max"].ok


@pytest.mark.parametrize("kind", ["local_fd", "local_port"])
def test_one_local_error_is_invalid(play, measured, kind: str) -> None:
    recorder = healthy(play)
    recorder.error(0, kind, "", 1.0)
    recorder.error(0, "tcp_refused", "", 1.0)
    row = rows(measured(recorder))["local_errors"]
    assert (row.ok, row.measured) == (False, 1)


def test_a_costly_recorder_is_invalid(play) -> None:
    measurement = merge([healthy(play).result(60.0, record_s=0.01)])  # 400 calls, 18 s of CPU
    row = rows(measurement)["record_cost"]
    assert (row.ok, row.measured) == (False, pytest.approx(4 / 18))


def test_what_is_told_each_second_counts_as_recording(play) -> None:
    recorder = healthy(play)
    recorder.watched(6.0)
    row = rows(merge([recorder.result(100.0, record_s=1e-6)]))["record_cost"]
    assert not row.ok and row.measured == pytest.approx(400e-6 / 18.0 + 0.06)
    assert row.why.endswith("6 s for what is told each second")


def test_counts_that_do_not_add_up_are_invalid(play, measured) -> None:
    recorder = healthy(play)
    recorder.call_planned(0, "Authorize", 1.0, 1)
    row = rows(measured(recorder))["calls_add_up"]
    assert not row.ok
    assert "Authorize: 1 planned" in row.why


def test_the_worst_shard_decides(play, measured) -> None:
    late = healthy(play, shard=3, queue=0.5)
    found = rows(measured([healthy(play), late, healthy(play, shard=4)]))
    assert not found["generator_wait_p99"].ok
    assert found["generator_wait_p99"].why.startswith("shard 3")
    lazy = healthy(play, shard=7)
    lazy.not_dispatched(4)
    assert rows(measured([lazy, healthy(play)]))["sends_achieved"].why.startswith("shard 7")


def test_a_blind_shard_is_worse_than_a_healthy_one(play, measured) -> None:
    row = rows(measured([healthy(play), Recorder((), 1, shard=9)]))["loop_lag_p99"]
    assert not row.ok
    assert row.why.startswith("shard 9")


def test_limits_can_be_tuned(play, measured) -> None:
    result = measured(healthy(play, queue=0.006, service=0.010))
    assert rows(result, replace(Limits(), generator_wait_p99=0.010))["generator_wait_p99"].ok


def test_a_run_without_shards_is_invalid() -> None:
    assert [(row.name, row.ok) for row in check(merge([]))] == [("shards", False)]
