"""Axes that read well: local time, seconds of a run, latency on a log scale, counts.

Called by the figures of this package; knows matplotlib's axes and nothing about runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.report import words
from simulator.report.canvas import MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

F64 = NDArray[np.float64]

_STEPS_H = (1, 2, 3, 4, 6, 12, 24, 48, 168, 336, 672, 2184, 8736)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Clock:
    """How a time axis is labelled: by local time from ``start``, or by seconds since the start."""

    start: datetime | None = None
    zone: tzinfo | None = None

    def label(self, axes: Axes, low_s: float, high_s: float) -> None:
        """Set the limits, ticks and label of the x axis for plan or run seconds."""
        high_s = max(high_s, low_s + 1e-9)
        axes.set_xlim(low_s, high_s)
        if self.start is None or high_s - low_s < 3 * 3600:
            _elapsed(axes, low_s, high_s)
        else:
            _local(axes, self.start.astimezone(self.zone or self.start.tzinfo), low_s, high_s)

    def moment(self, at_s: float) -> str:
        """Local weekday, date and time of a moment of the run; without a start, how far it is."""
        if self.start is None:
            return f"after {words.duration(at_s)}"
        local = (self.start.astimezone(UTC) + timedelta(seconds=at_s)).astimezone(
            self.zone or self.start.tzinfo
        )
        day = f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}"
        return f"{day} {local:%H:%M}"


def _elapsed(axes: Axes, low_s: float, high_s: float) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    span = high_s - low_s
    steps = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 86_400)
    fits = [s for s in steps if span / s <= 9]
    step = fits[0] if fits else span / 8
    axes.xaxis.set_major_locator(MultipleLocator(step))
    minutes = step >= 60
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: words.tick(x / 60 if minutes else x)))
    axes.set_xlabel("minutes since the start" if minutes else "seconds since the start")


def _local(axes: Axes, start: datetime, low_s: float, high_s: float) -> None:
    """Ticks at whole local hours or at local midnights, true to daylight saving."""
    from matplotlib.ticker import FixedFormatter, FixedLocator

    zone = start.tzinfo
    begin = start.astimezone(UTC)
    wanted = 9 if axes.bbox.width > 400 else 6 if axes.bbox.width > 230 else 4
    step = next((s for s in _STEPS_H if (high_s - low_s) / 3600 / s <= wanted), _STEPS_H[-1])
    local = (begin + timedelta(seconds=low_s)).astimezone(zone).replace(tzinfo=None)
    tick = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if step > 24 and step % 168 == 0:
        tick -= timedelta(days=tick.weekday())
    positions: list[float] = []
    labels: list[str] = []
    while len(positions) < 64:
        moment = tick.replace(tzinfo=zone).astimezone(UTC)
        at = (moment - begin).total_seconds()
        if at > high_s + 1:
            break
        exists = moment.astimezone(zone).replace(tzinfo=None) == tick
        if at >= low_s - 1 and exists:
            positions.append(at)
            # A name at the very end would run out of the figure.
            labels.append(_label(tick, step) if at < high_s - 0.02 * (high_s - low_s) else "")
        tick += timedelta(hours=step)
    axes.xaxis.set_major_locator(FixedLocator(positions))
    axes.xaxis.set_major_formatter(FixedFormatter(labels))
    axes.set_xlabel(f"local time, {zone}")


def _label(tick: datetime, step_h: int) -> str:
    day = f"{_WEEKDAYS[tick.weekday()]} {tick.day} {_MONTHS[tick.month - 1]}"
    if step_h >= 24:
        return day
    return day if tick.hour == 0 else f"{tick:%H:%M}"


def latency_axis(axis: Any, low_ms: float, high_ms: float) -> None:
    """A log axis in milliseconds whose ticks carry their unit."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    low_ms, high_ms = max(low_ms, 1e-3), max(high_ms, low_ms * 1.2, 1e-3)
    low, high = np.log10(low_ms) - 0.08, np.log10(high_ms) + 0.08
    decades = [10.0**k for k in range(int(np.floor(low)), int(np.ceil(high)) + 1)]
    factors = (1, 2, 5) if high - low < 2.2 else (1,) if high - low > 4 else (1, 3)
    ticks = [d * f for d in decades for f in factors if low <= np.log10(d * f) <= high]
    axis.axes.set_yscale("log") if axis.axis_name == "y" else axis.axes.set_xscale("log")
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda ms, _: _short_latency(ms)))
    bounds = (10**low, 10**high)
    axis.axes.set_ylim(bounds) if axis.axis_name == "y" else axis.axes.set_xlim(bounds)


def _short_latency(ms: float) -> str:
    if ms >= 999.9:
        return f"{ms / 1000:g} s"
    return f"{ms:g} ms" if ms >= 0.999 else f"{ms * 1000:g} µs"


def counts_axis(axes: Axes, *, whole: bool = False, room: float = 1.06) -> None:
    """A y axis from zero with grouped thousands and a little room above the data."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    top = axes.get_ylim()[1]
    axes.set_ylim(0, max(top * room, 1.0 if whole else 1e-12))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=whole, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.tick(y)))


def thinned(x: F64, y: F64, limit: int = 1200) -> tuple[F64, F64]:
    """At most ``limit`` points of a long line; each bin keeps its smallest and largest value."""
    if len(x) <= limit:
        return x, y
    edges = np.linspace(0, len(x), limit // 2 + 1).astype(int)
    keep = np.zeros(len(x), dtype=bool)
    keep[[0, -1]] = True
    safe = np.where(np.isfinite(y), y, -np.inf)
    for begin, end in pairwise(edges.tolist()):
        if end > begin:
            keep[begin + int(np.argmax(safe[begin:end]))] = True
            keep[begin + int(np.argmin(y[begin:end]))] = True
    return x[keep], y[keep]


def stack(
    axes: Axes,
    seconds: F64,
    step_s: float,
    layers: Sequence[tuple[str, F64]],
    colours: Sequence[str],
) -> None:
    """Stacked areas, the first layer at the bottom.

    Each area reaches down to zero and hides behind those below it: half the points of bands.
    """
    tops = np.cumsum([np.nan_to_num(values) for _, values in layers], axis=0)
    edges = np.append(seconds, seconds[-1] + step_s)
    few = len(seconds) <= 200
    for number in range(len(layers) - 1, -1, -1):
        label, colour, order = layers[number][0], colours[number], 2 - 0.01 * number
        if few:
            axes.stairs(tops[number], edges, fill=True, color=colour, label=label, zorder=order)
        else:
            x, y = thinned(seconds + step_s / 2, tops[number], 900)
            axes.fill(*_closed(x, y), color=colour, label=label, zorder=order, linewidth=0)


def area(
    axes: Axes, seconds: F64, values: F64, step_s: float, colour: str, points: int = 900
) -> None:
    """A tinted area under a line: steps where there is room for them, else a thinned line."""
    values = np.nan_to_num(values)
    if len(seconds) <= points // 5:
        edges = np.append(seconds, seconds[-1] + step_s)
        axes.stairs(values, edges, fill=True, color=colour, alpha=0.28)
        axes.stairs(values, edges, color=colour, linewidth=1.2)
        return
    x, y = thinned(seconds + step_s / 2, values, points)
    axes.fill(*_closed(x, y), color=colour, alpha=0.28, linewidth=0)
    axes.plot(x, y, color=colour, linewidth=1.0)


def _closed(x: F64, y: F64) -> tuple[F64, F64]:
    """The outline of the area between a line and zero."""
    return np.concatenate((x[:1], x, x[-1:])), np.concatenate(([0.0], y, [0.0]))


def mark_level(axes: Axes, y: float, text: str, colour: str = MUTED) -> None:
    """A dashed horizontal line with its name at the right end, above the line."""
    axes.axhline(y, color=colour, linewidth=1.0, linestyle=(0, (4, 3)), zorder=4)
    axes.annotate(
        text,
        (1.0, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-2, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
        color=colour,
    )
