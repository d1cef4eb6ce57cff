"""Stations that fail and sites without power: availability, common draws, conservation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from engine_build import INF, model, posts, services, site, visits
from engine_hub import event, run

from simulator.engine import Outcome
from simulator.engine.events import KINDS, concerns
from simulator.engine.events.reasons import Reasons
from simulator.engine.outages import downtime
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world

HOUR_S, DAY_S = 3600.0, 86_400.0

FAILURES = event("station_failures", '{ mtbf = "40h", mttr = "10h" }')


def test_availability_is_mtbf_over_mtbf_and_mttr(hub):
    scenario = hub(FAILURES, days=60, count=2, stations=25, rate=0.01)
    found = []
    for result in run(scenario).sites:
        out = downtime(result).dark.seconds(25, 60 * DAY_S)
        found += (1.0 - out / (60 * DAY_S)).tolist()
    mean, error = np.mean(found), np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(mean - 0.8) < 3.0 * error
    assert error < 0.015


def test_a_network_begins_in_the_midst_of_its_operation(hub):
    """No warm-up: the first hour has as many broken stations as any other."""
    scenario = hub(FAILURES, days=1, count=20, stations=30, rate=0.01)
    broken = [(downtime(result).dark.from_s == 0.0).sum() for result in run(scenario).sites]
    share, n = sum(broken) / 600, 600
    assert abs(share - 0.2) < 3.0 * math.sqrt(0.2 * 0.8 / n)


def test_times_between_failures_and_to_repair_are_exponential(hub):
    scenario = hub(FAILURES, days=120, count=1, stations=20, rate=0.01)
    dark = downtime(run(scenario).sites[0]).dark
    whole = np.isfinite(dark.to_s) & (dark.from_s > 0.0)
    repairs = (dark.to_s - dark.from_s)[whole] / HOUR_S
    gaps = (dark.from_s[1:] - dark.to_s[:-1])[dark.of[1:] == dark.of[:-1]] / HOUR_S
    for found, mean in ((repairs, 10.0), (gaps, 40.0)):
        assert len(found) > 900
        assert found.mean() == pytest.approx(mean, abs=3.0 * mean / math.sqrt(len(found)))
        assert found.std() == pytest.approx(mean, rel=0.1)


def test_failures_come_at_the_same_moments_whatever_else_changes(hub):
    before = run(hub(FAILURES, stations=6))
    after = run(hub(FAILURES, stations=9, limit="30 kW", rate=8.0))
    mine, theirs = (downtime(result.sites[0]).dark for result in (before, after))
    same = theirs.of < 6
    assert len(mine) > 3
    assert mine.of.tolist() == theirs.of[same].tolist()
    assert mine.from_s.tolist() == theirs.from_s[same].tolist()
    other = downtime(run(hub(FAILURES, stations=6).replace(seed=4)).sites[0]).dark
    assert mine.from_s.tolist() != other.from_s.tolist()


def test_a_session_at_a_station_that_fails_is_over_and_its_energy_is_missing(hub):
    result = run(hub(FAILURES, days=10)).sites[0]
    plan = result.plan
    failed = plan.outcome == Outcome.FAILED
    assert failed.sum() > 10
    begun = {(outage.evse, outage.from_s) for outage in result.outages}
    for row in np.flatnonzero(failed):
        assert (int(plan.evse[row]), float(plan.unplug_s[row])) in begun
    assert plan.unserved_kwh[failed].sum() > 0.0
    assert result.load_kwh.sum() == pytest.approx(plan.energy_kwh.sum(), rel=1e-9)


def test_nobody_is_at_a_station_without_power_and_nobody_is_lost(hub):
    """Conservation: every visit has one outcome; EVSEs take nobody while they are broken."""
    events = FAILURES + event("site_outage", '{ every = "15h", for = "30m" }')
    result = run(hub(events, days=10)).sites[0]
    plan, visits_ = result.plan, result.visits
    counts = np.bincount(plan.outcome, minlength=len(Outcome))
    assert counts.sum() == len(visits_)
    assert counts[Outcome.SERVED] > 300
    out = downtime(result).out
    for evse, away, back in zip(out.of, out.from_s, out.to_s, strict=True):
        here = plan.evse == evse
        assert not ((plan.plug_in_s[here] > away) & (plan.plug_in_s[here] < back)).any()
    for number in (Outcome.SERVED, Outcome.FAILED):
        assert np.isfinite(plan.unplug_s[plan.outcome == number]).all()
    for evse in range(len(result.evse_kw)):
        rows = np.flatnonzero(plan.evse == evse)
        rows = rows[np.argsort(plan.plug_in_s[rows], kind="stable")]
        assert (plan.plug_in_s[rows][1:] >= plan.unplug_s[rows][:-1]).all()
    waiting = (visits_.arrival_s < 10 * DAY_S) & np.isin(
        plan.outcome, (Outcome.RENEGED, Outcome.BLOCKED, Outcome.WAITING)
    )
    assert np.isnan(plan.plug_in_s[waiting]).all()


def test_nobody_charges_during_an_outage_and_everybody_goes_on_after_it(hub):
    free = run(hub(days=1)).sites[0]
    dark = run(hub(event("site_outage", '{ at = 2026-06-01T18:00:00, for = "1h" }'), days=1)).sites[
        0
    ]
    assert free.load_kwh[72:76].sum() > 20.0
    assert dark.load_kwh[72:76].tolist() == [0.0] * 4
    assert dark.load_kwh[76] > free.load_kwh[76]
    assert dark.load_kwh[:72] == pytest.approx(free.load_kwh[:72], rel=1e-12)
    (outage,) = dark.outages
    assert outage == (-1, 18 * HOUR_S, 19 * HOUR_S)
    began = dark.plan.plug_in_s
    assert not ((began > 18 * HOUR_S) & (began < 19 * HOUR_S)).any()


def test_a_time_of_day_comes_every_day_and_follows_the_local_clock(hub):
    events = event("site_outage", '{ at = ["02:30", "12:00"], for = "5m" }')
    hours = [outage.from_s / HOUR_S for outage in run(hub(events, days=3)).sites[0].outages]
    assert hours == [2.5, 12.0, 26.5, 36.0, 50.5, 60.0]
    autumn = hub(events, days=3, start="2026-10-24T00:00:00")  # clocks go back on the 25th
    hours = [outage.from_s / HOUR_S for outage in run(autumn).sites[0].outages]
    assert hours == [2.5, 12.0, 26.5, 37.0, 51.5, 61.0]


def test_random_outages_have_their_mean_gap_and_are_each_sites_own(hub):
    events = event("site_outage", '{ every = "20h", for = "1h" }')
    results = run(hub(events, days=100, count=4, stations=1, rate=0.01)).sites
    gaps = []
    for result in results:
        edges = [(o.from_s, o.to_s) for o in result.outages]
        assert all(o.evse == -1 for o in result.outages)
        gaps += [b[0] - a[1] for a, b in pairwise(edges)]
        lasting = [back - away for away, back in edges if not math.isnan(back)]
        assert lasting == pytest.approx([HOUR_S] * len(lasting))
    assert np.mean(gaps) / HOUR_S == pytest.approx(20.0, abs=3 * 20.0 / math.sqrt(len(gaps)))
    assert len({result.outages[0].from_s for result in results}) == 4


def test_the_same_failure_for_two_reasons_lasts_until_both_are_gone():
    def two(world):
        reasons, yard = Reasons(), world.sites["yard"]
        yield world.env.timeout(100.0)
        reasons.fail(yard, range(0, 1))
        reasons.power_off(yard)
        yield world.env.timeout(100.0)
        reasons.fail(yard, range(0, 1))
        reasons.power_off(yard)
        yield world.env.timeout(100.0)
        reasons.repair(yard, range(0, 1))
        reasons.power_on(yard)
        yield world.env.timeout(100.0)
        reasons.repair(yard, range(0, 1))
        reasons.power_on(yard)

    wanted = services([0.0, 150.0], [1000.0, 50.0])
    result = run_world(
        [SiteRun(wanted, site(*posts(1), name="yard"), 1000.0)], 1000.0, 900.0, processes=[two]
    ).sites[0]
    assert sorted((o.evse, o.from_s, o.to_s) for o in result.outages) == [
        (-1, 100.0, 400.0),
        (0, 100.0, 400.0),
    ]
    assert result.plan.outcome.tolist() == [Outcome.FAILED, Outcome.SERVED]
    assert result.plan.plug_in_s[1] == 400.0


def test_events_without_effect_change_no_bit(hub):
    """A world in which something is scheduled beyond the horizon is the one without it."""
    quiet = run(hub(days=1)).sites[0]
    later = run(hub(event("site_outage", '{ at = 2026-06-03T00:00:00, for = "1h" }'), days=1))
    assert later.sites[0].load_kwh.tobytes() == quiet.load_kwh.tobytes()
    assert later.sites[0].plan.soc_end.tobytes() == quiet.plan.soc_end.tobytes()


def test_a_site_means_all_its_copies():
    assert concerns(None, "hub#3")
    assert concerns(("hub",), "hub#3")
    assert concerns(("hub#3",), "hub#3")
    assert not concerns(("hub#3",), "hub")
    assert not concerns(("hubs",), "hub#3")


def test_every_kind_says_what_it_takes():
    assert set(KINDS) == {
        "station_failures",
        "site_outage",
        "demand_response",
        "stadium_night",
        "python",
    }
    for options in KINDS.values():
        assert all(option.text for option in options.values())


def test_a_car_goes_on_charging_after_the_power_came_back():
    def cut(world):
        yard = world.sites["yard"]
        yield world.env.timeout(600.0)
        yard.power_off()
        yield world.env.timeout(900.0)
        yard.power_on()

    cars = visits(
        [0.0],
        departure_s=INF,
        soc=0.0,
        target_soc=1.0,
        battery_kwh=10.0,
        ac_kw=10.0,
        efficiency_ac=1.0,
        linger_s=0.0,
    )
    run_ = SiteRun(cars, site(model(evse_kw=10.0), name="yard"), 7200.0)
    result = run_world([run_], 7200.0, 900.0, processes=[cut]).sites[0]
    assert result.plan.unplug_s[0] == pytest.approx(3600.0 + 900.0)
    assert result.plan.energy_kwh[0] == pytest.approx(10.0)
