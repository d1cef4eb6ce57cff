"""Calls of the CSMS's API in a scenario: what is read, what is refused, and clauses about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.csms.commands import COMMANDS
from simulator.fleet.orders import EITHER
from simulator.scenario import ScenarioError, load_scenario
from simulator.scenario.call_model import OTHERS, PRESETS, STEPS
from simulator.scenario.slo import ACTIONS, KINDS, parse_clause

SHIPPED = Path(__file__).parents[2] / "scenarios" / "csms-commands.toml"
FOREIGN = (
    'csms.url="ws://127.0.0.1:9000/ocpp"',
    'csms.api={ url = "http://127.0.0.1:8080" }',
    'slo.require=["errors.ratio < 1 %"]',
    "sites.yard.start={ rfid = 1.0 }",
)
REQUEST = 'request = { path = "/s/{station}", body = "{n}" }'


def loaded(*sets: str):
    return load_scenario(SHIPPED, sets=list(sets))


def refused(*sets: str) -> str:
    with pytest.raises(ScenarioError) as error:
        loaded(*sets)
    return str(error.value)


def calls(text: str, *more: str) -> tuple[str, ...]:
    return f"csms.calls=[{{ {text} }}]", 'slo.require=["errors.ratio < 1 %"]', *more


def test_the_shipped_scenario_is_read() -> None:
    found = loaded().file.csms.calls
    assert [(c.name or c.action, c.rate, c.every) for c in found] == [
        ("cap one", 8.0, None),
        ("start from afar", 1.0, None),
        ("RemoteStop", 0.5, None),
        ("everybody", None, 15.0),
    ]


def test_every_command_of_ocpp_can_be_asked_for() -> None:
    known = {action for actions in COMMANDS.values() for action in actions}
    either = {word for words in EITHER.values() for word in words.values()}
    assert set(PRESETS) | set(OTHERS) == (known - either) | EITHER.keys()
    assert not set(PRESETS) & set(OTHERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('action = "Rset", rate = "1/s"', "did you mean 'Reset'?"),
        ('action = "Reset"', 'rate = "5/s" (one station each time) or every'),
        ('action = "Reset", rate = "1/s", every = "9s"', 'rate = "5/s" (one station each time)'),
        ('action = "Reset", rate = "1/s", from = "9s", until = "5s"', "a time after that of"),
        ('action = "Reset", rate = "1/s", from = "2m"', "before the stages are over (1m)"),
        ('action = "Reset", rate = "1/s", sites = ["yrd"]', "did you mean 'yard'?"),
        ('action = "Reset", rate = "1/s", models = ["dc-150"]', "did you mean 'dc-150-dual'?"),
        ('action = "Reset", rate = "1/s", models = []', "one or more"),
        ('action = "Reset", rate = "1/s", limits = ["7 kW"]', "it is for SetChargingProfile"),
        ('action = "Reset", rate = "1/s", name = "a.b"', "a name of letters, digits, spaces"),
        ('action = "GetReport", rate = "1/s"', "what is in GetReport (JSON); without it:"),
        ('action = "GetReport", rate = "1/s", payload = "[1]"', "an object in JSON once"),
        ('action = "GetReport", rate = "1/s", payload = "{nn}"', "nothing in braces but"),
        (f'action = "Reset", rate = "1/s", {REQUEST}', "the embedded CSMS's API is known"),
        ('action = "RemoteStart", rate = "1/s"', "a name other than RemoteStart"),
        (
            'action = "Reset", rate = "1/s" }, { action = "Reset", every = "9s"',
            "csms.calls[1].action: value 'Reset': expected a name of its own",
        ),
    ],
)
def test_what_is_wrong_with_a_call_is_said(text: str, message: str) -> None:
    said = refused(*calls(text))
    assert message in said and "csms.calls[" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('action = "Reset", rate = "1/s"', "the call of this CSMS's API, such as"),
        ('action = "Reset", rate = "1/s", payload = "{}"', "it is for the embedded CSMS"),
        ('action = "Reset", rate = "1/s", request = { path = "/all" }', "{station} in path or"),
        ('action = "Reset", every = "9s", request = { path = "all" }', "a path such as"),
    ],
)
def test_another_csms_needs_to_be_told_how(text: str, message: str) -> None:
    assert message in refused(*FOREIGN, *calls(text))
    assert loaded(*FOREIGN, *calls(f'action = "GetReport", rate = "1/s", {REQUEST}'))
    assert loaded(*FOREIGN, *calls('action = "Reset", every = "9s", request = { path = "/all" }'))
    without = [row for row in FOREIGN if "csms.api" not in row]
    assert "the API of this CSMS" in refused(
        *without, *calls(f'action = "Reset", rate = "1/s", {REQUEST}')
    )


def test_a_clause_is_about_calls_that_there_are() -> None:
    said = refused('slo.require=["p95(cap oen.command) < 1 s"]')
    assert "the name of a call (csms.calls): cap one" in said
    assert "did you mean 'p95(cap one.command) < 1 s'?" in said
    assert loaded('slo.require=["p95(RemoteStart.started) < 1 s"]')  # by app
    none = refused(
        'slo.require=["p95(RemoteStart.started) < 1 s"]', "sites.yard.start={ rfid = 1.0 }"
    )
    assert "(csms.calls): cap one" in none


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_calls_is_a_clause(step: str) -> None:
    clause = parse_clause(f"p95(cap  one | RemoteStart.{step}) < 1 s")
    assert (clause.actions, clause.kind) == (("cap one", "RemoteStart"), step)
    assert clause.of_calls and not parse_clause("p95(*.response) < 1 s").of_calls
    assert step not in KINDS and step not in ACTIONS
    assert "the name of a call" in refused(f'slo.require=["p95(*.{step}) < 1 s"]')
