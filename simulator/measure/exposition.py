"""A live run in the text format that Prometheus reads (version 0.0.4). Pure; no socket.

Base units: seconds and bytes. Counters only grow, histograms are cumulative and of the whole run:
rates and percentiles over time are for whoever reads them to take. ``live.metrics`` serves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulator.measure.detail import EDGES_US, Buckets, Detail, outcomes

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PREFIX: Final = "chargeswarm_"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run is at one moment besides its calls."""

    scenario: str
    target: str
    phase: str
    run_s: float
    stations: int
    connected: int
    booted: int
    in_flight: int
    errors: Mapping[str, int] = field(default_factory=dict)
    cpu_s: Mapping[int, float] = field(default_factory=dict)
    """By shard, as is:"""
    rss_bytes: Mapping[int, float] = field(default_factory=dict)
    commands: Mapping[str, int] = field(default_factory=dict)
    """Asked of the CSMS, by ``asked``, ``delivered`` and ``not_delivered``."""


Labels = Sequence[tuple[str, str]]


def exposition(facts: Facts, detail: Detail) -> str:
    """The page that is scraped."""
    lines: list[str] = []
    for name, help_text, value in (
        ("run_seconds", "Time since the start of the run.", facts.run_s),
        ("stations", "Stations that the run is to connect.", facts.stations),
        ("stations_connected", "Stations whose WebSocket is open.", facts.connected),
        ("stations_booted", "Stations that the CSMS accepted at least once.", facts.booted),
        ("calls_in_flight", "Calls that are due and have not ended.", facts.in_flight),
    ):
        _family(lines, name, "gauge", help_text)
        _sample(lines, name, (), value)
    _family(lines, "run_info", "gauge", "What is run, against what, and its phase.")
    about = (("scenario", facts.scenario), ("target", facts.target), ("phase", facts.phase))
    _sample(lines, "run_info", about, 1)
    _calls(lines, detail)
    if facts.commands.get("asked"):
        _family(lines, "commands_total", "counter", "Commands that the CSMS was asked for.")
        for state, count in facts.commands.items():
            _sample(lines, "commands_total", (("state", state),), count)
    _family(lines, "errors_total", "counter", "Errors by class.")
    for kind, count in sorted(facts.errors.items()):
        _sample(lines, "errors_total", (("kind", kind),), count)
    for kind, name, help_text in (
        ("response", "call_response_seconds", "Answer - due, over answered and timed-out calls."),
        ("service", "call_service_seconds", "Answer - written, over the same calls."),
    ):
        _family(lines, name, "histogram", help_text)
        for (action, found), buckets in sorted(detail.series.items()):
            if found == kind:
                _histogram(lines, name, (("action", action),), buckets)
    _generator(lines, facts, detail)
    return "\n".join(lines) + "\n"


def _calls(lines: list[str], detail: Detail) -> None:
    _family(lines, "calls_planned_total", "counter", "Attempts at calls that fell due.")
    for action, counts in sorted(detail.calls.items()):
        _sample(lines, "calls_planned_total", (("action", action),), int(counts[0]))
    _family(lines, "calls_total", "counter", "Attempts at calls that ended, by outcome.")
    for action, counts in sorted(detail.calls.items()):
        for outcome, count in outcomes(counts).items():
            _sample(lines, "calls_total", (("action", action), ("outcome", outcome)), count)


def _generator(lines: list[str], facts: Facts, detail: Detail) -> None:
    for kind, name, help_text in (
        ("queue_generator", "generator_wait_seconds", "How late the generator wrote calls."),
        ("loop_lag", "generator_loop_lag_seconds", "How late probes of its event loop ran."),
    ):
        _family(lines, name, "histogram", help_text)
        _histogram(lines, name, (), detail.series.get(("", kind), Buckets()))
    for name, kind, help_text, values in (
        ("generator_cpu_seconds_total", "counter", "CPU time of a shard.", facts.cpu_s),
        ("generator_resident_memory_bytes", "gauge", "Memory of a shard.", facts.rss_bytes),
    ):
        _family(lines, name, kind, help_text)
        for shard, value in sorted(values.items()):
            _sample(lines, name, (("shard", str(shard)),), value)


def _family(lines: list[str], name: str, kind: str, help_text: str) -> None:
    lines.append(f"# HELP {PREFIX}{name} {help_text}")
    lines.append(f"# TYPE {PREFIX}{name} {kind}")


def _sample(lines: list[str], name: str, labels: Labels, value: float) -> None:
    lines.append(f"{PREFIX}{name}{_braces(labels)} {_number(value)}")


def _histogram(lines: list[str], name: str, labels: Labels, buckets: Buckets) -> None:
    for edge_us, count in zip(EDGES_US, buckets.counts.tolist(), strict=True):
        _sample(lines, f"{name}_bucket", (*labels, ("le", f"{edge_us / 1e6:g}")), count)
    _sample(lines, f"{name}_bucket", (*labels, ("le", "+Inf")), buckets.n)
    _sample(lines, f"{name}_sum", labels, buckets.sum_us / 1e6)
    _sample(lines, f"{name}_count", labels, buckets.n)


def _braces(labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))
