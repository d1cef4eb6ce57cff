"""An EVSE is kept for who reserved it, until the driver comes or the grace is over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_build import posts, services, site
from hypothesis import given
from hypothesis import strategies as st

from simulator.engine.plan import Outcome
from simulator.engine.site import SiteRun
from simulator.engine.world import run_world
from simulator.scenario.people_model import Reservations

HOUR_S = 3600.0


def yard(evses=1, grace="10m", queue=True):
    where = site(*posts(evses), name="yard", queue=queue)
    asked = Reservations.model_validate({"share": 1.0, "lead": "30m", "grace": grace})
    table = where.site.model_copy(update={"reservations": asked})
    return replace(where, site=table)


def asking(wanted, reserved_s, no_show=None):
    missing = np.zeros(len(wanted), bool) if no_show is None else np.array(no_show)
    return replace(wanted, reserved_s=np.array(reserved_s, float), no_show=missing)


def run(where, visits, duration_s=4 * HOUR_S, **options):
    return run_world([SiteRun(visits, where, duration_s)], duration_s, 900.0, **options).sites[0]


def test_an_evse_is_kept_for_the_driver_who_reserved_it():
    wanted = services([600.0, 1800.0], [HOUR_S, 600.0])
    free = run(yard(), wanted)
    assert free.plan.plug_in_s.tolist() == [600.0, 600.0 + HOUR_S]
    kept = run(yard(), asking(wanted, [np.nan, 0.0]))
    # Who came first waits for who reserved.
    assert kept.plan.plug_in_s.tolist() == [2400.0, 1800.0]
    assert (kept.plan.outcome == Outcome.SERVED).all()


def test_a_driver_for_whom_nothing_was_free_comes_without():
    wanted = services([0.0, 1800.0], [HOUR_S, 600.0])
    result = run(yard(), asking(wanted, [np.nan, 600.0]))
    assert result.plan.plug_in_s.tolist() == [0.0, HOUR_S]


def test_a_no_show_keeps_the_evse_until_the_grace_is_over():
    wanted = services([1000.0, 1200.0], [600.0, 600.0])
    result = run(yard(), asking(wanted, [0.0, np.nan], [True, False]))
    assert result.plan.outcome.tolist() == [Outcome.NO_SHOW, Outcome.SERVED]
    assert result.plan.plug_in_s[1] == 1000.0 + 600.0  # ten minutes of grace
    assert result.plan.energy_kwh[0] == 0.0 and result.plan.unserved_kwh[0] == 0.0
    assert result.evse_occupied_s.sum() == 600.0


def test_a_no_show_without_an_evse_releases_nobody_elses():
    """Both reserve the one EVSE; the second gets nothing, and its grace ends nobody's wait."""
    wanted = services([2000.0, 2100.0], [600.0, 600.0])
    result = run(yard(), asking(wanted, [0.0, 60.0], [False, True]))
    assert result.plan.outcome.tolist() == [Outcome.SERVED, Outcome.NO_SHOW]
    assert result.plan.plug_in_s[0] == 2000.0


def test_a_breakdown_ends_a_reservation_and_the_release_spares_the_next_one():
    def broken(world):
        yield world.env.timeout(500.0)
        world.sites["yard"].fail(0)
        yield world.env.timeout(100.0)
        world.sites["yard"].repair(0)

    # Visit 0 never comes: it held the EVSE until it broke. Visit 1 holds it when the grace ends.
    wanted = services([1000.0, 2400.0, 1650.0], [600.0, 600.0, 600.0])
    order = np.argsort(wanted.arrival_s)
    visits = asking(wanted, [0.0, 700.0, np.nan], [True, False, False]).take(np.arange(3))
    visits = replace(
        visits,
        arrival_s=wanted.arrival_s[order],
        reserved_s=np.array([0.0, np.nan, 700.0]),
        no_show=np.array([True, False, False]),
    )
    result = run(yard(), visits, processes=[broken])
    assert result.plan.plug_in_s[2] == 2400.0
    assert result.plan.plug_in_s[1] == 3000.0


def test_nobody_reserves_nothing_changes():
    wanted = services(np.arange(0.0, 7000.0, 100.0), np.full(70, 333.0))
    plain = run(yard(3), wanted)
    none = run(yard(3), asking(wanted, np.full(70, np.nan)))
    assert none.plan.plug_in_s.tobytes() == plain.plan.plug_in_s.tobytes()
    assert none.load_kwh.tobytes() == plain.load_kwh.tobytes()


@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([True, False, 2]))
def test_every_visit_has_one_end_and_no_evse_two_visits(seed, evses, queue):
    r = np.random.default_rng(seed)
    n = 40
    arrival = np.sort(np.round(r.uniform(0, 3 * HOUR_S, n) / 60.0) * 60.0)
    wanted = services(arrival, r.exponential(900.0, n) + 1.0, patience_s=r.choice([600.0, 9e9], n))
    reserved = np.where(r.random(n) < 0.4, np.maximum(arrival - 1800.0, 0.0), np.nan)
    missing = np.isfinite(reserved) & (r.random(n) < 0.3)
    where = yard(evses, queue=queue)
    result = run(where, asking(wanted, reserved, missing))
    plan = result.plan
    assert ((plan.outcome == Outcome.NO_SHOW) == missing).all()
    assert (plan.outcome != Outcome.FUTURE).all()
    for evse in range(evses):
        rows = np.flatnonzero(plan.evse == evse)
        start = plan.plug_in_s[rows]
        stop = np.where(np.isnan(plan.unplug_s[rows]), 4 * HOUR_S, plan.unplug_s[rows])
        by = np.argsort(start)
        assert (start[by][1:] >= stop[by][:-1]).all()
    assert result.load_kwh.sum() == pytest.approx(plan.energy_kwh.sum())
    # Nobody is left in the queue beside an EVSE that is free for good.
    assert (plan.outcome == Outcome.WAITING).sum() == 0 or (plan.outcome == Outcome.RUNNING).any()
