"""A report drawn from sums and pieces tells what one drawn from every row tells."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from simulator import simulate
from simulator.report import sim_reading
from simulator.report.plots.people import Counted, scaled
from simulator.report.reading import Reading
from simulator.store import read_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    return simulate("city-launch", stations=120, duration="2d", out=out, report=False).path


def test_load_and_sessions_agree(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(read_run(run))
    load, sessions = sim_reading.load(reading), sim_reading.sessions(reading)
    monkeypatch.setattr(sim_reading, "MOST_ROWS", 1)
    large, summed = sim_reading.load(reading), sim_reading.sessions(reading)
    assert load and large and sessions and summed
    assert large.sites == load.sites and large.interval_s == load.interval_s
    for name in ("seconds", "kw", "occupied", "queue"):
        np.testing.assert_allclose(getattr(large, name), getattr(load, name), rtol=1e-9, atol=1e-9)
    at = [summed.sites.index(site) for site in sessions.sites]
    for name in ("plugged", "energy_kwh", "wait_s", "unserved_kwh"):
        np.testing.assert_allclose(getattr(summed, name)[at], getattr(sessions, name), rtol=1e-9)
    for name, energy in sessions.unserved_by.items():
        assert summed.unserved_by.get(name, 0.0) == pytest.approx(energy, rel=1e-9)
    for name in ("served_kwh", "stays_s"):
        few, many = getattr(summed, name), getattr(sessions, name)
        assert isinstance(few, Counted) and len(few) == len(many)
        assert few.quantile(0.5) == pytest.approx(np.median(many), rel=0.03)
        assert few.mean() == pytest.approx(many.mean(), rel=0.01)


def test_a_long_load_becomes_means_of_longer_steps(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(read_run(run))
    fine = sim_reading.load(reading)
    monkeypatch.setattr(sim_reading, "MOST_ROWS", 1)
    monkeypatch.setattr(sim_reading, "_STEPS", 48)
    coarse = sim_reading.load(reading)
    assert fine and coarse
    assert coarse.interval_s == 4 * fine.interval_s
    hourly = fine.kw.reshape(len(fine.sites), -1, 4).mean(axis=2)
    np.testing.assert_allclose(coarse.kw, hourly, rtol=1e-9, atol=1e-9)


def test_the_large_report_has_every_section(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from simulator.report import render

    def sections() -> list[str]:
        return re.findall(r'<section class="card" id="([^"]+)"', render(run).read_text("utf-8"))

    small = sections()
    monkeypatch.setattr(sim_reading, "MOST_ROWS", 1)
    assert sections() == small
    assert small


def test_counts_lie_evenly_within_their_bins() -> None:
    counted = Counted(np.array([0.0, 1.0]), np.array([1.0, 3.0]), np.array([10.0, 20.0]))
    assert counted.below(np.array([0.0, 0.5, 1.0, 2.0, 9.0])).tolist() == [0, 5, 10, 20, 30]
    assert counted.quantile(0.5) == 1.5
    assert scaled(counted, 2.0).quantile(0.5) == 3.0
