"""What a report consists of: a page of sections, a section of blocks.

Plain data without markup: the HTML and the Markdown template both print the same page, so they
cannot tell different stories. ``kind`` is the name by which a template picks its macro.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

State = Literal["", "good", "bad", "warn"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell that carries a judgement, or a remark below its text."""

    text: str
    state: State = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence that must not be overlooked."""

    text: str
    state: State = "warn"
    kind: str = "notice"


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``columns`` starting with ``<`` are set left (text), the others right (numbers).

    Rows after ``fold_after`` are shown on demand.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str | Cell]]
    note: str = ""
    fold_after: int = 20
    kind: str = "table"

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """(label, set left) per column."""
        return [(name.removeprefix("<"), name.startswith("<")) for name in self.columns]

    def cells(self, row: Sequence[str | Cell]) -> list[Cell]:
        """The cells of a row, all as ``Cell``."""
        return [cell if isinstance(cell, Cell) else Cell(cell) for cell in row]


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of name and value."""

    rows: Sequence[tuple[str, str | Cell]]
    title: str = ""
    kind: str = "facts"

    def cell(self, value: str | Cell) -> Cell:
        """A value as ``Cell``."""
        return value if isinstance(value, Cell) else Cell(value)


@dataclass(frozen=True, slots=True)
class Equation:
    """``total = a + b + ...`` with the result of checking it."""

    total: tuple[str, str]
    terms: Sequence[tuple[str, str]]
    holds: bool
    verdict: str
    kind: str = "equation"


@dataclass(frozen=True, slots=True, repr=False)
class Plot:
    """A drawn figure. ``svg`` stands alone; ``inline`` takes its colours from the page."""

    name: str
    title: str
    caption: str
    svg: str
    inline: str
    wide: bool
    kind: str = "plot"

    def __repr__(self) -> str:
        return f"<Plot {self.title!r}: {self.caption}>"

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the drawing as an SVG file."""
        target = Path(path)
        target.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + self.svg, encoding="utf-8")
        return target


@dataclass(frozen=True, slots=True)
class Absent:
    """A figure that could not be drawn, and why."""

    title: str
    why: str
    kind: str = "absent"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A class of errors with its first example."""

    name: str
    count: str
    where: str
    example: str
    frames: Sequence[str] = ()
    kind: str = "trouble"


@dataclass(frozen=True, slots=True)
class Code:
    """Text to be copied: a command, a file."""

    text: str
    title: str = ""
    folded: bool = False
    kind: str = "code"


Block = Text | Notice | Table | Facts | Equation | Plot | Absent | Trouble | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the page; a section without blocks is not printed."""

    anchor: str
    title: str
    blocks: Sequence[Block]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """A key figure."""

    label: str
    value: str
    note: str = ""
    state: State = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report."""

    title: str
    subtitle: str
    verdict: str
    state: State
    headline: str
    because: str
    tiles: Sequence[Tile]
    notices: Sequence[Notice]
    first: Sequence[Block]
    """Blocks of the first screen, under the key figures."""
    sections: Sequence[Section] = field(default_factory=tuple)
    reasons: Sequence[str] = ()
    summary: object = None
    """What ``summary.json`` holds, embedded for reuse."""

    @property
    def plots(self) -> list[Plot]:
        """Every plot of the page in order."""
        blocks = [*self.first, *(block for part in self.sections for block in part.blocks)]
        return [block for block in blocks if isinstance(block, Plot)]
