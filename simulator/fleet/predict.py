"""How many OCPP messages a plan causes, by type, station and time. Nothing is played for it.

The counts follow from each station's version table (domain event -> messages, the very mapping
that the station sends by) and from the agenda of every visit. On a target without faults a live run
sends exactly as many Authorize, StartTransaction, StopTransaction and StatusNotification per
station, and within one per session or station as many MeterValues, TransactionEvent and Heartbeat.

``predict_network`` counts a simulation in plan time, per minute; ``predict_live`` a live run in run
time, per second. Only calls of the stations are counted: what a CSMS asks of them is its own
affair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.agenda import Stays, ranges, tabulate, tidy_caps
from simulator.fleet.aligned import add_aligned, between_readings, clock_errors
from simulator.fleet.darkness import CHARGES_ON, Outages, undisturbed
from simulator.fleet.manners import open_spans, playable, split_taps, timed_out, told
from simulator.fleet.means import settled, unasked
from simulator.fleet.quirks import StationQuirks
from simulator.fleet.setup import Setups, caveats
from simulator.fleet.shardplan import ShardPlan
from simulator.fleet.spells import Spells, once
from simulator.fleet.tally import (
    Frame,
    Tally,
    add_heartbeats,
    add_stays,
    silences,
)
from simulator.station.events import Event
from simulator.station.versions import TABLES, statuses_at_boot, tells_startup

if TYPE_CHECKING:
    from simulator.engine.plan import EngineResult, SiteResult
    from simulator.scenario import Network, Scenario

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predicted calls of the stations."""

    begin_s: float
    """Start of the first bin: plan seconds of a simulation, run seconds of a live run."""
    bin_s: float
    actions: tuple[str, ...]
    """Sorted."""
    series: I64
    """Messages per bin and action, shape (bins, actions)."""
    station_ids: tuple[str, ...]
    """In network order."""
    per_station: I64
    """Messages per station and action, shape (stations, actions)."""
    notes: tuple[str, ...] = ()
    """What the counts rest on that the plan does not say."""
    begun: Mapping[str, int] = field(default_factory=dict)
    """Transactions by station id, where there are any."""

    @property
    def bin_starts_s(self) -> F64:
        """Start of each bin, shape (bins,)."""
        starts: F64 = self.begin_s + self.bin_s * np.arange(len(self.series), dtype=np.float64)
        return starts

    def totals(self) -> dict[str, int]:
        """Messages by action."""
        return dict(zip(self.actions, self.series.sum(axis=0).tolist(), strict=True))

    def station_totals(self) -> dict[str, dict[str, int]]:
        """Messages by station id and action."""
        rows = self.per_station.tolist()
        return {
            name: dict(zip(self.actions, row, strict=True))
            for name, row in zip(self.station_ids, rows, strict=True)
        }

    def columns(self) -> dict[str, NDArray]:  # type: ignore[type-arg]
        """Bins with messages as columns ``bucket_s``, ``action``, ``direction``, ``count``."""
        bins, action = np.nonzero(self.series)
        return {
            "bucket_s": self.bin_starts_s[bins],
            "action": np.array(self.actions, dtype=object)[action],
            "direction": np.full(len(bins), "station", dtype=object),
            "count": self.series[bins, action],
        }


def _prediction(
    tallies: Sequence[Tally], ids: Sequence[str], place: Sequence[I32], notes: tuple[str, ...]
) -> Prediction:
    """Put parts of a network together; ``place`` says where each part's stations stand in it."""
    frame = tallies[0].frame
    parts = [tally.series() for tally in tallies]
    actions = tuple(sorted({action for part in parts for action in part}))
    series = np.zeros((frame.bins, len(actions)), dtype=np.int64)
    per_station = np.zeros((len(ids), len(actions)), dtype=np.int64)
    for tally, part, stations in zip(tallies, parts, place, strict=True):
        for column, action in enumerate(actions):
            if action in part:
                series[:, column] += part[action]
                per_station[stations, column] += tally.per_station[action]
    begun = {
        ids[stations[number]]: count
        for tally, stations in zip(tallies, place, strict=True)
        for number, count in tally.begun.items()
    }
    shape = frame.begin_s, frame.bin_s, actions, series
    return Prediction(*shape, tuple(ids), per_station, notes, begun)


def predict_live(
    scenario: Scenario,
    shards: Sequence[ShardPlan],
    *,
    heartbeat_s: float | None = None,
    epoch_at_zero: float = 0.0,
    bin_s: float = 1.0,
) -> Prediction:
    """Calls that a live run will cause, per second of run time (or per ``bin_s``).

    ``heartbeat_s`` is the interval that the CSMS gives when it accepts a station; without it the
    scenario's ``live.heartbeat`` is assumed, or the station model's. ``epoch_at_zero`` is the Unix
    time of T0, which decides when clock-aligned meter values fall due.
    """
    run_s = max(shard.run_s for shard in shards)
    order = np.argsort(np.concatenate([shard.station_index for shard in shards]), kind="stable")
    ids = [name for shard in shards for name in shard.ids]
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order))
    tallies, place, at = [], [], 0
    for shard in shards:
        frame = Frame(0.0, run_s, bin_s, shard.stations)
        models = [shard.kinds[kind] for kind in shard.kind]
        own = scenario.file.live.heartbeat
        setups = Setups.of(models, shard.versions, shard.speed, own)
        beat = setups.heartbeat_s
        if heartbeat_s is not None:
            beat = np.full(shard.stations, float(heartbeat_s))
        profile = scenario.file.csms.security_profile
        late = clock_errors(shard.station_index, scenario.file.live.clock_spread)
        tallies.append(_live_tally(shard, frame, setups, beat, epoch_at_zero, profile, late))
        place.append(rank[at : at + shard.stations])
        at += shard.stations
    kinds = [
        (shard.kinds[kind], version)
        for shard in shards
        for kind, version in set(zip(shard.kind.tolist(), shard.versions, strict=True))
    ]
    return _prediction(tallies, [ids[i] for i in order], place, caveats(kinds))


def _live_tally(
    shard: ShardPlan,
    frame: Frame,
    setups: Setups,
    beat: F64,
    epoch_at_zero: float,
    profile: int,
    late_s: F64,
) -> Tally:
    tally = Tally(frame)
    tally.turn_to(shard.versions, 0)
    evses = np.diff(shard.evse_first).astype(np.int32)
    on = shard.connect_due_s < shard.run_s
    spells = switched(shard)
    tally.points(Event.BOOT, spells.on_s, spells.station)
    tell = startups_told(shard.versions, profile)[spells.station]
    tally.points(Event.SECURITY, spells.on_s[tell], spells.station[tell])
    quirks = StationQuirks.of([shard.kinds[kind] for kind in shard.kind], shard.versions)
    later = spells.on_s + quirks.delay_s[spells.station]
    seen = later <= np.minimum(shard.run_s, spells.off_s)
    statuses = told_at_boot(shard.versions, evses)
    booted = spells.station[seen]
    tally.points(Event.OPERATIVE, later[seen], booted, statuses[booted])
    terms = setups.terms
    stays = split_taps(timed_out(shard.stays, terms, shard.run_s))
    events = unasked(told(tabulate(stays), stays, terms, shard.run_s), stays, terms)
    events = quirks.applied(events, stays, shard.run_s)
    stays, runs = open_spans(stays, terms)
    sample_s = np.where(runs, setups.sample_s[stays.station], 0.0)
    add_stays(tally, stays, events, sample_s)
    awake = np.where(on, shard.connect_due_s, np.inf)
    off, dark = spells.gaps(shard.run_s), None
    if len(off[0]):
        dark = spells.dark
    fixed, said = quirks.fixed_heartbeat, (booted, later[seen])
    quiet = silences(stays, events, sample_s, beat, awake, shard.run_s, off, fixed, said)
    read_s = np.where(fixed, 0.0, setups.aligned_s)
    for part in between_readings(quiet, read_s, shard.run_s, epoch_at_zero, late_s):
        add_heartbeats(tally, part, beat)
    add_aligned(tally, awake, setups.aligned_s, evses, stays, runs, epoch_at_zero, dark, late_s)
    return tally


def switched(shard: ShardPlan) -> Spells:
    """When each station of a shard is on during the run."""
    if shard.spells is None:
        due = shard.connect_due_s
        return once(np.where(due < shard.run_s, due, np.inf))
    return shard.spells.before(shard.run_s)


def predict_network(
    engine: EngineResult,
    scenario: Scenario,
    network: Network,
    *,
    bin_s: float = MINUTE_S,
    heartbeat_s: float | None = None,
) -> Prediction:
    """Calls that the network will cause in operation, per minute of plan time.

    Every station counts as connected and accepted all along (no boots but those after an outage),
    with the phases of the heartbeat timers spread evenly. Suspensions by the site limit are seen
    only if the engine recorded caps; ``notes`` says when it did not.
    """
    count = NetworkCount(
        scenario,
        engine.duration_s,
        network.stations,
        bin_s=bin_s,
        heartbeat_s=heartbeat_s,
    )
    at = 0
    for result in engine.sites:
        count.add(result, at)
        at += len(result.site.stations)
    ids = [station.id for site in network.sites for station in site.stations]
    place = [np.arange(len(ids), dtype=np.int32)]
    outages = any(result.outages for result in engine.sites)
    notes = network_notes(network, count.recorded, outages)
    return _prediction([count.tally], ids, place, notes)


class NetworkCount:
    """The counting of ``predict_network``, site by site: a site may be forgotten once it is added.

    Sums of whole numbers: parts of a network may be counted apart, in any order, and added up.
    """

    __slots__ = ("_epoch_s", "_heartbeat_s", "_scenario", "recorded", "tally")

    def __init__(
        self,
        scenario: Scenario,
        duration_s: float,
        stations: int,
        *,
        bin_s: float = MINUTE_S,
        heartbeat_s: float | None = None,
    ) -> None:
        """``stations`` is the number of stations of the whole network."""
        self.tally = Tally(Frame(0.0, duration_s, bin_s, stations))
        self.recorded = True
        """Whether all sites so far had recorded caps."""
        self._scenario = scenario
        self._heartbeat_s = heartbeat_s
        self._epoch_s = scenario.start.timestamp()

    def add(self, result: SiteResult, first_station: int) -> None:
        """Count a site, the first of whose stations has that number in the network."""
        stations = result.site.stations
        versions = [station.version for station in stations]
        own = self._heartbeat_s
        own = self._scenario.file.live.heartbeat if own is None else own
        setups = Setups.of([station.model for station in stations], versions, 1.0, own)
        self.tally.turn_to(versions, first_station)
        profile = self._scenario.file.csms.security_profile
        self.recorded &= _count_site(self.tally, result, setups, self._epoch_s, profile)


def network_notes(network: Network, recorded: bool, outages: bool) -> tuple[str, ...]:
    """What the counts of a network rest on that its plan does not say."""
    kinds = ((s.model, s.version) for site in network.sites for s in site.stations)
    notes = caveats(kinds, outages)
    if not recorded:
        notes += ("cars that a limit makes pause are counted as charging: no pauses were kept",)
    if outages:
        notes += (CHARGES_ON,)
    return notes


def _count_site(
    tally: Tally, result: SiteResult, setups: Setups, epoch: float, profile: int
) -> bool:
    """Add the messages of a site; says whether its caps were recorded."""
    end_s = tally.frame.end_s
    stays, recorded = network_stays(result, end_s)
    stations = result.site.stations
    models = [station.model for station in stations]
    versions = [station.version for station in stations]
    terms, beat = setups.terms, setups.heartbeat_s
    if result.outages:
        stays = undisturbed(result, stays)
    stays = split_taps(timed_out(stays, terms, end_s))
    evses = np.array([station.evses for station in stations], np.int32)
    outages = Outages(result, stays, end_s) if result.outages else None
    stays = stays if outages is None else outages.stays
    events = unasked(told(tabulate(stays), stays, terms, end_s), stays, terms)
    if outages is not None:
        events = outages.happenings(events)
        outages.add(tally, told_at_boot(versions, evses), startups_told(versions, profile))
    quirks = StationQuirks.of(models, versions)
    events = quirks.applied(events, stays, end_s)
    stays, runs = open_spans(stays, terms)
    sample_s = np.where(runs, setups.sample_s[stays.station], 0.0)
    add_stays(tally, stays, events, sample_s)
    awake = -beat * _spread(len(stations))
    busy = None if outages is None else outages.busy()
    fixed = quirks.fixed_heartbeat
    quiet = silences(stays, events, sample_s, beat, awake, end_s, busy, fixed)
    for part in between_readings(quiet, np.where(fixed, 0.0, setups.aligned_s), end_s, epoch):
        add_heartbeats(tally, part, beat)
    dark = None if outages is None else outages.dark
    add_aligned(tally, np.zeros(len(stations)), setups.aligned_s, evses, stays, runs, epoch, dark)
    return recorded


def told_at_boot(versions: Sequence[str], evses: I32) -> I32:
    """Statuses that each station reports once it is accepted: in 1.6 its own too."""
    more = {name: statuses_at_boot(TABLES[name], 0) for name in set(versions)}
    told: I32 = evses + np.array([more[name] for name in versions], np.int32)
    return told


def startups_told(versions: Sequence[str], profile: int) -> NDArray[np.bool_]:
    """Which stations tell each start as a security event."""
    tell = {name: tells_startup(TABLES[name], profile) for name in set(versions)}
    return np.array([tell[name] for name in versions], np.bool_)


def network_stays(result: SiteResult, end_s: float) -> tuple[Stays, bool]:
    """The sessions of a site in plan time, and whether their caps were recorded.

    ``station`` is the index in the site. What is still plugged in at ``end_s`` has no end.
    """
    plan = result.plan
    visit = np.flatnonzero((plan.evse >= 0) & np.isfinite(plan.plug_in_s))
    recorded = bool(len(plan.cap_s)) or not len(visit)
    evse = plan.evse[visit]
    start = plan.plug_in_s[visit]
    stop = np.where(plan.unplug_s[visit] <= end_s, plan.unplug_s[visit], np.inf)
    until = np.minimum(stop, np.nextafter(end_s, np.inf))
    full = np.where(plan.charge_end_s[visit] < until, plan.charge_end_s[visit], np.inf)
    offset, cap_s, cap_kw = np.zeros(len(visit) + 1, np.int64), np.zeros(0), np.zeros(0)
    if recorded:
        offset, rows = ranges(plan.cap_offset[visit], np.diff(plan.cap_offset)[visit])
        cap_s, cap_kw = plan.cap_s[rows], plan.cap_kw[rows]
    full, offset, cap_s, cap_kw = tidy_caps(start, until, full, offset, cap_s, cap_kw)
    station = result.evse_station[evse].astype(np.int32)
    number = result.evse_number[evse].astype(np.int32)
    manner, means = settled(result, visit)
    manner = playable(manner, start, stop)
    return Stays(station, number, start, stop, full, offset, cap_s, cap_kw, manner, means), recorded


def _spread(n: int) -> F64:
    """Numbers in [0, 1) that fill it evenly however many are taken (golden-ratio sequence)."""
    golden = (5.0**0.5 - 1.0) / 2.0
    spread: F64 = np.arange(1, n + 1, dtype=np.float64) * golden % 1.0
    return spread
