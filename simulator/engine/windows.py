"""Limits that change by the clock: windows of local time become rows of the kernel's changes.

A window begins at a local time of each of its days and ends at the next time that clocks show
its end. A local time that a change of the clocks leaves out is taken as if they had not been
changed; one that comes twice is the first. Where windows overlap, the one listed first holds.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.engine.kernel import state
from simulator.engine.limits import node_names
from simulator.scenario.clock import elapsed_s

if TYPE_CHECKING:
    from simulator.scenario.grid_model import LimitWindow, Window
    from simulator.scenario.site_model import Site

Records = NDArray[np.void]
Span = tuple[float, float]


def limit_changes(start: dt.datetime, zone: ZoneInfo, site: Site, duration_s: float) -> Records:
    """The changes of a site's limits from plan time 0 to ``duration_s``, sorted by time.

    ``start`` is plan time 0, aware. A window that has begun before counts from 0. The limit of
    the grid connection has ``what = SITE_LIMIT``, that of a node ``NODE_LIMIT``.
    """
    rows: list[tuple[float, int, int, float]] = []

    def add(windows: Sequence[LimitWindow], what: int, node: int, otherwise: float | None) -> None:
        normal = math.inf if otherwise is None else otherwise
        for time_s, kw in course(start, zone, windows, normal, duration_s):
            rows.append((time_s, what, node, kw))

    add(site.grid_windows, state.SITE_LIMIT, -1, site.grid_limit)
    index = {name: x for x, name in enumerate(node_names(site))}
    for limit in site.limits:
        add(limit.windows, state.NODE_LIMIT, index[limit.name], limit.limit)
    rows.sort(key=lambda row: (row[0], row[1], row[2]))
    return np.array(rows, state.CHANGE)


def course(
    start: dt.datetime,
    zone: ZoneInfo,
    windows: Sequence[LimitWindow],
    otherwise: float,
    duration_s: float,
) -> list[tuple[float, float]]:
    """(time, limit from then on) wherever it changes; nothing if it never differs."""
    spans = [(window.limit, spans_of(start, zone, window, duration_s)) for window in windows]
    edges = {0.0}
    for _, found in spans:
        edges.update(edge for span in found for edge in span if 0.0 < edge < duration_s)
    changes = []
    now = otherwise
    for edge in sorted(edges):
        holds = [kw for kw, found in spans if any(a <= edge < b for a, b in found)]
        limit = holds[0] if holds else otherwise
        if limit != now:
            changes.append((edge, limit))
            now = limit
    return changes


def spans_of(start: dt.datetime, zone: ZoneInfo, window: Window, duration_s: float) -> list[Span]:
    """When a window holds, in plan time; the first may begin before 0, the last end later."""
    opens, closes = (dt.time.fromisoformat(clock) for clock in (window.from_, window.to))
    day = start.astimezone(zone).date() - dt.timedelta(days=1)
    found: list[Span] = []
    while True:
        begin_s = elapsed_s(dt.datetime.combine(day, opens, zone), start)
        if begin_s >= duration_s:
            return found
        until = day if closes > opens else day + dt.timedelta(days=1)
        end_s = elapsed_s(dt.datetime.combine(until, closes, zone), start)
        weekend = day.weekday() >= 5
        if end_s > 0.0 and window.days in ("all", "weekends" if weekend else "weekdays"):
            found.append((begin_s, end_s))
        day += dt.timedelta(days=1)
