"""A site in miniature for controllers: constant power limits, everything happens at ticks.

No engine: cars take what their EVSE allows. It keeps the limit of the site by cutting the share
of everybody alike, and pauses who gets less than the minimum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from simulator.charging.controllers import CONTROLLERS, Forecast, KnownVisits, Setup

TICK_S = 900.0
HOUR_S = 3600.0


@dataclass(frozen=True)
class Instance:
    """Visits on EVSEs of their own times, and the series of the site."""

    visits: KnownVisits
    evses: int
    steps: int
    price: np.ndarray
    feed_in: np.ndarray
    base_kw: np.ndarray
    site_kw: float = math.inf
    """Limit of the grid connection, other load included."""
    demand_price: float = 0.0
    tick_s: float = TICK_S
    billing_s: float = TICK_S
    station_kw: float = math.inf

    def forecast(self, step: int = 0, known: bool = False) -> Forecast:
        rest = slice(step, self.steps)
        ticks = np.arange(step, self.steps)
        return Forecast(
            step_s=self.tick_s,
            price=self.price[rest],
            feed_in=self.feed_in[rest],
            carbon=None,
            base_kw=self.base_kw[rest],
            limit_kw=self.site_kw - self.base_kw[rest],
            clock_s=ticks * self.tick_s % 86400.0,
            weekday=(ticks * self.tick_s // 86400.0).astype(np.int64) % 7,
            demand_price=self.demand_price,
            billing_s=self.billing_s,
            visits=self.visits if known else None,
        )


def known_visits(**columns) -> KnownVisits:
    """Visits of plain cars; columns may be scalars."""
    n = max(np.size(value) for value in columns.values())
    values = {
        "visit": np.arange(n),
        "evse": np.arange(n),
        "plug_in_s": 0.0,
        "unplug_s": 8 * HOUR_S,
        "ready_s": 0.0,
        "soc": 0.5,
        "target_soc": 1.0,
        "capacity_kwh": 40.0,
        "efficiency": 0.9,
        "limit_kw": 10.0,
        "min_kw": 0.0,
        "discharge_kw": 0.0,
        "reserve_soc": 0.0,
    } | columns
    return KnownVisits(
        **{
            name: np.broadcast_to(
                np.asarray(value, np.int64 if name in ("visit", "evse") else np.float64), n
            ).copy()
            for name, value in values.items()
        }
    )


def instance(visits: KnownVisits, steps: int = 48, **fields) -> Instance:
    """An instance with a flat price."""
    whole = {"price": 0.3, "feed_in": 0.0, "base_kw": 0.0} | {
        name: fields.pop(name) for name in ("price", "feed_in", "base_kw") if name in fields
    }
    series = {
        name: np.broadcast_to(np.asarray(value, np.float64), steps).copy()
        for name, value in whole.items()
    }
    evses = int(visits.evse.max()) + 1 if len(visits) else 1
    return Instance(visits, evses, steps, **series, **fields)


def setup(case: Instance, kind: str, **options) -> Setup:
    """What a controller of ours is made of, with its defaults."""
    defaults = {option.name: option.default for option in CONTROLLERS[kind].options}
    return Setup(case.tick_s, defaults | options)


@dataclass(frozen=True)
class Outcome:
    """What became of it: by step and EVSE, and by visit."""

    power_kw: np.ndarray
    soc: np.ndarray
    lowest_soc: np.ndarray
    missing_kwh: np.ndarray
    net_kw: np.ndarray
    energy_cost: float
    peak_kw: float
    demand_cost: float

    @property
    def cost(self) -> float:
        return self.energy_cost + self.demand_cost


def run(case: Instance, controller=None, *, known: bool = False) -> Outcome:
    """Play an instance under a controller; None: uncontrolled."""
    v = case.visits
    soc, lowest = v.soc.copy(), v.soc.copy()
    power = np.zeros((case.steps, case.evses))
    hours = case.tick_s / HOUR_S
    for step in range(case.steps):
        now = step * case.tick_s
        here = np.flatnonzero((v.plug_in_s <= now) & (v.unplug_s > now))
        view = _view(case, here, soc, now, step)
        limits = np.full(case.evses, math.inf)
        if controller is not None:
            limits = np.asarray(controller(view, case.forecast(step, known)))
            assert limits.shape == (case.evses,) and not np.isnan(limits).any()
        stored = v.capacity_kwh[here] * v.efficiency[here]
        asked = limits[v.evse[here]]
        up = np.minimum(np.clip(asked, 0.0, v.limit_kw[here]), _left(v, here, soc) / hours)
        up = np.where(np.clip(asked, 0.0, v.limit_kw[here]) < v.min_kw[here], 0.0, up)
        store = (soc[here] - np.minimum(v.reserve_soc[here], soc[here])) * stored
        down = np.minimum(
            np.clip(-asked, 0.0, v.discharge_kw[here]), store * v.efficiency[here] / hours
        )
        room = max(case.site_kw - case.base_kw[step], 0.0) + down.sum()
        if up.sum() > room:
            up *= room / up.sum()
        soc[here] += up * hours / v.capacity_kwh[here] - down * hours / (
            stored * v.efficiency[here]
        )
        lowest[here] = np.minimum(lowest[here], soc[here])
        power[step, v.evse[here]] = up - down
    return _outcome(case, power, soc, lowest)


def _left(v, here, soc):
    return np.maximum(v.target_soc[here] - soc[here], 0.0) * v.capacity_kwh[here]


def first_view(case: Instance):
    """What a controller sees at the first tick."""
    v = case.visits
    return _view(case, np.flatnonzero(v.plug_in_s <= 0.0), v.soc.copy(), 0.0, 0)


def _view(case: Instance, here, soc, now: float, step: int) -> SimpleNamespace:
    v, n = case.visits, case.evses
    at = v.evse[here]

    def column(values, nothing=0.0, dtype=np.float64):
        out = np.full(n, nothing, dtype)
        out[at] = values[here]
        out.flags.writeable = False
        return out

    needed = np.maximum(v.target_soc - soc, 0.0) * v.capacity_kwh
    present = np.ones(len(v), np.bool_)
    return SimpleNamespace(
        now_s=now,
        site_limit_kw=case.site_kw - case.base_kw[step],
        base_kw=float(case.base_kw[step]),
        station=np.arange(n),
        station_kw=np.full(n, case.station_kw),
        occupied=column(present, False, np.bool_),
        active=column(needed > 1e-9, False, np.bool_),
        visit=column(v.visit, -1, np.int64),
        soc=column(soc),
        target_soc=column(v.target_soc),
        ready_s=np.full(n, math.inf),
        departure_s=column(v.unplug_s, math.inf),
        limit_kw=column(v.limit_kw),
        min_kw=column(v.min_kw),
        capacity_kwh=column(v.capacity_kwh, 1.0),
        needed_kwh=column(needed),
        power_kw=column(np.zeros(len(v))),
        discharge_kw=column(v.discharge_kw),
        reserve_soc=column(v.reserve_soc),
        weight=column(np.ones(len(v)), 1.0),
        efficiency=column(v.efficiency, 1.0),
    )


def _outcome(case: Instance, power, soc, lowest) -> Outcome:
    v = case.visits
    end_s = case.steps * case.tick_s
    after_h = np.maximum(v.unplug_s - end_s, 0.0) / HOUR_S
    missing = (v.target_soc - soc) * v.capacity_kwh - np.where(
        after_h > 0, v.limit_kw * after_h, 0.0
    )
    net = power.sum(axis=1) + case.base_kw
    hours = case.tick_s / HOUR_S
    cost = np.where(net > 0, case.price, case.feed_in) * net * hours
    per = max(1, round(case.billing_s / case.tick_s))
    means = np.pad(net, (0, -len(net) % per)).reshape(-1, per).mean(axis=1)
    peak = float(max(means.max(), 0.0))
    return Outcome(
        power_kw=power,
        soc=soc,
        lowest_soc=lowest,
        missing_kwh=np.where(missing > 1e-6, missing, 0.0),
        net_kw=net,
        energy_cost=float(cost.sum()),
        peak_kw=peak,
        demand_cost=case.demand_price * peak,
    )


def draw(seed: int, *, most: int = 14, v2g: float = 0.0, **fields) -> Instance:
    """An instance on ticks drawn from ``seed``: a day at a site of a few EVSEs."""
    r = np.random.default_rng(seed)
    steps = 64
    evses = int(r.integers(2, 7))
    rows = []
    for evse in range(evses):
        at = int(r.integers(0, 20))
        while at < steps - 2 and len(rows) < most:
            stay = int(r.integers(1, 30))
            rows.append((evse, at, at + stay))
            at += stay + int(r.integers(0, 12))
    evse, start, stop = np.array(rows).T
    order = np.argsort(start, kind="stable")
    evse, start, stop = evse[order], start[order], stop[order]
    n = len(rows)
    soc = r.uniform(0.1, 0.9, n)
    gives = r.random(n) < v2g
    limit = r.choice([3.7, 7.4, 11.0, 22.0], n)
    visits = known_visits(
        visit=np.arange(n),
        evse=evse,
        plug_in_s=start * TICK_S,
        unplug_s=stop * TICK_S,
        soc=soc,
        target_soc=np.minimum(1.0, soc + r.uniform(0.0, 0.6, n)),
        capacity_kwh=r.choice([20.0, 40.0, 80.0], n),
        efficiency=r.choice([0.85, 0.9, 1.0], n),
        limit_kw=limit,
        discharge_kw=np.where(gives, np.minimum(limit, r.choice([5.0, 10.0], n)), 0.0),
        reserve_soc=np.minimum(r.uniform(0.0, 0.5, n), soc),
    )
    price = r.choice([0.1, 0.2, 0.3, 0.45], steps // 8).repeat(8)
    whole = instance(visits, steps, price=price, feed_in=0.5 * price, base_kw=5.0)
    return replace(whole, **fields)
