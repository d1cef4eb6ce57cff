"""Latency: over time, by message type, and as percentiles up to the many nines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.report.canvas import (
    BLUE,
    GRID,
    INK,
    MUTED,
    ORANGE,
    RED,
    SERIES,
    SLATE,
    NothingToDrawError,
    legend_above,
    plot,
)
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import F64, Clock, latency_axis, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_QUANTILES = {"p50": BLUE, "p95": ORANGE, "p99": RED, "max": SLATE}


@dataclass(frozen=True, slots=True)
class Range:
    """The latency of one message type in ms."""

    name: str
    n: int
    p50: float
    p95: float
    p99: float
    max: float


def over_time(
    name: str,
    title: str,
    caption: str,
    seconds: F64,
    lines: Mapping[str, F64],
    phases: Sequence[tuple[str, float, float]] = (),
    unit_s: float = 1.0,
) -> Plot | Absent:
    """Percentiles of each interval of ``unit_s`` over the run, in ms on a log axis."""

    def draw(figure: Figure, axes: Axes) -> None:
        usable = {
            label: np.where(values > 0, values, np.nan)
            for label, values in lines.items()
            if np.isfinite(values).any() and np.nanmax(values) > 0
        }
        if not usable:
            raise NothingToDrawError("no call was answered")
        for label, values in usable.items():
            x, y = thinned(seconds, values)
            colour = _QUANTILES.get(label, SERIES[4])
            if label == "max":
                axes.plot(x, y, ".", color=colour, markersize=2.2, label=label, alpha=0.8)
            else:
                axes.plot(x, y, color=colour, label=label, linewidth=1.5)
        everything = np.concatenate(list(usable.values()))
        latency_axis(axes.yaxis, float(np.nanmin(everything)), float(np.nanmax(everything)))
        Clock().label(axes, float(seconds[0]), float(seconds[-1]) + unit_s)
        phase_bands(axes, phases)
        axes.set_ylabel("time to the answer (log)")
        legend_above(axes)

    return plot(name, title, caption, draw, wide=True)


def phase_bands(axes: Axes, phases: Sequence[tuple[str, float, float]]) -> None:
    """Name the phases along the top edge; every second one is shaded."""
    low, high = axes.get_xlim()
    for number, (label, begin, end) in enumerate(phases):
        begin, end = max(begin, low), min(end, high)
        if end <= begin:
            continue
        if number % 2 == 0:
            axes.axvspan(begin, end, color=GRID, alpha=0.45, zorder=0, linewidth=0)
        if (end - begin) / (high - low) > 0.05:
            axes.text(
                begin,
                1.0,
                f" {label}",
                transform=axes.get_xaxis_transform(),
                fontsize=7.5,
                color=MUTED,
                va="top",
            )


def by_type(response: Sequence[Range], service: Sequence[Range]) -> Plot | Absent:
    """Per message type a bar from p50 to p99 with p95 and the largest marked."""
    names = [r.name for r in response if r.n] or [r.name for r in service if r.n]
    found = {"response": {r.name: r for r in response}, "service": {r.name: r for r in service}}
    colours = {"response": BLUE, "service": ORANGE}

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.lines import Line2D

        if not names:
            raise NothingToDrawError("no call was answered")
        low, high = np.inf, 0.0
        for row, name in enumerate(names):
            for kind, shift in (("response", -0.17), ("service", 0.17)):
                item = found[kind].get(name)
                if item is None or not item.n:
                    continue
                known = _range_bar(axes, item, row + shift, colours[kind])
                low, high = min([low, *known]), max([high, *known])
        if high <= 0:
            raise NothingToDrawError("no latency is known")
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", visible=True)
        latency_axis(axes.xaxis, low, high)
        axes.set_xlabel("time to the answer (log)")
        handles = [
            Line2D([], [], color=colours[kind], linewidth=5, alpha=0.6, label=kind)
            for kind in ("response", "service")
        ]
        marks = (("p50 to p99, thin to max", "_"), ("p95", "o"), ("max", "|"))
        handles += [
            Line2D([], [], color=MUTED, marker=mark, linestyle="", markersize=6, label=label)
            for label, mark in marks
        ]
        legend_above(axes, handles)

    return plot(
        "latency-by-type",
        "Latency by message type",
        "Response counts from the time the plan wanted the call to leave, service from the time "
        "it was written to the socket. The gap between the two is time spent queueing. With few "
        "calls only the thin line is drawn.",
        draw,
        wide=True,
        height_pt=max(70.0, 33.0 * len(names)),
        left_pt=118,
    )


def _range_bar(axes: Axes, item: Range, y: float, colour: str) -> list[float]:
    """Draw what is known of a range at height ``y``; gives the values that are known."""
    deepest = item.p99 if np.isfinite(item.p99) else item.p95
    for end, width in ((item.max, 1.0), (deepest, 5.0)):
        axes.plot(
            [item.p50, end],
            [y, y],
            color=colour,
            linewidth=width,
            alpha=0.45,
            solid_capstyle="butt",
        )
    axes.plot([item.p95], [y], "o", color=colour, markersize=5)
    axes.plot([item.max], [y], "|", color=colour, markersize=8, markeredgewidth=1.4)
    return [v for v in (item.p50, item.p95, item.p99, item.max) if np.isfinite(v)]


def percentiles(curves: Mapping[str, tuple[F64, F64]]) -> Plot | Absent:
    """Latency against percentile, the x axis counting nines.

    ``curves`` maps a name to (fraction of calls 0..1, latency in ms), both rising.
    """

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

        low, high, deepest = np.inf, 0.0, 2.0
        usable = {n: c for n, c in curves.items() if len(c[0]) > 1 and np.nanmax(c[1]) > 0}
        if not usable:
            raise NothingToDrawError("the run has no latency histogram")
        for number, (name, (fraction, ms)) in enumerate(usable.items()):
            inside = fraction < 1
            x = 1 / (1 - fraction[inside])
            y = np.maximum(ms[inside], 1e-3)
            all_calls = name.startswith("all")
            axes.plot(
                x,
                y,
                color=INK if all_calls else SERIES[number % len(SERIES)],
                label=name,
                linewidth=2.0 if all_calls else 1.3,
                zorder=3 if all_calls else 2,
            )
            low, high = min(low, float(y.min())), max(high, float(y.max()))
            deepest = max(deepest, float(x.max()))
        axes.set_xscale("log")
        stops = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
        ticks = [s for s in stops if 1 / (1 - s) <= deepest * 1.05]
        axes.xaxis.set_major_locator(FixedLocator([1 / (1 - s) for s in ticks]))
        axes.xaxis.set_major_formatter(FixedFormatter([f"{100 * s:.6g} %" for s in ticks]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(1, deepest * 1.05)
        latency_axis(axes.yaxis, low, high)
        axes.set_xlabel("share of calls answered at least this fast")
        axes.set_ylabel("response time (log)")
        legend_above(axes, columns=6)

    return plot(
        "latency-percentiles",
        "How slow the slowest answers are",
        "Each step to the right looks at a tenth as many calls: at 99.9 % one call in a thousand "
        "took longer than the curve shows.",
        draw,
        wide=True,
    )
