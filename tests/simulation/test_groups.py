"""Which sites belong together, and that tasks depend on the scenario alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simulator import load_scenario
from simulator.scenario import Scenario
from simulator.scenario.model import Event
from simulator.scenario.people_model import Reroute
from simulator.simulation import groups


@pytest.fixture
def scenario(small: Path) -> Scenario:
    return load_scenario(small)


def with_file(scenario: Scenario, **changes: object) -> Scenario:
    return replace(scenario, file=scenario.file.model_copy(update=changes))


def coupled(scenario: Scenario, **options: bool) -> tuple[tuple[int, ...], ...]:
    return groups.coupled_groups(scenario, scenario.network(), **options)


def test_sites_that_nothing_couples_are_alone(scenario: Scenario) -> None:
    assert coupled(scenario) == ((0,), (1,), (2,), (3,))


def test_a_process_of_the_users_couples_them_all(scenario: Scenario) -> None:
    assert coupled(scenario, processes=True) == ((0, 1, 2, 3),)


def test_a_function_of_the_users_couples_the_sites_that_it_names_or_all(
    scenario: Scenario,
) -> None:
    event = Event.model_construct(kind="python", sites=("hub",), options={})
    assert coupled(with_file(scenario, events=(event,))) == ((0, 1, 2), (3,))
    everywhere = Event.model_construct(kind="python", sites=None, options={})
    assert coupled(with_file(scenario, events=(everywhere,))) == ((0, 1, 2, 3),)


def test_an_event_of_our_own_acts_on_each_site_by_itself(scenario: Scenario) -> None:
    event = Event.model_construct(kind="site_outage", sites=None, options={})
    assert coupled(with_file(scenario, events=(event,))) == ((0,), (1,), (2,), (3,))


def test_rerouting_couples_a_site_with_where_its_drivers_go(scenario: Scenario) -> None:
    hub, kerb = scenario.file.sites
    away = kerb.model_copy(update={"reroute": Reroute.model_construct(to=("hub",), travel=60.0)})
    assert coupled(with_file(scenario, sites=(hub, away))) == ((0, 1, 2, 3),)


def test_tasks_hold_every_site_once_and_in_order(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "TASK_VISITS", 100)
    found = groups.tasks(scenario, scenario.network(), coupled(scenario))
    assert [task.number for task in found] == list(range(len(found)))
    assert [site for task in found for group in task.groups for site in group] == [0, 1, 2, 3]
    assert len(found) > 1


def test_groups_that_overlap_stay_in_one_task(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "TASK_VISITS", 1)
    (both, last) = groups.tasks(scenario, scenario.network(), ((0, 2), (1,), (3,)))
    assert both.groups == ((0, 2), (1,))
    assert last.groups == ((3,),)
    assert groups.in_network_order(both.groups, [["a", "c"], ["b"]]) == ["a", "b", "c"]
