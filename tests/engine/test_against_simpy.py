"""The kernel against a plain simpy model of the same hub, written apart from it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "bench_kernel.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_kernel", BENCHMARK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_kernel"] = module
    spec.loader.exec_module(module)
    return module


def test_both_tell_the_same_story_to_a_millionth_of_a_kilowatt_hour(bench):
    """Sessions, drivers who gave up, energy, and the load of every quarter of an hour."""
    visits = bench.hub_visits(1_500, seed=5)
    until_s = float(visits.departure_s.max()) + 1.0
    _, hub = bench.run_simpy(visits, until_s)
    _, result = bench.run_kernel(visits, until_s)
    bench.check(result, hub)
    assert hub.gave_up > 0
    assert result.limit_bound_s > 0.5 * until_s


def test_the_comparison_can_fail(bench):
    visits = bench.hub_visits(200, seed=6)
    until_s = float(visits.departure_s.max()) + 1.0
    _, hub = bench.run_simpy(visits, until_s)
    _, result = bench.run_kernel(bench.hub_visits(200, seed=7), until_s)
    with pytest.raises(AssertionError):
        bench.check(result, hub)
