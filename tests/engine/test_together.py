"""Everything that limits a site at once: windows, other load, outages, curtailment, a controller.

Loads are played back from the recorded caps; limits are worked out from what was done.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_build import HORIZON_S, INF, changes, load_points, model, play, site, visits
from engine_limits import limit, with_limits
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import acts
from simulator.engine.kernel.state import BASE_LOAD, NODE_LIMIT, SITE_LIMIT
from simulator.engine.site import SiteRun

AMPS_PER_KW = 1000.0 / 3.0 / 230.0
POLICIES = ["equal_share", "fcfs", "edf", "llf", "round_robin", "weighted"]


@st.composite
def together(draw):
    """A site with a feeder, what changes there by the clock, and what is done to it by hand."""
    r = np.random.default_rng(draw(st.integers(0, 2**32)))
    ac, dc = model("ac", 2, 22.0, station_kw=22.0), model("dc", 2, 100.0, station_kw=150.0)
    where = with_limits(
        site(ac, dc, ac, limit=90.0, policy=draw(st.sampled_from(POLICIES)), rotate=300.0),
        [limit("feeder", limit=25.0)],
        ["feeder", None, "feeder"],
        grid_current=draw(st.sampled_from([None, 80.0])),
        policy_interval=120.0,
    )
    n = 16
    arrival = np.sort(np.round(r.uniform(0.0, 5000.0, n)))
    wanted = visits(
        arrival,
        departure_s=arrival + np.round(r.exponential(3000.0, n)) + 1.0,
        linger_s=r.choice([0.0, INF], n),
        soc=r.uniform(0.1, 0.9, n),
        target_soc=1.0,
        battery_kwh=r.choice([8.0, 40.0, 77.0], n),
        ac_kw=r.choice([11.0, 22.0], n),
        dc_kw=r.choice([0.0, 120.0], n),
        curve=r.integers(0, 4, n),
        discharge_kw=r.choice([0.0, 10.0, 30.0, 60.0], n),
        reserve_soc=r.choice([0.0, 0.4], n),
    )
    times = np.sort(r.choice(np.arange(60.0, 7140.0, 60.0), 12, replace=False))
    rows, played = [], []
    for t in times:
        what = r.integers(0, 9)
        if what == 0:
            rows.append((t, SITE_LIMIT, -1, r.choice([20.0, 60.0, 150.0])))
        elif what == 1:
            rows.append((t, NODE_LIMIT, 0 if where.site.grid_current is None else 1, 12.0))
        elif what in (2, 3):
            rows.append((t, BASE_LOAD, -1, r.choice([-85.0, -60.0, -10.0, 0.0, 25.0, 100.0])))
        elif what in (4, 5):
            played.append((t, "curtail", r.choice([0.0, 15.0, 50.0, INF])))
        elif what == 6:
            played.append((t, "power", None))
        else:
            played.append((t, "controls", r.choice([-60.0, -30.0, -5.0, 8.0, INF, INF], 6)))
    return where, wanted, changes(*rows) if rows else None, played


def put_in_force(played):
    done, dark = [], [False]

    def power(run):
        (acts.power_on if dark[0] else acts.power_off)(run)
        dark[0] = not dark[0]

    for t, what, value in played:
        if what == "curtail":
            done.append((t, lambda run, kw=value: acts.curtail(run, kw)))
        elif what == "controls":
            done.append((t, lambda run, kw=value: acts.set_controls(run, kw)))
        else:
            done.append((t, power))
    return done


def in_force(where, rows, played, t):
    """(grid, curtailed, feeder, other load) right after ``t``."""
    grid, feeder, base, curtailed = 90.0, 25.0, 0.0, math.inf
    for row in () if rows is None else rows:
        if row["time_s"] <= t:
            kw = float(row["kw"])
            if row["what"] == SITE_LIMIT:
                grid = kw
            elif row["what"] == NODE_LIMIT:
                feeder = kw
            else:
                base = kw
    for at, what, value in played:
        if what == "curtail" and at <= t:
            curtailed = float(value)
    return grid, curtailed, feeder, base


@settings(max_examples=120, deadline=None)
@given(together())
def test_all_limits_hold_at_every_instant_and_the_ledger_closes_whatever_overlaps(case):
    where, wanted, rows, played = case
    run = SiteRun(wanted, where, HORIZON_S, record_caps="all", changes=rows, record_evses=True)
    result = play(run, put_in_force(played)).result()
    plan = result.plan
    assert result.load_kwh.sum() == pytest.approx(plan.energy_kwh.sum(), rel=1e-9, abs=1e-9)
    gain = (plan.soc_end - plan.soc_start) * wanted.battery_kwh
    assert plan.energy_kwh == pytest.approx(gain + plan.losses_kwh, rel=1e-9, abs=1e-9)
    least = np.minimum(plan.soc_start, wanted.reserve_soc)
    assert (plan.soc_end >= least - 1e-12).all()
    times = [t for t, *_ in played] + ([] if rows is None else rows["time_s"].tolist())
    slack = 1e-6
    for t, load in load_points(result, HORIZON_S, extra=times):
        grid, curtailed, feeder, base = in_force(where, rows, played, t)
        total = load.sum()
        assert total <= max(0.0, min(grid, curtailed) - base) + slack
        assert total >= -max(0.0, grid + base) - slack
        assert abs(load[0] + load[2]) <= feeder + slack
        if where.site.grid_current is not None:
            kw = where.site.grid_current / AMPS_PER_KW
            assert -max(0.0, kw + base) - slack <= total <= max(0.0, kw - base) + slack


def test_what_was_held_back_by_several_limits_comes_back_when_the_last_of_them_ends():
    """One car of 22 kW under a grid limit, a curtailment, a building and an outage that overlap."""
    where = site(model(), limit=22.0)
    wanted = visits([0.0], ac_kw=22.0, battery_kwh=500.0, soc=0.0)
    rows = changes(
        (600.0, SITE_LIMIT, -1, 12.0),
        (1800.0, BASE_LOAD, -1, 5.0),
        (2400.0, SITE_LIMIT, -1, 22.0),
        (4800.0, BASE_LOAD, -1, 0.0),
    )
    run = SiteRun(wanted, where, HORIZON_S, interval_s=600.0, changes=rows)
    done = [
        (1200.0, lambda run: acts.curtail(run, 8.0)),
        (3000.0, acts.power_off),
        (3600.0, lambda run: acts.curtail(run, math.inf)),
        (4200.0, acts.power_on),
    ]
    result = play(run, done).result()
    # 8 - 5 is below the 6 A that the car needs.
    by_slice = [22.0, 12.0, 8.0, 0.0, 0.0, 0.0, 0.0, 17.0, 22.0, 22.0, 22.0, 22.0]
    assert result.load_kwh * 6.0 == pytest.approx(by_slice)
