"""What energy costs and what it stands for: tariffs and the intensity of carbon.

``TariffFile`` and ``CarbonFile`` are the layouts of ``profiles/tariffs/*.toml`` and
``profiles/carbon/*.toml``; the dataclasses are what is made of them (`pricing` looks things up in
them). Money is in the tariff's currency, without any conversion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.profile_model import ProfileFile, Weights24
from simulator.scenario.series_model import ALL_MONTHS, Months
from simulator.scenario.table import Table

Fee = Annotated[float, Field(ge=0)]
Factors12 = Annotated[tuple[Fee, ...], Field(strict=False, min_length=12, max_length=12)]
Days24x12 = Annotated[tuple[Weights24, ...], Field(strict=False, min_length=12, max_length=12)]


class WindowFile(Table):
    """One ``[[windows]]`` table: another price of energy at certain times."""

    energy_per_kwh: float
    from_: Annotated[f.Clock, Field(alias="from")] = "00:00"
    to: f.Clock = "00:00"
    days: Annotated[
        Literal["all", "weekdays", "weekends"], f.choice("days", "all", "weekdays", "weekends")
    ] = "all"
    months: Months = ALL_MONTHS


class GridFile(Table):
    """``[grid]``: what only the site's own bill has."""

    demand_per_kw_month: Fee = 0.0
    fixed_per_month: Fee = 0.0
    feed_in_per_kwh: float = 0.0


class DriversFile(Table):
    """``[drivers]``: what only a driver's bill has."""

    session_fee: Fee = 0.0
    per_minute: Fee = 0.0
    idle_per_minute: Fee = 0.0
    idle_grace: f.DurationOrZero = 0.0
    idle_cap: Fee | None = None


class TariffFile(ProfileFile):
    """``profiles/tariffs/*.toml``."""

    currency: Annotated[str, Field(min_length=1, max_length=8)] = "EUR"
    energy_per_kwh: float
    windows: Annotated[tuple[WindowFile, ...], Field(strict=False)] = ()
    grid: GridFile | None = None
    drivers: DriversFile | None = None


class CarbonFile(ProfileFile):
    """``profiles/carbon/*.toml``: ``hours`` (times ``month_factor``) or ``by_month``."""

    hours: Weights24 | None = None
    month_factor: Factors12 | None = None
    by_month: Days24x12 | None = None


@dataclass(frozen=True, slots=True)
class PriceWindow:
    """Another price of energy, from a minute of the local day to another (past midnight if not
    after it), on days that begin so, in these months (0 is January) by the date of the moment."""

    energy_per_kwh: float
    start: int
    stop: int
    days: tuple[bool, ...]
    months: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """What a site pays besides energy."""

    demand_per_kw_month: float = 0.0
    """Per kW of the month's highest mean power over a billing interval."""
    fixed_per_month: float = 0.0
    feed_in_per_kwh: float = 0.0
    """Paid to the site for energy that it gives to the grid."""


@dataclass(frozen=True, slots=True)
class Drivers:
    """What drivers pay besides energy."""

    session_fee: float = 0.0
    per_minute: float = 0.0
    """Of being plugged in."""
    idle_per_minute: float = 0.0
    """From ``idle_grace`` seconds after the end of charging on."""
    idle_grace: float = 0.0
    idle_cap: float = math.inf
    """Most that a session pays for idling."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """A price list."""

    name: str
    source: str
    description: str
    currency: str
    energy_per_kwh: float
    windows: tuple[PriceWindow, ...]
    grid: Grid | None
    drivers: Drivers | None


@dataclass(frozen=True, slots=True)
class CarbonProfile:
    """How much CO2 a kilowatt-hour out of the grid stands for."""

    name: str
    source: str
    description: str
    g_per_kwh: tuple[tuple[float, ...], ...]
    """12 months of 24 hours, local time."""
