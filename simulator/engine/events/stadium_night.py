"""A crowd comes, stays for the evening and goes at once.

Extra visits, drawn from the site's own vehicles (and, unless ``energy`` says otherwise, with the
wants of its own drivers). They arrive evenly at random over ``within``, each with the patience of
the site's drivers, and all leave at the same moment, charged or not.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from simulator.demand.crowd import Crowd, draw_crowd
from simulator.scenario.options import Option, Options

if TYPE_CHECKING:
    from simulator.engine.events import Event, Place

NAME = "stadium_night"
SUMMARY = "A crowd comes within a short time, and goes at once."
OPTIONS: Options = {
    "at": Option("moments", "when the first of them come"),
    "visits": Option("visits", "how many come to each site"),
    "within": Option("duration", "over how long they come", default=3600.0),
    "leave": Option(
        "duration", "how long after `at` they all go", default=4 * 3600.0, above="within"
    ),
    "energy": Option("energy", "what each wants, at the meter", optional=True),
}


def processes(event: Event) -> Iterator[Generator[Any, Any, None]]:
    """One process per site and evening."""
    for place in event.places:
        for night, at_s in enumerate(event.occurrences_s()):
            yield _night(event, place, night, at_s)


def _night(event: Event, place: Place, night: int, at_s: float) -> Generator[Any, Any, None]:
    yield event.wait_until(at_s)
    options = event.options
    crowd = Crowd(at_s, options["visits"], options["within"], options["leave"], options["energy"])
    key = (event.kind, event.number, night)
    visits = draw_crowd(event.scenario, place.instance, crowd, key)
    place.handle.add_visits(visits)
