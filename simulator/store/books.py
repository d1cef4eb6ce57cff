"""Money, CO2 and other load as columns of tables and fields of summaries.

All of it is optional: a network none of whose sites has other load, a tariff or an intensity has
none of these columns and fields. Called by whoever writes the tables and the summary of a
simulation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.engine.costs import costs_row, network_costs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.engine.plan import SiteResult
    from simulator.scenario import Scenario

    F64 = NDArray[np.float64]

FIELDS: Mapping[str, tuple[str, ...]] = {
    # Of a visit that plugged in; null for others. Money is in the currency of its site's tariff.
    "sessions": ("energy_cost", "carbon_kg", "idle_min", "idle_fee", "revenue"),
    # Means over the interval: building and standby, photovoltaics, into the battery, all together.
    "load": ("base_kw", "pv_kw", "battery_kw", "net_kw"),
}


def keeps_books(scenario: Scenario) -> bool:
    """Whether any site has something to account for."""
    return any(
        part is not None
        for site in scenario.file.sites
        for part in (site.base_load, site.pv, site.battery, site.tariff, site.retail, site.carbon)
    )


def session_columns(site: SiteResult) -> dict[str, F64]:
    """One value per visit; nan where there is none."""
    rows = len(site.visits)
    columns = {name: np.full(rows, np.nan) for name in FIELDS["sessions"]}
    if site.costs is None:
        return columns
    plugged = ~np.isnan(site.plan.plug_in_s)
    sessions = site.costs.sessions
    known: dict[str, F64] = {"idle_min": sessions.idle_min}
    if site.site.site.tariff is not None:
        known["energy_cost"] = site.plan.cost
    if site.site.site.carbon is not None:
        known["carbon_kg"] = site.plan.carbon_kg
    if site.site.site.retail is not None:
        known |= {"idle_fee": sessions.idle_fee, "revenue": sessions.revenue}
    return columns | {name: np.where(plugged, values, np.nan) for name, values in known.items()}


def load_columns(site: SiteResult, length_s: F64) -> dict[str, F64]:
    """Mean kW per recording interval, of which ``length_s`` seconds were simulated."""
    intervals = len(site.load_kwh)
    if site.costs is None:
        return {name: np.full(intervals, np.nan) for name in FIELDS["load"]}
    to_kw = 3600.0 / length_s
    base = site.base_kwh.copy()
    parts = {}
    for name, kwh, sign in (("pv_kw", site.pv_kwh, 1.0), ("battery_kw", site.battery_kwh, -1.0)):
        parts[name] = kwh * to_kw if len(kwh) else np.full(intervals, np.nan)
        if len(kwh):
            base += sign * kwh
    return {"base_kw": base * to_kw, **parts, "net_kw": (site.load_kwh + site.base_kwh) * to_kw}


def site_fields(site: SiteResult, first: int) -> dict[str, Any]:
    """What the summary says of a site besides, from recording interval ``first`` on.

    Nothing if it has no books.
    """
    if site.costs is None:
        return {}
    fields: dict[str, Any] = {
        "costs": costs_row(site.costs),
        "net_peak_kw": site.net_peak_kw,
        "net_peak_s": site.net_peak_s,
        "other_kwh": float(site.base_kwh[first:].sum()),
        "standby_kwh": site.standby_kwh,
    }
    if len(site.pv_kwh):
        fields["pv_kwh"] = float(site.pv_kwh[first:].sum())
    if site.battery is not None:
        fields["battery"] = asdict(site.battery)
    return fields


def network_fields(sites: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the summary says of the network besides, from its rows of sites: sums by currency."""
    books = [row["costs"] for row in sites if row.get("costs") is not None]
    return {"costs": network_costs(books)} if books else {}
