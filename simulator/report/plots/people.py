"""The drivers' side: queues, waiting times, energy and stay per session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.report import words
from simulator.report.canvas import BLUE, INK, ORANGE, NothingToDrawError, plot
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import F64, Clock, area, counts_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def queue(seconds: F64, waiting: F64, clock: Clock, interval_s: float) -> Plot | Absent:
    """Vehicles waiting for an EVSE over time, all sites together."""

    def draw(figure: Figure, axes: Axes) -> None:
        if len(seconds) == 0 or not np.nansum(waiting) > 0:
            raise NothingToDrawError("nobody ever had to wait")
        area(axes, seconds, waiting, interval_s, ORANGE)
        clock.label(axes, float(seconds[0]), float(seconds[-1]) + interval_s)
        counts_axis(axes)
        axes.set_ylabel("vehicles waiting")

    return plot(
        "queue",
        "Vehicles waiting for an EVSE",
        "Mean number in the queues of all sites.",
        draw,
        legend_rows=0,
    )


def histogram(
    name: str,
    title: str,
    caption: str,
    values: F64,
    label: str,
    *,
    noun: str = "sessions",
    colour: str = BLUE,
    unit: str = "",
    top_share: float = 0.995,
) -> Plot | Absent:
    """A histogram with its median and mean marked.

    The axis ends at the ``top_share`` quantile; what lies beyond is counted in the last bar.
    """
    values = values[np.isfinite(values)]

    def draw(figure: Figure, axes: Axes) -> None:
        if len(values) == 0 or not values.max() > 0:
            raise NothingToDrawError(f"there are no {noun} to count")
        top = _round_up(float(np.quantile(values, top_share)) or float(values.max()))
        bins = min(40, max(8, int(np.sqrt(len(values)))))
        edges = np.linspace(0.0, top, bins + 1)
        amounts, _ = np.histogram(np.minimum(values, top), edges)
        axes.stairs(amounts, edges, fill=True, color=colour, alpha=0.8)
        axes.set_xlim(0, top)
        counts_axis(axes, whole=True, room=1.14)
        axes.set_ylabel(noun)
        axes.set_xlabel(label)
        median = float(np.median(values))
        axes.axvline(min(median, top), color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        right = median > 0.6 * top
        axes.annotate(
            f"median {words.with_unit(median, unit)}, mean {words.with_unit(values.mean(), unit)}",
            (min(median, top), 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(-4 if right else 4, -2),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top",
            fontsize=8,
            color=INK,
        )

    return plot(name, title, caption, draw, legend_rows=0)


def _round_up(value: float) -> float:
    """The next round number: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value)) if value > 0 else 1.0
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return float(power * next(s for s in steps if s * power >= value * (1 - 1e-12)))
