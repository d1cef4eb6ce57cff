"""Tariffs and carbon intensity as tables by (month, weekday, minute of the day), local time.

A table has shape (12, 7, 1440): January first, Monday first. Called where prices are looked up or
checked; apart from the models so that reading a scenario without a tariff needs no numpy.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.scenario.localtime import first_step_across
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


class Cut(NamedTuple):
    """An interval within which something changes."""

    what: str
    """``tariff`` or ``carbon``."""
    where: str
    """The field of ``record`` that is to blame: ``interval`` or ``billing_interval``."""
    minute: int
    """Minute of the local day at which it changes."""
    length_s: float

    @property
    def clock(self) -> str:
        """The minute as clocks show it."""
        return f"{self.minute // 60:02}:{self.minute % 60:02}"


def first_cut(
    tariff: Tariff | None,
    carbon: CarbonProfile | None,
    start: dt.datetime,
    duration_s: float,
    interval_s: float,
    billing_s: float,
) -> Cut | None:
    """The first interval within which a price, an intensity or (with a demand charge) a month
    changes.

    Prices hold for whole recording intervals: one that a change cuts is refused, not split. Both
    kinds of interval count from plan time 0.
    """
    parts: list[tuple[str, str, list[int], float]] = []
    if tariff is not None:
        parts.append(("tariff", "interval", borders(price_table(tariff)).tolist(), interval_s))
        if tariff.grid is not None and tariff.grid.demand_per_kw_month > 0:
            parts.append(("tariff", "billing_interval", [0], billing_s))
    if carbon is not None:
        parts.append(("carbon", "interval", borders(carbon_table(carbon)).tolist(), interval_s))
    for what, where, minutes, length_s in parts:
        minute = first_step_across(start, duration_s, minutes, length_s)
        if minute is not None:
            return Cut(what, where, minute, length_s)
    return None
