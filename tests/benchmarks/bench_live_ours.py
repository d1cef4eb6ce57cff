"""Our side of the live benchmark, in a process of its own: the shard's own parts, nothing left out.

``saturate``: every station has a transaction and sends a MeterValues of three measurands as soon as
the one before is answered. ``idle``: every station is connected and accepted, and does nothing.
``ramp``: all stations are switched on evenly over the seconds, until the last one is accepted and
has told its statuses.
Prints one JSON object: calls answered and CPU seconds of the window, KB per station, or the seconds
from the first station to the last.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys

import numpy as np
import uvloop

from simulator.fleet.crew import virtual_stations
from simulator.fleet.setup import Conditions
from simulator.fleet.shardplan import ShardPlan
from simulator.live.clock import run_clock
from simulator.live.connection import Upgrade
from simulator.live.deadlines import Deadlines
from simulator.live.dial import DialRules
from simulator.live.fleetloop import FleetLoop
from simulator.live.health import cpu_s, raise_fd_limit, rss_kb, settle_memory
from simulator.live.link import Link, Surroundings
from simulator.live.madeup import LONG_S, Pace, Paced, made_up_model, made_up_plan
from simulator.live.target import Address, parse_target
from simulator.measure.recorder import Recorder
from simulator.station.versions import TABLES


def bench_plan(stations: int, busy: bool) -> ShardPlan:
    """One car at every station from second 2 on, or none at all."""
    model = made_up_model("bench", kw=7.4, phases=1)  # no phases apart: three values a sample
    cars = stations if busy else 0
    return made_up_plan(model, np.linspace(0.0, 1.0, stations), np.linspace(2.0, 3.0, cars))


async def measure(port: int, stations: int, mode: str, seconds: float) -> dict[str, float]:
    import time

    busy = mode == "saturate"
    plan = bench_plan(stations, busy)
    recorder = Recorder((), stations, ((0.0, "measure"),), station_ids=plan.ids)
    TABLES["1.6"].read_schemas()
    gc.collect()
    before = rss_kb()
    crew, _ = virtual_stations(plan, recorder, time.time(), Conditions("bench-"))
    settle_memory()
    clock = run_clock(time.perf_counter_ns())
    shared = Surroundings(
        clock=clock,
        deadlines=Deadlines(stations),
        rules=DialRules(Address(socket.AF_INET, ("127.0.0.1", port))),
        upgrade=Upgrade(parse_target(f"ws://127.0.0.1:{port}/")),
        watcher=recorder,
    )
    fleet = FleetLoop(
        shared=shared, recorder=recorder, run_s=LONG_S, drain_s=5.0, on_snapshot=lambda _: None
    )
    pace = Pace()
    pace.saturate = True
    drivers = [Paced(station, pace) if busy else station for station in crew]
    links = [Link(i, plan.ids[i], None, s, shared) for i, s in enumerate(drivers)]  # type: ignore[arg-type]
    spread = seconds if mode == "ramp" else 1.0
    fleet.populate(links, np.linspace(0.0, spread, stations).tolist())
    cpu = cpu_s()
    running = asyncio.ensure_future(fleet.run())
    result: dict[str, float] = {}
    while True:
        await asyncio.sleep(0.25 if mode != "ramp" else 0.02)
        snapshot = recorder.snapshot(clock())
        calls = snapshot["calls"]
        settled = mode != "ramp" or calls["answered"] == snapshot["planned"]
        if snapshot["booted"] == stations and settled and (not busy or clock() > 5.0):
            break
    if mode == "ramp":
        result = {"seconds": clock(), "cpu_s": cpu_s() - cpu, "calls": calls["answered"]}
    elif busy:
        begin, cpu = snapshot["calls"]["answered"], cpu_s()
        await asyncio.sleep(seconds)
        used = cpu_s() - cpu
        answered = recorder.snapshot(clock())["calls"]["answered"] - begin
        result = {"calls": answered, "cpu_s": used, "calls_per_cpu_s": answered / used}
    else:
        await asyncio.sleep(1.0)
        result = {"kb_per_station": (rss_kb() - before) / stations}
    fleet.abort()
    await running
    return result


if __name__ == "__main__":
    raise_fd_limit()
    what, port, stations, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(measure(int(port), int(stations), what, float(seconds)))))
