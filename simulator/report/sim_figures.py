"""The figures of a simulation that was repeated: means and where they lie. Texts and tables alone.

A run that was not repeated has no intervals: every function then shows what the one run found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.report import words
from simulator.report.page import Cell, Section, Table, Tile
from simulator.report.reading import Reading
from simulator.store.figures import BOOKED, COSTS, FIGURES, MESSAGES, unit_of

_HEADS = ("<figure", "mean", "95 % interval", "standard deviation", "this run")
_RANDOM_EVENTS = ("station_failures", "python")
_COSTS = {
    "bought_kwh": "Energy bought",
    "sold_kwh": "Energy given to the grid",
    "energy_cost": "Cost of the energy bought",
    "feed_in_revenue": "Feed-in revenue",
    "demand_charge": "Demand charge",
    "fixed": "Fixed fees",
    "total": "Total of the bills",
    "vehicles_cost": "The vehicles' energy at its price",
    "others_cost": "Other energy at its price, less feed-in",
    "carbon_kg": "CO2 of the energy bought",
    "vehicles_carbon_kg": "CO2 of the vehicles' energy",
    "revenue": "Revenue from drivers",
    "idle_fees": "of it idle fees",
    "idle_min": "Time plugged in after charging",
    "sites": "Sites with books",
}


def replications(reading: Reading) -> int:
    """How often the run was repeated; 1 where it was not."""
    counts = [words.as_number(row.get("n")) or 0.0 for row in _found(reading).values()]
    return int(max(counts, default=1.0))


def mean(reading: Reading, name: str, value: Any) -> Any:
    """The mean of a figure over the replications; ``value`` where there are none."""
    found = words.as_number(_found(reading).get(name, {}).get("mean"))
    return value if found is None else found


def between(reading: Reading, name: str) -> str:
    """``95 %: 1 to 3, n = 5`` for a figure that was repeated, else nothing."""
    row = _found(reading).get(name, {})
    if words.as_number(row.get("low")) is None:
        return ""
    ends = f"{shown(name, row.get('low'))} to {shown(name, row.get('high'))}"
    n = f"n{words.NARROW}={words.NARROW}{words.count(row.get('n'))}"
    return f"95{words.NARROW}%: {ends}, {n}"


def cell(reading: Reading, name: str, text: str) -> str | Cell:
    """What this run found of a figure; below it mean and interval, where it was repeated."""
    span = between(reading, name)
    if not span:
        return text
    average = shown(name, mean(reading, name, None))
    n, span = words.count(replications(reading)), span.rpartition(", ")[0]
    return Cell(text, note=f"mean of {n}: {average}; {span}")


def tile(reading: Reading, name: str, label: str, text: str, note: str = "") -> Tile:
    """A key figure: its mean and interval where it was repeated, else ``text`` and ``note``."""
    span = between(reading, name)
    if not span:
        return Tile(label, text, note)
    return Tile(label, shown(name, mean(reading, name, None)), span)


def how_sure(reading: Reading) -> str:
    """A sentence on intervals: what the figures are the mean of, or that they have none."""
    n = replications(reading)
    if n > 1:
        return (
            f"The key figures are the mean of {words.count(n)} replications with its 95 % "
            "interval; all else shows the first."
        )
    if reading.summary and _random(reading):
        return (
            "One run of a random scenario: its figures have no interval; "
            "--replications 20 gives them one."
        )
    return ""


def one_run(reading: Reading) -> str:
    """Below the title of a section whose figures another draw would change; empty if repeated."""
    if replications(reading) > 1 or not reading.summary or not _random(reading):
        return ""
    return (
        "One run of a random scenario: other draws give other figures, and how far they lie apart "
        "one run cannot tell."
    )


def _random(reading: Reading) -> bool:
    """Whether another seed would give other figures; a trace alone is replayed as it is."""
    events = reading.scenario.get("events")
    kinds = [event.get("kind") for event in events or () if isinstance(event, Mapping)]
    drawn = any(site.get("arrivals") or site.get("depot") for site in reading.sites)
    return drawn or any(kind in _RANDOM_EVENTS for kind in kinds)


def section(reading: Reading) -> Section:
    """Every figure of every replication in sum; empty where there was one run."""
    found = _found(reading)
    if not found:
        return Section("replications", "Replications", ())
    listed = [name for name in found if not name.startswith(MESSAGES)]
    rows = [_row(reading, name, found[name]) for name in listed]
    note = (
        "Each replication draws other visits. The interval holds the true mean with 95 % "
        "confidence (Student t); where a few replications differ widely it may reach below zero. "
        "This run is the first replication."
    )
    title = f"Mean of {words.plural(replications(reading), 'replication')}"
    return Section("replications", "Replications", [Table(title, _HEADS, rows, note, 45)])


def _found(reading: Reading) -> dict[str, Mapping[str, Any]]:
    tree = reading.get("replications")
    if not isinstance(tree, Mapping):
        return {}
    return {str(name): row for name, row in tree.items() if isinstance(row, Mapping)}


def _row(reading: Reading, name: str, row: Mapping[str, Any]) -> list[str]:
    low, high = shown(name, row.get("low")), shown(name, row.get("high"))
    return [
        label(name),
        shown(name, row.get("mean")),
        f"{low} to {high}" if low != words.DASH else words.DASH,
        shown(name, row.get("sd")),
        shown(name, reading.get("figures", name)),
    ]


def label(name: str) -> str:
    """A figure in words."""
    known = FIGURES.get(name) or BOOKED.get(name)
    if known is not None:
        return known.meaning.rstrip(".")
    if name.startswith(COSTS):
        _, currency, part = name.split(".", 2)
        text = _COSTS.get(part, part.replace("_", " "))
        return f"{text} ({currency})" if currency != "none" else text
    return name.replace("_", " ")


def shown(name: str, value: Any) -> str:
    """A value in the unit of its figure."""
    number = words.as_number(value)
    if number is None:
        return words.DASH
    unit = unit_of(name)
    if unit == "kWh":
        return words.energy(number)
    if unit == "kW":
        return words.power(number)
    if unit == "s":
        return words.duration(number)
    if unit == "min":
        return words.duration(number * 60)
    if unit == "kg":
        return words.mass(number)
    if unit == "share":
        return words.share(number)
    return words.with_unit(number, unit) if unit else words.figure(number)
