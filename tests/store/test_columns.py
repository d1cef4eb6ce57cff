"""Tables from the engine's result, on a plan made by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa

from simulator.demand.visits import Curves, Visits
from simulator.engine.plan import Outcome, SitePlan, SiteResult
from simulator.store.simtables import joined, plain_texts, site_table
from simulator.store.siterows import Rows

EPOCH_S = 1_780_264_800.0  # 2026-06-01T00:00 in Berlin
NAN = math.nan


def site(label: tuple[str, ...] | None = None, evses: bool = True) -> SiteResult:
    column = np.array([10.0, 20.0, 30.0, 99_999.0])
    ones = np.ones(4)
    visits = Visits(
        arrival_s=column,
        departure_s=np.array([3610.0, np.inf, 40.0, np.inf]),
        linger_s=ones,
        patience_s=ones,
        soc=ones * 0.2,
        target_soc=ones * 0.8,
        battery_kwh=ones * 60,
        ac_kw=ones,
        ac_phases=np.ones(4, np.int32),
        dc_kw=ones,
        efficiency_ac=ones,
        efficiency_dc=ones,
        curve=np.zeros(4, np.int32),
        evse=np.full(4, -1, np.int32),
        label=label,
        curves=Curves(np.array([0, 0], np.int32), np.zeros(0), np.zeros(0)),
    )
    outcomes = [Outcome.SERVED, Outcome.RUNNING, Outcome.RENEGED, Outcome.FUTURE]
    plan = SitePlan(
        outcome=np.array(outcomes, np.int32),
        evse=np.array([2, 0, -1, -1], np.int32),
        plug_in_s=np.array([10.0, 25.5, NAN, NAN]),
        unplug_s=np.array([3610.0, NAN, NAN, NAN]),
        charge_end_s=np.array([1800.25, NAN, NAN, NAN]),
        limit_kw=np.array([11.0, 150.0, NAN, NAN]),
        min_kw=ones,
        efficiency=ones,
        energy_kwh=np.array([5.5, 40.0, 0.0, 0.0]),
        unserved_kwh=np.array([0.0, NAN, 30.0, NAN]),
        soc_end=np.array([0.8, 0.5, NAN, NAN]),
        cap_offset=np.zeros(5, np.int64),
        cap_s=np.zeros(0),
        cap_kw=np.zeros(0),
    )
    stations = (SimpleNamespace(id="CSW-a-0001"), SimpleNamespace(id="CSW-a-0002"))
    return SiteResult(
        site=SimpleNamespace(name="a", stations=stations),
        visits=visits,
        plan=plan,
        evse_station=np.array([0, 0, 1] if evses else [], np.int32),
        evse_number=np.array([1, 2, 1] if evses else [], np.int32),
        evse_kw=ones[:3],
        load_kwh=np.array([1.0, 2.0, 0.5]),
        occupied_s=np.array([900.0, 1800.0, 300.0]),
        queue_s=np.array([0.0, 90.0, 0.0]),
        peak_kw=8.0,
        peak_s=1000.0,
        events=9,
        limit_bound_s=0.0,
        evse_energy_kwh=ones[:3],
        evse_occupied_s=ones[:3],
    )


def table(name: str, *sites: SiteResult) -> pa.Table:
    parts = [site_table(name, Rows(each, EPOCH_S, 2100.0, 900.0)) for each in sites]
    return plain_texts(name, joined(name, parts))


def test_a_session_has_its_station_its_connector_and_its_local_times() -> None:
    frame = table("sessions", site()).to_pandas()
    assert frame["outcome"].tolist() == ["served", "running", "reneged"]  # a future visit is none
    assert frame["station"].tolist()[:2] == ["CSW-a-0002", "CSW-a-0001"]
    assert frame["evse"].tolist()[:2] == [1, 1]
    assert frame["station"].isna().tolist() == [False, False, True]
    assert frame["evse"].isna().tolist() == [False, False, True]
    berlin = frame["charge_end"].dt.tz_convert("Europe/Berlin")
    assert berlin[0] == pd.Timestamp("2026-06-01T00:30:00.250", tz="Europe/Berlin")
    assert berlin.isna().tolist() == [False, True, True]
    assert frame["wait_s"].fillna(-1).tolist() == [0.0, 5.5, -1.0]
    assert frame["unserved_kwh"].fillna(-1).tolist() == [0.0, -1.0, 30.0]
    assert frame["session"].isna().all()


def test_sessions_of_a_trace_keep_their_names() -> None:
    frame = table("sessions", site(("w", "x", "y", "z"))).to_pandas()
    assert frame["session"].tolist() == ["w", "x", "y"]


def test_load_is_a_mean_over_what_was_simulated_of_each_interval() -> None:
    frame = table("load", site(), site()).to_pandas()
    assert len(frame) == 6
    one = frame.iloc[:3]
    assert one["start_s"].tolist() == [0.0, 900.0, 1800.0]
    assert one["mean_kw"].tolist() == [4.0, 8.0, 6.0]  # the last interval lasts 300 s
    assert one["occupied_evses"].tolist() == [1.0, 2.0, 1.0]
    assert one["queue"].tolist() == [0.0, 0.1, 0.0]
    assert one["start"][1] == pd.Timestamp(EPOCH_S + 900, unit="s", tz="UTC")


def test_a_network_without_sites_has_empty_tables() -> None:
    assert table("sessions").num_rows == 0
    assert table("load").num_rows == 0
