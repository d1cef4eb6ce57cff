"""The page of a sweep: its points with intervals, how far it came, what failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from simulator.cli import run as command
from simulator.report import render
from simulator.store import StoreError
from simulator.store.sweepfolder import SweepFolder, read_sweep, write_trial

LIMITS = {"a": {"sites.0.grid_limit": "40 kW"}, "b": {"sites.0.grid_limit": "60 kW"}}
ABOUT = {
    "version": "0.1.0",
    "stations": None,
    "scenario": {
        "scenario": {"name": "hub", "seed": 7, "duration": "1d"},
        "sites": [{"name": "by-the-road"}],
    },
}
FIGURES = {
    "a": [{"energy_kwh": 400.0, "peak_15min_kw": 40.0, "unserved_kwh": 90.0}] * 2
    + [{"energy_kwh": 430.0, "peak_15min_kw": 40.0, "unserved_kwh": 60.0}],
    "b": [{"energy_kwh": 480.0, "peak_15min_kw": 55.0, "unserved_kwh": 10.0}] * 3,
}


def folder(
    out: Path,
    points: Mapping[str, Mapping[str, str]] = LIMITS,
    *,
    missing: Set[tuple[str, int]] = frozenset(),
    failing: Mapping[tuple[str, int], str] = MappingProxyType({}),
    figures: Mapping[str, Any] = FIGURES,
    replications: int = 3,
) -> Path:
    """A sweep's folder as trials leave it; the tables are left out, as where it was killed."""
    made = SweepFolder.open(out, "hub", ABOUT)
    made.write_plan(points, replications)
    for key, values in points.items():
        for r in range(replications):
            if (key, r) in missing:
                continue
            row: dict[str, Any] = {"values": dict(values), "replication": r}
            error = failing.get((key, r))
            row |= {"error": error} if error else {"figures": figures[key][r]}
            write_trial(made.trial_path(key, r), row)
    return out


def page(path: Path) -> str:
    """The page as Markdown, on one line, narrow spaces as wide ones."""
    text = (render(path).parent / "report.md").read_text("utf-8")
    return re.sub(r"\s+", " ", text.replace("\\", "").replace("\u202f", " "))


def test_every_point_stands_with_its_means_and_intervals(tmp_path: Path) -> None:
    shown = page(folder(tmp_path / "s"))
    assert "2 points of sites.0.grid_limit, 3 replications each" in shown
    # mean 410, sd 17.32, t(2) = 4.303: half width 43.03
    assert "410 kWh" in shown and "367 kWh to 453 kWh" in shown
    assert "480 kWh" in shown and "40 kW" in shown and "by-the-road" in shown
    assert "not finished" not in shown and "failed" not in shown


def test_its_plots_are_lines_over_the_field_and_a_tradeoff(tmp_path: Path) -> None:
    path = folder(tmp_path / "s")
    render(path)
    names = {file.stem for file in (path / "plots").iterdir()}
    assert {"sweep-energy-kwh", "sweep-peak-15min-kw", "sweep-unserved-kwh"} < names
    assert len(names) == 4
    html = (path / "report.html").read_text("utf-8")
    assert "Energy not served against peak" in html and "sites.0.grid_limit, kW" in html


def test_one_run_at_each_point_is_not_called_more_than_that(tmp_path: Path) -> None:
    shown = page(folder(tmp_path / "s", replications=1))
    assert "no figure has an interval" in shown and "may be chance" in shown
    assert "kWh to" not in shown and "confidence" not in shown


def test_an_unfinished_sweep_says_how_far_it_came(tmp_path: Path) -> None:
    shown = page(folder(tmp_path / "s", missing={("b", 1), ("b", 2)}))
    assert "UNFINISHED SWEEP" in shown
    assert "4 of 6 trials are" in shown and "goes on" in shown
    assert "480 kWh" in shown
    assert "points.csv" not in shown  # a killed sweep has no tables yet


def test_a_point_with_fewer_trials_says_how_many(tmp_path: Path) -> None:
    shown = page(folder(tmp_path / "s", missing={("a", 2)}))
    assert "400 kWh to 400 kWh, n = 2" in shown


def test_a_sweep_that_had_just_begun_has_a_page(tmp_path: Path) -> None:
    everything = {(key, r) for key in LIMITS for r in range(3)}
    shown = page(folder(tmp_path / "s", missing=everything))
    assert "0 of 6 trials are" in shown and "No trial has given figures so far." in shown


def test_failed_trials_are_counted_and_listed_and_give_no_figure(tmp_path: Path) -> None:
    failing = {("a", r): "ValueError: <b>infeasible</b>" for r in range(3)}
    path = folder(tmp_path / "s", failing=failing)
    shown = page(path)
    assert "3 of 6 trials failed and count in no figure" in shown
    assert "not finished" not in shown
    assert "sites.0.grid_limit=40 kW" in shown
    html = (path / "report.html").read_text("utf-8")
    assert "&lt;b&gt;infeasible" in html and "<b>infeasible" not in html


def test_figures_that_are_never_other_than_zero_have_no_column(tmp_path: Path) -> None:
    figures = {key: [row | {"waited_share": 0.0} for row in FIGURES[key]] for key in FIGURES}
    assert "had to wait" not in page(folder(tmp_path / "s", figures=figures))


def test_a_point_may_lack_a_figure_or_a_field(tmp_path: Path) -> None:
    points = {**LIMITS, "c": {"sites.0.policy": "edf"}}
    rows = [{"energy_kwh": None}, {"energy_kwh": 450.0}, {}]
    path = folder(tmp_path / "s", points, figures={**FIGURES, "c": rows})
    assert "as it is" in page(path)
    found = read_sweep(path)
    assert found.fields == ["sites.0.grid_limit", "sites.0.policy"]
    assert found.points[2].figures == {"energy_kwh": [450.0]}
    assert (found.total, found.done, found.failed) == (9, 9, 0)


def test_several_fields_make_a_line_for_each_of_the_others(tmp_path: Path) -> None:
    points = {
        f"{limit}{policy}": {"sites.0.grid_limit": f"{limit} kW", "sites.0.policy": policy}
        for limit in (40, 60)
        for policy in ("edf", "fcfs")
    }
    figures = {key: FIGURES["a" if key.startswith("4") else "b"] for key in points}
    path = folder(tmp_path / "s", points, figures=figures)
    render(path)
    drawn = (path / "plots" / "sweep-energy-kwh.svg").read_text("utf-8")
    assert "edf" in drawn and "fcfs" in drawn


def test_the_same_sweep_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (render(folder(tmp_path / name / "s")) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_the_command_writes_the_page_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder(tmp_path / "s")
    assert command(["report", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(path / "report.html")


@pytest.mark.parametrize("text", ["{", '{"points": [{}], "replications": 2}', "[]"])
def test_a_damaged_plan_is_said(text: str, tmp_path: Path) -> None:
    path = folder(tmp_path / "s")
    (path / "plan.json").write_text(text)
    with pytest.raises(StoreError, match="cannot be read as a sweep"):
        render(path)
