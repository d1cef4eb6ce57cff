"""What a live run shows to others while it lasts: over HTTP, and as lines of JSON."""

from __future__ import annotations

import errno
import io
import json
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator.live.errors import RefusedError
from simulator.live.jsonlines import SecondLines, open_lines
from simulator.live.metrics import MetricsServer, read_address
from simulator.live.outlets import Outlets, Wanted, storm_of
from simulator.live.screen import Progress
from simulator.measure.detail import Detail
from simulator.measure.recorder import Recorder
from simulator.station.ports import CallOutcome


def get(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":9464", ("127.0.0.1", 9464)),
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:9464", ("::1", 9464)),
    ],
)
def test_without_an_address_it_is_loopback(text: str, address: tuple[str, int]) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize("text", ["", ":", "localhost", ":65536", ":-1", ":ninety"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match=r"--metrics .*expected :PORT"):
        read_address(text)


@pytest.mark.socket
def test_the_endpoint_serves_the_page_of_the_moment() -> None:
    pages = iter(["first\n", "second\n"])
    server = MetricsServer(":0", lambda: next(pages))
    try:
        assert server.url.startswith("http://127.0.0.1:")
        assert get(server.url) == (200, "text/plain; version=0.0.4; charset=utf-8", "first\n")
        assert get(server.url)[2] == "second\n"
        assert get(server.url.replace("/metrics", "/"))[0] == 404
    finally:
        server.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url, timeout=2)


@pytest.mark.socket
def test_an_address_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RefusedError, match=rf"--metrics ':{port}': .*in use"):
            MetricsServer(f":{port}", str)
    with pytest.raises(RefusedError, match="--metrics"):
        MetricsServer("no-such-host.invalid:1", str)


@pytest.mark.socket
def test_snapshots_reach_both_outlets(tmp_path: Path) -> None:
    notes: list[str] = []
    file = tmp_path / "seconds.jsonl"
    outlets = Outlets(Wanted(":0", file), notes.append)
    try:
        url = notes[0].removeprefix("metrics at ")
        assert "chargeswarm_run_info" in get(url)[2]
        recorder = Recorder(("Heartbeat",), 1)
        outlets.begin(lambda at: "boot" if at < 2 else "measure", scenario="small")
        for second in (0.5, 1.5, 2.5, 3.01):
            recorder.call_planned(0, "Heartbeat", second, 1)
            ended = second + 0.1
            answered = CallOutcome.ANSWERED
            recorder.call_finished(0, "Heartbeat", answered, second, second, ended, 0.0, 0.0, "")
            recorder.cpu(second, second)
            detail = recorder.detail(second)
            snapshot = recorder.snapshot(second) | {"detail": detail, "rss_kb": 1000.0}
            progress = Progress("small", "csms", "measure", "running", second, 9.0, 1.0, 1)
            outlets.take([snapshot], progress, 1000.0)
        outlets.take([{"shard": 0}], progress, 1000.0)
        families = {f.name for f in text_string_to_metric_families(get(url)[2])}
        assert "chargeswarm_call_response_seconds" in families
        outlets.end({"verdict": "NO_SLO", "exit_code": 0, "reasons": []}, tmp_path)
    finally:
        outlets.close()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["start", "second", "second", "second", "end"]
    assert [line.get("second") for line in lines[1:4]] == [0, 1, 2]
    assert [line["phase"] for line in lines[1:4]] == ["boot", "boot", "measure"]
    assert [line["time"] for line in lines[1:4]] == [1000.0, 1001.0, 1002.0]
    assert {line["planned"] for line in lines[1:4]} == {1}
    assert lines[2]["stations"] == 1 and lines[2]["p50_ms"] == pytest.approx(100, rel=0.07)
    assert lines[-1]["verdict"] == "NO_SLO" and lines[-1]["run"] == str(tmp_path)


def test_a_second_is_written_once_and_only_when_it_is_over() -> None:
    out = io.StringIO()
    lines = SecondLines(out, pytest.fail)
    counts = dict.fromkeys(("planned", "written", "answered", "errors", "connected", "booted"), 1)
    for seconds in ((), (0, 1), (0, 1, 2), (1, 2), (5,)):
        lines.take(Detail(seconds=dict.fromkeys(seconds, counts)), 0.0)
    assert [json.loads(line)["second"] for line in out.getvalue().splitlines()] == [0, 1, 2, 5]


def test_a_reader_that_goes_away_ends_the_lines_and_not_the_run() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    notes: list[str] = []
    lines = SecondLines(Gone(), notes.append)
    lines.write("start")
    lines.write("second")
    lines.close()
    assert notes == ["no more lines of JSON: Broken pipe"]


def test_where_the_lines_go(tmp_path: Path) -> None:
    assert open_lines("-") is sys.stdout
    with pytest.raises(RefusedError, match=r"--jsonl .*: No such file or directory"):
        open_lines(tmp_path / "no" / "such" / "folder")


@pytest.mark.socket
def test_nothing_is_opened_that_nobody_asked_for(tmp_path: Path) -> None:
    assert not Wanted().any and Wanted(jsonl="-").any and Wanted(metrics=":0").any
    Outlets(Wanted(), pytest.fail).close()
    file = tmp_path / "lines"
    with pytest.raises(RefusedError):
        Outlets(Wanted("nonsense", file), pytest.fail)


def test_the_storm_under_way_is_told_over_all_shards_and_an_older_one_no_more() -> None:
    row = {"number": 1, "hit": 5, "present": 4, "operating": 2}
    older = {"number": 0, "hit": 9, "present": 9, "operating": 9}
    told = storm_of([{"storm": row}, {"storm": row}, {"storm": older}, {"storm": None}, {}])
    assert told == {"storm": {"number": 1, "hit": 10, "present": 8, "operating": 4}}
    assert storm_of([{}, {"storm": None}]) == {}
