"""What a controller is given, and what it gives back: the whole of its world.

A controller is a callable ``controller(view, forecast) -> limits``: kW per EVSE of its site, until
it is asked again; ``inf`` is no limit, a negative number asks the vehicle to give back that much.
A limit belongs to the EVSE, so it holds for a vehicle that plugs in before the next tick too.
Limits of the site and the stations need not be kept by it: the engine keeps them.

Controllers see nothing else: no clock, no files, no visits to come (unless they ask for them,
``Forecast.visits``). Called by the engine at its ticks; plain data, so that a controller can be
tried out without an engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.signedinteger[Any]]


class View(Protocol):
    """A site at one moment. Arrays have one entry per EVSE, in station order, and are read-only.

    Powers and energies stand on the grid side. Where nobody is plugged in, ``visit`` is -1 and
    the numbers mean nothing. The engine's ``SiteView`` has these fields and a few more.
    """

    @property
    def now_s(self) -> float:
        """Plan time: seconds since the scenario's start."""
        ...

    @property
    def site_limit_kw(self) -> float:
        """Most that all vehicles together may draw now (``inf``: no limit)."""
        ...

    @property
    def base_kw(self) -> float:
        """All other load now, less what is generated."""
        ...

    @property
    def station(self) -> Whole:
        """Station of each EVSE."""
        ...

    @property
    def station_kw(self) -> F64:
        """Most power of that station."""
        ...

    @property
    def occupied(self) -> Flags:
        """Somebody is plugged in."""
        ...

    @property
    def active(self) -> Flags:
        """May charge: plugged in, its own timer over, below its target (or asked to give back)."""
        ...

    @property
    def visit(self) -> Whole:
        """Row of the visit: tells one vehicle from the next at the same EVSE."""
        ...

    @property
    def departure_s(self) -> F64:
        """As the driver told; ``inf`` for a driver who leaves when the car is done."""
        ...

    @property
    def ready_s(self) -> F64:
        """When its own timer lets it charge; ``inf`` if none is running."""
        ...

    @property
    def soc(self) -> F64:
        """State of charge, 0..1."""
        ...

    @property
    def target_soc(self) -> F64:
        """Where it stops charging."""
        ...

    @property
    def reserve_soc(self) -> F64:
        """Never discharged below."""
        ...

    @property
    def capacity_kwh(self) -> F64:
        """Grid-side energy from empty to full."""
        ...

    @property
    def efficiency(self) -> F64:
        """Battery side / grid side."""
        ...

    @property
    def needed_kwh(self) -> F64:
        """From here to its target."""
        ...

    @property
    def limit_kw(self) -> F64:
        """Most that this vehicle and this EVSE can do."""
        ...

    @property
    def min_kw(self) -> F64:
        """Below this the vehicle pauses."""
        ...

    @property
    def discharge_kw(self) -> F64:
        """Most that it can give back; 0: nothing."""
        ...

    @property
    def power_kw(self) -> F64:
        """What it draws now; below 0 what it gives back."""
        ...

    @property
    def weight(self) -> F64:
        """Share or rank of its driver."""
        ...


@dataclass(frozen=True, slots=True)
class KnownVisits:
    """Visits with perfect knowledge, one row each: who plugs in where, when and with what.

    Taken from a run of the same site without a controller. That is what will happen where drivers
    leave at a time of their own; where they leave when the car is done, or wait for a place that
    such a driver frees, it is an estimate.
    """

    visit: I64
    evse: I64
    plug_in_s: F64
    unplug_s: F64
    ready_s: F64
    """Not charged before: the car's own timer, or when it plugs in."""
    soc: F64
    target_soc: F64
    capacity_kwh: F64
    """Grid side."""
    efficiency: F64
    limit_kw: F64
    min_kw: F64
    discharge_kw: F64
    reserve_soc: F64

    def __len__(self) -> int:
        return len(self.visit)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is known of the steps from now to the end: arrays with one entry per step.

    Step 0 begins now. The series are the scenario's own, means over the step: prices that are
    known ahead, and the other load as if foreseen without error.
    """

    step_s: float
    price: F64 | None
    """Per kWh drawn; None where the site has no tariff."""
    feed_in: F64 | None
    """Per kWh fed into the grid; None where the site has no tariff."""
    carbon: F64 | None
    """kg per kWh; None where the site has no intensity."""
    base_kw: F64
    """All other load, less what is generated: below 0 there is a surplus."""
    limit_kw: F64
    """Most that all vehicles together may draw; ``inf``: no limit."""
    clock_s: F64
    """Local time of day at the start of the step, seconds since midnight."""
    weekday: I64
    """Local day of the week, 0 is Monday."""
    demand_price: float = 0.0
    """Per kW of the highest mean of a billing interval in a billing period."""
    billing_s: float = 900.0
    period: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    """Billing period of each step; empty: all in one."""
    visits: KnownVisits | None = None
    """Every visit of the run, past and to come, for a controller that asks for the future."""

    def __len__(self) -> int:
        return len(self.base_kw)


Controller = Callable[[View, Forecast], Any]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a controller of ours is made of, once per site and run."""

    tick_s: float
    options: Mapping[str, Any]
    """Every option, in base units; those that were not given have their default."""


class InfeasibleError(Exception):
    """Not everybody can be served, and the controller was told to insist on it."""

    def __init__(self, missing_kwh: float, vehicles: int) -> None:
        self.missing_kwh = missing_kwh
        self.vehicles = vehicles
        super().__init__(missing_kwh, vehicles)

    def __str__(self) -> str:
        who = "1 vehicle" if self.vehicles == 1 else f"{self.vehicles} vehicles"
        return f"no plan serves everybody: {self.missing_kwh:.3f} kWh of {who} cannot be delivered"
