"""Replications: other draws, the same for every variant; differences judged in pairs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from simulator import ScenarioError, compare, load_scenario, simulate
from simulator.cli import run
from simulator.simulation.compare import Difference, differences
from simulator.simulation.replicate import replication_seed
from simulator.simulation.statistics import interval


def test_the_first_replication_has_the_seed_and_every_other_one_of_its_own() -> None:
    seeds = [replication_seed(42, r) for r in range(1000)]
    assert seeds[0] == 42
    assert len(set(seeds)) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seeds[1] != replication_seed(43, 1)


def test_a_run_that_is_repeated_has_intervals_and_the_tables_of_the_first(
    small: Path, tmp_path: Path
) -> None:
    scenario = load_scenario(small)
    alone = simulate(scenario, out=tmp_path / "one", report=False)
    often = simulate(scenario, out=tmp_path / "many", replications=4)
    assert "replications" not in alone.summary
    sessions = "sessions.parquet"
    assert (alone.path / sessions).read_bytes() == (often.path / sessions).read_bytes()
    table = often.replications
    energy = table[table.figure == "energy_kwh"].sort_values("replication").value
    assert energy.iloc[0] == alone.figures["energy_kwh"]
    assert energy.nunique() == 4
    found = often.summary["replications"]["energy_kwh"]
    assert found["n"] == 4
    assert found["mean"] == pytest.approx(energy.mean())
    assert found["sd"] == pytest.approx(energy.std())
    assert found["low"] < found["mean"] < found["high"]
    again = simulate(
        scenario.replace(seed=replication_seed(scenario.seed, 2)),
        out=tmp_path / "third",
        report=False,
    )
    assert again.summary["figures"]["energy_kwh"] == energy.iloc[2]
    assert "mean of 4 replications" in often.text()
    assert "Mean of 4 replications" in often.report.read_text()


def test_a_number_of_replications_that_cannot_be_is_refused(small: Path) -> None:
    with pytest.raises(ScenarioError, match="replications: value 0: expected a whole number from"):
        simulate(small, replications=0)
    with pytest.raises(ScenarioError, match="replications: value 0"):
        compare(small, small, replications=0)


def test_the_same_variant_twice_differs_in_nothing(small: Path) -> None:
    found = compare(small, small, replications=2)
    assert {row.judgement for row in found.rows} == {"equal"}


def test_a_tighter_limit_serves_less_and_brings_no_other_drivers(small: Path) -> None:
    tight = load_scenario(small, sets=["sites.hub.grid_limit=50 kW"])
    found = compare(small, tight, replications=3, names=("as it is", "tight"))
    assert found["visits"].judgement == "equal"
    assert found["energy_kwh"].judgement == "less"
    assert found["energy_kwh"].difference.n == 3
    assert found["unserved_kwh"].judgement == "more"
    row = found.table.set_index("figure").loc["energy_kwh"]
    assert row["b"] - row["a"] == pytest.approx(row["difference"])
    assert "tight" in found.text() and "3 paired replications" in found.text()
    with pytest.raises(KeyError):
        found["energy"]


def test_pairs_see_what_two_means_do_not() -> None:
    a = [{"x": value} for value in (10.0, 20.0, 30.0, 40.0)]
    b = [{"x": row["x"] + 1.0 + 0.1 * i} for i, row in enumerate(a)]
    (row,) = differences(a, b)
    assert row.judgement == "more"
    assert interval([one["x"] for one in a]).high > row.b  # the two means alone would not tell


@pytest.mark.parametrize(
    ("pairs", "judgement"),
    [
        ([(1.0, 2.0), (2.0, 1.0), (1.0, 1.5)], "noise"),
        ([(1.0, 1.0), (2.0, 2.0)], "equal"),
        ([(3e3, 3e3 + 1e-12), (2e3, 2e3 - 1e-12)], "equal"),
        ([(1.0, 2.0)], "unknown"),
        ([(math.nan, 2.0), (1.0, 2.0), (1.0, 2.0)], "more"),
    ],
)
def test_how_a_difference_is_called(pairs: list[tuple[float, float]], judgement: str) -> None:
    found: tuple[Difference, ...] = differences(
        [{"x": a} for a, _ in pairs], [{"x": b} for _, b in pairs]
    )
    assert found[0].judgement == judgement


def test_the_command_compares_a_scenario_with_a_change_of_it(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "table.csv"
    argv = ["compare", str(small), "--set", "sites.hub.grid_limit=50 kW", "--replications", "2"]
    assert run([*argv, "--out", str(out), "--json"]) == 0
    rows = {row["figure"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["visits"]["judgement"] == "equal"
    assert rows["energy_kwh"]["unit"] == "kWh"
    assert out.read_text().startswith("figure,unit,a,b,difference,low,high,sd,n,judgement\n")
    assert run(["compare", str(small)]) == 1
    assert "expected another scenario, or --set" in capsys.readouterr().err


def test_processes_of_ones_own_act_in_every_replication(small: Path, tmp_path: Path) -> None:
    def curtail(world):  # type: ignore[no-untyped-def]
        yield world.env.timeout(0.0)
        for site in world.sites.values():
            site.set_limit(20.0)

    held = simulate(small, processes=[curtail], replications=3, out=tmp_path / "run", report=False)
    peaks = held.replications.query("figure == 'peak_kw'").value
    assert len(peaks) == 3
    assert peaks.max() <= 20.0 * (1 + 1e-9)
