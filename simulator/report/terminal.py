"""A run in a few lines of text, for a terminal: the first screen of its report, nothing drawn.

Called by the public API and by the command line at the end of a run.
"""

from __future__ import annotations

from pathlib import Path

from simulator.report.page import Page, Table
from simulator.report.reading import Reading
from simulator.store import read_run


def brief(run_path: str | Path) -> str:
    """The verdict, key figures and SLO clauses of a run, and where its report is.

    Plain text without markup or colour; raises what ``read_run`` raises.
    """
    from simulator.report import live, simulation

    folder = Path(run_path)
    reading = Reading(read_run(folder))
    return text(live.head(reading) if reading.live else simulation.head(reading), folder)


def text(page: Page, folder: Path) -> str:
    """The head of a page as lines."""
    lines = [f"{page.title}  {page.verdict}", page.headline, page.because]
    if len(page.reasons) > 1:
        lines += [f"  - {reason}" for reason in page.reasons]
    lines += [notice.text for notice in page.notices]
    width = max((len(tile.label) for tile in page.tiles), default=0)
    if page.tiles:
        lines.append("")
    for tile in page.tiles:
        note = f"  ({tile.note})" if tile.note else ""
        lines.append(f"  {tile.label:<{width}}  {tile.value}{note}")
    for block in page.first:
        if isinstance(block, Table):
            lines += ["", *_table(block)]
    report = folder / "report.html"
    lines += ["", f"report  {report}" if report.is_file() else f"run     {folder}"]
    return "\n".join(_printable(line) for line in lines)


def _table(table: Table) -> list[str]:
    left = [side for _, side in table.heads]
    rows = [[name for name, _ in table.heads]]
    rows += [[cell.text for cell in table.cells(row)] for row in table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(left))]
    lines = [
        "  "
        + "  ".join(
            f"{cell:<{width}}" if is_left else f"{cell:>{width}}"
            for cell, width, is_left in zip(row, widths, left, strict=True)
        ).rstrip()
        for row in rows
    ]
    notes = ["", *("; ".join(c.note for c in table.cells(row) if c.note) for row in table.rows)]
    return [
        text
        for line, note in zip(lines, notes, strict=True)
        for text in ([line, f"      {note}"] if note else [line])
    ]


def _printable(line: str) -> str:
    """No control characters: names and details may come from a target or a scenario."""
    return "".join(c if c.isprintable() or c == "\u202f" else "\ufffd" for c in line)
