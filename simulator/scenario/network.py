"""The network that a scenario describes: sites, copies of sites, stations with their identities.

Order is the identity: sites as written, their copies after them, stations in the order of their
groups. Nothing here depends on how many shards run or which command asks.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, SupportsIndex

from simulator.scenario.fields import MOST_STATIONS
from simulator.scenario.mixes import Kind, Shares, drawn_kind, drawn_version, kind_of, kinds_of
from simulator.scenario.problems import InputError, Problem, ScenarioError, listed
from simulator.scenario.profile_model import StationModel
from simulator.scenario.site_model import Site

if TYPE_CHECKING:
    from simulator.scenario.inventory import InventoryStation
    from simulator.scenario.scenario import Scenario

PREFIX = "CSW-"
"""Begins every identity that is ours, so that none collides with a real station."""


@dataclass(frozen=True, slots=True)
class StationInstance:
    """One station: one OCPP connection."""

    site: str
    ordinal: int
    """1-based, within the site."""
    id: str
    model: StationModel
    evses: int
    evse_names: tuple[str, ...] | None
    """What a trace calls its EVSEs; None where no trace is replayed."""
    vendor: str
    model_name: str
    serial: str
    password: str | None
    version: str = "1.6"
    """The OCPP version that it speaks."""
    under: str | None = None
    """The limit of the site that it hangs under; None: the grid connection."""
    wiring: str = "rotated"
    """How it is wired to the phases, see `StationGroup.wiring`."""


@dataclass(frozen=True, slots=True)
class SiteInstance:
    """One place. Copies share the `Site` and differ in their name."""

    name: str
    site: Site
    stations: tuple[StationInstance, ...]
    trace: bool
    """Whether it replays the scenario's trace."""

    @property
    def evses(self) -> int:
        """EVSEs of all its stations."""
        return sum(station.evses for station in self.stations)


@dataclass(frozen=True, slots=True)
class Network:
    """All sites in order."""

    sites: tuple[SiteInstance, ...]

    @property
    def stations(self) -> int:
        """Number of stations."""
        return sum(len(site.stations) for site in self.sites)

    @property
    def evses(self) -> int:
        """Number of EVSEs."""
        return sum(site.evses for site in self.sites)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A station of a site, before the site's copies get their names."""

    kinds: tuple[Kind, ...]
    """What it may be; where there are several, each copy of the site draws one."""
    evse_names: tuple[str, ...] | None
    under: str | None = None
    wiring: str = "rotated"


def evse_name(ordinal: int, evse: int) -> str:
    """What a trace calls an EVSE (1-based) of a station that the scenario gives no names."""
    return f"{ordinal:04d}-{evse}"


def named_evses(site: Site, models: dict[str, StationModel]) -> list[str]:
    """The names by which a trace knows the EVSEs that the scenario lists for a site."""
    return [name for slot in _slots(site, models, True, {}) for name in slot.evse_names or ()]


def build_network(scenario: Scenario, stations: int | None = None) -> Network:
    """The network of a scenario, of ``stations`` stations if given.

    The first ones in site order; past the end whole sites are cloned under further names. With an
    inventory its rows are the stations, all of them unless ``stations`` asks for fewer.
    Raises ScenarioError for a number that cannot be.
    """
    rows = scenario.stations
    if stations is not None and (not isinstance(stations, SupportsIndex) or stations < 1):
        expected = "a whole number of stations of 1 or more"
        raise ScenarioError([Problem("", "stations", str(stations), expected)])
    if rows is not None:
        if stations is not None and stations > len(rows):
            expected = f"at most the {len(rows)} stations of {scenario.file.fleet}"
            raise ScenarioError([Problem("", "stations", str(stations), expected)])
        stations = len(rows) if stations is None else stations
    stations = None if stations is None else operator.index(stations)
    plan = [(site, _slots_of(scenario, site)) for site in scenario.file.sites]
    if stations is None:
        stations = sum(site.count * len(slots) for site, slots in plan)
    if stations > MOST_STATIONS:
        expected = f"at most {MOST_STATIONS} stations"
        raise ScenarioError([Problem("", "stations", str(stations), expected)])
    sites: list[SiteInstance] = []
    left = stations
    round_ = 0
    while left > 0:
        for site, slots in plan:
            for copy in range(round_ * site.count + 1, (round_ + 1) * site.count + 1):
                if left > 0:
                    used = slots[:left]
                    sites.append(_site(scenario, site, copy, used))
                    left -= len(used)
        round_ += 1
    network = Network(tuple(sites))
    return network if rows is None else _with_inventory(network, rows, str(scenario.file.fleet))


def _slots_of(scenario: Scenario, site: Site) -> list[_Slot]:
    replays = site.name == scenario.trace_site
    shares = scenario.file.csms.versions
    slots = _slots(site, scenario.models, replays, shares)
    trace = scenario.file.trace
    if replays and trace is not None and scenario.trace is not None:
        known = {name for slot in slots for name in slot.evse_names or ()}
        missing = list(dict.fromkeys(name for name in scenario.trace.evse if name not in known))
        model = trace.model or site.stations[0].model
        assert model is not None  # a mix and a trace do not go together
        slots += _made(missing, kind_of(scenario.models[model], shares))
    return slots


def _slots(site: Site, models: dict[str, StationModel], named: bool, shares: Shares) -> list[_Slot]:
    slots: list[_Slot] = []
    for group in site.stations:
        kinds = kinds_of(group, models, shares)
        given = iter(group.names or ())
        for _ in range(group.count):
            ordinal = len(slots) + 1
            evses = kinds[0].model.evses  # of all of them where EVSEs have names
            names = tuple(islice(given, evses)) if group.names is not None else None
            if names is None and named:
                names = tuple(evse_name(ordinal, evse + 1) for evse in range(evses))
            slots.append(_Slot(kinds, names if named else None, group.under, group.wiring))
    return slots


def _made(names: Sequence[str], kind: Kind) -> list[_Slot]:
    """Stations for EVSEs that only the trace knows, filled in the order in which they appear."""
    evses = kind.model.evses
    return [
        _Slot((kind,), tuple(names[first : first + evses])) for first in range(0, len(names), evses)
    ]


def _site(scenario: Scenario, site: Site, copy: int, slots: Sequence[_Slot]) -> SiteInstance:
    name = site.name if copy == 1 else f"{site.name}#{copy}"
    stations = []
    for ordinal, slot in enumerate(slots, start=1):
        identity = f"{PREFIX}{name.replace('#', '.')}-{ordinal:04d}"
        kind = drawn_kind(slot.kinds, scenario.seed, name, ordinal)
        stations.append(
            StationInstance(
                site=name,
                ordinal=ordinal,
                id=identity,
                model=kind.model,
                evses=kind.model.evses if slot.evse_names is None else len(slot.evse_names),
                evse_names=slot.evse_names,
                vendor=kind.model.vendor,
                model_name=kind.model.model,
                serial=serial_of(identity),
                password=None,
                version=drawn_version(kind.shares, scenario.seed, name, ordinal),
                under=slot.under,
                wiring=slot.wiring,
            )
        )
    return SiteInstance(name, site, tuple(stations), site.name == scenario.trace_site)


def serial_of(identity: str) -> str:
    """A serial number of at most 25 characters (OCPP 1.6) that differs where identities differ."""
    if len(identity) <= 25:
        return identity
    digest = hashlib.blake2b(identity.encode(), digest_size=5).hexdigest()
    return f"{identity[:14]}-{digest}"


def _with_inventory(network: Network, rows: Sequence[InventoryStation], label: str) -> Network:
    """The network with the identities and connectors of an inventory, row by row."""
    problems: list[Problem] = []
    left = iter(rows)
    sites = []
    for site in network.sites:
        stations = []
        for station, row in zip(site.stations, left, strict=False):
            if site.trace and row.connectors != station.evses:
                where = f"line {row.line}, column 'connectors'"
                expected = f"{station.evses} connectors, as {station.id} has in the trace's site"
                problems.append(Problem(label, where, str(row.connectors), expected))
            if row.version not in station.model.versions:
                where = f"line {row.line}, column 'version'"
                spoken = listed(station.model.versions)
                expected = f"a version that the station model {station.model.name} speaks: {spoken}"
                problems.append(Problem(label, where, repr(row.version), expected))
            if row.version == "1.6" and site.site.start and site.site.start.plug_and_charge:
                where = f"line {row.line}, column 'version'"
                expected = f"2.0.1: 1.6 knows no plug and charge (start of {site.site.name})"
                problems.append(Problem(label, where, row.version, expected))
            stations.append(
                replace(
                    station,
                    id=row.id,
                    evses=row.connectors,
                    vendor=row.vendor,
                    model_name=row.model,
                    serial=row.serial,
                    password=row.password or None,
                    version=row.version,
                )
            )
        sites.append(replace(site, stations=tuple(stations)))
    if problems:
        raise InputError(problems)
    return Network(tuple(sites))
