"""Which sites belong together, and how a network is cut into tasks.

Sites that nothing couples run by themselves, start to finish, in any process. Tasks are whole
groups in the order of the network and depend on the scenario alone, never on the number of
workers: so do the row groups of the tables, and every sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario, SiteInstance

TASK_VISITS: Final = 120_000
"""Visits that a task has at most, unless one group has more: some megabytes of rows."""
TASK_ROWS: Final = 1_000_000
"""Rows of the load table, likewise."""
COUPLING_EVENTS: Final = frozenset({"python"})
"""Kinds of events that may look at one site and act on another."""
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Task:
    """Groups of sites that one process simulates one after the other."""

    number: int
    groups: tuple[tuple[int, ...], ...]
    """Places of the sites in the network."""
    visits: float
    """About how many visits they have: what the task costs."""


def coupled_groups(
    scenario: Scenario, network: Network, *, processes: bool = False
) -> tuple[tuple[int, ...], ...]:
    """Groups of sites that act on each other, as places in the network, in its order.

    Processes of the user's couple every site with every other. An event that is a function of the
    user's couples the sites that it names (all of them if it names none); events of our own act on
    each of their sites by itself. Rerouting couples a site with those that its drivers drive on
    to. Copies of a site are meant with it.
    """
    places = range(len(network.sites))
    if processes:
        return (tuple(places),) if network.sites else ()
    root = list(places)

    def find(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    def join(members: Iterable[int]) -> None:
        tops = sorted({find(place) for place in members})
        for top in tops[1:]:
            root[top] = tops[0]

    named: dict[str, list[int]] = {}
    for place, site in enumerate(network.sites):
        named.setdefault(site.site.name, []).append(place)
    for event in scenario.file.events:
        if event.kind not in COUPLING_EVENTS:
            continue
        joined = named if event.sites is None else event.sites
        join(place for name in joined for place in named.get(name, ()))
    for name, members in named.items():
        reroute = network.sites[members[0]].site.reroute
        if reroute is not None:
            join(place for near in (name, *reroute.to) for place in named.get(near, ()))
    groups: dict[int, list[int]] = {}
    for place in places:
        groups.setdefault(find(place), []).append(place)
    return tuple(tuple(members) for members in groups.values())


def tasks(
    scenario: Scenario, network: Network, groups: Sequence[tuple[int, ...]]
) -> tuple[Task, ...]:
    """Cut the groups into tasks of about equal size, so that every task is a stretch of sites.

    Groups that overlap in the order of the network stay in one task: rows come out in that order.
    """
    intervals = scenario.duration_s / scenario.file.record.interval
    found: list[Task] = []
    chosen: list[tuple[int, ...]] = []
    visits = rows = 0.0
    reach = -1
    for group in groups:
        more = sum(expected_visits(scenario, network.sites[place]) for place in group)
        more_rows = len(group) * intervals
        full = visits + more > TASK_VISITS or rows + more_rows > TASK_ROWS
        if chosen and full and group[0] > reach:
            found.append(Task(len(found), tuple(chosen), visits))
            chosen, visits, rows = [], 0.0, 0.0
        chosen.append(group)
        visits += more
        rows += more_rows
        reach = max(reach, group[-1])
    if chosen:
        found.append(Task(len(found), tuple(chosen), visits))
    return tuple(found)


def expected_visits(scenario: Scenario, site: SiteInstance) -> float:
    """About how many visits a site will have."""
    days = scenario.duration_s / _DAY_S
    rate = (site.site.visits_per_evse_day or 0.0) * site.evses
    rate += sum(fleet.count for fleet in site.site.depot)
    recorded = 0
    if site.trace and scenario.trace is not None:
        recorded = len(scenario.trace.evse)
    return 1.0 + rate * days + recorded


def in_network_order(
    groups: Sequence[tuple[int, ...]], parts: Sequence[Sequence[Any]]
) -> list[Any]:
    """What belongs to the sites of several groups, in the order of the network."""
    pairs = [
        pair
        for group, part in zip(groups, parts, strict=True)
        for pair in zip(group, part, strict=True)
    ]
    return [item for _, item in sorted(pairs, key=lambda pair: pair[0])]
