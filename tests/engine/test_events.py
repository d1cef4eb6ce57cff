"""Events in the simulated world: what each does, that draws are common, that nobody gets lost."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from engine_build import INF, model, posts, services, site, visits

from simulator import load_scenario
from simulator.engine import Outcome, simulate_network
from simulator.engine.events import KINDS, NAMES, concerns
from simulator.engine.events.reasons import Reasons
from simulator.engine.outages import downtime
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world
from simulator.scenario import ScenarioError

HOUR_S, DAY_S = 3600.0, 86_400.0

HUB = """\
[scenario]
name = "hub"
seed = 3
start = {start}
timezone = "Europe/Berlin"
duration = "{days}d"

[[sites]]
name = "hub"
count = {count}
stations = [{{ model = "ac-22-dual", count = {stations} }}]
grid_limit = "{limit}"
arrivals = "public-ac"
visits_per_evse_day = {rate}
vehicles = "europe-2021"
queue = 4
{extra}
"""


@pytest.fixture
def hub(tmp_path):
    """A made-up hub; ``events`` are TOML."""

    def make(events="", days=2, count=1, stations=10, limit="100 kW", rate=4.0, **more):
        more = {"start": "2026-06-01T00:00:00", "extra": ""} | more
        text = HUB.format(days=days, count=count, stations=stations, limit=limit, rate=rate, **more)
        path = tmp_path / "hub.toml"
        path.write_text(text + events)
        return load_scenario(path)

    return make


def run(scenario, **options):
    return simulate_network(scenario, scenario.network(), **options)


def event(kind, options, sites=None):
    where = f"sites = {sites}\n".replace("'", '"') if sites else ""
    return f'\n[[events]]\nkind = "{kind}"\n{where}options = {options}\n'


# -- station failures --------------------------------------------------------------------------

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


# -- site outages ------------------------------------------------------------------------------


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


# -- demand response ---------------------------------------------------------------------------


def test_a_limit_is_lowered_for_a_while(hub):
    events = event("demand_response", '{ at = "17:00", for = "2h", limit = "20 kW" }')
    free, held = (run(hub(more)).sites[0] for more in ("", events))
    window = [slice(68 + 96 * day, 76 + 96 * day) for day in (0, 1)]
    for part in window:
        assert free.load_kwh[part].max() * 4 > 40.0
        assert held.load_kwh[part].max() * 4 <= 20.0 * (1 + 1e-9)
    assert held.load_kwh[76:80].max() * 4 > 40.0
    assert held.load_kwh[:68] == pytest.approx(free.load_kwh[:68], rel=1e-12)


def test_a_part_of_the_limit_and_the_lowest_of_several(hub):
    events = event(
        "demand_response", '{ at = 2026-06-01T17:00:00, for = "2h", percent = "50 %" }'
    ) + event("demand_response", '{ at = 2026-06-01T18:00:00, for = "2h", limit = "70 kW" }')
    seen = {}

    def look(world):
        yield world.env.timeout(16.5 * HOUR_S)
        for _ in range(5):
            seen[world.env.now / HOUR_S] = world.sites["hub"].limit_kw
            yield world.env.timeout(HOUR_S)

    run(hub(events), processes=[look])
    assert seen == {16.5: 100.0, 17.5: 50.0, 18.5: 50.0, 19.5: 70.0, 20.5: 100.0}


class Fake:
    """A site's limit, and whatever is done to it."""

    name = "fake"

    def __init__(self):
        self.limit_kw = 100.0

    def set_limit(self, kw):
        self.limit_kw = kw


def test_a_limit_that_changes_by_itself_does_not_end_the_event():
    site_, reasons = Fake(), Reasons()
    reasons.curtail(site_, 50.0)
    site_.limit_kw = 80.0  # the site's own window begins
    reasons.look_again(site_)
    assert site_.limit_kw == 50.0
    assert reasons.own_limit_kw(site_) == 80.0
    site_.limit_kw = 30.0
    reasons.restore(site_, 50.0)
    assert site_.limit_kw == 30.0


# -- a stadium night ---------------------------------------------------------------------------

MATCH = event(
    "stadium_night",
    '{ at = 2026-06-01T19:00:00, visits = 80, within = "1h", leave = "3h", energy = "10 kWh" }',
)


def test_a_crowd_comes_together_and_leaves_together(hub):
    ordinary, night = (
        run(hub(more, limit="2 MW", stations=60, rate=0.5)).sites[0] for more in ("", MATCH)
    )
    more = len(night.visits) - len(ordinary.visits)
    assert more == 80
    gone = night.visits.departure_s == 22 * HOUR_S
    assert gone.sum() == 80
    arrival = night.visits.arrival_s[gone]
    assert arrival.min() > 19 * HOUR_S
    assert arrival.max() <= 20 * HOUR_S
    assert arrival.mean() == pytest.approx(19.5 * HOUR_S, abs=3 * HOUR_S / math.sqrt(12 * 80))
    plan = night.plan
    served = gone & (plan.outcome == Outcome.SERVED)
    assert served.sum() > 40
    assert (plan.unplug_s[served] == 22 * HOUR_S).all()
    wanted = plan.energy_kwh + plan.unserved_kwh
    assert wanted[served] == pytest.approx(10.0, rel=1e-9)
    rest = np.sort(night.visits.arrival_s[~gone])
    assert rest.tobytes() == ordinary.visits.arrival_s.tobytes()


def test_the_crowds_draws_are_its_own_and_repeatable(hub):
    one, two = (run(hub(MATCH)).sites[0].visits.arrival_s for _ in range(2))
    assert one.tobytes() == two.tobytes()
    other = run(hub(MATCH).replace(seed=8)).sites[0].visits.arrival_s
    assert one.tobytes() != other.tobytes()


def test_without_an_energy_the_crowd_wants_what_the_sites_drivers_want(hub):
    events = event("stadium_night", '{ at = "19:00", visits = 300 }')
    result = run(hub(events, days=1)).sites[0]
    wanted = result.plan.energy_kwh + result.plan.unserved_kwh
    crowd = result.visits.departure_s == 23 * HOUR_S
    assert crowd.sum() == 300
    both = wanted[crowd], wanted[~crowd]
    assert np.median(both[0]) == pytest.approx(np.median(both[1]), rel=0.35)
    assert np.std(both[0]) > 1.0


# -- a process of the user's -------------------------------------------------------------------


def test_a_users_process_is_called_by_its_name_with_its_arguments(hub, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def squeeze(world, kw, at=6):\n"
        "    yield world.env.timeout(at * 3600)\n"
        "    for site in world.sites.values():\n"
        "        site.set_limit(kw)\n"
    )
    options = '{ function = "mine.py:squeeze", arguments = { kw = 5.0 } }'
    result = run(hub(event("python", options, ["hub#2"]), count=2))
    first, second = result.sites
    assert first.load_kwh[24:].max() * 4 > 20.0
    assert second.load_kwh[24:].max() * 4 <= 5.0 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    return 3\n", "a function that says `yield` (a generator), not one that gives 3"),
        (
            "    yield world.env.timeout(60)\n    1 / 0\n",
            "a process that runs (ZeroDivisionError: division by zero; mine.py, line 3;"
            " plan time 60 s)",
        ),
        (
            "    yield 5\n",
            "a process that runs (TypeError: yields 5, not world.env.timeout(seconds) or the like;",
        ),
        (
            "    yield world.env.timeout(9)\n    world.sites['hub'].set_limit(-1)\n",
            "a process that runs (ValueError: hub: a site limit of -1 kW; acts.py, line",
        ),
    ],
)
def test_an_error_in_a_users_process_is_named_and_located(hub, tmp_path, text, said):
    (tmp_path / "mine.py").write_text("def process(world):\n" + text)
    with pytest.raises(ScenarioError) as caught:
        run(hub(event("python", '{ function = "mine.py:process" }')))
    message = str(caught.value)
    assert message.startswith("hub.toml: events[0].options.function: value 'mine.py:process': ")
    assert f"expected {said}" in message


def test_the_shipped_process_runs(hub):
    scenario = load_scenario("stadium-night")
    result = run(scenario)
    stadium = result.sites[0]
    half = stadium.load_kwh[33 * 4 : 35 * 4].max() * 4
    assert half <= 300.0 * (1 + 1e-9)
    assert stadium.peak_kw == pytest.approx(600.0)
    assert (stadium.plan.outcome == Outcome.SERVED).sum() > 100
    kinds = [table.kind for table in scenario.file.events]
    assert set(kinds) == set(NAMES)
    assert len((Path(str(scenario.path.parent)) / "processes/maintenance.py").read_text()) < 900


# -- in common ---------------------------------------------------------------------------------


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


def test_a_users_process_may_wait_for_processes_of_its_own_and_catch_what_they_raise(hub, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def child(world, hours):\n"
        "    yield world.env.timeout(hours * 3600)\n"
        "    if hours > 2:\n"
        "        raise KeyError(hours)\n"
        "    return hours\n"
        "def process(world):\n"
        "    got = yield world.env.process(child(world, 2))\n"
        "    assert got == 2\n"
        "    try:\n"
        "        yield world.env.process(child(world, 3))\n"
        "    except KeyError:\n"
        "        world.sites['hub'].power_off()\n"
    )
    result = run(hub(event("python", '{ function = "mine.py:process" }')))
    assert [(o.evse, o.from_s) for o in result.sites[0].outages] == [(-1, 5 * HOUR_S)]
