"""The flat list of figures, made of a summary."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simulator.store.figures import FIGURES, figures, unit_of

SUMMARY: dict[str, Any] = {
    "sessions": {"served": 8, "running": 1, "failed": 1, "reneged": 2, "balked": 3},
    "energy_kwh": 100.0,
    "unserved_kwh": 5.0,
    "peak_kw": {"a": 40.0, "b": 60.0},
    "peak_15min_kw": 55.0,
    "network_peak_kw": {"at_least": 60.0, "at_most": 100.0},
    "wait": {"visits": 12, "waited": 3, "mean_s": 4.0, "p50_s": 0.0, "p95_s": 9.0, "max_s": 10.0},
    "messages": {"Heartbeat": 7, "Authorize": 3},
    "sites": [
        {"evses": 1, "utilisation": 0.2, "limit_bound_s": 10.0, "rerouted": 2},
        {"evses": 3, "utilisation": 0.6, "limit_bound_s": 5.0},
    ],
    "ledger": {"grid_kwh": 100.0, "battery_kwh": 95.0, "losses_kwh": 5.0},
    "costs": [{"currency": "EUR", "total": 30.5, "carbon_kg": 40.0, "revenue": None}],
}


def test_every_listed_figure_is_there_and_nothing_unlisted_but_types_and_costs() -> None:
    found = figures(SUMMARY)
    more = {name for name in found if name.startswith(("messages.", "costs."))}
    assert set(found) - more == set(FIGURES)


def test_figures_are_those_of_the_summary() -> None:
    found = figures(SUMMARY)
    assert (found["visits"], found["sessions"]) == (15, 10)
    assert (found["drivers"], found["rerouted"]) == (13, 2)
    assert (found["peak_at_least_kw"], found["peak_at_most_kw"]) == (60.0, 100.0)
    assert (found["peak_kw"], found["peak_15min_kw"]) == (60.0, 55.0)
    assert found["utilisation"] == pytest.approx(0.5)
    assert (found["waited_share"], found["wait_p95_s"]) == (0.25, 9.0)
    assert (found["balked"], found["reneged"], found["no_show"]) == (3, 2, 0)
    assert found["limit_bound_s"] == 15.0
    assert (found["messages"], found["messages.Heartbeat"]) == (10, 7)
    assert (found["costs.EUR.total"], found["costs.EUR.carbon_kg"]) == (30.5, 40.0)
    assert "costs.EUR.revenue" not in found


def test_what_a_run_does_not_have_is_not_a_number() -> None:
    found = figures({"wait": {"visits": 0, "waited": 0, "mean_s": None}})
    assert math.isnan(found["wait_mean_s"])
    assert math.isnan(found["waited_share"])
    assert math.isnan(found["peak_kw"])


def test_units_are_known_or_follow_from_the_name() -> None:
    assert unit_of("energy_kwh") == "kWh"
    assert unit_of("utilisation") == "share"
    assert unit_of("standby_kwh") == "kWh"
    assert unit_of("costs.EUR.total") == "EUR"
    assert unit_of("costs.EUR.carbon_kg") == "kg"
    assert unit_of("messages.Heartbeat") == ""
