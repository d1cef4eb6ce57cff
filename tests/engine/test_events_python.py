"""A process of the user's, named in the scenario."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_hub import event, run

from simulator import load_scenario
from simulator.engine import Outcome
from simulator.engine.events import NAMES
from simulator.scenario import ScenarioError

HOUR_S = 3600.0


def test_a_users_process_is_called_by_its_name_with_its_arguments(hub, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def squeeze(world, kw, at=6):\n"
        "    yield world.env.timeout(at * 3600)\n"
        "    for site in world.sites.values():\n"
        "        site.set_limit(kw)\n"
    )
    options = '{ function = "mine.py:squeeze", arguments = { kw = 5.0 } }'
    result = run(hub(event("python", options, ["hub#2"]), count=2))
    first, second = result.sites
    assert first.load_kwh[24:].max() * 4 > 20.0
    assert second.load_kwh[24:].max() * 4 <= 5.0 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("    return 3\n", "a function that says `yield` (a generator), not one that gives 3"),
        (
            "    yield world.env.timeout(60)\n    1 / 0\n",
            "a process that runs (ZeroDivisionError: division by zero; mine.py, line 3;"
            " plan time 60 s)",
        ),
        (
            "    yield world.env.timeout(9)\n    raise SystemExit(0)\n",
            "a process that runs (SystemExit: 0; mine.py, line 3; plan time 9 s)",
        ),
        (
            "    yield 5\n",
            "a process that runs (TypeError: yields 5, not world.env.timeout(seconds) or the like;",
        ),
        (
            "    yield world.env.timeout(9)\n    world.sites['hub'].set_limit(-1)\n",
            "a process that runs (ValueError: hub: a site limit of -1 kW; acts.py, line",
        ),
    ],
)
def test_an_error_in_a_users_process_is_named_and_located(hub, tmp_path, text, said):
    (tmp_path / "mine.py").write_text("def process(world):\n" + text)
    with pytest.raises(ScenarioError) as caught:
        run(hub(event("python", '{ function = "mine.py:process" }')))
    message = str(caught.value)
    assert message.startswith("hub.toml: events[0].options.function: value 'mine.py:process': ")
    assert f"expected {said}" in message


def test_the_shipped_process_runs(hub):
    scenario = load_scenario("stadium-night")
    result = run(scenario)
    stadium = result.sites[0]
    half = stadium.load_kwh[33 * 4 : 35 * 4].max() * 4
    assert half <= 300.0 * (1 + 1e-9)
    assert stadium.peak_kw == pytest.approx(600.0)
    assert (stadium.plan.outcome == Outcome.SERVED).sum() > 100
    kinds = [table.kind for table in scenario.file.events]
    assert set(kinds) == set(NAMES)
    assert len((Path(str(scenario.path.parent)) / "processes/maintenance.py").read_text()) < 900


def test_a_users_process_may_wait_for_processes_of_its_own_and_catch_what_they_raise(hub, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def child(world, hours):\n"
        "    yield world.env.timeout(hours * 3600)\n"
        "    if hours > 2:\n"
        "        raise KeyError(hours)\n"
        "    return hours\n"
        "def process(world):\n"
        "    got = yield world.env.process(child(world, 2))\n"
        "    assert got == 2\n"
        "    try:\n"
        "        yield world.env.process(child(world, 3))\n"
        "    except KeyError:\n"
        "        world.sites['hub'].power_off()\n"
    )
    result = run(hub(event("python", '{ function = "mine.py:process" }')))
    assert [(o.evse, o.from_s) for o in result.sites[0].outages] == [(-1, 5 * HOUR_S)]
