"""Data against a fitted profile: the week, the days, distributions, stays by hour of arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.report import words
from simulator.report.canvas import (
    BLUE,
    ORANGE,
    SLATE,
    NothingToDrawError,
    legend_above,
    plot,
)
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import F64, Clock, counts_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_POINTS = 400


def week(
    name: str,
    title: str,
    caption: str,
    label: str,
    data: F64,
    model: F64,
    low: F64,
    high: F64,
) -> Plot | Absent:
    """A mean per hour of the week (168,), Monday 00 h first: data, model and the model's range."""

    def draw(figure: Figure, axes: Axes) -> None:
        if not data.any():
            raise NothingToDrawError("there are no visits")
        edges = np.arange(169.0)
        axes.stairs(high, edges, baseline=low, fill=True, color=ORANGE, alpha=0.3, label="95 %")
        axes.stairs(model, edges, baseline=None, color=ORANGE, linewidth=1.2, label="model")
        axes.stairs(data, edges, baseline=None, color=BLUE, linewidth=1.3, label="data")
        axes.set_xlim(0, 168)
        _week_axis(axes)
        counts_axis(axes)
        axes.set_ylabel(label)
        lines = (("data", BLUE), ("model, mean", ORANGE))
        legend_above(axes, _handles(*lines, band="95 % of replays"))

    return plot(name, title, caption, draw, wide=True, height_pt=190)


def _week_axis(axes: Axes) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator

    axes.xaxis.set_major_locator(FixedLocator([24.0 * day for day in range(8)]))
    axes.xaxis.set_major_formatter(FixedFormatter([""] * 8))
    axes.xaxis.set_minor_locator(FixedLocator([24.0 * day + 12.0 for day in range(7)]))
    axes.xaxis.set_minor_formatter(FixedFormatter(list(_DAYS)))
    axes.grid(axis="x", visible=True)
    axes.set_xlabel("local time")


def _handles(*lines: tuple[str, str], band: str = "") -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    found: list[Any] = [
        Line2D([], [], color=colour, linewidth=1.5, label=text) for text, colour in lines
    ]
    if band:
        found.append(Patch(color=lines[-1][1], alpha=0.3, label=band))
    return found


def days(
    begin_s: F64, observed: F64, expected: F64, holes: list[tuple[int, int]], clock: Clock
) -> Plot | Absent:
    """Visits per day. ``begin_s`` has one entry more than days; ``holes`` are (first day, days)."""

    def draw(figure: Figure, axes: Axes) -> None:
        if not observed.any():
            raise NothingToDrawError("there are no visits")
        axes.stairs(observed, begin_s, fill=True, color=BLUE, alpha=0.35)
        axes.stairs(expected, begin_s, baseline=None, color=ORANGE, linewidth=1.1)
        for first, length in holes:
            axes.axvspan(
                begin_s[first], begin_s[first + length], color=SLATE, alpha=0.3, linewidth=0
            )
        clock.label(axes, float(begin_s[0]), float(begin_s[-1]))
        counts_axis(axes)
        axes.set_ylabel("visits per day")
        from matplotlib.patches import Patch

        handles = [Patch(color=BLUE, alpha=0.35, label="data"), *_handles(("model", ORANGE))]
        if holes:
            handles.append(Patch(color=SLATE, alpha=0.3, label="hole, no part of the fit"))
        legend_above(axes, handles)

    return plot(
        "fit-days",
        "Visits per day",
        "Data, and what the fitted week expects. Drifts, seasons and holidays are in the data and "
        "not in the model.",
        draw,
        wide=True,
        height_pt=160,
    )


def distribution(
    name: str, title: str, caption: str, label: str, data: F64, model: F64
) -> Plot | Absent:
    """Cumulative shares of data and model over a log axis."""

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        if not len(data) or not len(model):
            raise NothingToDrawError("there are no sessions")
        share = np.linspace(0.0, 1.0, _POINTS + 1)
        axes.plot(np.quantile(model, share), share * 100, color=ORANGE, label="model")
        axes.plot(np.quantile(data, share), share * 100, color=BLUE, label="data")
        axes.set_xscale("log")
        low, high = np.quantile(np.concatenate((data, model)), (0.001, 0.999))
        axes.set_xlim(low, high)
        axes.set_ylim(0, 100)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: words.tick(x)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}{words.NARROW}%"))
        axes.grid(axis="x", visible=True)
        axes.set_xlabel(label)
        axes.set_ylabel("sessions with at most")
        legend_above(axes, _handles(("data", BLUE), ("model", ORANGE)))

    return plot(name, title, caption, draw)


def stays(hour: NDArray[np.integer[Any]], stay_h: F64, mu: F64, sigma: F64) -> Plot | Absent:
    """Stay by hour of arrival: quartiles of the data where there are some, and of the model."""

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        if not len(stay_h):
            raise NothingToDrawError("there are no sessions")
        hours = np.arange(24.0)
        quartile = 0.6745 * sigma
        low, high = np.exp(mu - quartile), np.exp(mu + quartile)
        axes.fill_between(hours, low, high, color=ORANGE, alpha=0.3, linewidth=0)
        axes.plot(hours, np.exp(mu), color=ORANGE)
        for at in range(24):
            values = stay_h[hour == at]
            if len(values) >= 5:
                a, b, c = np.quantile(values, (0.25, 0.5, 0.75))
                axes.plot([at, at], [a, c], color=BLUE, linewidth=1.6, solid_capstyle="butt")
                axes.plot([at], [b], color=BLUE, marker="o", markersize=3.5)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.tick(y)))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(-0.6, 23.6)
        axes.set_xticks(range(0, 24, 3), [f"{h:02}" for h in range(0, 24, 3)])
        axes.set_xlabel("local hour of arrival")
        axes.set_ylabel("hours plugged in")
        legend_above(axes, _handles(("data", BLUE), ("model, median", ORANGE), band="middle half"))

    return plot(
        "fit-stay-by-hour",
        "Stay by hour of arrival",
        "Median and middle half of the data (hours with five sessions or more), and of the model.",
        draw,
        wide=True,
        height_pt=190,
    )


__all__ = ["days", "distribution", "stays", "week"]
