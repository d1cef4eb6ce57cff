"""The tree of a site's limits against itself and against the stations below it.

A tree is one: names differ, what a limit or a station hangs under exists, nothing hangs under
itself. And no limit is so small that no car could charge at any of the stations below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.scenario import units
from simulator.scenario.problems import Problem, listed, nearest
from simulator.scenario.profile_model import MINIMUM_A, VOLTAGE_V, StationModel

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables

CONNECTION = None
"""Stands for the grid connection among the names of limits."""


def check_limits(tables: Tables) -> Iterator[Problem]:
    """Every problem with the limits of every site."""
    for site in tables.tables("sites"):
        for part in (_names, _circles, _contents, _wiring, _least):
            yield from part(tables, site)


def _limits(tables: Tables, site: int) -> dict[str, int]:
    """Index of each limit by name; of equal names the first."""
    known: dict[str, int] = {}
    for n in tables.tables("sites", site, "limits"):
        name = tables.get("sites", site, "limits", n, "name")
        if isinstance(name, str):
            known.setdefault(name, n)
    return known


def _names(tables: Tables, site: int) -> Iterator[Problem]:
    known = _limits(tables, site)
    for n in tables.tables("sites", site, "limits"):
        loc = ("sites", site, "limits", n)
        name = tables.get(*loc, "name")
        if isinstance(name, str) and known[name] != n:
            expected = f"a name of its own (limits[{known[name]}] is called that)"
            yield tables.problem((*loc, "name"), expected)
    nameless = any(
        tables.wrong(("sites", site, "limits", n, "name"))
        for n in tables.tables("sites", site, "limits")
    )
    for kind in ("limits", "stations"):
        for n in tables.tables("sites", site, kind):
            under = tables.get("sites", site, kind, n, "under")
            if isinstance(under, str) and under not in known and not nameless:
                expected = "a limit of this site"
                expected += f": {listed(list(known))}" if known else " (it has none)"
                place = ("sites", site, kind, n, "under")
                yield tables.problem(place, expected, nearest(under, list(known)))


def _above(tables: Tables, site: int, known: dict[str, int], name: str | None) -> list[str]:
    """A limit and all above it, from the bottom up; ends where a circle closes."""
    chain: list[str] = []
    while name is not None and name in known and name not in chain:
        chain.append(name)
        under = tables.get("sites", site, "limits", known[name], "under")
        name = under if isinstance(under, str) else None
    return chain if name is None or name not in chain else [*chain, name]


def _circles(tables: Tables, site: int) -> Iterator[Problem]:
    known = _limits(tables, site)
    told: set[str] = set()
    for name, n in known.items():
        chain = _above(tables, site, known, name)
        if len(chain) > 1 and chain[-1] == name and name not in told:
            told.update(chain)
            expected = "a limit that does not hang under this one"
            if len(chain) > 2:
                expected += f" ({' under '.join(chain)})"
            yield tables.problem(("sites", site, "limits", n, "under"), expected)


def _contents(tables: Tables, site: int) -> Iterator[Problem]:
    for n in tables.tables("sites", site, "limits"):
        loc = ("sites", site, "limits", n)
        kinds = ("limit", "current", "neutral", "transformer", "windows")
        if not any(tables.has(*loc, kind) for kind in kinds):
            yield tables.problem((*loc, "limit"), "a limit, a current, a neutral or a transformer")


def _wiring(tables: Tables, site: int) -> Iterator[Problem]:
    for n in tables.tables("sites", site, "stations"):
        loc = ("sites", site, "stations", n)
        wiring = tables.get(*loc, "wiring")
        models = [model for model in tables.models(*loc) if model is not None]
        if wiring is None or not models:
            continue
        if wiring != "rotated" and all(model.current == "dc" for model in models):
            expected = "nothing here: a DC station draws evenly on all phases"
            yield tables.problem((*loc, "wiring"), expected)
            continue
        across = wiring in ("L1L2", "L2L3", "L3L1", "rotated-LL")
        three = [model.name for model in models if model.current != "dc" and model.phases != 1]
        if across and three:
            expected = f"rotated, L1, L2 or L3: {three[0]} has three phases"
            yield tables.problem((*loc, "wiring"), expected)


def _least(tables: Tables, site: int) -> Iterator[Problem]:
    """No limit is below what the least station under it needs."""
    known = _limits(tables, site)
    volts = tables.get("sites", site, "voltage")
    voltage = float(volts) if isinstance(volts, int | float) else VOLTAGE_V
    below: dict[str | None, list[tuple[StationModel, bool]]] = {CONNECTION: []}
    for n in tables.tables("sites", site, "stations"):
        models = [m for m in tables.models("sites", site, "stations", n) if m is not None]
        if len(models) < len(tables.models("sites", site, "stations", n)):
            return
        wiring = tables.get("sites", site, "stations", n, "wiring")
        across = wiring in ("L1L2", "L2L3", "L3L1", "rotated-LL")
        under = tables.get("sites", site, "stations", n, "under")
        chain = _above(tables, site, known, under if isinstance(under, str) else None)
        for name in {CONNECTION, *chain}:
            below.setdefault(name, []).extend((model, across) for model in models)
    for name, stations in below.items():
        if not stations:
            continue
        loc = ("sites", site) if name is None else ("sites", site, "limits", known[name])
        power, current = ("grid_limit", "grid_current") if name is None else ("limit", "current")
        windows = "grid_windows" if name is None else "windows"
        least, which = min((_least_kw(m, a, voltage), m.name) for m, a in stations)
        expected = f"at least {least:g} kW, below which no {which} can charge"
        places = [(*loc, power)]
        places += [(*loc, windows, w, "limit") for w in tables.tables(*loc, windows)]
        for place in places:
            if place == ("sites", site, "grid_limit"):
                continue  # with the other fields of a site, see `checks`
            limit = tables.quantity(units.POWER, *place)
            if limit is not None and limit < least:
                yield tables.problem(place, expected)
        amps, which = min((_least_a(m, voltage), m.name) for m, _ in stations)
        limit = tables.quantity(units.CURRENT, *loc, current)
        if limit is not None and limit < amps:
            expected = f"at least {amps:g} A, below which no {which} can charge"
            yield tables.problem((*loc, current), expected)


def _least_kw(model: StationModel, across: bool, voltage: float) -> float:
    """Least power at which any car charges at a station: on AC 6 A of a one-phase car."""
    if model.current == "dc":
        return model.min_kw
    return MINIMUM_A * voltage * (math.sqrt(3.0) if across else 1.0) / 1000.0


def _least_a(model: StationModel, voltage: float) -> float:
    """Least current on a phase at which any car charges at a station."""
    return model.min_kw * 1000.0 / (3.0 * voltage) if model.current == "dc" else MINIMUM_A
