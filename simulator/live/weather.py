"""The storms of a run before it begins, in the parent: whom they hit, and each shard's part.

Called by ``prepare``. What is done to the target is in ``hooks``, what came of it in ``aftermath``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.spells import Spells
from simulator.fleet.storms import Acts, Stations, Storm, acts, hit, joining, storms_of, together
from simulator.live.errors import RefusedError
from simulator.live.storms import Stormy
from simulator.station.metervalues import MAIN_METER_FROM

if TYPE_CHECKING:
    from simulator.scenario import Network, Scenario

I32 = NDArray[np.int32]
BOOTS: Final = ("power_cut", "mass_reset")
"""Storms after which stations boot together: a boot and a status of each connector within a second,
or within the spread that the scenario gives them."""


@dataclass(frozen=True, slots=True)
class Weather:
    """All storms of a run; stations by their place in the network."""

    storms: tuple[Storm, ...]
    acts: Acts
    hits: tuple[I32, ...]
    stations: Stations
    joining: tuple[I32, ...] = ()
    """Stations that are switched on while a storm may keep them from getting through."""
    herd_per_s: float = 0.0
    """Calls per second when stations boot, or read their meters, together: the largest herd."""

    def of(self, stations: I32) -> Stormy | None:
        """The part of a shard with these stations (ascending); None: the run has no storms."""
        if not self.storms:
            return None
        place = {number: index for index, number in enumerate(stations.tolist())}
        own = tuple(
            tuple(place[number] for number in hits.tolist() if number in place)
            for hits in self.hits
        )
        return Stormy(self.storms, self.acts.of(stations), own)

    def names(self, number: int) -> list[str]:
        """Ids of the stations that a storm hits."""
        return [self.stations.ids[index] for index in self.hits[number].tolist()]

    def struck(self) -> frozenset[str]:
        """Ids of all stations that some storm hits, or that come up in the middle of one."""
        every = {index for rows in (*self.hits, *self.joining) for index in rows.tolist()}
        return frozenset(self.stations.ids[index] for index in every)


def forecast(scenario: Scenario, network: Network, on: Spells, run_s: float) -> Weather:
    """The storms of a run of ``run_s`` seconds; ``on`` is when each station is on.

    Raises RefusedError for storms that would not be over before the run is.
    """
    embedded = scenario.file.csms.url == "embedded"
    storms = storms_of(scenario, embedded=embedded)
    for storm in storms:
        if storm.back_s + storm.spread_s >= run_s:
            raise RefusedError(
                f"live.storms[{storm.number}]: {storm.kind} from {storm.at_s:g} s to"
                f" {storm.back_s + storm.spread_s:g} s is not over before a run of {run_s:g} s is"
            )
    stations = Stations(
        [station.id for site in network.sites for station in site.stations],
        [site.name for site in network.sites for _ in site.stations],
        on,
    )
    seed = scenario.seed
    hits = tuple(hit(storm, stations, seed) for storm in storms)
    at_boot = np.array([2 + s.evses for site in network.sites for s in site.stations])
    herds = [
        float(at_boot[hits[storm.number]].sum()) / max(storm.spread_s, 1.0)
        for storm in storms
        if storm.kind in BOOTS
    ]
    # Of a normal distribution the densest second has a part of 1 / (2.5 times its width).
    width_s = max(2.5 * scenario.file.live.clock_spread, 1.0)
    evses = at_boot - 2
    herds += [
        float((evses + (evses >= MAIN_METER_FROM))[hits[storm.number]].sum()) / width_s
        for storm in storms
        if storm.kind == "quarter_hour"
    ]
    return Weather(
        storms,
        together([acts(storm, stations, seed) for storm in storms]),
        hits,
        stations,
        tuple(joining(storm, stations, seed) for storm in storms),
        max(herds, default=0.0),
    )
