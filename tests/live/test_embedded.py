"""The embedded CSMS of a run is set up as the scenario has it, and asks what the scenario says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from simulator import load_scenario
from simulator.live.embedded import _ends, csms_options, heartbeat_s
from simulator.live.errors import TargetUnreachableError
from simulator.live.run import run_live
from simulator.live.screen import NoScreen
from simulator.store import read_run

SCENARIO = """
[scenario]
name = "small"
seed = 7
start = 2026-06-01T00:00:00

[[sites]]
name = "yard"
stations = [{{ mix = [{{ model = "ac-22-dual" }}, {{ model = "dc-50-single" }}], count = 4 }}]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"
{drivers}

[csms]
security_profile = {profile}
versions = {{ "1.6" = 0.5, "2.0.1" = 0.5 }}

[csms.embedded]
{embedded}

[live]
speed = 600
from = "17:00"
stages = [{{ kind = "ramp", for = "500ms", to = "100 %" }}, {{ kind = "hold", for = "4s" }}]

[slo]
require = [
  "p95(StartTransaction|TransactionEvent.response) < 1h",
  "p95(SignCertificate.response) < 1 s",
]
"""


class Listening(NoScreen):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def loaded(tmp_path: Path):
    def make(embedded: str = "", profile: int = 0, drivers: str = ""):
        path = tmp_path / "s.toml"
        path.write_text(SCENARIO.format(embedded=embedded, profile=profile, drivers=drivers))
        return load_scenario(path)

    return make


def test_what_the_scenario_says_becomes_options(loaded, tmp_path: Path) -> None:
    known = "id,version,vendor,model,serial,connectors,password\nA,1.6,V,M,S,1,\n"
    (tmp_path / "known.csv").write_text(known)
    (tmp_path / "tokens.csv").write_text("token,type,status\nCARD,ISO14443,Accepted\n")
    scenario = loaded(
        'on_boot = "usual-questions"\nheartbeat = "90s"\nhttp = 9001\nsqlite = "x.db"\n'
        'stations = "known.csv"\ntokens = "tokens.csv"'
    )
    options = csms_options(scenario, scenario.network(), tmp_path, None)
    assert (options.heartbeat_interval_s, options.http, options.port) == (90, 9001, 0)
    assert options.http_host == "127.0.0.1"
    assert (options.sqlite, options.stations, options.tokens) == (
        tmp_path / "x.db",
        tmp_path / "known.csv",
        tmp_path / "tokens.csv",
    )
    assert options.on_boot is not None and options.on_boot.is_file()
    assert heartbeat_s(scenario) == 90.0


def test_what_a_run_needs_is_exported_unless_the_scenario_names_files(loaded, tmp_path) -> None:
    assert csms_options(loaded(), loaded().network(), tmp_path, None).stations is None
    refused = "drivers = { wrong_token = 0.5 }"
    scenario = loaded("", 1, refused)
    options = csms_options(scenario, scenario.network(), tmp_path / "private", None)
    assert options.stations == tmp_path / "private" / "stations.csv"
    assert options.tokens == tmp_path / "private" / "tokens.csv"
    (tmp_path / "own.csv").write_text("token,type,status\nCARD,ISO14443,Accepted\n")
    scenario = loaded('tokens = "own.csv"', 0, refused)
    options = csms_options(scenario, scenario.network(), tmp_path / "none", None)
    assert (options.stations, options.tokens) == (None, tmp_path / "own.csv")


@pytest.mark.process
@pytest.mark.socket
def test_the_csms_of_a_run_asks_after_each_boot_and_the_run_says_what_was_not_predicted(
    loaded, tmp_path: Path
) -> None:
    scenario = loaded('on_boot = "usual-questions"\nhttp = 0\nsqlite = "x.db"\nheartbeat = "77s"')
    screen = Listening()
    summary = read_run(run_live(scenario, out=tmp_path / "run", screen=screen)).summary
    asked = summary["csms"]["commands"]
    assert asked["GetConfiguration"] == {"answered": summary["served"]["GetConfiguration"]["ok"]}
    notes = "; ".join(summary["notes"])
    assert "the boot script usual-questions asks for it is not predicted" in notes
    assert f"{summary['prediction']['by_action']['NotifyReport']['measured']} NotifyReport" in notes
    assert any(
        note.startswith("its HTTP API listens at http://127.0.0.1:") for note in screen.notes
    )
    with closing(sqlite3.connect(tmp_path / "x.db")) as database:
        tables = [row[0] for row in database.execute("select name from sqlite_master")]
    assert tables
    starts, never = summary["slo"]
    assert (starts["applies"], starts["ok"]) == (True, True)
    assert never["applies"] and not never["ok"]  # a station could have sent it, and did not


@pytest.mark.process
@pytest.mark.socket
def test_a_csms_that_cannot_start_is_a_target_that_cannot_be_reached(loaded, tmp_path) -> None:
    (tmp_path / "x.db").write_text("this is no database, and never was one" * 50)
    with pytest.raises(TargetUnreachableError, match="embedded CSMS did not start"):
        run_live(loaded('sqlite = "x.db"'), out=tmp_path / "run", screen=NoScreen())


@pytest.mark.parametrize(
    ("stations", "files", "fast", "workers"),
    [(1000, 20_000, False, 1), (2000, 20_000, True, 1), (50_000, 20_000, True, 3)],
)
def test_a_large_fleet_has_a_fast_csms_with_files_for_all(stations, files, fast, workers) -> None:
    assert _ends(stations, files) == (fast, workers)
