"""Power over plan time: profiles and CSV files as step functions.

A series covers the whole horizon or it is an error that says which part is missing; nothing is
taken for zero. Read by the loader, asked for by the engine before a site runs.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator.scenario.clock import elapsed_s
from simulator.scenario.csvfile import read_rows, read_text
from simulator.scenario.localtime import local_time
from simulator.scenario.problems import InputError, Problem, shown
from simulator.scenario.sun import kw_per_kwp

if TYPE_CHECKING:
    from simulator.scenario.grid_model import Series
    from simulator.scenario.scenario import Scenario
    from simulator.scenario.series_model import SeriesProfile
    from simulator.scenario.site_model import Site

F64 = NDArray[np.float64]

COLUMNS = ("time", "kW")
STEP_S = 900.0
"""Profiles are evaluated on the quarter hours of UTC, on which the clocks of all zones change."""
HIGHEST_KW = 1e6
_TIME = (
    "minutes since the scenario's start, a local time such as 2026-06-01T08:00, or an ISO time "
    "with its zone"
)


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function of plan time: each value holds until the next time."""

    time_s: F64
    """Rising; the first is 0."""
    kw: F64

    def energy_kwh(self, interval_s: float, duration_s: float) -> F64:
        """Exact energy of each interval from 0 on; the last ends at ``duration_s``."""
        intervals = max(1, math.ceil(duration_s / interval_s))
        borders = np.minimum(np.arange(intervals + 1) * interval_s, duration_s)
        whole = np.concatenate([[0.0], np.cumsum(np.diff(self.time_s) * self.kw[:-1])])
        at = np.searchsorted(self.time_s, borders, side="right") - 1
        kwh = np.diff(whole[at] + (borders - self.time_s[at]) * self.kw[at]) / 3600.0
        return np.asarray(kwh, np.float64)

    def at(self, seconds: float) -> float:
        """The value in force at a plan time."""
        return float(self.kw[np.searchsorted(self.time_s, seconds, side="right") - 1])


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """A CSV file of power as read: each value holds until the next, the last until ``end_s``."""

    label: str
    time_s: F64
    """Plan seconds, rising; may begin before 0."""
    kw: F64
    end_s: float


def site_series(
    scenario: Scenario, site: Site, duration_s: float
) -> tuple[Steps | None, Steps | None]:
    """The building's load and the photovoltaics of a site, in kW, over the horizon.

    Raises InputError if a file does not cover it.
    """
    base, pv = (
        None if series is None else _steps(scenario, series, duration_s)
        for series in (site.base_load, site.pv)
    )
    return base, pv


def _steps(scenario: Scenario, series: Series, duration_s: float) -> Steps:
    if series.file is not None:
        return table_steps(scenario.series_tables[series.file], scenario.start, duration_s)
    assert series.profile is not None and series.peak is not None
    profile = scenario.series[series.profile]
    return profile_steps(profile, scenario.start, duration_s, series.peak)


def profile_steps(
    profile: SeriesProfile, start: dt.datetime, duration_s: float, peak_kw: float
) -> Steps:
    """A profile over the horizon. ``peak_kw``: largest value, or rated power in the sun."""
    first = (-start.timestamp()) % STEP_S
    times = np.concatenate([[0.0], np.arange(first, duration_s, STEP_S)])
    times = times[:1] if duration_s <= 0 else times[np.append(True, np.diff(times) > 0)]
    if profile.sun is not None:
        ends = np.append(times[1:], times[-1] + STEP_S)
        kw = peak_kw * kw_per_kwp(profile.sun, start, (times + ends) / 2)
    else:
        now = local_time(start, duration_s, times)
        weeks = np.array(profile.weeks)
        kw = peak_kw * weeks[now.month, now.weekday * 24 + now.minute // 60]
    changes = np.append(True, np.diff(kw) != 0)
    return Steps(times[changes], kw[changes])


def table_steps(table: SeriesTable, start: dt.datetime, duration_s: float) -> Steps:
    """A file over the horizon. Raises InputError if a part is missing."""
    problems = []
    if table.time_s[0] > 0:
        there = f"{_moment(start, 0.0)} to {_moment(start, table.time_s[0])}"
        problems.append(Problem(table.label, "", None, f"power from {there} too"))
    if table.end_s < duration_s:
        there = f"{_moment(start, table.end_s)} to {_moment(start, duration_s)}"
        problems.append(Problem(table.label, "", None, f"power from {there} too"))
    if problems:
        raise InputError(problems)
    first = int(np.searchsorted(table.time_s, 0.0, side="right")) - 1
    stop = int(np.searchsorted(table.time_s, duration_s, side="left"))
    return Steps(np.maximum(table.time_s[first:stop], 0.0), table.kw[first:stop])


def _moment(start: dt.datetime, seconds: float) -> str:
    instant = start.astimezone(dt.UTC) + dt.timedelta(seconds=seconds)
    return instant.astimezone(start.tzinfo).replace(microsecond=0).isoformat()


def read_series(path: Path, label: str, start: dt.datetime) -> SeriesTable:
    """Read a CSV file with the columns `COLUMNS`; plan times count from ``start``.

    Rows are evenly spaced; local times are those of the scenario's zone, and of an hour that comes
    twice the first one comes first. Raises InputError with every mistake.
    """
    problems: list[Problem] = []
    times: list[float] = []
    values: list[float] = []
    lines: list[int] = []
    reader = _Times(start, label, problems)
    for line, cells in read_rows(read_text(path, label), label, COLUMNS, problems):
        seconds = reader.seconds(line, cells["time"].strip())
        value = _number(line, cells["kW"].strip(), label, problems)
        if seconds is not None and value is not None:
            times.append(seconds)
            values.append(value)
            lines.append(line)
    if not problems and len(times) < 2:
        problems.append(Problem(label, "", None, "at least two rows"))
    if not problems:
        _even(times, lines, label, start, problems)
    if problems:
        raise InputError(problems)
    step_s = times[1] - times[0]
    return SeriesTable(label, np.array(times), np.array(values), times[-1] + step_s)


def _even(
    times: list[float], lines: list[int], label: str, start: dt.datetime, problems: list[Problem]
) -> None:
    """No hole and no repetition: every row comes one step after the one before."""
    step_s = times[1] - times[0]
    for before, after, line in zip(times, times[1:], lines[1:], strict=False):
        if after <= before:
            expected = "a time after that of the row before"
        elif abs(after - before - step_s) > 1e-6:
            expected = f"the time {_moment(start, before + step_s)}, one step of "
            expected += f"{step_s / 60:g} min after the row before"
        else:
            continue
        value = _moment(start, after)
        problems.append(Problem(label, f"line {line}, column 'time'", value, expected))
        return


def _number(line: int, text: str, label: str, problems: list[Problem]) -> float | None:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0.0 <= value <= HIGHEST_KW:
        return value
    where = f"line {line}, column 'kW'"
    expected = f"a power in kW from 0 to {HIGHEST_KW:g}"
    problems.append(Problem(label, where, shown(text) if text else None, expected))
    return None


class _Times:
    """Reads times; all of a file have the form of the first."""

    def __init__(self, start: dt.datetime, label: str, problems: list[Problem]) -> None:
        self._start = start
        self._label = label
        self._problems = problems
        self._form = ""
        self._form_line = 0
        self._last = -math.inf

    def seconds(self, line: int, text: str) -> float | None:
        """Plan seconds, or None with a problem noted."""
        seconds, form, expected = self._read(text)
        if form and self._form and form != self._form:
            expected = f"{self._form} throughout the file, as in line {self._form_line}"
            seconds = None
        if seconds is None:
            where = f"line {line}, column 'time'"
            self._problems.append(
                Problem(self._label, where, shown(text) if text else None, expected)
            )
            return None
        if not self._form:
            self._form, self._form_line = form, line
        self._last = seconds
        return seconds

    def _read(self, text: str) -> tuple[float | None, str, str]:
        """Seconds (None: wrong), form, and what was expected."""
        try:
            minutes = float(text)
            return (60.0 * minutes, "minutes", "") if math.isfinite(minutes) else (None, "", _TIME)
        except ValueError:
            pass
        try:
            instant = dt.datetime.fromisoformat(text)
            if instant.tzinfo is not None:
                return elapsed_s(instant, self._start), "ISO times with a zone", ""
            return self._local(instant)
        except (ValueError, OverflowError):
            return None, "", _TIME

    def _local(self, naive: dt.datetime) -> tuple[float | None, str, str]:
        zone = self._start.tzinfo
        assert isinstance(zone, ZoneInfo)
        known = []
        for fold in (0, 1):
            instant = naive.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC)
            if instant.astimezone(zone).replace(tzinfo=None, fold=0) == naive:
                known.append(elapsed_s(instant, self._start))
        if not known:
            expected = f"a local time that exists in {zone.key} (clocks go forward there)"
            return None, "local times", expected
        later = [seconds for seconds in known if seconds > self._last]
        return (later or known)[0], "local times", ""
