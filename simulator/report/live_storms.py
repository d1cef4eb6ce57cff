"""What came of the storms of a live run: a table, and each of them second by second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.report import words
from simulator.report.page import Block, Cell, Notice, Section, Table, Text
from simulator.report.plots import storms as plots
from simulator.report.reading import Reading, floats

_SOURCES = {
    "emulated": "emulated",
    "stations": "at the stations",
    "hook": "a hook did it to the target",
    "embedded": "done to the embedded CSMS",
}
_COLUMNS = (
    "second",
    "operating",
    "connected",
    "attempts",
    "accepted",
    "booted",
    "backlog",
    "calls",
)
_CUTS = ("csms_restart", "rolling_deploy", "power_cut", "mass_reset")
_KINDS = {
    "response": "response",
    "service": "service",
    "delayed": "response of what had to wait in the station's queue",
}


def table(reading: Reading) -> Table | None:
    """A row for each storm, short enough for the first screen."""
    rows: list[list[str | Cell]] = []
    for storm in reading.rows("storms"):
        lost = storm.get("transactions_unacknowledged")
        rows.append(
            [
                Cell(_named(storm), note=_SOURCES.get(str(storm.get("source")), "")),
                words.count(storm.get("stations_hit")),
                words.count(storm.get("lowest")),
                _time(storm.get("to_95_s")),
                _time(storm.get("to_100_s")),
                words.figure(storm.get("retry_amplification")),
                words.count(storm.get("peak_accepts_per_s")),
                words.count(storm.get("backlog_peak")),
                Cell(words.count(lost), "bad" if lost else ""),
            ]
        )
    if not rows:
        return None
    return Table(
        "Storms",
        (
            "<storm",
            "hit",
            "fewest left",
            "95 % back",
            "100 % back",
            "attempts each",
            "accepts/s",
            "backlog",
            "unacknowledged",
        ),
        rows,
        "Hit: stations. Back: in operation again (connected and accepted), seconds from the end of "
        "the storm. Attempts: to connect, for each station that lost its connection. Accepts/s, "
        "backlog: the most connections accepted in a second, and calls due at once. "
        "Unacknowledged: transactions of these stations at the end of the run.",
    )


def notices(reading: Reading) -> list[Notice]:
    """What must be said of storms on the first screen."""
    found = []
    for storm in reading.rows("storms"):
        deed = storm.get("deed")
        if storm.get("emulated"):
            found.append(
                Notice(
                    f"{_named(storm)} is emulated: nothing happened to the target, its stations"
                    " did it to themselves. A hook would make it real."
                )
            )
        elif isinstance(deed, Mapping) and not deed.get("ok"):
            found.append(Notice(f"{_named(storm)} did not take place: {deed.get('detail')}"))
        elif storm.get("kind") in _CUTS and not storm.get("lost_connection"):
            found.append(
                Notice(
                    f"{_named(storm)}: no station lost its connection, so it shows nothing of a"
                    " recovery. What should have begun it may have done nothing."
                )
            )
        late, end = _late(storm), words.as_number(storm.get("phase_end_s"))
        if late and end is not None:
            found.append(
                Notice(
                    f"{_named(storm)}: not all were back when its phase ended at"
                    f" {words.figure(end)} s; calls due after that count as measured"
                    " (make live.storms.recovery longer)."
                )
            )
    return found


def section(reading: Reading) -> Section:
    """The storms in full; empty where the run had none."""
    found = table(reading)
    blocks: list[Block] = []
    if found is None:
        return Section("storms", "Storms", blocks)
    frame = reading.table("storms")
    for storm in reading.rows("storms"):
        if frame is not None:
            own = frame[frame["storm"] == storm.get("number")]
            columns = {name: floats(own, name) for name in _COLUMNS if name in own}
            blocks.append(
                plots.course(
                    int(storm.get("number") or 0),
                    _named(storm),
                    columns,
                    words.as_number(storm.get("back_s")),
                )
            )
        said = [str(note) for note in storm.get("notes") or ()]
        deed = storm.get("deed")
        if isinstance(deed, Mapping):
            said.insert(0, f"What was done to the target: {deed.get('detail')}.")
        if installed := _firmware(storm):
            said.append(installed)
        if said:
            name = _named(storm)
            blocks.append(Text(f"{name[:1].upper()}{name[1:]}. " + " ".join(said)))
    if latencies := _latency(reading):
        blocks.append(latencies)
    apart = words.as_number(reading.get("prediction", "stations_not_judged"))
    if apart:
        count = words.plural(apart, "station")
        blocks.append(
            Text(
                f"No plan foresees what stations send in a storm: {count} that a storm hit, or that"
                " came up in the middle of one, are left out where measured messages are held"
                " against predicted ones."
            )
        )
    return Section("storms", "Storms", blocks)


def _latency(reading: Reading) -> Table | None:
    rows: list[list[str | Cell]] = []
    found = reading.get("storm_latency_ms")
    for action, kinds in (found if isinstance(found, Mapping) else {}).items():
        for kind, row in kinds.items() if isinstance(kinds, Mapping) else ():
            if row.get("n") and (action == "*" or kind == "response"):
                rows.append(
                    [
                        "all types" if action == "*" else str(action),
                        _KINDS.get(str(kind), str(kind)),
                        words.count(row.get("n")),
                        *(words.latency(row.get(q)) for q in ("p50", "p95", "p99", "max")),
                    ]
                )
    if not rows:
        return None
    heads = ("<message", "<time", "n", "p50", "p95", "p99", "max")
    note = "Calls that fell due in a storm or its recovery; they are in no other latency here."
    return Table("Latency in storms", heads, rows, note)


def _firmware(storm: Mapping[str, Any]) -> str:
    """What the stations of a firmware campaign have in the end."""
    versions = storm.get("firmware")
    if not isinstance(versions, Mapping) or not versions:
        return ""
    told = ", ".join(f"{version} at {words.count(n)}" for version, n in versions.items())
    return f"Firmware at the end of the run: {told}."


def _named(storm: Mapping[str, Any]) -> str:
    at = words.figure(storm.get("at_s"))
    return f"{str(storm.get('kind', '')).replace('_', ' ')} at {at} s"


def _late(storm: Mapping[str, Any]) -> bool:
    """Were stations still missing when calls no longer counted to the storm?"""
    if storm.get("to_100_s") is None:
        return bool(storm.get("lost_connection"))
    back, end = (words.as_number(storm.get(name)) for name in ("back_s", "phase_end_s"))
    took = words.as_number(storm.get("to_100_s"))
    return None not in (back, end, took) and (back or 0.0) + (took or 0.0) > (end or 0.0)


def _time(seconds: Any) -> str | Cell:
    number = words.as_number(seconds)
    return Cell("not reached", "bad") if number is None else f"{number:.1f} s"
