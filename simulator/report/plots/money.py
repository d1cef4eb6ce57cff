"""What meets behind the meter: vehicles, building, photovoltaics and battery over the mean day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.report import words
from simulator.report.canvas import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    RED,
    SLATE,
    NothingToDrawError,
    legend_above,
    plot,
)
from simulator.report.page import Absent, Plot
from simulator.report.patterns import DayCurve
from simulator.report.plots.axes import F64, mark_level

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    "building": SLATE,
    "battery charging": GREEN,
    "vehicles": BLUE,
    "photovoltaics": ORANGE,
    "battery discharging": GREEN,
}
"""The parts that are drawn, by name."""


def net_load(
    used: Sequence[tuple[str, DayCurve]],
    given: Sequence[tuple[str, DayCurve]],
    net: DayCurve,
    billed_kw: float,
    meters: int,
) -> Plot | Absent:
    """The mean local day: what is used stacked above zero, what is given below, and the sum.

    ``billed_kw`` is the billed net peak, of several ``meters`` the sum; the parts are in kW.
    """

    def draw(figure: Figure, axes: Axes) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        hour = np.append(net.hour, 24.0)
        handles: list[Any] = []
        for layers, sign in ((used, 1.0), (given, -1.0)):
            reached = np.zeros(len(net.hour))
            for name, curve in layers:
                top = reached + sign * np.nan_to_num(curve.mean)
                axes.fill_between(
                    hour, _closed(reached), _closed(top), step="post", linewidth=0,
                    color=COLOURS[name], alpha=0.5 if name == "battery discharging" else 0.8,
                )  # fmt: skip
                alpha = 0.5 if name == "battery discharging" else 0.8
                handles.append(Patch(color=COLOURS[name], alpha=alpha, label=name))
                reached = top
        if not handles:
            raise NothingToDrawError("nothing was used or given behind the meter")
        axes.plot(hour, _closed(net.mean), color=INK, drawstyle="steps-post", linewidth=1.4)
        handles.append(Line2D([], [], color=INK, linewidth=1.4, label="net load"))
        axes.axhline(0.0, color=MUTED, linewidth=0.8, zorder=3)
        low, high = axes.get_ylim()
        axes.set_ylim(low, max(high, billed_kw * 1.1))
        what = "billed net peak" if meters == 1 else f"billed net peaks of {meters} meters"
        mark_level(axes, billed_kw, f"{what} {words.power(billed_kw)}", RED)
        _axes(axes)
        legend_above(axes, handles)

    days = f"{words.plural(net.days, 'local day')}"
    return plot(
        "net-load",
        "Net load on the mean day",
        f"Mean over {days}. Above zero what is used, below zero what photovoltaics and battery "
        "give. The line is their sum, what the meter sees; below zero it goes to the grid. The "
        "dashed line is the highest billed mean of the whole run.",
        draw,
        wide=True,
        height_pt=230,
    )


def _closed(values: F64) -> F64:
    """The last value once more, for the end of the day."""
    return np.append(values, values[-1])


def _axes(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlim(0, 24)
    axes.set_xticks(range(0, 25, 3), [f"{hour:02}:00" for hour in range(0, 25, 3)])
    axes.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.tick(y)))
    axes.set_xlabel("local time")
    axes.set_ylabel("power, kW")
