"""How the CSMS of a live run kept to OCPP: what was checked, what did not fit, what that cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from simulator.report import words
from simulator.report.page import Block, Cell, Facts, Section, Table, Text
from simulator.report.reading import Reading

_KINDS: Final = {
    "shape": "no object, or a field that the message does not have",
    "missing": "a field is missing",
    "type": "a value of another type",
    "value": "a value out of range: too long, no word of the list, no date",
    "count": "a list with too few or too many items",
}
_PROTOCOL: Final = {
    "ocpp_malformed": "a frame, or the payload of an answer, that cannot be used",
    "ocpp_unknown_action": "a CALL of an action that the version does not have",
    "ocpp_unknown_id": "an answer to no call that was open: late, twice or invented",
    "ocpp_forbidden": "a CALL that the specification rules out at that moment",
    "ocpp_flood": "CALLs without end, whose answers are not read",
    "bad_subprotocol": "no sub-protocol of OCPP selected, or one that nobody offered",
    "bad_extension": "an extension of WebSocket selected that nobody offered, or not so",
    "ws_protocol": "a frame that breaks WebSocket, or is longer than allowed",
}


def section(reading: Reading) -> Section:
    """What was checked and what it cost; then a row for each kind of violation."""
    found = reading.get("conformance")
    if not isinstance(found, Mapping):
        return Section("conformance", "Conformance of the CSMS", ())
    blocks: list[Block] = [Facts(_facts(found))]
    schema, protocol = _schema(found), _protocol(found)
    blocks += [table for table in (schema, protocol) if table is not None]
    if schema is None and protocol is None:
        blocks.append(Text("Nothing that was checked broke a schema or the protocol."))
    return Section(
        "conformance",
        "Conformance of the CSMS",
        blocks,
        "What the CSMS sent, held against the schemas of OCPP and the rules of its transport. "
        "live.check_answers = 1 checks every answer. What checking cost was measured after the run "
        "on the last message of each type, and multiplied by how many were checked.",
    )


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str | Cell]]:
    seen, checked = found.get("seen") or {}, found.get("checked") or {}
    one_in = words.as_number(found.get("one_in")) or 0
    how = {0: "none", 1: "each"}.get(int(one_in), f"the first of each type and 1 in {one_in:.0f}")
    cost, share = words.as_number(found.get("cpu_s")), found.get("cpu_share")
    rows: list[tuple[str, str | Cell]] = [
        (
            "answers checked",
            f"{words.count(checked.get('answer'))} of {words.count(seen.get('answer'))} ({how})",
        ),
        ("calls checked", f"{words.count(checked.get('call'))} (each)"),
    ]
    if cost is not None:
        part = f", {words.share(share)} of the generator's" if share is not None else ""
        rows.append(
            (
                "checking cost",
                f"{words.duration(cost)} of CPU time{part}",
            )
        )
    return rows


def _schema(found: Mapping[str, Any]) -> Table | None:
    rows: list[list[str | Cell]] = [
        [
            f"{'answer to ' if row.get('side') == 'answer' else ''}{row.get('action')}",
            str(row.get("version")),
            Cell(str(row.get("kind")), note=_KINDS.get(str(row.get("kind")), "")),
            words.count(row.get("count")),
            words.count(row.get("checked")),
            str(row.get("first")),
        ]
        for row in found.get("schema") or ()
    ]
    if not rows:
        return None
    header = ("<message", "<version", "<in which way", "count", "of those checked", "<the first")
    return Table("Messages that do not fit their schema", header, rows)


def _protocol(found: Mapping[str, Any]) -> Table | None:
    rows: list[list[str | Cell]] = [
        [str(kind), words.count(n), _PROTOCOL.get(str(kind), "")]
        for kind, n in (found.get("protocol") or {}).items()
    ]
    if not rows:
        return None
    return Table("Rules of the protocol that were broken", ("<class", "count", "<meaning"), rows)
