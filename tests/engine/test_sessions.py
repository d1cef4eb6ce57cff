"""What becomes of a visit: pairing, queue, ties, ends. Small cases that a person can follow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import INF, KNOTS, model, posts, services, site, visits

from simulator.charging.curve import advance_soc, time_to_soc
from simulator.demand.visits import Curves
from simulator.engine import Outcome, simulate_site

DAY_S = 86_400.0


def run(wanted, where, duration_s=DAY_S, **options):
    return simulate_site(wanted, where, duration_s, **options)


def outcomes(result):
    return [Outcome(o).name for o in result.plan.outcome]


def test_an_uncontrolled_trace_gets_the_closed_forms_energy_whatever_the_interval():
    """To 1e-6 kWh: no interval of recording, and no neighbour, changes a session's energy."""
    r = np.random.default_rng(7)
    n = 200
    arrival = np.sort(r.uniform(0.0, 4 * DAY_S, n))
    stay = r.exponential(5400.0, n)
    soc, target = r.uniform(0.05, 0.6, n), r.uniform(0.6, 1.0, n)
    curve = r.integers(0, len(KNOTS), n)
    battery = r.uniform(30.0, 90.0, n)
    wanted = visits(
        arrival,
        departure_s=arrival + stay,
        soc=soc,
        target_soc=target,
        curve=curve,
        battery_kwh=battery,
        dc_kw=150.0,
        evse=np.arange(n),
    )
    where = site(*[model("dc", 1, 120.0)] * n, policy="uncontrolled")
    expected = []
    for i in range(n):
        knots_soc, knots_kw = KNOTS[curve[i]]
        knots = (knots_soc, [kw / 0.95 for kw in knots_kw], 0, len(knots_soc))
        end = advance_soc(soc[i], stay[i], 120.0, battery[i] / 0.95, *knots)
        expected.append((min(end, target[i]) - soc[i]) * battery[i] / 0.95)
    for interval_s in (60.0, 900.0, 3600.0, 1e9):
        result = run(wanted, where, 8 * DAY_S, interval_s=interval_s)
        assert result.plan.energy_kwh == pytest.approx(expected, abs=1e-6)
        assert result.load_kwh.sum() == pytest.approx(sum(expected), rel=1e-9)


@pytest.mark.parametrize("interval_s", [60.0, 900.0, 1e9])
def test_a_two_stage_taper_is_constant_power_and_then_an_exponential(interval_s):
    """100 kW to SoC 0.8, 10 kW at 1: then p(t) = 100 exp(-k t) with k = (100 - 10) / (0.2 C)."""
    full_kw, last_kw, capacity = 100.0, 10.0, 80.0
    curve = Curves(
        np.array([0, 3]), np.array([0.0, 0.8, 1.0]), np.array([full_kw, full_kw, last_kw])
    )
    stays = np.array([900.0, 2000.0, 2500.0, 3600.0, 20_000.0])
    wanted = visits(
        np.zeros(len(stays)),
        curves=curve,
        departure_s=stays,
        soc=0.2,
        target_soc=1.0,
        battery_kwh=capacity,
        dc_kw=400.0,
        efficiency_dc=1.0,
    )
    where = site(*[model("dc", 1, 400.0)] * len(stays))
    plan = run(wanted, where, 30_000.0, interval_s=interval_s).plan
    constant_h = 0.6 * capacity / full_kw
    rate = (full_kw - last_kw) / (0.2 * capacity)
    whole_h = constant_h + math.log(full_kw / last_kw) / rate
    hours = np.minimum(stays / 3600.0, whole_h)
    tapering = np.maximum(hours - constant_h, 0.0)
    energy = full_kw * np.minimum(hours, constant_h)
    energy += full_kw / rate * (1.0 - np.exp(-rate * tapering))
    assert plan.energy_kwh == pytest.approx(energy, abs=1e-6)
    assert plan.charge_end_s[-1] == pytest.approx(whole_h * 3600.0, rel=1e-12)


def test_an_ac_car_takes_what_its_phases_and_charger_allow():
    """A one-phase car gets a third of a three-phase post, however strong its charger."""
    cars = visits([0.0] * 4, ac_phases=[1, 2, 3, 3], ac_kw=[11.0, 22.0, 11.0, 22.0])
    plan = run(cars, site(*[model("ac", 1, 22.0)] * 4)).plan
    assert plan.limit_kw == pytest.approx([22.0 / 3, 44.0 / 3, 11.0, 22.0])
    assert plan.min_kw == pytest.approx([1.38, 2.76, 4.14, 4.14])
    assert (plan.efficiency == 0.9).all()


def test_a_three_phase_car_at_a_one_phase_post_uses_one_phase():
    plan = run(visits([0.0]), site(model("ac", 1, 7.4, phases=1))).plan
    assert plan.limit_kw[0] == 7.4
    assert plan.min_kw[0] == pytest.approx(1.38)


def test_a_car_without_dc_cannot_use_dc_and_one_without_ac_cannot_use_ac():
    cars = visits([0.0, 0.0, 0.0], dc_kw=[0.0, 50.0, 0.0], ac_kw=[11.0, 0.0, 0.0])
    dc = run(cars, site(*[model("dc", 1, 100.0)] * 3))
    assert outcomes(dc) == ["UNSUITABLE", "RUNNING", "UNSUITABLE"]
    ac = run(cars, site(*[model("ac", 1, 11.0)] * 3))
    assert outcomes(ac) == ["RUNNING", "UNSUITABLE", "UNSUITABLE"]
    assert ac.plan.unserved_kwh[1] == pytest.approx(0.6 * 60.0 / 0.95)


def test_a_dc_capable_car_at_a_mixed_site_takes_dc():
    where = site(model("ac", 1, 22.0), model("dc", 1, 50.0))
    plan = run(visits([0.0, 1.0], dc_kw=[0.0, 100.0]), where).plan
    assert plan.evse.tolist() == [0, 1]
    assert plan.limit_kw.tolist() == [11.0, 50.0]
    assert plan.efficiency.tolist() == [0.9, 0.95]


def test_the_evse_that_gives_most_power_then_the_freest_station_then_the_longest_free():
    where = site(
        model("dc", 1, 50.0), model("dc", 2, 150.0, station_kw=150.0), model("dc", 1, 150.0)
    )
    plan = run(visits(np.arange(4.0), dc_kw=120.0), where).plan
    # A 150 kW plug; the station with nothing committed; the other plug; what is left.
    assert plan.evse.tolist() == [1, 3, 2, 0]
    one_by_one = services([0.0, 600.0, 1200.0, 1800.0], [60.0] * 4)
    assert run(one_by_one, site(*posts(3))).plan.evse.tolist() == [0, 1, 2, 0]


def test_a_station_gives_no_evse_more_than_the_station_has():
    result = run(visits([0.0], dc_kw=300.0), site(model("dc", 1, 300.0, station_kw=100.0)))
    assert result.plan.limit_kw[0] == 100.0
    assert result.evse_kw.tolist() == [100.0]


def test_a_visit_that_names_its_evse_waits_for_that_one():
    wanted = visits([0.0, 1.0, 2.0], evse=[1, 1, -1], departure_s=[3600.0, 7200.0, 7200.0])
    plan = run(wanted, site(*posts(2))).plan
    assert plan.evse.tolist() == [1, 1, 0]
    assert plan.plug_in_s.tolist() == [0.0, 3600.0, 2.0]


def test_the_queue_is_first_in_first_out_among_those_who_fit():
    where = site(model("ac", 1, 11.0), model("dc", 1, 50.0))
    wanted = visits(
        [0.0, 0.0, 10.0, 20.0, 30.0],
        ac_kw=[11.0, 0.0, 11.0, 0.0, 11.0],
        dc_kw=[0.0, 50.0, 0.0, 50.0, 50.0],
        departure_s=[1000.0, 500.0, 2000.0, 700.0, 9000.0],
    )
    plan = run(wanted, where).plan
    # At 500 the DC place falls to the second in the queue: the first has no DC inlet.
    assert plan.plug_in_s.tolist() == [0.0, 0.0, 1000.0, 500.0, 700.0]
    assert plan.evse.tolist() == [0, 1, 0, 1, 1]


def test_patience_and_the_planned_departure_end_the_wait():
    wanted = visits(
        [0.0, 10.0, 20.0, 30.0],
        departure_s=[1000.0, 5000.0, 300.0, 5000.0],
        patience_s=[INF, 100.0, INF, INF],
    )
    result = run(wanted, site(*posts(1)))
    assert outcomes(result) == ["SERVED", "RENEGED", "RENEGED", "SERVED"]
    assert result.plan.plug_in_s[3] == 1000.0
    # 100 + 280 + 970 seconds in the queue.
    assert result.queue_s.sum() == pytest.approx(1350.0)
    assert result.plan.unserved_kwh[1] == pytest.approx(0.6 * 60.0 / 0.9)


def test_a_queue_of_two_holds_two_and_no_queue_holds_none():
    wanted = visits([0.0, 1.0, 2.0, 3.0], departure_s=7200.0)
    names = ["SERVED", "RENEGED", "RENEGED", "BLOCKED"]
    assert outcomes(run(wanted, site(*posts(1), queue=2))) == names
    assert outcomes(run(wanted, site(*posts(1), queue=False))) == ["SERVED"] + ["BLOCKED"] * 3


def test_at_equal_times_releases_come_before_starts():
    wanted = visits([0.0, 600.0, 600.0], departure_s=[600.0, 900.0, 900.0])
    result = run(wanted, site(*posts(1), queue=False))
    assert outcomes(result) == ["SERVED", "SERVED", "BLOCKED"]
    assert result.plan.plug_in_s[1] == 600.0


def test_at_equal_times_who_waits_comes_before_who_arrives():
    wanted = visits([0.0, 300.0, 600.0], departure_s=[600.0, 900.0, 900.0])
    result = run(wanted, site(*posts(1), queue=1))
    assert outcomes(result) == ["SERVED", "SERVED", "RENEGED"]


def test_a_driver_who_leaves_when_done_lingers_first():
    wanted = visits([0.0], linger_s=300.0, soc=0.5, target_soc=0.6, efficiency_ac=1.0)
    plan = run(wanted, site(model())).plan
    assert plan.charge_end_s[0] == pytest.approx(6.0 / 11.0 * 3600.0)
    assert plan.unplug_s[0] == plan.charge_end_s[0] + 300.0
    assert plan.soc_end[0] == 0.6
    assert plan.unserved_kwh[0] == 0.0


def test_a_car_that_wants_nothing_occupies_its_place_and_takes_no_energy():
    wanted = visits([100.0], soc=0.8, target_soc=0.8, departure_s=1100.0)
    result = run(wanted, site(model()), record_caps="all")
    assert result.plan.charge_end_s[0] == 100.0
    assert result.plan.energy_kwh[0] == 0.0
    assert result.occupied_s.sum() == 1000.0
    assert result.peak_kw == 0.0
    assert result.plan.cap_s.tolist() == [100.0]


def test_a_visit_without_length_takes_no_energy_and_leaves_no_peak():
    result = run(visits([100.0, 100.0], departure_s=100.0), site(model()))
    assert outcomes(result) == ["SERVED", "RENEGED"]
    assert result.plan.energy_kwh.tolist() == [0.0, 0.0]
    assert result.peak_kw == 0.0


def test_what_is_still_going_on_at_the_horizon_is_told_apart():
    wanted = visits([0.0, 0.0, 10.0, 5000.0], departure_s=[1000.0, INF, INF, INF])
    result = run(wanted, site(model(), model()), 3600.0)
    assert outcomes(result) == ["SERVED", "RUNNING", "RUNNING", "FUTURE"]
    assert np.isnan(result.plan.unplug_s[1:]).all()
    assert result.plan.unserved_kwh[1:].tolist() == [0.0, 0.0, 0.0]
    waiting = run(wanted, site(model()), 900.0)
    assert outcomes(waiting) == ["RUNNING", "WAITING", "WAITING", "FUTURE"]
    assert waiting.queue_s.sum() == pytest.approx(900.0 + 890.0)
    assert waiting.plan.energy_kwh[0] == pytest.approx(11.0 * 900.0 / 3600.0)


def test_energy_never_exceeds_the_request_and_a_reached_target_is_exact():
    r = np.random.default_rng(3)
    n = 500
    arrival = np.sort(r.uniform(0, DAY_S, n))
    soc = r.uniform(0, 0.9, n)
    target = np.minimum(1.0, soc + r.uniform(0, 0.6, n))
    wanted = visits(
        arrival, soc=soc, target_soc=target, dc_kw=150.0, curve=r.integers(0, 5, n), linger_s=60.0
    )
    where = site(*[model("dc", 2, 150.0, station_kw=150.0)] * 6, limit=400.0)
    plan = run(wanted, where, 3 * DAY_S).plan
    request = (target - soc) * 60.0 / 0.95
    assert (plan.outcome == Outcome.SERVED).all()
    assert plan.soc_end.tolist() == target.tolist()
    assert plan.energy_kwh == pytest.approx(request, rel=1e-12)
    assert (plan.energy_kwh <= request * (1 + 1e-15)).all()


def test_losses_lie_between_the_meter_and_the_battery():
    """3 h at 11 kW are 33 kWh on the meter and 29.7 kWh in the battery at 90 %."""
    wanted = visits([0.0], soc=0.0, target_soc=1.0, battery_kwh=100.0, departure_s=10_800.0)
    result = run(wanted, site(model()))
    assert result.load_kwh.sum() == pytest.approx(33.0, rel=1e-12)
    assert result.plan.soc_end[0] * 100.0 == pytest.approx(29.7, rel=1e-12)


def test_charging_ends_when_the_closed_form_says():
    knots_soc, knots_kw = KNOTS[4]
    knots = (knots_soc, [kw / 0.95 for kw in knots_kw], 0, len(knots_soc))
    expected = time_to_soc(0.1, 0.95, 150.0, 70.0 / 0.95, *knots)
    wanted = visits([50.0], soc=0.1, target_soc=0.95, battery_kwh=70.0, dc_kw=250.0, curve=4)
    plan = run(wanted, site(model("dc", 1, 150.0))).plan
    assert plan.charge_end_s[0] - 50.0 == pytest.approx(expected, rel=1e-12)


def test_no_visits_at_all_is_a_quiet_day():
    result = run(visits([]), site(model(), limit=10.0), record_caps="all")
    assert result.load_kwh.shape == (96,)
    assert result.load_kwh.sum() == 0.0
    assert result.events == 0
    assert result.plan.cap_offset.tolist() == [0]
    assert not math.isnan(result.peak_s)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("arrival_s", [0.0, math.nan], "visit 1 does not arrive"),
        ("arrival_s", [5.0, 4.0], "visit 1 arrives before"),
        ("evse", [0, 2], "visit 1 asks for an EVSE that is none of the site's 2"),
        ("curve", [99, 0], "visit 0 has a curve"),
        ("battery_kwh", [60.0, 0.0], "visit 1 has no battery"),
        ("soc", [0.5, 1.5], "visit 1 has a state of charge"),
        ("target_soc", [math.nan, 0.8], "visit 0 has a state of charge"),
        ("efficiency_ac", [0.9, 0.0], "visit 1 has an efficiency"),
    ],
)
def test_visits_that_would_lead_the_kernel_astray_are_refused(column, value, message):
    columns = {"arrival_s": [0.0, 1.0]} | {column: value}
    with pytest.raises(ValueError, match=message):
        run(visits(**columns), site(model(), model()))
