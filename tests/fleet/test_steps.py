"""The steps of a run and what its phases are called."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet.rules import BOOT_ALLOWANCE_S
from simulator.fleet.stages import Stage, run_length, scaled, scenario_stages
from simulator.fleet.steps import outside_storms, phases, span_at, steps
from simulator.fleet.storms import Storm, with_storms
from simulator.scenario.stage_model import Stage as StageTable


def read(*tables: dict[str, object], stations: int = 1000, run_s: float | None = None):
    """The stages of a scenario that has these tables."""
    found = tuple(StageTable.model_validate(table) for table in tables)
    scenario = SimpleNamespace(file=SimpleNamespace(live=SimpleNamespace(stages=found)))
    return scenario_stages(scenario, stations, run_s)  # type: ignore[arg-type]


STAGED = (
    {"kind": "step", "to": [200, 400, "80 %"], "each": "30s", "ramp": "10s"},
    {"kind": "spike", "to": "100 %", "for": "20s", "ramp": "5s"},
    {"kind": "hold", "for": "1m", "demand": 2.0},
    {"kind": "sine", "for": "2m", "period": "1m", "swing": 100, "demand_swing": 1.0},
    {"kind": "ramp", "to": "10 %", "demand": 0.5, "for": "10s"},
    {"kind": "soak", "for": "1h", "each": "10m"},
)


def test_every_kind_of_stage_becomes_steps_with_their_levels():
    stages = read(*STAGED)
    rows = steps(stages, phases(stages), 1000)
    assert [(row.number, row.kind, row.stations, row.demand) for row in rows] == [
        (1, "step", 200, 1.0),
        (2, "step", 400, 1.0),
        (3, "step", 800, 1.0),
        (4, "spike", 1000, 1.0),
        (5, "back", 800, 1.0),
        (6, "hold", 800, 2.0),
        (7, "sine", 800, 2.0),
        (8, "sine", 800, 2.0),
        (9, "ramp", 100, 0.5),
        *((number, "soak", 100, 0.5) for number in range(10, 16)),
    ]
    assert rows[0].labels == ("measure-1",) and rows[4].labels == ("change-5",)
    assert (rows[0].start_s, rows[0].end_s) == (10.0 + BOOT_ALLOWANCE_S, 40.0)
    assert rows[3].start_s == 120.0 + 5.0 + BOOT_ALLOWANCE_S and rows[3].end_s == 145.0


def test_a_plain_run_keeps_the_plain_names_of_its_phases():
    stages = read({"kind": "ramp", "for": "20s", "to": "100 %"}, {"kind": "hold", "for": "100s"})
    spans = phases(stages)
    assert [span.name for span in spans] == ["connect", "boot", "measure", "cooldown"]
    assert [row.labels for row in steps(stages, spans, 10)] == [("connect",), ("measure",)]


@given(
    st.lists(st.sampled_from(STAGED[1:]), max_size=5),
    st.floats(30.0, 20_000.0),
)
def test_phases_have_no_gaps_and_names_of_their_own_and_steps_share_none(more, run_s):
    stages = read({**STAGED[0], "to": [200, 500, 600]}, *more, run_s=run_s)
    spans = phases(stages)
    assert spans[0].start_s == 0.0 and spans[-1].end_s == np.inf
    assert all(a.end_s == b.start_s for a, b in pairwise(spans))
    named = {(span.name, span.step) for span in spans}
    assert len({name for name, _ in named}) == len(named)
    rows = steps(stages, spans, 1000)
    labels = [label for row in rows for label in row.labels]
    assert len(labels) == len(set(labels))
    for row in rows:
        assert {span_at(spans, t).step for t in (row.start_s, (row.start_s + row.end_s) / 2)} == {
            row.number - 1
        }
    assert run_length(stages) == pytest.approx(run_s)


def test_a_duration_stretches_steps_too():
    stages = read(*STAGED)
    double = scaled(stages, 2.0 * run_length(stages))
    assert [replace(s, length_s=2.0 * s.length_s) for s in stages] == list(double)


def test_a_soak_without_parts_has_ten():
    stages = read({"kind": "ramp", "for": "0s", "to": 5}, {"kind": "soak", "for": "100s"})
    assert [s.length_s for s in stages[1:]] == [10.0] * 10
    assert stages[1] == Stage(10.0, kind="soak")


def test_a_step_keeps_its_row_without_the_storm_that_falls_into_it():
    stages = read(
        {"kind": "ramp", "for": "10s", "to": "100 %"},
        {"kind": "hold", "for": "60s"},
        {"kind": "hold", "for": "10s"},
        {"kind": "hold", "for": "30s"},
    )
    before = phases(stages)
    spans = with_storms(before, [Storm(0, "power_cut", 30.0, 10.0, 35.0)])  # 30 to 75 s
    rows = outside_storms(steps(stages, before, 100), spans)
    assert [(row.number, row.stormy_s, row.level) for row in rows] == [
        (1, 0.0, False),
        (2, 40.0, False),
        (3, 5.0, False),
        (4, 0.0, True),
    ]
    whole = with_storms(before, [Storm(0, "power_cut", 69.0, 10.0, 5.0)])
    assert [row.number for row in outside_storms(steps(stages, before, 100), whole)] == [1, 2, 4]


@given(
    st.lists(st.tuples(st.floats(1.0, 4200.0), st.floats(1.0, 300.0)), max_size=4),
)
def test_storms_take_from_steps_what_they_last_and_no_more(found):
    stages = read(*STAGED)
    before = phases(stages)
    storms = [Storm(n, "power_cut", at, 1.0, last) for n, (at, last) in enumerate(sorted(found))]
    spans = with_storms(before, storms)
    every = {row.number: row for row in steps(stages, before, 1000)}
    for row in outside_storms(tuple(every.values()), spans):
        hit = any(s.at_s < row.end_s and row.start_s < s.end_s for s in storms)
        assert (row.stormy_s > 0.0) is hit and row.level <= every[row.number].level
        assert 0.0 <= row.stormy_s < row.end_s - row.start_s
        assert set(row.labels) <= set(every[row.number].labels) and row.labels
