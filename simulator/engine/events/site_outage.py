"""The power of whole sites fails: at stated times, or at random.

Nobody charges and nobody plugs in meanwhile; who is plugged in stays until the driver comes, and
charges on when the power is back. The building's own load goes on. At random, times between the end
of an outage and the next one are exponential, for each site by itself.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from simulator.scenario.options import Option, Options

if TYPE_CHECKING:
    from simulator.engine.events import Event, Place

NAME = "site_outage"
SUMMARY = "Whole sites lose their power, at stated times or at random."
OPTIONS: Options = {
    "at": Option("moments", "when the power fails", one_of="when"),
    "every": Option("duration", "mean time between outages", one_of="when"),
    "for": Option("duration", "how long it lasts"),
}


def processes(event: Event) -> Iterator[Generator[Any, Any, None]]:
    """One process per stated time, or one per site."""
    for at_s in event.occurrences_s():
        yield _outage(event, event.places, at_s)
    if event.options["every"] is not None:
        for place in event.places:
            yield _now_and_then(event, place)


def _outage(event: Event, places: Sequence[Place], at_s: float) -> Generator[Any, Any, None]:
    yield event.wait_until(at_s)
    for place in places:
        event.reasons.power_off(place.handle)
    yield event.world.env.timeout(event.options["for"])
    for place in places:
        event.reasons.power_on(place.handle)


def _now_and_then(event: Event, place: Place) -> Generator[Any, Any, None]:
    draws = event.draws(place.name)
    env, mean_s = event.world.env, event.options["every"]
    while True:
        gap_s = -mean_s * math.log1p(-draws.uniform())
        yield from _outage(event, [place], float(env.now) + gap_s)
