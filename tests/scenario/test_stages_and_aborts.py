"""What may stand in ``[live] stages``, ``sources`` and ``[[slo.abort]]``, and how mistakes read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from simulator.scenario import load_scenario
from simulator.scenario.schema import json_schema

RAMP = '{ kind = "ramp", for = "10s", to = "100 %" }'
HOLD = '{ kind = "hold", for = "1m" }'
README = Path(__file__).parents[2] / "README.md"


def readme_stages() -> str:
    """The example of the README."""
    text = README.read_text(encoding="utf-8")
    return next(
        block for block in re.findall(r"```toml\n(.*?)```", text, re.S) if '"soak"' in block
    )


def test_the_example_of_the_readme_is_a_scenario(good: str, tmp_path: Path) -> None:
    head = good[: good.index("[live]")]
    file = tmp_path / "s.toml"
    file.write_text(head + readme_stages())
    scenario = load_scenario(file)
    kinds = [stage.kind for stage in scenario.file.live.stages]
    assert kinds == ["ramp", "hold", "step", "spike", "sine", "soak"]
    assert scenario.file.live.sources == ("10.0.0.17", "10.0.0.18")
    assert scenario.file.slo.abort[0].for_ == 30.0
    schema = jsonschema.Draft202012Validator(json_schema())
    assert [e.message for e in schema.iter_errors(tomllib.loads(readme_stages()))] == [
        "'scenario' is a required property",
        "'sites' is a required property",
    ]
    again = tmp_path / "again.toml"
    again.write_text(file.read_text())
    assert load_scenario(again).as_dict()["live"] == scenario.as_dict()["live"]


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (
            '{ kind = "step", to = [1, 2] }',
            'live.stages[1].each: expected how long each level lasts, such as "30s"',
        ),
        (
            '{ kind = "step", each = "30s" }',
            'live.stages[1].to: expected the stations at its end, such as "100 %"',
        ),
        (
            '{ kind = "step", to = [1, 2], demand = [1.0], each = "30s" }',
            "live.stages[1].demand: value [...]: expected as many levels as `to` has (2)",
        ),
        (
            '{ kind = "step", to = [1, "x %"], each = "30s" }',
            "live.stages[1].to: value [...]: expected a ratio such as",
        ),
        (
            '{ kind = "step", to = [], each = "30s" }',
            "live.stages[1].to: value []: expected 1 to 200 of a number of stations, or a share",
        ),
        (
            '{ kind = "step", to = [1, 2], each = "1s" }',
            "live.stages[1].each: value '1s': expected at least 2 s, or no station comes up",
        ),
        (
            '{ kind = "ramp", for = "1m", to = [1, 2] }',
            "live.stages[1].to: value [...]: expected one level: only a step takes several (ramp)",
        ),
        (
            '{ kind = "hold", for = "1m", demand = -1.0 }',
            "live.stages[1].demand: value -1.0: expected a factor on the arrivals, from 0 to 1000",
        ),
        (
            '{ kind = "hold", for = "1m", each = "1s" }',
            "live.stages[1].each: value '1s': expected nothing here: a hold takes for or demand",
        ),
        (
            '{ kind = "sine", for = "1m", swing = "10 %" }',
            'live.stages[1].period: expected the length of a wave, such as "1m"',
        ),
        (
            '{ kind = "sine", for = "1m", period = "20s" }',
            "live.stages[1].swing: expected how many stations a wave goes up and down (or",
        ),
        (
            '{ kind = "sine", for = "1m", period = "25s", demand_swing = 0.5 }',
            "live.stages[1].for: value '1m': expected a multiple of the period (25s)",
        ),
        (
            '{ kind = "sine", for = "1m", period = "20s", swing = "1 %" }',
            "live.stages[1].swing: value '1 %': expected no more stations than there are at all",
        ),
        (
            '{ kind = "sine", for = "1m", period = "20s", demand_swing = 1.5 }',
            "live.stages[1].demand_swing: value 1.5: expected no more than the demand around which"
            " it goes (1)",
        ),
        (
            '{ kind = "spike", for = "1m" }',
            'live.stages[1].to: expected the stations at its end, such as "100 %"',
        ),
        (
            '{ kind = "soak", for = "1m", each = "2m" }',
            "live.stages[1].each: value '2m': expected no longer than the soak itself",
        ),
        (
            '{ kind = "soka", for = "1m" }',
            "live.stages[1].kind: value 'soka': expected a kind of stage: ramp, hold, step, spike,"
            " sine or soak; did you mean 'soak'?",
        ),
    ],
)
def test_each_mistake_in_a_stage_is_one_located_message(stage: str, message: str, say) -> None:  # type: ignore[no-untyped-def]
    (found,) = say((HOLD, stage))
    assert found.startswith(f"s.toml: {message}")


def test_stages_begin_with_stations(say) -> None:  # type: ignore[no-untyped-def]
    for first in ('{ kind = "ramp", for = "10s", demand = 2.0 }', '{ kind = "soak", for = "1m" }'):
        (found,) = say((RAMP, first))
        assert "live.stages[0].kind" in found and "expected a ramp as the first stage" in found
    assert say((RAMP, '{ kind = "step", to = [1, 2], each = "10s" }')) == []


def test_a_demand_needs_arrivals_to_multiply(say) -> None:  # type: ignore[no-untyped-def]
    text = """\
[scenario]
name = "traced"
start = 2026-06-01T00:00:00
[[sites]]
name = "office"
stations = [{ model = "ac-22-dual", names = ["A-1", "A-2"] }]
[trace]
file = "t.csv"
[live]
stages = [{ kind = "ramp", for = "10s", to = 1 }, { kind = "hold", for = "1m", demand = 2.0 }]
"""
    trace = "session_id,evse,arrival,departure,energy_kWh,max_kW\na,A-1,0,9,1,7\n"
    (found,) = say(text=text, t__csv=trace)
    assert found == (
        "s.toml: live.stages[1].demand: value 2.0: expected nothing here: no site has arrivals"
        " (a trace and a depot are fixed)"
    )


@pytest.mark.parametrize(
    ("live", "message"),
    [
        ('sources = ["10.0.0.300"]', "live.sources[0]: value '10.0.0.300': expected an IP address"),
        (
            'sources = ["127.0.0.2", "127.0.0.2"]',
            "live.sources[1]: value '127.0.0.2': expected an address of its own (sources[0] is"
            " that one)",
        ),
        ('sources = ["::1"]', "live.sources[0]: value '::1': expected an IPv4 address, as the"),
        ('sources = ["0.0.0.0"]', "live.sources[0]: value '0.0.0.0': expected an address of one"),
        (
            '\n[slo]\nabort = [{ when = "p95(Authorize.response) > 1 s" }]\n[record]',
            "slo.abort[0].when: value 'p95(Authorize.response) > 1 s': expected a clause about what"
            " is known while the run lasts",
        ),
        (
            '\n[slo]\nabort = [{ when = "transactions.unacknowledged > 1" }]\n[record]',
            "slo.abort[0].when: value 'transactions.unacknowledged > 1': expected a clause about",
        ),
        (
            '\n[slo]\nabort = [{ when = "errors.ratoi > 5 %" }]\n[record]',
            "slo.abort[0].when: value 'errors.ratoi > 5 %': expected a figure out of",
        ),
        (
            '\n[slo]\nabort = [{ when = "errors.ratio > 5 %", for = "0s" }]\n[record]',
            "slo.abort[0].for: value '0s': expected a duration above 0",
        ),
    ],
)
def test_sources_and_aborts_are_checked(live: str, message: str, say) -> None:  # type: ignore[no-untyped-def]
    (found,) = say((f"stages = [{RAMP}, {HOLD}]", live))
    assert found.startswith(f"s.toml: {message}")
