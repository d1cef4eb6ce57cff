"""Whole live runs with storms: what they leave, and that no transaction is lost in them.

No test asserts a verdict or a latency: what the machine at hand can do is not under test.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from simulator.csms import CsmsOptions
from simulator.csms.process import EmbeddedCsms
from simulator.live.errors import RefusedError
from simulator.live.run import run_live
from simulator.reconciliation import reconcile_run
from simulator.scenario import load_scenario
from simulator.store import read_run

pytestmark = [pytest.mark.process, pytest.mark.socket]

SCENARIO = """
[scenario]
name = "stormy"
seed = 7
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"

[[sites]]
name = "yard"
count = 2
stations = [{{ model = "ac-22-dual", count = 4 }}]
grid_limit = "90 kW"
arrivals = "public-ac"
visits_per_evse_day = 60.0
vehicles = "europe-2021"

[csms]
url = "{url}"
versions = {{ "1.6" = 0.5, "2.0.1" = 0.5 }}
{csms}

[live]
speed = 200
from = "17:00"
shards = {shards}
stages = [{{ kind = "ramp", for = "500ms", to = "100 %" }}, {{ kind = "hold", for = "{hold}" }}]
{live}
{storms}
"""


@pytest.fixture
def stormy(tmp_path: Path):
    """Runs the small scenario with these storms, and gives what it left."""

    def run(storms, url="embedded", hold="7s", shards=1, csms="", live="", **how):
        text = "".join(
            "[[live.storms]]\n" + "".join(f"{key} = {value}\n" for key, value in storm.items())
            for storm in storms
        )
        file = tmp_path / "stormy.toml"
        more = {"csms": csms, "live": live, "storms": text}
        file.write_text(SCENARIO.format(url=url, shards=shards, hold=hold, **more))
        path = run_live(load_scenario(file), out=tmp_path / "run", screen="none", **how)
        return read_run(path)

    return run


CUT = {"kind": '"power_cut"', "at": '"3s"', "for": '"1s"', "recovery": '"1s"'}
RESTART = {
    "kind": '"csms_restart"',
    "at": '"5s"',
    "for": '"500ms"',
    "recovery": '"2s"',
    "back_off": '"naive"',
}


def test_after_a_power_cut_and_a_kill_of_the_csms_no_transaction_is_missing_or_doubled(
    stormy,
) -> None:
    run = stormy([CUT, RESTART], shards=2)
    cut, restart = run.summary["storms"]
    for row in (cut, restart):
        assert row["stations_hit"] == row["in_operation_before"] == row["lost_connection"] == 8
        assert row["lowest"] == 0 and row["to_100_s"] is not None
        assert row["to_95_s"] <= row["to_100_s"]
        assert row["retry_amplification"] >= 1.0 and row["transactions_unacknowledged"] == 0
        assert not row["emulated"]
    assert cut["source"] == "stations" and cut["close"] == "silent" and cut["deed"] is None
    assert cut["peak_boots_per_s"] > 0 and restart["peak_boots_per_s"] == 0
    assert restart["source"] == "embedded" and restart["deed"]["ok"]
    assert not run.summary["csms_lost"]
    ledger = run.table("ledger")
    assert "PowerLoss" in set(ledger["reason"]) and len(ledger) > 8
    assert run.summary["transactions"]["started"] == run.summary["transactions"]["stopped"]
    *_, found = reconcile_run(run.path, str(run.path / "csms.sqlite"))
    assert found.clean, found.counts
    assert found.matched == found.compared == len(ledger)
    assert run.summary["prediction"]["stations_not_judged"] == 8
    assert run.summary["prediction"]["exact"] is None
    assert "storm" in [row["phase"] for row in run.summary["phases"]]
    assert "*" in run.summary["storm_latency_ms"]
    seconds = run.table("storms")
    assert seconds[seconds["storm"] == 0]["operating"].min() == 0
    assert run.table("seconds")["backlog"].max() > 0
    calls = run.summary["calls"]
    assert calls["planned"] == sum(n for name, n in calls.items() if name != "planned")


def test_without_a_hook_the_sockets_are_cut_by_us_and_it_says_emulated(stormy, closed_port) -> None:
    hook = f'{{ url = "http://127.0.0.1:{closed_port}/" }}'
    with EmbeddedCsms(CsmsOptions(port=0, fast=True)) as csms:
        run = stormy(
            [
                {**RESTART, "at": '"1500ms"', "recovery": '"1s"', "close": '"rst"'},
                {
                    "kind": '"rolling_deploy"',
                    "at": '"4s"',
                    "for": '"500ms"',
                    "recovery": '"1s"',
                    "instances": "2",
                    "back_off": '"naive"',
                },
                {**RESTART, "at": '"6500ms"', "for": '"100ms"', "hook": hook},
            ],
            url=csms.url + "/ocpp",
        )
    restart, deploy, failed = run.summary["storms"]
    assert restart["emulated"] and restart["source"] == "emulated" and restart["close"] == "rst"
    assert restart["lost_connection"] == 8 and restart["lowest"] == 0
    assert restart["to_100_s"] is not None and restart["retry_amplification"] >= 1.0
    assert any("Emulated" in note for note in restart["notes"])
    assert deploy["emulated"] and deploy["lost_connection"] == 8 and deploy["close"] == "clean"
    assert deploy["to_100_s"] is not None
    assert csms.holdings is not None
    theirs = csms.holdings["transactions"]
    assert run.summary["transactions"]["started"] == theirs["started"] == theirs["stopped"]
    # The third did not take place, so that the run shows nothing of it.
    assert not failed["emulated"] and not failed["deed"]["ok"]
    assert run.summary["verdict"] == "INVALID"
    assert any("storm 2 (csms_restart) took place" in reason for reason in run.summary["reasons"])


def test_commands_go_through_the_api_and_a_quarter_hour_is_the_stations_own(stormy) -> None:
    run = stormy(
        [
            {"kind": '"profile_broadcast"', "at": '"1s"', "limit": '"7 kW"', "recovery": '"1s"'},
            {"kind": '"quarter_hour"', "at": '"2s"', "for": '"2s"', "interval": '"1s"'},
            {"kind": '"mass_reset"', "at": '"4500ms"', "reset": '"hard"', "share": '"50 %"'},
        ],
        hold="5s",
        drain_s=2.0,
    )
    limit, quarter, reset = run.summary["storms"]
    assert limit["deed"]["ok"] and "8 status Accepted" in limit["deed"]["detail"]
    assert limit["lost_connection"] == 0 and limit["retry_amplification"] is None
    assert quarter["source"] == "stations" and quarter["lost_connection"] == 0
    assert quarter["to_100_s"] == 0.0
    values = run.summary["prediction"]["by_action"]["MeterValues"]
    assert values["measured"] > values["predicted"]
    assert reset["deed"]["ok"] and reset["stations_hit"] == 4
    assert "4 status Accepted" in reset["deed"]["detail"] and reset["lost_connection"] == 4


def test_what_cannot_be_is_refused_before_anything_starts(stormy) -> None:
    command = {**RESTART, "at": '"2s"', "hook": '{ command = "true" }'}
    with pytest.raises(RefusedError, match="allow-hooks"):
        stormy([command])
    with pytest.raises(RefusedError, match="not over before a run of 2 s"):
        stormy([CUT], duration_s=2.0)


def test_storms_over_tls_with_certificates_cut_and_restore_the_same(stormy) -> None:
    cut = {**CUT, "at": '"1500ms"', "recovery": '"500ms"'}
    restart = {**RESTART, "at": '"3500ms"', "recovery": '"1s"'}
    run = stormy([cut, restart], hold="5s", csms="security_profile = 3")
    for row in run.summary["storms"]:
        assert row["lost_connection"] == 8 and row["to_100_s"] is not None
        assert row["transactions_unacknowledged"] == 0
    assert not any(kind.startswith("tls") for kind, n in run.summary["errors"].items() if n)
    *_, found = reconcile_run(run.path, str(run.path / "csms.sqlite"))
    assert found.clean, found.counts


class Files(BaseHTTPRequestHandler):
    """Serves firmware, and counts how often."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"image")

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_a_campaign_fetches_the_file_and_ends_with_the_new_version(stormy, monkeypatch) -> None:
    monkeypatch.setattr(Files, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/acme-7.3.1.bin"
        campaign = {
            "kind": '"firmware_campaign"',
            "at": '"1s"',
            "firmware": f'"{address}"',
            "share": '"50 %"',
        }
        run = stormy([campaign], hold="2s", live='transfer_hosts = ["127.0.0.1"]')
        server.shutdown()
    (row,) = run.summary["storms"]
    assert row["deed"]["ok"] and len(Files.asked) == row["stations_hit"] == 4
    assert sum(row["firmware"].values()) == 4
    assert any("really fetched" in note for note in row["notes"])
    told = run.summary["prediction"]["by_action"]["FirmwareStatusNotification"]
    assert told["measured"] >= 8  # Downloading, Downloaded; installing waits for the cars
