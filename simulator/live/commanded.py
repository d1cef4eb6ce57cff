"""What became of the commands that a run had the CSMS send: rows for summary and report. Pure.

Called by ``outcome`` once the shards are gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from simulator.measure.keys import API, Kind
from simulator.measure.measurement import Measurement, latency_row, select
from simulator.measure.slo import SKIPPED_PHASES
from simulator.measure.validity import ValidityRow
from simulator.scenario.call_model import APP, STEPS

if TYPE_CHECKING:
    from simulator.live.caller import Order
    from simulator.live.supervise import Fleet
    from simulator.live.wishes import Fan

ALWAYS: Final = ("asked", "delivered", "not_delivered", "censored", "late")
_APP_STEPS: Final = ("api", "command", "answered", "started")
MOST_FANS: Final = 200
"""Broadcasts of one call that are told one by one."""


@dataclass(frozen=True, slots=True)
class Commanded:
    """Counts by name and, in ms from when they were due, how long each step took."""

    starts: dict[str, Any] | None
    """Charges that apps asked for; None: nobody did."""
    calls: list[dict[str, Any]]
    """The calls of the scenario, in its order."""


def command_rows(orders: Sequence[Order], fleet: Fleet, measurement: Measurement) -> Commanded:
    """Rows for what drivers with an app asked for, and for the scenario's calls.

    asked = delivered + not_delivered + censored, and planned = asked + skipped; ``late`` are
    commands that came after all, out of those that were not delivered.
    """
    counts: dict[str, Counter[str]] = {}
    fans: dict[tuple[str, int], list[Fan]] = {}
    for final in fleet.finals:
        for name, own in final.commands.items():
            counts.setdefault(name, Counter()).update(own)
        for place, fan in final.fans.items():
            fans.setdefault(place, []).append(fan)
    named = {order.name for order in orders}
    starts = None
    if APP in counts and APP not in named:
        steps = {step: _latency(measurement, APP, step) for step in _APP_STEPS}
        starts = _counts(counts[APP], (*ALWAYS, "started")) | {"latency_ms": steps}
    rows = []
    for order in orders:
        own = counts.get(order.name, Counter())
        row: dict[str, Any] = {"name": order.name, "action": order.action}
        row |= _counts(own, ("planned", *ALWAYS))
        found = {step: _latency(measurement, order.name, step) for step in STEPS}
        row["latency_ms"] = {step: figures for step, figures in found.items() if figures["n"]}
        row["queue_ms"] = {
            str(kind): _latency(measurement, order.name, "api", kind)
            for kind in (Kind.QUEUE, Kind.QUEUE_GENERATOR)
        }
        if order.broadcast:
            mine = sorted(n for name, n in fans if name == order.name)
            row["broadcasts"] = [
                {"number": n} | fan_row(fans[order.name, n]) for n in mine[:MOST_FANS]
            ]
            row["broadcasts_left_out"] = len(mine) - len(row["broadcasts"])
        rows.append(row)
    return Commanded(starts, rows)


def fan_row(parts: Sequence[Fan]) -> dict[str, Any]:
    """One broadcast over all shards: when its commands were at the stations, ms from its due."""
    seen = np.sort(np.concatenate([np.asarray(part.seen_s) for part in parts])) * 1000.0
    row: dict[str, Any] = {
        "due_s": parts[0].due_s,
        "asked": sum(part.asked for part in parts),
        "seen": len(seen),
    }
    for name, quantile in (("first", 0.0), ("median", 0.5), ("p95", 0.95), ("last", 1.0)):
        place = max(int(np.ceil(quantile * len(seen))) - 1, 0)
        row[f"{name}_ms"] = float(seen[place]) if len(seen) else None
    return row


def add_up(commanded: Commanded) -> list[ValidityRow]:
    """Whether everything that was planned and asked for has come to one end; nothing: no row."""
    rows = [*commanded.calls, *([commanded.starts] if commanded.starts is not None else [])]
    if not rows:
        return []
    problems = []
    for row in rows:
        skipped = sum(count for name, count in row.items() if name.startswith("skipped_"))
        ends = row["delivered"] + row["not_delivered"] + row["censored"]
        if row["asked"] != ends or row.get("planned", row["asked"]) != row["asked"] + skipped:
            problems.append(f"{row.get('name', APP)}: {row['asked']} asked, {ends} ended")
    why = "; ".join(problems) or "asked = delivered + not delivered + censored, for every call"
    return [ValidityRow("commands_add_up", 0.0, float(len(problems)), "count", not problems, why)]


def called(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the prediction leaves out for the sake of the calls."""
    names = [f"{row['asked']} {row['name']}" for row in rows if row["asked"]]
    if not names:
        return []
    return [
        f"what stations send because the CSMS was asked to command them ({', '.join(names)}) is not"
        " predicted; stations that were to get a command are not judged by the prediction"
    ]


def _counts(counts: Counter[str], always: Sequence[str]) -> dict[str, Any]:
    rest = {name: counts[name] for name in sorted(counts.keys() - set(always))}
    return {name: counts[name] for name in always} | rest


def _latency(
    measurement: Measurement, name: str, step: str, kind: Kind = Kind.RESPONSE
) -> dict[str, float | int | None]:
    values = select(measurement.histograms, kind, f"{name}.{step}", SKIPPED_PHASES, API)
    return latency_row(values)
