"""Vehicles that give back: power, energy, reserve, and the way back to the target."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import INF, model, site, visits
from hypothesis import given
from hypothesis import strategies as st

from simulator.charging.curve import drained_soc, draining
from simulator.engine import acts
from simulator.engine.site import SiteRun

HOUR_S = 3600.0


def parked(soc=0.8, target=0.8, count=1, hours=6, limit=None, **columns):
    """Cars of 60 kWh at 11 kW posts that can give back 11 kW."""
    columns = {"discharge_kw": 11.0, "reserve_soc": 0.4} | columns
    wanted = visits([0.0] * count, soc=soc, target_soc=target, **columns)
    where = site(*[model(evse_kw=11.0)] * count, limit=limit)
    return SiteRun(wanted, where, hours * HOUR_S, interval_s=HOUR_S, record_caps="all")


def test_a_full_car_gives_back_and_the_battery_loses_more_than_the_grid_gets():
    run = parked()
    run.advance(HOUR_S)
    acts.set_controls(run, [-9.0])
    assert run.load_kw == -9.0
    run.advance(2 * HOUR_S)
    view = run.view()
    assert view.soc[0] == pytest.approx(0.8 - 9.0 / 0.9 / 60.0, rel=1e-12)
    assert view.discharged_kwh[0] == pytest.approx(9.0, rel=1e-12)
    assert view.charged_kwh[0] == pytest.approx(0.0, abs=1e-12)
    acts.set_controls(run, [INF])
    assert run.load_kw == 11.0
    result = run.result()
    plan = result.plan
    # One efficiency in each direction: 9 kWh out cost 10 of the battery, and 11.1 to put back.
    assert plan.discharged_kwh[0] == pytest.approx(9.0, rel=1e-12)
    assert plan.charged_kwh[0] == pytest.approx(10.0 / 0.9, rel=1e-12)
    assert plan.losses_kwh[0] == pytest.approx(10.0 / 0.9 - 9.0, rel=1e-9)
    assert plan.soc_end[0] == 0.8
    assert result.load_kwh[:3] == pytest.approx([0.0, -9.0, 11.0])
    assert result.load_kwh.sum() == pytest.approx(plan.energy_kwh.sum(), rel=1e-9)
    assert plan.charge_end_s[0] == pytest.approx(2 * HOUR_S + 10.0 / 0.9 / 11.0 * HOUR_S)


@pytest.mark.parametrize("soc", [0.41, 0.5, 0.75, 0.99, 1.0])
@pytest.mark.parametrize("curve", [0, 1, 4])
def test_the_power_given_back_is_flat_whatever_soc_and_curve(soc, curve):
    run = parked(soc=soc, target=1.0, curve=curve, reserve_soc=0.0, dc_kw=0.0, hours=1)
    run.advance(0.0)
    acts.set_controls(run, [-5.5])
    for minute in range(1, 60, 7):
        run.advance(60.0 * minute)
        assert run.load_kw == -5.5
    assert run.result().load_kwh.sum() == pytest.approx(-5.5, rel=1e-12)


def test_the_reserve_ends_it_exactly():
    run = parked(soc=0.5, target=0.9)
    run.advance(0.0)
    acts.set_controls(run, [-10.0])
    run.advance(5 * HOUR_S)
    assert run.load_kw == 0.0
    plan = run.result().plan
    # 6 kWh of the battery are 5.4 at the plug.
    assert plan.discharged_kwh[0] == pytest.approx(5.4, rel=1e-12)
    assert plan.soc_end[0] == 0.4
    assert plan.unserved_kwh[0] == 0.0  # still plugged in


def test_a_request_that_is_taken_back_at_once_leaves_no_trace():
    run = parked()
    run.advance(HOUR_S)
    acts.set_controls(run, [-9.0])
    acts.set_controls(run, [INF])
    plan = run.result().plan
    assert plan.cap_s.tolist() == [0.0, HOUR_S]
    assert plan.cap_kw.tolist() == [11.0, 11.0]
    assert plan.discharged_kwh[0] == 0.0
    assert plan.soc_end[0] == 0.8


def test_no_more_than_the_vehicle_and_the_evse_can_give():
    run = parked(count=2, discharge_kw=[7.0, 50.0])
    run.advance(0.0)
    acts.set_controls(run, [-30.0, -30.0])
    assert run.view().power_kw == pytest.approx([-7.0, -11.0])
    one_phase = parked(ac_phases=1)
    one_phase.advance(0.0)
    acts.set_controls(one_phase, [-30.0])
    assert one_phase.load_kw == pytest.approx(-11.0 / 3)


def test_who_cannot_give_back_is_asked_in_vain():
    run = parked(soc=0.5, target=0.8, discharge_kw=0.0)
    run.advance(0.0)
    acts.set_controls(run, [-5.0])
    assert run.load_kw == 0.0
    assert run.result().plan.discharged_kwh[0] == 0.0


def test_the_request_ends_with_the_session():
    run = parked(departure_s=1800.0)
    run.advance(0.0)
    acts.set_controls(run, [-5.0])
    acts.add_visits(run, visits([2000.0], soc=0.2, discharge_kw=11.0))
    run.advance(2000.0)
    assert run.load_kw == 11.0


def test_a_car_that_leaves_when_done_is_not_kept_by_giving_back():
    run = parked(soc=0.7, target=0.8, linger_s=HOUR_S)
    done_s = 6.0 / 0.9 / 11.0 * HOUR_S
    run.advance(done_s + 60.0)
    acts.set_controls(run, [-5.0])
    plan = run.result().plan
    assert plan.unplug_s[0] == pytest.approx(done_s + HOUR_S)
    assert plan.soc_end[0] == pytest.approx(0.8 - 5.0 * (HOUR_S - 60.0) / HOUR_S / 0.9 / 60.0)


def test_peaks_count_what_is_drawn_from_the_connection():
    run = parked(count=2, soc=[0.8, 0.2], target=0.8)
    run.advance(0.0)
    assert run.load_kw == 11.0
    acts.set_controls(run, [-11.0, INF])
    acts.set_base(run, 4.0)
    run.advance(600.0)
    result = run.result()
    assert result.peak_kw == pytest.approx(11.0)
    assert result.net_peak_kw == pytest.approx(15.0)
    assert result.net_peak_s == pytest.approx(24.0 * 0.9 / 11.0 * HOUR_S)


@given(
    soc=st.floats(0.0, 1.0),
    reserve=st.floats(0.0, 1.0),
    kw=st.floats(0.1, 300.0),
    kwh=st.floats(1.0, 200.0),
    part=st.floats(0.0, 1.0),
)
def test_discharge_is_a_straight_line_down_to_the_reserve(soc, reserve, kw, kwh, part):
    if soc <= reserve:
        assert drained_soc(soc, 60.0, kw, kwh, reserve) == soc
        return
    lasts_s = draining(soc, reserve, kw, kwh)
    between = drained_soc(soc, part * lasts_s, kw, kwh, reserve)
    assert between == pytest.approx(soc + (reserve - soc) * part, abs=1e-12)
    assert drained_soc(soc, 2.0 * lasts_s, kw, kwh, reserve) == pytest.approx(reserve, abs=1e-300)
    assert not math.isnan(lasts_s)
    assert np.isfinite(between)
