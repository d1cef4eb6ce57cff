"""The figures of a simulation: one flat list of named numbers, made of its summary.

Replications, comparisons and sweeps work on these; the report shows them. A figure is added by a
line in ``FIGURES`` and one in ``figures``. Numbers in the section ``ledger`` of a summary are
figures by themselves under their own names, and those in ``costs`` (a row per currency) as
``costs.<currency>.<name>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan, nan
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Figure:
    """What a figure is."""

    unit: str
    """``""`` for a count, ``share`` for 0..1."""
    meaning: str


FIGURES: Final[Mapping[str, Figure]] = {
    "visits": Figure("", "Visits that arrived; one that went on counts at each site."),
    "drivers": Figure("", "Visits without those that went on: every driver counts once."),
    "sessions": Figure("", "Visits that got an EVSE."),
    "energy_kwh": Figure("kWh", "Energy drawn from the grid by vehicles."),
    "unserved_kwh": Figure("kWh", "Energy wanted and not delivered, of visits that are over."),
    "peak_kw": Figure("kW", "Largest instantaneous power of any one site."),
    "peak_15min_kw": Figure("kW", "Largest mean of the network over a billing interval."),
    "peak_at_least_kw": Figure("kW", "Lower bound of the network's largest instantaneous power."),
    "peak_at_most_kw": Figure("kW", "Upper bound of it: the sum of the sites' own peaks."),
    "utilisation": Figure("share", "EVSE time with a vehicle plugged in."),
    "wait_mean_s": Figure("s", "Mean wait of visits that got an EVSE or gave up."),
    "wait_p50_s": Figure("s", "Median of these waits."),
    "wait_p95_s": Figure("s", "95th percentile of these waits."),
    "wait_max_s": Figure("s", "Longest of these waits."),
    "waited_share": Figure("share", "Of these visits, those that did not get an EVSE at once."),
    "blocked": Figure("", "Visits that found no free EVSE and no place in the queue."),
    "balked": Figure("", "Visits that saw the queue and drove on."),
    "reneged": Figure("", "Visits that left the queue without an EVSE."),
    "unsuitable": Figure("", "Visits for which no EVSE of the site fits."),
    "failed": Figure("", "Sessions cut off by a station that broke down."),
    "no_show": Figure("", "Reservations of which nobody came."),
    "rerouted": Figure("", "Visits that found no place and went on to another site."),
    "availability": Figure("share", "EVSE time in service."),
    "limit_bound_s": Figure("s", "Time at which a limit held somebody back, sum of sites."),
    "grid_kwh": Figure("kWh", "Energy of the sessions on the grid side."),
    "battery_kwh": Figure("kWh", "Energy of the sessions that reached the batteries."),
    "losses_kwh": Figure("kWh", "Lost between the two while charging."),
    "messages": Figure("", "OCPP calls that the stations would send."),
}
"""Every figure that is always there. ``messages.<type>`` comes besides, one for each type."""

BOOKED: Final[Mapping[str, Figure]] = {
    "billed_peak_kw": Figure("kW", "Sum of the sites' highest net means of a billing interval."),
    "net_peak_kw": Figure("kW", "Largest instantaneous net power of any one site."),
}
"""Figures besides, of a network that keeps books."""

MESSAGES = "messages."
COSTS = "costs."
_OUTCOMES = ("blocked", "balked", "reneged", "unsuitable", "failed", "no_show")
_WAITS = {
    "wait_mean_s": "mean_s",
    "wait_p50_s": "p50_s",
    "wait_p95_s": "p95_s",
    "wait_max_s": "max_s",
}


def figures(summary: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a simulation's summary; nan where it has none (no waits, no visits)."""
    counts: Mapping[str, Any] = summary.get("sessions") or {}
    wait: Mapping[str, Any] = summary.get("wait") or {}
    messages: Mapping[str, Any] = summary.get("messages") or {}
    sites = [row for row in summary.get("sites") or () if isinstance(row, Mapping)]
    peaks = [_number(kw) for kw in (summary.get("peak_kw") or {}).values()]
    visits = _number(wait.get("visits"))
    came = sum(_number(n) for n in counts.values())
    went_on = sum(_number(row.get("rerouted", 0)) for row in sites)
    bounds: Mapping[str, Any] = summary.get("network_peak_kw") or {}
    found = {
        "visits": came,
        "drivers": came - went_on,
        "sessions": sum(_number(counts.get(name, 0)) for name in ("served", "running", "failed")),
        "energy_kwh": _number(summary.get("energy_kwh")),
        "unserved_kwh": _number(summary.get("unserved_kwh")),
        "peak_kw": max(peaks, default=nan),
        "peak_15min_kw": _number(summary.get("peak_15min_kw")),
        "peak_at_least_kw": _number(bounds.get("at_least")),
        "peak_at_most_kw": _number(bounds.get("at_most")),
        "utilisation": _weighted(sites, "utilisation"),
        **{name: _number(wait.get(key)) for name, key in _WAITS.items()},
        "waited_share": _number(wait.get("waited")) / visits if visits else nan,
        **{name: _number(counts.get(name, 0)) for name in _OUTCOMES},
        "rerouted": went_on,
        "availability": _weighted(sites, "availability"),
        "limit_bound_s": sum(_number(row.get("limit_bound_s")) for row in sites),
    }
    found |= _numbers(summary.get("ledger") or {})
    booked = [row for row in sites if isinstance(row.get("costs"), Mapping)]
    if booked:
        found["billed_peak_kw"] = sum(_number(row["costs"].get("billed_peak_kw")) for row in booked)
        found["net_peak_kw"] = max(_number(row.get("net_peak_kw")) for row in booked)
    for row in summary.get("costs") or ():
        prefix = f"{COSTS}{row.get('currency') or 'none'}."
        found |= {prefix + name: value for name, value in _numbers(row).items()}
    found["messages"] = sum(_number(n) for n in messages.values())
    return found | {f"{MESSAGES}{action}": _number(n) for action, n in sorted(messages.items())}


def unit_of(name: str) -> str:
    """The unit of a figure, as far as it is known; by its ending where it is not listed."""
    for known in (FIGURES, BOOKED):
        if name in known:
            return known[name].unit
    if name.startswith(COSTS) and name.endswith(".sites"):
        return ""
    for ending, unit in (
        ("_kwh", "kWh"),
        ("_kw", "kW"),
        ("_kg", "kg"),
        ("_s", "s"),
        ("_min", "min"),
    ):
        if name.endswith(ending):
            return unit
    if name.startswith(COSTS):
        return name.split(".")[1]
    return ""


def _weighted(sites: Sequence[Mapping[str, Any]], name: str) -> float:
    """The mean over the sites, by their EVSEs; nan where it is not known of all."""
    evses = sum(_number(row.get("evses")) for row in sites)
    total = sum(_number(row.get(name)) * _number(row.get("evses")) for row in sites)
    return total / evses if evses else nan


def _numbers(tree: Mapping[str, Any]) -> dict[str, float]:
    return {str(k): _number(v) for k, v in tree.items() if not isnan(_number(v))}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return nan
    return float(value) if isfinite(value) else nan
