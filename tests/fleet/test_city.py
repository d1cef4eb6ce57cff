"""The join on a shipped scenario: real demand, real engine, real stations, in virtual time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from simulator.engine import simulate_network
from simulator.fleet.liveplan import build_live_plan, split, window
from simulator.fleet.predict import predict_live, predict_network
from simulator.fleet.stages import connect_due, run_length, scenario_stages
from simulator.scenario import Network, load_scenario

TOLERANT = {"MeterValues", "Heartbeat"}


@pytest.fixture(scope="module")
def city(kit):
    """One site of each kind of the city, its engine plan until 20:00, and when it is connected.

    Two grid connections are so weak here that cars have to take turns.
    """
    weak = ("sites.home-street.grid_limit=8 kW", "sites.kerbside.grid_limit=10 kW")
    scenario = load_scenario(kit.SCENARIOS / "city-launch.toml", sets=weak)
    kinds = {}
    for site in scenario.network().sites:
        kinds.setdefault(site.site.name, site)
    network = Network(tuple(kinds.values()))
    engine = simulate_network(scenario, network, duration_s=20 * 3600.0, record_caps="all")
    names = [(s.site, s.ordinal) for site in network.sites for s in site.stations]
    stages = scenario_stages(scenario, len(names))
    return scenario, network, engine, stages, connect_due(stages, scenario.seed, names)


def plan_of(city, shards=1, **changes):
    scenario, network, engine, stages, due = city
    span = window(scenario, run_length(stages))
    how = {"from_s": span.from_s, "speed": span.speed, "run_s": span.run_s, "connect_due": due}
    how |= changes
    return [
        build_live_plan(scenario, network, engine, sites=group, **how)
        for group in split(network, shards)
    ]


def test_the_shipped_city_sends_what_was_predicted(kit, city):
    plans = plan_of(city, shards=3)
    drives = [
        kit.Drive(plan, kit.Csms(latency=0.004), connects=0.02, late=lambda _: 0.002).run()
        for plan in plans
    ]
    prediction = predict_live(city[0], plans, heartbeat_s=300, epoch_at_zero=kit.EPOCH)
    predicted = prediction.station_totals()
    sessions = Counter()
    for plan in plans:
        for station in plan.stays.station.tolist():
            sessions[plan.ids[station]] += 1
    assert sum(sessions.values()) > 100
    suspended = 0
    for drive in drives:
        assert not drive.deviations.counts
        assert drive.watch.counts().unacknowledged == 0
        suspended += sum(p.get("status") == "SuspendedEVSE" for *_, p in drive.csms.frames)
        for name, measured in drive.sent().items():
            for action, count in predicted[name].items():
                slack = 1 + sessions[name] if action in TOLERANT else 0
                assert abs(measured.get(action, 0) - count) <= slack, (name, action)
            assert set(measured) <= {a for a, count in predicted[name].items() if count}
    assert suspended > 10


def test_no_token_is_ever_used_twice_at_once(kit, city):
    begun, seen = [], set()
    for plan in plan_of(city, shards=2):
        drive = kit.Drive(plan).run()
        begun += [(e.token, e.start_s, e.stop_s) for e in drive.watch]
    assert len(begun) > 100
    for token, start, _ in sorted(begun, key=lambda row: row[1]):
        running = {t for t, s, e in begun if s < start < e}
        assert token not in running
        seen.add(token)
    assert len(seen) > 50


def test_the_stations_meters_count_what_the_engine_delivered(kit, city):
    """Played from the first moment, every finished session takes its energy, over the speed."""
    _, _, engine, _, due = city
    speed = 40.0
    (plan,) = plan_of(city, from_s=0.0, speed=speed, run_s=1800.0, connect_due=due * 0.0 - 2.0)
    drive = kit.Drive(plan).run()
    metered = {
        (e.station, e.evse, round(e.start_s, 6)): (e.meter_stop_wh - e.meter_start_wh) / 1000.0
        for e in drive.watch
    }
    checked, base = 0, 0
    for result in engine.sites:
        done = result.plan
        for row in np.flatnonzero(np.isfinite(done.unplug_s) & (done.evse >= 0)).tolist():
            evse = done.evse[row]
            station = base + int(result.evse_station[evse])
            key = (station, int(result.evse_number[evse]), round(done.plug_in_s[row] / speed, 6))
            if key in metered:
                assert metered[key] * speed == pytest.approx(done.energy_kwh[row], abs=1e-6)
                checked += 1
        base += len(result.site.stations)
    assert checked > 0.9 * len(metered) - 60
    assert checked > 500


def test_a_run_that_starts_in_the_busy_hour_meets_the_plans_occupancy(city):
    (plan,) = plan_of(city, connect_due=city[4] * 0.0)
    _, _, engine, _, _ = city
    at = 17 * 3600.0 + 60.0 * 3.0
    stays = plan.stays
    playing = np.count_nonzero((stays.start_s <= 3.0) & (stays.stop_s > 3.0))
    planned = sum(
        int(np.count_nonzero((r.plan.plug_in_s <= at) & ~(r.plan.unplug_s <= at)))
        for r in engine.sites
    )
    assert planned - plan.left_out <= playing <= planned
    assert playing > 20


def test_the_simulations_prediction_has_every_session_of_the_plan(city):
    scenario, network, engine, _, _ = city
    totals = predict_network(engine, scenario, network).totals()
    sessions = sum(int(np.count_nonzero(r.plan.evse >= 0)) for r in engine.sites)
    ended = sum(int(np.count_nonzero(np.isfinite(r.plan.unplug_s))) for r in engine.sites)
    assert totals["Authorize"] == totals["StartTransaction"] == sessions
    assert totals["StopTransaction"] == ended
    assert totals["StatusNotification"] >= 2 * sessions + 2 * ended
    assert "BootNotification" not in totals
