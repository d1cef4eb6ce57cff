"""Sites with trees of limits, phases and cabinets made at random, and their currents played back.

Currents are worked out from voltages and terminals, apart from the engine's tables.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
from engine_build import HORIZON_S, INF, KNOTS, apart, courses, model, site, visits
from hypothesis import strategies as st

from simulator.scenario.grid_model import Limit, Transformer

VOLTS = 230.0
U = [VOLTS * cmath.exp(-2j * cmath.pi * n / 3) for n in range(3)]
PAIRS = [(0, 1), (1, 2), (2, 0)]
WIRINGS = ["L1", "L2", "L3", "L1L2", "L2L3", "L3L1", "rotated", "rotated-LL"]


def limit(name, under=None, **fields):
    return Limit.model_construct(name=name, under=under, **fields)


def transformer(current, voltage=400.0):
    return Transformer.model_construct(current=current, voltage=voltage)


def with_limits(where, limits=(), under=(), wiring=(), **fields):
    """The site with limits; ``under`` and ``wiring`` station by station."""
    table = where.site.model_copy(update={"limits": tuple(limits), **fields})
    stations = tuple(
        replace(
            station,
            under=under[n] if under else None,
            wiring=wiring[n] if wiring else "rotated",
        )
        for n, station in enumerate(where.stations)
    )
    return replace(where, site=table, stations=stations)


def first_phases(where):
    """Where the first conductor of each station is: 0..2, or 3..5 for between two phases."""
    seen = {"rotated": 0, "rotated-LL": 0}
    found = []
    for station in where.stations:
        if station.wiring in seen:
            nth = seen[station.wiring] % 3
            seen[station.wiring] += station.model.current == "ac"
            found.append(nth + (3 if station.wiring == "rotated-LL" else 0))
        else:
            found.append(WIRINGS.index(station.wiring))
    return found


def amps_per_kw(current, station_phases, car_phases, first):
    """Currents into L1, L2, L3 for a load of 1 kW (unity power factor)."""
    amps = [0j, 0j, 0j]
    phases = 3 if current == "dc" else min(station_phases, car_phases)
    if phases == 1 and first >= 3 and current == "ac":
        a, b = PAIRS[first - 3]
        across = U[a] - U[b]
        flow = 1000.0 / across.conjugate()
        amps[a] += flow
        amps[b] -= flow
    elif phases == 2 and first >= 3:
        for n in PAIRS[first - 3]:
            amps[n] += 500.0 / U[n].conjugate()
    else:
        for step in range(phases):
            n = (first + step) % 3
            amps[n] += 1000.0 / phases / U[n].conjugate()
    return np.array(amps)


class Checks:
    """Every limit of a site as a function of the power of each EVSE's car."""

    def __init__(self, where):
        table = where.site
        parents = {limit.name: limit.under for limit in table.limits}
        chains = []
        for station in where.stations:
            chain, name = [], station.under
            while name is not None:
                chain.append(name)
                name = parents[name]
            chains.append(chain)
        self.limits = [("site", table.grid_limit, table.grid_current, table.neutral, None)]
        for one in table.limits:
            self.limits.append((one.name, one.limit, one.current, one.neutral, one.transformer))
        self.below = np.array(
            [[name == "site" or name in chain for chain in chains] for name, *_ in self.limits]
        )
        self.firsts = first_phases(where)
        self.where = where

    def amps(self, station, car_phases):
        m = self.where.stations[station].model
        return amps_per_kw(m.current, m.phases, car_phases, self.firsts[station])

    def used(self, station, kw, amps):
        """(name, used, limit) of every limit for loads given by their stations."""
        for row, (name, most_kw, current, neutral, device) in enumerate(self.limits):
            inside = self.below[row][station]
            if most_kw is not None:
                yield f"{name} kW", kw[inside].sum(), most_kw
            flow = (kw[inside, None] * amps[inside]).sum(axis=0)
            for found, most in currents(flow, current, neutral, device):
                yield f"{name} A", found, most


def currents(flow, current, neutral, device):
    """(current, limit) of each conductor that has a limit."""
    if current is not None:
        for amp in flow:
            yield abs(amp), current
    if neutral is not None:
        yield abs(sum(flow)), neutral
    if device is not None:
        turns = math.sqrt(3.0) * device.voltage / VOLTS
        windings = [amp / turns for amp in flow]
        for n in range(3):
            yield abs(windings[n] - windings[n - 1]), device.current


def worst(parts, current, neutral, device):
    """(largest current, limit) where every load may also be off."""
    best = None
    for mask in product((0.0, 1.0), repeat=len(parts)):
        flow = sum((m * p for m, p in zip(mask, parts, strict=True)), np.zeros(3, complex))
        found = list(currents(flow, current, neutral, device))
        if best is None:
            best = found
        best = [(max(a, b), most) for (a, _), (b, most) in zip(found, best, strict=True)]
    return best or []


def load_checks(result, horizon_s=HORIZON_S):
    """(time, name, used, limit) for every limit at every turning point, just before, and between.

    Powers are those of the recorded caps played through the plain physics.
    """
    checks = Checks(result.site)
    played = courses(result, horizon_s)
    times = apart(t for c in played.values() for t in c.turning_points_s() if t <= horizon_s)
    middles = [0.5 * (a + b) for a, b in pairwise(times)]
    order = list(played)
    station = np.array([result.evse_station[result.plan.evse[i]] for i in order], int)
    amps = np.array(
        [checks.amps(s, result.visits.ac_phases[i]) for i, s in zip(order, station, strict=True)]
    ).reshape(len(order), 3)
    for t in [*times, *(t - 1e-7 for t in times), *middles]:
        kw = np.array([played[i].power_kw(t) for i in order])
        for name, used, most in checks.used(station, kw, amps):
            yield t, name, used, most
        totals = np.bincount(station, kw, len(result.site.stations))
        for n, total in enumerate(totals):
            yield t, f"station {n}", total, result.site.stations[n].model.station_kw


def cabinet(evses, split, **fields):
    return replace(model("dc", evses, 150.0, station_kw=180.0, min_kw=10.0), split=split, **fields)


MODELS = [
    model("ac", 1, 22.0),
    model("ac", 2, 22.0, station_kw=22.0),
    model("ac", 1, 7.4, phases=1),
    model("ac", 2, 7.4, phases=1, station_kw=7.4),
    model("dc", 2, 150.0, station_kw=150.0, min_kw=5.0),
    cabinet(4, "modules", modules=6, module_kw=30.0),
    cabinet(2, "equal"),
]
ONE_PHASE = ["L1", "L2", "L3", "rotated", "L1L2", "L2L3", "L3L1", "rotated-LL"]


@st.composite
def tree_sites(draw, phased=True):
    """A site with up to five limits of all sorts, and stations anywhere among them."""
    chosen = draw(st.lists(st.sampled_from(MODELS), min_size=1, max_size=5))
    names = [f"n{x}" for x in range(draw(st.integers(0, 5)))]
    unders = [None, *names]
    parents = [draw(st.sampled_from(unders[: n + 1])) for n in range(len(names))]
    under = [draw(st.sampled_from(unders)) for _ in chosen]
    wiring = [draw(st.sampled_from(ONE_PHASE if m.phases == 1 else ONE_PHASE[:4])) for m in chosen]
    part = st.sampled_from([None, None, 0.2, 0.5, 0.8])

    def kw(total):
        share = draw(part)
        return None if share is None else share * total

    full = sum(m.station_kw for m in chosen)

    def amps(total):
        share = draw(part) if phased else None
        return None if share is None else share * total / 0.69

    limits = []
    for n, name in enumerate(names):
        below = [m for m, u in zip(chosen, under, strict=True) if is_below(u, name, names, parents)]
        total = sum(m.station_kw for m in below)
        device = amps(0.5 * total)
        limits.append(
            limit(
                name,
                parents[n],
                limit=kw(total),
                current=amps(total),
                neutral=amps(0.5 * total),
                transformer=None if device is None else transformer(max(device, 1.0)),
            )
        )
    where = site(
        *chosen,
        limit=kw(full),
        rotate=draw(st.sampled_from([120.0, 900.0])),
        queue=draw(st.sampled_from([True, False])),
    )
    return with_limits(
        where,
        draw(st.permutations(limits)),
        under,
        wiring,
        grid_current=amps(full),
        neutral=amps(0.5 * full),
        policy_interval=draw(st.sampled_from([60.0, 300.0])),
    )


def is_below(name, above, names, parents):
    while name is not None:
        if name == above:
            return True
        name = parents[names.index(name)]
    return False


@st.composite
def tree_cases(draw, most_visits=20, phased=True):
    """A site with a tree of limits, and its visits for two hours."""
    where = draw(tree_sites(phased))
    n = draw(st.sampled_from([most_visits, most_visits // 2, 3]))
    r = np.random.default_rng(draw(st.integers(0, 2**32)))
    arrival = np.sort(np.round(r.uniform(0, 5000, n) / 60.0) * 60.0)
    leaves = r.random(n) < 0.3
    soc = r.uniform(0.0, 0.9, n)
    return where, visits(
        arrival,
        departure_s=np.where(leaves, INF, arrival + np.round(r.exponential(2400, n))),
        linger_s=np.where(leaves, r.choice([0.0, 300.0], n), INF),
        soc=soc,
        target_soc=np.minimum(1.0, soc + r.choice([0.1, 0.5, 1.0], n)),
        battery_kwh=r.choice([8.0, 40.0, 77.0], n),
        ac_kw=r.choice([3.7, 7.4, 11.0, 22.0], n),
        ac_phases=r.choice([1, 2, 3], n),
        dc_kw=r.choice([50.0, 120.0, 250.0], n),
        curve=np.where(r.random(n) < 0.5, len(KNOTS) - 1, r.integers(0, len(KNOTS), n)),
        weight=r.choice([1.0, 1.0, 3.0], n),
    )
