"""A depot whose stations break down: its vehicles are in one place at a time, with what is left."""

from __future__ import annotations

import numpy as np
import pytest
from engine_hub import event, run

from simulator import load_scenario

DEPOT = """
[scenario]
name = "depot"
seed = 8
start = 2026-06-01T00:00:00
timezone = "Europe/Berlin"
duration = "21d"
[[sites]]
name = "yard"
stations = [{ model = "dc-150-dual", count = 5 }]
grid_limit = "200 kW"
vehicles = "europe-2021"
depot = [{ vehicle = "Tesla Model 3 LR", count = 14, back = "18:00", out = "05:00", \
used = "50 kWh", jitter = "1h" }]
"""


@pytest.mark.parametrize("queue", ["true", "2"])
def test_a_depots_vehicles_are_never_in_two_places_and_their_charge_is_carried_on(tmp_path, queue):
    failures = event("station_failures", '{ mtbf = "2d", mttr = "8h" }')
    path = tmp_path / "depot.toml"
    path.write_text(DEPOT + f"queue = {queue}\n" + failures)
    result = run(load_scenario(path)).sites[0]
    plan, visits = result.plan, result.visits
    first = np.flatnonzero(visits.next_visit >= 0)
    following = visits.next_visit[first]
    assert (plan.outcome == 8).sum() > 5 and len(first) > 100
    gone_s = np.where(np.isnan(plan.unplug_s), np.inf, plan.unplug_s)
    gone_s = np.where(plan.evse < 0, visits.departure_s, gone_s)
    assert (gone_s[first] <= visits.arrival_s[following]).all()
    assert (visits.departure_s[first] <= visits.arrival_s[following]).all()
    left = np.maximum(plan.soc_end[first] - visits.used_soc[first], 0.0)
    assert plan.soc_start[following] == pytest.approx(left, abs=1e-12)
    for evse in range(len(result.evse_kw)):
        rows = np.flatnonzero(plan.evse == evse)
        rows = rows[np.argsort(plan.plug_in_s[rows])]
        assert (plan.plug_in_s[rows][1:] >= gone_s[rows][:-1]).all()
