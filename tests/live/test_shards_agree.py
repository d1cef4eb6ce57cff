"""The plan of one shard is the plan of eight: nobody's day depends on who shares its process."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.fleet.shardplan import ShardPlan
from simulator.live.prepare import Prepared, prepare
from simulator.scenario import load_scenario


def prepared(shards: int) -> Prepared:
    scenario = load_scenario("city-launch", sets=[f"live.shards={shards}"])
    return prepare(
        scenario,
        scenario.network(150),
        duration_s=120.0,
        trace="",
        password=None,
        heartbeat_s=60.0,
    )


def stations(plans: tuple[ShardPlan, ...]) -> dict[str, Any]:
    """By id: who it is, when it is switched on, and everything that happens at its EVSEs."""
    found: dict[str, Any] = {}
    for shard in plans:
        for local, plan in enumerate(shard.plans()):
            spec = shard.spec(local)
            days = [
                [
                    (
                        plan.start_s(row),
                        plan.stop_s(row),
                        plan.full_s(row),
                        plan.caps(row),
                        plan.token(row),
                    )
                    for row in range(*plan.stays(evse))
                ]
                for evse in range(1, spec.evses + 1)
            ]
            found[spec.id] = (spec, float(shard.connect_due_s[local]), repr(days))
    return found


def test_the_plan_of_one_shard_is_the_plan_of_eight() -> None:
    one, eight = prepared(1), prepared(8)
    assert len(one.plans) == 1 and len(eight.plans) == 8
    assert sum(plan.stations for plan in eight.plans) == one.plans[0].stations == 150
    alone, together = stations(one.plans), stations(eight.plans)
    assert alone == together and sum("(" in days for _, _, days in alone.values()) > 20
    foretold, apart = one.predict(0.0), eight.predict(0.0)
    assert foretold.station_ids == apart.station_ids and foretold.actions == apart.actions
    assert np.array_equal(foretold.series, apart.series)
    assert np.array_equal(foretold.per_station, apart.per_station)
