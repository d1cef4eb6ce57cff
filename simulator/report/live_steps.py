"""The steps of a staged run, one row each, and what they say about capacity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulator.report import words
from simulator.report.page import Block, Cell, Section, Table, Text
from simulator.report.reading import Reading

_HEADS: Final = (
    "step",
    "<kind",
    "from",
    "to",
    "stations",
    "demand",
    "asked/s",
    "sent/s",
    "p50",
    "p95",
    "p99",
    "errors",
    "<drained",
    "<generator",
    "<SLO",
)
_NOTE: Final = (
    "Of what is measured of each step: joining and booting come before it. Percentiles are of "
    "response, from due time to answer, of the calls due in the step; none where there are too "
    "few values. Storms and their recovery are left out, and a step that one falls into says "
    "nothing about capacity. Errors: calls that failed, and connections. Drained: over the last "
    "quarter of the step no more calls waited than over its first, or than at its start (a quarter "
    "more, and as many as are due in 0.1 s, is no difference). Generator: the rules of validity "
    "applied to the step alone. SLO: the clauses that can be judged of a step; those about "
    "transactions and stations are of the whole run."
)


def section(reading: Reading) -> Section | None:
    """The table of steps; None for a run that has none."""
    rows = reading.rows("steps")
    if not rows:
        return None
    best = reading.get("capacity_step")
    table = Table("Steps", _HEADS, [_row(row, best) for row in rows], _NOTE, fold_after=40)
    told = reading.get("capacity")
    blocks: list[Block] = [Text(f"Capacity: {told}.")] if told else []
    blocks.append(table)
    return Section("steps", "Steps", blocks)


def _kind(row: Mapping[str, Any]) -> str | Cell:
    kind, stormy = str(row.get("kind") or ""), words.as_number(row.get("stormy_s"))
    if not stormy:
        return kind
    return Cell(kind, note="storm left out")


def _row(row: Mapping[str, Any], best: Any) -> list[str | Cell]:
    connected, stations = row.get("connected"), row.get("stations")
    short = connected is not None and stations is not None and connected < stations
    there = f"{words.count(connected)} of {words.count(stations)}" if short else None
    name = words.count(row.get("step"))
    broken = ", ".join(str(rule) for rule in row.get("broken") or ())
    missed = "; ".join(str(clause) for clause in row.get("missed") or ())
    waiting = f"{words.figure(row.get('backlog_end'))} calls waiting"
    met = row.get("slo")
    return [
        Cell(name, "good", "largest that is good") if row.get("step") == best else name,
        _kind(row),
        words.duration(row.get("start_s")),
        words.duration(row.get("end_s")),
        there or words.count(stations),
        words.figure(row.get("demand")),
        words.figure(row.get("asked_per_s")),
        words.figure(row.get("achieved_per_s")),
        words.latency(row.get("p50_ms")),
        words.latency(row.get("p95_ms")),
        words.latency(row.get("p99_ms")),
        words.count(row.get("errors")),
        Cell("yes", "good") if row.get("drained") else Cell("no", "bad", waiting),
        Cell("VALID", "good") if row.get("valid") else Cell("INVALID", "bad", broken),
        words.DASH
        if met is None
        else Cell("met", "good")
        if met
        else Cell("missed", "bad", missed),
    ]
