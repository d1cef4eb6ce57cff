"""What this machine's generator can do against a target that does no work; a process of its own.

``python -m simulator.live.ceiling --port PORT [--profile N --certificates FOLDER]`` plays made-up
stations with the shard's own parts: TLS (security profiles 2 and 3), station logic,
connections, recording. First all connect at once, then all call as fast as they are
answered, then at fixed rates, downwards until one is sent validly by the default rules. Prints a
``Ceiling`` as JSON. Started by ``calibrated``, while the null target runs beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Final

import numpy as np

from simulator.fleet.certificates import CA
from simulator.fleet.crew import virtual_stations
from simulator.fleet.setup import Conditions
from simulator.fleet.shardplan import ShardPlan
from simulator.live.clock import run_clock
from simulator.live.connection import Upgrade
from simulator.live.deadlines import Deadlines
from simulator.live.dial import DialRules
from simulator.live.fleetloop import FleetLoop
from simulator.live.health import cpu_s, raise_fd_limit, settle_memory
from simulator.live.link import Link, Surroundings
from simulator.live.madeup import LONG_S, Pace, Paced, made_up_model, made_up_plan
from simulator.live.target import Address, parse_target
from simulator.live.tls import Tls, TlsRules
from simulator.measure.detail import EDGES_US, Detail
from simulator.measure.recorder import Recorder
from simulator.measure.validity import Limits
from simulator.station.network import TLS_CLIENT

HOST: Final = "127.0.0.1"
STATIONS: Final = 500
SATURATED_S: Final = 1.0
STEP_S: Final = 1.0
STEPS: Final = 6
FIRST_STEP: Final = 0.85
"""Of the saturated rate: what the rule about a busy core leaves."""
STEP_DOWN: Final = 0.75
UP_S: Final = 8.0
"""Connecting and starting transactions must be over by then."""
_PLUG_IN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What one process of the generator can do. MeterValues of three measurands, OCPP 1.6."""

    stations: int
    connects_per_s: float
    """Stations connected, upgraded, booted and with their statuses told."""
    saturated_per_s: float
    """Calls answered per second, each as soon as the one before is."""
    calls_per_cpu_s: float
    calls_per_s: float
    """The largest of the rates tried that was sent validly; 0: none was."""
    steps: tuple[dict[str, float], ...]
    """Each rate tried: asked and written per second, shares of calls and probes in time, CPU."""


def calibration_plan(stations: int) -> ShardPlan:
    """Stations that come at once, and a car at each."""
    model = made_up_model("calibration", kw=11.0, phases=3)
    return made_up_plan(model, np.zeros(stations), np.full(stations, _PLUG_IN_S))


class Calibration:
    """The stations of one calibration, on the loop that is running."""

    def __init__(
        self, port: int, stations: int, profile: int = 0, certificates: Path | None = None
    ) -> None:
        """``certificates`` is the folder of the fleet's, for the profiles with TLS."""
        plan = calibration_plan(stations)
        self.recorder = Recorder((), stations, ((0.0, "run"),), station_ids=plan.ids)
        conditions = Conditions("calibration-")
        tls = None
        if certificates is not None:
            ca = (certificates / f"{CA}.pem").read_text("ascii")
            own = certificates if profile == TLS_CLIENT else None
            tls = Tls(TlsRules(HOST, ca))
            conditions = Conditions(
                "calibration-", security_profile=profile, ca=ca, certificates=own
            )
        crew, _ = virtual_stations(plan, self.recorder, time.time(), conditions)
        settle_memory()
        self.clock = run_clock(time.perf_counter_ns())
        shared = Surroundings(
            clock=self.clock,
            deadlines=Deadlines(stations),
            rules=DialRules(Address(socket.AF_INET, (HOST, port))),
            upgrade=Upgrade(parse_target(f"{'ws' if tls is None else 'wss'}://{HOST}:{port}/")),
            watcher=self.recorder,
            tls=tls,
        )
        self.fleet = FleetLoop(
            shared=shared,
            recorder=self.recorder,
            run_s=LONG_S,
            drain_s=1.0,
            on_snapshot=lambda _: None,
        )
        self.pace = Pace()
        self.drivers = [Paced(station, self.pace) for station in crew]
        self.links = [Link(i, plan.ids[i], None, d, shared) for i, d in enumerate(self.drivers)]
        self.fleet.populate(self.links, plan.connect_due_s.tolist())

    async def run(self) -> Ceiling:
        """Connect, saturate, step down. Raises TimeoutError where it does not come that far."""
        running = asyncio.ensure_future(self.fleet.run())
        try:
            connects = await self._connect()
            saturated, per_cpu = await self._saturate()
            steps = await self._step_down(saturated)
        finally:
            self.fleet.abort()
            await running
        valid = [step["written_per_s"] for step in steps if step["valid"]]
        return Ceiling(
            len(self.drivers), connects, saturated, per_cpu, max(valid, default=0.0), tuple(steps)
        )

    async def _connect(self) -> float:
        """Stations per second, from the first connection to the last status told."""
        began, told = self.clock(), 2 * len(self.drivers)
        await self._until(lambda: self._answered("StatusNotification") >= told)
        per_s = len(self.drivers) / (self.clock() - began)
        await self._until(lambda: all(driver.ready for driver in self.drivers))
        return per_s

    async def _saturate(self) -> tuple[float, float]:
        """(calls per second, calls per CPU-second) with nothing but answers to wait for."""
        self.pace.saturate = True
        now = self.clock()
        for driver, link in zip(self.drivers, self.links, strict=True):
            driver.sample(now, now)
            link.settle(now)
        began, cpu, before = self.clock(), cpu_s(), self._answered()
        await asyncio.sleep(SATURATED_S)
        calls, used, took = self._answered() - before, cpu_s() - cpu, self.clock() - began
        self.pace.saturate = False
        await self._until(lambda: all(driver.ready for driver in self.drivers))
        return calls / took, calls / used

    async def _step_down(self, saturated: float) -> list[dict[str, float]]:
        """Rates below the saturated one, until one is valid."""
        steps: list[dict[str, float]] = []
        rate = saturated * FIRST_STEP
        while len(steps) < STEPS and not (steps and steps[-1]["valid"]):
            steps.append(await self._step(rate))
            rate *= STEP_DOWN
        return steps

    async def _step(self, rate: float) -> dict[str, float]:
        before, cpu = self.recorder.detail(self.clock()), cpu_s()
        began = self.clock() + 0.01
        self.pace.every_s = len(self.drivers) / rate
        for number, (driver, link) in enumerate(zip(self.drivers, self.links, strict=True)):
            driver.due = began + number / rate
            link.settle(began)
        await asyncio.sleep(STEP_S)
        for driver in self.drivers:
            driver.due = inf
        took, used = self.clock() - began, cpu_s() - cpu
        await self._until(lambda: all(driver.ready for driver in self.drivers))
        return judged(rate, before, self.recorder.detail(self.clock()), took, used)

    def _answered(self, action: str = "MeterValues") -> int:
        detail = self.recorder.detail(self.clock())
        return int(detail.calls[action][1]) if action in detail.calls else 0

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(UP_S):
            while not condition():
                await asyncio.sleep(0.02)


def judged(
    rate: float, before: Detail, after: Detail, took_s: float, used_s: float
) -> dict[str, float]:
    """One rate: ``valid`` is 1 if the default rules of validity hold for it."""
    limits = Limits()
    wait = _share(before, after, "queue_generator", limits.generator_wait_p99)
    lag = _share(before, after, "loop_lag", limits.loop_lag_p99)
    written = _count(before, after, "queue_generator") / took_s
    in_time = wait >= 0.99 and lag >= 0.99
    achieved = written >= limits.sends_achieved * rate * 0.99  # the last turn may be cut off
    valid = in_time and achieved and used_s / took_s <= limits.cpu_share
    return {
        "asked_per_s": rate,
        "written_per_s": written,
        "calls_in_time": wait,
        "probes_in_time": lag,
        "cpu": used_s / took_s,
        "valid": float(valid),
    }


def _count(before: Detail, after: Detail, kind: str) -> int:
    old = before.series.get(("", kind))
    return after.series["", kind].n - (old.n if old is not None else 0)


def _share(before: Detail, after: Detail, kind: str, limit_s: float) -> float:
    """Share of a step's values within a limit, which is an edge of the buckets."""
    slot = EDGES_US.index(round(limit_s * 1e6))
    old, new = before.series.get(("", kind)), after.series["", kind]
    n = _count(before, after, kind)
    within = int(new.counts[slot] - (old.counts[slot] if old is not None else 0))
    return within / n if n else 0.0


async def _calibrate(
    port: int, stations: int, profile: int = 0, certificates: Path | None = None
) -> Ceiling:
    return await Calibration(port, stations, profile, certificates).run()


def main(argv: list[str] | None = None) -> int:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="python -m simulator.live.ceiling", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of the null target")
    parser.add_argument("--stations", type=int, default=STATIONS)
    parser.add_argument("--profile", type=int, default=0, help="security profile")
    parser.add_argument("--certificates", type=Path, help="folder of the fleet's, for TLS")
    options = parser.parse_args(argv)
    given = options.port, options.stations, options.profile, options.certificates
    raise_fd_limit()
    try:
        import uvloop
    except ImportError:
        found = asyncio.run(_calibrate(*given))
    else:
        found = uvloop.run(_calibrate(*given))
    print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
