"""What is kept of a site when it has been simulated: its row in the summary, and its sums.

A warm-up is left out here: visits count by their arrival, load by whole intervals that begin after
it. The tables keep every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.engine.limits import node_names
from simulator.engine.outages import downtime
from simulator.engine.plan import Outcome
from simulator.simulation.spread import counts
from simulator.store.books import site_fields

if TYPE_CHECKING:
    from simulator.engine.plan import SiteResult
    from simulator.store.siterows import Rows

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

GOT_EVSE: Final = (Outcome.SERVED, Outcome.RUNNING, Outcome.FAILED)
_LOST: Final = (
    Outcome.BLOCKED,
    Outcome.BALKED,
    Outcome.RENEGED,
    Outcome.UNSUITABLE,
    Outcome.FAILED,
    Outcome.NO_SHOW,
)


def first_interval(warmup_s: float, interval_s: float) -> int:
    """The first interval that begins at the end of the warm-up or after it."""
    return ceil(warmup_s / interval_s - 1e-9)


@dataclass(frozen=True, slots=True)
class Sums:
    """What a site adds to the sums of the network."""

    outcomes: I64
    """Visits by outcome."""
    unserved_kwh: F64
    """By outcome."""
    series: F64
    """Energy, EVSE-seconds occupied and vehicle-seconds waiting per interval, shape (3, n)."""
    waits_s: F64
    """Of the visits that got an EVSE or gave up, the waits above 0."""
    spreads: dict[str, I64]
    """How waits, energies and stays are spread, see ``spread``."""


def sums(rows: Rows) -> Sums:
    """The sums of a site."""
    site, counted = rows.site, _counted(rows)
    plan = site.plan
    outcome = plan.outcome[counted]
    served = counted & (plan.outcome == Outcome.SERVED)
    waits = _waits(site, counted)
    lacking = np.nan_to_num(plan.unserved_kwh[counted])
    return Sums(
        outcomes=np.bincount(outcome, minlength=len(Outcome)),
        unserved_kwh=np.bincount(outcome, lacking, len(Outcome)).astype(np.float64),
        series=np.array([site.load_kwh, site.occupied_s, site.queue_s]),
        waits_s=waits[waits > 0.0],
        spreads={
            "wait_s": counts(waits),
            "energy_kwh": counts(plan.energy_kwh[served]),
            "stay_s": counts((plan.unplug_s - plan.plug_in_s)[served]),
        },
    )


def added(parts: Sequence[Sums]) -> Sums:
    """The sums of several sites or tasks, added up in the order given (at least one)."""
    first, *others = parts
    series, unserved = first.series.copy(), first.unserved_kwh.copy()
    outcomes = first.outcomes.copy()
    spreads = {name: found.copy() for name, found in first.spreads.items()}
    for other in others:
        series += other.series
        unserved += other.unserved_kwh
        outcomes += other.outcomes
        for name, found in other.spreads.items():
            spreads[name] += found
    waits = np.concatenate([part.waits_s for part in parts])
    return Sums(outcomes, unserved, series, waits, spreads)


def site_row(rows: Rows) -> dict[str, Any]:
    """The figures of a site, as ``summary.json`` lists them under ``sites``."""
    site, counted = rows.site, _counted(rows)
    plan = site.plan
    outcomes = np.bincount(plan.outcome[counted], minlength=len(Outcome))
    got = counted & np.isin(plan.outcome, GOT_EVSE)
    first = first_interval(rows.warmup_s, rows.interval_s)
    evses = len(site.evse_kw)
    counted_s = rows.duration_s - first * rows.interval_s
    grid_kwh = float(plan.energy_kwh[got].sum())
    battery_kwh = grid_kwh - float(plan.losses_kwh[got].sum())
    waits = (plan.plug_in_s - np.asarray(site.visits.arrival_s))[got]
    return {
        "name": site.site.name,
        "stations": len(site.site.stations),
        "evses": evses,
        "sessions": int(got.sum()),
        "energy_kwh": float(site.load_kwh[first:].sum()),
        "unserved_kwh": float(np.nan_to_num(plan.unserved_kwh[counted]).sum()),
        "peak_kw": site.peak_kw,
        "peak_s": site.peak_s,
        "grid_limit_kw": site.site.site.grid_limit,
        "limit_bound_s": site.limit_bound_s,
        "grid_bound_s": site.grid_bound_s,
        "utilisation": float(site.occupied_s[first:].sum() / max(evses * counted_s, 1e-9)),
        "wait_s": float(waits.sum()),
        "grid_kwh": grid_kwh,
        "battery_kwh": battery_kwh,
        **{outcome.name.lower(): int(outcomes[outcome]) for outcome in _LOST},
        "rerouted": int(plan.rerouted[counted].sum()) if len(plan.rerouted) else 0,
        **_service(rows, counted & (plan.outcome == Outcome.FAILED)),
        **_limits(site),
        **site_fields(site, first),
    }


def _limits(site: SiteResult) -> dict[str, Any]:
    """The limits below the site's own and for how long each held somebody back, if it has any.

    ``limit_kw`` is None where a limit is one of currents alone. The one without a name is that of
    the currents of the grid connection.
    """
    if not len(site.node_bound_s):
        return {}
    powers = {limit.name: limit.limit for limit in site.site.site.limits}
    return {
        "limits": [
            {"name": name, "bound_s": float(bound_s), "limit_kw": powers.get(name)}
            for name, bound_s in zip(node_names(site.site.site), site.node_bound_s, strict=True)
        ]
    }


def _service(rows: Rows, failed: NDArray[np.bool_]) -> dict[str, Any]:
    """Outages of a site, and what failures cost its sessions."""
    site, since_s = rows.site, rows.warmup_s
    evses = len(site.evse_kw)
    out_s = 0.0
    if site.outages:
        out_s = float(downtime(site).out.seconds(evses, rows.duration_s, since_s).sum())
    return {
        "outages": sum(not outage.to_s <= since_s for outage in site.outages),
        "availability": 1.0 - out_s / max(evses * (rows.duration_s - since_s), 1e-9),
        "failed_unserved_kwh": float(np.nan_to_num(site.plan.unserved_kwh[failed]).sum()),
    }


def _counted(rows: Rows) -> NDArray[np.bool_]:
    """Visits that came within the horizon and after the warm-up."""
    arrival = np.asarray(rows.site.visits.arrival_s)
    counted: NDArray[np.bool_] = (rows.site.plan.outcome != Outcome.FUTURE) & (
        arrival >= rows.warmup_s
    )
    return counted


def _waits(site: SiteResult, counted: NDArray[np.bool_]) -> F64:
    """Waits of the visits that plugged in, and of those that gave up (until they left)."""
    plan, visits = site.plan, site.visits
    arrival = np.asarray(visits.arrival_s)
    plugged = counted & np.isfinite(plan.plug_in_s)
    gave_up = counted & (plan.outcome == Outcome.RENEGED)
    left = np.minimum(arrival + visits.patience_s, visits.departure_s)
    waits: F64 = np.concatenate(((plan.plug_in_s - arrival)[plugged], (left - arrival)[gave_up]))
    return waits
