"""What Prometheus is shown, read back by its own client library's parser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator.measure.detail import EDGES_US, SECOND, Detail, combine_details, second_row
from simulator.measure.exposition import Facts, exposition
from simulator.measure.recorder import Recorder
from simulator.station.ports import CallOutcome

NAME = 'a "quoted" \\ name\nin two lines'


def facts(**changes: Any) -> Facts:
    given: dict[str, Any] = {
        **{"scenario": NAME, "target": "csms:9000", "phase": "measure", "run_s": 12.5},
        **{"stations": 10, "connected": 9, "booted": 8, "in_flight": 3},
        **{"errors": {"ocpp_callerror(InternalError)": 2}, "cpu_s": {0: 1.5, 1: 2.0}},
        "rss_bytes": {0: 1e6, 1: 2e6},
    }
    return Facts(**(given | changes))


def samples(page: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(page):
        assert family.documentation and family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            row = found.setdefault(sample.name.removeprefix("chargeswarm_"), {})
            key = tuple(sorted(sample.labels.items()))
            assert key not in row
            row[key] = sample.value
    return found


@pytest.fixture
def shards(play) -> list[Recorder]:
    made = []
    for shard in range(2):
        recorder = Recorder(("Heartbeat",), 2, ((0.0, "connect"), (5.0, "measure")), shard=shard)
        for number in range(50):
            play(recorder, due=number / 5, service=0.002 * (number + 1), queue=0.001)
        play(recorder, action="Authorize", outcome=CallOutcome.CALLERROR, due=3.0)
        play(recorder, action="Authorize", outcome=CallOutcome.TIMEOUT, due=3.0, service=30.0)
        recorder.lag(0.0042)
        recorder.connected(0, 1.0)
        recorder.booted(0, 2.0)
        made.append(recorder)
    return made


def test_a_run_is_read_back_as_it_was(shards: list[Recorder]) -> None:
    detail = combine_details([recorder.detail(12.0) for recorder in shards])
    found = samples(exposition(facts(), detail))
    assert found["stations_connected"][()] == 9 and found["stations_booted"][()] == 8
    about = (("phase", "measure"), ("scenario", NAME), ("target", "csms:9000"))
    assert found["run_info"] == {about: 1.0}
    calls = found["calls_total"]
    assert calls[("action", "Heartbeat"), ("outcome", "answered")] == 100
    assert calls[("action", "Authorize"), ("outcome", "callerror")] == 2
    assert calls[("action", "Authorize"), ("outcome", "timeout")] == 2
    for action in ("Heartbeat", "Authorize"):
        ended = sum(count for key, count in calls.items() if ("action", action) in key)
        assert found["calls_planned_total"][(("action", action),)] == ended
    assert found["errors_total"] == {(("kind", "ocpp_callerror(InternalError)"),): 2.0}
    assert found["generator_cpu_seconds_total"][(("shard", "1"),)] == 2.0
    assert found["generator_loop_lag_seconds_count"][()] == 2
    assert found["generator_wait_seconds_count"][()] == 104


def test_buckets_hold_every_value_up_to_their_edge_and_the_sum_is_exact(
    shards: list[Recorder],
) -> None:
    detail = combine_details([recorder.detail(12.0) for recorder in shards])
    found = samples(exposition(facts(), detail))
    true = np.repeat(0.002 * np.arange(1, 51), 2)
    buckets = {
        float(dict(key)["le"]): count
        for key, count in found["call_service_seconds_bucket"].items()
        if ("action", "Heartbeat") in key
    }
    assert len(buckets) == len(EDGES_US) + 1
    for edge, count in buckets.items():
        assert (true <= edge).sum() <= count <= (true <= edge * 1.001 + 1e-9).sum(), edge
    heartbeat = (("action", "Heartbeat"),)
    assert found["call_service_seconds_sum"][heartbeat] == pytest.approx(true.sum())
    assert found["call_service_seconds_count"][heartbeat] == buckets[float("inf")] == 100
    assert list(buckets.values()) == sorted(buckets.values())


def test_counters_and_buckets_only_grow(play, shards: list[Recorder]) -> None:
    recorder = shards[0]
    before = samples(exposition(facts(), recorder.detail(12.0)))
    play(recorder, due=11.0, service=1.0)
    after = samples(exposition(facts(), recorder.detail(13.0)))
    grown = 0
    for name, rows in before.items():
        if name.endswith(("_total", "_bucket", "_count", "_sum")):
            for key, value in rows.items():
                assert after[name][key] >= value
                grown += after[name][key] > value
    assert grown > 5


def test_before_anything_happened_the_page_is_whole() -> None:
    found = samples(exposition(facts(errors={}, cpu_s={}, rss_bytes={}), Detail()))
    assert found["run_seconds"][()] == 12.5
    assert found["generator_loop_lag_seconds_count"][()] == 0


def test_seconds_are_those_that_every_shard_tells_and_add_up(shards: list[Recorder]) -> None:
    detail = combine_details([shards[0].detail(12.0), shards[1].detail(9.2)])
    assert list(detail.seconds) == [2, 3, 4, 5, 6, 7, 8]
    row = second_row(detail, 7)
    assert (row["planned"], row["connected"], row["booted"]) == (10, 2, 2)
    assert row["p50_ms"] == pytest.approx(75, rel=0.1)
    whole = combine_details([recorder.detail(10.0) for recorder in shards])
    assert sum(row["planned"] for row in whole.seconds.values()) == 104
    assert set(SECOND) <= set(whole.seconds[0])
    assert combine_details([]).seconds == {}
