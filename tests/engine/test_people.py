"""People out of a scenario file, through the whole engine: what they were drawn to do happens."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.engine import simulate_network
from simulator.engine.plan import Outcome
from simulator.scenario import load_scenario

HEAD = """\
[scenario]
name = "people"
start = 2026-03-27T00:00:00
timezone = "Europe/Berlin"
duration = "6d"
seed = 3
"""


@pytest.fixture
def run(tmp_path):
    def simulate(*sites, sets=()):
        path = tmp_path / "s.toml"
        path.write_text(HEAD + "".join(f"[[sites]]\n{site}\n" for site in sites))
        scenario = load_scenario(path, sets=sets)
        result = simulate_network(scenario, scenario.network())
        return {site.site.name: site for site in result.sites}

    return simulate


def hub(name, more="", count=2, rate=20.0):
    return (
        f'name = "{name}"\nstations = [{{ model = "dc-150-dual", count = {count} }}]\n'
        f'arrivals = "dc-hpc"\nvisits_per_evse_day = {rate}\nvehicles = "europe-2021"\n{more}\n'
    )


def home(more=""):
    return (
        'name = "home"\nstations = [{ model = "home-11-single", count = 40 }]\n'
        f'arrivals = "home"\nvisits_per_evse_day = 0.6\nvehicles = "europe-2021"\n{more}\n'
    )


DEPOT = """\
name = "yard"
stations = [{ model = "dc-150-dual", count = COUNT }]
vehicles = "depot-example"
[[sites.depot]]
vehicle = "City bus 292 kWh"
count = 6
back = "20:00"
out = "05:00"
days = "all"
used = "190 kWh"
"""


def test_a_bus_begins_with_what_it_left_with_less_what_it_used(run):
    yard = run(DEPOT.replace("COUNT", "3"))["yard"]
    visits, plan = yard.visits, yard.plan
    linked = np.flatnonzero((visits.next_visit >= 0) & (plan.outcome == Outcome.SERVED))
    after = visits.next_visit[linked]
    assert len(linked) == 6 * 5
    np.testing.assert_allclose(
        plan.soc_start[after], np.maximum(plan.soc_end[linked] - visits.used_soc[linked], 0.0)
    )
    assert plan.soc_end[linked].min() == pytest.approx(1.0)
    np.testing.assert_allclose(yard.load_kwh.sum(), plan.energy_kwh.sum())


def test_buses_that_find_too_little_power_come_back_emptier(run):
    """One charger of 150 kW for six buses that want 1 200 kWh a night between them."""
    enough, short = run(DEPOT.replace("COUNT", "3")), run(DEPOT.replace("COUNT", "1"))
    starts = [result["yard"].plan.soc_start for result in (enough, short)]
    assert starts[1].mean() < starts[0].mean() - 0.05
    assert starts[1].min() >= 0.0
    served = short["yard"].plan.outcome == Outcome.SERVED
    reneged = short["yard"].plan.outcome == Outcome.RENEGED
    assert served.any() and reneged.any()


def test_no_car_charges_before_its_timer_and_no_visit_moves(run):
    plain = run(home())["home"]
    timed = run(home('delayed_start = { share = 1.0, at = "23:00" }'))["home"]
    np.testing.assert_array_equal(timed.plan.plug_in_s, plain.plan.plug_in_s)
    ready = timed.visits.ready_s
    early = np.isfinite(timed.plan.charge_end_s) & (ready > timed.plan.plug_in_s)
    assert early.sum() > 50
    assert (timed.plan.charge_end_s[early] > ready[early]).all()
    # From 18 to 23 h local time fewer cars charge: only those whose drivers leave before.
    evening = [slice(24 * 4 * day + 18 * 4, 24 * 4 * day + 22 * 4) for day in (0, 1)]
    loads = [sum(r.load_kwh[part].sum() for part in evening) for r in (plain, timed)]
    assert loads[1] < 0.35 * loads[0]


def test_a_tariff_is_followed_only_with_one(run):
    from simulator.scenario import ScenarioError

    with pytest.raises(ScenarioError, match="retail tariff"):
        run(home("tariff_followers = 0.5"))


def test_a_queue_that_is_shunned_is_shorter_and_a_reserved_evse_is_had(run):
    plain = run(hub("a", rate=30.0))["a"]
    shy = run(hub("a", "balking = [1.0, 0.3]", rate=30.0))["a"]
    assert (shy.plan.outcome == Outcome.BALKED).sum() > 20
    assert shy.queue_s.sum() < plain.queue_s.sum()
    assert (plain.plan.outcome == Outcome.BALKED).sum() == 0
    asked = 'reservations = { share = 0.3, lead = "20m", grace = "10m", no_show = 0.2 }'
    kept = run(hub("a", asked, rate=30.0))["a"]
    reserved = np.isfinite(kept.visits.reserved_s)
    wait = kept.plan.plug_in_s - kept.visits.arrival_s
    had = np.isfinite(wait)
    before = plain.plan.plug_in_s - plain.visits.arrival_s
    assert np.mean(wait[had & reserved]) < 0.8 * np.mean(wait[had & ~reserved])
    assert np.mean(wait[had & reserved] == 0.0) > np.mean(before[np.isfinite(before)] == 0.0)
    no_shows = kept.plan.outcome == Outcome.NO_SHOW
    np.testing.assert_array_equal(no_shows, kept.visits.no_show)
    assert no_shows.sum() > 10 and (kept.plan.energy_kwh[no_shows] == 0.0).all()


def test_drivers_go_on_to_where_there_is_room_and_all_are_counted_once(run):
    reroute = 'queue = 1\nreroute = { to = ["b"], travel = "6m" }'
    quiet = hub("b", count=6, rate=2.0)
    alone = run(hub("a", "queue = 1", rate=40.0), quiet)
    both = run(hub("a", reroute, rate=40.0), quiet)
    moved = int(both["a"].plan.rerouted.sum())
    assert moved > 50
    assert len(both["b"].visits) == len(alone["b"].visits) + moved
    # What happens at a does not depend on where those go whom it turns away.
    assert both["a"].load_kwh.tobytes() == alone["a"].load_kwh.tobytes()
    assert both["a"].plan.outcome.tolist() == alone["a"].plan.outcome.tolist()
    served = sum(s.load_kwh.sum() for s in both.values())
    assert served > sum(s.load_kwh.sum() for s in alone.values())
    unserved = [sum(s.plan.unserved_kwh.sum() for s in r.values()) for r in (both, alone)]
    assert unserved[0] < unserved[1]


def test_a_rerouted_mood_is_the_same_whoever_else_is_about(run):
    """Keyed by the driver's own site and place: another site changes nobody's patience."""
    reroute = 'queue = 1\nreroute = { to = ["b"], travel = "6m" }'
    pair = (hub("a", reroute, rate=40.0), hub("b", count=6, rate=2.0))
    two, three = run(*pair), run(hub("z"), *pair)
    np.testing.assert_array_equal(two["b"].visits.patience_s, three["b"].visits.patience_s)
    assert two["b"].load_kwh.tobytes() == three["b"].load_kwh.tobytes()
    own = run(hub("b", count=6, rate=2.0))["b"]
    came = ~np.isin(two["b"].visits.arrival_s, own.visits.arrival_s)
    mean = two["b"].visits.patience_s[came].mean()
    assert mean == pytest.approx(900.0, abs=4 * 900.0 / np.sqrt(came.sum()))


def test_who_plugs_in_less_often_takes_the_energy_of_the_visits_between(run):
    every, some = run(home())["home"], run(home("plug_in_probability = 0.5"))["home"]
    assert len(some.visits) < 0.65 * len(every.visits)
    assert some.plan.energy_kwh.sum() / len(some.visits) > 1.2 * (
        every.plan.energy_kwh.sum() / len(every.visits)
    )
