"""PV following: vehicles take the surplus of the site's own generation, and no more if they can.

Surplus is what generation leaves over after all other load. Who has least time to spare takes of it
first. Whatever the sun does, everybody is done a tick before departure (which leaves a taper some
time): a vehicle that could not make it at full power afterwards is given what it is due. Vehicles
that come between two ticks wait for the next one; drivers without a departure time are served at
once. Nothing is given back to the grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.charging.controllers.filling import in_order
from simulator.charging.controllers.need import HOUR_S, above_minimum, due_kwh, laxity_s, wants
from simulator.charging.controllers.options import Option
from simulator.charging.controllers.view import F64, Controller, Forecast, Setup, View

NAME = "pv_following"
SUMMARY = "vehicles take the surplus of the site's PV; the grid serves only what is due"
OPTIONS: tuple[Option, ...] = ()


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Generation to follow."""
    return ("pv",)


def foresees(options: Mapping[str, Any]) -> bool:
    """No."""
    return False


def make(setup: Setup) -> Controller:
    """No options, no memory."""

    def limits(view: View, forecast: Forecast) -> F64:
        if not wants(view).any():
            return np.zeros(len(view.visit))
        surplus_kw = -float(forecast.base_kw[0])
        due_kw = due_kwh(view, setup.tick_s, setup.tick_s) * (HOUR_S / setup.tick_s)
        sure_kw = above_minimum(due_kw, view, setup.tick_s)
        surplus_kw -= float(sure_kw.sum())
        if surplus_kw <= 0.0:
            return sure_kw
        slot_kw = view.needed_kwh * (HOUR_S / setup.tick_s)
        most_kw = np.where(wants(view), np.minimum(view.limit_kw, slot_kw), 0.0) - sure_kw
        least_kw = np.maximum(np.minimum(view.min_kw, view.limit_kw) - sure_kw, 0.0)
        order = np.argsort(laxity_s(view), kind="stable")
        extra_kw = in_order(surplus_kw, most_kw, np.minimum(least_kw, most_kw), order)
        return above_minimum(sure_kw + extra_kw, view, setup.tick_s)

    return limits
