"""What must agree to the last digits: the same energy counted four ways, closed forms, cut runs.

Deviations as numbers, for the tests to bound and for the table to print.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from engine_build import INF, KNOTS, model, site, visits

from simulator import load_scenario
from simulator.demand.visits import Curves
from simulator.engine import Outcome, SiteResult, simulate_network, simulate_site
from simulator.engine.plan import EngineResult
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world
from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.rules import BOOT_ALLOWANCE_S
from simulator.scenario import Network, Scenario

HOUR_S = 3600.0
TIGHT = (
    "sites.home-street.grid_limit=12 kW",
    "sites.workplace.grid_limit=30 kW",
    "sites.kerbside.grid_limit=20 kW",
)
"""Limits that hold cars back, so that the caps matter."""


@cache
def day() -> tuple[Scenario, Network, EngineResult]:
    """A day of the shipped city under tight limits, with every cap recorded."""
    scenario = load_scenario("city-launch", sets=TIGHT).replace(duration_s=86_400.0)
    network = scenario.network(900)
    return scenario, network, simulate_network(scenario, network, record_caps="all")


def load_kwh(site: SiteResult) -> float:
    """Integral of the recorded load."""
    return math.fsum(site.load_kwh)


def relative(found: float, expected: float) -> float:
    """How far apart, as a part of what was expected."""
    return abs(found - expected) / expected if expected else abs(found)


def sessions_beside_load() -> float:
    """Largest relative difference, over the sites of the day, of sessions and EVSEs to the load."""
    return max(
        max(
            relative(math.fsum(one.plan.energy_kwh), load_kwh(one)),
            relative(math.fsum(one.evse_energy_kwh), load_kwh(one)),
        )
        for one in day()[2].sites
    )


def batteries_and_losses_beside_load() -> float:
    """Largest relative difference of what batteries gained and what was lost to the load."""
    worst = 0.0
    for one in day()[2].sites:
        plan, wanted = one.plan, one.visits
        stored = math.fsum((plan.soc_end - wanted.soc) * wanted.battery_kwh)
        lost = math.fsum(plan.energy_kwh * (1.0 - plan.efficiency))
        worst = max(worst, relative(stored + lost, load_kwh(one)))
    return worst


@cache
def registers() -> tuple[np.ndarray, np.ndarray]:
    """Energy of every whole session by its station's meter and by the engine, kWh.

    The registers that meter values and StopTransaction report, played from the recorded caps.
    """
    scenario, network, engine = day()
    run_s = engine.duration_s
    shard = build_live_plan(
        scenario,
        network,
        engine,
        from_s=0.0,
        speed=1.0,
        run_s=run_s,
        connect_due=np.full(network.stations, -BOOT_ALLOWANCE_S),
    )
    expected = {}
    base = 0
    for one in engine.sites:
        plan = one.plan
        for i in np.flatnonzero(plan.outcome == Outcome.SERVED):
            evse = plan.evse[i]
            key = (base + one.evse_station[evse], one.evse_number[evse], plan.plug_in_s[i])
            expected[key] = plan.energy_kwh[i]
        base += len(one.site.stations)
    found = {}
    stays = shard.stays
    for station, plan in enumerate(shard.plans()):
        for evse in range(1, shard.spec(station).evses + 1):
            for row in range(*plan.stays(evse)):
                if plan.stop_s(row) > run_s - 10.0:
                    continue  # the run's end ends what still runs
                car = plan.charge(row, plan.caps(row))
                car.close(plan.start_s(row))
                if math.isfinite(plan.full_s(row)):
                    car.finish(plan.full_s(row))
                car.open(plan.stop_s(row))
                found[station, evse, float(stays.start_s[row])] = car.energy_wh / 1000.0
    assert found.keys() <= expected.keys()
    return np.array(list(found.values())), np.array([expected[key] for key in found])


def trace_deviation_kwh(interval: str) -> tuple[np.ndarray, bytes, float]:
    """A recorded trace, uncontrolled: deviation of each whole session from its closed form.

    A trace knows one maximum per session: energy = min(wanted, maximum x stay). Also the bytes of
    all energies, and the integral of the load.
    """
    scenario = load_scenario(
        "workplace-trace",
        sets=[
            "sites.office.policy=uncontrolled",
            "sites.office.grid_limit=1 MW",
            f"record.interval={interval}",
            "record.billing_interval=7h",
        ],
    )
    result = simulate_network(scenario, scenario.network()).sites[0]
    plan, wanted = result.plan, result.visits
    stay_h = (wanted.departure_s - plan.plug_in_s) / HOUR_S
    asked = (wanted.target_soc - wanted.soc) * wanted.battery_kwh / plan.efficiency
    closed = np.minimum(asked, plan.limit_kw * stay_h)
    whole = np.isfinite(plan.unplug_s)
    return np.abs(plan.energy_kwh - closed)[whole], plan.energy_kwh.tobytes(), load_kwh(result)


TAPERS = ((0.8, 1e-6), (0.6, 20.0), (0.2, 60.0))
"""State of charge at the knee, and the power that is left at a full battery, kW."""


def taper_deviation_kwh(knee: float, end_kw: float, interval_s: float) -> float:
    """Constant power up to the knee, then p(s) = m s + n: s(t) = -n/m + (s0 + n/m) e^(m t/C)."""
    power_kw, capacity_kwh, soc = 100.0, 60.0, 0.1
    curves = Curves(
        np.array([0, 3], np.int32), np.array([0.0, knee, 1.0]), np.array([power_kw] * 2 + [end_kw])
    )
    knee_s = (knee - soc) * capacity_kwh / power_kw * HOUR_S
    slope = (end_kw - power_kw) / (1.0 - knee)
    offset = end_kw - slope
    # Cars that leave at different moments show the course of one.
    stays_s = np.array([0.3 * knee_s, knee_s, knee_s + 300.0, knee_s + 1200.0, knee_s + 2400.0])
    wanted = visits(
        [0.0] * len(stays_s),
        departure_s=stays_s,
        soc=soc,
        target_soc=1.0,
        battery_kwh=capacity_kwh,
        dc_kw=200.0,
        efficiency_dc=1.0,
        curves=curves,
    )
    where = site(*[model("dc", 1, 200.0)] * len(stays_s), policy="uncontrolled")
    plan = simulate_site(wanted, where, 4 * HOUR_S, interval_s=interval_s).plan
    hours = np.maximum(stays_s - knee_s, 0.0) / HOUR_S
    taper = -offset / slope + (knee + offset / slope) * np.exp(slope * hours / capacity_kwh)
    flat = soc + power_kw * np.minimum(stays_s, knee_s) / HOUR_S / capacity_kwh
    expected = np.minimum(np.where(hours > 0.0, taper, flat), 1.0)
    return float(np.abs(plan.energy_kwh - (expected - soc) * capacity_kwh).max())


COLUMNS = ("energy_kwh", "plug_in_s", "unplug_s", "soc_end", "charge_end_s")


@cache
def three_days() -> EngineResult:
    """Three days of the shipped city, uncut."""
    scenario = load_scenario("city-launch").replace(duration_s=3 * 86_400.0)
    return simulate_network(scenario, scenario.network(900))


def cut_differences(cut_s: float) -> tuple[int, int]:
    """How many values of sessions a cut run has otherwise than the whole, and of how many.

    Drawn and simulated anew; arrivals of all visits, results of those that ended before the cut.
    """
    scenario = load_scenario("city-launch").replace(duration_s=3 * 86_400.0)
    short = simulate_network(scenario, scenario.network(900), duration_s=cut_s)
    differ = compared = 0
    for long, part in zip(three_days().sites, short.sites, strict=True):
        n = len(part.visits)
        done = part.plan.unplug_s <= cut_s
        assert done.sum() == (long.plan.unplug_s <= cut_s).sum()
        pairs = [(part.visits.arrival_s, long.visits.arrival_s[:n])]
        for column in COLUMNS:
            mine, theirs = getattr(part.plan, column), getattr(long.plan, column)[:n]
            pairs.append((mine[done], theirs[done]))
        for mine, theirs in pairs:
            differ += int((mine.view(np.int64) != theirs.copy().view(np.int64)).sum())
            compared += len(mine)
        whole = int(cut_s // short.interval_s)
        np.testing.assert_allclose(part.load_kwh[:whole], long.load_kwh[:whole], 1e-12, 1e-12)
    return differ, compared


def coupled_and_alone() -> list[tuple[SiteResult, SiteResult]]:
    """Sites among others in one world, watched at odd moments, and each by itself."""

    def watch(world):
        while True:
            yield world.env.timeout(437.3)
            for handle in world.sites.values():
                assert handle.load_kw <= 120.0 * (1.0 + 1e-9)

    r = np.random.default_rng(3)

    def one(name):
        arrival = np.sort(r.uniform(0.0, 86_400.0, 120))
        wanted = visits(
            arrival,
            departure_s=arrival + r.exponential(2 * HOUR_S, 120),
            soc=r.uniform(0.0, 0.8, 120),
            target_soc=0.9,
            curve=r.integers(0, len(KNOTS), 120),
            patience_s=r.choice([600.0, INF], 120),
        )
        return wanted, site(*[model("dc", 2, 75.0)] * 3, limit=120.0, name=name)

    pairs = [one("a"), one("b"), one("c")]
    alone = [simulate_site(wanted, where, 86_400.0) for wanted, where in pairs]
    runs = [SiteRun(wanted, where, 86_400.0) for wanted, where in pairs]
    together = run_world(runs, 86_400.0, 900.0, processes=[watch]).sites
    return list(zip(together, alone, strict=True))


def coupled_differences() -> tuple[int, int]:
    """How many values of the sessions differ between the two, and of how many."""
    differ = compared = 0
    for mine, theirs in coupled_and_alone():
        for column in (*COLUMNS, "outcome", "evse"):
            one, other = getattr(mine.plan, column), getattr(theirs.plan, column)
            same = (one == other) | ((one != one) & (other != other))
            differ += int((~same).sum())
            compared += len(one)
    return differ, compared
