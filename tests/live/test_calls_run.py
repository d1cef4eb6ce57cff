"""Whole runs that have the CSMS command their stations, over real sockets."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from simulator.csms.options import CsmsOptions
from simulator.csms.process import EmbeddedCsms
from simulator.live.errors import RefusedError
from simulator.live.run import run_live
from simulator.live.shard import Shard
from simulator.live.sight import Overheard
from simulator.report import render
from simulator.scenario import load_scenario
from simulator.store import read_run

SCENARIO = """
[scenario]
name = "calls"
seed = 7
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"

[[sites]]
name = "yard"
count = 2
stations = [{{ model = "ac-22-dual", count = 4 }}]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[csms]
url = "{url}"
versions = {{ "1.6" = 0.5, "2.0.1" = 0.5 }}
{calls}

[live]
from = "17:00"
shards = 2
stages = [{{ kind = "ramp", for = "500ms", to = "100 %" }}, {{ kind = "hold", for = "5s" }}]

[slo]
require = [{clauses}]
"""
EMBEDDED = """
[[csms.calls]]
name = "cap"
action = "SetChargingProfile"
rate = "20/s"
from = "2s"
limits = ["6 kW", "2 kW"]

[[csms.calls]]
action = "RemoteStop"
rate = "2/s"
from = "2500ms"
until = "4s"

[[csms.calls]]
action = "Reset"
rate = "1/s"
from = "3900ms"
until = "4s"

[[csms.calls]]
name = "all"
action = "TriggerMessage"
every = "1500ms"
from = "2s"
"""
FOREIGN = """
[csms.api]
url = "{url}"
[[csms.calls]]
action = "ClearCache"
rate = "10/s"
from = "2s"
request = {{ path = "/stations/{{station}}/commands", body = '{{"action": "ClearCache"}}' }}
[[csms.calls]]
name = "to nobody"
action = "Reset"
rate = "1/s"
from = "3s"
request = {{ path = "/stations/{{station}}", method = "PUT" }}
[[csms.calls]]
name = "all"
action = "GetLocalListVersion"
every = "2s"
from = "2s"
request = {{ path = "/broadcast", body = '{{"action": "GetLocalListVersion"}}' }}
"""


def loaded(tmp_path, calls, clauses="", url="embedded"):
    file = tmp_path / "calls.toml"
    file.write_text(SCENARIO.format(url=url, calls=calls, clauses=clauses))
    return load_scenario(file)


def ran(scenario, tmp_path):
    folder = run_live(scenario, out=tmp_path / "run", screen="none")
    summary = read_run(folder).summary
    rows = {row["name"]: row for row in summary["commands"]}
    for row in rows.values():
        skipped = sum(n for name, n in row.items() if name.startswith("skipped_"))
        assert row["planned"] == row["asked"] + skipped > 0
        assert row["asked"] == row["delivered"] + row["not_delivered"] + row["censored"]
    return folder, summary, rows


@pytest.mark.process
@pytest.mark.socket
def test_commands_reach_their_stations_through_two_workers_and_have_effect(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("simulator.live.embedded._ends", lambda _: (True, 2))
    clauses = '"max(cap.command) < 10 s", "max(Reset.answered) < 20 s"'
    folder, summary, rows = ran(loaded(tmp_path, EMBEDDED, clauses), tmp_path)
    for row in rows.values():
        assert row["delivered"] == row["asked"] and row["late"] == 0
        assert row["latency_ms"]["command"]["n"] <= row["latency_ms"]["answered"]["n"] + 1
    cap, stop, reset, everybody = (rows[n] for n in ("cap", "RemoteStop", "Reset", "all"))
    assert cap["api_answered"] == cap["asked"] and cap["power"] > 0
    assert cap["power"] + cap["unchanged"] == cap["delivered"]
    assert stop["ended"] == stop["asked"] > 0 and reset["effect_open"] == 1 == reset["asked"]
    first = everybody["broadcasts"][0]
    assert first["due_s"] == 2.0 and first["asked"] == first["seen"] == 8
    assert 0 < first["first_ms"] <= first["median_ms"] <= first["p95_ms"] <= first["last_ms"]
    assert everybody["api_calls"] == 2 * len(everybody["broadcasts"])  # one for each version
    assert [clause["n"] > 0 for clause in summary["slo"]] == [True, True]
    assert any("is not predicted; stations" in note for note in summary["notes"])
    assert summary["prediction"]["exact"] is None
    tags = (folder / "latency.hlog").read_text()
    assert "Tag=cap.power/api/" in tags and "Tag=Reset.command/api/" in tags
    page = render(folder).read_text()
    assert "Commands that the CSMS was asked for" in page and "changed power" in page


@pytest.mark.process
@pytest.mark.socket
def test_another_csms_is_called_as_the_scenario_says(tmp_path) -> None:
    with EmbeddedCsms(CsmsOptions(port=0, http=0)) as csms:
        calls = FOREIGN.format(url=csms.http_url)
        _, _, rows = ran(loaded(tmp_path, calls, url=csms.url), tmp_path)
    one, lost, everybody = (rows[n] for n in ("ClearCache", "to nobody", "all"))
    assert one["delivered"] == one["api_answered"] == one["asked"]
    assert lost["api_http_405"] == lost["asked"] == lost["censored"] and not lost["delivered"]
    assert everybody["api_calls"] == len(everybody["broadcasts"])
    assert everybody["delivered"] == everybody["asked"] > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            'action = "Reset"\nrate = "1/s"\npayload = \'{"type": "Soft"}\'',
            r"csms\.calls\[0\]\.payload: OCPP 2\.0\.1: type: value 'Soft'",
        ),
        (
            'action = "ReserveNow"\nrate = "1/s"\npayload = "{}"',
            r"csms\.calls\[0\]\.payload: OCPP 1\.6: connectorId: expected this field",
        ),
        ('action = "Reset"\nevery = "1us"', r"csms\.calls\[0\]: more than 5 000 000 commands"),
        (
            'action = "Reset"\nrate = "1/s"\nshare = 0',
            r"csms\.calls\[0\]: no station of this network",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_the_run(tmp_path, call, message) -> None:
    with pytest.raises(RefusedError, match=message):
        run_live(loaded(tmp_path, f"[[csms.calls]]\n{call}"), out=tmp_path / "run", screen="none")


def test_a_boot_and_the_ends_of_transactions_are_heard_of_and_passed_on() -> None:
    heard, booted = [], []
    commands = SimpleNamespace(effect=lambda *what: heard.append(what))
    ledger = SimpleNamespace(
        transaction_started=lambda *_: booted.append("started"),
        transaction_stopped=lambda *_: booted.append("stopped"),
    )
    shard = SimpleNamespace(
        recorder=SimpleNamespace(on_boot=lambda *what: booted.append(what)),
        _overheard=Overheard(ledger),
    )
    Shard._listen(shard, commands)
    shard.recorder.on_boot(3, 5.0)
    shard._overheard.transaction_started(3, 2, 9, "T", 6.0, 0.0)
    shard._overheard.transaction_stopped(3, 9, "Remote", 7.0, 1.0)
    assert heard == [(3, 5.0, ("booted",)), (3, 6.0, ("started", 2)), (3, 7.0, ("ended", 9))]
    assert booted == [(3, 5.0), "started", "stopped"]
