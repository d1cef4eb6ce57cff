"""The simpy world: sites by the day, and processes of the user's that act on them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import model, posts, services, site, visits

from simulator.engine import simulate_network, simulate_site
from simulator.engine.site import SiteRun
from simulator.engine.world import DAY_S, run_world
from simulator.scenario import load_scenario

HOUR_S = 3600.0


def three_days():
    r = np.random.default_rng(1)
    arrival = np.sort(r.uniform(0, 3 * DAY_S, 300))
    return visits(
        arrival,
        departure_s=arrival + r.exponential(3 * HOUR_S, 300),
        soc=r.uniform(0.1, 0.7, 300),
        dc_kw=150.0,
        curve=r.integers(0, 5, 300),
    )


def hub(name="hub", limit=200.0):
    return site(*[model("dc", 2, 150.0, station_kw=150.0)] * 3, limit=limit, name=name)


def world_of(*runs, **options):
    return run_world(runs, runs[0].duration_s, 900.0, **options)


def idle(world):
    yield world.env.timeout(HOUR_S)


def test_a_site_by_the_day_is_the_site_in_one_go():
    duration_s = 2.7 * DAY_S
    alone = simulate_site(three_days(), hub(), duration_s)
    together = world_of(
        SiteRun(three_days(), hub(), duration_s),
        SiteRun(visits([5.0]), site(model(), name="other"), duration_s),
        processes=[idle],
    )
    assert together.sites[0].load_kwh.tobytes() == alone.load_kwh.tobytes()
    assert together.sites[0].plan.soc_end.tobytes() == alone.plan.soc_end.tobytes()
    assert together.events == alone.events + together.sites[1].events


def test_progress_is_told_per_site_and_day_and_ends_at_one():
    told = []

    def run(**options):
        told.clear()
        runs = [SiteRun(three_days(), hub(n), 2.5 * DAY_S) for n in ("a", "b")]
        world_of(*runs, progress=told.append, **options)
        return told

    assert run(processes=[idle]) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.9, 1.0])
    assert run() == pytest.approx([0.2, 0.4, 0.5, 0.7, 0.9, 1.0])  # nothing joins them


def test_a_warmup_is_left_out_of_the_peak_and_of_the_time_at_the_limit():
    def run(warmup_s):
        return SiteRun(three_days(), hub(), 3 * DAY_S, warmup_s=warmup_s).result()

    whole, later, never = run(0.0), run(DAY_S), run(3 * DAY_S)
    assert whole.load_kwh.tobytes() == later.load_kwh.tobytes()
    assert whole.peak_s < DAY_S <= later.peak_s
    assert 0 < later.peak_kw <= whole.peak_kw
    assert 0 <= later.limit_bound_s <= whole.limit_bound_s
    assert never.limit_bound_s == 0.0


def test_a_process_changes_a_limit_and_the_engine_obeys():
    def squeeze(world):
        yield world.env.timeout(HOUR_S)
        world.sites["hub"].set_limit(20.0)
        yield world.env.timeout(HOUR_S)
        world.sites["hub"].set_limit(math.inf)

    cars = visits([0.0] * 4, soc=0.0, target_soc=1.0, battery_kwh=800.0, dc_kw=100.0)
    stations = [model("dc", 1, 100.0)] * 4
    run = SiteRun(cars, site(*stations, limit=200.0, name="hub"), 3 * HOUR_S, record_caps="all")
    result = world_of(run, processes=[squeeze]).sites[0]
    by_hour = result.load_kwh.reshape(3, 4).sum(axis=1)
    assert by_hour == pytest.approx([200.0, 20.0, 400.0])
    assert result.peak_kw == pytest.approx(400.0)
    assert result.limit_bound_s == pytest.approx(2 * HOUR_S)
    assert (result.plan.cap_kw[result.plan.cap_s == HOUR_S] == 5.0).all()


def test_a_handle_shows_the_site_as_it_is_now():
    seen = []

    def look(world):
        yard = world.sites["yard"]
        while True:
            seen.append((world.env.now, yard.occupied, yard.waiting, yard.load_kw, yard.limit_kw))
            yield world.env.timeout(600.0)

    wanted = services([0.0, 300.0, 900.0], [1000.0, 1000.0, 100.0])
    run = SiteRun(wanted, site(*posts(1), limit=8.0, name="yard"), 1800.0)
    world_of(run, processes=[look])
    # 8 kW instead of 10: a service of 1000 s takes 1250 s.
    assert seen == [
        (0.0, 1, 0, 8.0, 8.0),
        (600.0, 1, 1, 8.0, 8.0),
        (1200.0, 1, 2, 8.0, 8.0),
    ]


def test_looking_changes_nothing():
    def look(world):
        while True:
            yield world.env.timeout(777.0)
            assert world.sites["hub"].load_kw <= 200.0 + 1e-9

    quiet = simulate_site(three_days(), hub(), DAY_S)
    watched = world_of(SiteRun(three_days(), hub(), DAY_S), processes=[look]).sites[0]
    assert watched.load_kwh.tobytes() == quiet.load_kwh.tobytes()
    assert watched.peak_kw == quiet.peak_kw
    assert watched.events == quiet.events


def test_a_limit_that_is_no_limit_is_refused():
    def wrong(world):
        yield world.env.timeout(10.0)
        world.sites["hub"].set_limit(math.nan)

    with pytest.raises(ValueError, match="hub: a site limit of nan kW"):
        world_of(SiteRun(three_days(), hub(), DAY_S), processes=[wrong])


@pytest.fixture(scope="module")
def city():
    return load_scenario("city-launch")


def test_a_scenario_runs_and_its_books_balance(city):
    network = city.network(300)
    told = []
    result = simulate_network(city, network, duration_s=DAY_S, progress=told.append)
    assert [s.site.name for s in result.sites] == [s.name for s in network.sites]
    assert told[-1] == pytest.approx(1.0)
    assert result.interval_s == city.file.record.interval
    assert result.events == sum(s.events for s in result.sites)
    for s in result.sites:
        assert s.load_kwh.sum() == pytest.approx(s.plan.energy_kwh.sum(), rel=1e-9)
        assert s.evse_energy_kwh.sum() == pytest.approx(s.load_kwh.sum(), rel=1e-9)
        assert s.evse_occupied_s.sum() == pytest.approx(s.occupied_s.sum(), rel=1e-9)
        assert s.peak_kw <= (s.site.site.grid_limit or math.inf) * (1 + 1e-9)
        assert (s.load_kwh <= s.peak_kw * result.interval_s / HOUR_S * (1 + 1e-9)).all()
        assert (s.load_kwh >= 0.0).all()
        request = (s.visits.target_soc - s.visits.soc) * s.visits.battery_kwh / s.plan.efficiency
        assert (s.plan.energy_kwh <= request * (1 + 1e-12)).all()
        assert ((s.plan.soc_end >= 0.0) & (s.plan.soc_end <= 1.0)).all()
        assert (
            s.evse_station
            == np.repeat(range(len(s.site.stations)), [x.evses for x in s.site.stations])
        ).all()


def test_further_sites_change_nothing_for_the_first(city):
    few = simulate_network(city, city.network(60), duration_s=DAY_S)
    many = simulate_network(city, city.network(200), duration_s=DAY_S)
    for a, b in zip(few.sites[:-1], many.sites, strict=False):
        assert a.site.name == b.site.name
        assert a.load_kwh.tobytes() == b.load_kwh.tobytes()


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_ones(city):
    network = city.network(40)
    one, two = (simulate_network(city, network, duration_s=DAY_S) for _ in range(2))
    assert [s.load_kwh.tobytes() for s in one.sites] == [s.load_kwh.tobytes() for s in two.sites]
    other = simulate_network(city.replace(seed=7), network, duration_s=DAY_S)
    assert [s.load_kwh.tobytes() for s in one.sites] != [s.load_kwh.tobytes() for s in other.sites]


def test_caps_are_kept_only_on_request(city):
    network = city.network(10)
    without = simulate_network(city, network, duration_s=DAY_S).sites[0].plan
    having = simulate_network(city, network, duration_s=DAY_S, record_caps="all").sites[0].plan
    assert len(without.cap_s) == 0
    assert without.cap_offset.tolist() == [0] * (len(without.outcome) + 1)
    assert len(having.cap_s) >= (having.evse >= 0).sum() > 0
    assert having.soc_end.tobytes() == without.soc_end.tobytes()


def test_a_horizon_that_is_none_is_refused(city):
    with pytest.raises(ValueError, match="duration of 0"):
        simulate_network(city, city.network(1), duration_s=0.0)
