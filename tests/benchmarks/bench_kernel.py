"""Kernel sessions per second under every policy against a plain simpy model of the same hub.

The hub has 20 EVSEs at ten 150 kW stations behind 500 kW, and once more 500 EVSEs at 250 stations
behind 12.5 MW. It is busy: the limit holds somebody back most of the time, and drivers queue with
patience. Cars have real charge curves, the load is recorded by the quarter of an hour. The simpy
model shares equally. It plays the same visits as the kernel and must agree with it before times
count; beside the other policies stands the same figure, since it has none of them. Times are CPU
seconds of one core, medians of three runs. The last row is a network's week.

    python tests/benchmarks/bench_kernel.py
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import process_time
from typing import NamedTuple

import numpy as np
import simpy

from simulator.demand.visits import Curves, Visits
from simulator.engine import Outcome
from simulator.engine.kernel.compiled import kernel
from simulator.engine.plan import SiteResult
from simulator.engine.policies import NAMES
from simulator.engine.site import SiteRun
from simulator.scenario import Site, SiteInstance, StationInstance, StationModel, load_profile
from simulator.scenario.mix_model import StationGroup

sys.path.insert(0, str(Path(__file__).parent))
import bench_kernel_simpy as plain

COMMAND = "python tests/benchmarks/bench_kernel.py"
EVSE_SHARE_KW = 25.0
"""What the grid connection carries for each EVSE."""
INTERVAL_S = 900.0
DAY_S = 86_400.0
BUSY = 30.0
USUAL = 6.0
"""Visits per EVSE and day."""
SAMPLE = 5
"""Sites of the large network that simpy plays."""
EFFICIENCY = 0.95
RUNS = 3
LARGE = 500
"""EVSEs of the large hub."""


class Row(NamedTuple):
    """One measurement: ours, theirs, and how many times better ours is."""

    name: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    command: str


def hub_site(evses: int = 20, policy: str = "equal_share") -> SiteInstance:
    """Stations with two EVSEs each that share 150 kW."""
    model: StationModel = load_profile("stations", "dc-150-dual")
    count = evses // 2
    table = Site.model_construct(
        name="hub",
        stations=(StationGroup(model="dc-150-dual", count=count),),
        grid_limit=EVSE_SHARE_KW * evses,
        policy=policy,
        queue=True,
        rotate=900.0,
    )
    stations = tuple(
        StationInstance("hub", n, f"CSW-hub-{n}", model, 2, None, "", "", "", None)
        for n in range(1, count + 1)
    )
    return SiteInstance("hub", table, stations, False)


def hub_visits(count: int, seed: int, per_evse_day: float = BUSY, evses: int = 20) -> Visits:
    """Fast-charging visits: Poisson arrivals, a mix of cars, 30 minutes of stay in the middle."""
    mix = load_profile("vehicles", "europe-2021").vehicles
    cars = [car for car in mix if car.dc_kw > 0.0 and car.curve]
    r = np.random.default_rng(seed)
    arrival = np.cumsum(r.exponential(DAY_S / (evses * per_evse_day), count))
    share = np.array([car.share for car in cars])
    car = r.choice(len(cars), count, p=share / share.sum())
    soc = r.beta(2.0, 4.0, count)
    lengths = [len(c.curve) for c in cars]

    def of_cars(name: str) -> np.ndarray:
        return np.array([getattr(c, name) for c in cars], np.float64)[car]

    return Visits(
        arrival_s=arrival,
        departure_s=arrival + r.lognormal(math.log(1800.0), 0.6, count),
        linger_s=np.full(count, math.inf),
        patience_s=r.exponential(600.0, count),
        soc=soc,
        target_soc=np.minimum(1.0, soc + r.beta(5.0, 3.0, count) * (1.0 - soc)),
        battery_kwh=of_cars("battery_kwh"),
        ac_kw=of_cars("ac_kw"),
        ac_phases=of_cars("ac_phases").astype(np.int32),
        dc_kw=of_cars("dc_kw"),
        efficiency_ac=np.full(count, 0.9),
        efficiency_dc=np.full(count, EFFICIENCY),
        curve=car.astype(np.int32),
        evse=np.full(count, -1, np.int32),
        label=None,
        curves=Curves(
            offset=np.cumsum([0, *lengths]).astype(np.int32),
            soc=np.array([soc for c in cars for soc, _ in c.curve]),
            kw=np.array([kw for c in cars for _, kw in c.curve]),
        ),
    )


def run_kernel(
    visits: Visits, duration_s: float, site: SiteInstance | None = None
) -> tuple[float, SiteResult]:
    """CPU seconds in the kernel, and what came of it."""
    run = SiteRun(visits, site or hub_site(), duration_s, interval_s=INTERVAL_S)
    started = process_time()
    run.advance(duration_s)
    spent = process_time() - started
    return spent, run.result()


def run_simpy(
    visits: Visits, duration_s: float, site: SiteInstance | None = None
) -> tuple[float, plain.Hub]:
    """CPU seconds in simpy's loop, and the hub afterwards."""
    site = site or hub_site()
    env = simpy.Environment()
    layout = [(s.model.station_kw, [s.model.evse_kw] * s.evses) for s in site.stations]
    knots = visits.curves.soc.tolist(), visits.curves.kw.tolist()
    intervals = math.ceil(duration_s / INTERVAL_S)
    hub = plain.hub(env, layout, *knots, site.site.grid_limit, INTERVAL_S, intervals)
    floor = site.stations[0].model.min_kw
    offset = visits.curves.offset.tolist()
    names = ("arrival_s", "departure_s", "patience_s", "soc", "target_soc", "battery_kwh", "dc_kw")
    columns = [getattr(visits, name).tolist() for name in names]
    rows = [
        dict(zip(names, values, strict=True))
        | {
            "efficiency": EFFICIENCY,
            "floor_kw": floor,
            "knot": offset[curve],
            "knot_stop": offset[curve + 1],
        }
        for *values, curve in zip(*columns, visits.curve.tolist(), strict=True)
    ]
    env.process(plain.source(hub, rows))
    started = process_time()
    env.run(until=duration_s)
    return process_time() - started, hub


def check(ours: SiteResult, theirs: plain.Hub) -> None:
    """Both models must tell the same story, or their times mean nothing."""
    served = int((ours.plan.outcome == Outcome.SERVED).sum())
    gave_up = int((ours.plan.outcome == Outcome.RENEGED).sum())
    assert (served, gave_up) == (theirs.served, theirs.gave_up)
    energy = ours.plan.energy_kwh.sum()
    assert abs(theirs.energy_kwh / energy - 1.0) < 1e-9, (theirs.energy_kwh, energy)
    worst = np.abs(np.array(theirs.load_kwh) - ours.load_kwh).max()
    assert worst < 1e-6, f"an interval differs by {worst} kWh"


def simpy_rate(sessions: int, evses: int) -> float:
    """Sessions per second of the simpy model, once it agrees with the kernel."""
    few = hub_visits(sessions, seed=1, evses=evses)
    until_s = float(few.departure_s.max()) + 1.0
    site = hub_site(evses)
    runs = [run_simpy(few, until_s, site) for _ in range(RUNS)]
    check(run_kernel(few, until_s, site)[1], runs[0][1])
    return sessions / median(spent for spent, _ in runs)


def kernel_rate(sessions: int, evses: int, policy: str) -> float:
    """Sessions per second of the kernel; weights of 1 to 3 for the policies that look at them."""
    weight = np.random.default_rng(3).choice([1.0, 2.0, 3.0], sessions)
    many = replace(hub_visits(sessions, seed=2, evses=evses), weight=weight)
    site = hub_site(evses, policy)
    until_s = float(many.arrival_s[-1])
    return sessions / median(run_kernel(many, until_s, site)[0] for _ in range(RUNS))


def run(sessions: int = 200_000, sessions_simpy: int = 4_000, sites: int = 500) -> Iterator[Row]:
    """Measure, row by row; about a minute, and half of one more where the kernel is compiled."""
    kernel()
    for evses, part in ((20, 1), (LARGE, 5)):
        theirs = simpy_rate(sessions_simpy // part, evses)
        for policy in NAMES:
            ours = kernel_rate(sessions // (part * part), evses, policy)
            name = f"kernel, {evses}-EVSE hub, {policy}"
            yield Row(name, ours, theirs, "sessions/s", ours / theirs, COMMAND)
    weeks = [
        hub_visits(int(7 * 20 * USUAL), seed=100 + n, per_evse_day=USUAL) for n in range(sites)
    ]
    week_s = sum(run_kernel(wanted, 7 * DAY_S)[0] for wanted in weeks)
    sample = weeks[:SAMPLE]
    week_simpy_s = sum(run_simpy(wanted, 7 * DAY_S)[0] for wanted in sample) * sites / len(sample)
    name = f"kernel, {sites * 20} EVSEs x 7 days, {sum(map(len, weeks))} visits"
    yield Row(
        f"{name} (simpy: {len(sample)} of {sites} sites, scaled up)",
        week_s,
        week_simpy_s,
        "s",
        week_simpy_s / week_s,
        COMMAND,
    )


if __name__ == "__main__":
    for row in run():
        print(
            f"{row.name}: {row.ours:,.2f} {row.unit} against {row.theirs:,.2f}"
            f" ({row.ratio:,.0f} times better)"
        )
