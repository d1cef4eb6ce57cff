"""What only a simulation has: load by site, sessions as columns, facts of each site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.report import words
from simulator.report.reading import F64, Reading, dig, floats

I64 = NDArray[np.int64]


def group_of(site: str) -> str:
    """The site of the scenario of which ``site`` is a copy: ``ring-road#2`` gives ``ring-road``."""
    return site.partition("#")[0]


@dataclass(frozen=True, slots=True)
class Load:
    """Means per interval, shape (sites, intervals); an interval that a site lacks counts as 0."""

    sites: tuple[str, ...]
    seconds: F64
    interval_s: float
    kw: F64
    occupied: F64
    queue: F64

    def by_group(self, values: F64) -> dict[str, F64]:
        """Sums over the copies of each site of the scenario, named with their number."""
        names = [group_of(site) for site in self.sites]
        found = {}
        for name in dict.fromkeys(names):
            chosen = [row for row, other in enumerate(names) if other == name]
            label = name if len(chosen) == 1 else f"{name} ×{words.count(len(chosen))}"
            found[label] = values[chosen].sum(axis=0)
        return found


def load(reading: Reading) -> Load | None:
    """The table of load as matrices."""
    frame = reading.table("load")
    if frame is None:
        return None
    import pandas as pd

    row, sites = pd.factorize(frame["site"].astype(str))
    starts, column = np.unique(floats(frame, "start_s"), return_inverse=True)
    shape = (len(sites), len(starts))

    def matrix(name: str) -> F64:
        cells = np.zeros(shape)
        cells[row, column] = np.nan_to_num(floats(frame, name))
        return cells

    interval = float(np.diff(starts).min()) if len(starts) > 1 else 0.0
    interval = interval or words.as_number(dig(reading.scenario, "record", "interval")) or 900.0
    return Load(
        tuple(str(site) for site in sites),
        starts,
        interval,
        matrix("mean_kw"),
        matrix("occupied_evses"),
        matrix("queue"),
    )


@dataclass(frozen=True, slots=True)
class Sessions:
    """The table of sessions as columns; times in seconds, nan where it did not happen."""

    sites: tuple[str, ...]
    site: I64
    """Index into ``sites``."""
    outcome: NDArray[np.str_]
    wait_s: F64
    stay_s: F64
    energy_kwh: F64
    unserved_kwh: F64

    @property
    def plugged(self) -> NDArray[np.bool_]:
        """Which visits got an EVSE."""
        return np.isin(self.outcome, ("served", "running"))

    def per_site(self, weights: F64 | None = None) -> F64:
        """Visits, or the sum of ``weights``, by site."""
        values = None if weights is None else np.nan_to_num(weights)
        return np.bincount(self.site, values, len(self.sites)).astype(np.float64)


def sessions(reading: Reading) -> Sessions | None:
    """Every visit within the horizon and what became of it."""
    frame = reading.table("sessions")
    if frame is None:
        return None
    import pandas as pd

    frame = frame[frame["outcome"] != "future"]
    if frame.empty:
        return None
    site, sites = pd.factorize(frame["site"].astype(str))
    stay = (frame["unplug"] - frame["plug_in"]).dt.total_seconds()
    stay_s: F64 = np.asarray(stay.to_numpy(na_value=np.nan), dtype=np.float64)
    return Sessions(
        tuple(str(name) for name in sites),
        np.asarray(site, dtype=np.int64),
        frame["outcome"].astype(str).to_numpy(dtype=np.str_),
        floats(frame, "wait_s"),
        stay_s,
        floats(frame, "energy_kwh"),
        floats(frame, "unserved_kwh"),
    )


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What the summary and the scenario say of a site; nan where they do not."""

    stations: float
    evses: float
    limit_kw: float
    peak_kw: float
    utilisation: float
    """Share of EVSE time with a vehicle plugged in."""
    limited_s: float
    """Time during which the grid limit held somebody back."""


def site_facts(reading: Reading, sites: tuple[str, ...]) -> dict[str, SiteFacts]:
    """Facts by name of site."""
    rows = {str(row.get("name")): row for row in reading.rows("sites")}
    limits = {str(site.get("name")): _kw(site.get("grid_limit")) for site in reading.sites}
    found = {}
    for site in sites:
        row: Mapping[str, Any] = rows.get(site, {})
        limit = _number(row.get("grid_limit_kw"))
        found[site] = SiteFacts(
            _number(row.get("stations")),
            _number(row.get("evses")),
            limit if np.isfinite(limit) else limits.get(group_of(site), np.nan),
            _number(reading.get("peak_kw", site)),
            _number(row.get("utilisation")),
            _number(row.get("limit_bound_s")),
        )
    return found


def _number(value: Any) -> float:
    number = words.as_number(value)
    return np.nan if number is None else number


def _kw(value: Any) -> float:
    """A power as the resolved scenario writes it: a number of kW, or a text with its unit."""
    if not isinstance(value, str):
        return _number(value)
    amount, _, unit = value.strip().partition(" ")
    factor = {"kW": 1.0, "MW": 1000.0, "W": 0.001}.get(unit.strip(), np.nan)
    try:
        return float(amount) * factor
    except ValueError:
        return np.nan
