"""Money and other load in tables and summary: there where a site has them, absent otherwise."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from simulator import Result, load_scenario, simulate
from simulator.store.books import FIELDS

SETS = ("scenario.duration=1d",)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Result:
    out = tmp_path_factory.mktemp("run") / "day"
    return simulate(load_scenario("office-solar", sets=SETS), out=out, report=False)


def test_the_shipped_office_has_a_bill_and_its_carbon(day: Result) -> None:
    (costs,) = day.summary["costs"]
    row = day.summary["sites"][0]["costs"]
    assert costs["currency"] == "EUR" and costs["sites"] == 1
    assert costs["total"] == row["total"] > 0
    assert row["total"] == pytest.approx(
        row["energy_cost"] - row["feed_in_revenue"] + row["demand_charge"] + row["fixed"]
    )
    assert row["carbon_kg"] > 0 and row["revenue"] > 0
    assert day.summary["sites"][0]["battery"]["soc_end"] <= 1.0


def test_tables_and_summary_hold_the_same_money(day: Result) -> None:
    row = day.summary["sites"][0]["costs"]
    sessions = day.sessions
    assert sessions.energy_cost.sum() == pytest.approx(row["vehicles_cost"], rel=1e-9)
    assert sessions.carbon_kg.sum() == pytest.approx(row["vehicles_carbon_kg"], rel=1e-9)
    assert sessions.revenue.sum() == pytest.approx(row["revenue"], rel=1e-9)
    assert sessions.idle_fee.sum() == pytest.approx(row["idle_fees"], rel=1e-9)
    assert sessions.loc[sessions.plug_in.isna(), "revenue"].isna().all()


def test_the_parts_of_the_load_meet_at_the_meter(day: Result) -> None:
    load = day.load
    parts = load.mean_kw + load.base_kw - load.pv_kw + load.battery_kw
    np.testing.assert_allclose(load.net_kw, parts, atol=1e-9)
    row = day.summary["sites"][0]["costs"]
    assert load.net_kw.max() == pytest.approx(row["billed_peak_kw"])
    assert load.net_kw.clip(lower=0).sum() / 4 == pytest.approx(row["bought_kwh"])


def test_a_network_without_money_has_no_such_columns(tmp_path: Path) -> None:
    sets = ("scenario.duration=2h",)
    scenario = load_scenario("city-launch", sets=sets)
    run = simulate(scenario, stations=5, out=tmp_path / "run", report=False)
    assert not set(FIELDS["sessions"]) & set(run.sessions.columns)
    assert not set(FIELDS["load"]) & set(run.load.columns)
    assert "costs" not in run.summary


def test_a_site_without_money_beside_one_that_has_it_is_null(tmp_path: Path) -> None:
    sets = ("scenario.duration=6h", "sites.0.tariff=de-flat")
    scenario = load_scenario("city-launch", sets=sets)
    run = simulate(scenario, stations=scenario.network().stations, out=tmp_path / "r", report=False)
    first = scenario.file.sites[0].name
    mine = run.sessions.site.str.partition("#")[0] == first
    plugged = run.sessions.plug_in.notna()
    assert run.sessions.energy_cost[mine & plugged].notna().all()
    assert run.sessions.energy_cost[~mine].isna().all()
    assert run.sessions.revenue.isna().all()
    total = run.sessions.energy_cost.sum()
    assert math.isclose(total, run.summary["costs"][0]["vehicles_cost"], rel_tol=1e-9)
