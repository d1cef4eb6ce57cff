"""Visits of a site from a trace: what was recorded, replayed.

A trace knows what the meter counted, not the car. So each row becomes a car that can take exactly
that energy, at no more than the recorded power, without losses: battery = energy, SoC from 0 to 1,
flat curve, and on AC the fewest phases that carry the power at its EVSE. Reading and checking the
file is the scenario room's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.demand.drivers import flat_curves
from simulator.demand.visits import Visits

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

if TYPE_CHECKING:
    from simulator.scenario import SiteInstance, TraceTable

_NOTHING_KWH = 1e-9
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class TraceNotice:
    """What a horizon and a network of a certain size leave out of a trace, in rows."""

    rows: int
    before: int
    """Arrive before the start; they are not replayed, not even if they stay."""
    after: int
    """Arrive at or after the end."""
    elsewhere: int
    """Arrive in time, at an EVSE that the site does not have: the network has been made smaller."""
    overlapping: int
    """Of those replayed, the ones that arrive while an earlier one is still at their EVSE."""

    @property
    def kept(self) -> int:
        """Rows that are replayed."""
        return self.rows - self.before - self.after - self.elsewhere


def trace_notice(
    table: TraceTable, site: SiteInstance, start_s: float, end_s: float
) -> TraceNotice:
    """Count the rows of ``table`` that :func:`trace_visits` replays, and why others are not."""
    arrival = np.asarray(table.arrival_s)
    before = int((arrival < start_s).sum())
    after = int((arrival >= end_s).sum())
    rows = _rows(table, evse_index(site), start_s, end_s)
    elsewhere = len(arrival) - before - after - len(rows)
    return TraceNotice(len(arrival), before, after, elsewhere, _overlapping(table, rows))


def trace_visits(table: TraceTable, site: SiteInstance, start_s: float, end_s: float) -> Visits:
    """Return the rows of ``table`` that arrive within ``start_s`` <= t < ``end_s`` as visits.

    Rows at an EVSE that the site does not have are left out: the scenario room has checked the
    names against the whole site, so this one has been made smaller.
    """
    evses = evse_index(site)
    rows = _rows(table, evses, start_s, end_s)
    n = len(rows)
    energy = np.asarray(table.energy_kwh, dtype=np.float64)[rows]
    max_kw = np.asarray(table.max_kw, dtype=np.float64)[rows]
    evse = np.array([evses[table.evse[row]] for row in rows], dtype=np.int32)
    nothing = energy < _NOTHING_KWH
    never = np.full(n, np.inf)
    ones = np.ones(n)
    return Visits(
        arrival_s=np.asarray(table.arrival_s, dtype=np.float64)[rows],
        departure_s=np.asarray(table.departure_s, dtype=np.float64)[rows],
        linger_s=never,
        patience_s=never,
        soc=np.where(nothing, 1.0, 0.0),
        target_soc=ones,
        battery_kwh=np.where(nothing, 1.0, energy),
        ac_kw=max_kw,
        ac_phases=_fewest_phases(site, evse, max_kw),
        dc_kw=max_kw,
        efficiency_ac=ones,
        efficiency_dc=ones,
        curve=np.zeros(n, dtype=np.int32),
        evse=evse,
        label=tuple(table.session_id[row] for row in rows),
        curves=flat_curves(),
    )


def evse_index(site: SiteInstance) -> dict[str, int]:
    """Return the site's index (0-based, in station order) of every named EVSE."""
    index: dict[str, int] = {}
    first = 0
    for station in site.stations:
        for number, name in enumerate(station.evse_names or ()):
            index[name] = first + number
        first += station.evses
    return index


def _overlapping(table: TraceTable, rows: NDArray[np.int64]) -> int:
    """Count the rows (in order of arrival) that find their EVSE taken by an earlier one."""
    free_s: dict[str, float] = {}
    count = 0
    for row in rows:
        name = table.evse[row]
        count += bool(table.arrival_s[row] < free_s.get(name, -np.inf))
        free_s[name] = max(float(table.departure_s[row]), free_s.get(name, -np.inf))
    return count


def _rows(
    table: TraceTable, evses: dict[str, int], start_s: float, end_s: float
) -> NDArray[np.int64]:
    """Return the rows to replay, in order of arrival."""
    arrival = np.asarray(table.arrival_s)
    here = np.fromiter((name in evses for name in table.evse), dtype=bool, count=len(arrival))
    rows = np.flatnonzero(here & (arrival >= start_s) & (arrival < end_s))
    return rows[np.argsort(arrival[rows], kind="stable")]


def _fewest_phases(site: SiteInstance, evse: I32, max_kw: F64) -> I32:
    """Return the phases of each row's car, at least 1 and at most those of its EVSE.

    Fewer phases mean that the car can be throttled further (6 A on each).
    """
    ratings = [
        (station.model.phases, station.model.evse_kw / station.model.phases)
        for station in site.stations
        for _ in range(station.evses)
    ]
    phases, kw_per_phase = np.array(ratings, dtype=np.float64)[evse].T
    needed = np.ceil(max_kw / kw_per_phase - _ROUNDING)
    fewest: I32 = np.clip(needed, 1, phases).astype(np.int32)
    return fewest
