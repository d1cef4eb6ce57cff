"""What energy costs: prices per interval, a site's bill, what a driver pays.

Pure numpy on columns: local time comes as index columns (month, weekday, minute of the day), so
that nothing here knows a clock. Energies in kWh, powers in kW, times in seconds; money in the
tariff's currency. Called by the engine when a site's books are closed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


def look_up(table: F64, month: I32, weekday: I32, minute: I32) -> F64:
    """The entries of a table (month, weekday, minute of the day) at given local times."""
    return np.asarray(table[month, weekday, minute], np.float64)


def netted(net_kwh: F64) -> tuple[F64, F64]:
    """Energy bought and energy given back, per interval: a meter nets within each interval."""
    return np.maximum(net_kwh, 0.0), np.maximum(-net_kwh, 0.0)


def billed_kw(bought_kwh: F64, interval_s: float, billing_s: float) -> F64:
    """Mean power of each billing interval, in kW.

    Billing intervals count from plan time 0 and are whole multiples of ``interval_s``. One that
    the horizon cuts is averaged over its whole length, which is what its meter has seen so far.
    """
    per = max(1, round(billing_s / interval_s))
    padded = np.pad(bought_kwh, (0, -len(bought_kwh) % per))
    return np.asarray(padded.reshape(-1, per).sum(axis=1) * 3600.0 / billing_s, np.float64)


def monthly_peaks(kw: F64, month_number: I32) -> dict[int, float]:
    """The largest value of each calendar month."""
    return {int(month): float(kw[month_number == month].max()) for month in np.unique(month_number)}


def demand_charge(
    peaks_kw: dict[int, float], shares: dict[int, float], per_kw_month: float
) -> float:
    """Sum over months of peak x price x part of the month that was simulated (pro rata)."""
    return sum(peak * per_kw_month * shares[month] for month, peak in peaks_kw.items())


def idle_minutes(charge_end_s: F64, unplug_s: F64, horizon_s: float) -> F64:
    """Minutes plugged in after the end of charging.

    0 for a session whose charging never ended (``nan``); one that is still plugged in at the
    horizon (``unplug_s`` ``nan``) counts until there.
    """
    stop_s = np.where(np.isnan(unplug_s), horizon_s, unplug_s)
    idle_s = np.where(np.isnan(charge_end_s), 0.0, stop_s - charge_end_s)
    return np.maximum(idle_s, 0.0) / 60.0


def idle_fee(idle_min: F64, per_minute: float, grace_s: float, cap: float) -> F64:
    """The fee for the minutes beyond the grace time, at most ``cap`` a session."""
    beyond = np.maximum(idle_min - grace_s / 60.0, 0.0)
    return np.minimum(beyond * per_minute, cap)


def energy_cost(price: F64, kwh: F64) -> float:
    """Sum of price times energy over the intervals."""
    return float(np.dot(price, kwh))
