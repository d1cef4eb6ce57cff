"""The live driver against a client on the ``ocpp`` package: calls per CPU-second, KB per station.

Both talk to the same target that does no work (``bench_live_target``), each in a process of its
own, one after the other. CPU time is the client's alone. ``python tests/benchmarks/bench_live.py``
prints the table; ``run()`` gives its rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
STATIONS = 1000
SECONDS = 8.0
COMMAND = "python tests/benchmarks/bench_live.py"


class Row(NamedTuple):
    """One measurement: ours, theirs, and how many times better ours is."""

    name: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    command: str


def run(stations: int = STATIONS, seconds: float = SECONDS) -> list[Row]:
    """Measure. Takes about a minute with the default sizes."""
    saturated = _client("bench_live_ours.py", "saturate", stations, seconds)["calls_per_cpu_s"]
    theirs = _client("bench_live_ocpp.py", "saturate", stations, seconds)["calls_per_cpu_s"]
    bare = _client("bench_live_ocpp.py", "saturate", stations, seconds, "--no-validation")
    idle = _client("bench_live_ours.py", "idle", stations, seconds)["kb_per_station"]
    idle_theirs = _client("bench_live_ocpp.py", "idle", stations, seconds)["kb_per_station"]
    unchecked = bare["calls_per_cpu_s"]
    what = f"MeterValues, {stations} connections, saturated"
    unit = "calls/CPU-s"
    return [
        Row(f"{what}; ocpp ChargePoint", saturated, theirs, unit, saturated / theirs, COMMAND),
        Row(
            f"{what}; ocpp ChargePoint without schema checks",
            *(saturated, unchecked, unit, saturated / unchecked, COMMAND),
        ),
        Row(
            f"memory of a connected idle station, {stations} of them",
            *(idle, idle_theirs, "KB/station", idle_theirs / idle, COMMAND),
        ),
    ]


@contextmanager
def _target() -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, str(HERE / "bench_live_target.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)


def _client(script: str, mode: str, stations: int, seconds: float, *more: str) -> dict[str, float]:
    with _target() as port:
        done = subprocess.run(
            [
                *(sys.executable, str(HERE / script), mode),
                *(str(port), str(stations), str(seconds), *more),
            ],
            stdout=subprocess.PIPE,
            check=True,
            timeout=120 + 3 * seconds,
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    for row in run():
        ours, theirs = f"{row.ours:,.1f}", f"{row.theirs:,.1f}"
        print(f"{row.name:<78} {ours:>10} {theirs:>10} {row.unit:<12} x{row.ratio:.1f}")


if __name__ == "__main__":
    main()
