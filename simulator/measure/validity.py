"""Could the generator keep up? If not, the run says nothing about the CSMS and is INVALID.

Every rule is applied to each shard, and the worst shard decides. A rule whose probe never ran is
not met: silence is no proof of health.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

from simulator.measure.errors import LOCAL
from simulator.measure.keys import API, Kind
from simulator.measure.machine import grown
from simulator.measure.measurement import CpuSample, Measurement, ShardMeasurement, select


@dataclass(frozen=True, slots=True)
class Limits:
    """What a generator may show and still be trusted."""

    generator_wait_p99: float = 0.005
    """Seconds; or this share of the service p99 if that is more:"""
    generator_wait_share: float = 0.05
    loop_lag_p99: float = 0.010
    api_wait_p99: float = 0.020
    """Seconds that the generator may be late at calling the CSMS's own API."""
    connect_late_p99: float = 1.0
    """Switching a station on: by so many seconds the generator may blunt a storm."""
    sends_achieved: float = 0.98
    """Calls written / (calls written + calls that the generator alone kept from being written)."""
    cpu_share: float = 0.85
    """Of one core, ``cpu_for`` seconds on end."""
    cpu_for: float = 5.0
    gc_pause_max: float = 0.020
    record_cost: float = 0.05
    """CPU time of recording calls / CPU time of the shard, and that of what is told each second /
    the time of the run."""
    throttled: int = 0
    """Periods in which a control group denied the shard its processor."""
    steal: float = 0.05
    """Share of the machine's processor time that a hypervisor gave to others."""
    local_errors: int = 0
    """Connections for which this machine had no file descriptor or no port."""


@dataclass(frozen=True, slots=True)
class Loosened:
    """A limit that forgives more than it does by default."""

    name: str
    limit: float
    default: float
    unit: str

    def __str__(self) -> str:
        scale, unit = (1e3, " ms") if self.unit == "s" and self.default < 1.0 else (1.0, " s")
        if self.unit != "s":
            unit = ""
        return f"{self.name} {self.limit * scale:.4g}{unit} (default {self.default * scale:.4g})"

    def as_dict(self) -> dict[str, Any]:
        """The limit as JSON types."""
        return asdict(self) | {"text": str(self)}


_COUNTS = ("throttled", "local_errors")
_RATIOS = ("generator_wait_share", "sends_achieved", "cpu_share", "record_cost", "steal")


def loosened(limits: Limits) -> list[Loosened]:
    """Every limit that is looser than by default. Such a run is judged more kindly than others."""
    found, usual = [], Limits()
    for field in fields(Limits):
        limit, default = getattr(limits, field.name), getattr(usual, field.name)
        if (limit < default) if field.name == "sends_achieved" else (limit > default):
            unit = "ratio" if field.name in _RATIOS else "s"
            unit = "count" if field.name in _COUNTS else unit
            found.append(Loosened(field.name, limit, default, unit))
    return found


@dataclass(frozen=True, slots=True)
class ValidityRow:
    """One rule, the limit that it had, and the worst that was measured."""

    name: str
    limit: float
    measured: float | None
    unit: str
    """``ms``, ``s``, ``ratio`` or ``count``."""
    ok: bool
    why: str
    """What was measured and where, or why it could not be."""

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON types."""
        return asdict(self)


def check(measurement: Measurement, limits: Limits | None = None) -> list[ValidityRow]:
    """Apply every rule; the run is valid if all rows are ok."""
    if not measurement.shards:
        return [ValidityRow("shards", 1.0, 0.0, "count", False, "no shard reported")]
    limits = limits or Limits()
    rules: tuple[Callable[[ShardMeasurement, Limits], ValidityRow], ...] = (
        _generator_wait,
        _loop_lag,
        _connect_late,
        _achieved,
        _cpu,
        _gc_pause,
        _throttled,
        _steal,
        _local_errors,
        _record_cost,
    )
    shards = measurement.shards
    if any(_api_wait(shard, limits).measured is not None for shard in measurement.shards):
        rules = (*rules, _api_wait)
    rows = [max((rule(shard, limits) for shard in shards), key=_badness) for rule in rules]
    problems = measurement.identity_problems()
    why = "; ".join(problems) or "planned = the sum of all outcomes, for every message type"
    rows.append(ValidityRow("calls_add_up", 0.0, float(len(problems)), "count", not problems, why))
    return rows


def _badness(row: ValidityRow) -> tuple[bool, bool, float]:
    """Failed before not failed, unknown before known, then how near the limit."""
    if row.measured is None:
        return (not row.ok, not row.ok, 0.0)
    if row.name == "sends_achieved":
        return (not row.ok, False, -row.measured)
    return (not row.ok, False, row.measured / row.limit if row.limit else row.measured)


def _generator_wait(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    wait = shard.select(Kind.QUEUE_GENERATOR)
    service = shard.select(Kind.SERVICE)
    p99, service_p99 = wait.percentile(99), service.percentile(99) or 0
    limit_ms = max(limits.generator_wait_p99 * 1e3, limits.generator_wait_share * service_p99 / 1e3)
    why = f"shard {shard.shard}: p99 of {wait.n} calls written"
    return _row("generator_wait_p99", limit_ms, None if p99 is None else p99 / 1e3, "ms", why)


def _api_wait(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    wait = select(shard.histograms, Kind.QUEUE_GENERATOR, direction=API)
    p99 = wait.percentile(99)
    why = f"shard {shard.shard}: p99 of {wait.n} calls of the CSMS's API"
    limit_ms = limits.api_wait_p99 * 1e3
    return _row("api_wait_p99", limit_ms, None if p99 is None else p99 / 1e3, "ms", why)


def _connect_late(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    late = shard.connect.get("late")
    p99 = late.percentile(99) if late is not None else None
    measured = 0.0 if late is None or p99 is None else p99 / 1e3
    why = f"shard {shard.shard}: p99 of {late.n if late is not None else 0} stations switched on"
    return _row("connect_late_p99", limits.connect_late_p99 * 1e3, measured, "ms", why)


def _loop_lag(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    p99 = shard.loop_lag.percentile(99)
    if p99 is None:
        why = f"shard {shard.shard}: the probe never ran"
        return ValidityRow("loop_lag_p99", limits.loop_lag_p99 * 1e3, None, "ms", False, why)
    longest = shard.loop_lag.max_us / 1e3
    why = f"shard {shard.shard}: p99 of {shard.loop_lag.n} probes, the longest {longest:.4g} ms"
    return _row("loop_lag_p99", limits.loop_lag_p99 * 1e3, p99 / 1e3, "ms", why)


def _achieved(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    written = int(shard.written.sum())
    asked = written + shard.not_sent
    ratio = written / asked if asked else None
    ok = ratio is None or ratio >= limits.sends_achieved
    why = f"shard {shard.shard}: {written} of {asked} calls written"
    return ValidityRow("sends_achieved", limits.sends_achieved, ratio, "ratio", ok, why)


def _cpu(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    busy = longest_busy_s(shard.cpu, limits.cpu_share)
    if busy is None:
        ok = shard.ended_s <= limits.cpu_for
        why = f"shard {shard.shard}: CPU was not sampled"
        return ValidityRow("cpu_busy", limits.cpu_for, None, "s", ok, why)
    why = f"shard {shard.shard}: longest time above {limits.cpu_share:.0%} of a core"
    return _row("cpu_busy", limits.cpu_for, busy, "s", why)


def longest_busy_s(samples: Sequence[CpuSample], share: float) -> float | None:
    """Longest time on end with more than ``share`` of a core used; None without two samples."""
    if len(samples) < 2:
        return None
    longest = current = 0.0
    for before, after in pairwise(samples):
        step = after.at_s - before.at_s
        busy = step > 0 and (after.cpu_s - before.cpu_s) / step > share
        current = current + step if busy else 0.0
        longest = max(longest, current)
    return longest


def _gc_pause(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    why = f"shard {shard.shard}: longest of {shard.gc_pauses.n} garbage collections"
    return _row("gc_pause_max", limits.gc_pause_max * 1e3, shard.gc_pauses.max_us / 1e3, "ms", why)


def _local_errors(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    count = shard.errors.count(LOCAL)
    why = f"shard {shard.shard}: out of file descriptors or local ports"
    return _row("local_errors", float(limits.local_errors), float(count), "count", why)


def _throttled(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    periods, seconds = grown(shard, "throttled"), grown(shard, "throttled_s")
    why = f"shard {shard.shard}: "
    if periods is None:
        why += "no control group here counts it"
    else:
        why += f"periods in which its control group had used up its share, {seconds or 0.0:.3g} s"
    return _row("throttled", float(limits.throttled), periods, "count", why)


def _steal(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    stolen, whole = grown(shard, "steal_s"), grown(shard, "cpu_s")
    share = None if stolen is None or not whole else stolen / whole
    why = f"shard {shard.shard}: "
    why += "this system does not tell" if share is None else "given to others by the hypervisor"
    return _row("steal", limits.steal, share, "ratio", why)


def _record_cost(shard: ShardMeasurement, limits: Limits) -> ValidityRow:
    calls = int(shard.outcomes.sum())
    used = shard.cpu[-1].cpu_s - shard.cpu[0].cpu_s if len(shard.cpu) > 1 else shard.ended_s
    share = shard.record_s * calls / used if used > 0 else 0.0
    # What happens once a second is not the less harmless for a shard that has little else to do.
    share += shard.watching_s / shard.ended_s if shard.ended_s > 0 else 0.0
    why = f"shard {shard.shard}: {shard.record_s * 1e6:.2f} us for each of {calls} calls"
    if shard.watching_s:
        why += f", {shard.watching_s:.3g} s for what is told each second"
    return _row("record_cost", limits.record_cost, share, "ratio", why)


def _row(name: str, limit: float, measured: float | None, unit: str, why: str) -> ValidityRow:
    """A rule that holds while the measured value does not exceed the limit."""
    return ValidityRow(name, limit, measured, unit, measured is None or measured <= limit, why)
