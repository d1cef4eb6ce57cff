"""Figures for notebooks: drawn from results and from plain tables, whole and readable."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from simulator import Result, plots
from simulator.report.page import Absent, Plot
from simulator.store import RunFolder, read_run

START = pd.Timestamp("2026-05-31T22:00:00Z")
SCENARIO = {"scenario": {"timezone": "Europe/Berlin", "start": "2026-06-01T00:00:00"}}


def load(sites: int = 3, days: int = 8, scale: float = 1.0) -> pd.DataFrame:
    seconds = np.arange(days * 96) * 900.0
    kw = 100 * scale * np.clip(np.sin((seconds / 3600 - 8) / 24 * 2 * np.pi), 0, None)
    parts = [
        pd.DataFrame(
            {
                "site": f"s{k}",
                "start": START + pd.to_timedelta(seconds, unit="s"),
                "start_s": seconds,
                "energy_kwh": kw / 4,
                "mean_kw": kw * (k + 1),
                "occupied_evses": kw / 20,
                "queue": 0.0,
            }
        )
        for k in range(sites)
    ]
    return pd.concat(parts, ignore_index=True)


def result(folder: Path, sites: int) -> Result:
    run = RunFolder.create(folder, "made-up", "simulation")
    run.write_manifest(scenario=SCENARIO, timezone="Europe/Berlin")
    run.write_table("load", load(sites))
    rows = [{"name": f"s{k}", "utilisation": 0.1 + k / 100} for k in range(sites)]
    run.finish({"schema": "1", "verdict": "NO_SLO", "sites": rows})
    return Result(read_run(folder))


def texts(figure: Plot | Absent) -> list[str]:
    assert isinstance(figure, Plot), figure
    root = ElementTree.fromstring(figure.svg)
    return [
        "".join(e.itertext()).replace("\u202f", " ") for e in root.iter() if e.tag.endswith("text")
    ]


def test_figures_of_a_table(tmp_path: Path) -> None:
    table = load()
    assert "share of the time" in texts(plots.load_duration(table))
    shown = texts(plots.heat_map(table, timezone="Europe/Berlin"))
    assert "Mon" in shown
    assert any(text.startswith("largest:") and "14:00" in text for text in shown)
    shown = texts(plots.before_after(table, load(scale=0.5), names=("before", "after")))
    assert {"before", "after", "four of five days", "power, kW"} <= set(shown)
    assert "s2" in texts(plots.utilisation(table))
    waits = pd.DataFrame({"wait_s": [0.0, 0.0, 120.0, np.nan]})
    figure = plots.waiting(waits)
    assert "33 % wait at all" in texts(figure)
    assert isinstance(figure, Plot)
    busier = pd.DataFrame({"wait_s": [0.0, 60.0, 240.0]})
    both = plots.waiting(waits, busier, names=("quiet", "busy"))
    assert {"quiet", "busy", "minutes until plug-in"} <= set(texts(both))
    assert isinstance(both, Plot) and "quiet 33 %, busy 67 %" in both.caption.replace("\u202f", " ")
    nobody = pd.DataFrame({"wait_s": [0.0]})
    assert isinstance(plots.waiting(nobody, nobody), Absent)
    assert figure._repr_svg_().startswith("<svg")
    assert figure.save(tmp_path / "a.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("sites", [2, 20])
def test_figures_of_a_result(tmp_path: Path, sites: int) -> None:
    run = result(tmp_path / "run", sites)
    assert "local time, Europe/Berlin" in texts(plots.heat_map(run))
    assert "run" in texts(plots.load_duration(run, run)) or sites
    few = sites <= 12
    assert ("s0" if few else "sites, the busiest first") in texts(plots.utilisation(run))
    assert isinstance(plots.waiting(run), Absent)


def test_coincidence_is_drawn_from_the_load_of_each_evse() -> None:
    kw = np.random.default_rng(1).gamma(0.3, 5.0, (120, 96))
    shown = texts(plots.coincidence_figure(kw, draws=20))
    assert {"coincidence factor", "EVSEs together", "1", "100"} <= set(shown)
    assert "200" not in shown


def tidy(replications: int) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = [
        (policy, figure, base * (1 + 0.02 * rng.normal()), k)
        for policy, peak, cost in (("a", 300, 90), ("b", 200, 100), ("c", 350, 120))
        for k in range(replications)
        for figure, base in (("peak_15min_kw", peak), ("cost", cost))
    ]
    return pd.DataFrame(rows, columns=["policy", "figure", "value", "replication"])


@pytest.mark.parametrize(("replications", "bars"), [(1, 0), (12, 6)])
def test_cost_against_peak_has_intervals_where_there_are_replications(
    replications: int, bars: int
) -> None:
    figure = plots.cost_against_peak(tidy(replications), y_label="cost, EUR")
    assert {"a", "b", "c", "cost, EUR", "peak_15min_kw"} <= set(texts(figure))
    assert isinstance(figure, Plot)
    assert ("confidence" in figure.caption) == (bars > 0)


def test_several_fields_of_a_sweep_name_a_variant() -> None:
    table = tidy(3)
    table["sites.0.grid_limit"], table["point"], table["unit"] = "40 kW", 0, ""
    assert {"a, 40 kW", "b, 40 kW"} <= set(texts(plots.cost_against_peak(table)))
    assert "a" in texts(plots.cost_against_peak(table, by="policy"))


def test_a_row_may_bring_its_own_interval() -> None:
    table = tidy(1)
    table["low"], table["high"] = table["value"] - 5, table["value"] + 5
    figure = plots.cost_against_peak(table)
    assert isinstance(figure, Plot)
    assert "confidence" in figure.caption


def test_a_table_without_the_columns_or_figures_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \['figure', 'value'\]"):
        plots.cost_against_peak(pd.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match="a column of variants"):
        plots.cost_against_peak(tidy(1).drop(columns="policy"))
    with pytest.raises(ValueError, match=r"figure 'eur': expected one of \['cost'"):
        plots.cost_against_peak(tidy(1), y="eur")


def test_what_cannot_be_drawn_says_why() -> None:
    nothing = load()
    nothing["mean_kw"] = 0.0
    for figure in (plots.load_duration(nothing), plots.before_after(nothing)):
        assert isinstance(figure, Absent)
        assert figure.why == "no energy was delivered"
