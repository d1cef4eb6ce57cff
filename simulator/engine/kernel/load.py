"""What the kernel records: exact energy per interval and the exact instantaneous peak of a site."""

from __future__ import annotations

from typing import Any

from simulator.charging.curve import gained
from simulator.engine.kernel.state import State

_SLACK = 1e-9


def soc_at(evse: Any, now: float) -> float:
    """SoC of the vehicle at ``now``, within its piece; never beyond the piece's end."""
    if now >= evse.end_s:
        return float(evse.end_soc)
    dt = now - evse.anchor_s
    if dt <= 0.0:
        return float(evse.anchor_soc)
    soc = evse.anchor_soc + gained(dt, evse.power_kw, evse.slope, evse.capacity_kwh)
    return float(min(evse.end_soc, soc))


def power_at(evse: Any, now: float) -> float:
    """Power of the vehicle at ``now`` (at the piece's end: that of the piece, not of the next)."""
    if evse.slope == 0.0:
        return float(evse.power_kw)
    gain = soc_at(evse, now) - evse.anchor_soc
    return float(evse.power_kw + evse.slope * gain)


def record_energy(k: State, evse: Any, now: float, soc: float) -> None:
    """Add the energy between the anchor and (``now``, ``soc``) to the intervals it falls in."""
    site = k.site[0]
    last = k.load_kwh.shape[0] - 1
    start_s = evse.anchor_s
    start_soc = evse.anchor_soc
    if now <= start_s or evse.power_kw == 0.0:
        return
    j = min(int(start_s / site.interval_s), last)
    while j < last:
        border_s = (j + 1) * site.interval_s
        if border_s >= now:
            break
        if evse.slope == 0.0:
            k.load_kwh[j] += evse.power_kw * ((border_s - start_s) / 3600.0)
            start_s = border_s
        else:
            border_soc = soc_at(evse, border_s)
            k.load_kwh[j] += (border_soc - start_soc) * evse.capacity_kwh
            start_soc = border_soc
        j += 1
    if evse.slope == 0.0:
        k.load_kwh[j] += evse.power_kw * ((now - start_s) / 3600.0)
    else:
        k.load_kwh[j] += (soc - start_soc) * evse.capacity_kwh


def total_power(k: State, now: float) -> float:
    """The site's load at ``now``, before the events of that moment."""
    total = 0.0
    for i in range(k.evses.shape[0]):
        evse = k.evses[i]
        if evse.active:
            total += power_at(evse, now)
    return total


def watch_peak(k: State, until_s: float) -> None:
    """Bring the peak up to date for the time from the last decision to ``until_s``.

    In between every vehicle is within one piece, where its power is a positive exponential of
    time: the sum is convex, so its maximum is at one of the ends. An upper bound, kept up with
    each piece, spares the sums most of the time.
    """
    site = k.site[0]
    if until_s <= site.now_s:
        return
    if site.ceiling_kw * (1.0 + _SLACK) + _SLACK <= site.peak_kw:
        return
    if site.peak_kw >= site.limit_kw * (1.0 - 1e-12):
        return
    total = 0.0
    ceiling = 0.0
    rising = False
    for i in range(k.evses.shape[0]):
        evse = k.evses[i]
        if evse.active:
            power = power_at(evse, site.now_s)
            total += power
            if evse.slope > 0.0:
                rising = True
            else:
                evse.ceiling_kw = power
            ceiling += evse.ceiling_kw
    site.ceiling_kw = ceiling
    note_peak(site, total, site.now_s)
    if rising:
        note_peak(site, total_power(k, until_s), until_s)


def note_peak(site: Any, total: float, now: float) -> None:
    """Keep the larger of two loads and its time."""
    if total > site.peak_kw:
        site.peak_kw = total
        site.peak_s = now
