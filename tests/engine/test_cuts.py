"""Cutting the horizon anywhere changes no bit; compiled and plain Python do the same."""

from __future__ import annotations

import numpy as np
import pytest
from engine_build import HORIZON_S, cases, play, rich_cases, script
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import simulate_site
from simulator.engine.site import SiteRun


def state_bytes(run):
    """Every bit of a run's state, except the room of its log and scratch."""
    left_out = ("scratch", "links", "caps")
    parts = [array.tobytes() for name, array in run.state._asdict().items() if name not in left_out]
    used = int(run.state.site["caps_length"][0])
    return b"".join([*parts, run.state.caps[:used].tobytes()])


@settings(max_examples=200, deadline=None)
@given(cases(), st.lists(st.floats(0.0, HORIZON_S), max_size=12), st.booleans())
def test_a_horizon_cut_anywhere_is_bitwise_neutral(case, cuts, at_events):
    where, wanted = case
    whole = SiteRun(wanted, where, HORIZON_S, record_caps="all")
    whole.advance(HORIZON_S)
    if at_events:
        # The nastiest places: exactly where something happens, and one bit to either side.
        logged = whole.state.caps["time_s"][: int(whole.state.site["caps_length"][0])]
        near = [*logged, *np.nextafter(logged, -np.inf), *np.nextafter(logged, np.inf)]
        cuts = [*cuts, *(float(t) for t in near)]
    parts = SiteRun(wanted, where, HORIZON_S, record_caps="all")
    for cut in sorted(cuts):
        parts.advance(cut)
    parts.advance(HORIZON_S)
    assert state_bytes(parts) == state_bytes(whole)
    whole.result()
    parts.result()
    assert state_bytes(parts) == state_bytes(whole)


@settings(max_examples=60, deadline=None)
@given(case=cases(most_visits=12))
def test_the_compiled_kernel_is_the_plain_one(case, plain):
    where, wanted = case
    fast = simulate_site(wanted, where, HORIZON_S, record_caps="all")
    slow = simulate_site(wanted, where, HORIZON_S, record_caps="all", kernel=plain)
    assert fast.events == slow.events
    for name in ("outcome", "evse", "cap_offset"):
        assert getattr(fast.plan, name).tolist() == getattr(slow.plan, name).tolist()
    for name in ("plug_in_s", "unplug_s", "charge_end_s", "soc_end", "cap_s", "cap_kw"):
        np.testing.assert_allclose(
            getattr(fast.plan, name), getattr(slow.plan, name), rtol=1e-12, atol=1e-12
        )
    np.testing.assert_allclose(fast.load_kwh, slow.load_kwh, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(fast.peak_kw, slow.peak_kw, rtol=1e-12)
    np.testing.assert_allclose(fast.limit_bound_s, slow.limit_bound_s, rtol=1e-11)


@settings(max_examples=80, deadline=None)
@given(rich_cases(), st.integers(0, 2**32), st.lists(st.floats(0.0, HORIZON_S), max_size=8))
def test_a_cut_is_neutral_whatever_a_site_has_and_whoever_acts_on_it(case, seed, cuts):
    where, wanted, options = case
    runs = [SiteRun(wanted, where, HORIZON_S, record_caps="all", **options) for _ in range(2)]
    whole = play(runs[0], script(seed, where.evses))
    logged = whole.state.caps["time_s"][: int(whole.state.site["caps_length"][0])]
    near = [*logged, *np.nextafter(logged, -np.inf), *np.nextafter(logged, np.inf)]
    parts = play(runs[1], script(seed, where.evses), [*cuts, *(float(t) for t in near)])
    assert state_bytes(parts) == state_bytes(whole)
    assert parts.outages == whole.outages
    whole.result()
    parts.result()
    assert state_bytes(parts) == state_bytes(whole)


@settings(max_examples=40, deadline=None)
@given(case=rich_cases(most_visits=10), seed=st.integers(0, 2**32))
def test_the_compiled_kernel_is_the_plain_one_whatever_a_site_has(case, seed, plain):
    where, wanted, options = case
    both = []
    for kernel in (None, plain):
        run = SiteRun(wanted, where, HORIZON_S, record_caps="all", kernel=kernel, **options)
        both.append(play(run, script(seed, where.evses)).result())
    fast, slow = both
    assert fast.events == slow.events
    assert fast.plan.outcome.tolist() == slow.plan.outcome.tolist()
    assert fast.plan.evse.tolist() == slow.plan.evse.tolist()
    for name in ("soc_start", "soc_end", "charged_kwh", "discharged_kwh", "cost", "carbon_kg"):
        np.testing.assert_allclose(
            getattr(fast.plan, name), getattr(slow.plan, name), rtol=1e-10, atol=1e-10
        )
    np.testing.assert_allclose(fast.evse_kwh, slow.evse_kwh, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(fast.station_peak_kw, slow.station_peak_kw, rtol=1e-10)
    assert fast.net_peak_kw == pytest.approx(slow.net_peak_kw, rel=1e-12)
