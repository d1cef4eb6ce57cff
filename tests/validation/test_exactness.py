"""No fixed step anywhere: closed forms to the last digits, whatever is recorded or asked for."""

from __future__ import annotations

import numpy as np
import pytest
from engine_build import model, site, visits
from validation_exact import (
    HOUR_S,
    TAPERS,
    coupled_and_alone,
    coupled_differences,
    cut_differences,
    taper_deviation_kwh,
    trace_deviation_kwh,
)

from simulator.engine import simulate_site


def test_an_uncontrolled_trace_gets_its_closed_form_whatever_the_recording_interval():
    found = [trace_deviation_kwh(interval) for interval in ("7 s", "1m", "15m", "1h")]
    for deviation, _, _ in found:
        assert len(deviation) > 150
        assert deviation.max() < 1e-6
    assert len({energies for _, energies, _ in found}) == 1
    totals = [total for _, _, total in found]
    assert totals == pytest.approx([totals[0]] * len(totals), rel=1e-12)


@pytest.mark.parametrize("interval_s", [1.0, 60.0, 900.0, 3333.0])
@pytest.mark.parametrize(("knee", "end_kw"), TAPERS)
def test_a_two_stage_taper_is_its_exponential(knee, end_kw, interval_s):
    assert taper_deviation_kwh(knee, end_kw, interval_s) < 6e-8  # 1e-9 of a battery of 60 kWh


@pytest.mark.parametrize("cut_s", [20_000.0, 86_400.0, 100_123.4])
def test_cutting_the_horizon_changes_nothing_that_came_before(cut_s):
    differ, compared = cut_differences(cut_s)
    assert differ == 0
    assert compared > 100


def test_a_coupled_and_an_uncoupled_run_of_a_site_agree():
    differ, compared = coupled_differences()
    assert differ == 0
    assert compared > 1000
    for mine, theirs in coupled_and_alone():
        assert mine.load_kwh.tobytes() == theirs.load_kwh.tobytes()
        assert mine.peak_kw == theirs.peak_kw
        assert mine.events == theirs.events


def test_releases_come_before_starts_at_equal_times():
    """Who leaves at a moment has left when another comes at it: place, power and limit are free."""
    arrival = 600.0 * np.arange(12)
    wanted = visits(arrival, departure_s=arrival + 600.0, target_soc=1.0, dc_kw=60.0, curve=0)
    two = simulate_site(wanted, site(*[model("dc", 1, 60.0)] * 2, limit=None), 3 * HOUR_S)
    assert two.peak_kw == 60.0  # never both, not even for an instant
    one = simulate_site(wanted, site(model("dc", 1, 60.0), limit=60.0, queue=False), 3 * HOUR_S)
    assert one.plan.plug_in_s.tobytes() == arrival.tobytes()  # nobody found the place taken
    assert one.limit_bound_s == 0.0
    for result in (one, two):
        assert result.plan.energy_kwh == pytest.approx(10.0, rel=1e-12)
