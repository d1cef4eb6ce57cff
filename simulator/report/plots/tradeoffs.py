"""Cost against peak with confidence intervals, and the coincidence of many chargers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.report import words
from simulator.report.canvas import (
    BLUE,
    MUTED,
    PAPER,
    SERIES,
    NothingToDrawError,
    legend_above,
    plot,
)
from simulator.report.page import Absent, Plot
from simulator.report.patterns import F64, Coincidence, Estimate, frontier

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = "osD^vP*X"
_LARGER = {"*": 1.5}
"""Marks that look small beside the others."""
_MOST = 24


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant (a policy, a number of chargers) in two figures."""

    name: str
    x: Estimate
    y: Estimate


def tradeoff(
    variants: Sequence[Variant], x_label: str, y_label: str, *, title: str = "Cost against peak"
) -> Plot | Absent:
    """Variants in two figures of which less is better, with 95 % intervals and the frontier."""
    shown = [v for v in variants if np.isfinite(v.x.mean) and np.isfinite(v.y.mean)][:_MOST]
    columns = 4
    rows = max(1, -(-len(shown) // columns))

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        if not shown:
            raise NothingToDrawError("no variant has both figures")
        x, y = np.array([v.x.mean for v in shown]), np.array([v.y.mean for v in shown])
        best = frontier(x, y)
        if len(best) > 1:
            axes.plot(
                x[best], y[best], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1.5
            )
        handles = []
        for number, variant in enumerate(shown):
            colour = SERIES[number % len(SERIES)]
            mark = _MARKS[(number // len(SERIES) + number) % len(_MARKS)]
            larger = _LARGER.get(mark, 1.0)
            _bars(axes, variant, colour)
            axes.plot(
                [variant.x.mean], [variant.y.mean], marker=mark, markersize=8 * larger,
                color=colour, markeredgecolor=PAPER, markeredgewidth=0.5, linestyle="none",
                zorder=3,
            )  # fmt: skip
            handles.append(
                Line2D(
                    [], [], marker=mark, color=colour, linestyle="none", markersize=7 * larger,
                    label=variant.name,
                )
            )  # fmt: skip
        axes.margins(0.08)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
            axis.set_major_formatter(FuncFormatter(lambda v, _: words.tick(v)))
        axes.grid(axis="x", visible=True)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        legend_above(axes, handles, columns)

    replicated = max((min(v.x.n, v.y.n) for v in shown), default=0)
    caption = "Less is better in both; the dashed line joins the variants that no other one beats."
    if replicated > 1:
        caption += " Bars are 95 % confidence intervals of the means over replications."
    if len(variants) > len(shown):
        caption += f" {len(variants) - len(shown)} variants without both figures are not shown."
    return plot(
        "tradeoff", title, caption, draw, wide=True, height_pt=280, legend_rows=rows, left_pt=64
    )


def _bars(axes: Axes, variant: Variant, colour: str) -> None:
    for along, estimate in (("x", variant.x), ("y", variant.y)):
        if np.isfinite(estimate.low) and np.isfinite(estimate.high):
            ends = [estimate.low, estimate.high]
            x, y = (ends, [variant.y.mean] * 2) if along == "x" else ([variant.x.mean] * 2, ends)
            axes.plot(x, y, color=colour, linewidth=1.2, alpha=0.8, zorder=2)


def coincidence(found: Coincidence) -> Plot | Absent:
    """Coincidence factor against the number of EVSEs, with the range over the groups drawn."""

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

        known = np.isfinite(found.mean)
        if not known.any():
            raise NothingToDrawError("no energy was delivered")
        size = found.size[known].astype(np.float64)
        axes.fill_between(
            size, found.low[known], found.high[known], color=BLUE, alpha=0.22, linewidth=0
        )
        axes.plot(size, found.mean[known], color=BLUE, marker="o", markersize=4)
        axes.set_xscale("log")
        axes.set_xlim(size[0] * 0.9, size[-1] * 1.1)
        axes.xaxis.set_major_locator(FixedLocator(_apart(size)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: words.count(v)))
        axes.set_ylim(0, 1.03)
        axes.set_xlabel("EVSEs together")
        axes.set_ylabel("coincidence factor")
        legend_above(
            axes,
            [
                Line2D([], [], color=BLUE, marker="o", markersize=4, label="mean of the groups"),
                Patch(color=BLUE, alpha=0.22, label="95 % of the groups"),
            ],
        )

    return plot(
        "coincidence",
        "Coincidence of chargers",
        f"Peak of a group over the sum of its members' {found.basis}; "
        f"{words.count(found.draws)} groups drawn at random for each size.",
        draw,
    )


def _apart(sizes: F64) -> list[float]:
    """Sizes whose labels do not run into each other on the log axis."""
    kept: list[float] = []
    least = (np.log(sizes[-1]) - np.log(sizes[0])) / 11.0
    for size in sizes.tolist():
        if not kept or np.log(size) - np.log(kept[-1]) >= least:
            kept.append(size)
    return kept
