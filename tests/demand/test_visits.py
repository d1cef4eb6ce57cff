"""Visits belong to their site and place in line; their attributes have the stated distributions."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from simulator.demand import Visits, draw_visits
from simulator.demand.visits import NEUTRAL
from simulator.scenario import Scenario

DAY_S = 86_400.0
COLUMNS = [f.name for f in fields(Visits) if f.name not in ("label", "curves")]
ALWAYS = [name for name in COLUMNS if name not in NEUTRAL]


def visits(scenario: Scenario, index: int = 0, **horizon: float) -> Visits:
    return draw_visits(scenario, scenario.network().sites[index], **horizon)


def assert_same(a: Visits, b: Visits) -> None:
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column), err_msg=column)


def head(v: Visits, n: int) -> dict[str, np.ndarray]:
    return {column: values[:n] for column, values in v.columns()}


def wanted_kwh(v: Visits) -> np.ndarray:
    return (v.target_soc - v.soc) * v.battery_kwh


RICH = {
    "arrival_soc_beta": [2.0, 3.0],
    "patience": "10m",
    "rho": 0.5,
}


GOLDEN = [
    2228.221202561092,
    6694.299725459134,
    1427.2882748651703,
    0.36731113585024067,
    0.4539619178999488,
]


def test_the_first_visit_is_what_it_always_was(make: Any) -> None:
    """A change here changes the results of every seed: say so where users read it."""
    v = visits(make(profile=RICH), end_s=DAY_S)
    first = [v.arrival_s[0], v.departure_s[0], v.patience_s[0], v.soc[0], v.target_soc[0]]
    assert first == pytest.approx(GOLDEN, rel=1e-9)


@pytest.mark.parametrize("days", [0.01, 1.0, 3.3, 6.999])
def test_a_longer_horizon_extends_and_changes_nothing(make: Any, days: float) -> None:
    scenario = make(profile=RICH)
    week = visits(scenario)
    part = visits(scenario, end_s=days * DAY_S)
    assert len(part) == (week.arrival_s < days * DAY_S).sum()
    first = head(week, len(part))
    assert list(first) == ALWAYS
    for column, values in first.items():
        np.testing.assert_array_equal(getattr(part, column), values, err_msg=column)


def test_a_window_is_a_part_of_the_whole(make: Any) -> None:
    scenario = make(profile=RICH)
    week = visits(scenario)
    window = visits(scenario, start_s=2 * DAY_S, end_s=3 * DAY_S)
    inside = (week.arrival_s >= 2 * DAY_S) & (week.arrival_s < 3 * DAY_S)
    assert inside.sum() == len(window) > 0
    for column, values in week.columns():
        np.testing.assert_array_equal(getattr(window, column), values[inside])


def test_other_sites_and_copies_change_nobody_elses_draws(make: Any, one_site: Any) -> None:
    alone = visits(make(profile=RICH, sites=[one_site("home")]))
    scenario = make(
        profile=RICH, sites=[one_site("first", count=2), one_site("home", count=3), one_site("z")]
    )
    by_name = {site.name: draw_visits(scenario, site) for site in scenario.network().sites}
    assert_same(by_name["home"], alone)
    firsts = {name: v.arrival_s[0] for name, v in by_name.items()}
    assert len(set(firsts.values())) == len(firsts) == 6


def test_another_seed_draws_other_visits(make: Any) -> None:
    a = make(scenario={"seed": 1})
    assert_same(visits(a), visits(a))
    b = visits(make(scenario={"seed": 2}))
    assert visits(a).arrival_s[0] != b.arrival_s[0]


def test_visits_come_at_the_rate_asked_and_in_order(make: Any, one_site: Any) -> None:
    scenario = make(sites=[one_site("home", count=40)])
    columns = [draw_visits(scenario, site) for site in scenario.network().sites]
    total = sum(len(v) for v in columns)
    expected = 40 * 10 * 4.0 * 7
    assert abs(total - expected) < 4 * np.sqrt(expected)
    for v in columns:
        assert (np.diff(v.arrival_s) >= 0).all()
        assert (v.departure_s > v.arrival_s).all()
        assert (v.soc >= 0).all() and (v.target_soc <= 1).all() and (v.soc <= v.target_soc).all()
        assert (v.evse == -1).all() and v.label is None
        for column, values in v.columns():
            assert len(values) == len(v), column


def test_a_site_without_any_visit_has_empty_columns(make: Any) -> None:
    v = visits(make(), end_s=1e-6)
    assert len(v) == 0
    assert [column for column, values in v.columns() if len(values) == 0] == ALWAYS


def test_energy_is_metered_on_the_grid_side(make: Any, one_site: Any, one_car: Any) -> None:
    """The same draws: battery-side energy differs by the efficiency of the current alone."""
    cars = [one_car("a", share=1.0, battery_kwh=1000.0, efficiency_ac=0.8, efficiency_dc=0.9)]
    ac = visits(make(cars=cars))
    dc = visits(make(cars=cars, sites=[one_site("home", stations=[{"model": "t-dc", "count": 5}])]))
    grid = wanted_kwh(ac) / 0.8
    np.testing.assert_allclose(wanted_kwh(dc) / 0.9, grid)
    assert np.log(grid).mean() == pytest.approx(2.0, abs=4 * 0.7 / np.sqrt(len(ac)))
    assert grid.min() >= 0.5


def test_energy_beyond_the_battery_is_cut(make: Any, one_car: Any) -> None:
    v = visits(make(profile={"energy_ln_kwh": [6.0, 0.1]}, cars=[one_car("a", share=1.0)]))
    np.testing.assert_array_equal(v.soc, 0.0)
    np.testing.assert_array_equal(v.target_soc, 1.0)


def test_a_full_battery_makes_room_for_the_energy_wanted(make: Any) -> None:
    """Arriving nearly full: the energy stays as drawn, the car arrives emptier."""
    plain = visits(make())
    full = visits(make(profile={"arrival_soc_beta": [50.0, 1.0]}))
    np.testing.assert_allclose(wanted_kwh(full), wanted_kwh(plain), rtol=1e-9)
    np.testing.assert_allclose(full.target_soc[full.soc < 0.8], 1.0)


def test_energy_and_stay_are_correlated_as_asked(make: Any) -> None:
    for rho in (-0.4, 0.0, 0.6, 1.0):
        v = visits(make(profile={"rho": rho, "stay": {"ln_hours": [0.0, 0.3]}}))
        found = np.corrcoef(np.log(v.departure_s - v.arrival_s), np.log(wanted_kwh(v)))[0, 1]
        assert found == pytest.approx(rho, abs=4 / np.sqrt(len(v)) + 0.01)


def test_states_of_charge_without_an_energy(make: Any) -> None:
    soc = {"energy_ln_kwh": None, "arrival_soc_beta": [4.0, 8.0], "target_soc_beta": [16.0, 4.0]}
    v = visits(make(profile=soc))
    error = 4 * 0.13 / np.sqrt(len(v))
    assert v.soc.mean() == pytest.approx(1 / 3, abs=error + 0.003)
    assert v.target_soc.mean() == pytest.approx(0.8, abs=error + 0.003)
    assert (v.target_soc >= v.soc).all()


def test_a_target_without_an_arrival_sets_the_end(make: Any) -> None:
    v = visits(make(profile={"target_soc_beta": [80.0, 20.0], "energy_ln_kwh": [1.0, 0.3]}))
    assert v.target_soc.mean() == pytest.approx(0.8, abs=0.01)


def test_without_any_state_of_charge_the_energy_lies_anywhere_in_the_battery(make: Any) -> None:
    v = visits(make())
    place = v.soc / (1.0 - (v.target_soc - v.soc))
    uniform = np.linspace(0, 1, len(v))
    assert np.abs(np.sort(place) - uniform).max() < 1.95 / np.sqrt(len(v))


def test_the_stay_follows_the_local_hour_of_arrival(make: Any) -> None:
    stay = {"mean_by_hour": {"00": "1h", "11": "1h", "12": "8h", "23": "8h"}, "sigma_ln": 0.2}
    scenario = make(profile={"stay": stay}, scenario={"start": "2026-10-24T00:00:00"})
    v = visits(scenario)
    zero = scenario.start.timestamp()
    local = np.array(
        [datetime.fromtimestamp(zero + t, scenario.timezone).hour for t in v.arrival_s]
    )
    hours = (v.departure_s - v.arrival_s) / 3600.0
    morning, evening = hours[local < 12], hours[local >= 12]
    assert morning.mean() == pytest.approx(1.0, abs=0.1)
    assert evening.mean() == pytest.approx(8.0, abs=0.8)
    assert morning.max() < 3.0 < evening.min()


def test_who_leaves_when_done_has_no_departure_but_lingers(make: Any) -> None:
    profile = {"leave_when_done": True, "linger": "5m", "stay": None}
    v = visits(make(profile=profile))
    assert np.isinf(v.departure_s).all()
    assert v.linger_s.mean() == pytest.approx(300.0, abs=4 * 300.0 / np.sqrt(len(v)))
    planned = visits(make())
    assert np.isinf(planned.linger_s).all() and np.isfinite(planned.departure_s).all()


def test_patience_is_exponential_or_endless(make: Any) -> None:
    v = visits(make(profile={"patience": "10m"}))
    assert v.patience_s.mean() == pytest.approx(600.0, abs=4 * 600.0 / np.sqrt(len(v)))
    assert v.patience_s.std() == pytest.approx(600.0, rel=0.1)
    assert np.isinf(visits(make()).patience_s).all()


def test_an_attribute_more_moves_no_other(make: Any) -> None:
    plain, patient = visits(make()), visits(make(profile={"patience": "10m"}))
    for column in COLUMNS:
        if column != "patience_s":
            np.testing.assert_array_equal(getattr(plain, column), getattr(patient, column))


CURVE = [[0.0, 50.0], [0.5, 100.0], [1.0, 10.0]]


def test_vehicles_come_by_share_with_their_figures(make: Any, one_car: Any) -> None:
    cars = [
        one_car("a", share=0.7, battery_kwh=50.0, curve=CURVE),
        one_car("b", share=0.2, battery_kwh=70.0, ac_kw=7.4, ac_phases=1),
        one_car("c", share=0.1, battery_kwh=90.0, curve=CURVE[::2]),
    ]
    v = visits(make(cars=cars))
    for battery, share, curve in ((50.0, 0.7, 1), (70.0, 0.2, 0), (90.0, 0.1, 2)):
        mine = v.battery_kwh == battery
        assert mine.mean() == pytest.approx(share, abs=4 * np.sqrt(share / len(v)))
        assert set(v.curve[mine]) == {curve}
    assert set(v.ac_kw[v.battery_kwh == 70.0]) == {7.4}
    assert set(v.ac_phases[v.battery_kwh == 70.0]) == {1}
    c = v.curves
    assert list(c.offset) == [0, 2, 5, 7]
    np.testing.assert_array_equal(c.kw, [np.inf, np.inf, 50.0, 100.0, 10.0, 50.0, 10.0])
    np.testing.assert_array_equal(c.soc, [0.0, 1.0, 0.0, 0.5, 1.0, 0.0, 1.0])


def test_a_car_without_dc_inlet_does_not_come_to_a_dc_site(
    make: Any, one_site: Any, one_car: Any
) -> None:
    cars = [one_car("plug-in", share=0.5, dc_kw=0.0), one_car("ev", share=0.5)]
    dc, ac = [{"model": "t-dc", "count": 5}], [{"model": "t-ac", "count": 1}]
    only_dc = visits(make(cars=cars, sites=[one_site("hub", stations=dc)]))
    assert (only_dc.dc_kw > 0).all()
    mixed = visits(make(cars=cars, sites=[one_site("hub", stations=dc + ac)]))
    assert (mixed.dc_kw == 0).mean() == pytest.approx(0.5, abs=0.1)
    none = visits(
        make(cars=[one_car("x", share=1.0, dc_kw=0.0)], sites=[one_site("hub", stations=dc)])
    )
    assert len(none) > 0 and (none.dc_kw == 0).all()


def test_sites_share_the_tables_of_a_mix(make: Any, one_site: Any) -> None:
    scenario = make(sites=[one_site("home", count=2)])
    a, b = (draw_visits(scenario, site) for site in scenario.network().sites)
    assert a.curves is b.curves
