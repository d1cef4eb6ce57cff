"""What a site says of its drivers and vehicles, checked against the rest of the scenario.

Part of :mod:`simulator.scenario.checks`, of the same kind: works on the tables as read, one message
per mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from simulator.scenario import units
from simulator.scenario.problems import Problem, listed, nearest
from simulator.scenario.profile_model import VehicleMix

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables
from simulator.scenario.document import Loc

JITTER_SIGMAS = 3.0
"""A depot vehicle comes back at most so many standard deviations early or late."""

_NEED_ARRIVALS = ("drivers", "balking", "reservations", "plug_in_probability", "idle_response")
_NEED_RETAIL = ("tariff_followers", "idle_response")
_BAD_TOKENS = ("wrong_token", "blocked_token", "expired_token")
_MANNERS = ("unplug", "double_tap", "walk_away", *_BAD_TOKENS)
_NEED_CARS = ("delayed_start", "tariff_followers", "priority", "vehicle_to_grid")


def check_people(tables: Tables) -> Iterator[Problem]:
    """Every problem of the fields of people and vehicles."""
    for index in tables.tables("sites"):
        loc = ("sites", index)
        yield from _needs(tables, loc)
        yield from _balking(tables, loc)
        yield from _drivers(tables, loc)
        yield from _giving_back(tables, loc)
        yield from _reroute(tables, loc)
        for number in tables.tables(*loc, "depot"):
            yield from _depot(tables, loc, (*loc, "depot", number))


def has_depot(tables: Tables, loc: Loc) -> bool:
    """Whether the site at ``loc`` has a depot, right or wrong."""
    return tables.has(*loc, "depot") and tables.get(*loc, "depot") != []


def _needs(tables: Tables, loc: Loc) -> Iterator[Problem]:
    """A habit that nobody at the site can have."""
    arrivals, depot = tables.has(*loc, "arrivals"), has_depot(tables, loc)
    for field in dict.fromkeys((*_NEED_ARRIVALS, *_NEED_CARS)):
        if not _says_something(tables, loc, field):
            continue
        if field in _NEED_ARRIVALS and not arrivals:
            expected = "nothing here: it is for drivers of an arrival profile (arrivals)"
        elif not arrivals and not depot:
            expected = "nothing here: it is for cars of a vehicle mix (arrivals or depot)"
        elif field in _NEED_RETAIL and not tables.has(*loc, "retail"):
            expected = "nothing here, or a retail tariff that the drivers go by (retail)"
        else:
            continue
        yield tables.problem((*loc, field), expected)
    if depot and not tables.has(*loc, "vehicles"):
        yield tables.problem((*loc, "vehicles"), "a vehicle mix (the site has a depot)")


def _says_something(tables: Tables, loc: Loc, field: str) -> bool:
    """Whether the field stands there, at another value than that of nobody."""
    if field in _NEED_RETAIL:
        return bool(_number(tables, units.RATIO, *loc, field))
    value = tables.get(*loc, field)
    return value is not None and value != [] and not (field == "plug_in_probability" and value == 1)


def _balking(tables: Tables, loc: Loc) -> Iterator[Problem]:
    chances = tables.get(*loc, "balking")
    before: float | None = None
    for place in range(len(chances) if isinstance(chances, list) else 0):
        chance = _number(tables, units.RATIO, *loc, "balking", place)
        if chance is not None and before is not None and chance > before:
            expected = "no larger chance than behind a shorter queue"
            yield tables.problem((*loc, "balking", place), expected)
        before = chance if chance is not None else before


def _drivers(tables: Tables, loc: Loc) -> Iterator[Problem]:
    def share(name: str) -> float:
        return _number(tables, units.RATIO, *loc, "drivers", name) or 0.0

    total = sum(map(share, _MANNERS))
    if total > 1.0 + 1e-9:
        yield tables.problem((*loc, "drivers"), f"shares of at most 1 together, not {total:g}")
    if share("second_try") and not any(map(share, _BAD_TOKENS)):
        expected = f"nothing here, or drivers who are refused ({listed(_BAD_TOKENS)})"
        yield tables.problem((*loc, "drivers", "second_try"), expected)


def _giving_back(tables: Tables, loc: Loc) -> Iterator[Problem]:
    mix = _mix(tables, loc)
    if tables.get(*loc, "vehicle_to_grid") is None or mix is None:
        return
    if not any(car.v2g_kw > 0.0 for car in mix.vehicles):
        expected = f"nothing here, or vehicles of which some give back (v2g_kw; {mix.name} has "
        yield tables.problem((*loc, "vehicle_to_grid"), expected + "none)")


def _reroute(tables: Tables, loc: Loc) -> Iterator[Problem]:
    targets = tables.get(*loc, "reroute", "to")
    own = tables.get(*loc, "name")
    names = [tables.get("sites", i, "name") for i in tables.tables("sites")]
    known = [name for name in names if isinstance(name, str) and name != own]
    nameless = len([name for name in names if isinstance(name, str)]) < len(names)
    seen: set[str] = set()
    for place, name in enumerate(targets if isinstance(targets, list) else ()):
        if not isinstance(name, str) or tables.wrong((*loc, "reroute", "to", place)):
            continue
        where = (*loc, "reroute", "to", place)
        others = f": {listed(known)}" if known else " (there is none)"
        if name == own:
            yield tables.problem(where, f"another site{others}")
        elif name not in known and not nameless:
            yield tables.problem(where, f"a site{others}", nearest(name, known))
        elif name in seen:
            yield tables.problem(where, "a site that is not listed before it")
        seen.add(name)


def _depot(tables: Tables, site: Loc, loc: Loc) -> Iterator[Problem]:
    mix = _mix(tables, site)
    name = tables.get(*loc, "vehicle")
    if mix is not None and isinstance(name, str):
        cars = {car.name: car for car in mix.vehicles}
        if name not in cars:
            expected = f"a vehicle of {mix.name}: {listed(list(cars))}"
            yield tables.problem((*loc, "vehicle"), expected, nearest(name, cars))
        else:
            used = _number(tables, units.ENERGY, *loc, "used")
            battery = cars[name].battery_kwh
            if used is not None and used > battery:
                expected = f"at most what its battery holds ({battery:g} kWh)"
                yield tables.problem((*loc, "used"), expected)
    back, out = (_minutes(tables.get(*loc, field)) for field in ("back", "out"))
    if back is None or out is None:
        return
    if back == out:
        yield tables.problem((*loc, "out"), "another time of day than back")
        return
    jitter = _number(tables, units.DURATION, *loc, "jitter")
    inside = 60.0 * ((out - back) % 1440)
    shorter = min(inside, 86_400.0 - inside)
    if jitter is not None and JITTER_SIGMAS * jitter >= shorter:
        expected = f"less than {units.text(units.DURATION, shorter / JITTER_SIGMAS)}, a third of "
        expected += f"the {'stay' if inside == shorter else 'time away'}"
        yield tables.problem((*loc, "jitter"), expected)


def _mix(tables: Tables, site: Loc) -> VehicleMix | None:
    profile = tables.library.get("vehicles", tables.get(*site, "vehicles"))
    return profile if isinstance(profile, VehicleMix) else None


def _number(tables: Tables, kind: units.Quantity, *loc: str | int) -> float | None:
    """The value there in base units; None if there is none or if it is wrong."""
    value = tables.get(*loc)
    return units.parse(kind, value) if value is not None else None


def _minutes(clock: Any) -> int | None:
    """Minutes since midnight of ``HH:MM`` that is right by itself."""
    if clock is None:
        return None
    text = clock if isinstance(clock, str) else clock.strftime("%H:%M")
    return int(text[:2]) * 60 + int(text[3:5])
