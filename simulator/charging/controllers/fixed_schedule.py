"""A fixed schedule: windows of local time with a limit for the site's vehicles, for each EVSE.

Outside its windows the controller sets no limit. A window is in force from the first tick in it to
the first tick after it; where several are, the lowest limit holds. The site's limit is shared
equally; where not everybody's minimum fits, who has least time to spare goes first. Vehicles
that come between two ticks wait for the next one where a site limit is in force.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.charging.controllers.filling import admit, fill
from simulator.charging.controllers.need import laxity_s, wants
from simulator.charging.controllers.options import Option
from simulator.charging.controllers.view import F64, Controller, Forecast, Setup, View

NAME = "fixed_schedule"
SUMMARY = "limits by time of day"
OPTIONS = (
    Option(
        "windows",
        "tables",
        "When which limit holds.",
        required=True,
        fields=(
            Option("from", "clock", "Local time of day.", required=True),
            Option(
                "to", "clock", "Local time of day; past midnight if not after from.", required=True
            ),
            Option(
                "days",
                "choice",
                "On which days the window begins.",
                "all",
                choices=("all", "weekdays", "weekends"),
            ),
            Option("site", "power", "Most that all vehicles together may draw."),
            Option("evse", "power", "Most that any one EVSE may give."),
        ),
    ),
)

_DAY_S = 86_400.0


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Nothing."""
    return ()


def foresees(options: Mapping[str, Any]) -> bool:
    """No."""
    return False


def make(setup: Setup) -> Controller:
    """The schedule of the options."""
    windows = setup.options["windows"]

    def limits(view: View, forecast: Forecast) -> F64:
        clock_s, weekday = float(forecast.clock_s[0]), int(forecast.weekday[0])
        site_kw = evse_kw = math.inf
        for window in windows:
            if holds(window, clock_s, weekday):
                site_kw = min(site_kw, _given(window["site"]))
                evse_kw = min(evse_kw, _given(window["evse"]))
        if math.isinf(site_kw):
            return np.full(len(view.visit), evse_kw)
        return _shared(view, site_kw, evse_kw)

    return limits


def holds(window: Mapping[str, Any], clock_s: float, weekday: int) -> bool:
    """Whether a window is in force at a local time of day on a day of the week (0: Monday)."""
    start_s, stop_s = window["from"], window["to"]
    if start_s < stop_s:
        return start_s <= clock_s < stop_s and _begins(window["days"], weekday)
    if clock_s >= start_s:
        return _begins(window["days"], weekday)
    return clock_s < stop_s and _begins(window["days"], (weekday - 1) % 7)


def _begins(days: str, weekday: int) -> bool:
    return days == "all" or (weekday >= 5) == (days == "weekends")


def _given(limit_kw: float | None) -> float:
    return math.inf if limit_kw is None else limit_kw


def _shared(view: View, site_kw: float, evse_kw: float) -> F64:
    limits = np.zeros(len(view.visit))
    who = np.flatnonzero(wants(view))
    most = np.minimum(view.limit_kw[who], evse_kw)
    least = np.minimum(view.min_kw[who], most)
    chosen = admit(site_kw, least, np.argsort(laxity_s(view)[who], kind="stable"))
    who, most, least = who[chosen], most[chosen], least[chosen]
    limits[who] = least + fill(site_kw - float(least.sum()), most - least)
    return limits
