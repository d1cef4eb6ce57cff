"""Parts that a live run and a simulation share: how to repeat a run, where it ran, its scenario."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from simulator.report import words
from simulator.report.page import Block, Cell, Code, Facts, Notice, Section, State, Text
from simulator.report.reading import Reading

STATES: dict[str, State] = {
    "PASS": "good",
    "SLO_MISSED": "bad",
    "INVALID": "bad",
    "SHARD_LOST": "bad",
    "TARGET_UNREACHABLE": "bad",
    "INTERNAL_ERROR": "bad",
    "FAILED": "bad",
    "INTERRUPTED": "warn",
    "RUNNING": "warn",
}
"""How a verdict is coloured; any other is neutral."""

UNITS_S = {"s": 1.0, "ms": 1e-3}


def verdict(reading: Reading) -> str:
    """The verdict of summary.json; without one, what the state of the folder says."""
    found = reading.get("verdict")
    return str(found) if found else reading.status.upper()


def reasons(reading: Reading) -> list[str]:
    """The reasons of the verdict; those about a clause or a rule in the units of their tables."""
    found = reading.get("reasons")
    told = {}
    for row, subject, value in (
        *((row, "text", "value") for row in reading.rows("slo")),
        *((row, "name", "measured") for row in reading.rows("validity")),
    ):
        unit, name = str(row.get("unit", "")), str(row.get(subject, ""))
        measured = quantity(row.get(value), unit)
        if subject == "text":
            told[name] = f"{name} is {measured}"
        else:
            limit = quantity(row.get("limit"), unit)
            told[name] = f"{rule_name(name)} is {measured}, limit {limit}"
        note = row.get("note") or row.get("why")
        if not row.get("applies", True):
            told[name] = f"{name} is {note}"
        else:
            told[name] += f" ({note})" if note else ""
    reasons = [str(reason) for reason in found] if isinstance(found, list) else []
    return [
        next((text for name, text in told.items() if reason.startswith(f"{name}: ")), reason)
        for reason in reasons
    ]


_RULES = {
    "generator_wait_p99": "generator wait, p99",
    "loop_lag_p99": "lag of the event loop, p99",
    "api_wait_p99": "calls of the CSMS's API made late, p99",
    "connect_late_p99": "stations switched on late, p99",
    "sends_achieved": "calls written of those asked",
    "cpu_busy": "time on end with a core busy",
    "gc_pause_max": "longest garbage collection",
    "throttled": "periods without processor, by a control group",
    "steal": "processor time given to others by the hypervisor",
    "local_errors": "errors of this machine",
    "record_cost": "share of CPU for measuring",
    "calls_add_up": "counts that contradict each other",
    "commands_add_up": "commands whose counts contradict each other",
}


def rule_name(name: str) -> str:
    """A rule of validity in words."""
    return _RULES.get(name, label(name))


def quantity(value: Any, unit: str) -> str:
    """A value in the units that SLO clauses and validity rows use."""
    number = words.as_number(value)
    if number is None:
        return words.DASH
    if unit in UNITS_S:
        ms = number * UNITS_S[unit] * 1000
        return words.latency(ms) if abs(ms) < 60_000 else words.duration(ms / 1000)
    if unit == "ratio":
        return words.share(number)
    return words.figure(number) if unit == "count" else words.with_unit(number, unit)


def notices(reading: Reading) -> list[Notice]:
    """What must not be overlooked whatever the kind of run."""
    missing = reading.texts("not_written")
    kept = [Notice(f"Not written: {', '.join(missing)}.", "bad")] if missing else []
    return [*kept, *_status_notices(reading)]


def _status_notices(reading: Reading) -> list[Notice]:
    if reading.status == "running":
        return [Notice("This run has not ended: the report shows what is written so far.")]
    if reading.status == "failed":
        error = reading.meta("error")
        told = f": {error}" if error else ""
        return [Notice(f"This run failed{told}. The report shows what it left.", "bad")]
    if reading.status == "interrupted":
        early = "" if reading.summary else " before it could sum up"
        return [Notice(f"This run was interrupted{early}: the report shows what it left.")]
    return [Notice(f"Note: {note}.") for note in reading.texts("notes")]


def repeat(reading: Reading) -> Section:
    """The command that makes this run again, and what it needs."""
    blocks: list[Block] = []
    command = reading.meta("command")
    if command:
        blocks.append(Code(str(command)))
    else:
        blocks.append(Code(_command(reading), "The run was started from Python; as a command"))
    version = reading.meta("versions", "chargeswarm")
    facts = (
        ("seed", reading.meta("seed")),
        ("chargeswarm", version),
        ("scenario file", reading.meta("scenario_file")),
        ("run", reading.meta("id")),
    )
    blocks.append(Facts([(name, str(value)) for name, value in facts if value is not None]))
    if not reading.live:
        blocks.append(Text("The same scenario, seed and version give the same sessions."))
    if reading.scenario:
        text = json.dumps(reading.scenario, indent=2, ensure_ascii=False, default=str)
        blocks.append(Code(text, "The scenario as resolved, secrets removed", folded=True))
    return Section("repeat", "How to repeat this run", blocks)


def _command(reading: Reading) -> str:
    """A command line made of what the manifest knows."""
    command = ["chargeswarm", "live" if reading.live else "simulate"]
    command.append(str(reading.meta("scenario_file") or f"{reading.name}.toml"))
    for name in ("seed", "stations"):
        value = words.as_number(reading.meta(name))
        if value is not None:
            command += [f"--{name}", f"{value:.0f}"]
    length = words.as_number(reading.meta("duration_s"))
    if length is not None:
        command += ["--duration", f"{length:.15g}s"]
    return shlex.join(command)


def environment(reading: Reading) -> Section:
    """Host and versions, as the manifest has them."""
    titles = {"host": "Machine", "versions": "Versions"}
    found = {name: flattened(reading.meta(name)) for name in titles}
    return Section(
        "environment",
        "Environment",
        [Facts(rows, titles[name]) for name, rows in found.items() if rows],
    )


def flattened(tree: Any, prefix: str = "") -> list[tuple[str, str | Cell]]:
    """Nested objects as pairs of a name (the path in words) and a value; null is left out."""
    if isinstance(tree, Mapping):
        return [
            row
            for name, value in tree.items()
            for row in flattened(value, f"{prefix} {label(str(name))}".strip())
        ]
    if isinstance(tree, list):
        return [(prefix, ", ".join(words.scalar(item) for item in tree))] if tree else []
    return [] if tree is None else [(prefix, words.scalar(tree))]


def label(name: str) -> str:
    """A field name as words."""
    return " ".join(_SPELT.get(word, word) for word in name.replace("_", " ").split(" "))


_SPELT = {"kwh": "kWh", "kw": "kW", "mb": "MB", "cpu": "CPU", "cpus": "CPUs", "csms": "CSMS"}


_EMBEDDED = 300
"""Entries of a list or object in the embedded summary; longer ones stay in summary.json."""


def embedded(reading: Reading) -> dict[str, Any] | None:
    """The summary for reuse by whoever has only the report; what is long is left out and named."""
    kept, left_out = {}, []
    for name, value in reading.summary.items():
        long = isinstance(value, list | Mapping) and len(value) > _EMBEDDED
        if long or name == "error_examples":
            left_out.append(name)
        else:
            kept[name] = value
    return kept | ({"not_embedded": left_out} if left_out else {}) or None


def unread(reading: Reading) -> list[Block]:
    """A note for each piece that could not be read."""
    return [Text(f"Could not be read: {piece}.") for piece in reading.missing]
