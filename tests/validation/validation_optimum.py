"""The offline optimum beside every online policy and controller, in the compiled engine.

A day at six EVSEs behind one limit: arrivals, departures and prices change at ticks only, and cars
take constant power, so that the linear program leaves nothing out. Everybody pays for the same:
energy at the price of its time, and ``OWED`` for each kWh that a driver leaves without.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
from engine_build import model, site, visits

from simulator.engine.control import site_controls
from simulator.engine.policies import NAMES as POLICIES
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world
from simulator.scenario.grid_model import Controller

TICK_S, TICKS, EVSES = 900.0, 96, 6
OWED = 1000.0
"""Per kWh: what the program itself charges for energy not served by default."""
SEEDS = range(6)
START = dt.datetime(2026, 6, 1, tzinfo=ZoneInfo("UTC"))
RECORD = SimpleNamespace(billing_interval=TICK_S, interval=TICK_S)
RULES = ("tou_price", "peak_shaving", "mpc")
"""Controllers that know no future."""


def play(seed: int, policy: str, kind: str | None = None, **options: object) -> float:
    """What a day costs under a policy and, where ``kind`` says so, a controller above it."""
    r = np.random.default_rng(seed)
    count = 2 * EVSES
    first = r.integers(0, 16, EVSES)
    arrival = np.concatenate([first, first + r.integers(34, 44, EVSES)])
    stay = r.integers(10, 30, count)
    soc = r.uniform(0.1, 0.6, count)
    order = np.argsort(arrival, kind="stable")
    wanted = visits(
        arrival[order] * TICK_S,
        departure_s=(arrival + stay)[order] * TICK_S,
        soc=soc,
        target_soc=np.minimum(1.0, soc + r.uniform(0.2, 0.4, count)),
        battery_kwh=40.0,
        dc_kw=50.0,
        ac_kw=0.0,
        evse=(np.arange(count) % EVSES)[order],
    )
    price = r.choice([0.1, 0.2, 0.3, 0.45], TICKS // 6).repeat(6)
    controller = None if kind is None else Controller(kind=kind, options=options)
    where = site(
        *[model("dc", 1, 11.0, min_kw=0.0)] * EVSES,
        limit=24.0,
        policy=policy,
        controller=controller,
    )
    duration_s = TICKS * TICK_S
    run = SiteRun(wanted, where, duration_s, price=price, feed_in=np.zeros(TICKS))
    scenario = SimpleNamespace(
        start=START, path=Path("s.toml"), file=SimpleNamespace(record=RECORD)
    )
    controls = site_controls(scenario, [run], {}, {where.name: 0.0})  # type: ignore[arg-type]
    processes = [control.process for control in controls]
    plan = run_world([run], duration_s, TICK_S, None, processes).sites[0].plan
    return float(plan.cost.sum() + OWED * plan.unserved_kwh.sum())


@cache
def optimum(seed: int) -> float:
    """The cost of the offline plan, in the kernel's own books."""
    return play(seed, "uncontrolled", "lp")


@cache
def perfect(seed: int) -> float:
    """The cost of model-predictive control that knows what will come."""
    return play(seed, "uncontrolled", "mpc", perfect=True, horizon="2d")


@cache
def online(seed: int) -> dict[str, float]:
    """The cost of everything that knows only what has happened."""
    costs = {policy: play(seed, policy) for policy in POLICIES}
    return costs | {kind: play(seed, "equal_share", kind) for kind in RULES}
