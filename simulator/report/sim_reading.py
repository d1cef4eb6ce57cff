"""What only a simulation has: load by site, sessions as columns, facts of each site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from simulator.report import words
from simulator.report.plots.people import Counted, Values
from simulator.report.reading import F64, Reading, dig, floats

MOST_ROWS = 1_000_000
"""Tables with more rows are not read whole: their sums stand in the summary and in small tables."""
_STEPS = 2_000
GOT_EVSE = ("served", "running", "failed")
"""Outcomes of visits that plugged in."""


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
    """The table of load as matrices; a very long one as means of longer steps."""
    if reading.row_count("load") > MOST_ROWS:
        return _large_load(reading)
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


def _large_load(reading: Reading) -> Load | None:
    """The load as at most ``_STEPS`` steps, each of whole recording intervals; read in pieces."""
    length = words.as_number(reading.get("duration_s"))
    interval = words.as_number(reading.get("interval_s"))
    names = [str(row.get("name")) for row in reading.rows("sites")]
    if not length or not interval or not names:
        return None
    step = interval * max(1, ceil(length / interval / _STEPS))
    starts = np.arange(ceil(length / step - 1e-9), dtype=np.float64) * step
    lasted = np.minimum(step, length - starts)
    place = {name: row for row, name in enumerate(names)}
    columns = ("mean_kw", "occupied_evses", "queue")
    sums = {name: np.zeros((len(names), len(starts))) for name in columns}
    for batch in reading.batches("load", ("site", "start_s", *columns)):
        site = batch.column("site")
        rows = np.array([place.get(name, -1) for name in site.dictionary.to_pylist()])
        row = rows[site.indices.to_numpy(zero_copy_only=False)]
        start = batch.column("start_s").to_numpy(zero_copy_only=False)
        known = row >= 0
        cell = row[known] * len(starts) + (start[known] / step).astype(np.int64)
        part = np.minimum(interval, length - start[known])
        for name in columns:
            values = np.nan_to_num(batch.column(name).to_numpy(zero_copy_only=False))
            np.add.at(sums[name].reshape(-1), cell, values[known] * part)
    kw, occupied, queue = (sums[name] / lasted for name in columns)
    return Load(tuple(names), starts, step, kw, occupied, queue)


@dataclass(frozen=True, slots=True)
class NetLoad:
    """Mean kW per interval of all sites that keep books, shape (intervals,)."""

    seconds: F64
    interval_s: float
    vehicles: F64
    building: F64
    """Building and the stations' standby."""
    pv: F64
    charging: F64
    """Into stationary batteries."""
    discharging: F64
    """Out of them."""
    net: F64
    """vehicles + building + charging - pv - discharging; below 0: given to the grid."""


def net_load(reading: Reading) -> NetLoad | None:
    """What meets behind the meters; None where no site keeps books. Read in pieces."""
    length, interval = (words.as_number(reading.get(n)) for n in ("duration_s", "interval_s"))
    if not reading.get("costs") or not length or not interval or not reading.holds("load"):
        return None
    count = ceil(length / interval - 1e-9)
    columns = ("mean_kw", "base_kw", "pv_kw", "battery_kw", "net_kw")
    sums = {name: np.zeros(count) for name in (*columns, "discharging")}
    for batch in reading.batches("load", ("start_s", *columns)):
        if set(columns) - set(batch.schema.names):
            return None
        part = {
            name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names
        }
        known = np.isfinite(part["net_kw"])  # of the sites that keep books
        at = np.rint(part["start_s"][known] / interval).astype(np.int64)
        battery = np.nan_to_num(part["battery_kw"])
        part |= {"battery_kw": np.maximum(battery, 0.0), "discharging": np.maximum(-battery, 0.0)}
        for name, total in sums.items():
            total += np.bincount(at, np.nan_to_num(part[name][known]), count)[:count]
    vehicles, building, pv, charging, net = (sums[name] for name in columns)
    seconds: F64 = np.arange(count, dtype=np.float64) * interval
    discharging = sums["discharging"]
    return NetLoad(seconds, interval, vehicles, building, pv, charging, discharging, net)


@dataclass(frozen=True, slots=True)
class Sessions:
    """What became of the visits: sums by site, and how some quantities are spread."""

    sites: tuple[str, ...]
    plugged: F64
    """Visits that got an EVSE, by site."""
    energy_kwh: F64
    """By site, as are the next two."""
    wait_s: F64
    """Waits of the visits that got an EVSE, added up."""
    unserved_kwh: F64
    unserved_by: Mapping[str, float]
    """Energy not served by outcome."""
    waits_s: Values
    """Waits above 0 of visits that got an EVSE."""
    served_kwh: Values
    """Energy of each session that ended."""
    stays_s: Values
    """Time plugged in of each session that ended."""


def sessions(reading: Reading) -> Sessions | None:
    """Every visit within the horizon and what became of it."""
    if reading.row_count("sessions") > MOST_ROWS:
        return _large_sessions(reading)
    frame = reading.table("sessions")
    if frame is None:
        return None
    import pandas as pd

    frame = frame[frame["outcome"] != "future"]
    warmup = words.as_number(reading.get("warmup_s"))
    if warmup:
        begin = pd.Timestamp(str(reading.meta("start"))).tz_convert("UTC")
        frame = frame[frame["arrival"] >= begin + pd.Timedelta(seconds=warmup)]
    if frame.empty:
        return None
    site, sites = pd.factorize(frame["site"].astype(str))
    stay = (frame["unplug"] - frame["plug_in"]).dt.total_seconds()
    stay_s: F64 = np.asarray(stay.to_numpy(na_value=np.nan), dtype=np.float64)
    outcome = frame["outcome"].astype(str).to_numpy(dtype=np.str_)
    plugged = np.isin(outcome, GOT_EVSE)
    served = outcome == "served"
    wait, energy, lack = (floats(frame, name) for name in ("wait_s", "energy_kwh", "unserved_kwh"))

    def by_site(values: F64) -> F64:
        return np.bincount(site, np.nan_to_num(values), len(sites)).astype(np.float64)

    waits = wait[plugged]
    return Sessions(
        sites=tuple(str(name) for name in sites),
        plugged=by_site(plugged.astype(np.float64)),
        energy_kwh=by_site(energy),
        wait_s=by_site(wait * plugged),
        unserved_kwh=by_site(lack),
        unserved_by={
            str(name): float(np.nan_to_num(lack[outcome == name]).sum())
            for name in np.unique(outcome)
        },
        waits_s=waits[waits > 0],
        served_kwh=energy[served],
        stays_s=stay_s[served],
    )


def _large_sessions(reading: Reading) -> Sessions | None:
    """The same from the summary and the table of distributions; waits of those who gave up too."""
    rows = reading.rows("sites")
    frame = reading.table("distributions")
    if not rows or frame is None:
        return None

    def by_site(name: str) -> F64:
        return np.array([_number(row.get(name)) for row in rows])

    def spread(quantity: str) -> Counted:
        chosen = frame[frame["quantity"] == quantity]
        if quantity == "wait_s":
            chosen = chosen[chosen["high"] != 0]
        low, high = floats(chosen, "low"), floats(chosen, "high")
        return Counted(low, np.where(np.isnan(high), low, high), floats(chosen, "count"))

    by = reading.get("unserved_by_outcome")
    return Sessions(
        sites=tuple(str(row.get("name")) for row in rows),
        plugged=by_site("sessions"),
        energy_kwh=by_site("energy_kwh"),
        wait_s=by_site("wait_s"),
        unserved_kwh=by_site("unserved_kwh"),
        unserved_by={str(k): _number(v) for k, v in by.items()} if isinstance(by, Mapping) else {},
        waits_s=spread("wait_s"),
        served_kwh=spread("energy_kwh"),
        stays_s=spread("stay_s"),
    )


def counted_s(reading: Reading) -> float | None:
    """How long what the figures count lasted: the run without its warm-up."""
    length = words.as_number(reading.get("duration_s"))
    return None if length is None else length - (words.as_number(reading.get("warmup_s")) or 0.0)


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
    """Time during which a limit of the site held somebody back."""


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
