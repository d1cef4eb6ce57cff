"""Tariffs and carbon intensity as tables by (month, weekday, minute of the day), local time.

A table has shape (12, 7, 1440): January first, Monday first. Called where prices are looked up or
checked; apart from the models so that reading a scenario without a tariff needs no numpy.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulator.scenario.tariff_model import CarbonProfile, PriceWindow, Tariff

F64 = NDArray[np.float64]

SHAPE = (12, 7, 1440)


def held(window: PriceWindow) -> NDArray[np.bool_]:
    """When a window holds."""
    minute = np.arange(SHAPE[2])
    on = np.array(window.days)
    if window.start < window.stop:
        day = on[:, None] & (minute >= window.start) & (minute < window.stop)
    else:
        day = (on[:, None] & (minute >= window.start)) | (
            np.roll(on, 1)[:, None] & (minute < window.stop)
        )
    found = np.zeros(SHAPE, np.bool_)
    found[list(window.months)] = day
    return found


def first_overlap(windows: tuple[PriceWindow, ...]) -> tuple[int, int, int, int] | None:
    """(window, month, weekday, minute) where a window first meets an earlier one."""
    taken = np.zeros(SHAPE, np.bool_)
    for index, window in enumerate(windows):
        now = held(window)
        if (now & taken).any():
            month, day, minute = np.argwhere(now & taken)[0]
            return index, int(month), int(day), int(minute)
        taken |= now
    return None


@lru_cache(maxsize=64)
def price_table(tariff: Tariff) -> F64:
    """The price of energy per kWh."""
    table = np.full(SHAPE, tariff.energy_per_kwh)
    for window in tariff.windows:
        table[held(window)] = window.energy_per_kwh
    table.flags.writeable = False
    return table


def carbon_table(profile: CarbonProfile) -> F64:
    """kg CO2 per kWh."""
    hours = np.array(profile.g_per_kwh) / 1000.0
    return np.repeat(np.repeat(hours, 60, axis=1)[:, None, :], SHAPE[1], axis=1)


def borders(table: F64) -> NDArray[np.int64]:
    """Minutes of the day at which a table changes, midnight included."""
    inside = np.flatnonzero((np.diff(table, axis=2) != 0).any(axis=(0, 1))) + 1
    first, last = table[:, :, 0], table[:, :, -1]
    midnight = (np.roll(first, -1, axis=1) != last) | (np.roll(first, -1, axis=0) != first)
    return np.concatenate([[0], inside]) if midnight.any() else inside
