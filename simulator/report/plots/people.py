"""The drivers' side: queues, waiting times, energy and stay per session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.report import words
from simulator.report.canvas import BLUE, INK, ORANGE, NothingToDrawError, plot
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import F64, Clock, area, counts_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Counted:
    """Values of which only the counts per bin are known: ``low`` < value <= ``high``, rising."""

    low: F64
    high: F64
    count: F64

    def __len__(self) -> int:
        return int(self.count.sum())

    def below(self, edges: F64) -> F64:
        """How many values lie below each edge, evenly spread within their bins."""
        at = np.stack((self.low, self.high), axis=1).ravel()
        total = np.cumsum(self.count)
        reached = np.stack((total - self.count, total), axis=1).ravel()
        return np.interp(edges, at, reached, left=0.0)

    def quantile(self, share: float) -> float:
        """The value that this share lies below."""
        rank = share * float(self.count.sum())
        place = int(np.searchsorted(np.cumsum(self.count), rank))
        into = (rank - float(self.count[:place].sum())) / float(self.count[place])
        return float(self.low[place] + (self.high[place] - self.low[place]) * into)

    def mean(self) -> float:
        """The mean, of the middles of the bins."""
        return float(np.average((self.low + self.high) / 2, weights=self.count))


Values = F64 | Counted


def scaled(values: Values, factor: float) -> Values:
    """The values in another unit."""
    if isinstance(values, Counted):
        return Counted(values.low * factor, values.high * factor, values.count)
    return values * factor


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
    values: Values,
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
    if not isinstance(values, Counted):
        values = values[np.isfinite(values)]

    def draw(figure: Figure, axes: Axes) -> None:
        largest = values.high if isinstance(values, Counted) else values
        if len(values) == 0 or not largest.max() > 0:
            raise NothingToDrawError(f"there are no {noun} to count")
        top = _round_up(_quantile(values, top_share) or float(largest.max()))
        bins = min(40, max(8, int(np.sqrt(len(values)))))
        edges = np.linspace(0.0, top, bins + 1)
        amounts = _amounts(values, edges)
        axes.stairs(amounts, edges, fill=True, color=colour, alpha=0.8)
        axes.set_xlim(0, top)
        counts_axis(axes, whole=True, room=1.14)
        axes.set_ylabel(noun)
        axes.set_xlabel(label)
        median = _quantile(values, 0.5)
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


def _quantile(values: Values, share: float) -> float:
    return (
        values.quantile(share) if isinstance(values, Counted) else float(np.quantile(values, share))
    )


def _amounts(values: Values, edges: F64) -> F64:
    """Values per bar; the last bar holds what lies beyond."""
    if isinstance(values, Counted):
        below = values.below(edges)
        below[-1] = len(values)
        amounts: F64 = np.diff(below)
        return amounts
    return np.histogram(np.minimum(values, edges[-1]), edges)[0].astype(np.float64)


def _round_up(value: float) -> float:
    """The next round number: 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value)) if value > 0 else 1.0
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return float(power * next(s for s in steps if s * power >= value * (1 - 1e-12)))
