"""When a run asks the CSMS for which command to which station: the calls of a scenario, planned.

An open workload: what is due when depends on the scenario, the seed and the names of the stations
alone, not on how fast anybody answers, nor on how the fleet is divided. Stations take turns in an
order that each call draws; a broadcast is due at all of its stations in one moment. Pure; ``live``
plays it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.demand.draws import key64

if TYPE_CHECKING:
    from simulator.scenario import Network
    from simulator.scenario.call_model import Call

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
MOST: Final = 5_000_000
"""Commands of one run."""
_WHOLE: Final = float(1 << 64)


class TooManyError(ValueError):
    """A call would be made too often."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Commands to ask for, in order of time: columns of one length."""

    due_s: F64
    call: I32
    """Which of the scenario's calls."""
    n: I32
    """The number of the call, or of the broadcast, from 1."""
    station: I32
    evse: I32
    """Whose turn it is at the station, from 1."""
    turn: I32
    """How often it was that EVSE's turn before; in a broadcast: that station's."""
    leads: NDArray[np.int8]
    """In a broadcast 2 at its first station, 1 at the first of each other version: where one call
    does for all, it is due there."""

    def of(self, stations: I32) -> Calls:
        """The part of a shard with these stations (ascending), as indices into them."""
        place = np.searchsorted(stations, self.station)
        place[place == len(stations)] = 0
        own = stations[place] == self.station if len(stations) else np.zeros(len(self.due_s), bool)
        return Calls(
            self.due_s[own],
            self.call[own],
            self.n[own],
            place[own].astype(np.int32),
            self.evse[own],
            self.turn[own],
            self.leads[own],
        )


@dataclass(frozen=True, slots=True)
class _Stations:
    """The stations of a network in its order."""

    sites: Sequence[str]
    keys: Sequence[tuple[str, int]]
    models: Sequence[str]
    versions: Sequence[str]
    evses: I32


def plan_calls(
    calls: Sequence[Call],
    names: Sequence[str],
    versions: Sequence[frozenset[str]],
    network: Network,
    seed: int,
    run_s: float,
) -> Calls:
    """All calls of a run of ``run_s`` seconds, ``station`` being the place in the network.

    ``names`` are those of the calls, ``versions`` those that know their commands. Raises
    TooManyError; ValueError for a call that no station is there for. Both name the call's number.
    """
    every = [station for site in network.sites for station in site.stations]
    stations = _Stations(
        [station.site for station in every],
        [(station.site, station.ordinal) for station in every],
        [station.model.name for station in every],
        [station.version for station in every],
        np.array([station.evses for station in every], np.int32),
    )
    parts: list[Calls] = []
    total = 0
    for number, call in enumerate(calls):
        order = _order(call, names[number], versions[number], stations, seed)
        if not len(order):
            raise ValueError(
                f"csms.calls[{number}]: no station of this network is left by sites, models,"
                f" version and share, or none knows {call.action}"
            )
        end_s = run_s if call.until is None else min(call.until, run_s)
        total += _count(call, len(order), end_s)
        if total > MOST:
            raise TooManyError(
                f"csms.calls[{number}]: more than {MOST:,} commands in this run".replace(",", " ")
            )
        parts.append(_planned(call, number, order, stations, end_s))
    return _together(parts)


def _order(call: Call, name: str, versions: frozenset[str], stations: _Stations, seed: int) -> I32:
    """The stations of a call, in the order in which it is their turn."""
    chosen = []
    for index, (site, ordinal) in enumerate(stations.keys):
        if (
            stations.versions[index] in versions
            and (call.sites is None or site.partition("#")[0] in call.sites)
            and (call.models is None or stations.models[index] in call.models)
            and key64(seed, "call", name, site, ordinal, "share") / _WHOLE < call.share
        ):
            chosen.append((key64(seed, "call", name, site, ordinal, "turn"), index))
    return np.array([index for _, index in sorted(chosen)], np.int32)


def _count(call: Call, stations: int, end_s: float) -> int:
    span = max(end_s - call.from_, 0.0)
    if call.every is not None:
        return int(np.ceil(span / call.every)) * stations
    return int(np.ceil(span * (call.rate or 0.0)))


def _planned(call: Call, number: int, order: I32, stations: _Stations, end_s: float) -> Calls:
    if call.every is None:
        due = call.from_ + np.arange(_count(call, 1, end_s)) / (call.rate or 1.0)
        row = np.arange(len(due))
        who = order[row % len(order)]
        rounds, n = row // len(order), row + 1
        leads = np.zeros(len(due), np.int8)
    else:
        times = call.from_ + np.arange(_count(call, 1, end_s)) * call.every
        due, who = np.repeat(times, len(order)), np.tile(order, len(times))
        rounds = np.repeat(np.arange(len(times)), len(order))
        n = rounds + 1
        leads = np.tile(_leads([stations.versions[index] for index in order]), len(times))
    evses = stations.evses[who]
    before = rounds // evses if call.every is None else rounds
    keep = due < end_s
    return Calls(
        due[keep],
        np.full(int(keep.sum()), number, np.int32),
        n[keep].astype(np.int32),
        who[keep],
        (1 + rounds % evses)[keep].astype(np.int32),
        before[keep].astype(np.int32),
        leads[keep],
    )


def _leads(versions: Sequence[str]) -> NDArray[np.int8]:
    """Who leads among the stations of a broadcast, whose versions are given in their order."""
    found = np.zeros(len(versions), np.int8)
    for version in dict.fromkeys(versions):
        found[versions.index(version)] = 1
    found[:1] = 2
    return found


def _together(parts: Sequence[Calls]) -> Calls:
    if not parts:
        none = np.zeros(0, np.int32)
        return Calls(np.zeros(0), none, none, none, none, none, np.zeros(0, np.int8))
    due = np.concatenate([part.due_s for part in parts])
    order = np.argsort(due, kind="stable")
    return Calls(
        due[order],
        np.concatenate([part.call for part in parts])[order],
        np.concatenate([part.n for part in parts])[order],
        np.concatenate([part.station for part in parts])[order],
        np.concatenate([part.evse for part in parts])[order],
        np.concatenate([part.turn for part in parts])[order],
        np.concatenate([part.leads for part in parts])[order],
    )
