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
from math import inf

import numpy as np
import uvloop

from simulator.fleet.agenda import Stays
from simulator.fleet.crew import virtual_stations
from simulator.fleet.identity import TokenPools
from simulator.fleet.setup import Conditions
from simulator.fleet.shardplan import Cars, ShardPlan
from simulator.fleet.virtual import VirtualStation
from simulator.live.clock import run_clock
from simulator.live.connection import Upgrade
from simulator.live.deadlines import Deadlines
from simulator.live.dial import DialRules
from simulator.live.fleetloop import FleetLoop
from simulator.live.health import cpu_s, raise_fd_limit, rss_kb, settle_memory
from simulator.live.link import Link, Surroundings
from simulator.live.target import Address, parse_target
from simulator.measure.recorder import Recorder
from simulator.scenario.profile_model import StationModel
from simulator.station.events import Event
from simulator.station.rpc import raise_event
from simulator.station.versions import TABLES

MEASURANDS = ("Energy.Active.Import.Register", "Power.Active.Import", "Current.Import")
MODEL = StationModel(
    name="bench",
    source="made up",
    description="",
    vendor="Chargeswarm",
    model="Bench",
    current="ac",
    evses=1,
    evse_kw=7.4,
    station_kw=7.4,
    phases=1,  # three measurands are three values: no phases apart
    min_kw=1.38,
    measurands=MEASURANDS,
    meter_interval=3600.0,
    clock_aligned_interval=0.0,
    heartbeat=86400.0,
    configuration={"MeterValuesSampledData": ",".join(MEASURANDS), "WebSocketPingInterval": "0"},
)
LONG_S = 3600.0


class Saturated:
    """A virtual station that takes its next sample as soon as the last one is answered."""

    __slots__ = ("inner",)

    def __init__(self, inner: VirtualStation) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    @property
    def next_deadline(self) -> float:
        return self.inner.next_deadline

    def receive(self, now: float, data: bytes) -> None:
        inner = self.inner
        inner.receive(now, data)
        station = inner.station
        evse = station.evses[1]
        if station.call is None and evse.tx is not None:
            raise_event(station, Event.SAMPLED, now, now, evse, evse.tx)
            station.wake(now)


def made_up_plan(stations: int, busy: bool) -> ShardPlan:
    """One car at every station from second 2 on, or none at all."""
    cars = stations if busy else 0
    column = np.full(cars, 1.0)
    return ShardPlan(
        station_index=np.arange(stations, dtype=np.int32),
        ids=tuple(f"CSW-bench-{i:05d}" for i in range(stations)),
        vendors=("Chargeswarm",) * stations,
        models=("Bench",) * stations,
        serials=tuple(f"b-{i:05d}" for i in range(stations)),
        passwords=(None,) * stations,
        versions=("1.6",) * stations,
        sites=("bench",),
        site=np.zeros(stations, np.int32),
        ordinal=np.arange(1, stations + 1, dtype=np.int32),
        kinds=(MODEL,),
        kind=np.zeros(stations, np.int32),
        evse_first=np.arange(stations + 1, dtype=np.int32),
        evse_position=np.arange(stations, dtype=np.int32),
        connect_due_s=np.linspace(0.0, 1.0, stations),
        stays=Stays(
            station=np.arange(cars, dtype=np.int32),
            evse=np.ones(cars, np.int32),
            start_s=np.linspace(2.0, 3.0, cars),
            stop_s=column * LONG_S,
            full_s=np.full(cars, inf),
            cap_offset=np.arange(cars + 1, dtype=np.int64),
            cap_s=np.linspace(2.0, 3.0, cars),
            cap_kw=column * 11.0,
        ),
        stay_first=np.arange(stations + 1, dtype=np.int64) if busy else np.zeros(stations + 1, int),
        cars=Cars(
            soc=column * 0.2,
            target_soc=column,
            capacity_kwh=column * 60.0,
            efficiency=column * 0.9,
            limit_kw=column * 11.0,
            phases=np.full(cars, 3, np.int32),
            knot=np.zeros(cars, np.int32),
            knot_stop=np.full(cars, 2, np.int32),
            turn=np.zeros(cars, np.int32),
        ),
        knots_soc=np.array([0.0, 1.0]),
        knots_kw=np.array([1e9, 1e9]),
        tokens=TokenPools(1),
        speed=1.0,
        run_s=LONG_S,
        left_out=0,
    )


async def measure(port: int, stations: int, mode: str, seconds: float) -> dict[str, float]:
    import time

    busy = mode == "saturate"
    plan = made_up_plan(stations, busy)
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
    drivers = [Saturated(station) if busy else station for station in crew]
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
