"""No controller: whoever is plugged in takes what limits and policy leave.

It stands where others could, so that a sweep or a ``--set`` can take a scenario's controller away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from simulator.charging.controllers.options import Option
from simulator.charging.controllers.view import F64, Controller, Forecast, Setup, View

NAME = "none"
SUMMARY = "no limits: the policy alone"
OPTIONS: tuple[Option, ...] = ()


def needs(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Nothing."""
    return ()


def foresees(options: Mapping[str, Any]) -> bool:
    """No."""
    return False


def make(setup: Setup) -> Controller:
    """No options, no memory."""

    def limits(view: View, forecast: Forecast) -> F64:
        return np.full(len(view.visit), math.inf)

    return limits
