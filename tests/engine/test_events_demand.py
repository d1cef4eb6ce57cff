"""Limits that are lowered for a while, and crowds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine_hub import event, run

from simulator.engine import Outcome

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


def test_demand_response_and_limit_windows_leave_each_other_in_force(hub):
    """Grid 100 kW; 50 kW from 17 to 20; events of 50, 30 and 80 kW begin and end around that."""
    windows = 'grid_windows = [{ from = "17:00", to = "20:00", limit = "50 kW" }]'
    events = "".join(
        event("demand_response", f'{{ at = 2026-06-01T{at}:00, for = "2h", limit = "{kw} kW" }}')
        for at, kw in (("16:00", 50), ("17:30", 30), ("19:00", 80))
    )
    seen = {}

    def look(world):
        yield world.env.timeout(15.75 * HOUR_S)
        for _ in range(12):
            seen[world.env.now / HOUR_S] = world.sites["hub"].limit_kw
            yield world.env.timeout(0.5 * HOUR_S)

    result = run(hub(events, extra=windows, days=1), processes=[look])
    expected = [100, 50, 50, 50, 30, 30, 30, 30, 50, 80, 80, 100]
    assert list(seen.values()) == expected
    load = result.sites[0].load_kwh * 4.0
    for t, kw in seen.items():
        assert load[int(t * 4)] <= kw * (1 + 1e-9)
    assert load[84:88].max() > 50.0 or load[80:84].max() > 50.0  # it comes back


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
