"""Rows of stations and EVSEs, and columns that only some scenarios have, on a plan made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulator.engine.plan import Outcome
from simulator.store import simtables, siterows
from simulator.store.simtables import Column, columns_of, site_table, tables_of
from simulator.store.siterows import Rows


@dataclass
class Scenario:
    """As much of a scenario as the tables look at."""

    record_evses: bool = False

    @property
    def file(self) -> Any:
        return SimpleNamespace(record=SimpleNamespace(evses=self.record_evses), events=(), sites=())


def rows(evse_kwh: Any = None, warmup_s: float = 0.0) -> Rows:
    """Two stations (two EVSEs and one), three visits, three intervals of 900 s; the last is cut."""
    plan = SimpleNamespace(
        outcome=np.array([Outcome.SERVED, Outcome.RUNNING, Outcome.BLOCKED], np.int32),
        evse=np.array([0, 2, -1], np.int32),
        plug_in_s=np.array([0.0, 900.0, np.nan]),
        unplug_s=np.array([600.0, np.nan, np.nan]),
        energy_kwh=np.array([5.0, 7.0, 0.0]),
    )
    site: Any = SimpleNamespace(
        site=SimpleNamespace(
            name="a", stations=(SimpleNamespace(id="s1"), SimpleNamespace(id="s2"))
        ),
        plan=plan,
        visits=SimpleNamespace(arrival_s=np.array([0.0, 900.0, 950.0])),
        evse_station=np.array([0, 0, 1], np.int32),
        evse_number=np.array([1, 2, 1], np.int32),
        load_kwh=np.array([5.0, 3.0, 4.0]),
        evse_kwh=np.zeros((0, 3)) if evse_kwh is None else np.array(evse_kwh),
        station_peak_kw=np.zeros(0) if evse_kwh is None else np.array([22.0, 50.0]),
    )
    return Rows(site, 0.0, 2100.0, 900.0, warmup_s)


def test_a_station_has_its_sessions_and_its_time() -> None:
    frame = site_table("stations", rows()).to_pandas()
    assert frame["station"].tolist() == ["s1", "s2"]
    assert frame["sessions"].tolist() == [1, 1]
    assert frame["energy_kwh"].tolist() == [5.0, 7.0]
    assert frame["occupied_s"].tolist() == [600.0, 1200.0]  # who still charges: to the horizon
    assert frame["utilisation"].tolist() == pytest.approx([600 / 4200, 1200 / 2100])
    assert frame["peak_kw"].isna().all() and frame["peak_mean_kw"].isna().all()


def test_the_warmup_is_left_out_of_a_station() -> None:
    frame = site_table("stations", rows(warmup_s=300.0)).to_pandas()
    assert frame["sessions"].tolist() == [0, 1]
    assert frame["occupied_s"].tolist() == [300.0, 1200.0]
    assert frame["utilisation"].tolist() == pytest.approx([300 / 3600, 1200 / 1800])


def test_stations_have_peaks_where_evses_are_recorded() -> None:
    kwh = [[5.0, 0.0, 0.0], [1.0, 2.0, 0.0], [0.0, 3.0, 4.0]]
    frame = site_table("stations", rows(kwh)).to_pandas()
    assert frame["peak_kw"].tolist() == [22.0, 50.0]
    assert frame["peak_mean_kw"].tolist() == [24.0, 48.0]  # the last interval lasts 300 s
    later = site_table("stations", rows(kwh, warmup_s=900.0)).to_pandas()
    assert later["peak_mean_kw"].tolist() == [8.0, 48.0]


def test_an_evse_has_a_row_for_every_interval_in_which_energy_flowed() -> None:
    frame = site_table("evses", rows([[5.0, 0.0, 0.0], [0.0] * 3, [0.0, 3.0, 4.0]])).to_pandas()
    assert frame["station"].tolist() == ["s1", "s2", "s2"]
    assert frame["evse"].tolist() == [1, 1, 1]
    assert frame["start_s"].tolist() == [0.0, 900.0, 1800.0]
    assert frame["mean_kw"].tolist() == [20.0, 12.0, 48.0]


def test_the_table_of_evses_is_written_where_they_are_recorded() -> None:
    assert "evses" not in tables_of(Scenario())  # type: ignore[arg-type]
    assert "evses" in tables_of(Scenario(record_evses=True))  # type: ignore[arg-type]


def test_a_column_may_depend_on_the_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = Column(
        "doubled",
        siterows.NUMBER,
        lambda r: r.site.load_kwh * 2,
        only=lambda scenario: scenario.file.record.evses,
    )
    site_column = simtables.LOAD[0]
    monkeypatch.setitem(simtables.TABLES, "load", (site_column, extra))
    assert columns_of("load", Scenario()) == ("site",)  # type: ignore[arg-type]
    names = columns_of("load", Scenario(record_evses=True))  # type: ignore[arg-type]
    assert site_table("load", rows(), names).to_pandas()["doubled"].tolist() == [10.0, 6.0, 8.0]
    assert site_table("load", rows()).column_names == ["site"]
