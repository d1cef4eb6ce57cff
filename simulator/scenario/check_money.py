"""What no single field knows of series, tariffs and carbon: each check looks at several.

Called by `checks.check`; works on the tables as read, see there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from simulator.scenario import fields, units
from simulator.scenario.clock import localise
from simulator.scenario.problems import FieldError, Problem
from simulator.scenario.tariff_model import CarbonProfile, Tariff

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables
    from simulator.scenario.pricing import Cut


def check_money(tables: Tables) -> Iterator[Problem]:
    """Every problem between these fields."""
    for index in tables.tables("sites"):
        yield from _series(tables, index)
        yield from _tariffs(tables, index)
        yield from _battery(tables, index)
        yield from _steps(tables, index)


def _series(tables: Tables, index: int) -> Iterator[Problem]:
    """Either a profile with its peak, or a file."""
    for name in ("base_load", "pv"):
        loc = ("sites", index, name)
        if not isinstance(tables.get(*loc), dict):
            continue
        profile, file = tables.has(*loc, "profile"), tables.has(*loc, "file")
        if profile and file:
            yield tables.problem((*loc, "file"), "nothing here besides a profile")
        elif not profile and not file:
            expected = '{ profile = "a shape", peak = "100 kW" } or { file = "a CSV file" }'
            yield tables.problem(loc, expected)
        elif profile and not tables.has(*loc, "peak"):
            yield tables.problem((*loc, "peak"), "the shape's largest value, such as '100 kW'")
        elif file and tables.has(*loc, "peak"):
            yield tables.problem((*loc, "peak"), "nothing here: the file has kW")


def _tariff(tables: Tables, index: int, field: str) -> Tariff | None:
    found = tables.library.get("tariffs", tables.get("sites", index, field))
    return found if isinstance(found, Tariff) else None


def _tariffs(tables: Tables, index: int) -> Iterator[Problem]:
    """Each tariff on the side that it is for, both in one currency."""
    bought, sold = _tariff(tables, index, "tariff"), _tariff(tables, index, "retail")
    if bought is not None and bought.drivers is not None:
        expected = "a tariff for a site (this one has fees that drivers pay)"
        yield tables.problem(("sites", index, "tariff"), expected)
    if sold is not None and sold.grid is not None:
        expected = "a tariff for drivers (this one has what only a site pays)"
        yield tables.problem(("sites", index, "retail"), expected)
    if bought is not None and sold is not None and bought.currency != sold.currency:
        expected = f"a tariff in {bought.currency}, as the site's own is (not in {sold.currency})"
        yield tables.problem(("sites", index, "retail"), expected)


def _battery(tables: Tables, index: int) -> Iterator[Problem]:
    target = tables.quantity(units.POWER, "sites", index, "battery", "target")
    limit = tables.quantity(units.POWER, "sites", index, "grid_limit")
    if target is not None and limit is not None and target > limit:
        expected = f"at most the grid limit ({units.text(units.POWER, limit)})"
        yield tables.problem(("sites", index, "battery", "target"), expected)


def _steps(tables: Tables, index: int) -> Iterator[Problem]:
    """No price and no intensity changes within a recording interval, no month in a billed one."""
    interval = _seconds(tables, "interval")
    billing = _seconds(tables, "billing_interval")
    start, duration = _start(tables), tables.quantity(units.DURATION, "scenario", "duration")
    if duration is None and not tables.has("scenario", "duration"):
        duration = 86_400.0
    tariff = _tariff(tables, index, "tariff")
    carbon = tables.library.get("carbon", tables.get("sites", index, "carbon"))
    priced = tariff is not None or isinstance(carbon, CarbonProfile)
    if not (priced and interval and billing and start and duration):
        return
    from simulator.scenario.pricing import first_cut

    cut = first_cut(
        tariff,
        carbon if isinstance(carbon, CarbonProfile) else None,
        start,
        duration,
        interval,
        billing,
    )
    if cut is not None:
        yield tables.problem(
            ("record", cut.where), uneven(cut, tables.get("sites", index, cut.what))
        )


def uneven(cut: Cut, name: object) -> str:
    """What is expected of an interval that a change of ``name`` cuts."""
    return (
        f"intervals that end at {cut.clock} too, where {name!r} changes, not only every "
        f"{units.text(units.DURATION, cut.length_s)} from the start on"
    )


def _seconds(tables: Tables, field: str) -> float | None:
    value = tables.quantity(units.DURATION, "record", field)
    return 900.0 if value is None and not tables.has("record", field) else value


def _start(tables: Tables) -> dt.datetime | None:
    value, zone = tables.get("scenario", "start"), tables.get("scenario", "timezone") or "UTC"
    if value is None or tables.wrong(("scenario", "timezone")):
        return None
    try:
        return localise(fields.read_local_time(value), ZoneInfo(zone))
    except FieldError:
        return None
