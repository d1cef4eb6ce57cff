"""The grid operator asks sites to draw less for a while.

What may be drawn through the grid connection is lowered to a stated power, or to a part of the
limit that holds when the event begins; of several such events the lowest holds. It is only ever
lowered: where the site's own limit is below that already, or comes to be, that one holds. What
vehicles may give back stays as it is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from simulator.scenario.options import Option, Options

if TYPE_CHECKING:
    from simulator.engine.events import Event, Place

NAME = "demand_response"
SUMMARY = "Sites draw less for a while, because the grid asks for it."
OPTIONS: Options = {
    "at": Option("moments", "when it begins"),
    "for": Option("duration", "how long it lasts"),
    "limit": Option("power", "what a site may draw meanwhile", one_of="how much"),
    "percent": Option("part", "part of its grid limit that it may draw", one_of="how much"),
}


def processes(event: Event) -> Iterator[Generator[Any, Any, None]]:
    """One process per time."""
    for at_s in event.occurrences_s():
        yield _once(event, at_s)


def _once(event: Event, at_s: float) -> Generator[Any, Any, None]:
    yield event.wait_until(at_s)
    reasons = event.reasons
    limits_kw = [(place.handle, _limit_kw(event, place)) for place in event.places]
    for site, limit_kw in limits_kw:
        reasons.curtail(site, limit_kw)
    yield event.wait_until(at_s + event.options["for"])
    for site, limit_kw in limits_kw:
        reasons.restore(site, limit_kw)


def _limit_kw(event: Event, place: Place) -> float:
    if event.options["limit"] is not None:
        return float(event.options["limit"])
    return float(event.options["percent"] * place.handle.own_limit_kw)
