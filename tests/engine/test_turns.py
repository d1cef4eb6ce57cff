"""Who pauses rotates: where not everybody's minimum fits, all get their turn."""

from __future__ import annotations

import numpy as np
import pytest
from engine_build import cases, courses, model, site, visits
from hypothesis import given, settings

from simulator.engine import simulate_site

HOUR_S = 3600.0


def pauses(plan, i, end_s):
    """(start, length) of the stretches without power of visit ``i``."""
    rows = slice(plan.cap_offset[i], plan.cap_offset[i + 1])
    times = [*plan.cap_s[rows], end_s]
    return [
        (times[n], times[n + 1] - times[n]) for n, cap in enumerate(plan.cap_kw[rows]) if cap == 0.0
    ]


def turning_rows(plan, i):
    """(time, whether power may flow) of visit ``i`` at its plug-in and wherever that changes."""
    rows = slice(plan.cap_offset[i], plan.cap_offset[i + 1])
    kept = []
    for time, cap in zip(plan.cap_s[rows].tolist(), plan.cap_kw[rows].tolist(), strict=True):
        if not kept or (cap > 0.0) != kept[-1][1]:
            kept.append((time, cap > 0.0))
    return kept


def test_three_cars_behind_a_limit_for_two_share_the_time_evenly():
    """9 kW carry two three-phase minima of 4.14 kW: each of three pauses a third of the time."""
    where = site(*[model()] * 3, limit=9.0, rotate=900.0)
    wanted = visits([0.0] * 3, soc=0.0, target_soc=1.0, battery_kwh=200.0)
    result = simulate_site(wanted, where, 9 * HOUR_S, record_caps="all")
    assert result.plan.energy_kwh == pytest.approx([27.0] * 3, rel=1e-9)
    for i in range(3):
        lengths = [length for _, length in pauses(result.plan, i, 9 * HOUR_S) if length > 0.0]
        assert lengths == pytest.approx([900.0] * 12)
    played = courses(result, 9 * HOUR_S)
    for t in np.arange(450.0, 9 * HOUR_S, 900.0):
        powers = sorted(played[i].power_kw(t) for i in range(3))
        assert powers == pytest.approx([0.0, 4.5, 4.5])


@pytest.mark.parametrize(("cars", "limit_kw"), [(5, 4.5), (7, 9.0), (6, 21.0)])
def test_energy_differs_by_one_turn_at_most(cars, limit_kw):
    where = site(*[model()] * cars, limit=limit_kw, rotate=600.0)
    wanted = visits([0.0] * cars, soc=0.0, target_soc=1.0, battery_kwh=500.0)
    result = simulate_site(wanted, where, 21 * HOUR_S)
    energy = result.plan.energy_kwh
    running = int(limit_kw / 4.14)
    turn_kwh = limit_kw / running * 600.0 / 3600.0
    assert energy.max() - energy.min() <= turn_kwh * (1 + 1e-9)
    assert energy.sum() == pytest.approx(limit_kw * 21.0, rel=1e-9)


def test_a_large_minimum_is_not_starved_by_small_ones():
    """One three-phase car among one-phase cars, behind a limit for three of the small ones."""
    where = site(*[model()] * 5, limit=4.5, rotate=900.0)
    wanted = visits(
        [0.0] * 5, soc=0.0, target_soc=1.0, battery_kwh=200.0, ac_phases=[3, 1, 1, 1, 1]
    )
    energy = simulate_site(wanted, where, 12 * HOUR_S).plan.energy_kwh
    assert energy.min() > 4.0


def test_a_newcomer_waits_for_its_turn_and_gets_it_at_the_next():
    where = site(model(), model(), limit=5.0, rotate=900.0)
    wanted = visits([0.0, 100.0], soc=0.0, target_soc=1.0, battery_kwh=200.0)
    plan = simulate_site(wanted, where, 2 * HOUR_S, record_caps="all").plan
    assert pauses(plan, 1, 2 * HOUR_S)[0] == pytest.approx((100.0, 900.0))
    assert pauses(plan, 0, 2 * HOUR_S)[0] == pytest.approx((1000.0, 900.0))


def test_nobody_pauses_longer_than_it_takes_all_others_to_have_had_a_turn():
    where = site(*[model()] * 6, limit=9.0, rotate=300.0)
    wanted = visits(np.arange(6) * 50.0, soc=0.0, target_soc=1.0, battery_kwh=500.0)
    plan = simulate_site(wanted, where, 6 * HOUR_S, record_caps="all").plan
    for i in range(6):
        for _, length in pauses(plan, i, 6 * HOUR_S):
            assert length <= 3 * 300.0 + 1e-9


@settings(max_examples=100, deadline=None)
@given(cases())
def test_pauses_alone_are_the_rows_of_all_caps_at_which_power_goes_off_or_on(case):
    where, wanted = case
    full = simulate_site(wanted, where, 7200.0, record_caps="all")
    short = simulate_site(wanted, where, 7200.0, record_caps="pauses")
    assert short.load_kwh.tobytes() == full.load_kwh.tobytes()
    for i in range(len(wanted)):
        assert turning_rows(short.plan, i) == turning_rows(full.plan, i)
    assert len(short.plan.cap_s) <= len(full.plan.cap_s)


def test_uncontrolled_has_no_turns():
    where = site(model(), model(), limit=5.0, policy="uncontrolled", rotate=300.0)
    wanted = visits([0.0, 10.0], soc=0.0, target_soc=1.0, battery_kwh=200.0)
    energy = simulate_site(wanted, where, 6 * HOUR_S).plan.energy_kwh
    assert energy == pytest.approx([30.0, 0.0])


@settings(max_examples=100, deadline=None)
@given(cases())
def test_the_limit_is_never_an_excuse_while_a_paused_car_would_fit(case):
    """A car pauses only where the minima of those who run leave no room for its own."""
    where, wanted = case
    where = site(
        *(s.model for s in where.stations), limit=where.site.grid_limit, queue=where.site.queue
    )
    result = simulate_site(wanted, where, 7200.0, record_caps="all")
    plan = result.plan
    limit = np.inf if where.site.grid_limit is None else where.site.grid_limit
    for t in np.unique(plan.cap_s):
        floors, paused = [], []
        for i in np.flatnonzero(plan.evse >= 0):
            end = np.nanmin([plan.charge_end_s[i], plan.unplug_s[i], np.inf])
            if plan.plug_in_s[i] <= t < end:
                rows = slice(plan.cap_offset[i], plan.cap_offset[i + 1])
                cap = plan.cap_kw[rows][np.searchsorted(plan.cap_s[rows], t, "right") - 1]
                station = result.evse_station[plan.evse[i]]
                (floors if cap > 0.0 else paused).append((station, plan.min_kw[i]))
        for station, floor in paused:
            inside = sum(f for s, f in floors if s == station)
            station_kw = where.stations[station].model.station_kw
            assert floor + inside > station_kw or floor + sum(f for _, f in floors) > limit
