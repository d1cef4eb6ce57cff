"""Switching a fleet on: stations per second that are connected, accepted and have told statuses.

Our client beside the embedded CSMS in its fast form, on the cores of this machine: both sides' CPU
per station, and the rate at which the last one was done. Stations are switched on evenly faster
than either can take, so that what limits is the work and not the plan.
``python tests/benchmarks/bench_ramp.py`` prints the median of three; ``run()`` measures once.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import psutil

from simulator.csms.options import CsmsOptions
from simulator.csms.process import EmbeddedCsms

HERE = Path(__file__).resolve().parent
STATIONS = 8000
SPREAD_S = 1.0
COMMAND = "python tests/benchmarks/bench_ramp.py"


class Ramp(NamedTuple):
    """What one fleet took. CPU in microseconds per station."""

    stations_per_s: float
    ours_us: float
    csms_us: float


def run(stations: int = STATIONS) -> Ramp:
    """Measure once: BootNotification and a StatusNotification for the station and its one EVSE."""
    options = CsmsOptions(port=0, fast=True, heartbeat_interval_s=86_400)
    with EmbeddedCsms(options) as csms:
        server = psutil.Process(csms.pid)
        before = sum(server.cpu_times()[:2])
        port = csms.url.rsplit(":", 1)[1].split("/")[0]
        done = subprocess.run(
            [
                *(sys.executable, str(HERE / "bench_live_ours.py"), "ramp"),
                *(port, str(stations), str(SPREAD_S)),
            ],
            stdout=subprocess.PIPE,
            check=True,
            timeout=300,
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        )
        theirs = sum(server.cpu_times()[:2]) - before
    found = json.loads(done.stdout.splitlines()[-1])
    return Ramp(
        stations / found["seconds"], found["cpu_s"] / stations * 1e6, theirs / stations * 1e6
    )


def median(rounds: int = 3) -> Ramp:
    """The median of each figure."""
    return Ramp(*map(statistics.median, zip(*(run() for _ in range(rounds)), strict=True)))


def main() -> None:
    found = median()
    print(
        f"{STATIONS} stations: {found.stations_per_s:,.0f} a second; CPU per station: "
        f"generator {found.ours_us:.0f} us, CSMS {found.csms_us:.0f} us"
    )


if __name__ == "__main__":
    main()
