"""The latency section of a live run: over time, by message type, by percentile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from simulator.report import live_reading, words
from simulator.report.page import Absent, Block, Section, Table
from simulator.report.plots import latency
from simulator.report.reading import Reading

_QUANTILES = ("p50", "p95", "p99", "max")


def section(reading: Reading) -> Section:
    """Latency plots and the table by message type."""
    blocks: list[Block] = [_over_time(reading)]
    response, service = (_ranges(reading, kind) for kind in ("response", "service"))
    blocks.append(latency.by_type(response, service))
    table = _by_type(reading)
    if table is not None:
        blocks.append(table)
    blocks.append(latency.percentiles(live_reading.percentile_curves(reading)))
    waits = _waits(reading)
    if waits is not None:
        blocks.append(waits)
    return Section(
        "latency",
        "Latency",
        blocks,
        "Response runs from the moment at which the plan wanted the call to leave, so waiting "
        "behind a slow answer counts. Service runs from the write to the socket.",
    )


def _over_time(reading: Reading) -> Block:
    title = "Response time over the run"
    found = live_reading.latency_over_time(reading)
    if found is None:
        return Absent(title, "the run has no series by second")
    seconds, lines = found
    return latency.over_time(
        "latency-over-time",
        title,
        "Percentiles of the responses that ended in each second.",
        seconds,
        lines,
        live_reading.phases(reading),
    )


def _rows(reading: Reading, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    """(message type, its latency) from the busiest type down, without the sum of all."""
    table = reading.get("latency_ms")
    found = []
    for action, kinds in table.items() if isinstance(table, Mapping) else ():
        row = kinds.get(kind) if isinstance(kinds, Mapping) else None
        if action != "*" and isinstance(row, Mapping) and row.get("n"):
            found.append((str(action), row))
    return sorted(found, key=lambda pair: (-pair[1]["n"], pair[0]))


def _ranges(reading: Reading, kind: str) -> list[latency.Range]:
    return [
        latency.Range(action, row["n"], *(_ms(row.get(q)) for q in _QUANTILES))
        for action, row in _rows(reading, kind)
    ]


def _ms(value: Any) -> float:
    number = words.as_number(value)
    return math.nan if number is None else number


def _by_type(reading: Reading) -> Table | None:
    rows = []
    everything = reading.get("latency_ms", "*", "response")
    order = _rows(reading, "response") + ([("*", everything)] if everything else [])
    for action, response in order:
        service = reading.get("latency_ms", action, "service") or {}
        rows.append(
            [
                "all types" if action == "*" else action,
                words.count(response.get("n")),
                *(_cell(response, q) for q in _QUANTILES),
                *(_cell(service, q) for q in _QUANTILES),
            ]
        )
    if not rows:
        return None
    heads = [f"{kind} {q}" for kind in ("response", "service") for q in _QUANTILES]
    return Table(
        "By message type",
        ("<message", "n", *heads),
        rows,
        "Answered calls and, at their age, timed-out ones. A dash: too few calls to bound that "
        "percentile (p95 needs 59 of them, p99 299).",
    )


_WAITS = {
    "queue": ("queue, all of it", "written − due"),
    "queue_protocol": ("protocol wait", "an earlier call unanswered, or the socket not writable"),
    "queue_station": ("station wait", "offline, before the boot is accepted, back-off, retries"),
    "queue_generator": ("generator wait", "this program's own lateness"),
    "delayed_ms": ("response of calls that had a station wait", "answer − due"),
    "callerror_ms": ("response of calls answered by a CALLERROR", "answer − due"),
    "censored_ms": ("age of calls unanswered at the end", "end − due: they take longer than this"),
}


def _waits(reading: Reading) -> Table | None:
    """Where the time went before the write, and the calls that are not in the percentiles."""
    rows = []
    for name, (label, meaning) in _WAITS.items():
        row = reading.get(name) if name.endswith("_ms") else reading.get("queue_ms", name)
        if isinstance(row, Mapping) and row.get("n"):
            n = words.count(row["n"])
            rows.append([label, n, *(_cell(row, q) for q in _QUANTILES), meaning])
    if not rows:
        return None
    heads = ("<time", "n", *_QUANTILES, "<meaning")
    return Table("Waits, and calls kept apart", heads, rows)


def _cell(row: Mapping[str, Any], quantile: str) -> str:
    return words.latency(row.get(quantile))
