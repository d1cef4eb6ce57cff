from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from simulator.fleet.ledger import Ledger
from simulator.measure.measurement import merge
from simulator.measure.recorder import Recorder
from simulator.measure.slo import evaluate
from simulator.measure.validity import check
from simulator.measure.verdict import decide
from simulator.scenario.slo import parse_clause
from simulator.station.ports import CallOutcome
from simulator.store import RunFolder, read_run
from simulator.store.columns import (
    messages_table,
    seconds_table,
    station_messages_table,
)
from simulator.store.host import host, versions
from simulator.store.summary import (
    TransactionCounts,
    Waiting,
    live_summary,
    short_summary,
    simulation_summary,
)


def recorder() -> Recorder:
    recorder = Recorder(("Heartbeat",), 2, station_ids=("a", "b"))
    recorder.connected(0, 0.1)
    recorder.booted(0, 0.2)
    recorder.connected(1, 0.3)
    for number in range(400):
        recorder.call_planned(0, "Heartbeat", number / 100, 1)
        due = number / 100
        recorder.call_finished(
            0, "Heartbeat", CallOutcome.ANSWERED, due, due, due + 0.02, 0.0, 0.0, ""
        )
    recorder.call_planned(1, "Authorize", 2.0, 1)
    recorder.call_finished(
        1, "Authorize", CallOutcome.CALLERROR, 2.0, 2.0, 2.5, 0.0, 0.0, "InternalError"
    )
    recorder.call_served(0, "Reset", 3.0, 3.001, "")
    recorder.lag(0.001)
    recorder.cpu(0.0, 0.0)
    recorder.cpu(4.0, 1.0)
    return recorder


def summary() -> dict:
    measurement = merge([recorder().result(4.0, record_s=0.0)])
    clauses = [parse_clause("p99(*.response) < 500 ms"), parse_clause("errors.ratio < 0.1 %")]
    transactions = TransactionCounts(**asdict(Ledger().counts()))
    slo = evaluate(clauses, measurement, asdict(transactions))
    rows = check(measurement)
    return live_summary(
        measurement,
        decide(validity=rows, clauses=slo),
        asked=2,
        transactions=transactions,
        slo=slo,
        validity=rows,
        duration_s=4.0,
        speed=60.0,
    )


def test_a_live_summary_has_every_field_that_readers_rely_on() -> None:
    found = summary()
    json.dumps(found, allow_nan=False)
    assert found["schema"] == "chargeswarm.summary/1"
    assert found["kind"] == "live"
    assert (found["verdict"], found["exit_code"]) == ("SLO_MISSED", 2)
    assert found["reasons"] == ["errors.ratio < 0.1 %: 0.002494 ratio"]
    assert found["stations"] == {"asked": 2, "connected": 2, "booted": 1}
    assert found["calls"] == {
        "planned": 401,
        "answered": 400,
        "callerror": 1,
        "timeout": 0,
        "connection_lost": 0,
        "censored": 0,
        "skipped": 0,
    }
    assert found["calls"]["planned"] == sum(list(found["calls"].values())[1:])
    row = found["latency_ms"]["Heartbeat"]["response"]
    assert list(row) == ["n", "p50", "p95", "p99", "max"]
    assert row["p99"] == pytest.approx(20, rel=1e-3)
    assert "Authorize" not in found["latency_ms"]  # it was never answered
    assert found["transactions"] == {
        "started": 0,
        "stopped": 0,
        "unacknowledged": 0,
        "discarded_after_attempts": 0,
        "at_risk_of_duplicate": 0,
        "lost": None,
        "duplicated": None,
    }
    assert found["errors"] == {"ocpp_callerror(InternalError)": 1}
    assert found["error_examples"][0]["examples"][0]["station"] == "b"
    assert found["generator"] == {
        "cpu_s": 1.0,
        "calls_per_cpu_s": 401.0,
        "rss_kb_per_station": None,
        "loop_lag_p99_ms": 1.0,
    }
    assert [clause["ok"] for clause in found["slo"]] == [True, False]
    assert all(row["ok"] for row in found["validity"])
    assert found["served"] == {"Reset": {"ok": 1}}
    assert found["speed"] == 60.0


def test_a_simulation_summary_has_every_field_that_readers_rely_on() -> None:
    found = simulation_summary(
        decide(),
        duration_s=86_400.0,
        stations=3,
        evses=6,
        sessions={"served": 10, "reneged": 1},
        energy_kwh=np.float64(120.5),
        peak_kw={"ring-road": 88.0},
        peak_15min_kw=80.0,
        unserved_kwh=math.nan,
        wait=Waiting(visits=11, waited=2, mean_s=3.0, p50_s=0.0, p95_s=None, max_s=30.0),
        events=1234,
        wall_s=0.1,
        messages={"Heartbeat": 288},
    )
    json.dumps(found, allow_nan=False)
    assert (found["schema"], found["kind"]) == ("chargeswarm.summary/1", "simulation")
    assert (found["verdict"], found["exit_code"]) == ("NO_SLO", 0)
    assert found["energy_kwh"] == 120.5
    assert found["unserved_kwh"] is None
    assert found["wait"]["max_s"] == 30.0
    required = {
        *("sessions", "energy_kwh", "peak_kw", "peak_15min_kw", "unserved_kwh", "wait"),
        *("events", "wall_s", "messages"),
    }
    assert required <= found.keys()


def test_a_field_cannot_be_given_twice() -> None:
    with pytest.raises(ValueError, match="'verdict' is given twice"):
        live_summary(
            merge([]),
            decide(),
            asked=0,
            transactions=TransactionCounts(0, 0, 0, 0, 0),
            duration_s=0.0,
            verdict="PASS",
        )


def test_a_run_without_any_shard_still_has_a_summary() -> None:
    found = live_summary(
        merge([]),
        decide(unreachable="nobody listens"),
        asked=5,
        transactions=TransactionCounts(0, 0, 0, 0, 0),
        duration_s=0.0,
    )
    assert found["calls"]["planned"] == 0
    assert found["latency_ms"] == {}
    assert found["exit_code"] == 4


def test_measured_and_predicted_messages_share_a_table(tmp_path: Path) -> None:
    measurement = merge([recorder().result(4.0, record_s=0.0)])
    predicted = {("Heartbeat", "station"): np.array([100, 100, 100, 101])}
    folder = RunFolder.create(tmp_path, "x", "live")
    folder.write_table("messages", messages_table(predicted, measurement.messages_by_second(), 1.0))
    folder.write_table("seconds", seconds_table(measurement))
    folder.write_table(
        "station_messages",
        station_messages_table(measurement, {("a", "Heartbeat"): 401, ("b", "Authorize"): 1}),
    )
    run = read_run(tmp_path)
    frame = run.table("messages")
    sums = frame.groupby(["source", "direction", "action"])["count"].sum().to_dict()
    assert sums == {
        ("predicted", "station", "Heartbeat"): 401,
        ("measured", "station", "Heartbeat"): 400,
        ("measured", "station", "Authorize"): 1,
        ("measured", "csms", "Reset"): 1,
    }
    assert (frame["count"] > 0).all()
    assert run.table("station_messages").values.tolist() == [
        ["a", "Heartbeat", 401, 400],
        ["b", "Authorize", 1, 0],
    ]
    seconds = run.table("seconds")
    assert seconds["answered"].sum() == 400
    assert seconds["p50_ms"].dtype == float


def test_a_run_that_ended_before_it_measured_has_a_short_summary() -> None:
    found = short_summary("live", decide(unreachable="nobody listens"), target="ws://x/")
    assert found == {
        "schema": "chargeswarm.summary/1",
        "kind": "live",
        "verdict": "TARGET_UNREACHABLE",
        "exit_code": 4,
        "reasons": ["nobody listens"],
        "target": "ws://x/",
    }


def test_the_facts_about_the_host_name_nobody(tmp_path: Path) -> None:
    import getpass
    import platform

    text = json.dumps({"host": host(), "versions": versions()})
    assert platform.node() not in text or len(platform.node()) < 4
    assert f'"{getpass.getuser()}"' not in text
    assert versions()["python"] == platform.python_version()
    assert versions()["chargeswarm"] is not None
    assert host()["cpus_usable"] >= 1
