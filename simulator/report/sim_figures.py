"""The figures of a simulation that was repeated: means and where they lie. Tables alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.report import words
from simulator.report.page import Section, Table
from simulator.report.reading import Reading
from simulator.store.figures import FIGURES, MESSAGES, unit_of

_FIRST = (
    "sessions",
    "energy_kwh",
    "unserved_kwh",
    "peak_15min_kw",
    "utilisation",
    "wait_mean_s",
    "wait_p95_s",
    "waited_share",
)
_HEADS = ("<figure", "mean", "95 % interval", "standard deviation", "this run")


def first(reading: Reading) -> tuple[Table, ...]:
    """The main figures, for the first screen; nothing where there was one run."""
    found = _found(reading)
    if not found:
        return ()
    rows = [_row(reading, name, found[name])[:3] for name in _FIRST if name in found]
    title = _title(found)
    return (Table(title, (_HEADS[0], title.lower(), _HEADS[2]), rows),)


def section(reading: Reading) -> Section:
    """Every figure of every replication in sum; empty where there was one run."""
    found = _found(reading)
    if not found:
        return Section("replications", "Replications", ())
    listed = [name for name in found if not name.startswith(MESSAGES)]
    rows = [_row(reading, name, found[name]) for name in listed]
    note = (
        "Each replication draws other visits. The interval holds the true mean with 95 % "
        "confidence (Student t). Everything else in this report is the first replication."
    )
    return Section("replications", "Replications", [Table(_title(found), _HEADS, rows, note, 40)])


def _found(reading: Reading) -> dict[str, Mapping[str, Any]]:
    tree = reading.get("replications")
    if not isinstance(tree, Mapping):
        return {}
    return {str(name): row for name, row in tree.items() if isinstance(row, Mapping)}


def _title(found: Mapping[str, Mapping[str, Any]]) -> str:
    n = max((words.as_number(row.get("n")) or 0.0 for row in found.values()), default=0.0)
    return f"Mean of {words.plural(n, 'replication')}"


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
    known = FIGURES.get(name)
    return known.meaning.rstrip(".") if known else name.replace("_", " ")


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
    if unit == "share":
        return words.share(number)
    return words.with_unit(number, unit) if unit else words.figure(number)
