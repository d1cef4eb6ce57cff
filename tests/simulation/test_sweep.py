"""Sweeps: points, tables, going on after a stop, failures that stop nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator.simulation.sweep as sweep_module
from simulator import ScenarioError, sweep
from simulator.cli import run
from simulator.simulation.points import as_text, grid, read_list, read_vary, split
from simulator.store import StoreError

LIMITS = {"sites.hub.grid_limit": ["40 kW", "60 kW"]}
POLICIES = {"sites.0.policy": ["equal_share", "uncontrolled"]}


# -- points --------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_and_the_last_field_changes_fastest() -> None:
    found = [dict(point.values) for point in grid({"a": ["1", "2"], "b": ["x", "y"]})]
    assert found == [{"a": a, "b": b} for a in "12" for b in "xy"]


def test_listed_points_meet_every_combination() -> None:
    found = [dict(p.values) for p in grid({"c": ["1", "2"]}, [{"a": "x", "b": "y"}, {"a": "z"}])]
    assert found == [
        {"a": "x", "b": "y", "c": "1"},
        {"a": "x", "b": "y", "c": "2"},
        {"a": "z", "c": "1"},
        {"a": "z", "c": "2"},
    ]


def test_a_points_key_is_its_own_whatever_else_is_swept() -> None:
    few, many = grid({"a": ["1"]}), grid({"a": ["0", "1", "2"]})
    assert few[0].key == many[1].key
    assert len({point.key for point in many}) == 3


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("40 kW, 60 kW", ["40 kW", "60 kW"]),
        ("[1, 2], [3]", ["[1, 2]", "[3]"]),
        ('{ a = 1, b = "x,y" }', ['{ a = 1, b = "x,y" }']),
        ("'a,b',c", ["'a,b'", "c"]),
        ("", []),
    ],
)
def test_commas_within_brackets_and_quotes_separate_nothing(text: str, values: list[str]) -> None:
    assert split(text) == values


@given(
    st.lists(
        st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False), min_size=1
    )
)
def test_numbers_survive_being_written(numbers: list[float]) -> None:
    assert [float(text) for text in split(",".join(map(as_text, numbers)))] == numbers


def test_values_from_python_read_as_in_a_file() -> None:
    assert [as_text(v) for v in ("60 kW", 3, 0.5, True, ["a", "b"])] == [
        "60 kW",
        "3",
        "0.5",
        "true",
        '["a", "b"]',
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["sites.0.count"], "value 'sites.0.count': expected field=value,value"),
        (["a=1", "a=2"], "a: expected a field once, with all its values"),
        (["a="], "a: expected values to try"),
        ([], "expected fields to vary"),
    ],
)
def test_what_cannot_be_varied_is_said(texts: list[str], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        grid(read_vary(texts))


def test_a_list_is_read_and_its_mistakes_are_located(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("sites.0.count,sites.hub.grid_limit\n1,40 kW\n2, 60 kW\n")
    assert read_list(path)[1] == {"sites.0.count": "2", "sites.hub.grid_limit": "60 kW"}
    for text, where in (
        ("a,b\n1\n", "line 2: value 1: expected 2 values"),
        ("a,a\n1,2\n", "line 1: value 'a': expected a name of its own"),
        ("a\n", "expected fields in the first line"),
    ):
        path.write_text(text)
        with pytest.raises(ScenarioError, match=where):
            read_list(path)
    with pytest.raises(ScenarioError, match=r"none.csv: expected a CSV file"):
        read_list(tmp_path / "none.csv")


# -- running -------------------------------------------------------------------------------------


def test_a_sweep_is_one_tidy_table(small: Path, tmp_path: Path) -> None:
    found = sweep(small, LIMITS | POLICIES, replications=2, out=tmp_path / "sweep")
    assert list(found.table.columns) == [
        "point",
        "replication",
        "sites.hub.grid_limit",
        "sites.0.policy",
        "figure",
        "unit",
        "value",
    ]
    assert found.table.groupby("figure").size().loc["energy_kwh"] == 4 * 2
    assert (found.done, found.exit_code) == (8, 0)
    energy = found.summary("energy_kwh")
    assert energy["sites.hub.grid_limit"].tolist() == ["40 kW", "40 kW", "60 kW", "60 kW"]
    assert (energy["low"] <= energy["mean"]).all() and (energy["n"] == 2).all()
    assert energy["mean"].iloc[2] > energy["mean"].iloc[0]
    for name, read in (("sweep.csv", pd.read_csv), ("sweep.parquet", pd.read_parquet)):
        frame: Any = read(found.path / name)
        assert len(frame) == len(found.table)
        assert frame["value"].sum() == pytest.approx(found.table["value"].sum())
    assert "40 kW" in found.text() and "±" in found.text()
    with pytest.raises(KeyError, match="no figure 'energy'"):
        found.summary("energy")


def test_a_figure_is_made_of_others_trial_by_trial(small: Path, tmp_path: Path) -> None:
    found = sweep(small, LIMITS, replications=2, out=tmp_path / "sweep")
    more = found.with_figure("twice", lambda f: 2 * f["energy_kwh"], unit="kWh")
    assert list(more.table.columns) == list(found.table.columns)
    assert len(more.table) == len(found.table) + 4
    twice, once = more.summary("twice"), found.summary("energy_kwh")
    assert twice["mean"].tolist() == pytest.approx((2 * once["mean"]).tolist())
    assert twice["sites.hub.grid_limit"].tolist() == ["40 kW", "60 kW"]
    assert set(more.table.loc[more.table["figure"] == "twice", "unit"]) == {"kWh"}


def test_the_same_call_goes_on_where_an_earlier_one_stopped(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real, ran = tmp_path / "sweep", sweep_module.trial_figures, []

    def counted(trial: Any) -> dict[str, float]:
        if len(ran) == 3:
            raise KeyboardInterrupt
        ran.append(trial.replication)
        return real(trial)

    monkeypatch.setattr(sweep_module, "trial_figures", counted)
    with pytest.raises(KeyboardInterrupt):
        sweep(small, LIMITS, replications=2, out=out)
    assert ran == [0, 0, 1]  # every point once before any twice
    assert pd.read_csv(out / "sweep.csv").groupby("figure").size()["visits"] == 3
    assert "3 of 4" in (out / "report.html").read_text("utf-8").replace("\u202f", " ")
    ran.clear()
    ran_before = {path.name: path.read_bytes() for path in (out / "trials").iterdir()}
    more = {"sites.hub.grid_limit": ["40 kW", "60 kW", "50 kW"]}
    monkeypatch.setattr(sweep_module, "trial_figures", real)
    found = sweep(small, more, replications=2, out=out)
    assert found.done == 6
    assert {n: (out / "trials" / n).read_bytes() for n in ran_before} == ran_before
    whole = sweep(small, more, replications=2, out=tmp_path / "at-once")
    pd.testing.assert_frame_equal(found.table, whole.table)


def test_a_changed_scenario_is_refused_and_the_change_is_named(small: Path, tmp_path: Path) -> None:
    sweep(small, LIMITS, out=tmp_path / "sweep")
    with pytest.raises(StoreError, match=r"sites\[0\]\.rotate was .* expected the same scenario"):
        sweep(small, LIMITS, sets=["sites.0.rotate=10m"], out=tmp_path / "sweep")
    with pytest.raises(StoreError, match="stations was not given and is 5"):
        sweep(small, LIMITS, stations=5, out=tmp_path / "sweep")


def test_a_folder_that_holds_something_else_is_left_alone(small: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"not empty and holds no sweep\.json"):
        sweep(small, LIMITS, out=tmp_path)


def test_a_failing_point_is_recorded_and_stops_nothing_and_is_tried_again(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sweep_module.trial_figures

    def fails(trial: Any) -> dict[str, float]:
        if trial.scenario.file.sites[0].grid_limit == 40.0:
            raise ValueError("infeasible")
        return real(trial)

    monkeypatch.setattr(sweep_module, "trial_figures", fails)
    found = sweep(small, LIMITS, replications=2, out=tmp_path / "sweep")
    assert found.exit_code == 1
    assert {failure.error for failure in found.failures} == {"ValueError: infeasible"}
    assert set(found.table["point"]) == {1}
    assert "failed: sites.hub.grid_limit=40 kW (replication 0): ValueError" in found.text()
    monkeypatch.setattr(sweep_module, "trial_figures", real)
    assert sweep(small, LIMITS, replications=2, out=tmp_path / "sweep").exit_code == 0


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ("sites.0.grid_limt=40 kW", "--vary: .*grid_limt.*did you mean 'grid_limit'"),
        ("sites.0.policy=equal_share,equal_shar", "--vary: .*did you mean 'equal_share'"),
        ("sites.0.grid_limit=40", "--vary: .*expected a power with its unit"),
        ("sites.huub.grid_limit=40 kW", "did you mean 'hub'"),
    ],
)
def test_a_wrong_field_or_value_is_named_before_anything_runs(
    vary: str, message: str, small: Path, tmp_path: Path
) -> None:
    with pytest.raises(ScenarioError, match=message):
        sweep(small, read_vary([vary]), out=tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_the_command_sweeps(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "points.csv"
    listed.write_text("sites.hub.stations.0.count\n2\n3\n")
    argv = ["sweep", str(small), "--vary", "sites.hub.grid_limit=40 kW,60 kW"]
    argv += ["--list", str(listed), "--out", str(tmp_path / "sweep"), "--show", "energy_kwh"]
    assert run(argv) == 0
    shown = capsys.readouterr().out
    assert "4 of 4 trials" in shown and "energy_kwh [kWh]" in shown
    assert f"report  {tmp_path / 'sweep' / 'report.html'}" in shown
    assert run([*argv, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["sites.hub.stations.0.count"] for row in found["energy_kwh"]] == list("2233")


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_figure_that_no_trial_has_is_named_with_the_nearest(
    more: list[str], small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["sweep", str(small), "--vary", "sites.hub.count=1", "--out", str(tmp_path / "sweep")]
    assert run([*argv, "--show", "energy_kw", *more]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("chargeswarm: --show: value 'energy_kw': expected a figure: ")
    assert "did you mean 'energy_kwh'?" in shown.err and shown.out == ""


def test_a_sweep_of_which_every_trial_failed_is_still_json(
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(sweep_module, "trial_figures", fail)
    argv = ["sweep", str(small), "--vary", "sites.hub.count=1", "--out", str(tmp_path / "sweep")]
    assert run([*argv, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["failed"], found["energy_kwh"]) == (1, [])


def test_a_sweep_that_was_killed_before_its_tables_has_a_report(
    small: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sweep"
    sweep(small, read_vary(["sites.hub.count=1,2"]), out=out)
    for table in out.glob("*.csv"):
        table.unlink()
    (out / "report.html").unlink()
    assert run(["report", str(out)]) == 0
    assert (out / "report.html").is_file()


def test_an_interrupted_command_says_how_to_go_on(
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep_module, "trial_figures", stop)
    out = tmp_path / "sweep"
    assert run(["sweep", str(small), "--vary", "sites.hub.count=1,2", "--out", str(out)]) == 130
    told = capsys.readouterr().err
    assert f"go on with --out {out}" in told and str(out / "report.html") in told
    assert "UNFINISHED" in (out / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (433.81, 188.6, "434 ± 189"),
        (59.99, 0.03557, "59.990 ± 0.036"),
        (0.0, 0.0, "0"),
        (12345.6, 9.4, "12 345.6 ± 9.4"),
        (5.0, float("nan"), "5"),
        (float("nan"), float("nan"), "-"),
    ],
)
def test_a_mean_has_the_digits_that_its_interval_bears_out(
    mean: float, half: float, text: str
) -> None:
    assert sweep_module.with_half_width(mean, half) == text


@pytest.mark.process
def test_two_processes_make_the_same_table_as_one(small: Path, tmp_path: Path) -> None:
    one = sweep(small, LIMITS, replications=2, jobs=1, out=tmp_path / "one")
    two = sweep(small, LIMITS, replications=2, jobs=2, out=tmp_path / "two")
    pd.testing.assert_frame_equal(one.table, two.table)


def test_points_are_judged_in_pairs_against_one_of_them(small: Path, tmp_path: Path) -> None:
    found = sweep(small, LIMITS, replications=4, out=tmp_path / "out", report=False)
    table = found.against(1, "energy_kwh")
    energy = found.table[found.table.figure == "energy_kwh"]
    by_point = energy.pivot(index="replication", columns="point", values="value")
    pairs = by_point[0] - by_point[1]
    assert table["sites.hub.grid_limit"].tolist() == ["40 kW", "60 kW"]
    assert table.judgement.tolist() == ["less", "equal"]
    assert table.difference.tolist() == [pytest.approx(pairs.mean()), 0.0]
    assert table.sd[0] == pytest.approx(pairs.std()) and table.n.tolist() == [4, 4]
    assert table.low[0] < table.difference[0] < table.high[0] < 0.0
    alone = found.summary("energy_kwh")
    assert table.high[0] - table.low[0] < alone.high[0] - alone.low[0]
    assert found.against(0, "visits").judgement.tolist() == ["equal", "equal"]
    with pytest.raises(KeyError, match="no figure 'energy'"):
        found.against(0, "energy")
    with pytest.raises(IndexError, match="point 2: expected 0 to 1"):
        found.against(2, "energy_kwh")
