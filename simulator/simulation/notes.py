"""What a simulation leaves out of its input, in words for its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario


def warmup_notes(scenario: Scenario) -> list[str]:
    """That the figures leave the beginning out, where they do."""
    from simulator.scenario.units import DURATION, text

    warmup = scenario.file.scenario.warmup
    if not warmup:
        return []
    return [
        f"figures leave out the first {text(DURATION, warmup)} (warm-up); tables and curves do not"
    ]


def trace_notes(scenario: Scenario, network: Network) -> list[str]:
    """What of a trace is not replayed."""
    from simulator.demand import trace_notice

    notes = []
    for site in network.sites:
        if site.trace and scenario.trace is not None:
            seen = trace_notice(scenario.trace, site, 0.0, scenario.duration_s)
            for count, why in (
                (seen.before, "begin before the scenario starts"),
                (seen.after, "begin after its end"),
                (seen.elsewhere, "use an EVSE that this smaller network does not have"),
                (seen.overlapping, "arrive before an earlier one has left their EVSE, and wait"),
            ):
                if count:
                    notes.append(f"{site.name}: of {seen.rows} rows of the trace {count} {why}")
    return notes


def outage_notes(sites: Sequence[Mapping[str, Any]]) -> list[str]:
    """What outages cost the network, in words, from its rows of sites; nothing without outages."""
    if not any(row["outages"] for row in sites):
        return []
    evses = sum(row["evses"] for row in sites)
    part = sum(row["availability"] * row["evses"] for row in sites) / max(evses, 1)
    failed = sum(row["failed"] for row in sites)
    missing = sum(row["failed_unserved_kwh"] for row in sites)
    return [
        f"EVSEs were in service {100.0 * part:.2f} % of the time; failures cut {failed} "
        f"session{'s' * (failed != 1)} short, which left {missing:.1f} kWh undelivered"
    ]
