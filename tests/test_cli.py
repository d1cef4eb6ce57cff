"""The command line as a person meets it: help, exit codes, one clear message for a mistake."""

from __future__ import annotations

import json
import re
import socket
import stat
from pathlib import Path

import pytest

from simulator.cli import run

COMMANDS = [
    ["simulate"],
    ["live"],
    ["csms"],
    ["report"],
    ["calibrate", "arrivals"],
    ["preflight"],
    ["fleet", "export"],
    ["scenarios", "list"],
    ["scenarios", "show"],
    ["scenarios", "validate"],
    ["scenarios", "schema"],
    ["profiles", "list"],
    ["profiles", "show"],
]
FILES = ("stations.csv", "tokens.csv")
SMALL = ["--stations", "20", "--duration", "6h"]


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: chargeswarm " + " ".join(command) in shown
    assert len(shown.splitlines()) > 5


@pytest.mark.parametrize("command", ["simulate", "live"])
def test_every_run_takes_the_common_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    run([command, "--help"])
    shown = capsys.readouterr().out
    for flag in ("--csms", "--stations", "--duration", "--seed", "--out", "--set", "--json"):
        assert flag in shown


def test_the_first_screen_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for code in ("0 pass", "1 usage", "2 SLO", "3 INVALID", "4 target", "5 shard", "130 interr"):
        assert code in shown


@pytest.mark.parametrize(
    "argv",
    [
        ["simulate"],
        ["simulate", "city-launch", "--nonsense"],
        ["simulate", "city-launch", "--stations", "none"],
        ["simulate", "city-launch", "--stations", "0"],
        ["live", "city-launch", "--json", "--jsonl", "-"],
        ["live", "city-launch", "--progress", "loud"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_a_usage_error_is_exit_code_1(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["simulate", "city-lunch"], "did you mean 'city-launch'"),
        (["simulate", "nowhere/to/be/found.toml"], "found.toml"),
        (["simulate", "city-launch", "--set", "sites.0.grid_limt=3 kW"], "grid_limit"),
        (["simulate", "city-launch", "--set", "sites.0.grid_limit=-3 kW"], "-3 kW"),
        (["simulate", "city-launch", "--duration", "7 fortnights"], "7 fortnights"),
        (["live", "city-launch", "--csms", "http://127.0.0.1:1"], "http://127.0.0.1:1"),
        (["live", "city-launch", "--csms", "ws://csms.example/ocpp"], "authorised"),
        (["live", "city-launch", "--metrics", "nonsense"], "expected :PORT"),
        (["live", "city-launch", "--jsonl", "/nowhere/lines"], "--jsonl /nowhere/lines"),
        (["live", "city-launch", "--set", "validity.cpu_share=2"], "ratio of at most 1"),
        (["preflight", "city-launch", "--set", "live.from=25:00"], "25:00"),
        (["report", "/nowhere"], "/nowhere"),
        (["profiles", "show", "hom"], "home"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_mistake_gets_one_message_without_traceback(
    argv: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argv) == 1
    shown = capsys.readouterr()
    assert expected in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_all_mistakes_of_a_scenario_are_named_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(
        '[scenario]\nname = "bad"\nstart = 2026-06-01T00:00:00\ntimezone = "Europe/Berlni"\n'
        '[[sites]]\nname = "a"\nstations = [{ model = "ac-22-singel", count = 1 }]\n'
        'arrivals = "public-ac"\nvisits_per_evse_day = -1.0\nvehicles = "europe-2021"\n'
    )
    assert run(["scenarios", "validate", str(bad)]) == 1
    shown = capsys.readouterr().err
    for hint in ("Europe/Berlin", "ac-22-single", "visits_per_evse_day", str(bad)):
        assert hint in shown


def test_json_prints_the_summary_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(["simulate", "city-launch", *SMALL, "--out", str(out), "--json"]) == 0
    shown = capsys.readouterr()
    summary = json.loads(shown.out)
    assert summary == json.loads((out / "summary.json").read_text())
    assert summary["stations"] == 20
    assert summary["duration_s"] == 6 * 3600


def test_a_simulation_leaves_everything_that_was_promised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(["simulate", "city-launch", *SMALL, "--out", str(out)]) == 0
    names = {p.name for p in out.iterdir()}
    assert names >= {
        "manifest.json", "summary.json", "sessions.parquet", "load.parquet", "messages.parquet",
        "plots", "report.html", "report.md",
    }  # fmt: skip
    assert str(out / "report.html") in capsys.readouterr().out


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def energy(name: str, *more: str) -> float:
        argv = ["simulate", "city-launch", *SMALL, "--out", str(tmp_path / name), "--json", *more]
        assert run(argv) == 0
        return float(json.loads(capsys.readouterr().out)["energy_kwh"])

    first = energy("a")
    assert energy("b") == first
    assert energy("c", "--seed", "7") != first


def test_fleet_export_writes_private_files_and_refuses_to_replace_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["fleet", "export", "city-launch", "--stations", "30", "--out", str(tmp_path)]
    assert run(argv) == 0
    for name in FILES:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    header = (tmp_path / "stations.csv").read_text().splitlines()[0]
    assert header == "id,version,vendor,model,serial,connectors,password"
    capsys.readouterr()
    assert run(argv) == 1
    assert "stations.csv" in capsys.readouterr().err
    assert run([*argv, "--force"]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / f) for f in FILES]


def test_the_schema_is_json_and_the_lists_name_what_ships(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["scenarios", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"
    assert run(["scenarios", "list"]) == 0
    assert {"city-launch", "workplace-trace", "boot-storm"} <= set(
        re.findall(r"[\w-]+", capsys.readouterr().out)
    )
    assert run(["profiles", "list"]) == 0
    assert "europe-2021" in capsys.readouterr().out


@pytest.mark.socket
def test_a_port_that_nobody_listens_on_is_exit_code_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"ws://127.0.0.1:{port}/ocpp"
    argv = ["live", "city-launch", "--csms", url, "--stations", "2", "--duration", "5s"]
    assert run([*argv, "--out", str(tmp_path / "run")]) == 4
    shown = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in shown
    assert "refused" in shown
    assert "Traceback" not in shown
