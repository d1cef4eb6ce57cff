"""From what a controller is given to the linear program, and from its plan to limits.

Shared by ``lp`` and ``mpc``: the slots of a forecast with the chosen objective, and the check
that nobody is left short where the controller has to insist on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.charging.controllers.optimum import Plan, Slots
from simulator.charging.controllers.view import F64, Forecast, InfeasibleError, View


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields of the site that the objective is made of."""
    wanted = ("tariff",) if options["objective"] == "cost" else ()
    return (*wanted, "carbon") if options["carbon_price"] > 0.0 else wanted


def pose(
    forecast: Forecast,
    now_s: float,
    steps: int,
    options: Mapping[str, Any],
    paid_kw: F64 | None = None,
    begun: tuple[float, float] = (0.0, 0.0),
) -> Slots:
    """The next ``steps`` of a forecast as slots, priced by the objective.

    ``paid_kw``: peaks so far; ``begun``: net kWh and hours of the present billing interval so far.

    Raises ValueError where the forecast lacks what the objective needs.
    """
    price, feed_in, demand_price = _priced(forecast, options)
    if options["carbon_price"] > 0.0:
        if forecast.carbon is None:
            raise ValueError("a carbon price, and the site has no carbon intensity")
        price = price + options["carbon_price"] * forecast.carbon
    period = forecast.period if len(forecast.period) else np.zeros(len(forecast), np.int64)
    edges_s = now_s + forecast.step_s * np.arange(steps + 1, dtype=np.float64)
    billing = np.floor(edges_s[:-1] / forecast.billing_s + 1e-9).astype(np.int64)
    if forecast.step_s > forecast.billing_s:
        billing = np.arange(steps)
    return Slots(
        edges_s=edges_s,
        price=price[:steps],
        feed_in=feed_in[:steps],
        base_kw=forecast.base_kw[:steps],
        limit_kw=forecast.limit_kw[:steps],
        period=period[:steps],
        billing=billing,
        demand_price=demand_price,
        paid_kw=np.zeros(0) if paid_kw is None else paid_kw,
        begun_kwh=begun[0],
        begun_h=begun[1],
    )


def ratings(view: View) -> F64:
    """Most power of each station, by its number."""
    station_kw = np.zeros(int(view.station.max()) + 1)
    station_kw[view.station] = view.station_kw
    return station_kw


def _priced(forecast: Forecast, options: Mapping[str, Any]) -> tuple[F64, F64, float]:
    """Price, feed-in and demand price of the objective."""
    if options["objective"] == "peak":
        nothing = np.zeros(len(forecast))
        return nothing, nothing, 1.0
    if forecast.price is None or forecast.feed_in is None:
        raise ValueError("no prices: the site has no tariff")
    return forecast.price, forecast.feed_in, forecast.demand_price


def insist(plan: Plan, hard: bool) -> None:
    """Raise InfeasibleError if somebody is left short and that must not be."""
    short = plan.missing_kwh
    if hard and short.any():
        raise InfeasibleError(float(short.sum()), int((short > 0.0).sum()))
