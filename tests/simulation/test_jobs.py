"""The same bytes from one process and from two."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator import load_scenario, simulate
from simulator.simulation import groups
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
