"""Whether to believe a live run: errors, validity of the generator, deviations from the plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta
from html import escape
from typing import Any

from simulator.report import common, live_reading, words
from simulator.report.page import Block, Cell, Facts, Notice, Section, Table, Text, Trouble
from simulator.report.reading import Reading

_FRAME_LENGTH = 1000
_ALL_FRAMES = 600_000
"""Bytes of HTML for frames; classes beyond it have theirs in events.parquet only."""


def errors(reading: Reading) -> Section:
    """Each class with its count, its first example, and the frames before it."""
    counts = reading.get("errors")
    examples = live_reading.error_examples(reading)
    if not isinstance(counts, Mapping) or not counts:
        shown: list[Block] = [Text("No error of any class occurred.")] if reading.summary else []
        return Section("errors", "Errors", shown)
    blocks: list[Block] = []
    order = sorted(counts.items(), key=lambda row: (-_total(row[1]), str(row[0])))
    room = _ALL_FRAMES
    for name, count in order:
        found = examples.get(str(name), {})
        at, station = found.get("at_s"), found.get("station")
        where = [f"at {words.with_unit(at, 's')}"] if at is not None else []
        where += [f"station {station}"] if station else []
        kept = found.get("frames")
        frames = [_shortened(str(frame)) for frame in kept] if isinstance(kept, list) else []
        room -= sum(len(escape(frame)) for frame in frames)
        blocks.append(
            Trouble(
                str(name),
                words.plural(_total(count), "time"),
                ", ".join(where),
                str(found.get("detail") or ""),
                frames if room > 0 else (),
            )
        )
    return Section(
        "errors",
        "Errors by class",
        blocks,
        "A refusal such as an invalid token is an answer and not an error.",
    )


def _shortened(frame: str) -> str:
    if len(frame) <= _FRAME_LENGTH:
        return frame
    return f"{frame[:_FRAME_LENGTH]} ... ({words.count(len(frame))} characters)"


def _total(count: Any) -> float:
    value = count.get("count") if isinstance(count, Mapping) else count
    return words.as_number(value) or 0


def notices(reading: Reading) -> list[Notice]:
    """By what other measure the generator was judged, and what this machine's network lost."""
    found = []
    looser = [str(row.get("text") or row.get("name")) for row in reading.rows("loosened")]
    if looser:
        found.append(
            Notice(
                "The scenario loosens the rules of validity: " + "; ".join(looser) + ". Runs judged"
                " by the default rules are not comparable."
            )
        )
    for row in reading.rows("remarks"):
        found.append(
            Notice(
                f"{row.get('text')}. Whoever's connections they were: this machine counts them"
                " together.",
                state="",
            )
        )
    return found


def validity(reading: Reading) -> Section:
    """The rules that the generator had to keep, and what it used."""
    blocks: list[Block] = []
    rows: list[list[str | Cell]] = []
    for row in reading.rows("validity"):
        unit, name = str(row.get("unit", "")), str(row.get("name", ""))
        least = name == "sends_achieved"
        rows.append(
            [
                common.rule_name(name),
                Cell("kept", "good") if row.get("ok") else Cell("broken", "bad"),
                common.quantity(row.get("measured"), unit),
                ("≥ " if least else "≤ ") + common.quantity(row.get("limit"), unit),
                str(row.get("why") or ""),
            ]
        )
    if rows:
        blocks.append(Table("", ("<rule", "<verdict", "measured", "limit", "<where and why"), rows))
    used = reading.get("generator")
    if isinstance(used, Mapping):
        blocks.append(Facts(_used(used), "What the generator used"))
    return Section(
        "validity",
        "Validity of the generator",
        blocks,
        "A load generator that is late measures itself. Each rule is applied to every process of "
        "it; the worst decides, and one broken rule makes the run INVALID.",
    )


def _used(used: Mapping[str, Any]) -> list[tuple[str, str | Cell]]:
    known = {
        "cpu_s": ("CPU time", words.duration),
        "calls_per_cpu_s": ("calls per CPU second", words.count),
        "rss_kb_per_station": ("memory per station", lambda v: words.with_unit(v, "KB")),
        "loop_lag_p99_ms": ("lag of the event loop, p99", words.latency),
    }
    rows: list[tuple[str, str | Cell]] = []
    for name, value in used.items():
        label, shown = known.get(str(name), (common.label(str(name)), words.scalar))
        rows.append((label, shown(value)))
    return rows


_DEVIATIONS = {
    "late_begin": "Plugged in late: its station was not accepted yet, or its EVSE not free.",
    "missed": "The whole visit passed before its station was accepted.",
    "late_start": "The authorisation came so late that charging was worked out anew.",
    "not_started": "No transaction by the planned end: token refused, or no answer in time.",
    "cut_off": "A power cut ended the transaction before the driver did.",
    "charged_on": "After a power cut the car charged on, in a transaction of its own.",
    "stopped_early": "The transaction ended before the driver ended it.",
    "limited": "A charging profile gave less than the plan would have.",
    "not_refused": "A token that is no good was accepted.",
    "unplanned_start": "A transaction that no driver began.",
    "played_transfer": "Firmware or a log was not transferred: only its time passed.",
}


def deviations(reading: Reading) -> Section:
    """How the plan was played, and what the target did that made stations leave it."""
    blocks: list[Block] = []
    facts = _played(reading)
    if facts:
        blocks.append(Facts(facts))
    found = reading.get("deviations")
    if isinstance(found, Mapping):
        rows = [
            [common.label(str(kind)), words.count(count), _DEVIATIONS.get(str(kind), "")]
            for kind, count in found.items()
            if words.as_number(count)
        ]
        if rows:
            blocks.append(Table("Deviations", ("<visits", "count", "<meaning"), rows))
        else:
            blocks.append(Text("No deviation: the target let every visit go as planned."))
    return Section("plan", "The plan and deviations from it", blocks)


def _played(reading: Reading) -> list[tuple[str, str | Cell]]:
    rows: list[tuple[str, str | Cell]] = []
    start, from_s = reading.clock().start, words.as_number(reading.get("from_s"))
    if start is not None and from_s is not None:
        moment = (start.astimezone(UTC) + timedelta(seconds=from_s)).astimezone(start.tzinfo)
        rows.append(("plan played from", f"{moment:%Y-%m-%d %H:%M}"))
    for name, label, shown in (
        ("speed", "compressed", lambda v: f"{words.figure(v)} times"),
        ("run_s", "stages last", words.duration),
        ("drain_s", "wait for answers at the end, at most", words.duration),
        ("drained", "every call was over by then", words.scalar),
        ("left_out", "visits too short to be played", words.count),
        ("shards", "processes", words.count),
        ("loop", "event loop", str),
        ("build_s", "building the fleet took", words.duration),
    ):
        value = reading.get(name)
        if value is not None:
            rows.append((label, shown(value)))
    deflate = reading.get("deflate")
    if isinstance(deflate, Mapping) and deflate:
        told = [f"{v}: {'agreed' if yes else 'declined by the CSMS'}" for v, yes in deflate.items()]
        rows.append(("compression (permessage-deflate)", ", ".join(told)))
    return rows


def events(reading: Reading) -> Section:
    """What happened on the run besides calls, errors and deviations, by kind."""
    frame = reading.table("events")
    if frame is None:
        return Section("events", "Events", ())
    told = {*(reading.get("errors") or ()), *(reading.get("deviations") or ())}
    kinds = frame["kind"].fillna("").astype(str)
    rows = []
    for kind, where in kinds.groupby(kinds).indices.items():
        first = frame.iloc[int(where[0])]
        at = words.with_unit(first["at_s"], "s")
        detail = str(first["detail"] or "")[:500]
        if kind not in told:
            rows.append([common.label(str(kind)), words.count(len(where)), at, detail])
    rows.sort(key=lambda row: row[0])
    blocks = [Table("", ("<event", "count", "first at", "<first detail"), rows)] if rows else []
    return Section("events", "Events", blocks)
