"""From the layout of a file to a series, a tariff or the intensity of carbon.

Each function collects what is wrong and raises it together (ScenarioError).
"""

from __future__ import annotations

import math

from simulator.scenario.problems import Problem, ScenarioError
from simulator.scenario.profile_build import Wrong
from simulator.scenario.series_model import SeriesFile, SeriesProfile, Sun
from simulator.scenario.tariff_model import (
    CarbonFile,
    CarbonProfile,
    Drivers,
    Grid,
    PriceWindow,
    Tariff,
    TariffFile,
    WindowFile,
)

_DAYS = {
    "all": (True,) * 7,
    "weekdays": (True,) * 5 + (False,) * 2,
    "weekends": (False,) * 5 + (True,) * 2,
}


def build_series(name: str, file: SeriesFile, wrong: Wrong) -> SeriesProfile:
    """A shape of the week by month with the largest value 1, or a generator in the sun."""
    problems: list[Problem] = []
    weeks: tuple[tuple[float, ...], ...] = ()
    sun = None
    if file.sun is not None:
        if file.seasons:
            problems.append(wrong(("seasons",), "nothing here besides [sun]"))
        if not any(file.sun.yield_kwh_per_kwp):
            problems.append(wrong(("sun", "yield_kwh_per_kwp"), "at least one month above 0"))
        sun = Sun(**dict(file.sun))
    elif not file.seasons:
        problems.append(wrong(("seasons",), "[[seasons]] with hours, or [sun]"))
    else:
        weeks = _weeks(file, wrong, problems)
    if problems:
        raise ScenarioError(problems)
    return SeriesProfile(name, file.source, file.description, weeks, sun)


def _weeks(
    file: SeriesFile, wrong: Wrong, problems: list[Problem]
) -> tuple[tuple[float, ...], ...]:
    """168 hours per month."""
    found: dict[int, tuple[float, ...]] = {}
    for index, season in enumerate(file.seasons):
        saturday = season.saturday or season.weekday
        week = season.weekday * 5 + saturday + (season.sunday or saturday)
        for place, month in enumerate(season.months):
            if month in found:
                expected = "a month that no other season has"
                problems.append(wrong(("seasons", index, "months", place), expected))
            found[month] = week
    missing = [str(month) for month in range(1, 13) if month not in found]
    if missing:
        expected = f"seasons for all months (none has {', '.join(missing)})"
        problems.append(wrong(("seasons",), expected))
        return ()
    largest = max(max(week) for week in found.values())
    if largest <= 0:
        problems.append(wrong(("seasons",), "at least one hour above 0"))
        return ()
    return tuple(tuple(hour / largest for hour in found[month]) for month in range(1, 13))


def build_tariff(name: str, file: TariffFile, wrong: Wrong) -> Tariff:
    """A tariff; windows must not overlap."""
    problems: list[Problem] = []
    windows = tuple(_window(window) for window in file.windows)
    if len(windows) > 1:
        from simulator.scenario.pricing import first_overlap

        met = first_overlap(windows)
        if met is not None:
            index, month, day, minute = met
            clock = f"{minute // 60:02}:{minute % 60:02}"
            when = f"month {month + 1}, day {day + 1} of the week, {clock}"
            expected = f"a window that no earlier one overlaps (they meet: {when})"
            problems.append(wrong(("windows", index, "from"), expected))
    if file.drivers is not None and file.drivers.idle_per_minute == 0.0:
        for field in ("idle_grace", "idle_cap"):
            if getattr(file.drivers, field):
                expected = "nothing here without idle_per_minute"
                problems.append(wrong(("drivers", field), expected))
    if problems:
        raise ScenarioError(problems)
    drivers = None
    if file.drivers is not None:
        fees = {name: value for name, value in file.drivers if value is not None}
        drivers = Drivers(**{"idle_cap": math.inf} | fees)
    return Tariff(
        name=name,
        source=file.source,
        description=file.description,
        currency=file.currency,
        energy_per_kwh=file.energy_per_kwh,
        windows=windows,
        grid=None if file.grid is None else Grid(**dict(file.grid)),
        drivers=drivers,
    )


def _window(file: WindowFile) -> PriceWindow:
    start, stop = (int(text[:2]) * 60 + int(text[3:]) for text in (file.from_, file.to))
    months = tuple(sorted({month - 1 for month in file.months}))
    return PriceWindow(file.energy_per_kwh, start, stop, _DAYS[file.days], months)


def build_carbon(name: str, file: CarbonFile, wrong: Wrong) -> CarbonProfile:
    """Hours by month."""
    problems: list[Problem] = []
    table: tuple[tuple[float, ...], ...] = ()
    if file.by_month is not None:
        table = file.by_month
        for field in ("hours", "month_factor"):
            if getattr(file, field) is not None:
                problems.append(wrong((field,), "nothing here besides by_month"))
    elif file.hours is None:
        problems.append(wrong(("hours",), "24 hours, or by_month with 12 times 24"))
    else:
        factors = file.month_factor or (1.0,) * 12
        table = tuple(tuple(hour * factor for hour in file.hours) for factor in factors)
    if problems:
        raise ScenarioError(problems)
    return CarbonProfile(name, file.source, file.description, table)
