"""Whole live runs with shards as processes: what they leave, and how they end when things go wrong.

No test asserts PASS or a latency: what the machine at hand can do is not under test.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from simulator.csms.faulty import FaultyTarget
from simulator.live.errors import RefusedError, TargetUnreachableError
from simulator.live.outlets import Wanted
from simulator.live.run import run_live
from simulator.live.screen import NoScreen, Progress
from simulator.scenario import load_scenario
from simulator.store import read_run

pytestmark = [pytest.mark.process, pytest.mark.socket]

SCENARIO = """
[scenario]
name = "small"
seed = 7
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"

[[sites]]
name = "yard"
count = {sites}
stations = [{{ model = "ac-22-dual", count = 3 }}]
grid_limit = "50 kW"
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[csms]
url = "{url}"
security_profile = {profile}
versions = {{ {versions} }}

[live]
speed = 600
from = "17:00"
shards = {shards}
call_timeout = "{call_timeout}"
connect_timeout = "{connect_timeout}"
stages = [{{ kind = "ramp", for = "500ms", to = "100 %" }}, {{ kind = "hold", for = "{hold}" }}]
{more}
"""


class Watcher(NoScreen):
    """A screen that lets a test act while the run lasts: once, when a condition holds."""

    def __init__(self, when: Callable[[Progress], bool], act: Callable[[Progress], None]) -> None:
        self.when, self.act = when, act
        self.done = 0
        self.seen: list[Progress] = []
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def update(self, progress: Progress) -> None:
        self.seen.append(progress)
        if self.when(progress):
            self.done += 1
            self.act(progress)


@pytest.fixture
def small(tmp_path: Path):
    """Loads the small scenario with changes."""

    def load(**changes):
        values = {
            **{"sites": 1, "url": "embedded", "profile": 0, "shards": 1, "hold": "5s"},
            "versions": '"1.6" = 1.0',
            **{"call_timeout": "30s", "connect_timeout": "5s", "more": ""},
            **changes,
        }
        file = tmp_path / "small.toml"
        file.write_text(SCENARIO.format(**values))
        return load_scenario(file)

    return load


def all_up(progress: Progress) -> bool:
    return progress.booted == progress.stations > 0


def adds_up(summary) -> bool:
    calls = dict(summary["calls"])
    planned = calls.pop("planned")
    return planned == sum(calls.values())


def test_a_run_on_the_embedded_csms_where_a_loop_already_runs(small, tmp_path, capfd) -> None:
    async def notebook() -> Path:
        return run_live(
            small(sites=2, shards=2),
            out=tmp_path / "run",
            trace="CSW-yard-0001",
            screen="none",
            command="chargeswarm live small.toml",
        )

    run = read_run(asyncio.run(notebook()))
    summary = run.summary
    assert run.status == "finished" and summary["verdict"] in ("NO_SLO", "INVALID")
    assert summary["stations"] == {"asked": 6, "connected": 6, "booted": 6}
    assert adds_up(summary) and summary["calls"]["planned"] == summary["calls"]["answered"]
    assert summary["prediction"]["exact"], summary["prediction"]
    for action in ("MeterValues", "Heartbeat"):
        assert summary["prediction"]["by_action"][action]["largest_difference"] <= 12
    assert summary["transactions"]["started"] == summary["transactions"]["stopped"] > 0
    assert summary["transactions"]["unacknowledged"] == 0
    assert summary["errors"] == {} and summary["drained"] and summary["shards"] == 2
    assert summary["csms"]["transactions"]["open"] == 0
    assert summary["csms"]["messages"] == {
        action: row["measured"]
        for action, row in summary["prediction"]["by_action"].items()
        if row["measured"]
    }
    assert [row["phase"] for row in summary["phases"]] == ["connect", "boot", "measure", "cooldown"]
    ledger = run.table("ledger")
    assert len(ledger) == summary["transactions"]["started"]
    assert set(ledger["state"]) == {"closed"} and (ledger["energy_wh"] >= 0).all()
    seen = run.table("progress")
    assert seen["now_s"].is_monotonic_increasing and seen["now_s"].is_unique
    assert seen["booted"].iloc[-1] == 6
    messages = run.table("messages")
    assert set(messages["source"]) == {"predicted", "measured"}
    measured = messages[(messages.source == "measured") & (messages.direction == "station")]
    assert measured["count"].sum() == summary["calls"]["answered"]
    assert run.table("seconds")["connected"].max() == 6
    assert (run.path / "latency.hlog").read_text().startswith("#")
    assert run.manifest["command"] == "chargeswarm live small.toml"
    frames = [json.loads(line) for line in (run.path / "frames.jsonl").read_text().splitlines()]
    assert {frame["station"] for frame in frames} == {"CSW-yard-0001"}
    assert '"BootNotification"' in frames[0]["frame"] and frames[0]["direction"] == "out"
    assert sorted(path.suffix for path in run.path.glob("frames*")) == [".jsonl"]
    said = capfd.readouterr()
    assert said.out == "" and said.err == ""


def test_a_run_is_watched_from_outside_and_judged_by_the_limits_of_its_scenario(
    small, tmp_path
) -> None:
    pages: list[str] = []
    notes: list[str] = []

    class Scraper(Watcher):
        def note(self, text: str) -> None:
            notes.append(text)

    def scrape(_: Progress) -> None:
        url = next(n.removeprefix("metrics at ") for n in notes if n.startswith("metrics at "))
        with urllib.request.urlopen(url, timeout=10) as answer:
            pages.append(answer.read().decode())

    lines = tmp_path / "seconds.jsonl"
    path = run_live(
        small(hold="2s", more='[validity]\nloop_lag_p99 = "9s"\n[slo]\nrequire = []'),
        out=tmp_path / "run",
        screen=Scraper(all_up, scrape),
        wanted=Wanted(":0", lines),
    )
    families = {f.name: f for f in text_string_to_metric_families(pages[-1])}
    booted = families["chargeswarm_stations_booted"].samples[0].value
    assert booted == 3
    boots = [
        sample.value
        for sample in families["chargeswarm_calls"].samples
        if sample.labels == {"action": "BootNotification", "outcome": "answered"}
    ]
    assert boots == [3]
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert rows[0]["kind"] == "start" and rows[-1]["kind"] == "end"
    summary = read_run(path).summary
    seconds = [row for row in rows if row["kind"] == "second"]
    assert [row["second"] for row in seconds] == list(range(len(seconds))) and len(seconds) >= 2
    assert rows[-1]["calls"] == summary["calls"] and rows[-1]["verdict"] == summary["verdict"]
    assert seconds[-1]["booted"] == 3 and seconds[-1]["stations"] == 3
    assert [row["name"] for row in summary["loosened"]] == ["loop_lag_p99"]
    assert "validity is judged by looser limits: loop_lag_p99 9000 ms (default 10)" in notes
    rules = {row["name"]: row for row in summary["validity"]}
    assert rules["loop_lag_p99"]["limit"] == 9000.0 and "throttled" in rules


def test_both_versions_side_by_side_do_as_foretold_each_with_its_own_credentials(
    small, tmp_path
) -> None:
    scenario = small(sites=2, profile=1, hold="3s", versions='"1.6" = 0.5, "2.0.1" = 0.5')
    spoken = {s.version for site in scenario.network().sites for s in site.stations}
    assert spoken == {"1.6", "2.0.1"}
    run = read_run(run_live(scenario, out=tmp_path / "run", screen="none"))
    summary = run.summary
    assert summary["stations"]["booted"] == 6 and summary["errors"] == {}
    assert summary["csms"]["handshakes_refused"] == summary["csms"]["complaints"] == {}
    assert summary["prediction"]["exact"], summary["prediction"]
    by_action = summary["prediction"]["by_action"]
    assert by_action["StopTransaction"]["measured"] > 0
    assert by_action["TransactionEvent"]["measured"] > 0
    assert summary["csms"]["transactions"]["open"] == 0


def test_refused_drivers_are_refused_as_their_tokens_stand(small, tmp_path) -> None:
    small(sites=4, hold="4s", versions='"1.6" = 0.5, "2.0.1" = 0.5')
    shares = "wrong_token = 0.4, blocked_token = 0.3, expired_token = 0.3"
    sets = ["live.speed=15", "sites.yard.visits_per_evse_day=1000"]
    scenario = load_scenario(
        tmp_path / "small.toml", sets=[*sets, f"sites.yard.drivers={{ {shares} }}"]
    )
    stations = [s for site in scenario.network().sites for s in site.stations]
    assert {s.version for s in stations} == {"1.6", "2.0.1"}
    trace = ",".join(s.id for s in stations)
    run = read_run(run_live(scenario, out=tmp_path / "run", screen="none", trace=trace))
    summary = run.summary
    assert summary["prediction"]["exact"], summary["prediction"]
    assert summary["transactions"]["started"] == 0 and summary["deviations"] == {}
    lines = (run.path / "frames.jsonl").read_text().splitlines()
    answers = "".join(json.loads(line)["frame"].replace(" ", "") for line in lines)
    told = [answers.count(f'"status":"{how}"') for how in ("Invalid", "Blocked", "Expired")]
    assert all(told)
    assert sum(told) == summary["prediction"]["by_action"]["Authorize"]["measured"]
    assert summary["errors"] == {}


def test_an_unreachable_target_is_said_and_leaves_no_folder(small, tmp_path, closed_port) -> None:
    scenario = small(url=f"ws://127.0.0.1:{closed_port}/ocpp")
    with pytest.raises(TargetUnreachableError, match=f"127.0.0.1:{closed_port}.*tcp_refused") as e:
        run_live(scenario, out=tmp_path / "run", screen="none")
    assert e.value.exit_code == 4 and not (tmp_path / "run").exists()


def test_a_trace_of_nobody_and_a_rate_too_high_are_refused(small, tmp_path) -> None:
    with pytest.raises(RefusedError, match="no such station; did you mean 'CSW-yard-0001'"):
        run_live(small(), out=tmp_path / "run", trace="CSW-yard-001", screen="none")
    with pytest.raises(RefusedError, match=r"live\.max_rate"):
        run_live(small(more='max_rate = "1 /s"'), out=tmp_path / "run", screen="none")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("garbage", {"ocpp_malformed"}),
        ("silent", {"call_timeout"}),
        ("callerror", {"ocpp_callerror(InternalError)"}),
        ("rejects_boot", {"boot_rejected"}),
        ("closes", {"ws_close(1000)"}),
    ],
)
def test_a_target_that_misbehaves_is_counted_not_raised(small, tmp_path, kind, expected) -> None:
    with FaultyTarget(kind) as target:
        scenario = small(url=target.url, call_timeout="400ms", hold="2s")
        run = read_run(run_live(scenario, out=tmp_path / "run", screen="none", drain_s=0.2))
    assert run.status == "finished" and adds_up(run.summary)
    assert expected <= set(run.summary["errors"]), run.summary["errors"]
    assert run.summary["stations"]["booted"] == 0
    events = run.table("events")
    assert expected <= set(events["kind"])
    if kind != "closes":
        last = next(row.frames for row in events.itertuples() if row.kind in expected)
        assert any("BootNotification" in frame for frame in last)


def test_ctrl_c_stops_drains_and_writes(small, tmp_path) -> None:
    def interrupt(_: Progress) -> None:
        if screen.done == 1:
            os.kill(os.getpid(), signal.SIGINT)

    screen = Watcher(lambda p: all_up(p) and p.now_s > 3.5, interrupt)
    run = read_run(run_live(small(hold="10m"), out=tmp_path / "run", screen=screen))
    summary = run.summary
    assert run.status == "interrupted" and summary["verdict"] == "INTERRUPTED"
    assert summary["exit_code"] == 130 and adds_up(summary)
    assert summary["transactions"]["stopped"] == summary["transactions"]["started"] > 0
    assert summary["transactions"]["unacknowledged"] == 0
    assert summary["csms"]["transactions"]["open"] == 0
    assert any(progress.mode == "stopping" for progress in screen.seen)
    assert any("Ctrl-C again ends at once" in note for note in screen.notes)
    assert "interrupted" in set(run.table("events")["kind"])


def test_ctrl_c_twice_aborts_and_the_folder_is_readable(small, tmp_path) -> None:
    def interrupt(_: Progress) -> None:
        if screen.done <= 2:
            os.kill(os.getpid(), signal.SIGINT)

    screen = Watcher(lambda p: all_up(p) and p.now_s > 3.5, interrupt)
    with FaultyTarget("silent") as target:
        screen.when = lambda p: p.connected == p.stations > 0
        scenario = small(url=target.url, hold="10m")
        path = run_live(scenario, out=tmp_path / "run", screen=screen, drain_s=500.0)
    run = read_run(path)
    assert run.summary["verdict"] == "INTERRUPTED" and run.summary["calls"]["censored"] == 3
    assert adds_up(run.summary) and "aborted" in run.summary["reasons"][0]
    assert "ending at once" in screen.notes


def test_a_shard_that_dies_ends_the_others_orderly(small, tmp_path) -> None:
    def kill(progress: Progress) -> None:
        if screen.done == 1:
            os.kill(progress.pids[0], signal.SIGKILL)

    screen = Watcher(lambda p: all_up(p) and p.now_s > 3.5, kill)
    scenario = small(sites=2, shards=2, hold="10m")
    run = read_run(run_live(scenario, out=tmp_path / "run", screen=screen))
    summary = run.summary
    assert summary["verdict"] == "SHARD_LOST" and summary["exit_code"] == 5
    assert "shard 0: killed by SIGKILL" in summary["reasons"][0]
    assert "shard 0: killed by SIGKILL: the other shards end orderly" in screen.notes
    assert run.status == "failed" and adds_up(summary)
    assert summary["stations"] == {"asked": 6, "connected": 3, "booted": 3}
    assert summary["transactions"]["stopped"] == summary["transactions"]["started"]
    assert set(run.table("ledger")["station_id"]) <= {f"CSW-yard.2-000{n}" for n in (1, 2, 3)}
    assert "shard_lost" in set(run.table("events")["kind"])


def test_a_csms_that_dies_is_counted_and_the_run_ends_as_planned(small, tmp_path) -> None:
    def kill(_: Progress) -> None:
        if screen.done == 1:
            for child in psutil.Process().children():
                if "simulator.csms" in child.cmdline():
                    child.kill()

    screen = Watcher(lambda p: all_up(p) and p.now_s > 1.0, kill)
    run = read_run(run_live(small(hold="4s"), out=tmp_path / "run", screen=screen, drain_s=0.2))
    summary = run.summary
    assert run.status == "finished" and adds_up(summary)
    assert summary["csms_lost"] and summary["csms"] is None
    assert sum(summary["errors"].values()) >= 3
    assert summary["duration_s"] >= 4.5
    assert "csms_lost" in set(run.table("events")["kind"])


def test_shards_end_with_their_parent_however_it_dies(small, tmp_path) -> None:
    scenario = small(hold="10m")
    script = textwrap.dedent(
        f"""
        from simulator.live.run import run_live
        from simulator.scenario import load_scenario

        class Screen:
            def note(self, text): pass
            def close(self): pass
            def update(self, progress):
                if progress.booted == progress.stations:
                    print("up", *progress.pids.values(), flush=True)

        scenario = load_scenario({str(scenario.path)!r})
        run_live(scenario, out={str(tmp_path / "run")!r}, screen=Screen())
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as parent:
        assert parent.stdout is not None
        words = parent.stdout.readline().split()
        assert words[:1] == [b"up"]
        shard = psutil.Process(int(words[1]))
        parent.kill()
        parent.wait()
    gone, alive = psutil.wait_procs([shard], timeout=20)
    assert gone and not alive
    died = read_run(tmp_path / "run")
    assert died.status == "interrupted"
    assert len(died.table("progress")) > 0
