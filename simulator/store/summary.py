"""``summary.json``: what a run amounts to, for scripts, comparisons and the report.

The builders fix the names; whoever calls them brings the figures. ``schema`` changes when a field
changes its meaning. Units are in the names, latencies in ms; null is "not known", never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from simulator.store.atomic import plain

if TYPE_CHECKING:
    from simulator.measure.errors import ErrorLog
    from simulator.measure.measurement import Measurement
    from simulator.measure.slo import ClauseResult
    from simulator.measure.validity import ValidityRow
    from simulator.measure.verdict import Decision

SUMMARY_SCHEMA = "chargeswarm.summary/1"


@dataclass(frozen=True, slots=True)
class TransactionCounts:
    """Transactions as the stations know them."""

    started: int
    stopped: int
    unacknowledged: int
    discarded_after_attempts: int
    at_risk_of_duplicate: int
    lost: int | None = None
    """Known only after comparison with the CSMS's own records, as is ``duplicated``."""
    duplicated: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long visits waited for an EVSE, over those that were plugged in or gave up."""

    visits: int
    waited: int
    """Of those, the ones that did not get an EVSE at once."""
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    max_s: float | None


def live_summary(
    measurement: Measurement,
    decision: Decision,
    *,
    asked: int,
    transactions: TransactionCounts,
    slo: Sequence[ClauseResult] = (),
    validity: Sequence[ValidityRow] = (),
    duration_s: float,
    **more: Any,
) -> dict[str, Any]:
    """The summary of a live run; ``asked`` stations were to connect; ``more`` is added as it is."""
    from simulator.measure.keys import Kind
    from simulator.measure.measurement import latency_row
    from simulator.measure.slo import SKIPPED_PHASES

    by_action = measurement.calls_by_action()
    return _summary(
        "live",
        decision,
        {
            "duration_s": duration_s,
            "stations": {
                "asked": asked,
                "connected": sum(shard.connected for shard in measurement.shards),
                "booted": sum(shard.booted for shard in measurement.shards),
            },
            "calls": measurement.calls().as_dict(),
            "calls_by_action": {name: counts.as_dict() for name, counts in by_action.items()},
            "skipped": _by_pair(measurement, "skipped"),
            "served": _by_pair(measurement, "served"),
            "latency_ms": measurement.latency_ms(SKIPPED_PHASES),
            "latency_skips_phases": list(SKIPPED_PHASES),
            "delayed_ms": latency_row(measurement.select(Kind.DELAYED)),
            "callerror_ms": latency_row(measurement.select(Kind.ERROR_RESPONSE)),
            "censored_ms": latency_row(measurement.select(Kind.CENSORED)),
            "queue_ms": {
                str(kind): latency_row(measurement.select(kind))
                for kind in (
                    Kind.QUEUE,
                    Kind.QUEUE_PROTOCOL,
                    Kind.QUEUE_STATION,
                    Kind.QUEUE_GENERATOR,
                )
            },
            "connect_ms": {
                step: latency_row(histogram)
                for step, histogram in measurement.connect.items()
                if histogram.n
            },
            "transactions": asdict(transactions),
            "errors": measurement.errors.counts(),
            "refusals": measurement.errors.counts(refusals=True),
            "error_examples": error_examples(measurement.errors),
            "generator": measurement.generator(),
            "slo": [clause.as_dict() for clause in slo],
            "validity": [row.as_dict() for row in validity],
            **more,
        },
    )


def simulation_summary(
    decision: Decision,
    *,
    duration_s: float,
    stations: int,
    evses: int,
    sessions: Mapping[str, int],
    energy_kwh: float,
    peak_kw: Mapping[str, float],
    peak_15min_kw: float,
    unserved_kwh: float,
    wait: Waiting,
    events: int,
    wall_s: float,
    messages: Mapping[str, int],
    **more: Any,
) -> dict[str, Any]:
    """The summary of a simulation.

    ``sessions`` counts visits by outcome; ``peak_kw`` is the exact instantaneous peak of each site;
    ``peak_15min_kw`` the network's largest 15-minute mean; ``messages`` the predicted calls of all
    stations by action; ``unserved_kwh`` what visits that are over wanted and did not get (one that
    still runs or waits counts nothing); ``more`` is added as it is.
    """
    return _summary(
        "simulation",
        decision,
        {
            "duration_s": duration_s,
            "stations": stations,
            "evses": evses,
            "sessions": dict(sessions),
            "energy_kwh": energy_kwh,
            "peak_kw": dict(peak_kw),
            "peak_15min_kw": peak_15min_kw,
            "unserved_kwh": unserved_kwh,
            "wait": asdict(wait),
            "events": events,
            "wall_s": wall_s,
            "messages": dict(messages),
            **more,
        },
    )


def short_summary(kind: str, decision: Decision, **more: Any) -> dict[str, Any]:
    """The summary of a run that ended before it could measure: its verdict and why."""
    return _summary(kind, decision, more)


def _summary(kind: str, decision: Decision, fields: Mapping[str, Any]) -> dict[str, Any]:
    head = {
        "schema": SUMMARY_SCHEMA,
        "kind": kind,
        "verdict": str(decision.verdict),
        "exit_code": decision.exit_code,
        "reasons": list(decision.reasons),
    }
    clash = sorted(head.keys() & fields.keys())
    if clash:
        raise ValueError(f"summary field {clash[0]!r} is given twice")
    whole: dict[str, Any] = plain(head | dict(fields))
    return whole


def error_examples(errors: ErrorLog) -> list[dict[str, Any]]:
    """Each class of error with its count and first examples, most frequent first."""
    from simulator.measure.errors import error_name

    rows = sorted(errors.classes.items(), key=lambda row: (-row[1].count, row[0]))
    return [
        {
            "name": error_name(kind, qualifier),
            "kind": str(kind),
            "count": entry.count,
            "first_s": entry.first_s,
            "last_s": entry.last_s,
            "examples": [asdict(example) for example in entry.examples],
        }
        for (kind, qualifier), entry in rows
    ]


def _by_pair(measurement: Measurement, what: str) -> dict[str, dict[str, int]]:
    """Counters by (action, reason) of all shards as nested objects; "" is shown as ``ok``."""
    table: dict[str, dict[str, int]] = {}
    for shard in measurement.shards:
        for (action, reason), count in getattr(shard, what).items():
            row = table.setdefault(action, {})
            row[reason or "ok"] = row.get(reason or "ok", 0) + count
    return table
