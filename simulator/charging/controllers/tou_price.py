"""Time-of-use price: each vehicle charges in the cheapest ticks before its departure.

Vehicles choose one after the other, least time to spare first; each fills the cheapest ticks in
which it and the site have power left (of equal prices the earlier ones), until its need is met.
Drivers without a departure time are served at once; who comes between two ticks waits for the next.

With ``v2g`` vehicles give back, above their reserve, in the dearest ticks, as far as what they
sell can be bought back later before departure for less, losses included. That is a rule of
thumb, not an optimum: ``mpc`` finds that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.charging.controllers.need import (
    HOUR_S,
    above_minimum,
    deadline_s,
    laxity_s,
    wants,
)
from simulator.charging.controllers.options import V2G, Option
from simulator.charging.controllers.view import F64, Controller, Forecast, Setup, View

NAME = "tou_price"
SUMMARY = "each vehicle charges in the cheapest ticks before its departure"
OPTIONS: tuple[Option, ...] = (V2G,)


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Prices."""
    return ("tariff",)


def foresees(options: Mapping[str, Any]) -> bool:
    """No."""
    return False


def make(setup: Setup) -> Controller:
    """A controller without memory."""
    v2g = bool(setup.options["v2g"])

    def limits(view: View, forecast: Forecast) -> F64:
        return choose(view, forecast, v2g=v2g)

    return limits


def choose(view: View, forecast: Forecast, *, v2g: bool) -> F64:
    """Limits for the tick that begins now."""
    out = np.zeros(len(view.visit))
    who = np.flatnonzero(wants(view) | (v2g & view.occupied & (view.discharge_kw > 0.0)))
    if not len(who):
        return out
    price = forecast.price
    if price is None:
        raise ValueError("no prices: the site has no tariff")
    step_h = forecast.step_s / HOUR_S
    room = forecast.limit_kw * step_h
    until = deadline_s(view)
    for i in who[np.argsort(laxity_s(view)[who], kind="stable")]:
        ahead_h = max((until[i] - view.now_s) / HOUR_S, 0.0)
        steps = min(max(int(np.ceil(ahead_h / step_h - 1e-9)), 1), len(price))
        hours = np.clip(ahead_h - step_h * np.arange(steps), 0.0, step_h)
        most = np.maximum(np.minimum(view.limit_kw[i] * hours, room[:steps]), 0.0)
        take = cheapest(float(view.needed_kwh[i]), most, price[:steps])
        room[:steps] -= take
        out[i] = take[0] / step_h
        if v2g and take[0] == 0.0 and view.discharge_kw[i] > 0.0:
            out[i] = -_sold(view, forecast, int(i), hours, most - take, take) / step_h
    return above_minimum(out, view, forecast.step_s)


def cheapest(need: float, most: F64, price: F64) -> F64:
    """Fill the cheapest steps (the earlier of equals) with up to ``most`` until ``need`` is met."""
    order = np.argsort(price, kind="stable")
    sums = np.cumsum(most[order])
    take = np.zeros(len(most))
    take[order] = np.clip(need - (sums - most[order]), 0.0, most[order])
    return take


def _sold(view: View, forecast: Forecast, i: int, hours: F64, spare: F64, take: F64) -> float:
    """Grid-side kWh that vehicle ``i`` gives back in the first step; ``spare`` is what it can buy.

    The dearest steps are served first, each out of the cheapest purchases after it.
    """
    assert forecast.price is not None and forecast.feed_in is not None
    steps = len(hours)
    loss = float(view.efficiency[i])
    price = forecast.price[:steps]
    # What is given back spares a purchase as far as there is other load to feed.
    covered = forecast.base_kw[:steps] >= view.discharge_kw[i]
    value = np.where(covered, price, forecast.feed_in[:steps])
    worth = value * loss  # per kWh out of the battery
    cost = price / loss  # per kWh into the battery
    later = spare[1:] > 0.0
    if not later.any() or cost[1:][later].min() >= worth[0]:
        return 0.0
    stock = float((view.soc[i] - view.reserve_soc[i]) * view.capacity_kwh[i] * loss)
    left = spare * loss
    buys = np.argsort(cost, kind="stable")
    for step in np.argsort(-worth, kind="stable"):
        if stock <= 0.0:
            return 0.0
        if take[step] > 0.0:
            continue
        most = min(float(view.discharge_kw[i] * hours[step]) / loss, stock)
        sold = 0.0
        for buy in buys:
            if cost[buy] >= worth[step] or sold >= most:
                break
            if buy > step and left[buy] > 0.0:
                part = min(left[buy], most - sold)
                left[buy] -= part
                sold += part
        stock -= sold
        if step == 0:
            return sold * loss
    return 0.0
