"""What came of a storm: how the stations came back, and what that asked of the target. Pure.

Works on series by second, whoever made them (``measure.stormlog`` on a live run). Called by
``live.aftermath``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

LEVELS: Final = (0.95, 1.0)
"""Shares of the stations whose return is timed."""


@dataclass(frozen=True, slots=True)
class Series:
    """A storm as it was seen. Seconds are whole seconds of the run, from 0 on."""

    at_s: float
    back_s: float
    until_s: float
    """When nobody looked any more: the end of the run, or the next storm."""
    present: int
    """Stations hit that were in operation (connected and accepted) when it began."""
    lost: int
    """Stations that lost their connection."""
    changes_s: F64
    """When a station that was hit fell out of operation or came back, in order."""
    changes: I64
    """-1 or +1 each."""
    attempts: I64
    """Attempts to connect of the stations hit, by second."""
    accepted: I64
    """Connections that came to be, by second."""
    booted: I64
    """Boots that were accepted, by second."""
    backlog: I64
    """Calls of all stations that are due and have not ended, at the end of each second."""
    calm_s: float = 0.0
    """When the storm before it had passed, recovery included."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What came of a storm. Times are seconds from its end (``back_s``); None: not reached."""

    lowest: int
    """Fewest stations in operation, or switched off by a stage meanwhile."""
    to_95_s: float | None
    to_100_s: float | None
    retry_amplification: float | None
    """Attempts to connect for each station that lost its connection; None: nobody did."""
    peak_accepts_per_s: int
    peak_boots_per_s: int
    backlog_before: int
    """Most in the ten seconds before it, or since the storm before it had passed."""
    backlog_peak: int
    backlog_cleared_s: float | None
    """When the backlog was down to what it had been before, after its peak."""


def recovery(series: Series) -> Recovery:
    """How the stations came back, and what that asked of the target."""
    window = slice(int(series.at_s), ceil(series.until_s))
    to_95, to_100 = (_regained(series, level) for level in LEVELS)
    levels = series.present + np.cumsum(series.changes)
    attempts = int(series.attempts[window].sum())
    calm = min(max(window.start - 10, ceil(series.calm_s), 0), max(window.start - 1, 0))
    before = int(series.backlog[calm : window.start].max(initial=0))
    waiting = series.backlog[window]
    return Recovery(
        lowest=int(levels.min(initial=series.present)),
        to_95_s=to_95,
        to_100_s=to_100,
        retry_amplification=attempts / series.lost if series.lost else None,
        peak_accepts_per_s=int(series.accepted[window].max(initial=0)),
        peak_boots_per_s=int(series.booted[window].max(initial=0)),
        backlog_before=before,
        backlog_peak=int(waiting.max(initial=0)),
        backlog_cleared_s=_cleared(series, waiting, before),
    )


def _regained(series: Series, level: float) -> float | None:
    """When so many of the stations were in operation again, and no longer fewer until the end."""
    wanted = ceil(level * series.present - 1e-9)
    levels = series.present + np.cumsum(series.changes)
    under = np.flatnonzero(levels < wanted)
    if not len(under):
        return 0.0
    if under[-1] == len(levels) - 1:
        return None
    return max(float(series.changes_s[under[-1] + 1]) - series.back_s, 0.0)


def _cleared(series: Series, waiting: I64, before: int) -> float | None:
    if not len(waiting) or waiting.max() <= before:
        return 0.0
    peak = int(waiting.argmax())
    down = np.flatnonzero(waiting[peak:] <= before)
    if not len(down):
        return None
    second = int(series.at_s) + peak + int(down[0]) + 1
    return max(float(min(second, series.until_s)) - series.back_s, 0.0)
