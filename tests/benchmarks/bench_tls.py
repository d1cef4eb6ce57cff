"""TLS beside plain sockets: what a connection costs both sides, and what it holds when idle.

The same stations connect, upgrade and boot at a target that does no work (``bench_live_target``):
plain, over TLS, and over TLS with a certificate each. CPU is that of both processes together, from
the first connection to the last boot; memory is the generator's alone, a station with everything
that it holds. ``python tests/benchmarks/bench_tls.py`` prints the table; ``run()`` gives its rows.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
import uvloop
from bench_live import Row
from bench_live_ours import bench_plan

from simulator.fleet.certificates import Holder, write
from simulator.fleet.crew import virtual_stations
from simulator.fleet.setup import Conditions
from simulator.live.clock import run_clock
from simulator.live.connection import Upgrade
from simulator.live.deadlines import Deadlines
from simulator.live.dial import DialRules
from simulator.live.fleetloop import FleetLoop
from simulator.live.health import cpu_s, raise_fd_limit, rss_kb, settle_memory
from simulator.live.link import Link, Surroundings
from simulator.live.madeup import LONG_S
from simulator.live.target import Address, parse_target
from simulator.live.tls import Tls, TlsRules
from simulator.measure.recorder import Recorder

HERE: Final = Path(__file__).resolve().parent
STATIONS: Final = 1000
COMMAND: Final = "python tests/benchmarks/bench_tls.py"
HOST: Final = "127.0.0.1"
MODES: Final = {"plain": 1, "tls": 2, "mutual": 3}
"""The security profile of each."""


@dataclass(frozen=True)
class Measured:
    """Per station: CPU of the generator and of the target (us) to connect and boot, memory (KB)."""

    ours_us: float
    theirs_us: float
    kb: float


def run(stations: int = STATIONS) -> list[Row]:
    """Measure, each way in processes of its own."""
    with tempfile.TemporaryDirectory(prefix="chargeswarm-bench-") as name:
        folder = Path(name)
        plan = bench_plan(stations, busy=False)
        holders = [Holder(*pair) for pair in zip(plan.ids, plan.serials, strict=True)]
        write(folder, holders, "Bench", hosts=(HOST,))
        both = (folder / "csms.pem").read_text() + (folder / "csms.key").read_text()
        (folder / "server.pem").write_text(both)
        found = {mode: _one(mode, stations, folder) for mode in MODES}
    plain = found["plain"]
    rows = []
    for mode, what in (("tls", "TLS"), ("mutual", "TLS, a certificate each")):
        mine = found[mode]
        us, plain_us = mine.ours_us + mine.theirs_us, plain.ours_us + plain.theirs_us
        rows.append(
            Row(
                f"connect, upgrade, boot, both sides; {what}, beside plain",
                *(1e6 / us, 1e6 / plain_us, "stations/CPU-s", plain_us / us, COMMAND),
            )
        )
        rows.append(
            Row(
                f"the handshake alone, both sides (of it ours beside it); {what}",
                *(1e6 / (us - plain_us), 1e6 / (mine.ours_us - plain.ours_us), "handshakes/CPU-s"),
                *((mine.ours_us - plain.ours_us) / (us - plain_us), COMMAND),
            )
        )
        rows.append(
            Row(
                f"memory of a connected idle station; {what}, beside plain",
                *(mine.kb, plain.kb, "KB/station", plain.kb / mine.kb, COMMAND),
            )
        )
    return rows


def _one(mode: str, stations: int, folder: Path) -> Measured:
    files = {"plain": [], "tls": ["server.pem"], "mutual": ["server.pem", "fleet-ca.pem"]}[mode]
    with subprocess.Popen(
        [sys.executable, str(HERE / "bench_live_target.py"), *(str(folder / f) for f in files)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as target:
        assert target.stdin is not None and target.stdout is not None
        try:
            port = int(target.stdout.readline())
            done = subprocess.run(
                [
                    *(sys.executable, __file__, mode, str(port), str(stations)),
                    *(str(folder), str(target.pid)),
                ],
                stdout=subprocess.PIPE,
                check=True,
                timeout=300,
                env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
            )
        finally:
            target.stdin.close()
            target.wait(10)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


async def measure(mode: str, port: int, stations: int, folder: Path, target: int) -> Measured:
    """The generator's process."""
    profile = MODES[mode]
    ca = (folder / "fleet-ca.pem").read_text() if profile > 1 else None
    plan = bench_plan(stations, busy=False)
    recorder = Recorder((), stations, ((0.0, "measure"),), station_ids=plan.ids)
    own = folder if profile == 3 else None
    conditions = Conditions("bench-", security_profile=profile, ca=ca, certificates=own)
    gc.collect()
    before = rss_kb()
    crew, _ = virtual_stations(plan, recorder, time.time(), conditions)
    settle_memory()
    server = psutil.Process(target)
    clock = run_clock(time.perf_counter_ns())
    scheme = "ws" if ca is None else "wss"
    shared = Surroundings(
        clock=clock,
        deadlines=Deadlines(stations),
        rules=DialRules(Address(socket.AF_INET, (HOST, port)), 120.0),
        upgrade=Upgrade(parse_target(f"{scheme}://{HOST}:{port}/")),
        watcher=recorder,
        tls=None if ca is None else Tls(TlsRules(HOST, ca)),
    )
    fleet = FleetLoop(
        shared=shared, recorder=recorder, run_s=LONG_S, drain_s=5.0, on_snapshot=lambda _: None
    )
    links = [Link(i, plan.ids[i], None, station, shared) for i, station in enumerate(crew)]
    fleet.populate(links, plan.connect_due_s.tolist())
    ours, theirs = cpu_s(), sum(server.cpu_times()[:2])
    running = asyncio.ensure_future(fleet.run())
    while recorder.snapshot(clock())["booted"] < stations:
        await asyncio.sleep(0.05)
    ours, theirs = cpu_s() - ours, sum(server.cpu_times()[:2]) - theirs
    await asyncio.sleep(1.0)
    kb = (rss_kb() - before) / stations
    fleet.abort()
    await running
    return Measured(ours / stations * 1e6, theirs / stations * 1e6, kb)


def main() -> None:
    """The table; with arguments, one measurement for it."""
    if len(sys.argv) > 1:
        raise_fd_limit()
        mode, port, stations, folder, target = sys.argv[1:]
        work = measure(mode, int(port), int(stations), Path(folder), int(target))
        print(json.dumps(asdict(uvloop.run(work))))
        return
    for row in run():
        ours, theirs = f"{row.ours:,.1f}", f"{row.theirs:,.1f}"
        print(f"{row.name:<78} {ours:>10} {theirs:>10} {row.unit:<16} x{row.ratio:.2f}")


if __name__ == "__main__":
    main()
