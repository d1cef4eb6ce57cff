"""Whole staged runs, small: stations come and go as asked, rows are printed, clauses end a run.

No test asserts VALID or a latency: what the machine at hand can do is not under test.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from simulator.csms.faulty import FaultyTarget
from simulator.live.dial import DialRules, open_socket
from simulator.live.failures import ConnectError
from simulator.live.routes import Router, Routes
from simulator.live.run import run_live
from simulator.live.screen import NoScreen
from simulator.live.target import Address, parse_target
from simulator.report import live_steps
from simulator.report.page import Table
from simulator.report.reading import Reading
from simulator.scenario import load_scenario
from simulator.store import read_run

pytestmark = [pytest.mark.process, pytest.mark.socket]

SCENARIO = """
[scenario]
name = "staged"
seed = 7
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"

[[sites]]
name = "yard"
count = 2
stations = [{ model = "ac-22-dual", count = 4 }]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[csms]
url = "URL"

[live]
speed = 600
from = "17:00"
shards = 2
call_timeout = "400ms"
STAGES
"""


class Notes(NoScreen):
    """Keeps what is printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def scenario(tmp_path: Path, url: str, live: str):
    file = tmp_path / "staged.toml"
    file.write_text(SCENARIO.replace("URL", url).replace("STAGES", live))
    return load_scenario(file)


STAGES = """
call_timeout = "30s"
sources = ["127.0.0.2", "127.0.0.3"]
stages = [
  { kind = "step", to = [2, 8], each = "3s", ramp = "500ms" },
  { kind = "ramp", for = "1s", to = 2 },
  { kind = "hold", for = "3s", demand = 3.0 },
  { kind = "ramp", for = "1s", to = "100 %" },
  { kind = "hold", for = "4s" },
]
[slo]
require = ["p50(*.response) < 10 s", "errors.ratio < 50 %"]
"""


def test_stations_come_and_go_and_the_run_is_as_predicted(tmp_path) -> None:
    notes = Notes()
    stages = STAGES.replace('call_timeout = "30s"\n', "")
    loaded = scenario(tmp_path, "embedded", stages)
    folder = run_live(loaded, out=tmp_path / "run", screen=notes)
    run = read_run(folder)
    summary = run.summary
    assert summary["prediction"]["exact"], summary["prediction"]
    assert summary["prediction"]["by_action"]["BootNotification"]["measured"] == 8 + 6
    assert summary["calls"]["planned"] == summary["calls"]["answered"], summary["calls"]
    rows = summary["steps"]
    assert [(row["step"], row["kind"], row["stations"], row["demand"]) for row in rows] == [
        *[(1, "step", 2, 1.0), (2, "step", 8, 1.0), (3, "ramp", 2, 1.0)],
        *[(4, "hold", 2, 3.0), (5, "ramp", 8, 3.0), (6, "hold", 8, 3.0)],
    ]
    assert [row["connected"] for row in rows if row["level"]] == [2, 8, 2, 8]
    assert all(row["errors"] == 0 and row["n"] > 0 for row in rows if row["level"])
    printed = [line.split("  ")[0] for line in notes.lines if line.startswith("step ")]
    assert [line.split()[1:3] for line in printed][:5] == [
        *[["1", "step"], ["2", "step"], ["3", "ramp"], ["4", "hold"], ["5", "ramp"]]
    ]
    assert summary["capacity"] and {p["phase"] for p in summary["phases"]} >= {
        "measure-1",
        "measure-2",
        "measure-4",
        "cooldown",
    }
    section = live_steps.section(Reading(run))
    assert section is not None
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert len(table.rows) == 6 and summary["capacity"] in section.blocks[0].text  # type: ignore[union-attr]


def test_a_clause_ends_a_run_early_and_orderly(tmp_path) -> None:
    live = """
stages = [{ kind = "ramp", for = "500ms", to = 4 }, { kind = "hold", for = "10m" }]
[slo]
abort = [{ when = "calls.timeout >= 1", for = "1s" }]
"""
    notes = Notes()
    with FaultyTarget("silent") as target:
        loaded = scenario(tmp_path, target.url, live)
        run = read_run(run_live(loaded, out=tmp_path / "run", screen=notes, drain_s=0.2))
    summary = run.summary
    assert run.status == "finished" and summary["duration_s"] < 60.0
    assert summary["aborted"].startswith("aborted early at ")
    assert "slo.abort[0]: calls.timeout >= 1" in summary["aborted"]
    assert summary["aborted"] in summary["reasons"] and summary["aborted"] in notes.lines
    assert summary["verdict"] in ("SLO_MISSED", "INVALID")
    assert "aborted" in set(run.table("events")["kind"])


def test_sockets_leave_from_the_sources_in_turn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address(socket.AF_INET, server.getsockname()[:2])
        ways = Routes(parse_target("ws://x/"), (address,), 5.0, ("127.0.0.2", "127.0.0.3"))
        router = Router(ways, [0, 1, 2])
        seen = []
        for station in range(3):
            with open_socket(router(station)) as sock:
                sock.setblocking(True)
                sock.connect(address.sockaddr)
                peer, (host, _) = server.accept()
                peer.close()
                seen.append(host)
    assert seen == ["127.0.0.2", "127.0.0.3", "127.0.0.2"]


@pytest.mark.skipif(sys.platform != "linux" or not socket.has_ipv6, reason="an option of Linux")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (10, "::1")])
def test_a_socket_that_is_bound_takes_its_port_when_it_connects(family, host) -> None:
    where = (host, 9) if family == socket.AF_INET else (host, 9, 0, 0)
    try:
        with open_socket(DialRules(Address(family, where), source=host)) as sock:  # type: ignore[arg-type]
            assert sock.getsockname()[:2] == (host, 0)
    except ConnectError:
        pytest.skip(f"no {host} here")
