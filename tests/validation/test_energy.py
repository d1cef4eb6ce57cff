"""One energy, counted four ways: sessions, load curve, EVSEs, and the stations' meter registers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import HORIZON_S, cases
from hypothesis import given, settings

from simulator import load_scenario
from simulator.engine import Outcome, simulate_network, simulate_site
from simulator.fleet.liveplan import build_live_plan
from simulator.fleet.rules import BOOT_ALLOWANCE_S

TIGHT = (
    "sites.home-street.grid_limit=12 kW",
    "sites.workplace.grid_limit=30 kW",
    "sites.kerbside.grid_limit=20 kW",
)
"""Limits that hold cars back, so that the caps matter."""


@pytest.fixture(scope="module")
def day():
    scenario = load_scenario("city-launch", sets=TIGHT).replace(duration_s=86_400.0)
    network = scenario.network(900)
    return scenario, network, simulate_network(scenario, network, record_caps="all")


def test_the_sum_of_the_sessions_is_the_integral_of_the_load(day):
    _, _, engine = day
    assert sum(site.load_kwh.sum() for site in engine.sites) > 10_000.0
    for site in engine.sites:
        load = math.fsum(site.load_kwh)
        assert math.fsum(site.plan.energy_kwh) == pytest.approx(load, rel=1e-9)
        assert math.fsum(site.evse_energy_kwh) == pytest.approx(load, rel=1e-9)


def test_what_comes_out_of_the_grid_goes_into_batteries_or_is_lost(day):
    _, _, engine = day
    for site in engine.sites:
        plan, visits = site.plan, site.visits
        stored = (plan.soc_end - visits.soc) * visits.battery_kwh
        lost = plan.energy_kwh * (1.0 - plan.efficiency)
        assert (lost >= 0.0).all()
        assert math.fsum(stored) + math.fsum(lost) == pytest.approx(
            math.fsum(site.load_kwh), rel=1e-9
        )
        assert ((plan.soc_end >= 0.0) & (plan.soc_end <= 1.0)).all()


def test_the_stations_meters_count_what_the_engine_gave(day):
    """The registers that meter values and StopTransaction report, played from the recorded caps."""
    scenario, network, engine = day
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
    for site in engine.sites:
        plan = site.plan
        for i in np.flatnonzero(plan.outcome == Outcome.SERVED):
            evse = plan.evse[i]
            key = (base + site.evse_station[evse], site.evse_number[evse], plan.plug_in_s[i])
            expected[key] = plan.energy_kwh[i]
        base += len(site.site.stations)
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
    assert len(found) > 1000
    for key, energy in found.items():
        assert energy == pytest.approx(expected[key], rel=1e-9, abs=1e-9)
    total = math.fsum(expected[key] for key in found)
    assert math.fsum(found.values()) == pytest.approx(total, rel=1e-9)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_made_up_sites_of_every_kind_balance(case):
    where, wanted = case
    site = simulate_site(wanted, where, HORIZON_S)
    plan = site.plan
    load = math.fsum(site.load_kwh)
    assert math.fsum(plan.energy_kwh) == pytest.approx(load, rel=1e-9, abs=1e-9)
    stored = math.fsum((plan.soc_end - wanted.soc) * wanted.battery_kwh)
    lost = math.fsum(plan.energy_kwh * (1.0 - plan.efficiency))
    assert stored + lost == pytest.approx(load, rel=1e-9, abs=1e-9)
    assert ((plan.soc_end >= wanted.soc) & (plan.soc_end <= 1.0)).all()
    asked = (wanted.target_soc - wanted.soc) * wanted.battery_kwh / plan.efficiency
    assert (plan.energy_kwh <= asked * (1.0 + 1e-12)).all()
