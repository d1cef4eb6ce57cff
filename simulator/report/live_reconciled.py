"""What a comparison of the ledger with the CSMS's records found, in the section on transactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.measure.reconcile import FAULTS, MEANINGS
from simulator.report import words
from simulator.report.page import Block, Cell, Table
from simulator.report.reading import Reading

_MOST: Final = 30
_HEADS: Final = (
    "<what",
    "<station",
    "connector",
    "<token",
    "<id",
    "<its id",
    "<station says",
    "<CSMS says",
)


def reconciled(reading: Reading) -> list[Block]:
    """Counts by kind and the first differences; nothing if nobody compared."""
    told = reading.get("reconciliation")
    if not isinstance(told, Mapping):
        return []
    rows: list[list[str | Cell]] = [
        ["found in both", words.count(told.get("matched") or 0), ""],
    ]
    for kind, meaning in MEANINGS.items():
        count = int(told.get(kind) or 0)
        if count:
            shown = words.count(count)
            cell = Cell(shown, "bad") if kind in FAULTS else shown
            rows.append([kind.replace("_", " "), cell, meaning])
    verdict = (
        "Nothing for which the CSMS has to answer."
        if told.get("clean")
        else "The CSMS has to answer for what is marked."
    )
    title = f"Against the CSMS's records ({told.get('against')})"
    blocks: list[Block] = [Table(title, ("<", "count", "<meaning"), rows, verdict)]
    frame = reading.table("reconciliation")
    if frame is not None and len(frame):
        first = [
            [str(value) if value else words.DASH for value in row]
            for row in frame.head(_MOST).fillna("").itertuples(index=False)
        ]
        left = len(frame) - _MOST
        note = f"{left} more are in reconciliation.parquet." if left > 0 else ""
        blocks.append(Table("Differences", _HEADS, first, note))
    return blocks
