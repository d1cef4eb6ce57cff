"""A whole simulation: its tables agree with each other, and pauses are enough to count by."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator import Result, load_scenario, simulate
from simulator.engine import simulate_network
from simulator.fleet.predict import predict_network

TIGHT = ("sites.home-street.grid_limit=12 kW", "sites.home-street.visits_per_evse_day=2.0")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Result:
    out = tmp_path_factory.mktemp("run") / "day"
    return simulate("city-launch", stations=700, duration="1d", out=out, report=False)


def test_sessions_load_and_summary_hold_the_same_energy(day: Result) -> None:
    total = day.summary["energy_kwh"]
    assert day.sessions.energy_kwh.sum() == pytest.approx(total, rel=1e-9)
    assert day.load.energy_kwh.sum() == pytest.approx(total, rel=1e-9)
    sites = {row["name"]: row["energy_kwh"] for row in day.summary["sites"]}
    by_site = day.sessions.groupby("site").energy_kwh.sum()
    assert by_site.to_dict() == pytest.approx(sites, rel=1e-9)


def test_every_visit_is_counted_once(day: Result) -> None:
    assert sum(day.summary["sessions"].values()) == len(day.sessions)
    counts = day.sessions.outcome.value_counts().to_dict()
    assert counts == {name: n for name, n in day.summary["sessions"].items() if n}


def test_the_messages_of_the_table_are_those_of_the_summary(day: Result) -> None:
    by_action = day.messages.groupby("action")["count"].sum().to_dict()
    assert by_action == {action: n for action, n in day.summary["messages"].items() if n}


def test_no_interval_is_above_the_instantaneous_peak_or_the_limit(day: Result) -> None:
    for row in day.summary["sites"]:
        mean = day.load[day.load.site == row["name"]].mean_kw.max()
        assert mean <= row["peak_kw"] * (1 + 1e-9)
        assert row["peak_kw"] <= row["grid_limit_kw"] * (1 + 1e-9)


def test_pauses_alone_give_the_counts_that_all_caps_give() -> None:
    scenario = load_scenario("city-launch", sets=TIGHT).replace(duration_s=86_400.0)
    network = scenario.network(60)
    few = simulate_network(scenario, network, record_caps="pauses")
    every = simulate_network(scenario, network, record_caps="all")
    assert sum(len(site.plan.cap_s) for site in few.sites) < sum(
        len(site.plan.cap_s) for site in every.sites
    )
    counted = predict_network(few, scenario, network)
    assert counted.station_totals() == predict_network(every, scenario, network).station_totals()
    blind = predict_network(simulate_network(scenario, network), scenario, network)
    assert blind.totals()["StatusNotification"] < counted.totals()["StatusNotification"]
    assert blind.notes and not counted.notes


def test_a_process_of_the_users_own_acts_on_the_simulated_world(tmp_path: Path) -> None:
    def curtail(world):  # type: ignore[no-untyped-def]
        yield world.env.timeout(6 * 3600)
        for site in world.sites.values():
            site.set_limit(5.0)

    how = {"stations": 40, "duration": "1d", "report": False}
    free = simulate("city-launch", out=tmp_path / "free", **how)  # type: ignore[arg-type]
    held = simulate(  # type: ignore[arg-type]
        "city-launch", out=tmp_path / "held", processes=[curtail], **how
    )
    late = held.load[held.load.start_s >= 6 * 3600]
    assert late.mean_kw.max() <= 5.0 * (1 + 1e-9)
    assert held.summary["energy_kwh"] < free.summary["energy_kwh"]


def test_events_leave_their_mark_on_tables_summary_and_messages(tmp_path: Path) -> None:
    done = simulate("stadium-night", out=tmp_path / "night", report=False)
    outages = done.run.table("outages")
    whole = outages[outages.station.isna()]
    assert whole.site.tolist() == ["park-and-ride#2"]
    assert whole.lasted_s.tolist() == [1200.0]
    single = outages[outages.station.notna()]
    assert len(single) > 0 and single.evse.isin([1, 2]).all()
    assert single.groupby(["station", "start_s"]).evse.nunique().eq(2).all()
    rows = {row["name"]: row for row in done.summary["sites"]}
    assert sum(row["outages"] for row in rows.values()) == len(outages)
    hours = 2 * 24 * rows["park-and-ride"]["evses"]
    out = single[single.site == "park-and-ride"].lasted_s.sum() / 3600.0
    assert rows["park-and-ride"]["availability"] == pytest.approx(1.0 - out / hours)
    failed = done.sessions[done.sessions.outcome == "failed"]
    assert sum(row["failed"] for row in rows.values()) == len(failed)
    assert sum("in service" in note for note in done.summary["notes"]) == 1
    # Every station that comes back boots: 15 of the dark site at once, and each repaired one.
    messages = done.messages
    boots = messages[messages.action == "BootNotification"]
    assert boots[boots.bucket_s == (20 * 60 + 30) * 60].loc[:, "count"].tolist() == [15]
    back = single[single.end.notna()].groupby(["station", "start_s"]).ngroups
    assert boots.loc[:, "count"].sum() == 15 + back


def test_a_run_without_events_has_no_outages(day: Result) -> None:
    assert "outages" not in {path.stem for path in day.path.glob("*.parquet")}
    assert all(row["availability"] == 1.0 for row in day.summary["sites"])
