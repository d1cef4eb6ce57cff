"""The fleet coming up: connections and boots over the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.report import words
from simulator.report.canvas import (
    BLUE,
    GREEN,
    RED,
    NothingToDrawError,
    legend_above,
    plot,
)
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import F64, Clock, counts_axis, mark_level, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def connected(seconds: F64, held: F64, accepted: F64, asked: int) -> Plot | Absent:
    """Stations connected, and stations ever booted, at the end of each second."""

    def draw(figure: Figure, axes: Axes) -> None:
        if len(seconds) == 0 or np.nanmax(held) <= 0:
            raise NothingToDrawError("no station connected")
        at = seconds + 1
        axes.plot(*_from_zero(seconds[0], at, held), color=BLUE, label="connected")
        axes.plot(
            *_from_zero(seconds[0], at, accepted),
            color=GREEN,
            label="booted",
            linestyle=(0, (5, 2)),
        )
        if asked > 0:
            axes.set_ylim(0, max(asked, axes.get_ylim()[1]) * 1.04)
            mark_level(axes, asked, f"{words.count(asked)} asked")
        Clock().label(axes, float(seconds[0]), float(at[-1]))
        counts_axis(axes, whole=True)
        axes.set_ylabel("stations")
        legend_above(axes)

    return plot(
        "fleet",
        "Stations connected and booted",
        "Connections open at the end of each second, and stations whose boot was ever accepted.",
        draw,
    )


def _from_zero(start: float, x: F64, y: F64) -> tuple[F64, F64]:
    return thinned(np.concatenate(([start], x)), np.concatenate(([0.0], np.nan_to_num(y))))


def connection_rate(seconds: F64, held: F64, accepted: F64) -> Plot | Absent:
    """Change of the number of connections, and boots accepted, per second."""

    def draw(figure: Figure, axes: Axes) -> None:
        if len(seconds) == 0 or np.nanmax(held) <= 0:
            raise NothingToDrawError("no station connected")
        edges = np.append(seconds, seconds[-1] + 1)
        change = np.diff(np.nan_to_num(held), prepend=0.0)
        boots = np.diff(np.nan_to_num(accepted), prepend=0.0)
        opened, closed = np.maximum(change, 0), np.maximum(-change, 0)
        axes.stairs(opened, edges, fill=True, color=BLUE, alpha=0.4, label="connections gained")
        axes.stairs(boots, edges, color=GREEN, linewidth=1.3, label="boots accepted")
        if closed.any():
            axes.stairs(closed, edges, color=RED, linewidth=1.3, label="connections closed")
        Clock().label(axes, float(edges[0]), float(edges[-1]))
        counts_axis(axes)
        axes.set_ylabel("per second")
        legend_above(axes)

    return plot(
        "connection-rate",
        "Connections gained and boots accepted",
        "In each second. At the end of the run every connection is closed. One lost and regained "
        "within the same second does not show.",
        draw,
    )
