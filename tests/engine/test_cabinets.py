"""Cabinets with power modules or an equal split of their own, whatever the site's policy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import HORIZON_S, courses, site, visits, with_policy
from engine_limits import cabinet, tree_cases
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import simulate_site
from simulator.engine.policies import NAMES
from simulator.scenario import load_profile

BIG = {
    "soc": 0.0,
    "target_soc": 1.0,
    "battery_kwh": 500.0,
    "efficiency_dc": 1.0,
    "ac_kw": 0.0,
}
QUAD = cabinet(4, "modules", modules=6, module_kw=30.0)
DUAL = cabinet(2, "equal")


def first_caps(where, wanted, policy="equal_share"):
    plan = simulate_site(wanted, with_policy(where, policy), 60.0, record_caps="all").plan
    order = np.argsort(plan.evse)
    return [float(plan.cap_kw[plan.cap_offset[i + 1] - 1]) for i in order]


@pytest.mark.parametrize(
    ("wants", "expected"),
    [
        ([150.0], [150.0]),
        ([150.0, 150.0], [90.0, 90.0]),
        ([50.0, 150.0], [50.0, 120.0]),
        ([150.0] * 3, [60.0] * 3),
        ([150.0] * 4, [60.0, 60.0, 30.0, 30.0]),
        ([20.0, 20.0, 20.0, 150.0], [20.0, 20.0, 20.0, 90.0]),
    ],
)
def test_modules_are_routed_whole_in_rounds(wants, expected):
    n = len(wants)
    wanted = visits([0.0] * n, dc_kw=wants, evse=np.arange(n), **BIG)
    for policy in NAMES:
        caps = first_caps(site(QUAD), wanted, policy)
        # A vehicle that gets what it wants is left at the pairing's limit.
        assert caps == pytest.approx(expected), policy


def test_an_equal_split_is_the_hardware_s_under_any_policy():
    for wants, expected in (([150.0, 150.0], [90.0, 90.0]), ([50.0, 150.0], [50.0, 130.0])):
        wanted = visits([0.0, 1.0], dc_kw=wants, evse=[0, 1], **BIG)
        for policy in NAMES:
            assert first_caps(site(DUAL), wanted, policy) == pytest.approx(expected), policy


def test_the_tree_above_takes_from_what_the_modules_allow():
    wanted = visits([0.0] * 4, dc_kw=150.0, evse=np.arange(4), **BIG)
    caps = first_caps(site(QUAD, limit=100.0), wanted)
    assert caps == pytest.approx([25.0] * 4)
    caps = first_caps(site(QUAD, limit=150.0), wanted)
    assert caps == pytest.approx([45.0, 45.0, 30.0, 30.0])
    caps = first_caps(site(QUAD, limit=100.0), wanted, "fcfs")
    assert caps == pytest.approx([60.0, 40.0, 0.0, 0.0])


def test_more_vehicles_than_modules_take_turns():
    where = site(cabinet(3, "modules", modules=2, module_kw=90.0), rotate=600.0)
    wanted = visits([0.0] * 3, dc_kw=80.0, evse=[0, 1, 2], **BIG)
    energy = simulate_site(wanted, where, 6 * 3600.0).plan.energy_kwh
    assert energy == pytest.approx([80.0 * 4.0] * 3, rel=1e-6)


@settings(max_examples=80, deadline=None)
@given(tree_cases(phased=False), st.sampled_from(NAMES))
def test_modules_suffice_for_what_flows_at_any_instant(case, policy):
    where, wanted = case
    result = simulate_site(wanted, with_policy(where, policy), HORIZON_S, record_caps="all")
    played = courses(result, HORIZON_S)
    times = sorted({t for c in played.values() for t in c.start_s})
    for s, station in enumerate(where.stations):
        if station.model.split != "modules":
            continue
        at = [i for i in played if result.evse_station[result.plan.evse[i]] == s]
        for t in times:
            used = sum(math.ceil(played[i].power_kw(t) / 30.0 - 1e-9) for i in at)
            assert used <= station.model.modules


def test_the_shipped_cabinets_are_what_they_say():
    quad = load_profile("stations", "hpc-180-quad")
    assert (quad.split, quad.modules, quad.module_kw, quad.station_kw) == ("modules", 6, 30.0, 180)
    dual = load_profile("stations", "dc-172-dual")
    assert (dual.split, dual.modules, dual.station_kw, dual.evses) == ("equal", 0, 172.5, 2)
