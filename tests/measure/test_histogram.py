from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.measure.histogram import (
    HIGHEST_US,
    SLOTS,
    Histogram,
    index_of,
    indices_of,
    lower_edge,
    total,
    upper_edge,
)
from simulator.measure.hlog import encode, write_hlog

# Logarithmic: every power of two is as likely as the next.
durations = st.one_of(
    st.integers(0, HIGHEST_US),
    st.floats(0, math.log(HIGHEST_US)).map(lambda x: int(math.exp(x))),
)


def oracle(values: list[int]) -> HdrHistogram:
    twin = HdrHistogram(1, HIGHEST_US, 3)
    for value in values:
        assert twin.record_value(value)
    return twin


def ours(values: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.record_many(np.array(values, np.float64) / 1e6)
    return histogram


@given(durations)
def test_every_value_falls_into_the_slot_that_hdrhistogram_gives_it(us: int) -> None:
    twin = HdrHistogram(1, HIGHEST_US, 3)
    index = twin.get_counts_array_index(us)
    assert index_of(us) == index
    assert indices_of(np.array([us], np.int64))[0] == index
    assert lower_edge(index) == twin.get_lowest_equivalent_value(us)
    assert upper_edge(index) == twin.get_highest_equivalent_value(us)


def test_the_ends_of_every_slot_lead_back_to_it() -> None:
    for index in range(index_of(HIGHEST_US)):
        assert index_of(lower_edge(index)) == index == index_of(upper_edge(index))
        assert lower_edge(index + 1) == upper_edge(index) + 1
    assert index_of(HIGHEST_US) < SLOTS


@settings(max_examples=60, deadline=None)
@given(
    st.lists(durations, min_size=1, max_size=60), st.sampled_from([1, 50, 90, 95, 99, 99.9, 100])
)
def test_counts_and_percentiles_agree_with_hdrhistogram(values: list[int], percent: float) -> None:
    mine, twin = ours(values), oracle(values)
    slots, counts = mine.nonzero()
    assert {int(s): int(c) for s, c in zip(slots, counts, strict=True)} == {
        i: c for i, c in enumerate(twin.counts) if c
    }
    # The value of our rank, by sorting; then the rank's slot and edge as HdrHistogram has them.
    exact = sorted(values)[max(math.ceil(round(len(values) * percent / 100, 9)), 1) - 1]
    edge = min(twin.get_highest_equivalent_value(exact), max(values))
    assert mine.percentile(percent) == edge
    if twin.get_target_count_at_percentile(percent) == math.ceil(len(values) * percent / 100):
        assert min(twin.get_value_at_percentile(percent), max(values)) == edge
    assert mine.max_us == max(values)
    assert mine.min_us == min(values)
    assert mine.mean_us == pytest.approx(sum(values) / len(values), rel=1e-12)


@given(st.lists(durations, max_size=40))
def test_one_by_one_and_all_at_once_count_the_same(values: list[int]) -> None:
    single = Histogram()
    for value in values:
        single.record(value / 1e6)
    assert single == ours(values)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), durations), max_size=80))
def test_merged_shards_equal_one_recorder(samples: list[tuple[int, int]]) -> None:
    shards = [ours([us for shard, us in samples if shard == number]) for number in range(4)]
    assert total(shards) == ours([us for _, us in samples])


@given(st.lists(durations, max_size=30))
def test_a_pickled_histogram_is_equal_and_small(values: list[int]) -> None:
    histogram = ours(values)
    text = pickle.dumps(histogram)
    assert pickle.loads(text) == histogram
    assert len(text) < 700 + 12 * len(values)


def test_a_value_beyond_the_range_is_held_at_its_end_and_counted() -> None:
    histogram = ours([10])
    histogram.record(4000.0)
    histogram.record_many(np.array([5000.0, -1e-9]))
    assert (histogram.clipped, histogram.max_us, histogram.min_us) == (2, HIGHEST_US, 0)


def test_an_empty_histogram_has_no_percentile() -> None:
    assert Histogram().percentile(50) is None
    assert Histogram().mean_us is None


def test_the_part_above_a_limit_holds_no_value_at_the_limit() -> None:
    part = ours([100, 500, 500, 501, 40_000]).above(500)
    assert (part.n, part.min_us, part.max_us) == (2, 501, 40_000)


def test_the_log_is_read_back_by_hdrhistogram(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(7)
    series = {
        "Heartbeat/station/1.6/hold/response": rng.lognormal(-6, 1, 4000),
        "StopTransaction/station/1.6/hold/service": rng.lognormal(-4, 2, 3000),
    }
    mine = {tag: Histogram() for tag in series}
    for tag, values in series.items():
        mine[tag].record_many(values)
    mine["Authorize/station/1.6/hold/response"] = Histogram()  # empty: left out
    path = tmp_path / "latency.hlog"
    write_hlog(path, mine, start_epoch_s=1_780_000_000.0, length_s=120.0, comments=("a run",))
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_US, 3))
    read = {}
    while (interval := reader.get_next_interval_histogram()) is not None:
        read[interval.get_tag()] = interval
    reader.close()
    assert set(read) == set(series)
    for tag, interval in read.items():
        assert interval.get_total_count() == mine[tag].n
        assert interval.get_start_time_stamp() == 1_780_000_000_000
        assert interval.get_end_time_stamp() == 1_780_000_120_000
        for percent in (50, 95, 99):
            assert interval.get_value_at_percentile(percent) == mine[tag].percentile(percent)


def test_an_encoded_histogram_decodes_to_the_same_counts() -> None:
    values = [0, 1, 2047, 2048, 5_000_000, HIGHEST_US]
    twin = HdrHistogram.decode(encode(ours(values)))
    assert [i for i, c in enumerate(twin.counts) if c] == [index_of(v) for v in values]


def test_a_tag_that_would_break_the_line_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="comma"):
        write_hlog(tmp_path / "x.hlog", {"a,b": ours([1])}, start_epoch_s=0.0, length_s=1.0)
