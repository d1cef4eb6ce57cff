"""No online policy or controller beats the offline optimum; perfect foresight reaches it.

Through the compiled engine; ``tests/charging`` has more instances, demand charges and V2G.
"""

from __future__ import annotations

import pytest
from validation_optimum import POLICIES, SEEDS, online, optimum, perfect


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_who_does_not_know_the_future_beats_who_does(seed):
    costs, best = online(seed), optimum(seed)
    assert set(POLICIES) < set(costs)
    for name, cost in costs.items():
        assert cost >= best * (1.0 - 1e-9), name
    assert max(costs.values()) > 1.1 * best


@pytest.mark.parametrize("seed", SEEDS)
def test_model_predictive_control_with_a_perfect_forecast_reaches_the_optimum(seed):
    assert perfect(seed) == pytest.approx(optimum(seed), rel=1e-7)
