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
    soc = evse.anchor_soc + gained(dt, evse.power_kw, evse.slope, evse.piece_kwh)
    if evse.power_kw < 0.0:
        return float(max(evse.end_soc, soc))
    return float(min(evse.end_soc, soc))


def power_at(evse: Any, now: float) -> float:
    """Power of the vehicle at ``now`` (at the piece's end: that of the piece, not of the next)."""
    if evse.slope == 0.0:
        return float(evse.power_kw)
    gain = soc_at(evse, now) - evse.anchor_soc
    return float(evse.power_kw + evse.slope * gain)


def record_energy(k: State, evse: Any, now: float, soc: float) -> None:
    """Add the energy between the anchor and (``now``, ``soc``) to the intervals it falls in.

    Energy given back counts below 0.
    """
    site = k.site[0]
    last = k.load_kwh.shape[0] - 1
    start_s = evse.anchor_s
    start_soc = evse.anchor_soc
    if now <= start_s or evse.power_kw == 0.0:
        return
    if evse.power_kw < 0.0:
        k.sessions[evse.visit].discharged_kwh -= evse.power_kw * ((now - start_s) / 3600.0)
    if evse.slope == 0.0 and site.interval_start_s <= start_s and now <= site.interval_stop_s:
        book(k, evse, site.interval, evse.power_kw * ((now - start_s) / 3600.0))
        return
    j = min(int(start_s / site.interval_s), last)
    while j < last:
        border_s = (j + 1) * site.interval_s
        if border_s >= now:
            break
        if evse.slope == 0.0:
            book(k, evse, j, evse.power_kw * ((border_s - start_s) / 3600.0))
            start_s = border_s
        else:
            border_soc = soc_at(evse, border_s)
            book(k, evse, j, (border_soc - start_soc) * evse.capacity_kwh)
            start_soc = border_soc
        j += 1
    site.interval = j
    site.interval_start_s = j * site.interval_s
    site.interval_stop_s = (j + 1) * site.interval_s
    if evse.slope == 0.0:
        book(k, evse, j, evse.power_kw * ((now - start_s) / 3600.0))
    else:
        book(k, evse, j, (soc - start_soc) * evse.capacity_kwh)


def book(k: State, evse: Any, j: int, kwh: float) -> None:
    """Enter energy of interval ``j``; with its price and its carbon, and by EVSE, if asked for."""
    k.load_kwh[j] += kwh
    if k.site[0].priced:
        session = k.sessions[evse.visit]
        if k.price.shape[0] > 0:
            session.cost += kwh * (k.price[j] if kwh >= 0.0 else k.feed_in[j])
        if k.carbon.shape[0] > 0:
            session.carbon_kg += kwh * k.carbon[j]
    if k.evse_kwh.shape[0] > 0:
        k.evse_kwh[evse.index, j] += kwh


def total_power(k: State, now: float) -> float:
    """The site's load at ``now``, before the events of that moment."""
    total = 0.0
    for i in range(k.evses.shape[0]):
        evse = k.evses[i]
        if evse.active:
            total += power_at(evse, now)
    return total


def pass_time(k: State, now: float) -> None:
    """Close the stretch from the last decision to ``now``, in which nothing was decided."""
    site = k.site[0]
    watch_peak(k, now)
    held = site.held != 0
    if held:
        site.grid_bound_s += now - site.now_s
    for x in range(k.nodes.shape[0]):
        held = held or k.nodes[x].held != 0
    if held:
        site.limit_bound_s += now - site.now_s
    site.now_s = now


def watch_peak(k: State, until_s: float) -> None:
    """Bring the peaks up to date for the time from the last decision to ``until_s``.

    In between every vehicle is within one piece, where its power is a positive exponential of
    time or constant, and the other load is constant: the sum is convex, so its maximum is at one of
    the ends. An upper bound, kept up with each piece, spares the sums most of the time; so do the
    limits in force, once a peak has reached them.
    """
    site = k.site[0]
    if until_s <= site.now_s:
        return
    if k.evse_kwh.shape[0] > 0:
        watch_stations(k, until_s)
    most_kw = site.ceiling_kw + _SLACK * (1.0 + abs(site.ceiling_kw))
    if most_kw <= site.peak_kw and most_kw + site.base_kw <= site.net_peak_kw:
        return
    most_kw = site.limit_kw * (1.0 - 1e-12)
    if site.peak_kw >= most_kw and site.net_peak_kw >= most_kw + site.base_kw:
        return
    most_kw = most_load(k, until_s) + _SLACK * (1.0 + abs(site.ceiling_kw))
    if most_kw <= site.peak_kw and most_kw + site.base_kw <= site.net_peak_kw:
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


def most_load(k: State, until_s: float) -> float:
    """A bound of the load until ``until_s``: of those who rise what they have come to by then."""
    most_kw = k.site[0].ceiling_kw
    for i in range(k.evses.shape[0]):
        evse = k.evses[i]
        if evse.active and evse.slope > 0.0:
            most_kw += power_at(evse, until_s) - evse.ceiling_kw
    return float(most_kw)


def note_peak(site: Any, total: float, now: float) -> None:
    """Keep the larger of two loads and its time, for the vehicles and for the whole site."""
    if total > site.peak_kw:
        site.peak_kw = total
        site.peak_s = now
    if total + site.base_kw > site.net_peak_kw:
        site.net_peak_kw = total + site.base_kw
        site.net_peak_s = now


def watch_stations(k: State, until_s: float) -> None:
    """Bring every station's peak up to date, like :func:`watch_peak`."""
    since_s = k.site[0].now_s
    for s in range(k.stations.shape[0]):
        station = k.stations[s]
        before = 0.0
        after = 0.0
        for i in range(station.first, station.stop):
            evse = k.evses[i]
            if evse.active:
                before += power_at(evse, since_s)
                after += power_at(evse, until_s)
        station.peak_kw = max(station.peak_kw, before, after)
