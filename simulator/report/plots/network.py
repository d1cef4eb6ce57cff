"""The electrical side: load of the network and its sites, occupied EVSEs, energy per site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from simulator.report import words
from simulator.report.canvas import (
    BLUE,
    INK,
    MUTED,
    RED,
    SERIES,
    SLATE,
    NothingToDrawError,
    legend_above,
    plot,
)
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import F64, Clock, area, counts_axis, mark_level, stack

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STACKED = 6
"""Sites or groups that get a colour of their own in the stacked plot."""
PANELS = 6
_COLUMNS = 3
_CELL_PT, _GAP_PT = 96.0, 46.0


def _scale(top_kw: float) -> tuple[float, str]:
    return (1000.0, "MW") if top_kw >= 10_000 else (1.0, "kW")


def load(
    seconds: F64, by_group: Mapping[str, F64], clock: Clock, interval_s: float, limit_kw: float
) -> Plot | Absent:
    """Network load in kW, stacked by group; ``limit_kw`` is the sum of limits, nan if unknown."""
    order = sorted(by_group, key=lambda g: (-float(np.nansum(by_group[g])), g))
    shown, rest = order[:STACKED], order[STACKED:]

    def draw(figure: Figure, axes: Axes) -> None:
        if len(seconds) == 0 or not order:
            raise NothingToDrawError("the run recorded no load")
        layers = [(name, by_group[name]) for name in shown]
        if rest:
            others: F64 = np.sum([by_group[g] for g in rest], axis=0, dtype=np.float64)
            layers.append((f"{words.count(len(rest))} others", others))
        total = np.sum([values for _, values in layers], axis=0)
        if not np.nansum(total) > 0:
            raise NothingToDrawError("no energy was delivered")
        factor, unit = _scale(float(np.nanmax(total)))
        colours = [SLATE if rest and n == len(shown) else SERIES[n] for n in range(len(layers))]
        scaled = [(label, values / factor) for label, values in layers]
        stack(axes, seconds, interval_s, scaled, colours)
        if np.isfinite(limit_kw) and limit_kw < 2.5 * np.nanmax(total):
            axes.set_ylim(0, max(axes.get_ylim()[1], limit_kw / factor * 1.06))
            mark_level(axes, limit_kw / factor, f"grid limits {words.power(limit_kw)}", INK)
        clock.label(axes, float(seconds[0]), float(seconds[-1]) + interval_s)
        counts_axis(axes)
        axes.set_ylabel(f"power, {unit}")
        legend_above(axes, reverse=True)

    return plot(
        "load",
        "Load of the network",
        f"Grid side, mean over each interval of {words.duration(interval_s)}"
        + (", stacked by kind of site." if len(order) > 1 else "."),
        draw,
        wide=True,
        height_pt=260,
    )


def site_loads(
    seconds: F64,
    sites: Sequence[tuple[str, F64, float]],
    clock: Clock,
    interval_s: float,
) -> Plot | Absent:
    """One panel per site: (name, load in kW, limit in kW or nan), the largest sites first."""
    chosen = [s for s in sites if np.nansum(s[1]) > 0][:PANELS]
    rows = max(1, -(-len(chosen) // _COLUMNS))

    def draw(figure: Figure, axes: Axes) -> None:
        if not chosen or len(seconds) == 0:
            raise NothingToDrawError("the run recorded no load per site")
        box = axes.get_position()
        axes.remove()
        height = figure.get_figheight() * 72
        width = (box.width - (_COLUMNS - 1) * 0.055) / _COLUMNS
        for number, (name, values, limit) in enumerate(chosen):
            row, column = divmod(number, _COLUMNS)
            bottom = box.y0 + (rows - 1 - row) * (_CELL_PT + _GAP_PT) / height
            panel = figure.add_axes(
                (box.x0 + column * (width + 0.055), bottom, width, _CELL_PT / height)
            )
            area(panel, seconds, values, interval_s, BLUE, 360)
            if np.isfinite(limit):
                panel.set_ylim(0, max(panel.get_ylim()[1], limit * 1.12))
                mark_level(panel, limit, f"limit {words.power(limit)}", RED)
            clock.label(panel, float(seconds[0]), float(seconds[-1]) + interval_s)
            counts_axis(panel)
            panel.yaxis.get_major_locator().set_params(nbins=3)  # type: ignore[call-arg]
            panel.set_title(name, loc="left", fontsize=8.5, color=INK, pad=3)
            if number + _COLUMNS < len(chosen):
                panel.set_xlabel("")
            if column == 0:
                panel.set_ylabel("kW")

    return plot(
        "load-by-site",
        "Load of the sites that use most energy",
        "Each panel has its own scale; the dashed line is the site's grid limit.",
        draw,
        wide=True,
        height_pt=rows * _CELL_PT + (rows - 1) * _GAP_PT + 8,
        left_pt=46,
        legend_rows=0,
    )


def occupied(
    seconds: F64, evses: F64, total: float, clock: Clock, interval_s: float
) -> Plot | Absent:
    """EVSEs in use over time, against all there are."""

    def draw(figure: Figure, axes: Axes) -> None:
        if len(seconds) == 0 or not np.nansum(evses) > 0:
            raise NothingToDrawError("no EVSE was ever occupied")
        area(axes, seconds, evses, interval_s, BLUE)
        if total > 0 and total < 4 * np.nanmax(evses):
            axes.set_ylim(0, max(axes.get_ylim()[1], total * 1.06))
            mark_level(axes, total, f"{words.count(total)} EVSEs")
        clock.label(axes, float(seconds[0]), float(seconds[-1]) + interval_s)
        counts_axis(axes)
        axes.set_ylabel("EVSEs occupied")

    return plot(
        "utilisation",
        "EVSEs occupied",
        "Mean number of EVSEs with a vehicle plugged in, charging or not.",
        draw,
        legend_rows=0,
    )


def bars(
    name: str,
    title: str,
    caption: str,
    rows: Sequence[tuple[str, float]],
    label: str,
    *,
    colour: str = BLUE,
    percent: bool = False,
) -> Plot | Absent:
    """Horizontal bars, the largest on top, each with its value at its end. At most 12."""
    ranked = sorted((r for r in rows if np.isfinite(r[1])), key=lambda r: (-r[1], r[0]))[:12]

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        if not ranked or ranked[0][1] <= 0:
            raise NothingToDrawError("there is nothing to count")
        values = [value for _, value in ranked]
        axes.barh(range(len(ranked)), values, height=0.62, color=colour, alpha=0.85)
        for row, value in enumerate(values):
            text = words.share(value, 2) if percent else words.figure(value)
            axes.annotate(
                text,
                (value, row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=MUTED,
            )
        axes.set_ylim(len(ranked) - 0.4, -0.6)
        axes.set_yticks(range(len(ranked)), [name for name, _ in ranked])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_xlim(0, values[0] * 1.16)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", visible=True)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda x, _: words.share(x, 2) if percent else words.tick(x))
        )
        axes.set_xlabel(label)

    longest = max((len(name) for name, _ in ranked), default=8)
    return plot(
        name,
        title,
        caption,
        draw,
        height_pt=max(60.0, 19.0 * len(ranked)),
        left_pt=min(150.0, 16 + 5.2 * longest),
        right_pt=16,
        legend_rows=0,
    )
