"""The page explains every column that a simulation's tables can have, and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from simulator.report import render
from simulator.report.sim_tables import TABLES
from simulator.store import simtables, tables

Make = Callable[..., Path]


def test_every_column_of_every_table_is_explained() -> None:
    made = {name: [c.name for c in columns] for name, columns in simtables.TABLES.items()}
    for name in ("network", "distributions", "messages", "replications"):
        made[name] = tables.SCHEMAS[name].names
    assert {name: list(legend) for name, (_, legend) in TABLES.items()} == made


def test_a_page_explains_the_tables_that_the_run_has(simulation_run: Make) -> None:
    run = simulation_run()
    text = (render(run).parent / "report.md").read_text("utf-8")
    assert "## Tables" in text
    for name in TABLES:
        assert (f"{name}.parquet | " in text) == (run / f"{name}.parquet").is_file()
