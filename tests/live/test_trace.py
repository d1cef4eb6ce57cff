"""Which stations are traced, and what a traced frame becomes."""

from __future__ import annotations

import json

import pytest

from simulator.live.trace import TraceError, Tracer, choose_traced, join_traces, parse_trace

IDS = [f"CSW-ring-road-{n:04d}" for n in range(1, 2001)]


def test_items_are_split_at_commas() -> None:
    assert parse_trace("a, 1% ,,b") == ("a", "1%", "b")
    assert parse_trace(["a,b", "c"]) == ("a", "b", "c")
    assert parse_trace("") == ()


def test_ids_patterns_and_shares_add_up() -> None:
    chosen = choose_traced(("CSW-ring-road-0042", "*-199?"), IDS)
    assert chosen == {"CSW-ring-road-0042", *(f"CSW-ring-road-199{n}" for n in range(10))}


def test_a_share_is_about_right_and_does_not_depend_on_the_fleet() -> None:
    chosen = choose_traced(("5%",), IDS)
    assert 60 <= len(chosen) <= 140
    assert choose_traced(("5%",), IDS[:500]) == chosen & set(IDS[:500])
    assert choose_traced(("1%",), IDS) <= chosen
    assert choose_traced(("100%",), IDS) == set(IDS)
    assert choose_traced(("0%",), IDS) == set()


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("CSW-rnig-road-0042", "did you mean 'CSW-ring-road-0042'"),
        ("nothing-*", "no station matches"),
        ("101%", "between 0 % and 100 %"),
        ("nan%", "between 0 % and 100 %"),
        ("x%", "between 0 % and 100 %"),
    ],
)
def test_an_item_that_names_nothing_is_an_error(item, words) -> None:
    with pytest.raises(TraceError, match=words.replace("(", r"\(")):
        choose_traced((item,), IDS)


def test_lines_have_time_station_direction_id_and_the_raw_frame(tmp_path) -> None:
    tracer = Tracer(tmp_path / "frames-0.jsonl", 1_780_000_000.0)
    tracer.write(0.25, "CSW-a", True, b'[2,"r.1","Heartbeat",{}]')
    tracer.write(0.5, "CSW-a", False, b"not JSON \xff")
    tracer.close()
    first, second = map(json.loads, (tmp_path / "frames-0.jsonl").read_text().splitlines())
    assert first == {
        "utc": "2026-05-28T20:26:40.250000Z",
        "station": "CSW-a",
        "direction": "out",
        "message_id": "r.1",
        "frame": '[2,"r.1","Heartbeat",{}]',
    }
    assert second["direction"] == "in" and second["message_id"] is None
    assert second["frame"] == "not JSON \ufffd"


def test_the_shards_files_are_joined_in_order_of_time(tmp_path) -> None:
    for shard in range(2):
        tracer = Tracer(tmp_path / f"frames-{shard}.jsonl", 1_780_000_000.0)
        for n in range(3):
            tracer.write(2.0 * n + shard, f"s{shard}", True, b"[]")
        tracer.close()
    with (tmp_path / "frames-1.jsonl").open("ab") as torn:
        torn.write(b'{"utc":"2026-05-28T20:26:40')
    parts = [tmp_path / f"frames-{n}.jsonl" for n in range(3)]
    join_traces(parts, tmp_path / "frames.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
    assert [line["station"] for line in lines] == ["s0", "s1"] * 3
    assert [line["utc"] for line in lines] == sorted(line["utc"] for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["frames.jsonl"]
