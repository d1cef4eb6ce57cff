"""A figure against a numeric field of a sweep, with 95 % intervals: one line per other variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.report import words
from simulator.report.canvas import SERIES, NothingToDrawError, legend_above, plot
from simulator.report.page import Absent, Plot
from simulator.report.patterns import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_FEW = 9
"""As many values of a field stand at the axis themselves."""


@dataclass(frozen=True, slots=True)
class Line:
    """A figure at rising values of a field."""

    name: str
    x: Sequence[float]
    y: Sequence[Estimate]


def against(
    name: str, title: str, caption: str, lines: Sequence[Line], x_label: str, y_label: str
) -> Plot | Absent:
    """Lines with a bar for each interval; at most as many as there are colours.

    The bars of several lines stand a little apart, so that none hides another.
    """
    shown = lines[: len(SERIES)]
    places = sorted({x for line in shown for x in line.x})
    apart = 0.012 * (places[-1] - places[0]) if len(places) > 1 else 0.0

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

        if not any(np.isfinite(point.mean) for line in shown for point in line.y):
            raise NothingToDrawError("no point of the sweep has this figure")
        for k, (line, colour) in enumerate(zip(shown, SERIES, strict=False)):
            means = [point.mean for point in line.y]
            at = [x + apart * (k - (len(shown) - 1) / 2) for x in line.x]
            axes.plot(at, means, color=colour, marker="o", markersize=4.5, label=line.name)
            for x, point in zip(at, line.y, strict=True):
                if np.isfinite(point.low):
                    axes.plot([x, x], [point.low, point.high], color=colour, linewidth=1.0)
        low, high = axes.get_ylim()
        axes.set_ylim(min(0.0, low) if low < 0.5 * high else low, high)
        axes.margins(x=0.05)
        few = len(places) <= _FEW and np.diff(places).min(initial=np.inf) > 6 * apart
        axes.xaxis.set_major_locator(FixedLocator(places) if few else MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda v, _: words.tick(v)))
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        legend_above(axes, columns=3)

    rows = -(-len(shown) // 3) if len(shown) > 1 else 0
    return plot(name, title, caption, draw, height_pt=190, legend_rows=rows, left_pt=60)
