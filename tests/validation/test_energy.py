"""One energy, counted four ways: sessions, load curve, EVSEs, and the stations' meter registers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import HORIZON_S, cases
from hypothesis import given, settings
from validation_exact import (
    batteries_and_losses_beside_load,
    day,
    load_kwh,
    registers,
    sessions_beside_load,
)

from simulator.engine import simulate_site


def test_the_sum_of_the_sessions_is_the_integral_of_the_load():
    assert sum(load_kwh(site) for site in day()[2].sites) > 10_000.0
    assert sessions_beside_load() < 1e-9


def test_what_comes_out_of_the_grid_goes_into_batteries_or_is_lost():
    assert batteries_and_losses_beside_load() < 1e-9
    for site in day()[2].sites:
        plan = site.plan
        assert (plan.energy_kwh * (1.0 - plan.efficiency) >= 0.0).all()
        assert ((plan.soc_end >= 0.0) & (plan.soc_end <= 1.0)).all()


def test_the_stations_meters_count_what_the_engine_gave():
    found, expected = registers()
    assert len(found) > 1000
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert math.fsum(found) == pytest.approx(math.fsum(expected), rel=1e-9)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_made_up_sites_of_every_kind_balance(case):
    where, wanted = case
    site = simulate_site(wanted, where, HORIZON_S)
    plan = site.plan
    load = math.fsum(site.load_kwh)
    assert math.fsum(plan.energy_kwh) == pytest.approx(load, rel=1e-9, abs=1e-9)
    stored = math.fsum((plan.soc_end - wanted.soc) * wanted.battery_kwh)
    lost = math.fsum(plan.energy_kwh * (1.0 - plan.efficiency))
    assert stored + lost == pytest.approx(load, rel=1e-9, abs=1e-9)
    assert ((plan.soc_end >= wanted.soc) & (plan.soc_end <= 1.0)).all()
    asked = (wanted.target_soc - wanted.soc) * wanted.battery_kwh / plan.efficiency
    assert (plan.energy_kwh <= asked * (1.0 + 1e-12)).all()
