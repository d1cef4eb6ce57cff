"""Stations that break down and are repaired, each by itself.

Times between failures and times to repair are exponential (the usual assumption for equipment in
its useful life: constant rates). The network is taken from the midst of its operation: at the start
a station is broken with probability mttr / (mtbf + mttr), so that its availability is
mtbf / (mtbf + mttr) from the first moment on. A station breaks down with all its EVSEs, and the
sessions at them are over (FAILED).
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from simulator.scenario.options import Option, Options

if TYPE_CHECKING:
    from simulator.engine.events import Event, Place

NAME = "station_failures"
SUMMARY = "Stations break down at random and are repaired."
OPTIONS: Options = {
    "mtbf": Option("duration", "mean time in service until a failure"),
    "mttr": Option("duration", "mean time to repair"),
}


def processes(event: Event) -> Iterator[Generator[Any, Any, None]]:
    """One process per station."""
    for place in event.places:
        for ordinal, evses in enumerate(place.evses(), start=1):
            yield _station(event, place, ordinal, evses)


def _station(event: Event, place: Place, ordinal: int, evses: range) -> Generator[Any, Any, None]:
    draws = event.draws(place.name, ordinal)
    env, reasons = event.world.env, event.reasons
    mtbf_s, mttr_s = event.options["mtbf"], event.options["mttr"]
    works = draws.uniform() < mtbf_s / (mtbf_s + mttr_s)
    while True:
        if works:
            yield env.timeout(-mtbf_s * math.log1p(-draws.uniform()))
        reasons.fail(place.handle, evses)
        yield env.timeout(-mttr_s * math.log1p(-draws.uniform()))
        reasons.repair(place.handle, evses)
        works = True
