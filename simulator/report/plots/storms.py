"""A storm second by second: who is in operation, what the target accepts, what is due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from simulator.report.canvas import BLUE, GREEN, RED, NothingToDrawError, legend_above, plot
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import F64, Clock, counts_axis, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def course(
    number: int, name: str, columns: Mapping[str, F64], back_s: float | None
) -> Plot | Absent:
    """Stations and calls due at the end of each second; accepts, boots and calls in it."""

    def draw(figure: Figure, axes: Axes) -> None:
        seconds = columns["second"]
        if len(seconds) == 0:
            raise NothingToDrawError("the storm was not seen")
        ends = seconds + 1
        edges = np.append(seconds, seconds[-1] + 1)
        axes.stairs(
            columns["accepted"], edges, fill=True, color=BLUE, alpha=0.3, label="accepts per second"
        )
        axes.stairs(columns["booted"], edges, color=BLUE, linewidth=1.0, label="boots per second")
        axes.plot(*thinned(ends, columns["operating"]), color=GREEN, label="stations in operation")
        if "connected" in columns:
            dashed = (0, (3, 2))
            level = thinned(ends, columns["connected"])
            axes.plot(*level, color=GREEN, lw=0.9, linestyle=dashed, label="stations connected")
        axes.plot(*thinned(ends, columns["backlog"]), color=RED, label="calls due")
        if "calls" in columns:
            axes.stairs(
                columns["calls"], edges, color="0.55", linewidth=0.9, label="calls per second"
            )
        if back_s is not None:
            axes.axvline(back_s, color="0.5", linewidth=0.8, linestyle=(0, (2, 3)))
        Clock().label(axes, float(edges[0]), float(edges[-1]))
        counts_axis(axes)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("stations, calls")
        legend_above(axes)

    return plot(
        f"storm-{number}",
        f"{name[:1].upper()}{name[1:]}",
        "Stations hit that are in operation (connected and accepted), or connected alone, and "
        "calls of all stations that are due, at the end of each second; connections and boots "
        "accepted in it, and calls that all stations wrote in it. Dotted: the end of the storm. "
        "A station that a stage switches off counts as it was.",
        draw,
        wide=True,
    )
