"""The snapshots of all shards as one, for the progress screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from simulator.measure.seconds import LatencyBySecond

_SUMMED = (
    "stations",
    "connected",
    "booted",
    "planned",
    "written",
    "asked_per_s",
    "achieved_per_s",
    "answered_per_s",
    "cpu_s",
    "answered_lately",
    "failed_lately",
    "refused_lately",
    "opened_lately",
)


def combine(snapshots: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add the shards' latest ``Recorder.snapshot``; the lag is the worst shard's."""
    whole: dict[str, Any] = {name: sum(s[name] for s in snapshots) for name in _SUMMED}
    latency = LatencyBySecond()
    calls: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    commands: Counter[str] = Counter()
    for snapshot in snapshots:
        latency.add_log(snapshot["latency"])
        calls.update(snapshot["calls"])
        errors.update(snapshot["errors"])
        commands.update(snapshot.get("commands", {}))
    p50, p95, p99 = latency.percentiles_ms((50, 95, 99), latency.packed())
    lags = [s["lag_p99_ms"] for s in snapshots if s["lag_p99_ms"] is not None]
    return whole | {
        "now_s": max((s["now_s"] for s in snapshots), default=0.0),
        "calls": dict(calls),
        "errors": dict(errors.most_common()),
        "commands": dict(commands),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "lag_p99_ms": max(lags, default=None),
    }
