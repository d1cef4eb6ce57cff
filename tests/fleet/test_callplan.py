"""The plan of calls: an open workload that depends on names and the seed alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.callplan import Calls, plan_calls
from simulator.scenario.call_model import Call

BOTH = frozenset(("1.6", "2.0.1"))
KINDS = ("ac", "dc")


def network(*sizes: int, versions: tuple[str, ...] = ("1.6", "2.0.1")):
    """Sites a, b, ... of so many stations, with 1 to 3 EVSEs, models and versions in turn."""
    return SimpleNamespace(
        sites=[
            SimpleNamespace(
                stations=[
                    SimpleNamespace(
                        site=chr(97 + place),
                        ordinal=1 + n,
                        model=SimpleNamespace(name=KINDS[n % 2]),
                        version=versions[n % len(versions)],
                        evses=1 + n % 3,
                    )
                    for n in range(size)
                ]
            )
            for place, size in enumerate(sizes)
        ]
    )


def call(**fields) -> Call:
    return Call.model_validate({"action": "Reset"} | fields)


def planned(calls, where, run_s: float = 60.0, seed: int = 1) -> Calls:
    names = [c.name or f"call {n}" for n, c in enumerate(calls)]
    return plan_calls(calls, names, [BOTH] * len(calls), where, seed, run_s)


def rows(calls: Calls, stations=None):
    who = calls.station if stations is None else stations[calls.station]
    columns = (calls.due_s, calls.call, calls.n, who, calls.evse, calls.turn, calls.leads)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


some = st.lists(
    st.one_of(
        st.builds(
            lambda rate, share, begin: call(rate=f"{rate}/s", share=share, **{"from": begin}),
            st.integers(1, 9),
            st.floats(0.3, 1.0),
            st.sampled_from(("0s", "1500ms", "20s")),
        ),
        st.builds(
            lambda every, sites: call(every=f"{every}s", sites=sites),
            st.integers(3, 40),
            st.sampled_from((None, ["a"], ["b", "a"])),
        ),
    ),
    min_size=1,
    max_size=3,
)


@given(some, st.lists(st.integers(1, 9), min_size=2, max_size=8), st.integers(1, 8), st.integers(0))
def test_the_plan_of_one_shard_is_the_plan_of_eight(calls, sizes, shards, seed) -> None:
    where = network(*[size + 6 for size in sizes])
    whole = planned(calls, where, seed=seed)
    owner = np.concatenate(
        [np.full(len(site.stations), n % shards) for n, site in enumerate(where.sites)]
    )
    parts = []
    for shard in range(shards):
        own = np.flatnonzero(owner == shard).astype(np.int32)
        part = whole.of(own)
        assert (np.diff(part.due_s) >= 0).all()
        parts += rows(part, own) if len(own) else []
    assert sorted(parts) == rows(whole)


def test_calls_are_evenly_spaced_and_stations_take_turns() -> None:
    plan = planned([call(rate="5/s", **{"from": "10s"}, until="20s")], network(4, 4))
    assert plan.due_s.tolist() == pytest.approx((10 + np.arange(50) / 5).tolist())
    assert plan.n.tolist() == list(range(1, 51))
    for first in range(0, 48, 8):
        assert set(plan.station[first : first + 8].tolist()) == set(range(8))
    for station in range(8):
        own = plan.evse[plan.station == station]
        evses = 1 + station % 4 % 3
        assert own.tolist() == [1 + k % evses for k in range(len(own))]
        turns = plan.turn[plan.station == station]
        assert turns.tolist() == [k // evses for k in range(len(own))]


def test_a_broadcast_is_due_everywhere_at_once_and_led_once_by_each_version() -> None:
    plan = planned([call(every="20s", **{"from": "5s"})], network(3, 4))
    assert plan.due_s.tolist() == [5.0] * 7 + [25.0] * 7 + [45.0] * 7
    assert plan.turn.tolist() == [0] * 7 + [1] * 7 + [2] * 7
    versions = np.array(["1.6", "2.0.1", "1.6", "1.6", "2.0.1", "1.6", "2.0.1"])
    for n in (1, 2, 3):
        mine = plan.n == n
        assert set(plan.station[mine].tolist()) == set(range(7))
        assert sorted(versions[plan.station[mine & (plan.leads > 0)]]) == ["1.6", "2.0.1"]
        assert plan.leads[mine].tolist().index(2) == 0 and plan.leads[mine].sum() == 3


def test_a_site_more_changes_neither_who_is_drawn_nor_the_order_of_others() -> None:
    calls = [call(every="60s", share=0.5)]
    before, after = planned(calls, network(20, 20)), planned(calls, network(20, 20, 20))
    assert before.station.tolist() == [s for s in after.station.tolist() if s < 40]
    assert 5 < len(before.station) < 35


def test_sites_models_and_versions_narrow_a_call_down() -> None:
    plan = planned([call(every="60s", sites=["b"], models=["dc"])], network(4, 4))
    assert sorted(plan.station.tolist()) == [5, 7]
    only = plan_calls([call(every="60s")], ["x"], [frozenset(("1.6",))], network(4), 1, 60.0)
    assert sorted(only.station.tolist()) == [0, 2]
    with pytest.raises(ValueError, match=r"csms\.calls\[0\]: no station"):
        planned([call(every="60s", models=["hpc"])], network(4))


def test_a_workload_is_bounded() -> None:
    with pytest.raises(ValueError, match=r"csms\.calls\[1\]: more than 5 000 000 commands"):
        planned([call(rate="1/s"), call(every="1ms")], network(200), run_s=60.0)


def test_nothing_is_planned_without_calls() -> None:
    assert rows(planned([], network(2))) == []
    assert rows(planned([call(rate="1/s", **{"from": "90s"})], network(2))) == []
