"""Run folders as the program leaves them: one live run and one simulation, small and fixed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.measure.histogram import Histogram
from simulator.measure.hlog import write_hlog
from simulator.report import render
from simulator.store import RunFolder

START = datetime(2026, 5, 31, 22, tzinfo=UTC)
ACTIONS = {
    "MeterValues": 9000,
    "StatusNotification": 4200,
    "Authorize": 900,
    "StartTransaction": 900,
    "StopTransaction": 880,
    "BootNotification": 1000,
    "Heartbeat": 40,
}
SCENARIO = {
    "scenario": {
        "name": "city-launch",
        "seed": 42,
        "start": "2026-06-01T00:00:00",
        "timezone": "Europe/Berlin",
        "duration": 604800.0,
    },
    "sites": [
        {"name": "ring-road", "count": 3, "grid_limit": 600.0, "control": "local"},
        {"name": "home-street", "count": 2, "control": "local"},
    ],
    "csms": {"url": "embedded"},
    "live": {"speed": 60.0},
    "record": {"interval": 900.0},
}
EVIL = '<script>alert("x")</script>'


def sample(kind: str) -> dict[str, Any]:
    """The summary of a run as such a run left it."""
    path = Path(__file__).parent / "samples" / f"{kind}-summary.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _shape(n: int, length: int, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """``n`` messages spread over ``length`` seconds."""
    rng = np.random.default_rng(seed)
    weights = 1 + np.sin(np.linspace(0, 3, length)) + 0.2 * rng.random(length)
    return rng.multinomial(n, weights / weights.sum())


def _write_live_tables(folder: RunFolder) -> None:
    answered = np.zeros(120, np.int64)
    messages, stations = [], []
    for number, (action, n) in enumerate(ACTIONS.items()):
        predicted = _shape(n, 120, number)
        measured = predicted.copy()
        measured[60] -= min(3, measured[60])
        answered += measured
        for source, counts in (("predicted", predicted), ("measured", measured)):
            messages += [
                {
                    "source": source,
                    "bucket_s": float(second),
                    "action": action,
                    "direction": "station",
                    "count": int(count),
                }
                for second, count in enumerate(counts)
                if count
            ]
        stations.append(
            {
                "station": "CSW-ring-road-0042",
                "action": action,
                "predicted": int(predicted.sum()),
                "measured": int(measured.sum()),
            }
        )
    messages.append(
        {
            "source": "measured",
            "bucket_s": 3.0,
            "action": "TriggerMessage",
            "direction": "csms",
            "count": 7,
        }
    )
    folder.write_table("messages", messages)
    folder.write_table("station_messages", stations)
    second = np.arange(120)
    folder.write_table(
        "seconds",
        {
            "second": second,
            "planned": answered + 1,
            "written": answered,
            "answered": answered,
            "errors": (second == 31).astype(np.int64),
            "connected": np.minimum(second * 50, 1000),
            "booted": np.minimum(np.maximum(second - 1, 0) * 50, 998),
            "backlog": second % 7,
            "p50_ms": 3 + np.sin(second / 9),
            "p99_ms": np.where(second == 0, np.nan, 30 + 20 * np.sin(second / 7) ** 2),
        },
    )
    folder.write_table(
        "ledger",
        [
            {
                "station_id": "CSW-ring-road-0001",
                "evse": 1,
                "local_id": k,
                "token": "CSWAAAA",
                "start_utc": START,
                "stop_utc": START if k % 9 else None,
                "energy_wh": 800.0 if k % 9 else None,
                "reason": "Local" if k % 9 else None,
                "state": "closed" if k % 9 else "open",
            }
            for k in range(90)
        ],
    )


def _write_events(folder: RunFolder) -> None:
    folder.write_table(
        "events",
        [
            {"at_s": 31.25, "kind": "ocpp_callerror(InternalError)", "detail": "x", "frames": []},
            {"at_s": 40.0, "kind": "late_start", "detail": "EVSE 1, 3.1 s late"},
            {"at_s": 66.5, "kind": "csms_lost", "detail": f"the embedded CSMS is gone {EVIL}"},
        ],
    )


def _write_hlog(path: Path) -> None:
    rng = np.random.default_rng(3)
    series = {}
    for number, (action, n) in enumerate(ACTIONS.items()):
        histogram = Histogram()
        for us in rng.lognormal(8 + number / 5, 0.7, min(n, 400)):
            histogram.record(float(us) / 1e6)
        series[f"{action}/station/1.6/measure/response"] = histogram
        series[f"{action}/station/1.6/measure/service"] = histogram
    write_hlog(path, series, start_epoch_s=1.8e9, length_s=120.0)


def make_live(
    out: Path, summary: dict[str, Any] | None = None, tables: bool = True, **manifest: Any
) -> Path:
    folder = RunFolder.create(out, "city-launch", "live", now=START)
    facts = {
        "scenario": SCENARIO,
        "scenario_file": "city-launch.toml",
        "seed": 42,
        "command": "chargeswarm live city-launch.toml --seed 42",
        "versions": {"python": "3.11.7", "chargeswarm": "0.1.0", "uvloop": "0.23.0"},
        "host": {"system": "Linux", "cpus_usable": 2, "open_files": {"soft": 1024}},
    }
    folder.write_manifest(**(facts | manifest))
    if tables:
        _write_live_tables(folder)
        _write_events(folder)
        _write_hlog(out / "latency.hlog")
    folder.finish(sample("live") if summary is None else summary)
    return out


def _write_simulation_tables(folder: RunFolder) -> None:
    rng = np.random.default_rng(5)
    names = list(sample("simulation")["peak_kw"])
    start = np.arange(672) * 900.0
    day = np.clip(np.sin((start / 3600 - 8) / 24 * 2 * np.pi), 0, None)
    load: dict[str, list[Any]] = {}
    for k, name in enumerate(names):
        kw = np.minimum(day * (560 - 80 * k) * (0.9 + 0.2 * rng.random(672)), 600)
        columns = {
            "site": [name] * 672,
            "start": [START] * 672,
            "start_s": start,
            "energy_kwh": kw / 4,
            "mean_kw": kw,
            "occupied_evses": day * (14 - k),
            "queue": np.clip(day - 0.8, 0, None) * 6,
        }
        for column, values in columns.items():
            load.setdefault(column, []).extend(values)
    folder.write_table("load", load)
    plug = rng.uniform(0, 6.5 * 86400, 2000)
    outcome = np.array(["served"] * 1961 + ["running"] * 12 + ["reneged"] * 23 + ["blocked"] * 4)
    got = np.isin(outcome, ("served", "running"))
    epoch_ms = int(START.timestamp() * 1000)

    def instants(seconds: Any, known: Any) -> list[datetime | None]:
        return [
            datetime.fromtimestamp((epoch_ms + s * 1000) / 1000, UTC) if k else None
            for s, k in zip(seconds, known, strict=True)
        ]

    wait = np.where(rng.random(2000) < 0.15, rng.exponential(700, 2000), 0.0)
    folder.write_table(
        "sessions",
        {
            "site": [names[k % 5] for k in range(2000)],
            "station": ["CSW-ring-road-0001"] * 2000,
            "evse": [1] * 2000,
            "session": [None] * 2000,
            "outcome": outcome.tolist(),
            "arrival": instants(plug, np.ones(2000, bool)),
            "plug_in": instants(plug, got),
            "charge_end": [None] * 2000,
            "unplug": instants(plug + rng.lognormal(8.5, 0.6, 2000), outcome == "served"),
            "wait_s": [w if g else None for w, g in zip(wait, got, strict=True)],
            "energy_kwh": np.where(got, rng.lognormal(3, 0.5, 2000), 0.0),
            "unserved_kwh": np.where(got, 0.1, 20.0),
            **dict.fromkeys(
                ("limit_kw", "battery_kwh", "soc_arrival", "soc_target", "soc_end"), [0.5] * 2000
            ),
        },
    )
    folder.write_table(
        "messages",
        [
            {
                "source": "predicted",
                "bucket_s": float(minute * 60),
                "action": action,
                "direction": "station",
                "count": int(count),
            }
            for number, (action, n) in enumerate(ACTIONS.items())
            for minute, count in enumerate(_shape(10 * n, 10080, number))
            if count
        ],
    )


def make_simulation(
    out: Path, summary: dict[str, Any] | None = None, tables: bool = True, **manifest: Any
) -> Path:
    folder = RunFolder.create(out, "city-launch", "simulation", now=START)
    facts = {
        "scenario": SCENARIO,
        "scenario_file": "city-launch.toml",
        "seed": 42,
        "command": "chargeswarm simulate city-launch.toml --duration 7d",
        "versions": {"python": "3.11.7", "chargeswarm": "0.1.0"},
        "host": {"system": "Linux", "cpus_usable": 2},
    }
    folder.write_manifest(**(facts | manifest))
    if tables:
        _write_simulation_tables(folder)
    folder.finish(sample("simulation") if summary is None else summary)
    return out


Make = Callable[..., Path]


@pytest.fixture
def live_run(tmp_path: Path) -> Make:
    """Makes a finished live run under ``tmp_path``."""
    return lambda name="live", **changes: make_live(tmp_path / name, **changes)


@pytest.fixture
def simulation_run(tmp_path: Path) -> Make:
    """Makes a finished simulation under ``tmp_path``."""
    return lambda name="simulation", **changes: make_simulation(tmp_path / name, **changes)


@pytest.fixture(scope="session")
def live_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a live run with its report, shared: not to be changed."""
    run = make_live(tmp_path_factory.mktemp("shared") / "live")
    render(run)
    return run


@pytest.fixture(scope="session")
def simulation_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a simulation with its report, shared: not to be changed."""
    run = make_simulation(tmp_path_factory.mktemp("shared") / "simulation")
    render(run)
    return run


@pytest.fixture
def evil() -> str:
    """Text that would run in a browser if it were not escaped."""
    return EVIL
