"""From the engine's plan (plan time) to what each station of a shard does (run time).

``run = (plan - from) / speed``: stays, gaps and battery capacities are divided by the speed, power
and the course of the state of charge keep their shape, so energy is divided too.

A station plays no visit before it is operational (its switch-on plus the boot allowance). A visit
that is under way then begins then, at the state of charge that the plan has at that moment. Visits
of which less than ``MIN_STAY_S`` is left are not played. The run's end ends every visit.

What a site contributes is worked out in ``siteplan``; here sites are put together into shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.identity import evse_positions, station_password, token_pools
from simulator.fleet.shardplan import ShardPlan
from simulator.fleet.siteplan import SitePart, Window, joined, site_part
from simulator.fleet.spells import Spells, once
from simulator.fleet.stages import close_due

if TYPE_CHECKING:
    from simulator.engine.plan import EngineResult
    from simulator.scenario import Network, Scenario, StationModel

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]


def window(scenario: Scenario, run_s: float) -> Window:
    """The window that a run of ``run_s`` seconds plays: from ``live.from`` on, at its speed."""
    return Window(scenario.live_from_s, scenario.file.live.speed, run_s)


def split(network: Network, shards: int) -> tuple[tuple[int, ...], ...]:
    """Share whole sites among at most ``shards`` shards: indices of sites, each in network order.

    The largest site goes first, each to the shard with the fewest stations so far. There are never
    more shards than sites.
    """
    sizes = [len(site.stations) for site in network.sites]
    count = max(1, min(shards, len(sizes)))
    groups: list[list[int]] = [[] for _ in range(count)]
    load = [0] * count
    for site in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        lightest = min(range(count), key=lambda g: (load[g], g))
        groups[lightest].append(site)
        load[lightest] += sizes[site]
    return tuple(tuple(sorted(group)) for group in groups)


def build_live_plan(
    scenario: Scenario,
    network: Network,
    engine: EngineResult,
    *,
    from_s: float,
    speed: float,
    run_s: float,
    connect_due: F64,
    spells: Spells | None = None,
    sites: Sequence[int] | None = None,
    password: str | None = None,
) -> ShardPlan:
    """The plan of the stations of ``sites`` (indices into ``network.sites``; default: all of them).

    ``connect_due`` gives the run time at which each station of the *network*, in network order, is
    switched on, ``spells`` when each is on where some are switched off again. ``password`` is the
    one that the scenario sets for all stations, if it does.
    Station plans do not depend on how the network is split.

    Raises ValueError if the engine's result ends before the run does, or lacks caps that it needs.
    """
    span = Window(from_s, speed, run_s)
    if engine.duration_s < span.until_s - 1e-6:
        raise ValueError(
            f"the plan ends {engine.duration_s:g} s after the start;"
            f" the run needs {span.until_s:g} s"
        )
    chosen = range(len(network.sites)) if sites is None else sites
    first = np.cumsum([0] + [len(site.stations) for site in network.sites])
    index = np.concatenate([np.arange(first[s], first[s + 1], dtype=np.int32) for s in chosen])
    closing = close_due(run_s, network.stations)
    on = once(connect_due) if spells is None else spells
    parts, base = [], 0
    for s in chosen:
        mine = np.arange(first[s], first[s + 1])
        parts.append(site_part(engine.sites[s], span, on.take(mine), closing[mine], base))
        base += first[s + 1] - first[s]
    plan = _assemble(scenario, network, chosen, index, parts, span, on.first_on_s[index], password)
    return plan if spells is None else replace(plan, spells=on.take(index.astype(np.int64)))


def _assemble(
    scenario: Scenario,
    network: Network,
    chosen: Sequence[int],
    index: I32,
    parts: Sequence[SitePart],
    span: Window,
    connect_due: F64,
    password: str | None,
) -> ShardPlan:
    """Put sites together; ``index`` is the place of each of their stations in the network."""
    every = [station for site in network.sites for station in site.stations]
    positions = evse_positions([station.evses for station in every])
    stations = [every[i] for i in index]
    stays, cars, knots_soc, knots_kw = joined(parts)
    kinds, kind = _distinct([station.model for station in stations])
    evse_first = np.cumsum([0] + [station.evses for station in stations]).astype(np.int32)
    flat = evse_first[stays.station] + stays.evse - 1
    names = tuple(network.sites[s].name for s in chosen)
    number = {name: i for i, name in enumerate(names)}
    return ShardPlan(
        station_index=index,
        ids=tuple(station.id for station in stations),
        vendors=tuple(station.vendor for station in stations),
        models=tuple(station.model_name for station in stations),
        serials=tuple(station.serial for station in stations),
        passwords=tuple(station_password(scenario, station, password) for station in stations),
        versions=tuple(station.version for station in stations),
        sites=names,
        site=np.array([number[station.site] for station in stations], np.int32),
        ordinal=np.array([station.ordinal for station in stations], np.int32),
        kinds=kinds,
        kind=kind,
        evse_first=evse_first,
        evse_position=np.array([positions[i] for i in index], np.int32),
        connect_due_s=connect_due.astype(np.float64),
        stays=stays,
        stay_first=np.searchsorted(flat, np.arange(evse_first[-1] + 1)).astype(np.int64),
        cars=cars,
        knots_soc=knots_soc,
        knots_kw=knots_kw,
        tokens=token_pools(scenario, network.evses),
        speed=span.speed,
        run_s=span.run_s,
        left_out=sum(part.left_out for part in parts),
    )


def _distinct(
    models: Sequence[StationModel],
) -> tuple[tuple[StationModel, ...], I32]:
    kinds: dict[StationModel, int] = {}
    kind = [kinds.setdefault(model, len(kinds)) for model in models]
    return tuple(kinds), np.array(kind, np.int32)
