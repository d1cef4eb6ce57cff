"""Limits that are lowered for a while, and crowds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_hub import event, run

from simulator.engine import Outcome
from simulator.engine.events.reasons import Reasons

HOUR_S = 3600.0


def test_a_limit_is_lowered_for_a_while(hub):
    events = event("demand_response", '{ at = "17:00", for = "2h", limit = "20 kW" }')
    free, held = (run(hub(more)).sites[0] for more in ("", events))
    window = [slice(68 + 96 * day, 76 + 96 * day) for day in (0, 1)]
    for part in window:
        assert free.load_kwh[part].max() * 4 > 40.0
        assert held.load_kwh[part].max() * 4 <= 20.0 * (1 + 1e-9)
    assert held.load_kwh[76:80].max() * 4 > 40.0
    assert held.load_kwh[:68] == pytest.approx(free.load_kwh[:68], rel=1e-12)


def test_a_part_of_the_limit_and_the_lowest_of_several(hub):
    events = event(
        "demand_response", '{ at = 2026-06-01T17:00:00, for = "2h", percent = "50 %" }'
    ) + event("demand_response", '{ at = 2026-06-01T18:00:00, for = "2h", limit = "70 kW" }')
    seen = {}

    def look(world):
        yield world.env.timeout(16.5 * HOUR_S)
        for _ in range(5):
            seen[world.env.now / HOUR_S] = world.sites["hub"].limit_kw
            yield world.env.timeout(HOUR_S)

    run(hub(events), processes=[look])
    assert seen == {16.5: 100.0, 17.5: 50.0, 18.5: 50.0, 19.5: 70.0, 20.5: 100.0}


class Fake:
    """A site's limit, and whatever is done to it."""

    name = "fake"

    def __init__(self):
        self.limit_kw = 100.0

    def set_limit(self, kw):
        self.limit_kw = kw


def test_a_limit_that_changes_by_itself_does_not_end_the_event():
    site_, reasons = Fake(), Reasons()
    reasons.curtail(site_, 50.0)
    site_.limit_kw = 80.0  # the site's own window begins
    reasons.look_again(site_)
    assert site_.limit_kw == 50.0
    assert reasons.own_limit_kw(site_) == 80.0
    site_.limit_kw = 30.0
    reasons.restore(site_, 50.0)
    assert site_.limit_kw == 30.0


MATCH = event(
    "stadium_night",
    '{ at = 2026-06-01T19:00:00, visits = 80, within = "1h", leave = "3h", energy = "10 kWh" }',
)


def test_a_crowd_comes_together_and_leaves_together(hub):
    ordinary, night = (
        run(hub(more, limit="2 MW", stations=60, rate=0.5)).sites[0] for more in ("", MATCH)
    )
    more = len(night.visits) - len(ordinary.visits)
    assert more == 80
    gone = night.visits.departure_s == 22 * HOUR_S
    assert gone.sum() == 80
    arrival = night.visits.arrival_s[gone]
    assert arrival.min() > 19 * HOUR_S
    assert arrival.max() <= 20 * HOUR_S
    assert arrival.mean() == pytest.approx(19.5 * HOUR_S, abs=3 * HOUR_S / math.sqrt(12 * 80))
    plan = night.plan
    served = gone & (plan.outcome == Outcome.SERVED)
    assert served.sum() > 40
    assert (plan.unplug_s[served] == 22 * HOUR_S).all()
    wanted = plan.energy_kwh + plan.unserved_kwh
    assert wanted[served] == pytest.approx(10.0, rel=1e-9)
    rest = np.sort(night.visits.arrival_s[~gone])
    assert rest.tobytes() == ordinary.visits.arrival_s.tobytes()


def test_the_crowds_draws_are_its_own_and_repeatable(hub):
    one, two = (run(hub(MATCH)).sites[0].visits.arrival_s for _ in range(2))
    assert one.tobytes() == two.tobytes()
    other = run(hub(MATCH).replace(seed=8)).sites[0].visits.arrival_s
    assert one.tobytes() != other.tobytes()


def test_without_an_energy_the_crowd_wants_what_the_sites_drivers_want(hub):
    events = event("stadium_night", '{ at = "19:00", visits = 300 }')
    result = run(hub(events, days=1)).sites[0]
    wanted = result.plan.energy_kwh + result.plan.unserved_kwh
    crowd = result.visits.departure_s == 23 * HOUR_S
    assert crowd.sum() == 300
    both = wanted[crowd], wanted[~crowd]
    assert np.median(both[0]) == pytest.approx(np.median(both[1]), rel=0.35)
    assert np.std(both[0]) > 1.0
