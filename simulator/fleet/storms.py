"""Bad moments of a run as recipes: who does what when, and what recovery amounts to. Pure.

A storm is data (`Storm`); `acts` says what each station does or suffers at which moment, as columns
that whoever drives the stations plays, on sockets or in virtual time; what came of it is worked out
in `recovery`. Which stations are hit, and when each comes back, depends on the seed, the storm's
number and the station's name alone, not on how the fleet is divided.

=================  =====================================================================
csms_restart       the target is gone for a while; connections end, the queue is replayed
rolling_deploy     the target's instances are replaced one after another
power_cut          stations vanish, and come back together
mass_reset         all are reset, and boot
quarter_hour       all read their meters at once, each by its own clock
firmware_campaign  all are told to fetch new firmware
profile_broadcast  all are told a new limit
=================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.demand.draws import Draws, key64
from simulator.fleet.spells import Spells
from simulator.fleet.steps import Span

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.scenario.storm_model import Close, Kind
    from simulator.scenario.storm_model import Storm as Wish

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

BACK_OFF_RANDOM_S: Final = 10.0
"""Over which the first attempts after a loss are spread (``station.settings``)."""
_CLOSES: Final[dict[str, Close]] = {"power_cut": "silent", "rolling_deploy": "clean"}
RECONNECTS: Final = frozenset(
    ("csms_restart", "rolling_deploy", "power_cut", "mass_reset", "firmware_campaign")
)
"""Kinds in which stations lose their connection."""


class What(IntEnum):
    """What a station does, or suffers. At one moment the lower number comes first."""

    HURRY = 0
    """From now on it reconnects without back-off."""
    CUT = 1
    """Its connection ends, in the storm's way; it has power."""
    AWAY = 2
    """The target cannot be reached."""
    BACK = 3
    """It can again."""
    POWER_OFF = 4
    """The power fails; its connection ends in the storm's way."""
    POWER_ON = 5
    RESET = 6
    ALIGN = 7
    """Clock-aligned meter values at the storm's interval."""
    UNALIGN = 8
    """At the station's own again."""
    CALM = 9
    """It backs off again as the specification says."""


@dataclass(frozen=True, slots=True)
class Storm:
    """One bad moment; times in run seconds."""

    number: int
    """Its place among those of the run."""
    kind: Kind
    at_s: float
    for_s: float = 0.0
    recovery_s: float = 60.0
    sites: tuple[str, ...] | None = None
    """Names of sites, with all their copies; None: everywhere."""
    share: float = 1.0
    close: Close = "fin"
    naive: bool = False
    """Stations know no back-off."""
    spread_s: float = 0.0
    instances: int = 4
    hard: bool = False
    interval_s: int = 900
    ours: bool = False
    """Brought about at the stations, as nobody else does it."""

    @property
    def back_s(self) -> float:
        """When it is over, and recovery begins."""
        return self.at_s + self.for_s

    @property
    def end_s(self) -> float:
        """When calls no longer count to it."""
        return self.back_s + self.recovery_s

    @property
    def emulated(self) -> bool:
        """It should begin on the target's side, and does not."""
        return self.ours and self.kind in ("csms_restart", "rolling_deploy", "mass_reset")


@dataclass(frozen=True, slots=True)
class Stations:
    """The stations that there are, in network order."""

    ids: Sequence[str]
    sites: Sequence[str]
    """The site instance of each."""
    on: Spells
    """When each is switched on, and off again."""

    def at(self, at_s: float) -> NDArray[np.bool_]:
        """Which stations are on at a moment, and were just before, shape (stations,)."""
        found = np.zeros(len(self.ids), np.bool_)
        found[self.on.station[(self.on.on_s < at_s) & (self.on.off_s > at_s)]] = True
        return found

    def joining(self, begin_s: float, end_s: float) -> NDArray[np.bool_]:
        """Which stations are switched on in that time, shape (stations,)."""
        found = np.zeros(len(self.ids), np.bool_)
        found[self.on.station[(self.on.on_s >= begin_s) & (self.on.on_s < end_s)]] = True
        return found


@dataclass(frozen=True, slots=True)
class Acts:
    """Columns of one length, in order of time."""

    storm: I32
    station: I32
    at_s: F64
    what: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.station)

    def of(self, stations: I32) -> Acts:
        """The acts of these stations alone, each by its place in ``stations`` (ascending)."""
        keep = np.isin(self.station, stations)
        place = np.searchsorted(stations, self.station)
        return Acts(
            self.storm[keep],
            place[keep].astype(np.int32),
            self.at_s[keep],
            self.what[keep],
        )


def storms_of(scenario: Scenario, *, embedded: bool) -> tuple[Storm, ...]:
    """The storms of a scenario; ``embedded``: its target is the embedded CSMS."""
    return tuple(
        _storm(number, wish, embedded) for number, wish in enumerate(scenario.file.live.storms)
    )


def _storm(number: int, wish: Wish, embedded: bool) -> Storm:
    target = wish.hook is not None or (embedded and wish.kind != "rolling_deploy")
    at_station = wish.kind in ("power_cut", "quarter_hour")
    return Storm(
        number=number,
        kind=wish.kind,
        at_s=wish.at,
        for_s=wish.for_ or 0.0,
        recovery_s=wish.recovery,
        sites=wish.sites,
        share=wish.share,
        close=wish.close or _CLOSES.get(wish.kind, "fin"),
        naive=wish.back_off == "naive",
        spread_s=wish.spread,
        instances=wish.instances,
        hard=wish.reset == "hard",
        interval_s=round(wish.interval),
        ours=at_station or not target,
    )


def hit(storm: Storm, stations: Stations, seed: int) -> I32:
    """Which stations it hits: the share that the seed draws of those that are on by then.

    Those that the stages switch off later are among them: they leave when they are told to, from
    the dark too, and are not waited for.
    """
    return _drawn(storm, stations, seed, stations.at(storm.at_s))


def joining(storm: Storm, stations: Stations, seed: int) -> I32:
    """Which stations are switched on while the storm may keep them from getting through.

    Whoever it holds back; and where the target is really gone, all that come until it has passed.
    """
    if storm.ours or storm.kind not in ("csms_restart", "rolling_deploy"):
        return held_back(storm, stations, seed)
    found = stations.joining(storm.at_s, storm.end_s) & ~stations.at(storm.at_s)
    return np.flatnonzero(found).astype(np.int32)


def held_back(storm: Storm, stations: Stations, seed: int) -> I32:
    """Which stations are switched on in the middle of it, where it keeps them from coming."""
    none = np.zeros(0, np.int32)
    if not storm.ours or storm.kind not in ("power_cut", "csms_restart"):
        return none
    joining = stations.joining(storm.at_s, storm.back_s) & ~stations.at(storm.at_s)
    return _drawn(storm, stations, seed, joining)


def _drawn(storm: Storm, stations: Stations, seed: int, on: NDArray[np.bool_]) -> I32:
    there = [index for index in np.flatnonzero(on).tolist() if _named(storm, stations.sites[index])]
    count = round(storm.share * len(there))
    keys = {i: key64(seed, "storm", storm.number, stations.ids[i]) for i in there}
    return np.array(sorted(sorted(there, key=keys.__getitem__)[:count]), np.int32)


def _named(storm: Storm, site: str) -> bool:
    """Is the site instance (``yard#2``) one of the storm's sites (``yard``)?"""
    return storm.sites is None or site in storm.sites or site.partition("#")[0] in storm.sites


def acts(storm: Storm, stations: Stations, seed: int) -> Acts:
    """What the storm does to each station that it hits or holds back, in order of time."""
    rows: list[tuple[float, int, int]] = []
    both = (hit(storm, stations, seed), held_back(storm, stations, seed))
    for index in np.concatenate(both).tolist():
        name = stations.ids[index]
        rows += [(at_s, int(what), index) for at_s, what in _course(storm, name, seed)]
    rows.sort()
    at_s, what, station = zip(*rows, strict=True) if rows else ((), (), ())
    return Acts(
        np.full(len(rows), storm.number, np.int32),
        np.array(station, np.int32),
        np.array(at_s, np.float64),
        np.array(what, np.int8),
    )


def _course(storm: Storm, name: str, seed: int) -> Iterator[tuple[float, What]]:
    """What happens at one station."""
    at_s, back_s = storm.at_s, storm.back_s
    if storm.naive and storm.kind in RECONNECTS:
        yield at_s, What.HURRY
        yield storm.end_s, What.CALM
    if not storm.ours:
        return
    late_s = 0.0
    if storm.spread_s > 0.0:
        late_s = storm.spread_s * Draws(key64(seed, "late", storm.number, name)).uniform()
    if storm.kind == "power_cut":
        yield at_s, What.POWER_OFF
        yield back_s + late_s, What.POWER_ON
    elif storm.kind == "csms_restart":
        yield at_s, What.CUT
        yield at_s, What.AWAY
        yield back_s, What.BACK
    elif storm.kind == "rolling_deploy":
        turn = key64(seed, "instance", name) % storm.instances
        yield at_s + storm.for_s * turn / storm.instances, What.CUT
    elif storm.kind == "mass_reset":
        yield at_s + late_s, What.RESET
    elif storm.kind == "quarter_hour":
        yield at_s, What.ALIGN
        yield back_s, What.UNALIGN


def together(parts: Sequence[Acts]) -> Acts:
    """The acts of several storms as one, in order of time."""
    if not parts:
        none = np.zeros(0, np.int32)
        return Acts(none, none, np.zeros(0), np.zeros(0, np.int8))
    at_s = np.concatenate([part.at_s for part in parts])
    order = np.argsort(at_s, kind="stable")
    return Acts(
        np.concatenate([part.storm for part in parts])[order],
        np.concatenate([part.station for part in parts])[order],
        at_s[order],
        np.concatenate([part.what for part in parts])[order],
    )


def comes_back_s(storm: Storm) -> float | None:
    """Within which time the stations hit connect again, at the fastest; None: they need not.

    A second at least. Those that back off come over the random part of their first wait, each
    instance of a rolling deploy by itself.
    """
    if storm.kind in ("power_cut", "mass_reset"):
        return max(storm.spread_s, 1.0)
    if storm.kind == "csms_restart":
        return 1.0 if storm.naive else BACK_OFF_RANDOM_S
    if storm.kind == "rolling_deploy":
        return max(storm.for_s, 1.0)
    return None


def with_storms(spans: Sequence[Span], storms: Sequence[Storm]) -> tuple[Span, ...]:
    """The phases of a run with those of its storms laid over them, up to the cooldown."""
    for storm in storms:
        spans = [part for span in spans for part in _laid_over(span, storm)]
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start_s):
        if merged and merged[-1].phase == span.phase == "storm":
            merged[-1] = Span("storm", merged[-1].start_s, span.end_s)
        else:
            merged.append(span)
    return tuple(merged)


def _laid_over(span: Span, storm: Storm) -> Iterator[Span]:
    begin, end = max(span.start_s, storm.at_s), min(span.end_s, storm.end_s)
    if span.phase in ("cooldown", "storm") or end <= begin:
        yield span
        return
    if span.start_s < begin:
        yield replace(span, end_s=begin)
    yield Span("storm", begin, end)
    if end < span.end_s:
        yield replace(span, start_s=end)


def until(storms: Sequence[Storm], number: int, run_s: float) -> float:
    """When nobody looks at a storm any more: at the next one, or at the end of the run."""
    later = storms[number + 1].at_s if number + 1 < len(storms) else inf
    return min(later, run_s)
