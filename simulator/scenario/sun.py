"""Photovoltaic power from the geometry of a clear sky, in closed form.

The course of each day is that of clear-sky irradiance on the tilted plane; each month is scaled to
its stated yield. It is the mean day of a month, without clouds that pass: peaks of single days are
higher and dark days lower in the world. Sources: declination and equation of time after Spencer
(1971), angle of incidence after Duffie and Beckman, air mass after Kasten and Young (1989), beam
1.353 kW/m2 x 0.7^(AM^0.678) after Meinel and Meinel (1976), a tenth of it diffuse.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulator.scenario.series_model import Sun

F64 = NDArray[np.float64]

_STEP_S = 900.0
_YEAR_S = 365 * 86_400.0


def clear_sky(sun: Sun, second_of_year: F64) -> F64:
    """Irradiance on the tilted plane in kW/m2 under a clear sky.

    ``second_of_year`` counts UTC seconds from 1 January 00:00.
    """
    angle = 2 * np.pi * (second_of_year / 86_400.0 - 0.5) / 365.0
    declination = (
        0.006918
        - 0.399912 * np.cos(angle)
        + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2 * angle)
        + 0.000907 * np.sin(2 * angle)
        - 0.002697 * np.cos(3 * angle)
        + 0.00148 * np.sin(3 * angle)
    )
    equation_min = 229.18 * (
        0.000075
        + 0.001868 * np.cos(angle)
        - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2 * angle)
        - 0.040849 * np.sin(2 * angle)
    )
    solar_min = second_of_year / 60.0 + 4.0 * sun.longitude + equation_min
    hour = np.radians((solar_min / 4.0) % 360.0 - 180.0)
    latitude, tilt = np.radians(sun.latitude), np.radians(sun.tilt)
    turned = np.radians(sun.azimuth - 180.0)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(
        declination
    ) * np.cos(hour)
    # The sun's direction (south, west, up) on the plane's normal.
    south = np.sin(latitude) * np.cos(declination) * np.cos(hour) - np.cos(latitude) * np.sin(
        declination
    )
    west = np.cos(declination) * np.sin(hour)
    facing = height * np.cos(tilt) + np.sin(tilt) * (south * np.cos(turned) + west * np.sin(turned))
    up = height > 0.0
    degrees = np.degrees(np.arcsin(np.clip(height, 0.0, 1.0)))
    mass = 1.0 / (np.clip(height, 0.0, 1.0) + 0.50572 * (degrees + 6.07995) ** -1.6364)
    beam = 1.353 * 0.7 ** (mass**0.678)
    diffuse = 0.1 * beam * (1 + np.cos(tilt)) / 2
    return np.where(up, beam * np.maximum(facing, 0.0) + diffuse, 0.0)


@lru_cache(maxsize=16)
def _scales(sun: Sun) -> tuple[float, ...]:
    """kW per kWp and kW/m2 of clear sky, by month: what makes a month of 365-day years yield."""
    second = np.arange(0.0, _YEAR_S, _STEP_S) + _STEP_S / 2
    kwh = clear_sky(sun, second) * _STEP_S / 3600.0
    day = (second // 86_400.0).astype(np.int64)
    month = (np.datetime64("2001-01-01") + day).astype("datetime64[M]").astype(np.int64) % 12
    total = np.bincount(month, kwh, 12)
    return tuple(
        float(stated / clear) if clear > 0 else 0.0
        for stated, clear in zip(sun.yield_kwh_per_kwp, total, strict=True)
    )


def kw_per_kwp(sun: Sun, start: dt.datetime, times_s: F64) -> F64:
    """Power per rated power at plan times.

    Months are those of UTC; 29 February is like the 28th.
    """
    utc = start.astimezone(dt.UTC).replace(tzinfo=None)
    instants = np.datetime64(utc, "us") + (times_s * 1e6).astype(np.int64).astype("timedelta64[us]")
    year = instants.astype("datetime64[Y]")
    month = instants.astype("datetime64[M]").astype(np.int64) % 12
    second = (instants - year).astype("timedelta64[us]").astype(np.float64) / 1e6
    leap = (year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")
    late = (leap.astype(np.int64) == 366) & (second >= 59 * 86_400.0)
    second = np.where(late, second - 86_400.0, second)
    scales = np.array(_scales(sun))
    return np.asarray(scales[month] * clear_sky(sun, second), np.float64)
