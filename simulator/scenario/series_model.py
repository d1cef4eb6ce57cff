"""Series of power over time: shapes by hour of the week and season, and the sun on a tilted plane.

``SeriesFile`` is the layout of ``profiles/series/*.toml``, ``SeriesProfile`` what is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from simulator.scenario.profile_model import ProfileFile, Weights24
from simulator.scenario.table import Table

Yields12 = Annotated[
    tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False, min_length=12, max_length=12)
]
Months = Annotated[
    tuple[Annotated[int, Field(ge=1, le=12)], ...], Field(strict=False, min_length=1)
]
ALL_MONTHS = tuple(range(1, 13))


class SeasonFile(Table):
    """One ``[[seasons]]`` table: the hours of three kinds of day, in one unit of your choice."""

    months: Months = ALL_MONTHS
    weekday: Weights24
    saturday: Weights24 | None = None
    sunday: Weights24 | None = None


class SunFile(Table):
    """``[sun]``: a photovoltaic generator under a sky that is clear, scaled to what it yields."""

    latitude: Annotated[float, Field(ge=-66, le=66)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    tilt: Annotated[float, Field(ge=0, le=90)]
    azimuth: Annotated[float, Field(ge=0, le=360)] = 180.0
    yield_kwh_per_kwp: Yields12


class SeriesFile(ProfileFile):
    """``profiles/series/*.toml``: ``[[seasons]]`` or ``[sun]``."""

    seasons: Annotated[tuple[SeasonFile, ...], Field(strict=False)] = ()
    sun: SunFile | None = None


@dataclass(frozen=True, slots=True)
class Sun:
    """Where a photovoltaic generator stands, how it looks, and what it yields."""

    latitude: float
    """Degrees north."""
    longitude: float
    """Degrees east."""
    tilt: float
    """Degrees from the horizontal."""
    azimuth: float
    """Degrees clockwise from north: 180 looks south."""
    yield_kwh_per_kwp: tuple[float, ...]
    """By month, January first."""


@dataclass(frozen=True, slots=True)
class SeriesProfile:
    """A shape; what its ``peak`` in a scenario means depends on its kind."""

    name: str
    source: str
    description: str
    weeks: tuple[tuple[float, ...], ...]
    """By month, 168 hours from Monday 00 h local time, the largest of all is 1: ``peak`` is the
    largest value. Empty for a generator in the sun."""
    sun: Sun | None
    """``peak`` is its rated power (kWp)."""
