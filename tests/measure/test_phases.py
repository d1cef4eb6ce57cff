"""What was measured, told apart by phase; what a shard holds of phases that are over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.measure.errors import ErrorKind
from simulator.measure.histogram import SLOTS, Histogram
from simulator.measure.keys import Kind
from simulator.measure.measurement import merge
from simulator.measure.phases import part
from simulator.measure.recorder import SETTLE_S, Recorder
from simulator.measure.validity import check
from simulator.station.ports import CallOutcome

ACTIONS = ("Heartbeat", "MeterValues", "StatusNotification", "Authorize", "StopTransaction")
PHASES = tuple((60.0 * n, f"measure-{n}") for n in range(101))


@given(st.lists(st.tuples(st.floats(0, 3000), st.booleans()), max_size=60))
def test_a_packed_histogram_is_the_same_histogram(values):
    plain, packed = Histogram(), Histogram()
    for seconds, pack in values:
        plain.record(seconds)
        packed.record(seconds)
        if pack:
            packed.pack()
    packed.pack()
    assert packed == plain
    assert [packed.percentile(p) for p in (1, 50, 99, 100)] == [
        plain.percentile(p) for p in (1, 50, 99, 100)
    ]
    more = Histogram()
    more.add(packed)
    more.add(plain)
    assert more.n == 2 * len(values)


def test_after_a_hundred_phases_a_shard_holds_little_more_than_one_phase(play):
    """Five messages, slow answers: dense, the series of 100 phases would take over 50 MB."""
    recorder = Recorder(ACTIONS, 1, PHASES)
    held, series = [], []
    for number, (start, _) in enumerate(PHASES[:-1]):
        for k in range(60):
            for action in ACTIONS:
                play(recorder, action, due=start + k, queue=0.01 * k, service=20.0 + 0.1 * k)
        recorder.snapshot(start + 59.0)
        held.append(recorder.held_bytes)
        series.append(recorder.series)
        assert number == 0 or series[-1] > series[-2]
    dense = series[-1] * 8 * SLOTS
    assert dense > 50e6
    one = held[0]
    # What a phase leaves behind is its slots that are not empty: no more than its values.
    a_phase = (held[-1] - one) / 99
    assert a_phase < 12_000 and held[-1] < one + 1.2e6
    assert held[-1] < dense / 25


def test_a_call_that_ends_after_its_phase_is_counted_there_and_packed_again(play):
    recorder = Recorder(ACTIONS, 1, PHASES)
    recorder.call_planned(0, "Heartbeat", 30.0, 1)
    for start, _ in PHASES[1:20]:
        play(recorder, due=start + 1.0)
        recorder.snapshot(start + 2.0)
    before = recorder.held_bytes
    play(recorder, due=30.0, service=1170.0, plan=False)
    recorder.snapshot(1200.5)
    recorder.snapshot(1260.5)
    assert recorder.held_bytes < before + 1000
    result = merge([recorder.result(1300.0, record_s=0.0)])
    late = part(result.shards[0], ["measure-0"], 0.0, 60.0)
    assert late.select(Kind.RESPONSE).max_us == 1_170_000_000
    assert late.planned.sum() == late.outcomes.sum() == 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(ACTIONS),
            st.floats(0, 599),
            st.sampled_from([o for o in CallOutcome if o is not CallOutcome.SKIPPED]),
        ),
        min_size=1,
        max_size=80,
    )
)
def test_the_parts_of_a_run_add_up_to_it(play, rows):
    recorder = Recorder(ACTIONS, 1, PHASES[:10])
    for action, due, outcome in rows:
        play(recorder, action, outcome, due=due)
    shard = recorder.result(700.0, record_s=0.0)
    parts = [part(shard, [name], start, start + 60.0) for start, name in PHASES[:10]]
    assert sum(p.planned for p in parts).tolist() == shard.planned.tolist()
    assert sum(p.outcomes for p in parts).tolist() == shard.outcomes.tolist()
    whole = merge([shard])
    for kind in Kind:
        assert merge(parts).select(kind) == whole.select(kind)


def test_errors_and_steps_of_connections_belong_to_the_phase_in_which_they_happen(play):
    recorder = Recorder(ACTIONS, 1, PHASES[:3])
    recorder.snapshot(5.0)
    recorder.connect_step("tcp", 0.001)
    recorder.lag(0.002)
    recorder.error(0, ErrorKind.TCP_REFUSED, "nobody", 10.0)
    recorder.snapshot(61.0)
    recorder.connect_step("tcp", 0.003)
    recorder.connect_step("tcp", 0.004)
    recorder.gc_pause(0.05)
    recorder.cpu(62.0, 1.0)
    shard = recorder.result(180.0, record_s=0.0)
    first, second, third = (part(shard, [name], start, start + 60) for start, name in PHASES[:3])
    assert [p.connect["tcp"].n for p in (first, second, third)] == [1, 2, 0]
    assert [p.loop_lag.n for p in (first, second, third)] == [1, 0, 0]
    assert [p.errors.count() for p in (first, second, third)] == [1, 0, 0]
    rows = {row.name: row.ok for row in check(merge([second]))}
    assert not rows["gc_pause_max"]
    assert len(second.cpu) == 1


def test_a_phase_is_told_once_when_it_is_over(play):
    recorder = Recorder(ACTIONS, 1, PHASES[:4])
    play(recorder, due=3.0)
    play(recorder, due=70.0)
    assert recorder.finished_phases(60.0 + SETTLE_S / 2) == []
    (first,) = recorder.finished_phases(60.0 + SETTLE_S)
    assert first.select(Kind.RESPONSE).n == 1 and first.ended_s == 60.0
    assert recorder.finished_phases(100.0) == []
    assert [p.select(Kind.RESPONSE).n for p in recorder.finished_phases(500.0)] == [1, 0]


def test_a_measurement_that_was_not_told_apart_has_no_parts():
    shard = replace(Recorder((), 1).result(1.0, record_s=0.0), by_phase=None)
    with pytest.raises(ValueError, match="not measured by phase"):
        part(shard, ["run"], 0.0, 1.0)


def test_each_call_ends_once_so_that_nothing_is_left_waiting(play):
    recorder = Recorder(ACTIONS, 1, PHASES[:1])
    for number in range(5):
        play(recorder, due=float(number))
    assert merge([recorder.result(20.0, record_s=0.0)]).backlog()[-1] == 0
