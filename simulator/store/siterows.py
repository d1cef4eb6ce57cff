"""A simulated site as the rows of tables: quantities by visit, interval, outage and station.

Worked out once each, when a column of ``simtables`` asks for them; and how numbers, instants and
texts become Arrow arrays. No schemas and no files. Called by ``simtables`` and ``simulation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from simulator.store import books

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.engine.plan import SiteResult

    F64 = NDArray[np.float64]

TIME = pa.timestamp("ms", tz="UTC")
TEXT = pa.string()
NUMBER = pa.float64()


@dataclass(frozen=True)
class Rows:
    """A site of which the rows of a table are made."""

    site: SiteResult
    epoch_s: float
    """Unix time of plan time 0."""
    duration_s: float
    interval_s: float
    warmup_s: float = 0.0

    # -- one row per visit ----------------------------------------------------------------------

    @cached_property
    def used(self) -> NDArray[np.bool_]:
        """Visits that got an EVSE."""
        return self.site.plan.evse >= 0

    def of_evse(self, column: NDArray[np.int32]) -> NDArray[np.int32]:
        """A column of the site's EVSEs by visit; 0 where it got none."""
        if not len(column):
            return np.zeros(len(self.used), np.int32)
        return column[np.where(self.used, self.site.plan.evse, 0)].astype(np.int32)

    def station_names(self) -> pa.Array:
        """The id of each station of the site."""
        return pa.array([station.id for station in self.site.site.stations], TEXT)

    @cached_property
    def session_books(self) -> dict[str, F64]:
        """Money and CO2 by visit."""
        return books.session_columns(self.site)

    # -- one row per interval -------------------------------------------------------------------

    @cached_property
    def start_s(self) -> F64:
        """Start of each recording interval."""
        return np.arange(len(self.site.load_kwh), dtype=np.float64) * self.interval_s

    @cached_property
    def length_s(self) -> F64:
        """What was simulated of each interval: the last may be cut short."""
        return np.clip(self.duration_s - self.start_s, 1e-9, self.interval_s)

    @cached_property
    def load_books(self) -> dict[str, F64]:
        """Other load by interval."""
        return books.load_columns(self.site, self.length_s)

    # -- one row per outage ---------------------------------------------------------------------

    @cached_property
    def broken(self) -> NDArray[np.int32]:
        """The EVSE of each outage; -1: the whole site."""
        return np.array([outage.evse for outage in self.site.outages], np.int32)

    @cached_property
    def outage_s(self) -> tuple[F64, F64]:
        """Start and end of each outage; nan: not within the horizon."""
        start = np.array([outage.from_s for outage in self.site.outages], np.float64)
        return start, np.array([outage.to_s for outage in self.site.outages], np.float64)

    # -- one row per station --------------------------------------------------------------------

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """Visits that got an EVSE and came after the warm-up."""
        return self.used & (np.asarray(self.site.visits.arrival_s) >= self.warmup_s)

    def by_station(self, values: F64 | None) -> F64:
        """Counts, or sums of ``values``, of the counted visits by station."""
        rows = self.counted
        station = self.of_evse(self.site.evse_station)[rows]
        weights = None if values is None else values[rows]
        sums = np.bincount(station, weights, len(self.site.site.stations))
        return sums.astype(np.float64)

    @cached_property
    def occupied_s(self) -> F64:
        """EVSE-seconds occupied by station, from the end of the warm-up to the horizon."""
        plan, rows = self.site.plan, self.used
        end = np.where(np.isnan(plan.unplug_s[rows]), self.duration_s, plan.unplug_s[rows])
        begin = np.maximum(plan.plug_in_s[rows], self.warmup_s)
        station = self.of_evse(self.site.evse_station)[rows]
        stay = np.maximum(end - begin, 0.0)
        return np.bincount(station, stay, len(self.site.site.stations)).astype(np.float64)

    @cached_property
    def station_evses(self) -> F64:
        """Number of EVSEs of each station."""
        count = np.bincount(self.site.evse_station, minlength=len(self.site.site.stations))
        return count.astype(np.float64)

    def station_peak_means(self) -> F64:
        """Largest mean of a recording interval by station, after the warm-up."""
        stations = len(self.site.site.stations)
        kwh = np.zeros((stations, len(self.start_s)))
        if len(self.site.evse_kwh):
            np.add.at(kwh, self.site.evse_station, self.site.evse_kwh)
        counted = self.start_s >= self.warmup_s
        means: F64 = (kwh * 3600.0 / self.length_s)[:, counted]
        peaks: F64 = means.max(axis=1, initial=0.0)
        return peaks

    def if_recorded(self, by_station: F64) -> pa.Array:
        """A value per station where EVSEs are recorded, else null."""
        if not len(self.site.evse_kwh):
            return pa.nulls(len(self.site.site.stations), NUMBER)
        return numbers(by_station)

    @cached_property
    def evse_cells(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """EVSE and interval wherever energy flowed."""
        evse, interval = np.nonzero(self.site.evse_kwh)
        return evse, interval


def repeated(text: str, n: int) -> pa.Array:
    """The same text ``n`` times."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([text], TEXT))


def numbers(values: F64) -> pa.Array:
    """Numbers, with null for nan and infinities."""
    known = np.isfinite(values)
    return pa.array(values, NUMBER) if known.all() else pa.array(values, NUMBER, mask=~known)


def instants(seconds: F64, epoch_s: float) -> pa.Array:
    """Plan seconds as UTC instants to the millisecond; nan and infinities become null."""
    known = np.isfinite(seconds)
    ms = np.rint((np.where(known, seconds, 0.0) + epoch_s) * 1000).astype(np.int64)
    return pa.array(ms, pa.int64(), mask=None if known.all() else ~known).cast(TIME)
