"""No fixed step anywhere: closed forms to the last digits, whatever is recorded or asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import INF, KNOTS, model, site, visits

from simulator import load_scenario
from simulator.demand.visits import Curves
from simulator.engine import simulate_network, simulate_site
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world

HOUR_S = 3600.0


def test_an_uncontrolled_trace_gets_its_closed_form_whatever_the_recording_interval():
    """A trace knows one maximum per session: energy = min(wanted, maximum x stay)."""
    found = {}
    for interval in ("7 s", "1m", "15m", "1h"):
        scenario = load_scenario(
            "workplace-trace",
            sets=[
                "sites.office.policy=uncontrolled",
                "sites.office.grid_limit=1 MW",
                f"record.interval={interval}",
                "record.billing_interval=7h",
            ],
        )
        site_result = simulate_network(scenario, scenario.network()).sites[0]
        plan, wanted = site_result.plan, site_result.visits
        stay_h = (wanted.departure_s - plan.plug_in_s) / HOUR_S
        asked = (wanted.target_soc - wanted.soc) * wanted.battery_kwh / plan.efficiency
        whole = np.isfinite(plan.unplug_s)
        closed = np.minimum(asked, plan.limit_kw * stay_h)
        assert whole.sum() > 150
        assert np.abs(plan.energy_kwh - closed)[whole].max() < 1e-6
        found[interval] = (plan.energy_kwh.tobytes(), math.fsum(site_result.load_kwh))
    energies = {energy for energy, _ in found.values()}
    assert len(energies) == 1
    totals = [total for _, total in found.values()]
    assert totals == pytest.approx([totals[0]] * len(totals), rel=1e-12)


@pytest.mark.parametrize("interval_s", [1.0, 60.0, 900.0, 3333.0])
@pytest.mark.parametrize(("knee", "end_kw"), [(0.8, 1e-6), (0.6, 20.0), (0.2, 60.0)])
def test_a_two_stage_taper_is_its_exponential(knee, end_kw, interval_s):
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
    assert plan.soc_end == pytest.approx(expected, abs=1e-9)
    assert np.abs(plan.energy_kwh - (expected - soc) * capacity_kwh).max() < 1e-6


def test_cutting_the_horizon_changes_nothing_that_came_before():
    """Three days cut short are the first day to the bit, drawn and simulated anew."""
    scenario = load_scenario("city-launch").replace(duration_s=3 * 86_400.0)
    network = scenario.network(160)
    whole = simulate_network(scenario, network)
    for cut_s in (20_000.0, 86_400.0, 100_123.4):
        short = simulate_network(scenario, network, duration_s=cut_s)
        for long, part in zip(whole.sites, short.sites, strict=True):
            n = len(part.visits)
            assert part.visits.arrival_s.tobytes() == long.visits.arrival_s[:n].tobytes()
            done = part.plan.unplug_s <= cut_s
            assert done.sum() == (long.plan.unplug_s <= cut_s).sum()
            for column in ("energy_kwh", "plug_in_s", "unplug_s", "soc_end", "charge_end_s"):
                mine, theirs = getattr(part.plan, column), getattr(long.plan, column)[:n]
                assert mine[done].tobytes() == theirs[done].tobytes()
            whole_intervals = int(cut_s // short.interval_s)
            assert part.load_kwh[:whole_intervals] == pytest.approx(
                long.load_kwh[:whole_intervals], rel=1e-12, abs=1e-12
            )


def test_a_coupled_and_an_uncoupled_run_of_a_site_agree():
    """A site among others in one world, watched at odd moments, is the site by itself."""

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
    for mine, theirs in zip(together, alone, strict=True):
        assert mine.load_kwh.tobytes() == theirs.load_kwh.tobytes()
        assert mine.plan.soc_end.tobytes() == theirs.plan.soc_end.tobytes()
        assert mine.plan.outcome.tobytes() == theirs.plan.outcome.tobytes()
        assert mine.peak_kw == theirs.peak_kw
        assert mine.events == theirs.events


def test_releases_come_before_starts_at_equal_times():
    """Who leaves at a moment has left when another comes at it: place, power and limit are free."""
    arrival = 600.0 * np.arange(12)
    wanted = visits(arrival, departure_s=arrival + 600.0, target_soc=1.0, dc_kw=60.0, curve=0)
    two = simulate_site(wanted, site(*[model("dc", 1, 60.0)] * 2, limit=None), 3 * HOUR_S)
    assert two.peak_kw == 60.0  # never both, not even for an instant
    one = simulate_site(wanted, site(model("dc", 1, 60.0), limit=60.0, queue=False), 3 * HOUR_S)
    assert one.plan.plug_in_s.tobytes() == arrival.tobytes()  # nobody found the place taken
    assert one.limit_bound_s == 0.0
    for result in (one, two):
        assert result.plan.energy_kwh == pytest.approx(10.0, rel=1e-12)
