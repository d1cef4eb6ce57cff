"""The same bytes from one process and from two."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from simulator import load_scenario, simulate
from simulator.simulation import groups, network_run
from simulator.store import read_run

VOLATILE = ("wall_s", "kernel_s", "compile_s")


@pytest.mark.process
def test_results_are_equal_to_the_bit_whatever_the_number_of_workers(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "TASK_VISITS", 100)
    scenario = load_scenario(small).replace(replications=2)
    runs = [
        simulate(scenario, out=tmp_path / str(jobs), jobs=jobs, report=False) for jobs in (1, 2)
    ]
    one, two = runs
    assert one.run.tables == two.run.tables
    for table in one.run.tables:
        name = f"{table}.parquet"
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes(), table
    trimmed = [{k: v for k, v in run.summary.items() if k not in VOLATILE} for run in runs]
    assert trimmed[0] == trimmed[1]
    assert not list(two.path.glob(".*"))
    assert read_run(two.path).status == "finished"


@pytest.mark.process
def test_ctrl_c_in_the_middle_leaves_a_folder_that_says_so_and_no_worker(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(groups, "TASK_VISITS", 100)
    monkeypatch.setattr(network_run, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(small, out=tmp_path / "run", jobs=2)
    found = read_run(tmp_path / "run")
    assert (found.status, found.summary["verdict"]) == ("interrupted", "INTERRUPTED")
    assert sorted(p.name for p in found.path.iterdir()) == ["manifest.json", "summary.json"]
    living = [c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]
    assert not living
