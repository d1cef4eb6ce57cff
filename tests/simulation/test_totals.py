"""What a run says in sum agrees with its tables, with a warm-up and without."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from simulator import ScenarioError, load_scenario, simulate
from simulator.cli import run
from simulator.engine import simulate_network
from simulator.fleet.predict import predict_network
from simulator.simulation import groups


@pytest.fixture(params=["", "6h"])
def result(request: pytest.FixtureRequest, small: Path, tmp_path: Path) -> object:
    sets = [f"scenario.warmup={request.param}"] if request.param else []
    return simulate(load_scenario(small, sets=sets), out=tmp_path / "run", report=False)


def test_figures_are_those_of_the_tables_after_the_warmup(result) -> None:  # type: ignore[no-untyped-def]
    warmup = result.summary["warmup_s"]
    begin = result.load.start.min() + pd.Timedelta(seconds=warmup)
    load = result.load[result.load.start_s >= warmup]
    visits = result.sessions[result.sessions.arrival >= begin]
    plugged = visits[visits.outcome.isin(["served", "running"])]
    figures = result.figures
    assert figures["energy_kwh"] == pytest.approx(load.energy_kwh.sum(), rel=1e-9)
    assert figures["sessions"] == len(plugged)
    assert figures["visits"] == len(visits)
    assert figures["unserved_kwh"] == pytest.approx(visits.unserved_kwh.sum(), rel=1e-9)
    assert figures["grid_kwh"] == pytest.approx(plugged.energy_kwh.sum(), rel=1e-9)
    assert figures["grid_kwh"] == pytest.approx(figures["battery_kwh"] + figures["losses_kwh"])
    network = load.groupby("start_s").mean_kw.sum()
    assert figures["peak_15min_kw"] == pytest.approx(network.max(), rel=1e-9)
    stations = result.stations
    assert stations.sessions.sum() == len(plugged)
    assert stations.energy_kwh.sum() == pytest.approx(figures["grid_kwh"], rel=1e-9)
    counted_s = result.summary["duration_s"] - warmup
    occupied = stations.occupied_s.sum() / (stations.evses.sum() * counted_s)
    assert figures["utilisation"] == pytest.approx(occupied, rel=1e-9)


def test_the_networks_load_is_the_sum_of_the_sites(result) -> None:  # type: ignore[no-untyped-def]
    network = result.network.set_index("start_s")
    sites = result.load.groupby("start_s")[["energy_kwh", "mean_kw", "queue"]].sum()
    for column in sites:
        assert network[column].tolist() == pytest.approx(sites[column].tolist(), rel=1e-9)


def test_waits_are_counted_exactly_and_in_bins(result) -> None:  # type: ignore[no-untyped-def]
    begin = result.load.start.min() + pd.Timedelta(seconds=result.summary["warmup_s"])
    visits = result.sessions[result.sessions.arrival >= begin]
    waits = visits.wait_s.dropna()
    bins = result.run.table("distributions")
    counted = bins[bins.quantity == "wait_s"]["count"].sum()
    assert counted == result.summary["wait"]["visits"]
    assert counted == len(waits) + (visits.outcome == "reneged").sum()
    assert result.summary["wait"]["max_s"] >= waits.max()
    assert result.summary["wait"]["waited"] > 0


def test_the_billing_interval_is_a_choice(small: Path, tmp_path: Path) -> None:
    sets = ["record.billing_interval=1h", "record.interval=15m"]
    hourly = simulate(load_scenario(small, sets=sets), out=tmp_path / "run", report=False)
    load = hourly.load.assign(hour=hourly.load.start_s // 3600)
    by_hour = load.groupby("hour").energy_kwh.sum()
    assert hourly.summary["figures"]["peak_15min_kw"] == pytest.approx(by_hour.max(), rel=1e-9)


def test_rows_stand_in_the_order_of_the_network_whatever_the_tasks(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "TASK_VISITS", 1)
    found = simulate(small, out=tmp_path / "run", report=False)
    names = ["hub", "hub#2", "hub#3", "kerb"]
    for table in (found.sessions, found.load, found.stations):
        assert list(dict.fromkeys(table.site)) == names
    assert [row["name"] for row in found.summary["sites"]] == names


def test_a_warmup_that_leaves_nothing_is_refused(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", str(small), "--set", "scenario.warmup=1d"]) == 1
    assert "scenario.warmup: value '1d': expected less than the duration (1d)" in (
        capsys.readouterr().err
    )
    scenario = load_scenario(small, sets=["scenario.warmup=6h"])
    with pytest.raises(ScenarioError, match=r"warmup.*less than the duration \(3h\)"):
        simulate(scenario, duration="3h")


def test_the_report_says_that_a_warmup_is_left_out(small: Path, tmp_path: Path) -> None:
    scenario = load_scenario(small, sets=["scenario.warmup=6h"])
    told = simulate(scenario, out=tmp_path / "run")
    assert "leave out the first 6h (warm-up)" in told.text()
    assert "leave out the first 6h" in told.report.read_text()


def test_messages_counted_site_by_site_are_those_of_the_whole_network(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "TASK_VISITS", 1)
    scenario = load_scenario(small)
    found = simulate(scenario, out=tmp_path / "run", report=False)
    network = scenario.network()
    engine = simulate_network(scenario, network, record_caps="pauses")
    whole = predict_network(engine, scenario, network)
    assert found.summary["messages"] == whole.totals()
    frame = found.messages
    counts = frame.pivot_table(index="bucket_s", columns="action", values="count", fill_value=0)
    minutes = (counts.index.to_numpy() / 60).astype(int)
    assert (counts.to_numpy() == whole.series[minutes]).all()
