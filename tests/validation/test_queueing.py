"""Queueing theory: what the whole chain of scenario, draws and kernel gives where a formula exists.

Independent replications with fixed seeds, so a result is the same every time; the bounds are such
that another seed would break one of them once in a hundred times (``validation_cases.CHANCE``).
"""

from __future__ import annotations

import numpy as np
import pytest
from validation_cases import CASES, RESOLUTION, run, seed, week_occupancy, week_theory
from validation_world import HOUR_S, Model, replicate

from simulator.engine import Outcome


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_theory(case):
    for figure in run(case):
        assert figure.n >= 20
        assert 0.0 < figure.bound * figure.error < RESOLUTION * figure.theory, figure.name
        assert figure.agrees, (
            f"{figure.name}: {figure.mean:.5f} +- {figure.error:.5f}, theory {figure.theory:.5f}"
        )


def test_the_occupancy_follows_m_of_t_in_every_hour_of_the_week():
    """168 hours at once: one of them lies beyond 4.2 standard errors once in 150 seeds at most.

    Twice the tail of Student's t with 199 degrees of freedom is 4.0e-5, times 168.
    """
    weeks = np.array([week_occupancy(seed("every hour", k)) for k in range(200)])
    theory = np.array(week_theory())
    error = weeks.std(axis=0, ddof=1) / np.sqrt(len(weeks))
    distance = (weeks.mean(axis=0) - theory) / error
    assert np.abs(distance).max() < 4.2
    assert theory.max() > 20 * theory.min()


def test_littles_law_holds_to_the_last_digit_once_everybody_has_left():
    """Time in the queue and at EVSEs, by interval and by visit, is the same time."""
    result = replicate(Model(4, 7.0, service=2.0), 5, 0, 800).result
    plan, arrival = result.plan, result.visits.arrival_s
    assert (plan.outcome == Outcome.SERVED).all()
    waited = (plan.plug_in_s - arrival).sum()
    occupied = (plan.unplug_s - plan.plug_in_s).sum()
    assert waited > 100 * HOUR_S
    assert result.queue_s.sum() == pytest.approx(waited, rel=1e-12)
    assert result.occupied_s.sum() == pytest.approx(occupied, rel=1e-12)
    assert result.evse_occupied_s.sum() == pytest.approx(occupied, rel=1e-12)
    system = result.queue_s.sum() + result.occupied_s.sum()
    assert system == pytest.approx((plan.unplug_s - arrival).sum(), rel=1e-12)
