"""OCPP messages: rates over time by type, predicted and measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from simulator.report.canvas import (
    BLUE,
    INK,
    SERIES,
    SLATE,
    NothingToDrawError,
    legend_above,
    plot,
)
from simulator.report.page import Absent, Plot
from simulator.report.plots.axes import F64, Clock, counts_axis, stack, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3
_CELL_PT = 92.0
_GAP_PT = 44.0


def by_type_over_time(
    seconds: F64,
    rates: Mapping[str, F64],
    clock: Clock,
    unit_s: float,
    *,
    per_minute: bool = False,
) -> Plot | Absent:
    """Stacked rates, the busiest type at the bottom. ``rates`` are messages per second."""
    scale = 60.0 if per_minute else 1.0
    order = sorted(rates, key=lambda a: (-float(np.nansum(rates[a])), a))
    order = [a for a in order if np.nansum(rates[a]) > 0]
    shown, rest = order[:7], order[7:]

    def draw(figure: Figure, axes: Axes) -> None:
        if not order or len(seconds) == 0:
            raise NothingToDrawError("no message is predicted")
        layers = [(action, rates[action] * scale) for action in shown]
        if rest:
            others: F64 = np.sum([scale * rates[a] for a in rest], axis=0, dtype=np.float64)
            layers.append((f"{len(rest)} others", others))
        colours = [SLATE if rest and n == len(shown) else SERIES[n] for n in range(len(layers))]
        stack(axes, seconds, unit_s, layers, colours)
        clock.label(axes, float(seconds[0]), float(seconds[-1]) + unit_s)
        counts_axis(axes)
        axes.set_ylabel(f"messages per {'minute' if per_minute else 'second'}")
        legend_above(axes, reverse=True)

    return plot(
        "message-rates",
        "Messages the network sends",
        f"Stacked by type; each step is the mean over {_unit(unit_s)}.",
        draw,
        wide=True,
    )


def _unit(seconds: float) -> str:
    from simulator.report import words

    return "one second" if seconds == 1 else words.duration(seconds)


def predicted_and_measured(
    seconds: F64,
    predicted: Mapping[str, F64],
    measured: Mapping[str, F64],
    unit_s: float,
) -> Plot | Absent:
    """Small multiples: one panel per type, prediction as an area, measurement as a line.

    Rates in messages per second, averaged over steps of ``unit_s``.
    """
    total = {
        a: float(np.nansum(predicted.get(a, 0.0)) + np.nansum(measured.get(a, 0.0)))
        for a in {*predicted, *measured}
    }
    names = sorted((a for a in total if total[a] > 0), key=lambda a: (-total[a], a))[:12]
    rows = max(1, -(-len(names) // _COLUMNS))

    def draw(figure: Figure, axes: Axes) -> None:
        if not names or len(seconds) == 0:
            raise NothingToDrawError("no message was predicted or sent")
        box = axes.get_position()
        axes.remove()
        height_in = figure.get_figheight() * 72
        width = (box.width - 2 * 0.055) / _COLUMNS
        edges = np.append(seconds, seconds[-1] + unit_s)
        for number, name in enumerate(names):
            row, column = divmod(number, _COLUMNS)
            bottom = box.y0 + ((rows - 1 - row) * (_CELL_PT + _GAP_PT)) / height_in
            panel = figure.add_axes(
                (box.x0 + column * (width + 0.055), bottom, width, _CELL_PT / height_in)
            )
            _panel(panel, name, edges, predicted.get(name), measured.get(name))
            if row < rows - 1 and number + _COLUMNS < len(names):
                panel.set_xlabel("")
            if column == 0:
                panel.set_ylabel("per second")
            if number == 0:
                _legend(figure, height_in)

    return plot(
        "messages-predicted-measured",
        "Rates predicted from the plan and measured on the wire",
        "The plan says beforehand which messages will be sent and when. A line that leaves its "
        "area shows where the target, or a storm, changed what the stations did. Steps of "
        f"{_unit(unit_s)}.",
        draw,
        wide=True,
        height_pt=rows * _CELL_PT + (rows - 1) * _GAP_PT + 6,
        left_pt=46,
    )


def _legend(figure: Figure, height_pt: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(color=SLATE, alpha=0.38, label="predicted"),
        Line2D([], [], color=BLUE, linewidth=1.5, label="measured"),
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.01, 1 - 24 / height_pt),
        ncols=2,
        borderaxespad=0.2,
        handlelength=1.3,
        columnspacing=1.4,
    )


def _panel(panel: Axes, name: str, edges: F64, predicted: F64 | None, measured: F64 | None) -> None:
    if predicted is not None:
        panel.stairs(np.nan_to_num(predicted), edges, fill=True, color=SLATE, alpha=0.38)
    if measured is not None:
        middle = (edges[:-1] + edges[1:]) / 2
        panel.plot(*thinned(middle, np.nan_to_num(measured), 400), color=BLUE, linewidth=1.2)
    Clock().label(panel, float(edges[0]), float(edges[-1]))
    counts_axis(panel)
    panel.yaxis.get_major_locator().set_params(nbins=3)  # type: ignore[call-arg]
    panel.set_title(name, loc="left", fontsize=8.5, color=INK, pad=3)


def rate_asked_and_achieved(
    seconds: F64, asked: F64, achieved: F64, unit_s: float
) -> Plot | Absent:
    """All calls per second: due by the plan, and answered."""

    def draw(figure: Figure, axes: Axes) -> None:
        if len(seconds) == 0 or (np.nansum(asked) <= 0 and np.nansum(achieved) <= 0):
            raise NothingToDrawError("no call was due")
        edges = np.append(seconds, seconds[-1] + unit_s)
        axes.stairs(np.nan_to_num(asked), edges, fill=True, color=SLATE, alpha=0.38, label="due")
        middle = (edges[:-1] + edges[1:]) / 2
        axes.plot(*thinned(middle, np.nan_to_num(achieved)), color=BLUE, label="answered")
        Clock().label(axes, float(edges[0]), float(edges[-1]))
        counts_axis(axes)
        axes.set_ylabel("calls per second")
        legend_above(axes)

    return plot(
        "call-rate",
        "Calls due and calls answered",
        "Due by the plan in each second, and answered in that second. An answered line that runs "
        "below the area and catches up later is a backlog.",
        draw,
        wide=True,
        height_pt=170,
    )
