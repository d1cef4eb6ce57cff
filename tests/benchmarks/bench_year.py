"""A year of a large network, from the command to the report; and a week of a small one.

    python tests/benchmarks/bench_year.py            10 000 EVSEs, 365 days, every core
    python tests/benchmarks/bench_year.py 1000 60    other sizes: EVSEs, days

Sites of 20 fast chargers under a shared limit that binds in the busy hours. Prints wall time, the
peak memory of all processes together (proportional set size, so that shared pages count once), and
the rows written. Nothing here asserts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = """
[scenario]
name = "year"
seed = 7
start = 2026-01-01T00:00:00
timezone = "Europe/Berlin"
duration = "{days}d"

[[sites]]
name = "hub"
count = {sites}
stations = [{{ model = "dc-50-single", count = 20 }}]
grid_limit = "{limit} kW"
arrivals = "public-dc"
visits_per_evse_day = {rate}
vehicles = "europe-2021"
policy = "equal_share"
"""
MAIN = "from simulator.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Case:
    """One run of the command."""

    evses: int
    days: int
    wall_s: float
    peak_mb: float
    rows: dict[str, int]

    def __str__(self) -> str:
        rows = ", ".join(f"{n:,} {name}" for name, n in self.rows.items())
        return (
            f"{self.evses:,} EVSEs x {self.days} d: {self.wall_s:.1f} s, "
            f"{self.peak_mb:,.0f} MB at most, rows: {rows}"
        )


class _Memory(threading.Thread):
    """Watches the memory of a process and its children, five times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.peak = 0

    def run(self) -> None:
        while self._process.is_running():
            try:
                family = [self._process, *self._process.children(recursive=True)]
            except psutil.Error:
                return
            self.peak = max(self.peak, sum(_pss(one) for one in family))
            time.sleep(0.2)


def _pss(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
        return int(getattr(found, "pss", found.uss))
    except psutil.Error:
        return 0


def run(evses: int, days: int, *options: str) -> Case:
    """Run the command once on a network of that size."""
    with tempfile.TemporaryDirectory(prefix="bench-year-") as folder:
        scenario = Path(folder) / "year.toml"
        text = SCENARIO.format(days=days, sites=max(1, evses // 20), limit=250, rate=3.2)
        scenario.write_text(text, encoding="utf-8")
        out = Path(folder) / "run"
        command = [sys.executable, "-c", MAIN, "simulate", str(scenario), "--out", str(out)]
        started = time.perf_counter()
        process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, cwd=ROOT)
        memory = _Memory(process.pid)
        memory.start()
        if process.wait() != 0:
            raise SystemExit(f"the command failed with exit code {process.returncode}")
        wall_s = time.perf_counter() - started
        memory.join()
        rows = {
            path.stem: pq.read_metadata(path).num_rows
            for path in (out / "sessions.parquet", out / "load.parquet")
        }
    return Case(evses, days, wall_s, memory.peak / 2**20, rows)


def cases(evses: int = 10_000, days: int = 365) -> list[Case]:
    """A warm-up that compiles, a week of 2 000 EVSEs, then the large one."""
    run(20, 1)
    return [run(2_000, 7), run(evses, days)]


def main(arguments: list[str]) -> int:
    """Print each case; returns the exit code."""
    sizes = [int(argument) for argument in arguments]
    for case in cases(*sizes):
        print(case, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
