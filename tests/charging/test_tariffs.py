"""Bills by hand: what is bought, peaks by month, idle fees; a bill of sums is a sum of bills."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.charging import tariffs as t

NAN = float("nan")
ENERGIES = st.lists(st.floats(0.0, 500.0), min_size=8, max_size=8).map(np.array)
PRICES = st.lists(st.floats(-0.5, 2.0), min_size=8, max_size=8).map(np.array)


def test_a_meter_nets_within_each_interval() -> None:
    bought, sold = t.netted(np.array([3.0, -2.0, 0.0]))
    assert bought.tolist() == [3.0, 0.0, 0.0]
    assert sold.tolist() == [0.0, 2.0, 0.0]


def test_a_price_is_looked_up_by_month_weekday_and_minute() -> None:
    table = np.arange(12 * 7 * 1440, dtype=np.float64).reshape(12, 7, 1440)
    column = [np.array([x], np.int32) for x in (3, 2, 61)]
    assert t.look_up(table, *column).tolist() == [3 * 7 * 1440 + 2 * 1440 + 61]


def test_the_billed_power_is_the_mean_of_a_billing_interval() -> None:
    # 5 min intervals billed by 15 min: 2 + 4 + 3 kWh in a quarter of an hour are 36 kW.
    kw = t.billed_kw(np.array([2.0, 4.0, 3.0, 1.0]), 300.0, 900.0)
    assert kw.tolist() == [36.0, 4.0]


def test_a_demand_charge_goes_by_calendar_month_and_pro_rata() -> None:
    month = np.array([5, 5, 6], np.int32)
    peaks = t.monthly_peaks(np.array([40.0, 60.0, 20.0]), month)
    assert peaks == {5: 60.0, 6: 20.0}
    # Half of one month at 10 a kW, a tenth of the next: 60 x 10 x 0.5 + 20 x 10 x 0.1.
    assert t.demand_charge(peaks, {5: 0.5, 6: 0.1}, 10.0) == pytest.approx(320.0)


def test_idling_begins_when_charging_ends_and_lasts_until_the_cable_is_out() -> None:
    charge_end = np.array([600.0, NAN, 600.0, 600.0])
    unplug = np.array([4200.0, 4200.0, NAN, 600.0])
    assert t.idle_minutes(charge_end, unplug, 7800.0).tolist() == [60.0, 0.0, 120.0, 0.0]


def test_an_idle_fee_counts_the_minutes_beyond_the_grace_up_to_its_cap() -> None:
    fee = t.idle_fee(np.array([0.0, 4.0, 5.0, 15.0, 500.0]), 0.40, 300.0, 12.0)
    assert fee.tolist() == pytest.approx([0.0, 0.0, 0.0, 4.0, 12.0])


@given(st.lists(ENERGIES, min_size=1, max_size=5), PRICES)
def test_the_cost_of_a_sum_is_the_sum_of_costs(parts: list[np.ndarray], price: np.ndarray) -> None:
    whole = t.energy_cost(price, np.sum(parts, axis=0))
    assert whole == pytest.approx(sum(t.energy_cost(price, part) for part in parts), abs=1e-9)


@given(ENERGIES, st.integers(1, 8))
def test_longer_billing_intervals_never_raise_the_peak(kwh: np.ndarray, per: int) -> None:
    peak = t.billed_kw(kwh, 900.0, 900.0).max()
    assert t.billed_kw(kwh, 900.0, 900.0 * per).max() <= peak * (1 + 1e-12)


@given(st.lists(st.floats(-300, 300), min_size=1, max_size=20).map(np.array))
def test_netting_keeps_the_balance(net: np.ndarray) -> None:
    bought, sold = t.netted(net)
    assert (bought - sold).tolist() == net.tolist()
    assert (bought * sold == 0).all()
