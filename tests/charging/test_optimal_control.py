"""The offline optimum bounds everybody, MPC with a perfect forecast reaches it, V2G keeps reserves.

On instances in which everything happens at ticks and power limits are constant: there the
linear program leaves nothing out.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from controller_plant import draw, first_view, instance, known_visits, run, setup

from simulator.charging.controllers import CONTROLLERS, InfeasibleError
from simulator.charging.controllers.lp import offline
from simulator.charging.controllers.optimum import Cars, Slots, optimise

PENALTY = 1000.0
VARIANTS = [
    pytest.param({}, id="energy"),
    pytest.param({"demand_price": 8.0}, id="energy and demand"),
    pytest.param({"v2g": 0.6}, id="V2G"),
    pytest.param({"v2g": 0.6, "demand_price": 8.0}, id="V2G and demand"),
    pytest.param({"site_kw": 18.0, "demand_price": 3.0}, id="site limit"),
]


def bound(case, **options):
    return offline(
        first_view(case), case.forecast(known=True), setup(case, "lp", **options).options
    )[2]


def controller(case, kind, **options):
    return CONTROLLERS[kind].make(setup(case, kind, **options))


def total(outcome):
    """What a plan or an outcome costs, with what it owes to the vehicles."""
    return outcome.cost + PENALTY * float(outcome.missing_kwh.sum())


@pytest.mark.parametrize("fields", VARIANTS)
@pytest.mark.parametrize("seed", range(12))
def test_no_online_strategy_beats_the_offline_optimum(seed, fields):
    case = draw(seed, **fields)
    v2g = "v2g" in fields
    best = total(bound(case, v2g=v2g))
    online = {"uncontrolled": None, "peak_shaving": {}, "pv_following": {}, "tou_price": {}}
    online |= {"tou_price": {"v2g": v2g}, "mpc": {"v2g": v2g}} if seed < 4 else {}
    for kind, options in online.items():
        outcome = run(case, None if options is None else controller(case, kind, **options))
        assert total(outcome) >= best - 1e-6, kind


@pytest.mark.parametrize("fields", VARIANTS)
@pytest.mark.parametrize("seed", range(12))
def test_the_optimum_played_back_costs_what_the_program_said(seed, fields):
    case = draw(seed, **fields)
    options = {"v2g": "v2g" in fields}
    outcome = run(case, controller(case, "lp", **options), known=True)
    assert total(outcome) == pytest.approx(total(bound(case, **options)), rel=1e-7, abs=1e-5)


@pytest.mark.parametrize("fields", VARIANTS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mpc_with_a_perfect_forecast_reaches_the_offline_optimum(seed, fields):
    case = draw(seed, **fields)
    options = {"v2g": "v2g" in fields}
    mpc = controller(case, "mpc", perfect=True, horizon=1e6, **options)
    best = total(bound(case, **options))
    assert total(run(case, mpc, known=True)) == pytest.approx(best, rel=1e-7, abs=1e-4)


@pytest.mark.parametrize("seed", [1, 7])
def test_mpc_averages_ticks_into_the_billing_interval(seed):
    """With three ticks in a billing interval the optimum may burst where uncontrolled peaks."""
    case = replace(draw(seed, demand_price=10.0), billing_s=2700.0)
    mpc = controller(case, "mpc", perfect=True, horizon=1e6)
    outcome = run(case, mpc, known=True)
    best = total(bound(case))
    assert best - 1e-6 <= total(outcome) <= total(run(case))
    assert outcome.peak_kw == pytest.approx(bound(case).peak_kw[0], abs=0.5)


@pytest.mark.parametrize("kind", ["lp", "mpc", "tou_price"])
@pytest.mark.parametrize("seed", range(4))
def test_vehicles_that_give_back_keep_their_reserve_and_reach_their_target(seed, kind):
    case = draw(seed, v2g=1.0)
    v = case.visits
    case = replace(case, price=np.tile(np.repeat([0.1, 0.9], 8), 4), feed_in=np.full(64, 0.05))
    least = float(bound(case).missing_kwh.sum())
    outcome = run(case, controller(case, kind, v2g=True), known=kind == "lp")
    gave = outcome.power_kw.min() < -1e-6
    assert gave or kind == "tou_price"
    assert (outcome.lowest_soc >= np.minimum(v.reserve_soc, v.soc) - 1e-9).all()
    assert float(outcome.missing_kwh.sum()) == pytest.approx(least, abs=1e-3)


def test_who_sells_dear_and_buys_cheap_gains():
    """One car, full, plugged in over a dear and a cheap period, feeding a building."""
    price = np.repeat([0.5, 0.1], 16)
    car = known_visits(soc=1.0, unplug_s=8 * 3600.0, discharge_kw=10.0, reserve_soc=0.5)
    case = instance(car, 32, price=price, feed_in=0.0, base_kw=20.0)
    idle = run(case)
    for kind in ("lp", "mpc", "tou_price"):
        outcome = run(case, controller(case, kind, v2g=True), known=kind == "lp")
        # half of 36 battery-kWh, given at 0.9 and bought back at 1 / 0.9
        assert idle.cost - outcome.cost == pytest.approx(18 * 0.9 * 0.5 - 18 / 0.9 * 0.1)
        assert outcome.lowest_soc[0] == pytest.approx(0.5)
        assert outcome.soc[0] == pytest.approx(1.0)


def test_without_v2g_nobody_gives_back():
    case = draw(3, v2g=1.0)
    for kind in ("lp", "mpc", "tou_price"):
        outcome = run(case, controller(case, kind), known=kind == "lp")
        assert outcome.power_kw.min() >= 0.0


def test_a_car_that_arrives_below_its_reserve_only_charges_up_to_it():
    car = known_visits(soc=0.1, target_soc=0.9, discharge_kw=10.0, reserve_soc=0.5)
    price = np.repeat([0.1, 0.9, 0.1], [8, 8, 16])
    case = instance(car, 32, price=price, base_kw=20.0)
    outcome = run(case, controller(case, "mpc", v2g=True))
    assert outcome.lowest_soc[0] == pytest.approx(0.1)
    assert outcome.soc[0] == pytest.approx(0.9)
    assert (outcome.power_kw[8:16, 0] <= 1e-9).all()


@pytest.mark.parametrize("kind", ["lp", "mpc"])
def test_a_hard_program_that_cannot_serve_everybody_says_how_much_is_missing(kind):
    cars = known_visits(evse=[0, 1], soc=0.0, unplug_s=[3600.0, 8 * 3600.0], limit_kw=10.0)
    case = instance(cars)
    with pytest.raises(InfeasibleError, match=r"30\.000 kWh of 1 vehicle cannot") as caught:
        run(case, controller(case, kind, hard=True), known=kind == "lp")
    assert caught.value.missing_kwh == pytest.approx(30.0)
    soft = run(case, controller(case, kind), known=kind == "lp")
    assert soft.missing_kwh == pytest.approx([30.0, 0.0])


def test_a_vehicle_that_stays_longer_than_the_run_is_left_enough_to_do_afterwards():
    cars = known_visits(soc=0.0, capacity_kwh=40.0, limit_kw=10.0, unplug_s=10 * 3600.0)
    case = instance(cars, 32, price=0.3)  # 8 hours of 10, and 4 are needed
    assert run(case, controller(case, "lp"), known=True).soc[0] == pytest.approx(0.5)


def test_mpc_serves_drivers_without_a_departure_at_once():
    cars = known_visits(soc=0.5, unplug_s=math.inf)
    case = instance(cars, 32, price=np.repeat([0.9, 0.1], 16))
    outcome = run(case, controller(case, "mpc"))
    assert outcome.power_kw[:8, 0] == pytest.approx(10.0)


def test_trading_without_bound_is_refused():
    slots = Slots(
        np.array([0.0, 900.0]),
        np.array([0.1]),
        np.array([0.2]),
        np.zeros(1),
        np.full(1, math.inf),
        np.zeros(1, np.int64),
        np.zeros(1, np.int64),
    )
    nobody = Cars(*[np.zeros(0)] * 9, np.zeros(0, np.int64))
    with pytest.raises(ValueError, match=r"feeding in pays 0\.2 per kWh and drawing costs 0\.1"):
        optimise(nobody, slots, np.zeros(1), penalty=1.0, v2g=False)


def test_a_station_shares_its_rating_in_the_program():
    """Two cars of 10 kW at one station of 12 kW cannot both have 40 kWh in three hours."""
    cars = Cars(
        start_s=np.zeros(2),
        end_s=np.full(2, 10800.0),
        soc=np.zeros(2),
        target_soc=np.ones(2),
        capacity_kwh=np.full(2, 30.0),
        efficiency=np.ones(2),
        limit_kw=np.full(2, 10.0),
        discharge_kw=np.zeros(2),
        reserve_soc=np.zeros(2),
        station=np.zeros(2, np.int64),
    )
    nothing = np.zeros(3)
    slots = Slots(
        3600.0 * np.arange(4),
        nothing,
        nothing,
        nothing,
        np.full(3, math.inf),
        np.zeros(3, np.int64),
        np.arange(3),
    )
    plan = optimise(cars, slots, np.array([12.0]), penalty=1.0, v2g=False)
    assert plan.missing_kwh.sum() == pytest.approx(60.0 - 36.0)


def foreseen(case, **columns):
    """The optimum played back to a controller that foresaw something else."""
    told = replace(case, visits=replace(case.visits, **columns))
    play = controller(case, "lp")
    return lambda view, forecast: play(view, replace(forecast, visits=told.visits))


def test_the_plan_goes_with_the_vehicle_and_not_with_the_evse():
    cars = known_visits(evse=[0, 1], soc=[0.2, 0.6], target_soc=[0.9, 0.7])
    case = instance(cars, 32, price=np.tile([0.1, 0.3, 0.2, 0.4], 8))
    expected = run(case, controller(case, "lp"), known=True)
    outcome = run(case, foreseen(case, evse=np.array([1, 0])))
    assert outcome.cost == pytest.approx(expected.cost)
    assert outcome.soc == pytest.approx(expected.soc)


def test_who_stays_longer_than_foreseen_and_is_not_done_is_served_at_once():
    car = known_visits(soc=0.0, unplug_s=6 * 3600.0)
    case = instance(car, 32, price=0.3)
    outcome = run(case, foreseen(case, unplug_s=np.array([3600.0])))
    assert outcome.soc[0] == pytest.approx(1.0)


def test_of_whom_nothing_was_foreseen_nothing_is_demanded():
    car = known_visits(soc=0.0)
    case = instance(car, 32, price=0.3)
    outcome = run(case, foreseen(case, visit=np.array([7])))
    assert outcome.power_kw[:16, 0] == pytest.approx(10.0)
