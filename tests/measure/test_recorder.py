from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.measure.buffer import FINISHED, FINISHED_TYPE, PLANNED, PLANNED_TYPE
from simulator.measure.cost import self_cost
from simulator.measure.histogram import Histogram, lower_edge, upper_edge
from simulator.measure.keys import Kind, SeriesKey
from simulator.measure.measurement import Measurement, merge, needed
from simulator.measure.progress import combine
from simulator.measure.recorder import BLOCK, Recorder
from simulator.station.ports import CallOutcome, Observer

PHASES = ((0.0, "connect"), (30.0, "measure"), (90.0, "cooldown"))
NAN = float("nan")


def ms(measurement: Measurement, kind: Kind, action: str = "*") -> list[int]:
    """Every value of a series by the middle of its slot, in whole ms."""
    slots, counts = measurement.select(kind, action).nonzero()
    middles = [round((lower_edge(s) + upper_edge(s)) / 2000) for s in slots.tolist()]
    return [ms for ms, count in zip(middles, counts, strict=True) for _ in range(count)]


def test_the_recorder_is_an_observer() -> None:
    observer: Observer = Recorder(("Heartbeat",), 1)
    assert isinstance(observer, Recorder)


def test_the_packed_records_have_the_layout_that_numpy_reads() -> None:
    assert PLANNED.size == PLANNED_TYPE.itemsize
    assert FINISHED.size == FINISHED_TYPE.itemsize


def test_response_service_and_queue_are_told_apart(play, measured) -> None:
    recorder = Recorder(("MeterValues",), 1)
    play(recorder, "MeterValues", queue=0.5, protocol=0.25, wait=0.125, service=1.0)
    result = measured(recorder)
    assert ms(result, Kind.RESPONSE) == [1500]
    assert ms(result, Kind.SERVICE) == [1000]
    assert ms(result, Kind.QUEUE) == [500]
    assert ms(result, Kind.QUEUE_PROTOCOL) == [250]
    assert ms(result, Kind.QUEUE_STATION) == [125]
    assert ms(result, Kind.QUEUE_GENERATOR) == [125]
    assert ms(result, Kind.DELAYED) == [1500]


def test_a_call_that_never_waited_at_its_station_is_not_delayed(play, measured) -> None:
    recorder = Recorder((), 1)
    play(recorder, queue=0.5, protocol=0.5)
    assert ms(measured(recorder), Kind.DELAYED) == []


def test_a_timeout_enters_response_at_its_age_and_is_counted(play, measured) -> None:
    recorder = Recorder((), 1)
    play(recorder)
    play(recorder, outcome=CallOutcome.TIMEOUT, service=30.0)
    result = measured(recorder)
    response = result.select(Kind.RESPONSE)
    assert (response.n, response.max_us) == (2, 30_000_000)
    assert result.calls().timeout == 1
    assert result.errors.counts() == {"call_timeout": 1}


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (CallOutcome.CALLERROR, Kind.ERROR_RESPONSE),
        (CallOutcome.CONNECTION_LOST, Kind.LOST),
        (CallOutcome.CENSORED, Kind.CENSORED),
    ],
)
def test_latencies_of_errors_do_not_mix_with_those_of_answers(
    play, measured, outcome: CallOutcome, kind: Kind
) -> None:
    recorder = Recorder((), 1)
    play(recorder)
    play(recorder, outcome=outcome, service=0.001)
    result = measured(recorder)
    assert result.select(Kind.RESPONSE).n == 1
    assert result.select(Kind.SERVICE).n == 1
    assert ms(result, kind) == [1]
    assert result.select(Kind.QUEUE).n == 2  # written, so its queue time is known


def test_a_censored_call_is_reported_with_its_age(play, measured) -> None:
    recorder = Recorder((), 1)
    play(
        recorder, outcome=CallOutcome.CENSORED, written=False, queue=3.0, service=0.0, protocol=3.0
    )
    play(recorder, outcome=CallOutcome.CENSORED, queue=1.0, service=1.0, protocol=1.0)
    result = measured(recorder)
    assert ms(result, Kind.CENSORED) == pytest.approx([2000, 3000], abs=2)
    assert ms(result, Kind.CENSORED_SERVICE) == [1000]
    assert ms(result, Kind.CENSORED_QUEUE) == pytest.approx([3000], abs=2)
    assert result.select(Kind.QUEUE).n == 1


def test_a_skipped_call_is_counted_with_its_reason_and_has_no_latency(play, measured) -> None:
    recorder = Recorder((), 1)
    play(recorder, outcome=CallOutcome.SKIPPED, written=False, detail="replaced")
    result = measured(recorder)
    assert result.calls().skipped == 1
    assert result.histograms == {}
    assert result.shards[0].skipped == {("Heartbeat", "replaced"): 1}


def test_a_call_belongs_to_the_phase_of_its_due_time(play, measured) -> None:
    recorder = Recorder((), 1, PHASES)
    for due in (-1.0, 0.0, 29.9, 30.0, 89.0, 200.0):
        play(recorder, due=due, service=70.0)
    histograms = measured(recorder).histograms
    by_phase = {key.phase: h.n for key, h in histograms.items() if key.kind is Kind.RESPONSE}
    assert by_phase == {"connect": 3, "measure": 2, "cooldown": 1}
    assert measured(recorder).select(Kind.RESPONSE, skip_phases=("connect", "cooldown")).n == 2


def test_series_are_told_apart_by_the_version_of_the_station(play, measured) -> None:
    recorder = Recorder((), 2, versions=("1.6", "2.0.1"))
    play(recorder, station=0)
    play(recorder, station=1)
    play(recorder, station=1)
    found = {
        k.version: h.n for k, h in measured(recorder).histograms.items() if k.kind == "service"
    }
    assert found == {"1.6": 1, "2.0.1": 2}


def test_a_call_of_the_csms_is_measured_as_our_turnaround(measured) -> None:
    recorder = Recorder((), 1, PHASES)
    recorder.call_served(0, "RemoteStartTransaction", 40.0, 40.002, "")
    recorder.call_served(0, "Foo", 40.0, 40.001, "NotImplemented")
    result = measured(recorder)
    key = SeriesKey("RemoteStartTransaction", "csms", "1.6", "measure", Kind.SERVICE)
    assert result.histograms[key].max_us == 2000
    assert result.select(Kind.SERVICE).n == 0  # not among the stations' own calls
    assert result.shards[0].served == {
        ("RemoteStartTransaction", ""): 1,
        ("Foo", "NotImplemented"): 1,
    }
    assert result.messages_by_second()["Foo", "csms"][40] == 1


def test_messages_are_counted_per_station_and_action(play, measured) -> None:
    recorder = Recorder(("Heartbeat",), 3, station_ids=("a", "b", "c"))
    play(recorder, station=2)
    play(recorder, "Authorize", station=1, outcome=CallOutcome.TIMEOUT)
    play(recorder, "Authorize", station=1, attempt=2)
    result = measured(recorder)
    ids, actions, answered = result.station_counts("answered")
    assert (ids, actions) == (("a", "b", "c"), ("Authorize", "Heartbeat"))
    assert answered.tolist() == [[0, 0], [1, 0], [0, 1]]
    assert result.station_counts("logical")[2].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert result.calls_by_action()["Authorize"].planned == 2


def test_the_counts_add_up_on_a_sound_run(play, measured) -> None:
    recorder = Recorder((), 1)
    for outcome in CallOutcome:
        play(recorder, outcome=outcome)
    result = measured(recorder)
    assert result.calls().as_dict() == {
        "planned": 6,
        "answered": 1,
        "callerror": 1,
        "timeout": 1,
        "connection_lost": 1,
        "censored": 1,
        "skipped": 1,
    }
    assert result.identity_problems() == []


def test_a_call_that_was_planned_and_never_ended_is_named(play, measured) -> None:
    recorder = Recorder((), 1)
    play(recorder, "Heartbeat")
    recorder.call_planned(0, "StopTransaction", 1.0, 1)
    (problem,) = measured(recorder).identity_problems()
    assert problem.startswith("StopTransaction: 1 planned, but 0 answered")


def test_a_call_that_ended_without_being_planned_is_named(play, measured) -> None:
    recorder = Recorder((), 1)
    play(recorder, plan=False)
    (problem,) = measured(recorder).identity_problems()
    assert problem.startswith("Heartbeat: 0 planned, but 1 answered") and problem.endswith("= 1")


def test_a_lost_latency_is_named(play, measured) -> None:
    recorder = Recorder((), 1)
    play(recorder)
    shard = recorder.result(1.0, record_s=0.0)
    for key in [key for key in shard.histograms if key.kind is Kind.RESPONSE]:
        shard.histograms[key] = Histogram()
    (problem,) = merge([shard]).identity_problems()
    assert "0 response times for 1 answered" in problem


outcomes = st.sampled_from(list(CallOutcome))
calls = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["Heartbeat", "Authorize", "MeterValues"]),
        outcomes,
        st.floats(0, 120),
        st.floats(0, 5),
        st.floats(0, 40),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=50, deadline=None)
@given(calls, st.integers(1, 3))
def test_merged_shards_measure_what_one_recorder_would(rows: list, shards: int) -> None:
    def record(recorder: Recorder, chosen: list, local: dict[int, int]) -> None:
        for station, action, outcome, due, queue, service, written in chosen:
            recorder.call_planned(local[station], action, due, 1)
            left = due + queue if written else NAN
            ended = due + queue + service
            recorder.call_finished(
                local[station], action, outcome, due, left, ended, queue / 2, 0.0, ""
            )

    one = Recorder((), 6, PHASES)
    record(one, rows, {n: n for n in range(6)})
    parts = []
    for shard in range(shards):
        stations = [n for n in range(6) if n % shards == shard]
        part = Recorder(
            (), len(stations), PHASES, shard=shard, station_ids=[str(n) for n in stations]
        )
        record(
            part,
            [r for r in rows if r[0] % shards == shard],
            {n: i for i, n in enumerate(stations)},
        )
        parts.append(pickle.loads(pickle.dumps(part.result(120.0, record_s=0.0))))
    single, several = merge([one.result(120.0, record_s=0.0)]), merge(parts)
    assert several.histograms == single.histograms
    assert several.calls_by_action() == single.calls_by_action()
    assert several.latency_ms() == single.latency_ms()
    assert several.seconds() == single.seconds()
    assert several.identity_problems() == []
    ids, actions, counts = several.station_counts()
    order = np.argsort([int(name) for name in ids])
    assert actions == single.station_counts()[1]
    assert np.array_equal(counts[order], single.station_counts()[2])


def test_buffers_are_folded_before_they_grow_beyond_a_block(play) -> None:
    recorder = Recorder((), 1)
    for number in range(2 * BLOCK + 7):
        play(recorder, due=number / 100)
    assert len(recorder._finished) == 7 * FINISHED.size
    assert len(recorder._planned) == 7 * PLANNED.size
    assert recorder.snapshot(1.0)["calls"]["answered"] == 2 * BLOCK + 7


def test_the_per_second_series(play, measured) -> None:
    recorder = Recorder((), 2)
    recorder.connected(0, 0.5)
    recorder.booted(0, 0.9)
    recorder.connected(1, 2.5)
    recorder.booted(1, 2.7)
    recorder.disconnected(1, 3.1)
    recorder.disconnected(1, 3.2)  # told twice: counted once
    recorder.connected(1, 4.0)
    recorder.booted(1, 4.5)
    play(recorder, due=1.2, queue=1.0, service=0.2)
    play(recorder, due=1.8, outcome=CallOutcome.TIMEOUT, service=2.5)
    columns = measured(recorder, 5.0).seconds()
    assert columns["second"] == [0, 1, 2, 3, 4]
    assert columns["planned"] == [0, 2, 0, 0, 0]
    assert columns["written"] == [0, 1, 1, 0, 0]
    assert columns["answered"] == [0, 0, 1, 0, 0]
    assert columns["errors"] == [0, 0, 0, 0, 1]
    assert columns["connected"] == [1, 1, 2, 1, 2]
    assert columns["booted"] == [1, 1, 2, 2, 2]
    assert columns["p50_ms"][2] == pytest.approx(1200, rel=0.0625)
    assert columns["p99_ms"][4] == pytest.approx(2500, rel=0.0625)
    assert columns["p50_ms"][0] is None


def test_the_time_from_connection_to_boot_is_measured_per_connection(measured) -> None:
    recorder = Recorder((), 1)
    recorder.connect_step("tcp", 0.001)
    recorder.connect_step("upgrade", 0.002)
    recorder.connected(0, 1.0)
    recorder.booted(0, 1.5)
    result = measured(recorder)
    assert {step: h.max_us for step, h in result.connect.items() if h.n} == {
        "tcp": 1000,
        "upgrade": 2000,
        "boot": 500_000,
    }
    assert (result.shards[0].connected, result.shards[0].booted) == (1, 1)


def test_the_first_errors_of_a_class_keep_their_station_and_frames(play) -> None:
    asked = []

    def frames(station: int) -> list[tuple[float, str, str]]:
        asked.append(station)
        return [(n / 10, "out", f"frame {n}") for n in range(25)]

    recorder = Recorder((), 2, station_ids=("x", "y"), frames=frames)
    for _ in range(5):
        play(recorder, station=1, outcome=CallOutcome.CALLERROR, detail="InternalError")
    [((kind, qualifier), entry)] = recorder.errors.classes.items()
    assert (str(kind), qualifier, entry.count) == ("ocpp_callerror", "InternalError", 5)
    assert entry.examples[0].station == "y"
    assert entry.examples[0].detail == "InternalError to Heartbeat"
    assert len(entry.examples[0].frames) == 20
    assert entry.examples[0].frames[-1] == "2.400 out frame 24"
    assert asked == [1, 1, 1]  # frames are fetched for the examples kept, no more


def test_violations_and_connection_errors_fall_into_the_closed_list(measured) -> None:
    recorder = Recorder((), 1)
    recorder.violation(0, "malformed", "not JSON", 1.0)
    recorder.violation(0, "boot_rejected", "", 1.0)
    recorder.violation(0, "never heard of", "x", 1.0)
    recorder.error(0, "tcp_refused", "127.0.0.1:1", 2.0)
    recorder.error(None, "local_fd", "EMFILE", 3.0)
    assert measured(recorder).errors.counts() == {
        "boot_rejected": 1,
        "local_fd": 1,
        "ocpp_malformed": 1,
        "ocpp_other": 1,
        "tcp_refused": 1,
    }
    with pytest.raises(ValueError, match="bad luck"):
        recorder.error(0, "bad luck", "", 1.0)


def test_transactions_go_to_the_ledger() -> None:
    seen: list[tuple] = []

    class Sink:
        def __getattr__(self, name: str):
            return lambda *args: seen.append((name, *args))

    recorder = Recorder((), 1, ledger=Sink())
    recorder.transaction_started(0, 1, 7, "T", 1.0, 2.0)
    recorder.transaction_confirmed(0, 7, "99", "Accepted", 1.5)
    recorder.transaction_stopped(0, 7, "Local", 2.0, 3.0)
    recorder.transaction_closed(0, 7, 2.5)
    recorder.transaction_message(0, 7, "retried", 2.2)
    assert seen == [
        ("transaction_started", 0, 1, 7, "T", 1.0, 2.0),
        ("transaction_confirmed", 0, 7, "99", "Accepted", 1.5),
        ("transaction_stopped", 0, 7, "Local", 2.0, 3.0),
        ("transaction_closed", 0, 7, 2.5),
        ("transaction_message", 0, 7, "retried", 2.2),
    ]
    Recorder((), 1).transaction_started(0, 1, 7, "T", 1.0, 2.0)  # without a ledger: not kept


def test_snapshots_of_shards_combine(play) -> None:
    fast, slow = Recorder((), 1), Recorder((), 2, shard=1)
    for n in range(30):
        play(fast, due=8 + n / 30, service=0.010)
        play(slow, due=8 + n / 30, service=0.500, station=1)
    fast.connected(0, 1.0)
    fast.lag(0.001)
    slow.lag(0.004)
    whole = combine([fast.snapshot(10.0), slow.snapshot(10.0)])
    assert (whole["stations"], whole["connected"], whole["planned"]) == (3, 1, 60)
    assert whole["asked_per_s"] == 60 / 5
    assert whole["p50_ms"] == pytest.approx(10, rel=0.0625)
    assert whole["p99_ms"] == pytest.approx(500, rel=0.0625)
    assert whole["lag_p99_ms"] == pytest.approx(4, rel=0.001)


def test_too_few_values_give_no_percentile(play, measured) -> None:
    recorder = Recorder((), 1)
    for n in range(298):
        play(recorder, due=n / 10)
    row = measured(recorder).latency_ms()["Heartbeat"]["response"]
    assert row["n"] == 298
    assert row["p99"] is None
    assert row["p95"] == pytest.approx(100, rel=1e-3)
    play(recorder)
    assert measured(recorder).latency_ms()["*"]["response"]["p99"] is not None


def test_how_many_values_a_percentile_needs() -> None:
    assert [needed(p) for p in (50, 95, 99, 99.9, 100)] == [5, 59, 299, 2995, 1]


def test_the_generator_is_judged_by_its_own_cpu_and_memory(play, measured) -> None:
    recorder = Recorder((), 4)
    for _ in range(100):
        play(recorder)
    recorder.memory(before_kb=1000)
    recorder.memory(full_kb=1100)
    recorder.cpu(0.0, 2.0)
    recorder.cpu(1.0, 2.5)
    recorder.lag(0.002)
    assert measured(recorder).generator() == {
        "cpu_s": 0.5,
        "calls_per_cpu_s": 200.0,
        "rss_kb_per_station": 25.0,
        "loop_lag_p99_ms": 2.0,
    }


def test_unknown_figures_of_the_generator_are_none(measured) -> None:
    assert set(measured(Recorder((), 1)).generator().values()) == {0, None}


def test_the_cost_of_recording_is_measured_with_the_clock_given() -> None:
    ticks = iter([10.0, 12.0])
    assert self_cost(1000, lambda: next(ticks)) == 0.002


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="order of time"):
        Recorder((), 1, ((5.0, "b"), (1.0, "a")))
    with pytest.raises(ValueError, match="2 station ids for 3"):
        Recorder((), 3, station_ids=("a", "b"))
    with pytest.raises(ValueError, match="1 versions for 2"):
        Recorder((), 2, versions=("1.6",))


def test_the_log_file_holds_every_series(play, measured, tmp_path) -> None:
    from hdrh.histogram import HdrHistogram
    from hdrh.log import HistogramLogReader

    recorder = Recorder((), 1, PHASES)
    for n in range(50):
        play(recorder, "Data Transfer,x", due=n, service=0.25)
    recorder.lag(0.001)
    path = tmp_path / "latency.hlog"
    measured(recorder).hlog(path, start_epoch_s=1.78e9)
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 3))
    read = {}
    while (interval := reader.get_next_interval_histogram()) is not None:
        read[interval.get_tag()] = interval.get_total_count()
    reader.close()
    assert read["Data_Transfer_x/station/1.6/connect/response"] == 30
    assert read["Data_Transfer_x/station/1.6/measure/response"] == 20
    assert read["generator/loop_lag"] == 1
