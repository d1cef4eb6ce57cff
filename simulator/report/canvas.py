"""From a drawing function to an SVG: palette, page-wide look, and the same bytes for the same run.

Figures are drawn with fixed colours. A stand-alone file keeps them; the copy inside the page has
them replaced by the page's CSS variables, so one drawing serves light, dark and print. Text stays
text: it is small, can be searched, and takes the reader's own font. No pyplot, no global state.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from simulator.report.page import Absent, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1d2127"
MUTED = "#646b75"
GRID = "#e4e6ea"
PAPER = "#fefefe"
BLUE, ORANGE, GREEN, RED, SKY, PLUM, OCHRE, SLATE = (
    "#0a6cae",
    "#d98a00",
    "#00906a",
    "#c8480a",
    "#45a5dd",
    "#b65f92",
    "#80691d",
    "#7a828e",
)
"""After Okabe and Ito's palette: told apart under the common colour deficiencies."""
SERIES = (BLUE, ORANGE, GREEN, PLUM, SKY, RED, OCHRE, SLATE)
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    PAPER: "--card",
    BLUE: "--blue",
    ORANGE: "--orange",
    GREEN: "--green",
    RED: "--red",
    SKY: "--sky",
    PLUM: "--plum",
    OCHRE: "--ochre",
    SLATE: "--slate",
}
"""The page's name for each colour; its style sheet gives the values for light and for dark."""

FONTS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'
WIDE_PT = 800.0
HALF_PT = 392.0
TITLE_PT = 24.0
LEGEND_PT = 17.0
LEFT_PT, RIGHT_PT, BOTTOM_PT = 54.0, 12.0, 36.0

_RC: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "xtick.major.width": 0.6,
    "xtick.minor.size": 0,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.5,
    "lines.solid_joinstyle": "round",
    "text.color": INK,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.labelcolor": INK,
    "patch.linewidth": 0,
    "path.simplify_threshold": 0.2,
    "text.parse_math": False,
}

Draw = Callable[["Figure", "Axes"], None]


class NothingToDrawError(Exception):
    """Raised by a drawing function that finds no data; its text says what is missing."""


def plot(
    name: str,
    title: str,
    caption: str,
    draw: Draw,
    *,
    wide: bool = False,
    height_pt: float = 225.0,
    left_pt: float = LEFT_PT,
    right_pt: float = RIGHT_PT,
    legend_rows: int = 1,
) -> Plot | Absent:
    """Draw one figure; ``Absent`` where ``draw`` raises ``NothingToDrawError``.

    ``height_pt`` is that of the axes, without title and legend; points are 1/72 inch.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    width = WIDE_PT if wide else HALF_PT
    legend = LEGEND_PT * legend_rows + 6.0
    height = TITLE_PT + legend + height_pt + BOTTOM_PT
    # A stand-alone name in the salt: two figures of one page must not share an id.
    settings: Any = {**_RC, "svg.hashsalt": name}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)
        axes = figure.add_axes(
            (
                left_pt / width,
                BOTTOM_PT / height,
                1 - (left_pt + right_pt) / width,
                height_pt / height,
            )
        )
        try:
            draw(figure, axes)
        except NothingToDrawError as nothing:
            return Absent(title, str(nothing))
        figure.text(
            8 / width, 1 - 16 / height, title, fontsize=10.5, fontweight="bold", gid="plot-title"
        )
        buffer = io.StringIO()
        figure.savefig(
            buffer,
            format="svg",
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    svg = _tidy(buffer.getvalue(), name)
    return Plot(name, title, caption, svg, _inline(svg, title), wide)


def legend_above(
    axes: Axes, handles: Sequence[Any] | None = None, columns: int = 8, *, reverse: bool = False
) -> None:
    """A legend over the plot, left, where it hides no data. One series needs none."""
    found, labels = axes.get_legend_handles_labels()
    chosen = list(handles) if handles is not None else found
    if handles is not None:
        labels = [str(handle.get_label()) for handle in chosen]
    if reverse:
        chosen, labels = chosen[::-1], labels[::-1]
    if len(chosen) < 2 and handles is None:
        return
    axes.legend(
        chosen,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        borderaxespad=0.3,
        borderpad=0.0,
        handlelength=1.3,
        handletextpad=0.5,
        columnspacing=1.4,
        labelspacing=0.35,
    )


_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_PATHS = re.compile(r'(\s(?:d|x|y|transform|width|height)=")([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')
_TITLE_GROUP = re.compile(r'<g id="plot-title">.*?</g>\s*', re.DOTALL)
_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_FONT = re.compile(r"'DejaVu Sans'(?:, [^;\"]*)?")


def _shorter(match: re.Match[str]) -> str:
    return f"{float(match.group()):.1f}".removesuffix(".0")


def _tidy(svg: str, name: str) -> str:
    """Drop the prologue, round coordinates to 1/10 pt, and make every id the figure's own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = _PATHS.sub(lambda m: f'{m.group(1)}{_NUMBER.sub(_shorter, m.group(2))}"', svg)
    svg = _FONT.sub(FONTS.replace('"', "'"), svg)
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))

    def renamed(match: re.Match[str]) -> str:
        found = match.group(1)
        if found == "plot-title":
            return match.group()
        return f' id="{name}-{found}"' if found in used else ""

    svg = _ID.sub(renamed, svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r"<g>\s*</g>\s*", "", svg)
    return re.sub(r"\n\s*", "\n", svg)


def _inline(svg: str, title: str) -> str:
    """The copy for the page: no title of its own, no fixed size, colours by variable."""
    from markupsafe import escape

    box = _VIEW_BOX.search(svg)
    width, height = (float(box.group(1)), float(box.group(2))) if box else (WIDE_PT, 300.0)
    head = (
        f'<svg role="img" aria-label="{escape(title)}" '
        f'viewBox="0 {TITLE_PT:g} {width:g} {height - TITLE_PT:g}" xmlns="http://www.w3.org/2000/svg">'
    )
    body = _TITLE_GROUP.sub("", svg[svg.index(">") + 1 :]).replace("xlink:href", "href")
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    return head + body
