"""What drivers and cars do besides: each habit has its share, its column, and moves no other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.demand import Visits, draw_visits
from simulator.demand.calendar import clock_times
from simulator.demand.habits import MANNERS as FIELDS
from simulator.demand.habits import SECOND_TRY, most_ahead
from simulator.demand.patience import draw_patience, patience_s
from simulator.demand.visits import Manner, Means
from simulator.scenario import Scenario


def drawn(scenario: Scenario, **horizon: float) -> Visits:
    return draw_visits(scenario, scenario.network().sites[0], **horizon)


def share_error(share: float, n: int) -> float:
    return 4.0 * np.sqrt(share * (1.0 - share) / n) + 1e-9


LAWS = [
    (None, 1.0),
    ({"kind": "exponential"}, 1.0),
    ({"kind": "lognormal", "sigma": 0.5}, np.sqrt(np.exp(0.25) - 1.0)),
    ({"kind": "weibull", "shape": 2.0}, 0.5227232),
    ({"kind": "fixed"}, 0.0),
]


@pytest.mark.parametrize(("law", "variation"), LAWS)
def test_every_law_of_patience_has_the_mean_asked(make: Any, law: Any, variation: float) -> None:
    """Mean 10 minutes; the coefficient of variation is that of the law."""
    scenario = make(profile={"patience": "10m", "patience_law": law})
    v = drawn(scenario)
    error = 4.0 * 600.0 * variation / np.sqrt(len(v)) + 1e-9
    assert v.patience_s.mean() == pytest.approx(600.0, abs=error)
    assert v.patience_s.std() == pytest.approx(600.0 * variation, rel=0.12, abs=1e-9)
    profile = scenario.arrivals["t-arrivals"]
    quantiles = [patience_s(profile, (k + 0.5) / 4000) for k in range(4000)]
    assert np.mean(quantiles) == pytest.approx(600.0, rel=0.01)
    assert quantiles == sorted(quantiles)


def test_one_driver_waits_as_the_column_does(make: Any) -> None:
    """The quantile function and the column belong to the same law (Kolmogorov-Smirnov at 0.1 %)."""
    for law in ({"kind": "lognormal", "sigma": 0.8}, {"kind": "weibull", "shape": 0.7}):
        profile = make(profile={"patience": "5m", "patience_law": law}).arrivals["t-arrivals"]
        n = 4000
        column = np.sort(draw_patience(profile, n, np.random.default_rng(1)))
        theory = np.array([patience_s(profile, (k + 0.5) / n) for k in range(n)])
        below = np.searchsorted(column, theory) / n
        assert np.abs(below - (np.arange(n) + 0.5) / n).max() < 1.95 / np.sqrt(n)


def test_who_stays_on_after_the_car_is_full(make: Any) -> None:
    profile = {"leave_when_done": True, "linger": "3m", "stay": None}
    plain = drawn(make(profile=profile))
    some = drawn(make(profile={**profile, "overstay": {"share": 0.25, "mean": "2h"}}))
    stays = some.linger_s != plain.linger_s
    assert stays.mean() == pytest.approx(0.25, abs=share_error(0.25, len(some)))
    error = 4.0 * 7200.0 / np.sqrt(stays.sum())
    assert some.linger_s[stays].mean() == pytest.approx(7200.0, abs=error)
    np.testing.assert_allclose(some.linger_s[stays], plain.linger_s[stays] * 40.0)


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6).map(lambda c: sorted(c, reverse=True)),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_a_driver_joins_behind_k_with_the_chance_stated(chances: list[float], u: float) -> None:
    (behind,) = most_ahead(tuple(chances), np.array([u]))
    for k in range(len(chances) + 2):
        joins = k < len(chances) and u < chances[k]
        assert joins == (behind >= k)


def test_balking_is_a_column_of_its_own(make: Any, one_site: Any) -> None:
    plain = drawn(make(sites=[one_site("home")]))
    shy = drawn(make(sites=[one_site("home", balking=[1.0, 0.5, "25 %"])]))
    assert plain.most_ahead is None and shy.most_ahead is not None
    assert {int(x) for x in shy.most_ahead} == {0, 1, 2}
    for least, share in ((1, 0.5), (2, 0.25)):
        found = (shy.most_ahead >= least).mean()
        assert found == pytest.approx(share, abs=share_error(share, len(shy)))
    for column, values in plain.columns():
        np.testing.assert_array_equal(values, getattr(shy, column))


def test_a_larger_share_only_adds_drivers(make: Any, one_site: Any) -> None:
    """Common random numbers: who has the habit at 20 % has it at 60 %."""
    few, many = (
        drawn(make(sites=[one_site("home", priority={"share": share, "weight": 3.0})]))
        for share in (0.2, 0.6)
    )
    assert few.weight is not None and many.weight is not None
    assert (many.weight[few.weight > 1.0] == 3.0).all()
    assert (many.weight > 1.0).mean() == pytest.approx(0.6, abs=share_error(0.6, len(many)))


@pytest.mark.parametrize("start", ["2026-03-26T00:00:00", "2026-10-22T00:00:00"])
def test_a_timer_begins_at_the_next_local_time_across_the_change(
    make: Any, one_site: Any, start: str
) -> None:
    timer = {"share": 1.0, "at": "23:30"}
    scenario = make(
        sites=[one_site("home", delayed_start=timer)],
        scenario={"start": start},
        profile={"stay": {"ln_hours": [2.5, 0.5]}},
    )
    v = drawn(scenario)
    assert v.ready_s is not None
    waits = v.ready_s > 0.0
    assert 0.3 < waits.mean() < 1.0
    zero = scenario.start.timestamp()
    told = [datetime.fromtimestamp(zero + t, scenario.timezone) for t in v.ready_s[waits]]
    assert {(t.hour, t.minute, t.second) for t in told} == {(23, 30, 0)}
    assert (v.ready_s[waits] >= v.arrival_s[waits]).all()
    assert (v.ready_s[waits] - v.arrival_s[waits] <= 25 * 3600.0).all()
    assert (v.ready_s < v.departure_s).all()


def test_who_leaves_before_the_timer_switches_it_off(make: Any, one_site: Any) -> None:
    timer = {"share": 1.0, "at": "23:30"}
    short = {"stay": {"ln_hours": [-3.0, 0.1]}}
    v = drawn(make(sites=[one_site("home", delayed_start=timer)], profile=short))
    assert v.ready_s is not None and (v.ready_s > 0.0).mean() < 0.01


def test_a_time_of_day_that_the_clocks_skip_or_repeat_comes_once_a_day(make: Any) -> None:
    for start, day in (("2026-03-28T12:00:00", 29), ("2026-10-24T12:00:00", 25)):
        scenario = make(scenario={"start": start})
        times = clock_times("02:30", scenario.start, scenario.timezone, 2 * 86_400.0)
        zero = scenario.start.timestamp()
        local = [datetime.fromtimestamp(zero + t, scenario.timezone) for t in times.time_s]
        assert len({t.date() for t in local}) == len(local)
        change = next(t for t in local if t.day == day)
        skipped = change.month == 3
        assert (change.hour, change.minute) == ((3, 30) if skipped else (2, 30))
        assert change.fold == 0


def test_only_cars_that_can_give_back(make: Any, one_site: Any, one_car: Any) -> None:
    cars = [one_car("v2g", share=0.5, battery_kwh=40.0, v2g_kw=10.0), one_car("not", share=0.5)]
    site = one_site("home", vehicle_to_grid={"share": 0.5, "reserve": 0.3})
    v = drawn(make(cars=cars, sites=[site]))
    assert v.discharge_kw is not None and v.reserve_soc is not None
    gives = v.discharge_kw > 0.0
    assert (v.battery_kwh[gives] == 40.0).all()
    assert set(v.discharge_kw[gives]) == {10.0}
    assert gives.mean() == pytest.approx(0.25, abs=share_error(0.25, len(v)))
    np.testing.assert_array_equal(v.reserve_soc, np.where(gives, 0.3, 0.0))


def test_reservations_are_made_before_the_arrival_and_some_never_come(
    make: Any, one_site: Any
) -> None:
    asked = {"share": 0.4, "lead": "45m", "no_show": 0.2}
    v = drawn(make(sites=[one_site("home", reservations=asked)]))
    assert v.reserved_s is not None and v.no_show is not None
    reserved = np.isfinite(v.reserved_s)
    assert reserved.mean() == pytest.approx(0.4, abs=share_error(0.4, len(v)))
    lead = (v.arrival_s - v.reserved_s)[reserved]
    np.testing.assert_allclose(lead[v.arrival_s[reserved] > 2700.0], 2700.0)
    assert (v.reserved_s[reserved] >= 0.0).all()
    assert not v.no_show[~reserved].any()
    missing = v.no_show[reserved].mean()
    assert missing == pytest.approx(0.2, abs=share_error(0.2, int(reserved.sum())))


HABITS = {
    "balking": [1.0, 0.5],
    "delayed_start": {"share": 0.5, "at": "22:00"},
    "priority": {"share": 0.3},
    "reservations": {"share": 0.2, "no_show": 0.1},
    "plug_in_probability": 0.7,
    "vehicle_to_grid": {"share": 0.5},
}


def test_habits_do_not_depend_on_the_horizon_and_can_be_cut(
    make: Any, one_site: Any, one_car: Any
) -> None:
    cars = [one_car("v2g", share=1.0, v2g_kw=10.0)]
    scenario = make(cars=cars, sites=[one_site("home", **HABITS)])
    week = drawn(scenario)
    assert sum(1 for _ in week.columns()) == 21
    part = drawn(scenario, end_s=2.5 * 86_400.0)
    window = drawn(scenario, start_s=86_400.0, end_s=2 * 86_400.0)
    inside = (week.arrival_s >= 86_400.0) & (week.arrival_s < 2 * 86_400.0)
    assert 0 < inside.sum() == len(window)
    for column, values in week.columns():
        np.testing.assert_array_equal(getattr(part, column), values[: len(part)], err_msg=column)
        np.testing.assert_array_equal(getattr(window, column), values[inside], err_msg=column)


MANNERS = {
    "unplug": 0.2,
    "double_tap": 0.1,
    "wrong_token": 0.15,
    "walk_away": 0.05,
    "blocked_token": 0.1,
    "expired_token": 0.05,
}


def test_drivers_of_every_manner_have_their_share_and_who_does_not_charge_goes(
    make: Any, one_site: Any
) -> None:
    plain = drawn(make(sites=[one_site("home")]))
    v = drawn(make(sites=[one_site("home", drivers=MANNERS)]))
    assert v.manner is not None and plain.manner is None
    for field, share in MANNERS.items():
        mean = (v.manner == FIELDS[field]).mean()
        assert mean == pytest.approx(share, abs=share_error(share, len(v)))
    idle = np.isin(v.manner, (*SECOND_TRY, Manner.WALKS_AWAY))
    for name in ("target_soc", "departure_s", "linger_s"):
        np.testing.assert_array_equal(getattr(v, name)[~idle], getattr(plain, name)[~idle])
    assert (v.target_soc == v.soc)[idle].all()
    assert ((v.departure_s - v.arrival_s)[idle] <= 90.0).all()
    np.testing.assert_array_equal(v.arrival_s, plain.arrival_s)


def test_a_part_of_the_refused_try_again_and_charge_and_nobody_else_is_moved(
    make: Any, one_site: Any
) -> None:
    plain = drawn(make(sites=[one_site("home")]))
    all_go = drawn(make(sites=[one_site("home", drivers=MANNERS)]))
    some = drawn(make(sites=[one_site("home", drivers={**MANNERS, "second_try": 0.4})]))
    assert all_go.manner is not None and some.manner is not None
    again = np.isin(some.manner, list(SECOND_TRY.values()))
    refused = np.isin(all_go.manner, list(SECOND_TRY))
    np.testing.assert_array_equal(some.manner[~again], all_go.manner[~again])
    back = {then: who for who, then in SECOND_TRY.items()}
    assert [back[who] for who in some.manner[again]] == all_go.manner[again].tolist()
    n = int(refused.sum())
    assert again.sum() / n == pytest.approx(0.4, abs=share_error(0.4, n))
    np.testing.assert_array_equal(some.departure_s[again], plain.departure_s[again])
    np.testing.assert_array_equal(some.target_soc[again], plain.target_soc[again])


def test_by_what_drivers_start_is_a_column_of_its_own(make: Any, one_site: Any) -> None:
    shares = {"rfid": 0.4, "app": 0.3, "free": 0.2, "plug_and_charge": 0.1}
    versions = {"versions": {"2.0.1": 1.0}}
    plain = drawn(make(sites=[one_site("home")]))
    some = drawn(make(sites=[one_site("home", start=shares)], csms=versions))
    assert plain.means is None and some.means is not None
    for means, share in zip(Means, shares.values(), strict=True):
        found = (some.means == means).mean()
        assert found == pytest.approx(share, abs=share_error(share, len(some)))
    for column, values in plain.columns():
        np.testing.assert_array_equal(values, getattr(some, column))


def test_who_deals_with_a_card_in_another_manner_has_one(make: Any, one_site: Any) -> None:
    manners = {"unplug": 0.25, "double_tap": 0.25, "wrong_token": 0.25, "walk_away": 0.25}
    v = drawn(make(sites=[one_site("home", start={"app": 1.0}, drivers=manners)]))
    assert v.means is not None and v.manner is not None
    np.testing.assert_array_equal(v.means == Means.APP, v.manner == Manner.PULLS)
