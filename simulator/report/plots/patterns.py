"""Load duration, the week as a heat map, mean days, waiting, utilisation of many sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.report import words
from simulator.report.canvas import (
    BLUE,
    GRID,
    INK,
    MUTED,
    ORANGE,
    RED,
    SERIES,
    NothingToDrawError,
    legend_above,
    plot,
)
from simulator.report.page import Absent, Plot
from simulator.report.patterns import DayCurve, Duration, Tail
from simulator.report.plots.axes import F64, counts_axis, mark_level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHADES = 5


def _scale(top_kw: float) -> tuple[float, str]:
    return (1000.0, "MW") if top_kw >= 10_000 else (1.0, "kW")


def load_duration(
    curves: Sequence[tuple[str, Duration]], *, limit_kw: float = np.nan, what: str = "the network"
) -> Plot | Absent:
    """Load duration curves by name; one is annotated, several get a legend."""

    def draw(figure: Figure, axes: Axes) -> None:
        known = [(name, curve) for name, curve in curves if len(curve.kw) and curve.peak_kw > 0]
        if not known:
            raise NothingToDrawError("no energy was delivered")
        top = max(curve.peak_kw for _, curve in known)
        factor, unit = _scale(top)
        for number, (name, curve) in enumerate(known):
            colour = SERIES[number % len(SERIES)]
            axes.plot(curve.share * 100, curve.kw / factor, color=colour, label=name)
        axes.set_xlim(0, 100)
        if np.isfinite(limit_kw) and limit_kw < 2.5 * top:
            axes.set_ylim(0, max(axes.get_ylim()[1], limit_kw / factor * 1.06))
            mark_level(axes, limit_kw / factor, f"grid limits {words.power(limit_kw)}", RED)
        counts_axis(axes)
        if len(known) == 1:
            curve = known[0][1]
            axes.fill_between(
                curve.share * 100, curve.kw / factor, color=BLUE, alpha=0.18, linewidth=0
            )
            mark_level(axes, curve.mean_kw / factor, f"mean {words.power(curve.mean_kw)}")
        _percent(axes.xaxis)
        axes.set_xlabel("share of the time")
        axes.set_ylabel(f"power at least, {unit}")
        legend_above(axes)

    caption = f"How long {what} draws at least how much: interval means, sorted."
    if len(curves) == 1 and len(curves[0][1].kw):
        curve = curves[0][1]
        near = curve.share_above(0.9 * curve.peak_kw) * curve.hours
        caption += (
            f" Mean over peak {words.share(curve.mean_kw / curve.peak_kw, 2)}; within 10 % of the "
            f"peak during {words.duration(near * 3600)} of {words.duration(curve.hours * 3600)}."
            if curve.peak_kw > 0
            else ""
        )
    return plot("load-duration", "Load duration curve", caption, draw, wide=True, height_pt=200)


def _percent(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{words.tick(v)}{words.NARROW}%"))


def heat_map(
    means: F64,
    *,
    name: str = "load-week",
    title: str = "Mean load by weekday and hour",
    caption: str = "Mean power of the network in each local hour of the week.",
    unit: str = "kW",
    zone: str = "",
) -> Plot | Absent:
    """A week as 7 x 24 cells (Monday first); nan cells are empty."""

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        if not np.isfinite(means).any() or not np.nanmax(means) > 0:
            raise NothingToDrawError("no energy was delivered")
        top = float(np.nanmax(means))
        factor, shown = _scale(top) if unit == "kW" else (1.0, unit)
        for day in range(7):
            for hour in range(24):
                value = means[day, hour]
                if np.isfinite(value):
                    alpha = 0.04 + 0.96 * max(float(value), 0.0) / top
                    cell = Rectangle((hour + 0.03, day + 0.04), 0.94, 0.92, color=BLUE, alpha=alpha)
                else:
                    cell = Rectangle(
                        (hour + 0.03, day + 0.04), 0.94, 0.92, fill=False, edgecolor=GRID, lw=0.6
                    )
                axes.add_patch(cell)
        axes.set_xlim(0, 24)
        axes.set_ylim(7, 0)
        axes.set_yticks(np.arange(7) + 0.5, _DAYS)
        axes.set_xticks(range(0, 25, 3), [f"{hour:02}:00" for hour in range(0, 25, 3)])
        axes.grid(visible=False)
        axes.set_xlabel(f"local time, {zone}" if zone else "local time")
        peak = int(np.nanargmax(means))
        _shades(axes, top / factor, shown)
        when = f"{_DAYS[peak // 24]} {peak % 24:02}:00"
        axes.annotate(
            f"largest: {when}, {words.with_unit(top / factor, shown)}",
            (1.0, 1.0),
            xycoords="axes fraction",
            xytext=(0, 6),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=8.5,
            color=INK,
        )

    return plot(name, title, caption, draw, wide=True, height_pt=168)


def _shades(axes: Axes, top: float, unit: str) -> None:
    """The legend of the shades, above the cells."""
    from matplotlib.patches import Patch

    handles = []
    for step in range(_SHADES):
        share = step / (_SHADES - 1)
        text = words.tick(float(f"{top * share:.2g}"))
        if step == _SHADES - 1:
            text = words.with_unit(top, unit)
        handles.append(Patch(color=BLUE, alpha=0.04 + 0.96 * share, label=text))
    legend_above(axes, handles)


def day_curves(curves: Sequence[tuple[str, DayCurve]], *, what: str = "") -> Plot | Absent:
    """Mean local days side by side, such as before and after a strategy, with the band of days."""

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        known = [(name, curve) for name, curve in curves if np.nansum(curve.mean) > 0]
        if not known:
            raise NothingToDrawError("no energy was delivered")
        factor, unit = _scale(max(float(np.nanmax(curve.high)) for _, curve in known))
        handles: list[Any] = []
        colours = (BLUE, ORANGE, *SERIES[2:])
        for number, (name, curve) in enumerate(known):
            colour = colours[number % len(colours)]
            hour = np.append(curve.hour, 24.0)
            if curve.days > 1:
                low, high = (np.append(v, v[-1]) / factor for v in (curve.low, curve.high))
                axes.fill_between(
                    hour, low, high, color=colour, alpha=0.22, linewidth=0, step="post"
                )
            mean = np.append(curve.mean, curve.mean[-1]) / factor
            axes.plot(hour, mean, color=colour, drawstyle="steps-post")
            handles.append(Line2D([], [], color=colour, linewidth=1.5, label=name))
        if any(curve.days > 1 for _, curve in known):
            handles.append(Patch(color=MUTED, alpha=0.3, label="four of five days"))
        axes.set_xlim(0, 24)
        axes.set_xticks(range(0, 25, 3), [f"{hour:02}:00" for hour in range(0, 25, 3)])
        counts_axis(axes)
        axes.set_xlabel("local time")
        axes.set_ylabel(f"power, {unit}")
        legend_above(axes, handles)

    peaks = ", ".join(
        f"{name} {words.power(np.nanmax(curve.mean))}"
        for name, curve in curves
        if np.isfinite(curve.mean).any()
    )
    caption = f"Mean over the days{what}; the band holds four of five days. Peak of the mean day: "
    return plot("days", "The mean day", f"{caption}{peaks}.", draw, wide=True, height_pt=200)


def waiting(tail: Tail, *, gave_up: bool = False) -> Plot | Absent:
    """The share of visits that waits longer than so many minutes.

    ``gave_up``: the waits of visits that left without an EVSE are among them.
    """

    def draw(figure: Figure, axes: Axes) -> None:
        if tail.visits == 0:
            raise NothingToDrawError("there are no visits")
        if not tail.waited > 0:
            raise NothingToDrawError("nobody ever had to wait")
        minutes, share = tail.seconds / 60.0, tail.share * 100.0
        axes.step(minutes, share, where="post", color=ORANGE)
        axes.fill_between(minutes, share, step="post", color=ORANGE, alpha=0.2, linewidth=0)
        shown = minutes[np.searchsorted(-share, -0.005 * share[0], side="right") - 1]
        axes.set_xlim(0, max(float(shown), 1e-3))
        counts_axis(axes)
        _percent(axes.yaxis)
        axes.set_xlabel(f"minutes until plug-in{' or giving up' if gave_up else ''}")
        axes.set_ylabel("visits that wait longer")
        axes.annotate(
            f"{words.share(tail.waited, 2)} wait at all",
            (1.0, 1.0),
            xycoords="axes fraction",
            xytext=(-4, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8.5,
            color=INK,
        )

    marks = [
        f"{words.share(tail.longer_than(60.0 * m), 2)} longer than {m} min" for m in (5, 15, 30)
    ]
    who = "that got an EVSE or gave up" if gave_up else "that got an EVSE"
    caption = f"Of {words.plural(tail.visits, 'visit')} {who}: {', '.join(marks)}."
    title = "Share of visits that wait longer"
    return plot("waiting-tail", title, caption, draw, wide=True, height_pt=170, legend_rows=0)


def waiting_side_by_side(tails: Sequence[tuple[str, Tail]]) -> Plot | Absent:
    """The same of several runs by name, in lines."""

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        known = [(name, tail) for name, tail in tails if tail.visits and tail.waited > 0]
        if not known:
            raise NothingToDrawError("nobody ever had to wait")
        for number, (name, tail) in enumerate(known):
            colour = SERIES[number % len(SERIES)]
            minutes, share = tail.seconds / 60.0, tail.share * 100.0
            axes.step(minutes, share, where="post", color=colour, label=name)
        most = max(tail.waited for _, tail in known)
        axes.set_xlim(0, max(_shown_min(tail, most) for _, tail in known))
        axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
        counts_axis(axes)
        _percent(axes.yaxis)
        axes.set_xlabel("minutes until plug-in")
        axes.set_ylabel("visits that wait longer")
        legend_above(axes)

    waited = ", ".join(
        f"{name} {words.share(tail.waited, 2)}" for name, tail in tails if tail.visits
    )
    caption = f"Of the visits that got an EVSE. Who waits at all: {waited}."
    title = "Share of visits that wait longer"
    return plot("waiting-tails", title, caption, draw, wide=True, height_pt=190)


def _shown_min(tail: Tail, most: float) -> float:
    """Where a tail has fallen to half a percent of ``most``, in minutes."""
    at = max(int(np.searchsorted(-tail.share, -0.005 * most, side="right")) - 1, 0)
    return max(float(tail.seconds[at]) / 60.0, 1e-3)


def ranked_utilisation(shares: F64) -> Plot | Absent:
    """Share of EVSE time occupied, of all sites from the busiest to the quietest."""

    def draw(figure: Figure, axes: Axes) -> None:
        ranked = np.sort(shares[np.isfinite(shares)])[::-1] * 100.0
        if not len(ranked) or not ranked[0] > 0:
            raise NothingToDrawError("no EVSE was ever occupied")
        axes.stairs(ranked, np.arange(len(ranked) + 1.0), fill=True, color=BLUE, alpha=0.28)
        axes.stairs(ranked, np.arange(len(ranked) + 1.0), color=BLUE, linewidth=1.2)
        axes.set_xlim(0, len(ranked))
        counts_axis(axes)
        _percent(axes.yaxis)
        median = float(np.median(ranked))
        mark_level(axes, median, f"median {words.share(median / 100, 2)}")
        axes.set_xlabel("sites, the busiest first")
        axes.set_ylabel("share of the time occupied")

    return plot(
        "utilisation-ranked",
        "Utilisation of all sites, ranked",
        "Share of EVSE time with a vehicle plugged in.",
        draw,
        wide=True,
        height_pt=150,
        legend_rows=0,
    )
