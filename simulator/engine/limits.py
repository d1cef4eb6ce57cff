"""The tree of a site's limits as the kernel reads it: nodes, who hangs where, conductors.

Nodes stand parents before children and each before its next sibling, so that the nodes below one
follow it. Stations have *places* in the same order: those below a node lie side by side. Where the
grid connection has limits of current, a first node without a limit of power carries them.

Called by ``layout``. What changes by the clock: see ``windows``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.engine import wiring
from simulator.engine.kernel import state

if TYPE_CHECKING:
    from simulator.scenario import SiteInstance
    from simulator.scenario.grid_model import Limit
    from simulator.scenario.site_model import Site

Records = NDArray[np.void]
F64 = NDArray[np.float64]

CONNECTION = ""
"""Name of the node that stands for the grid connection's limits of current."""


@dataclass(frozen=True, slots=True)
class LimitTree:
    """Nodes (m), their names, and the places of stations (s)."""

    nodes: Records
    names: tuple[str, ...]
    station_node: NDArray[np.int64]
    placed: NDArray[np.int64]
    """The station at each place."""
    phasors: Records
    phasor_re: F64
    phasor_im: F64


def node_names(site: Site) -> tuple[str, ...]:
    """Names of the nodes in the kernel's order. Raises ValueError for a tree that is none."""
    names: list[str] = []
    if site.grid_current is not None or site.neutral is not None:
        names.append(CONNECTION)

    def visit(above: str | None) -> None:
        for limit in site.limits:
            if limit.under == above:
                names.append(limit.name)
                visit(limit.name)

    visit(None)
    lost = sorted({limit.name for limit in site.limits} - set(names))
    if lost or len(set(names)) < len(names):
        raise ValueError(f"{site.name}: limits that form no tree: {', '.join(lost or names)}")
    return tuple(names)


def limit_tree(site: SiteInstance) -> LimitTree:
    """Lay out the tree of a site."""
    table = site.site
    names = node_names(table)
    index = {name: x for x, name in enumerate(names)}
    limits = {limit.name: limit for limit in table.limits}
    top = index.get(CONNECTION, -1)
    nodes = np.zeros(len(names), state.NODE)
    nodes["limit_kw"] = math.inf
    nodes["parent"] = -1
    nodes["free_kw"] = math.inf
    if top >= 0:
        nodes[top]["whole"] = 1
    for x, name in enumerate(names):
        limit = limits.get(name)
        if limit is not None:
            nodes[x]["parent"] = top if limit.under is None else index[limit.under]
            nodes[x]["limit_kw"] = math.inf if limit.limit is None else limit.limit
    node_of = _station_nodes(site, index, top)
    placed = _places(nodes, node_of)
    rows = _rows(table, names, limits)
    phasors = np.zeros(len(rows), state.PHASOR)
    for r, (x, row) in enumerate(rows):
        phasors[r]["node"] = x
        phasors[r]["limit_kw"] = row.limit_a
        phasors[r]["simple"] = row.simple
        phasors[r]["conductor"] = row.conductor
        longest = float(np.abs(row.coefficients).max())
        nodes[x]["free_kw"] = min(float(nodes[x]["free_kw"]), row.limit_a / longest)
    for x in range(len(names)):
        nodes[x]["row"], nodes[x]["row_stop"] = np.searchsorted(phasors["node"], [x, x + 1])
    table_ = np.array([row.coefficients for _, row in rows], np.complex128)
    table_ = table_.reshape(len(rows), state.KINDS)
    return LimitTree(
        nodes,
        names,
        node_of,
        placed,
        phasors,
        np.ascontiguousarray(table_.real),
        np.ascontiguousarray(table_.imag),
    )


def _station_nodes(site: SiteInstance, index: dict[str, int], top: int) -> NDArray[np.int64]:
    known: dict[str | None, int] = {None: top}
    known.update(index)
    try:
        return np.array([known[station.under] for station in site.stations], np.int64)
    except KeyError as error:
        raise ValueError(f"{site.name}: a station under {error}, which is no limit") from None


def _places(nodes: Records, node_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Stations in the order of the tree; fills in which places and nodes are below each node."""
    placed: list[int] = np.flatnonzero(node_of < 0).tolist()
    count = len(nodes)
    for x in range(count):
        nodes[x]["first"] = len(placed)
        placed += np.flatnonzero(node_of == x).tolist()
        nodes[x]["stop"] = len(placed)
        nodes[x]["end"] = x + 1
    for x in range(count - 1, -1, -1):
        above = nodes[x]["parent"]
        if above >= 0:
            nodes[above]["stop"] = max(nodes[above]["stop"], nodes[x]["stop"])
            nodes[above]["end"] = max(nodes[above]["end"], nodes[x]["end"])
    return np.array(placed, np.int64)


def _rows(
    site: Site, names: Sequence[str], limits: dict[str, Limit]
) -> list[tuple[int, wiring.Row]]:
    """Rows of the phasor table with their nodes, in the order of the nodes."""
    found: list[tuple[int, wiring.Row]] = []
    conductors = 0
    for x, name in enumerate(names):
        for amps, limit_a in _conductors(site, limits.get(name)):
            found += [(x, row) for row in wiring.rows(amps, limit_a, conductors)]
            conductors += len(amps)
    return found


def _conductors(site: Site, limit: Limit | None) -> list[tuple[Any, float]]:
    """Groups of conductors with their limit in A."""
    found: list[tuple[Any, float]] = []
    volts = site.voltage
    current = site.grid_current if limit is None else limit.current
    neutral = site.neutral if limit is None else limit.neutral
    if current is not None:
        found.append((wiring.line_currents(volts), current))
    if neutral is not None:
        found.append((wiring.neutral_current(volts), neutral))
    if limit is not None and limit.transformer is not None:
        amps = wiring.primary_currents(volts, limit.transformer.voltage)
        found.append((amps, limit.transformer.current))
    return found
