"""Figures for notebooks: those of the report and the comparisons that need several runs.

Every function takes results (or their DataFrames) and returns a figure that a notebook shows by
itself; ``.svg`` is the drawing, ``.save(path)`` writes it.

    from simulator import plots, simulate

    before, after = simulate(plain), simulate(managed)
    plots.before_after(before, after, names=("uncontrolled", "equal share"))
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from simulator.report import patterns
from simulator.report.page import Absent, Plot
from simulator.report.patterns import Coincidence, Estimate, coincidence
from simulator.report.plots import network, tradeoffs
from simulator.report.plots import patterns as drawn
from simulator.report.plots.axes import Clock
from simulator.report.plots.tradeoffs import Variant

if TYPE_CHECKING:
    import pandas as pd

    from simulator.api import Result

__all__ = [
    "before_after",
    "coincidence",
    "coincidence_figure",
    "cost_against_peak",
    "heat_map",
    "load_duration",
    "utilisation",
    "waiting",
]

F64 = patterns.F64
_MOST_BARS = 12
_BOOKKEEPING = frozenset(
    {"point", "replication", "seed", "figure", "unit", "value", "low", "high", "n"}
)


def load_duration(*results: Result | pd.DataFrame, names: Sequence[str] = ()) -> Plot | Absent:
    """Load duration curves of the networks of one or more runs (or tables ``load``)."""
    curves = []
    for number, result in enumerate(results):
        _, kw, interval_s, _ = _load(result)
        curves.append((_name(result, names, number), patterns.duration(kw, interval_s)))
    return drawn.load_duration(curves)


def heat_map(
    result: Result | pd.DataFrame, *, timezone: str | ZoneInfo | None = None
) -> Plot | Absent:
    """Mean load by weekday and local hour. A DataFrame needs the ``timezone``."""
    seconds, kw, interval_s, clock = _load(result, timezone)
    means = patterns.week_means(seconds, kw, interval_s, clock)
    return drawn.heat_map(means, zone=str(clock.zone or ""))


def before_after(
    *results: Result | pd.DataFrame,
    names: Sequence[str] = (),
    timezone: str | ZoneInfo | None = None,
) -> Plot | Absent:
    """Mean days of two (or a few) runs over each other, with the band of their days."""
    curves = []
    for number, result in enumerate(results):
        curve = patterns.day_curve(*_load(result, timezone))
        curves.append((_name(result, names, number), curve))
    return drawn.day_curves(curves)


def waiting(*results: Result | pd.DataFrame, names: Sequence[str] = ()) -> Plot | Absent:
    """The share of visits that waits longer than so many minutes, of those that got an EVSE.

    Of one or more runs (or tables ``sessions``).
    """
    tails = []
    for number, result in enumerate(results):
        tail = patterns.waiting_tail(_floats(_table(result, "sessions"), "wait_s"))
        tails.append((_name(result, names, number), tail))
    return drawn.waiting(tails[0][1]) if len(tails) == 1 else drawn.waiting_side_by_side(tails)


def utilisation(result: Result | pd.DataFrame) -> Plot | Absent:
    """Share of EVSE time occupied by site; of a table ``load``, the mean number of EVSEs."""
    name, run = "utilisation-by-site", getattr(result, "run", None)
    if run is not None:
        rows = [(str(r["name"]), float(r["utilisation"])) for r in run.summary["sites"]]
        if len(rows) > _MOST_BARS:
            return drawn.ranked_utilisation(np.array([share for _, share in rows]))
        caption, label = "Share of EVSE time with a vehicle plugged in.", "share of the time"
        return network.bars(name, "Utilisation by site", caption, rows, label, percent=True)
    means = _table(result, "load").groupby("site")["occupied_evses"].mean()
    rows = [(str(site), float(value)) for site, value in means.items()]
    caption = "Mean number of EVSEs with a vehicle plugged in."
    return network.bars(name, "EVSEs occupied by site", caption, rows, "EVSEs")


def coincidence_figure(
    load: ArrayLike | Coincidence,
    sizes: Sequence[int] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
    *,
    rated_kw: ArrayLike | None = None,
    draws: int = 200,
    seed: int = 1,
) -> Plot | Absent:
    """Coincidence factor against the number of EVSEs; see ``coincidence`` for the arguments."""
    found = load
    if not isinstance(found, Coincidence):
        found = coincidence(found, sizes, rated_kw=rated_kw, draws=draws, seed=seed)
    return tradeoffs.coincidence(found)


def cost_against_peak(
    table: pd.DataFrame,
    *,
    by: str | Sequence[str] = (),
    x: str = "peak_15min_kw",
    y: str = "cost",
    x_label: str | None = None,
    y_label: str | None = None,
    title: str = "Cost against peak",
) -> Plot | Absent:
    """Variants in two figures of a tidy table (of a sweep, say), with 95 % confidence intervals.

    ``table`` has the columns ``figure`` and ``value``, and one or more (``by``) whose values tell
    the variants apart; default: all others than the bookkeeping of a sweep. Several rows of a
    variant and figure are replications; a single one may bring its own ``low`` and ``high``.
    Raises ValueError where a column or a figure is missing.
    """
    columns = [by] if isinstance(by, str) else list(by)
    columns = columns or [str(name) for name in table.columns if name not in _BOOKKEEPING]
    missing = {*columns, "figure", "value"} - set(table.columns)
    if missing or not columns:
        wanted = "figure, value and a column of variants" if not columns else f"{sorted(missing)}"
        raise ValueError(f"table has the columns {list(table.columns)}: expected {wanted} too")
    known = set(table["figure"])
    for figure in (x, y):
        if figure not in known:
            raise ValueError(f"figure {figure!r}: expected one of {sorted(map(str, known))}")
    variants = [
        Variant(", ".join(str(part) for part in key), _estimate(rows, x), _estimate(rows, y))
        for key, rows in table.groupby(columns, sort=False)
    ]
    return tradeoffs.tradeoff(variants, x_label or x, y_label or y, title=title)


def _estimate(rows: pd.DataFrame, figure: str) -> Estimate:
    chosen = rows[rows["figure"] == figure]
    if len(chosen) == 1 and {"low", "high"} <= set(chosen.columns):
        value, low, high = (float(chosen[name].iloc[0]) for name in ("value", "low", "high"))
        return Estimate(value, low, high, 2 if np.isfinite(low) else 1)
    return patterns.estimate(_floats(chosen, "value"))


def _floats(frame: pd.DataFrame, column: str) -> F64:
    values: F64 = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _name(result: Any, names: Sequence[str], number: int) -> str:
    if number < len(names):
        return names[number]
    path = getattr(result, "path", None)
    return path.name if path is not None else f"run {number + 1}"


def _table(result: Result | pd.DataFrame, name: str) -> pd.DataFrame:
    """The table itself, or that of a result."""
    import pandas as pd

    return result if isinstance(result, pd.DataFrame) else result.run.table(name)


def _load(
    result: Result | pd.DataFrame, timezone: str | ZoneInfo | None = None
) -> tuple[F64, F64, float, Clock]:
    """Start and mean kW of each interval of the whole network, its length, and the clock."""
    frame = _table(result, "load")
    sums = frame.groupby("start_s", sort=True)["mean_kw"].sum()
    seconds = np.asarray(sums.index, dtype=np.float64)
    interval_s = float(np.diff(seconds).min()) if len(seconds) > 1 else 900.0
    kw: F64 = sums.to_numpy(dtype=np.float64)
    return seconds, kw, interval_s, _clock(result, frame, timezone)


def _clock(
    result: Result | pd.DataFrame, frame: pd.DataFrame, timezone: str | ZoneInfo | None
) -> Clock:
    """Local time, from the result's scenario or the zone that is given; else none."""
    run = getattr(result, "run", None)
    name = timezone if timezone is not None or run is None else run.manifest.get("timezone")
    if name is None or frame.empty or "start" not in frame:
        return Clock()
    zone = name if isinstance(name, ZoneInfo) else ZoneInfo(name)
    begin_s = frame["start"].min().timestamp() - float(frame["start_s"].min())
    return Clock(datetime.fromtimestamp(begin_s, zone), zone)
