"""What became of the commands that a live run had the CSMS send: counts, times, broadcasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulator.report import common, words
from simulator.report.page import Block, Cell, Section, Table, Text
from simulator.report.reading import Reading

_STEPS: Final = {
    "api": "the CSMS's API answered",
    "command": "the command was at the station",
    "late": "it was there, too late to be waited for",
    "answered": "the station's answer was written",
    "started": "the transaction began",
    "ended": "the transaction ended",
    "power": "the station drew another power",
    "booted": "the station had booted again",
}
_BEFORE: Final = {
    "queue_generator": "the generator got to making the call",
    "queue": "the call was written (a connection was free)",
}
_EFFECTS: Final = ("started", "ended", "power", "booted")
_FIGURES: Final = ("p50", "p95", "p99", "max")


def section(reading: Reading) -> Section:
    """Commands in full; empty where nobody asked for any."""
    blocks: list[Block] = []
    calls = reading.rows("commands")
    if calls:
        blocks += [_counts(calls), *_odd(calls), _times(calls)]
        if fans := _broadcasts(calls):
            blocks.append(fans)
    starts = _starts(reading)
    if starts is not None:
        blocks.append(starts)
    return Section(
        "commands",
        "Commands that the CSMS was asked for",
        blocks,
        "Each was planned for its moment, however fast others were answered, and is counted from "
        "that moment on: call of the CSMS's API, command at the station, the station's answer, "
        "effect.",
    )


def _counts(calls: list[Mapping[str, Any]]) -> Table:
    rows: list[list[str | Cell]] = []
    for call in calls:
        lost = call.get("not_delivered")
        effects = [f"{words.count(call[e])} {_SHORT[e]}" for e in _EFFECTS if call.get(e)]
        for name, text in _NO_EFFECT.items():
            if call.get(name):
                effects.append(f"{words.count(call[name])} {text}")
        rows.append(
            [
                _named(call),
                words.count(call.get("planned")),
                words.count(_skipped(call)),
                words.count(call.get("asked")),
                words.count(call.get("delivered")),
                Cell(words.count(lost), "bad" if lost else ""),
                words.count(call.get("late")),
                words.count(call.get("censored")),
                ", ".join(effects) or "none is looked for",
            ]
        )
    heads = ("planned", "skipped", "asked", "delivered", "not delivered", "late", "censored")
    return Table(
        "Commands planned, asked for and delivered",
        ("<call", *heads, "<effect"),
        rows,
        "Planned = asked + skipped (the station was not in operation, no EVSE was free, nothing "
        "ran that could be stopped). Asked = delivered + not delivered (no command in 30 s) + "
        "censored (open at the end). Late: came after all, out of those not delivered.",
    )


_SHORT: Final = {"started": "began", "ended": "ended", "power": "changed power", "booted": "booted"}
_NO_EFFECT: Final = {
    "unchanged": "drew what they drew before",
    "refused": "refused",
    "no_effect": "without effect in 90 s",
    "effect_open": "open at the end",
}


_SKIPPED: Final = {
    "not_in_operation": "the station was not in operation",
    "no_free_evse": "no EVSE was free",
    "no_transaction": "nothing ran",
    "overflow": "too many were waited for",
}


def _skipped(call: Mapping[str, Any]) -> int:
    return sum(int(v) for k, v in call.items() if str(k).startswith("skipped_"))


def _odd(calls: list[Mapping[str, Any]]) -> list[Block]:
    """What went otherwise than it should: at the API, at the station, or before."""
    rows: list[list[str | Cell]] = []
    for call in calls:
        for key, value in call.items():
            kind, _, what = str(key).partition("_")
            if kind == "api" and what not in ("calls", "answered"):
                rows.append([_named(call), "call of the API", common.label(what), str(value)])
            elif kind == "status" and what not in ("Accepted", "Unlocked"):
                rows.append([_named(call), "answer of the station", what, str(value)])
            elif kind == "skipped":
                why = _SKIPPED.get(what, common.label(what))
                rows.append([_named(call), "not asked for", why, str(value)])
    if not rows:
        return []
    return [Table("What did not go through", ("<call", "<where", "<what", "count"), rows)]


def _times(calls: list[Mapping[str, Any]]) -> Table:
    rows: list[list[str | Cell]] = []
    for call in calls:
        own = call.get("queue_ms")
        waits = own if isinstance(own, Mapping) else {}
        for kind, text in _BEFORE.items():
            if waits.get(kind, {}).get("n"):
                rows.append([_named(call), text, *_figures(waits[kind])])
        found = call.get("latency_ms")
        for step, row in found.items() if isinstance(found, Mapping) else ():
            rows.append([_named(call), _STEPS.get(str(step), str(step)), *_figures(row)])
    return Table(
        "From when it was due until",
        ("<call", "<until", "n", *_FIGURES),
        rows,
        "Commands due in the phases that are measured. A virtual car follows a limit at once; a "
        "real one takes its time.",
        fold_after=60,
    )


def _broadcasts(calls: list[Mapping[str, Any]]) -> Table | None:
    rows: list[list[str | Cell]] = []
    for call in calls:
        for fan in call.get("broadcasts") or ():
            missing = int(fan.get("asked") or 0) - int(fan.get("seen") or 0)
            rows.append(
                [
                    _named(call),
                    f"{words.figure(fan.get('due_s'))} s",
                    words.count(fan.get("asked")),
                    Cell(words.count(missing), "bad" if missing else ""),
                    *(
                        words.latency(fan.get(f"{q}_ms"))
                        for q in ("first", "median", "p95", "last")
                    ),
                ]
            )
    if not rows:
        return None
    return Table(
        "Broadcasts: how far apart their stations were told",
        ("<call", "due at", "stations", "missing", "first", "median", "p95", "last"),
        rows,
        "From when the broadcast was due until its command was at the first station, at half, at "
        "95 % and at the last of those that it reached.",
    )


def _starts(reading: Reading) -> Table | None:
    """Drivers with an app: how many were served, and how long each step took from the wish on."""
    found = reading.get("remote_starts")
    if not isinstance(found, Mapping):
        return None
    latency = found.get("latency_ms")
    rows: list[list[str | Cell]] = [
        [_STEPS.get(str(name), str(name)), *_figures(row)]
        for name, row in (latency.items() if isinstance(latency, Mapping) else ())
    ]
    counted = ", ".join(
        f"{value} {common.label(str(name)).lower()}"
        for name, value in found.items()
        if name != "latency_ms" and value
    )
    note = f"{counted}. Asked = delivered + not delivered (no command in 30 s) + censored."
    heads = ("<from the wish until", "n", *_FIGURES)
    return Table("Charges started by an app", heads, rows, note)


def notes(reading: Reading) -> list[Text]:
    """What is said where measured messages are held against predicted ones."""
    if not any(call.get("asked") for call in reading.rows("commands")):
        return []
    return [
        Text(
            "No plan foresees what stations send because they were commanded: those that were to "
            "get a command are left out where each station is held against the prediction."
        )
    ]


def _figures(row: Mapping[str, Any]) -> list[str]:
    return [words.count(row.get("n")), *(words.latency(row.get(q)) for q in _FIGURES)]


def _named(call: Mapping[str, Any]) -> str:
    name, action = str(call.get("name")), str(call.get("action"))
    return name if name == action else f"{name} ({action})"
