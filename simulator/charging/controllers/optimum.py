"""The linear program of charging one site: who takes, or gives back, how much in which slot.

A pure problem in, a plan out; solved by HiGHS. ``lp`` poses it once with perfect knowledge,
``mpc`` at every tick with what is known.

Per vehicle and slot: energy charged and (where it can) given back, bounded by the pairing's power
and the time that the vehicle is there. The state of charge stays between the reserve and the
target and ends at its goal, or the rest is paid for with a penalty. Per slot: net load with
the other load, below the site's limit and the stations' limits. The bill: prices of what is
drawn, less what is fed in, and the highest mean of a billing interval per billing period.

What it leaves out: the taper of the battery's curve (the power limit is constant), minimum
currents, limit trees and phases. It is a relaxation in all of these: its cost is a lower bound
where a vehicle's power limit does not fall, and the engine's physics judge what becomes of its
plan. Energies in kWh, grid side unless named otherwise; money in the tariff's currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulator.charging.controllers.rows import Rows, solve
from simulator.charging.controllers.view import F64, I64

HOUR_S = 3600.0
_MISSING_KWH = 1e-6


@dataclass(frozen=True, slots=True)
class Slots:
    """Stretches of time, k of them: between ``edges_s[k]`` and ``edges_s[k + 1]``."""

    edges_s: F64
    price: F64
    feed_in: F64
    """At most ``price``: otherwise trading with the grid would have no end."""
    base_kw: F64
    limit_kw: F64
    """Of all vehicles together."""
    period: I64
    """Billing period of each slot, counted from 0."""
    billing: I64
    """Billing interval of each slot; equal numbers are averaged."""
    demand_price: float = 0.0
    """Per kW of the highest billing interval of a period."""
    paid_kw: F64 = field(default_factory=lambda: np.zeros(0))
    """Highest net load of each period before the first slot; empty: none."""
    begun_kwh: float = 0.0
    """Net load of the first slot's billing interval before that slot."""
    begun_h: float = 0.0

    def __len__(self) -> int:
        return len(self.price)


@dataclass(frozen=True, slots=True)
class Cars:
    """Vehicles, one row each. Times as in the slots; a vehicle is there from start to end."""

    start_s: F64
    end_s: F64
    """``inf`` or beyond the last slot: it leaves later."""
    soc: F64
    target_soc: F64
    capacity_kwh: F64
    """Grid side: empty to full."""
    efficiency: F64
    limit_kw: F64
    discharge_kw: F64
    reserve_soc: F64
    station: I64

    def __len__(self) -> int:
        return len(self.soc)


@dataclass(frozen=True, slots=True)
class Plan:
    """An optimal plan. Rows ``car, slot`` in order; energies in kWh."""

    car: I64
    slot: I64
    hours: F64
    """How long the vehicle is there in that slot."""
    charge_kwh: F64
    discharge_kwh: F64
    missing_kwh: F64
    """By vehicle: what is short of its goal."""
    energy_cost: float
    peak_kw: F64
    """Highest billing interval of each period; empty without a demand charge."""
    demand_cost: float

    @property
    def cost(self) -> float:
        """The bill, without penalties."""
        return self.energy_cost + self.demand_cost


def goal_soc(cars: Cars, end_s: float) -> F64:
    """What each is to have at the last slot's end.

    The target; of who leaves later, so much that full power afterwards is enough.
    """
    after_h = np.maximum(cars.end_s - end_s, 0.0) / HOUR_S
    later = np.where(after_h > 0.0, cars.limit_kw * after_h / cars.capacity_kwh, 0.0)
    return np.maximum(cars.target_soc - later, 0.0)


def optimise(
    cars: Cars,
    slots: Slots,
    station_kw: F64,
    *,
    penalty: float,
    v2g: bool,
    early: float = 0.0,
) -> Plan:
    """The cheapest plan. ``penalty`` is per kWh that is missing.

    ``early``: cost per kWh that a charge in the last slot has over one in the first, to choose
    among plans of equal cost. Raises ValueError where feed-in pays more than drawing costs.
    """
    if (slots.feed_in > slots.price).any():
        k = int((slots.feed_in > slots.price).argmax())
        raise ValueError(
            f"at {slots.edges_s[k]:g} s feeding in pays {slots.feed_in[k]:g} per kWh and drawing "
            f"costs {slots.price[k]:g}: no bound on trading"
        )
    car, slot, hours = _presence(cars, slots)
    rows = Rows()
    goal = goal_soc(cars, float(slots.edges_s[-1]))
    giving = (cars.discharge_kw > 0.0) if v2g else np.zeros(len(cars), np.bool_)
    lateness = early * (np.arange(len(slots)) / max(len(slots) - 1, 1))
    charge = rows.columns(lateness[slot], 0.0, cars.limit_kw[car] * hours)
    missing = rows.columns(np.full(len(cars), penalty), 0.0, np.inf)
    _needs(rows, cars, goal, np.flatnonzero(~giving), car, charge, missing)
    gives = np.flatnonzero(giving[car])
    discharge = rows.columns(
        np.zeros(len(gives)), 0.0, cars.discharge_kw[car[gives]] * hours[gives]
    )
    if len(gives):
        _batteries(rows, cars, goal, car[gives], charge[gives], discharge, missing)
    net, drawn = _grid(rows, slots, slot, charge, slot[gives], discharge)
    _stations(rows, cars, slots, station_kw, car, slot, charge, gives, discharge)
    peak = _peaks(rows, slots, net)
    x = solve(rows)
    given = np.zeros(len(car))
    given[gives] = x[discharge]
    energy_cost = (
        slots.price * x[net]
        if drawn is None
        else ((slots.price - slots.feed_in) * x[drawn] + slots.feed_in * x[net])
    )
    short = x[missing]
    return Plan(
        car=car,
        slot=slot,
        hours=hours,
        charge_kwh=x[charge],
        discharge_kwh=given,
        missing_kwh=np.where(short > _MISSING_KWH, short, 0.0),
        energy_cost=float(energy_cost.sum()),
        peak_kw=x[peak],
        demand_cost=float(slots.demand_price * x[peak].sum()),
    )


def _presence(cars: Cars, slots: Slots) -> tuple[I64, I64, F64]:
    """Car, slot and hours of every slot in which a car is there, by car."""
    edges = slots.edges_s
    start = np.clip(cars.start_s, edges[0], edges[-1])
    end = np.clip(cars.end_s, edges[0], edges[-1])
    first = np.searchsorted(edges, start, side="right") - 1
    stop = np.searchsorted(edges, end, side="left")
    count = np.maximum(stop - first, 0)
    car = np.repeat(np.arange(len(cars)), count)
    offset = np.concatenate([[0], np.cumsum(count)])[:-1]
    slot = np.arange(int(count.sum())) - np.repeat(offset - first, count)
    inside = np.minimum(end[car], edges[slot + 1]) - np.maximum(start[car], edges[slot])
    return car, slot, np.maximum(inside, 0.0) / HOUR_S


def _needs(
    rows: Rows, cars: Cars, goal: F64, who: I64, car: I64, charge: I64, missing: I64
) -> None:
    """Who only charges: what it takes and what is missing sum up to its need."""
    need = np.maximum(goal - cars.soc, 0.0) * cars.capacity_kwh
    row = np.full(len(cars), -1)
    row[who] = rows.rows(need[who], need[who])
    mine = np.flatnonzero(row[car] >= 0)
    rows.entries(row[car[mine]], charge[mine], 1.0)
    rows.entries(row[who], missing[who], 1.0)


def _batteries(
    rows: Rows, cars: Cars, goal: F64, car: I64, charge: I64, discharge: I64, missing: I64
) -> None:
    """Who gives back too: its battery slot by slot, in battery-side kWh."""
    loss = cars.efficiency[car]
    battery = cars.capacity_kwh[car] * loss
    floor = np.minimum(cars.reserve_soc, cars.soc)[car] * battery
    stored = rows.columns(
        np.zeros(len(car)), floor, np.maximum(cars.target_soc, cars.soc)[car] * battery
    )
    first = np.diff(car, prepend=-1) != 0
    last = np.append(np.diff(car) != 0, True)
    before = np.where(first, cars.soc[car] * battery, 0.0)
    balance = rows.rows(before, before)
    rows.entries(balance, stored, 1.0)
    rows.entries(balance[~first], stored[np.flatnonzero(~first) - 1], -1.0)
    rows.entries(balance, charge, -loss)
    rows.entries(balance, discharge, 1.0 / loss)
    who = car[last]
    at_end = rows.rows(goal[who] * battery[last], np.full(len(who), np.inf))
    rows.entries(at_end, stored[last], 1.0)
    rows.entries(at_end, missing[who], cars.efficiency[who])


def _grid(
    rows: Rows, slots: Slots, slot: I64, charge: I64, gives: I64, discharge: I64
) -> tuple[I64, I64 | None]:
    """Columns of each slot's net load, and of what is drawn where net load may be fed in."""
    hours = np.diff(slots.edges_s) / HOUR_S
    base = slots.base_kw * hours
    most = base + np.maximum(slots.limit_kw, 0.0) * hours
    export = bool((base < 0.0).any() or len(gives))
    net = rows.columns(slots.feed_in if export else slots.price, -np.inf, most)
    row = rows.rows(-base, -base)
    rows.entries(row[slot], charge, 1.0)
    rows.entries(row[gives], discharge, -1.0)
    rows.entries(row, net, -1.0)
    if not export:
        return net, None
    drawn = rows.columns(slots.price - slots.feed_in, 0.0, np.inf)
    above = rows.rows(np.zeros(len(slots)), np.full(len(slots), np.inf))
    rows.entries(above, drawn, 1.0)
    rows.entries(above, net, -1.0)
    return net, drawn


def _stations(
    rows: Rows,
    cars: Cars,
    slots: Slots,
    station_kw: F64,
    car: I64,
    slot: I64,
    charge: I64,
    gives: NDArray[np.int64],
    discharge: I64,
) -> None:
    """A station's limit in every slot in which the vehicles there could exceed it."""
    key = cars.station[car] * len(slots) + slot
    used, place = np.unique(key, return_inverse=True)
    could = np.bincount(place, cars.limit_kw[car], len(used))
    several = np.bincount(place, minlength=len(used)) > 1
    most_kw = station_kw[used // max(len(slots), 1)]
    binding = np.flatnonzero(several & (could > most_kw * (1.0 + 1e-12)))
    if not len(binding):
        return
    hours = (np.diff(slots.edges_s) / HOUR_S)[used[binding] % len(slots)]
    row = np.full(len(used), -1)
    row[binding] = rows.rows(np.full(len(binding), -np.inf), most_kw[binding] * hours)
    inside = np.flatnonzero(row[place] >= 0)
    rows.entries(row[place[inside]], charge[inside], 1.0)
    back = np.flatnonzero(row[place[gives]] >= 0)
    rows.entries(row[place[gives[back]]], discharge[back], -1.0)


def _peaks(rows: Rows, slots: Slots, net: I64) -> I64:
    """Columns of each period's peak; none without a demand charge."""
    if slots.demand_price <= 0.0:
        return np.zeros(0, np.int64)
    periods = int(slots.period.max()) + 1
    paid = np.zeros(periods)
    paid[: len(slots.paid_kw)] = slots.paid_kw[:periods]
    peak = rows.columns(np.full(periods, slots.demand_price), np.maximum(paid, 0.0), np.inf)
    _, first, place = np.unique(slots.billing, return_index=True, return_inverse=True)
    hours = np.bincount(place, np.diff(slots.edges_s) / HOUR_S).astype(np.float64)
    hours[0] += slots.begun_h
    most = np.zeros(len(first))
    most[0] = -slots.begun_kwh
    row = rows.rows(np.full(len(first), -np.inf), most)
    rows.entries(row[place], net, 1.0)
    rows.entries(row, peak[slots.period[first]], -hours)
    return peak
