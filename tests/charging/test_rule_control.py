"""Controllers that follow a rule: peak shaving, PV following, time-of-use prices, schedules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from controller_plant import draw, first_view, instance, known_visits, run, setup
from hypothesis import given
from hypothesis import strategies as st

from simulator.charging.controllers import CONTROLLERS, NAMES
from simulator.charging.controllers.fixed_schedule import holds
from simulator.charging.controllers.lp import offline
from simulator.charging.controllers.need import above_minimum
from simulator.charging.controllers.peak_shaving import make as shave
from simulator.charging.controllers.tou_price import cheapest


def controller(case, kind, **options):
    return CONTROLLERS[kind].make(setup(case, kind, **options))


def lowest_peak(case):
    options = setup(case, "lp", objective="peak").options
    return offline(first_view(case), case.forecast(known=True), options)[2]


def together(seed, base_kw=(0.0,)):
    """A drawn site where all vehicles are there from the start."""
    case = draw(seed)
    v = case.visits
    n = len(v)
    stay = np.maximum(v.unplug_s - v.plug_in_s, 1800.0)
    visits = replace(v, evse=np.arange(n), plug_in_s=np.zeros(n), unplug_s=stay)
    return replace(case, visits=visits, evses=n, base_kw=np.resize(base_kw, 64))


@pytest.mark.parametrize("seed", range(25))
def test_peak_shaving_reaches_the_lowest_peak_when_all_are_there_from_the_start(seed):
    building = np.random.default_rng(seed).choice([0.0, 5.0, 12.0, 30.0], 16).repeat(4)
    case = together(seed, building if seed % 2 else (0.0,))
    best = lowest_peak(case)
    outcome = run(case, controller(case, "peak_shaving"))
    assert float(outcome.missing_kwh.sum()) == pytest.approx(
        float(best.missing_kwh.sum()), abs=1e-4
    )
    assert outcome.peak_kw == pytest.approx(best.peak_kw[0], abs=1e-4)


def test_peak_shaving_of_visits_to_come_lies_between_the_optimum_and_uncontrolled():
    over, saved = [], []
    for seed in range(25):
        case = draw(seed)
        best = float(lowest_peak(case).peak_kw[0])
        peak = run(case, controller(case, "peak_shaving")).peak_kw
        plain = run(case).peak_kw
        assert best - 1e-6 <= peak <= plain + 1e-6
        over.append(peak / best)
        saved.append((plain - peak) / max(plain - best, 1e-9) if plain > best else 1.0)
    assert np.mean(over) < 1.12
    assert np.mean(saved) > 0.8


def test_peak_shaving_forgets_the_level_with_the_billing_period():
    case = together(4)
    shaving = shave(setup(case, "peak_shaving"))
    shaving(first_view(case), replace(case.forecast(), period=np.zeros(64, np.int64)))
    assert shaving.level_kw > 1.0
    empty = replace(case, visits=known_visits(plug_in_s=1e9))
    view = first_view(replace(empty, evses=1))
    shaving(view, replace(case.forecast(), period=np.ones(64, np.int64)))
    assert shaving.level_kw == 0.0


def pv_case(seed):
    """A drawn site under a sunny noon of 40 kW and a building of 5 kW."""
    case = draw(seed)
    sun = 40.0 * np.clip(np.sin(np.linspace(0, np.pi, case.steps)), 0, None)
    return replace(case, base_kw=5.0 - sun, price=np.full(64, 0.3), feed_in=np.full(64, 0.08))


@pytest.mark.parametrize("seed", range(10))
def test_pv_following_draws_less_from_the_grid_and_still_serves_everybody(seed):
    case = pv_case(seed)
    plain, outcome = run(case), run(case, controller(case, "pv_following"))
    served = lambda result: float(result.missing_kwh.sum())  # noqa: E731
    assert served(outcome) == pytest.approx(served(plain), abs=1e-6)
    drawn = lambda result: float(np.clip(result.net_kw, 0, None).sum())  # noqa: E731
    assert drawn(outcome) <= drawn(plain) + 1e-9


def test_pv_following_draws_less_over_many_sites():
    cases = [pv_case(seed) for seed in range(20)]
    plain = sum(np.clip(run(case).net_kw, 0, None).sum() for case in cases)
    following = sum(
        np.clip(run(case, controller(case, "pv_following")).net_kw, 0, None).sum() for case in cases
    )
    assert following < 0.9 * plain


def test_a_vehicle_takes_surplus_and_nothing_else_while_it_can_wait():
    car = known_visits(soc=0.0, capacity_kwh=20.0, limit_kw=10.0, unplug_s=8 * 3600.0)
    case = instance(car, 32, base_kw=np.repeat([0.0, -6.0, 0.0], [8, 8, 16]))
    power = run(case, controller(case, "pv_following")).power_kw[:, 0]
    assert power[:8] == pytest.approx(0.0)
    assert power[8:16] == pytest.approx(6.0)
    assert power[16:27] == pytest.approx(0.0, abs=1e-9)  # 8 kWh are left for the end
    assert power[31] == pytest.approx(0.0, abs=1e-9)
    assert power.sum() / 4 == pytest.approx(20.0)


def test_cars_charge_in_the_cheapest_ticks_before_they_leave():
    car = known_visits(soc=0.0, capacity_kwh=20.0, limit_kw=10.0, unplug_s=6 * 3600.0)
    price = np.repeat([0.3, 0.2, 0.4, 0.1], [8, 8, 8, 8])  # the cheapest comes after it has left
    case = instance(car, 32, price=price)
    power = run(case, controller(case, "tou_price")).power_kw[:, 0]
    assert np.flatnonzero(power).tolist() == list(range(8, 16))


def test_cars_that_cannot_all_charge_in_the_cheapest_tick_take_the_next():
    cars = known_visits(evse=[0, 1], soc=0.0, capacity_kwh=20.0, limit_kw=10.0)
    price = np.repeat([0.3, 0.1, 0.2, 0.4], [8, 8, 8, 8])
    case = instance(cars, 32, price=price, site_kw=10.0)
    outcome = run(case, controller(case, "tou_price"))
    assert outcome.missing_kwh.sum() == 0.0
    assert outcome.power_kw.sum(axis=1).max() <= 10.0 + 1e-9
    assert outcome.energy_cost == pytest.approx(20 * 0.1 + 20 * 0.2)


@given(
    st.floats(0, 50),
    st.lists(st.tuples(st.floats(0, 5), st.floats(-1, 1)), min_size=1, max_size=12),
)
def test_the_cheapest_steps_are_filled_first(need, steps):
    most, price = (np.array(column) for column in zip(*steps, strict=True))
    take = cheapest(need, most, price)
    assert (take >= 0).all() and (take <= most).all()
    assert take.sum() == pytest.approx(min(need, most.sum()))
    used, free = price[take > 1e-9], price[take < most - 1e-9]
    assert not len(used) or not len(free) or used.max() <= free.min()


@pytest.mark.parametrize(
    ("window", "clock", "weekday", "expected"),
    [
        (("07:00", "09:00", "all"), "07:00", 0, True),
        (("07:00", "09:00", "all"), "09:00", 0, False),
        (("22:00", "06:00", "all"), "05:59", 3, True),
        (("22:00", "06:00", "all"), "12:00", 3, False),
        (("22:00", "06:00", "weekdays"), "01:00", 5, True),  # Saturday, begun on Friday
        (("22:00", "06:00", "weekdays"), "23:00", 5, False),
        (("22:00", "06:00", "weekends"), "01:00", 0, True),  # Monday, begun on Sunday
        (("00:00", "00:00", "weekends"), "12:00", 6, True),
        (("00:00", "00:00", "weekends"), "12:00", 0, False),
    ],
)
def test_a_window_belongs_to_the_day_on_which_it_begins(window, clock, weekday, expected):
    def seconds(text):
        return 3600.0 * int(text[:2]) + 60.0 * int(text[3:])

    table = {"from": seconds(window[0]), "to": seconds(window[1]), "days": window[2]}
    assert holds(table, seconds(clock), weekday) is expected


def test_a_schedule_limits_the_site_and_each_evse():
    cars = known_visits(evse=[0, 1, 2], soc=0.0, capacity_kwh=200.0, limit_kw=[20, 20, 4])
    windows = [
        {"from": 3600.0, "to": 7200.0, "days": "all", "site": 14.0, "evse": None},
        {"from": 5400.0, "to": 9000.0, "days": "all", "site": None, "evse": 3.0},
    ]
    case = instance(cars)
    power = run(case, controller(case, "fixed_schedule", windows=windows)).power_kw
    assert power[0] == pytest.approx([20, 20, 4])
    assert power[4] == pytest.approx([5, 5, 4])
    assert power[6] == pytest.approx([3, 3, 3])
    assert power[8] == pytest.approx([3, 3, 3])
    assert power[10] == pytest.approx([20, 20, 4])


def test_where_minima_do_not_fit_who_has_least_time_goes_first():
    cars = known_visits(
        evse=[0, 1], soc=0.0, min_kw=4.0, limit_kw=11.0, unplug_s=[8 * 3600.0, 5 * 3600.0]
    )
    windows = [{"from": 0.0, "to": 0.0, "days": "all", "site": 6.0, "evse": None}]
    case = instance(cars)
    limits = controller(case, "fixed_schedule", windows=windows)(first_view(case), case.forecast())
    assert limits.tolist() == [0.0, 6.0]


@pytest.mark.parametrize("kind", [name for name in NAMES if name != "fixed_schedule"])
@pytest.mark.parametrize("seed", [0, 5])
def test_nobody_is_given_less_than_the_minimum(kind, seed):
    case = draw(seed)
    v = case.visits
    case = replace(case, visits=replace(v, min_kw=np.minimum(3.0, v.limit_kw)))
    seen = []
    inner = controller(case, kind)

    def watched(view, forecast):
        limits = np.asarray(inner(view, forecast))
        charging = view.occupied & (limits > 0.0)
        seen.append((limits[charging] >= np.minimum(view.min_kw, view.limit_kw)[charging]).all())
        return limits

    run(case, watched, known=kind == "lp")
    assert all(seen)


def test_who_could_not_make_up_for_a_pause_is_given_its_minimum():
    cars = known_visits(evse=[0, 1], soc=[0.99, 0.5], min_kw=4.0, unplug_s=[900.0, 8 * 3600.0])
    case = instance(cars)
    given_kw = above_minimum(np.array([1.0, 1.0]), first_view(case), 900.0)
    assert given_kw.tolist() == [4.0, 0.0]


@pytest.mark.parametrize("kind", NAMES)
def test_an_empty_site_is_no_trouble(kind):
    case = instance(known_visits(plug_in_s=7200.0, unplug_s=10800.0))
    windows = [{"from": 0.0, "to": 0.0, "days": "all", "site": 6.0, "evse": None}]
    options = {"windows": windows} if kind == "fixed_schedule" else {}
    limits = controller(case, kind, **options)(first_view(case), case.forecast(known=True))
    assert np.asarray(limits).shape == (1,)
