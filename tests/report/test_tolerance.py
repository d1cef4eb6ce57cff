"""A report of whatever there is: interrupted runs, missing tables, empty runs, odd values."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator.report import brief, render
from simulator.store import RunFolder, StoreError

Make = Callable[..., Path]


def text_of(run: Path) -> str:
    render(run)
    return re.sub(r"\\(.)", r"\1", (run / "report.md").read_text("utf-8"))


def died(out: Path, kind: Any, **manifest: Any) -> Path:
    """A folder whose process is gone without a summary."""
    folder = RunFolder.create(out, "city-launch", kind)
    folder.write_manifest(**manifest, process={"pid": 2**22 + 1, "started_s": 0.0})
    return out


@pytest.mark.parametrize("kind", ["live", "simulation"])
def test_a_run_that_died_gives_a_report_that_says_interrupted(tmp_path: Path, kind: str) -> None:
    run = died(tmp_path / "run", kind)
    text = text_of(run)
    assert "# city-launch: INTERRUPTED" in text
    assert "This run was interrupted before it could sum up" in text
    assert "INTERRUPTED" in brief(run)
    assert list((run / "plots").iterdir()) == []


def test_a_run_that_failed_says_of_what(tmp_path: Path) -> None:
    run = died(tmp_path / "run", "live", status="failed", error="OSError: disk full")
    text = text_of(run)
    assert "# city-launch: FAILED" in text
    assert "This run failed: OSError: disk full." in text


def test_a_run_under_way_is_not_called_interrupted(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", "city-launch", "live")
    text = text_of(tmp_path / "run")
    assert "# city-launch: RUNNING" in text
    assert "This run has not ended" in text


def test_a_run_that_died_shows_the_tables_that_it_left(tmp_path: Path) -> None:
    run = died(tmp_path / "run", "live")
    stream = RunFolder.create(tmp_path / "other", "x", "live").appender("ledger")
    row = {"station_id": "CSW-a-0001", "evse": 1, "local_id": 1, "state": "open"}
    stream.append(row)
    stream.flush()
    stream.path.replace(run / stream.path.name)
    assert "| open | – | 1 | 0 kWh |" in text_of(run).replace("\u202f", " ")


@pytest.mark.parametrize("kind", ["live", "simulation"])
def test_without_tables_the_plots_are_left_out_and_said(
    kind: str, live_run: Make, simulation_run: Make
) -> None:
    run = (live_run if kind == "live" else simulation_run)(tables=False)
    text = text_of(run)
    title = "Calls due and calls answered" if kind == "live" else "Load of the network"
    assert f"Not drawn: “{title}” – the run" in text
    assert f"![{title}]" not in text


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("live", "seconds"),
        ("live", "messages"),
        ("live", "station_messages"),
        ("live", "ledger"),
        ("simulation", "load"),
        ("simulation", "sessions"),
        ("simulation", "messages"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_any_one_table_may_be_missing_or_unreadable(
    kind: str, table: str, damage: str, live_run: Make, simulation_run: Make
) -> None:
    run = (live_run if kind == "live" else simulation_run)()
    path = run / f"{table}.parquet"
    path.unlink() if damage == "missing" else path.write_bytes(b"garbage")
    text = text_of(run)
    assert "![" in text
    assert ("Could not be read" in text) == (damage == "garbage")


def test_a_damaged_histogram_log_costs_one_plot(live_run: Make) -> None:
    run = live_run()
    log = run / "latency.hlog"
    log.write_text(re.sub(r",HISTF", ",XXXX", log.read_text()))
    text = text_of(run)
    assert "![How slow the slowest answers are]" not in text
    assert "latency.hlog: line" in text
    assert "![Latency by message type]" in text


@pytest.mark.parametrize("make", ["live_run", "simulation_run"])
def test_a_summary_of_nulls_is_a_report_of_dashes(
    make: str, request: pytest.FixtureRequest
) -> None:
    def emptied(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: emptied(item) for name, item in value.items()}
        return value if isinstance(value, str | list | bool) else None

    import json

    factory: Make = request.getfixturevalue(make)
    full = json.loads((factory("full", tables=False) / "summary.json").read_text())
    assert "–" in text_of(factory("nulls", summary=emptied(full)))


@pytest.mark.parametrize("verdict", ["PASS", "SLO_MISSED", "INVALID", "TARGET_UNREACHABLE"])
def test_a_summary_with_nothing_but_a_verdict_is_enough(live_run: Make, verdict: str) -> None:
    run = live_run(summary={"verdict": verdict, "kind": "live"}, tables=False)
    assert f"# city-launch: {verdict}" in text_of(run)


def test_without_a_scenario_the_time_axis_counts_from_the_start(simulation_run: Make) -> None:
    run = simulation_run(scenario=None)
    render(run)
    assert "local time" not in (run / "plots" / "load.svg").read_text("utf-8")
    assert "since the start" in (run / "plots" / "load.svg").read_text("utf-8")


def test_a_folder_that_is_no_run_is_an_error_and_stays_untouched(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        render(tmp_path)
    assert list(tmp_path.iterdir()) == []
