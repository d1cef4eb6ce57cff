"""Drivers who find no place and go on to another site.

Sites that such drivers couple advance together, in windows no longer than the shortest way between
any two of them: whoever leaves within a window arrives after it. A driver who is turned away by the
queue (too long to join, or full) or runs out of patience goes to the next site of the list of the
site that the visit was drawn for, each once, unless the planned departure comes before. Car,
state of charge and departure stay; the patience and the courage to queue are drawn anew, by a key.

What became of the visit at the site it left stays in that site's plan, marked ``rerouted``: the
driver is counted where the way ended. Vehicles of a depot never go elsewhere. Called by ``world``.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.demand.draws import Draws, key64
from simulator.demand.habits import most_ahead
from simulator.demand.patience import patience_s
from simulator.engine import acts
from simulator.engine.joining import append
from simulator.engine.plan import Outcome

if TYPE_CHECKING:
    import simpy

    from simulator.demand.visits import Visits
    from simulator.engine.site import SiteRun
    from simulator.scenario import ArrivalProfile, Scenario, SiteInstance

Rows = NDArray[np.int64]

_TURNED_AWAY = (int(Outcome.BALKED), int(Outcome.BLOCKED), int(Outcome.RENEGED))


@dataclass(frozen=True, slots=True)
class Routes:
    """Where the drivers of each site go, as indices of sites, and how long each way takes."""

    to: tuple[tuple[int, ...], ...]
    travel_s: tuple[float, ...]
    """``inf`` for a site whose drivers go nowhere else."""
    groups: tuple[tuple[int, ...], ...]
    """Sites that are coupled, directly or not; every site is in one group, most alone."""


def routes(sites: Sequence[SiteInstance]) -> Routes:
    """Who is coupled to whom. A copy of a site sends its drivers to the copy of the same number.

    Where the other site has fewer copies they are counted round; one that the network has been made
    too small for is left out.
    """
    copies: dict[str, list[int]] = {}
    for index, site in enumerate(sites):
        copies.setdefault(site.site.name, []).append(index)
    to: list[tuple[int, ...]] = []
    travel: list[float] = []
    leader = list(range(len(sites)))

    def find(index: int) -> int:
        while leader[index] != index:
            index = leader[index]
        return index

    for index, site in enumerate(sites):
        targets: tuple[int, ...] = ()
        if site.site.reroute is not None:
            number = copies[site.site.name].index(index)
            known = (copies.get(name) for name in site.site.reroute.to)
            targets = tuple(places[number % len(places)] for places in known if places)
        to.append(targets)
        travel.append(site.site.reroute.travel if targets and site.site.reroute else math.inf)
        for target in targets:
            leader[find(target)] = find(index)
    groups: dict[int, list[int]] = {}
    for index in range(len(sites)):
        groups.setdefault(find(index), []).append(index)
    return Routes(tuple(to), tuple(travel), tuple(tuple(group) for group in groups.values()))


def share_curves(drawn: list[Visits], ways: Routes) -> None:
    """Give the visits of coupled sites one table of curves: a car keeps its own elsewhere."""
    for group in ways.groups:
        shared = with_one_table([drawn[index] for index in group])
        for index, visits in zip(group, shared, strict=True):
            drawn[index] = visits


def with_one_table(visits: Sequence[Visits]) -> list[Visits]:
    """The same visits with one table of curves between them."""
    tables: dict[int, Visits] = {id(part.curves): part for part in visits}
    if len(tables) < 2:
        return list(visits)
    nobody = np.zeros(0, np.int64)
    joined = append([part.take(nobody) for part in tables.values()]).curves
    firsts: dict[int, int] = {}
    count = 0
    for key, part in tables.items():
        firsts[key] = count
        count += len(part.curves.offset) - 1
    return [
        replace(part, curves=joined, curve=part.curve + np.int32(firsts[id(part.curves)]))
        for part in visits
    ]


class Mood(NamedTuple):
    """How a driver meets the queue of another site."""

    patience_s: float
    most_ahead: int


Redraw = Callable[["SiteInstance", int, int, "SiteInstance"], Mood | None]
"""Draws the mood of (site drawn for, row there, how often gone on) at another site; None: as it
was."""


def redraw(scenario: Scenario) -> Redraw:
    """The moods of a scenario's drivers: patience by their own profile, balking by the new site."""
    profiles: Mapping[str, ArrivalProfile] = scenario.arrivals

    def mood(origin: SiteInstance, row: int, hop: int, site: SiteInstance) -> Mood:
        draws = Draws(key64(scenario.seed, origin.name, "reroute", row, hop))
        profile = profiles.get(origin.site.arrivals or "")
        patience = math.inf if profile is None else patience_s(profile, draws.uniform())
        ahead = -1
        if site.site.balking:
            ahead = int(most_ahead(site.site.balking, np.array([draws.uniform()]))[0])
        return Mood(patience, ahead)

    return mood


class Detour(NamedTuple):
    """Whose visit a row is that another site has sent."""

    origin: int
    row: int
    hop: int


@dataclass(slots=True)
class _Watch:
    """Which visits of a site have come and are not settled yet."""

    run: SiteRun
    fixed: Rows
    """Rows of vehicles that never go elsewhere, sorted."""
    first: int
    """How many visits the site began with."""
    seen: int = 0
    """Of those, how many have come."""
    known: int = 0
    later: list[tuple[float, int]] = field(default_factory=list)
    """(arrival, row) of further visits, a heap."""
    waiting: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, run: SiteRun) -> _Watch:
        """Watch a site from its first visit on."""
        links = run.visits.next_visit
        fixed = np.zeros(0, np.int64)
        if links is not None:
            fixed = np.union1d(np.flatnonzero(links >= 0), links[links >= 0])
        return cls(run, fixed, len(run.visits), known=len(run.visits))

    def turned_away(self, now_s: float) -> Rows:
        """Rows of those who have left without a place since the last look."""
        visits = self.run.visits
        for row in range(self.known, len(visits)):
            heapq.heappush(self.later, (float(visits.arrival_s[row]), row))
        self.known = len(visits)
        come = int(np.searchsorted(visits.arrival_s[: self.first], now_s, side="right"))
        fresh = list(range(self.seen, come))
        self.seen = come
        while self.later and self.later[0][0] <= now_s:
            fresh.append(heapq.heappop(self.later)[1])
        rows = np.concatenate((self.waiting, np.array(fresh, np.int64)))
        outcome = self.run.state.sessions["outcome"][rows]
        self.waiting = rows[outcome == Outcome.WAITING]
        gone = rows[np.isin(outcome, _TURNED_AWAY)]
        return gone[~np.isin(gone, self.fixed)] if len(self.fixed) else gone


def travel_on(
    env: simpy.Environment,
    runs: Sequence[SiteRun],
    ways: Routes,
    group: Sequence[int],
    mood: Redraw | None,
    passed: Callable[[SiteRun], None],
) -> Generator[Any, Any, None]:
    """Let a group of coupled sites live, window by window; ``passed`` is told after each window."""
    window_s = min(ways.travel_s[index] for index in group)
    watches = {index: _Watch.of(runs[index]) for index in group}
    detours: dict[tuple[int, int], Detour] = {}
    while True:
        yield env.timeout(window_s)
        now_s = float(env.now)
        for index in group:
            runs[index].advance(now_s)
            passed(runs[index])
        sent: dict[int, list[tuple[float, Visits, Detour]]] = {}
        for index in group:
            for row in watches[index].turned_away(now_s):
                _send(runs, ways, index, int(row), detours, mood, now_s, sent)
        for target in sorted(sent):
            _arrive(runs[target], target, sent[target], detours)


def _send(
    runs: Sequence[SiteRun],
    ways: Routes,
    index: int,
    row: int,
    detours: Mapping[tuple[int, int], Detour],
    mood: Redraw | None,
    now_s: float,
    sent: dict[int, list[tuple[float, Visits, Detour]]],
) -> None:
    """Send the driver of one visit on, if there is a site left and time to get there."""
    run = runs[index]
    origin, first_row, hop = detours.get((index, row), Detour(index, row, 0))
    if hop >= len(ways.to[origin]):
        return
    left_s = float(run.visits.arrival_s[row])
    if run.state.sessions["outcome"][row] == Outcome.RENEGED:
        left_s = float(run.state.sessions["queue_end_s"][row])
    # Rounding must not put an arrival into the window that is over.
    there_s = max(left_s + ways.travel_s[origin], math.nextafter(now_s, math.inf))
    if there_s >= min(float(run.visits.departure_s[row]), run.duration_s):
        return
    target = ways.to[origin][hop]
    visit = run.visits.take(np.array([row], np.int64))
    changes: dict[str, Any] = {
        "arrival_s": np.array([there_s]),
        "evse": np.array([-1], np.int32),
        "next_visit": None,
        "used_soc": None,
        "reserved_s": None,
        "no_show": None,
    }
    drawn = mood(runs[origin].site, first_row, hop + 1, runs[target].site) if mood else None
    if drawn is not None:
        changes["patience_s"] = np.array([drawn.patience_s])
        changes["most_ahead"] = np.array([drawn.most_ahead], np.int32)
    run.state.sessions["rerouted"][row] = 1
    detour = Detour(origin, first_row, hop + 1)
    sent.setdefault(target, []).append((there_s, replace(visit, **changes), detour))


def _arrive(
    run: SiteRun,
    target: int,
    sent: list[tuple[float, Visits, Detour]],
    detours: dict[tuple[int, int], Detour],
) -> None:
    """Announce drivers to the site that they are on the way to."""
    sent.sort(key=lambda one: (one[0], one[2]))
    rows = acts.add_visits(run, append([visit for _, visit, _ in sent]))
    for row, (_, _, detour) in zip(rows, sent, strict=True):
        detours[target, int(row)] = detour
