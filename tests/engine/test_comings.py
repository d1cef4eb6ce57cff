"""Timers, drivers who balk, and vehicles that come back with what they have used."""

from __future__ import annotations

import numpy as np
import pytest
from engine_build import INF, model, posts, services, site, visits

from simulator.engine import Outcome, simulate_site
from simulator.engine.site import SiteRun

HOUR_S = 3600.0


def outcomes(result):
    return [Outcome(o).name for o in result.plan.outcome]


def test_a_car_with_a_timer_is_plugged_in_and_charges_from_its_time_on():
    wanted = visits([0.0, 600.0], ready_s=[1800.0, 0.0], ac_kw=10.0, soc=0.0)
    result = simulate_site(
        wanted, site(model(), model(), limit=10.0), HOUR_S, interval_s=600.0, record_caps="all"
    )
    # Alone until 0:30 the second car has all of the limit; from then on they share it.
    assert result.load_kwh == pytest.approx([0.0] + [10 / 6] * 5)
    assert result.plan.energy_kwh == pytest.approx([2.5, 20 / 6 + 2.5])
    plan = result.plan
    assert plan.cap_s[plan.cap_offset[0] : plan.cap_offset[1]].tolist() == [0.0, 1800.0]
    assert plan.cap_kw[plan.cap_offset[0] : plan.cap_offset[1]].tolist() == [0.0, 5.0]


def test_a_timer_beyond_the_departure_leaves_the_car_as_it_came():
    wanted = visits([0.0], ready_s=2000.0, departure_s=1800.0)
    plan = simulate_site(wanted, site(*posts(1)), HOUR_S).plan
    assert outcomes_of(plan) == ["SERVED"]
    assert plan.energy_kwh[0] == 0.0
    assert plan.soc_end[0] == 0.2
    assert plan.unserved_kwh[0] == pytest.approx(0.6 * 60.0 / 0.9)
    assert plan.unplug_s[0] == 1800.0


def outcomes_of(plan):
    return [Outcome(o).name for o in plan.outcome]


def test_at_equal_times_a_departure_comes_before_the_timer():
    wanted = visits([0.0], ready_s=1800.0, departure_s=1800.0)
    plan = simulate_site(wanted, site(*posts(1)), HOUR_S).plan
    assert outcomes_of(plan) == ["SERVED"]
    assert plan.energy_kwh[0] == 0.0


def test_a_full_car_needs_no_timer():
    wanted = visits([0.0], soc=0.8, ready_s=1800.0, linger_s=60.0)
    plan = simulate_site(wanted, site(*posts(1)), HOUR_S).plan
    assert (plan.charge_end_s[0], plan.unplug_s[0]) == (0.0, 60.0)


def test_who_sees_too_many_wait_drives_on():
    wanted = services(
        [0.0, 10.0, 20.0, 30.0, 40.0],
        [1000.0] * 5,
        most_ahead=[0, 0, 0, 1, -1],
    )
    result = simulate_site(wanted, site(*posts(1)), 500.0)
    # The first takes the EVSE; the second waits behind nobody; the third sees one wait.
    assert outcomes(result) == ["RUNNING", "WAITING", "BALKED", "WAITING", "WAITING"]
    assert result.plan.unserved_kwh[2] > 0.0
    assert result.queue_s.sum() == pytest.approx(490.0 + 470.0 + 460.0)


def test_nobody_balks_where_an_evse_is_free():
    wanted = visits([0.0, 1.0], most_ahead=0)
    assert outcomes(simulate_site(wanted, site(*posts(2)), HOUR_S)) == ["RUNNING", "RUNNING"]


def test_a_vehicle_comes_back_with_what_it_left_with_less_what_it_used():
    wanted = visits(
        [0.0, 7200.0, 14400.0],
        departure_s=[3600.0, 10800.0, 18000.0],
        soc=[0.2, 0.99, 0.99],
        target_soc=[0.8, 0.8, 0.1],
        next_visit=[1, 2, -1],
        used_soc=[0.1, 0.9, 0.0],
        ac_kw=10.0,
    )
    result = simulate_site(wanted, site(*posts(1)), 20_000.0)
    plan = result.plan
    gain = 10.0 * 0.9 / 60.0
    assert plan.soc_end[0] == pytest.approx(0.2 + gain)
    assert plan.soc_start[1] == pytest.approx(0.1 + gain)
    assert plan.soc_end[1] == pytest.approx(0.1 + 2 * gain)
    # It cannot have used more than it had; and nobody wants less than he has.
    assert plan.soc_start[2] == 0.0
    assert result.visits.soc.tolist() == plan.soc_start.tolist()
    assert result.visits.target_soc.tolist() == plan.target_soc.tolist()
    assert plan.target_soc.tolist() == [0.8, 0.8, 0.1]
    assert plan.energy_kwh == pytest.approx([10.0, 10.0, 0.1 * 60 / 0.9])


def test_a_target_below_what_the_vehicle_comes_with_is_lifted_to_it():
    wanted = visits(
        [0.0, 7200.0],
        departure_s=[7000.0, INF],
        soc=0.5,
        target_soc=[0.8, 0.5],
        next_visit=[1, -1],
        used_soc=0.05,
    )
    plan = simulate_site(wanted, site(model()), 20_000.0).plan
    assert plan.soc_start[1] == plan.target_soc[1] == plan.soc_end[1]
    assert plan.soc_start[1] == pytest.approx(plan.soc_end[0] - 0.05)


@pytest.mark.parametrize("queue", [True, False])
def test_a_vehicle_that_found_no_place_comes_back_with_what_it_had(queue):
    wanted = visits(
        [0.0, 10.0, 2000.0],
        departure_s=[1000.0, 900.0, INF],
        soc=[0.2, 0.6, 0.99],
        next_visit=[-1, 2, -1],
        used_soc=0.25,
    )
    result = simulate_site(wanted, site(*posts(1), queue=queue), HOUR_S)
    assert outcomes(result)[1] == ("RENEGED" if queue else "BLOCKED")
    assert result.plan.soc_start[2] == pytest.approx(0.35)


def test_a_policy_that_looks_again_does_so_while_somebody_is_held_back():
    """The kernel's part: an appointment at each interval, none where everybody has enough."""
    wanted = visits([0.0, 0.0], departure_s=[3000.0, INF], soc=0.0, ac_kw=10.0, battery_kwh=200.0)
    events = []
    for period_s in (INF, 100.0):
        run = SiteRun(wanted, site(model(), model(), limit=15.0), HOUR_S)
        run.state.site["policy_period_s"] = period_s
        events.append(run.result().events)
    # Every 100 s until 3000 s, where the departure ends the want.
    assert events[1] - events[0] == 30
    assert np.isinf(run.state.site["policy_s"][0])
