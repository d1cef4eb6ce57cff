"""What the stations of one site play in a live run, from the engine's plan of that site.

Who keeps the site limit decides the caps. Under ``local`` control stations follow the engine's
caps, as behind a local load manager. Otherwise only the hardware holds a car back (``hardware``),
and when it is done is worked out from that. Called by ``liveplan``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.agenda import Stays, ranges, tidy_caps
from simulator.fleet.hardware import hardware_caps
from simulator.fleet.manners import playable
from simulator.fleet.means import settled
from simulator.fleet.rules import BOOT_ALLOWANCE_S, LEAVE_S, MIN_STAY_S
from simulator.fleet.shardplan import Cars
from simulator.fleet.spells import Spells

if TYPE_CHECKING:
    from simulator.engine.plan import SiteResult

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """The piece of plan time that a run plays, and the run time that it becomes."""

    from_s: float
    speed: float
    run_s: float

    @property
    def until_s(self) -> float:
        """Plan time at the run's end: the engine must have simulated that far."""
        return self.from_s + self.run_s * self.speed

    def to_run(self, plan_s: F64) -> F64:
        """Plan seconds to run seconds (``nan``, never, becomes ``inf``)."""
        run = (plan_s - self.from_s) / self.speed
        return np.where(np.isnan(run), np.inf, run)


@dataclass(frozen=True, slots=True)
class SitePart:
    """One site's stays, with the station indices of the shard and knots of its own."""

    stays: Stays
    cars: Cars
    knots_soc: F64
    knots_kw: F64
    left_out: int


def site_part(result: SiteResult, span: Window, on: Spells, close_due: F64, base: int) -> SitePart:
    """What the stations of one site play.

    ``on`` is when each station of the site is on, ``close_due`` when it ends what still runs,
    ``base`` the shard's index of the first of them. A visit that lasts while its station is
    switched off and on again is played in pieces, each at the state of charge that the plan has by
    then. Raises ValueError if a locally
    controlled site has no recorded caps.
    """
    plan = result.plan
    visit = np.flatnonzero((plan.evse >= 0) & np.isfinite(plan.plug_in_s))
    turn = turns(plan.evse[visit], plan.plug_in_s[visit])
    near = span.to_run(plan.plug_in_s[visit]) < span.run_s
    near &= span.to_run(plan.unplug_s[visit]) > 0.0
    visit, turn = visit[near], turn[near]
    order = np.lexsort((plan.plug_in_s[visit], plan.evse[visit]))
    visit, turn = visit[order], turn[order]

    cars = _cars(result, visit, turn, span.speed)
    knots = result.visits.curves.soc, result.visits.curves.kw
    stays = _stays(result, visit, span, base)
    if result.site.site.control == "local":
        stays = _follow_engine(stays, result, visit, span)
    else:
        stays = hardware_caps(stays, cars, knots, _station_kw(result, base))
    station = (stays.station - base).astype(np.int64)
    spells, piece = ranges(on.offset[station], np.diff(on.offset)[station])
    rows = np.repeat(np.arange(len(stays)), np.diff(spells))
    begin = np.maximum(stays.start_s[rows], on.on_s[piece] + BOOT_ALLOWANCE_S)
    end = np.minimum(stays.stop_s[rows], close_due[station[rows]])
    end = np.minimum(end, on.off_s[piece] - LEAVE_S)
    played = end - begin >= MIN_STAY_S
    left_out = len(np.setdiff1d(rows, rows[played]))
    rows = rows[played]
    stays, cars = take(stays, rows), cars.take(rows)
    stays, cars = _begin(stays, cars, knots, begin[played], end[played])
    return SitePart(stays, cars, *knots, left_out=left_out)


def turns(evse: I32, plug_in_s: F64) -> I32:
    """How many visits each visit's EVSE has had before it."""
    order = np.lexsort((plug_in_s, evse))
    sorted_evse = evse[order]
    place = np.arange(len(evse))
    fresh = np.ones(len(evse), dtype=bool)
    fresh[1:] = sorted_evse[1:] != sorted_evse[:-1]
    count = np.empty(len(evse), dtype=np.int32)
    count[order] = place - np.maximum.accumulate(np.where(fresh, place, 0))
    return count


def _cars(result: SiteResult, visit: I64, turn: I32, speed: float) -> Cars:
    plan, visits = result.plan, result.visits
    model = [station.model for station in result.site.stations]
    station = result.evse_station[plan.evse[visit]]
    dc = np.array([kind.current == "dc" for kind in model], dtype=bool)[station]
    phases = np.array([kind.phases for kind in model], dtype=np.int32)[station]
    curve = visits.curve[visit]
    return Cars(
        soc=visits.soc[visit],
        target_soc=visits.target_soc[visit],
        capacity_kwh=visits.battery_kwh[visit] / speed,
        efficiency=plan.efficiency[visit],
        limit_kw=plan.limit_kw[visit],
        phases=np.where(dc, 1, np.minimum(phases, visits.ac_phases[visit])).astype(np.int32),
        knot=visits.curves.offset[curve].astype(np.int32),
        knot_stop=visits.curves.offset[curve + 1].astype(np.int32),
        turn=turn,
    )


def _stays(result: SiteResult, visit: I64, span: Window, base: int) -> Stays:
    plan = result.plan
    evse = plan.evse[visit]
    n = len(visit)
    start = span.to_run(plan.plug_in_s[visit])
    manner, means = settled(result, visit)
    return Stays(
        station=(result.evse_station[evse] + base).astype(np.int32),
        evse=result.evse_number[evse].astype(np.int32),
        start_s=start,
        stop_s=span.to_run(plan.unplug_s[visit]),
        full_s=np.full(n, np.inf),
        cap_offset=np.arange(n + 1, dtype=np.int64),
        cap_s=start,
        cap_kw=np.full(n, np.inf),
        manner=manner,
        means=means,
    )


def _follow_engine(stays: Stays, result: SiteResult, visit: I64, span: Window) -> Stays:
    plan = result.plan
    counts = np.diff(plan.cap_offset)[visit]
    if len(visit) and not counts.all():
        raise ValueError(
            f"site {result.site.name} keeps its limit itself, but its plan has no recorded caps"
        )
    offset, rows = ranges(plan.cap_offset[visit], counts)
    return replace(
        stays,
        full_s=span.to_run(plan.charge_end_s[visit]),
        cap_offset=offset,
        cap_s=span.to_run(plan.cap_s[rows]),
        cap_kw=plan.cap_kw[rows],
    )


def _station_kw(result: SiteResult, base: int) -> dict[int, float]:
    """Power that the EVSEs of a station share, of those stations where it can run short."""
    return {
        base + i: station.model.station_kw
        for i, station in enumerate(result.site.stations)
        if station.evses > 1 and station.model.station_kw < station.evses * station.model.evse_kw
    }


def take(stays: Stays, rows: I64) -> Stays:
    """The stays of some rows, with their caps."""
    offset, caps = ranges(stays.cap_offset[rows], np.diff(stays.cap_offset)[rows])
    return Stays(
        station=stays.station[rows],
        evse=stays.evse[rows],
        start_s=stays.start_s[rows],
        stop_s=stays.stop_s[rows],
        full_s=stays.full_s[rows],
        cap_offset=offset,
        cap_s=stays.cap_s[caps],
        cap_kw=stays.cap_kw[caps],
        manner=None if stays.manner is None else stays.manner[rows],
        means=stays.means_of(rows),
    )


def _begin(
    stays: Stays, cars: Cars, knots: tuple[F64, F64], begin: F64, end: F64
) -> tuple[Stays, Cars]:
    """Let every stay begin at ``begin``, at the state of charge that it has reached by then."""
    soc = cars.soc.copy()
    curve = knots[0].tolist(), knots[1].tolist()
    for row in np.flatnonzero(begin > stays.start_s).tolist():
        caps = slice(int(stays.cap_offset[row]), int(stays.cap_offset[row + 1]))
        charge = cars.charge(row, stays.cap_s[caps].tolist(), stays.cap_kw[caps].tolist(), curve)
        charge.close(float(stays.start_s[row]))
        charge.advance(float(min(begin[row], stays.full_s[row])))
        soc[row] = min(charge.soc, max(float(cars.target_soc[row]), float(cars.soc[row])))
    full, offset, cap_s, cap_kw = tidy_caps(
        begin, end, stays.full_s, stays.cap_offset, stays.cap_s, stays.cap_kw
    )
    manner = playable(stays.manner, begin, end)
    begun = Stays(stays.station, stays.evse, begin, end, full, offset, cap_s, cap_kw, manner)
    begun = replace(begun, means=stays.means)
    return begun, replace(cars, soc=soc)


_CAR_TYPES = {field.name: np.int32 if field.type == "I32" else np.float64 for field in fields(Cars)}


def joined(parts: Sequence[SitePart]) -> tuple[Stays, Cars, F64, F64]:
    """The stays of several sites under one another: ``(stays, cars, knots_soc, knots_kw)``.

    Sites that share a curve table share it here too.
    """
    tables: list[tuple[F64, F64]] = []
    knot_base = []
    for part in parts:
        known = [i for i, (soc, _) in enumerate(tables) if soc is part.knots_soc]
        at = known[0] if known else len(tables)
        if not known:
            tables.append((part.knots_soc, part.knots_kw))
        knot_base.append(sum(len(soc) for soc, _ in tables[:at]))
    caps = np.cumsum([0] + [len(part.stays.cap_s) for part in parts])
    stays = Stays(
        station=_stack([p.stays.station for p in parts], np.int32),
        evse=_stack([p.stays.evse for p in parts], np.int32),
        start_s=_stack([p.stays.start_s for p in parts], np.float64),
        stop_s=_stack([p.stays.stop_s for p in parts], np.float64),
        full_s=_stack([p.stays.full_s for p in parts], np.float64),
        cap_offset=_stack(
            [np.zeros(1)]
            + [p.stays.cap_offset[1:] + at for p, at in zip(parts, caps, strict=False)],
            np.int64,
        ),
        cap_s=_stack([p.stays.cap_s for p in parts], np.float64),
        cap_kw=_stack([p.stays.cap_kw for p in parts], np.float64),
        manner=_codes([(p.stays.manner, len(p.stays)) for p in parts]),
        means=_codes([(p.stays.means, len(p.stays)) for p in parts]),
    )
    moved = [
        replace(p.cars, knot=p.cars.knot + base, knot_stop=p.cars.knot_stop + base)
        for p, base in zip(parts, knot_base, strict=True)
    ]
    cars = Cars(
        *(
            _stack([getattr(cars, field.name) for cars in moved], _CAR_TYPES[field.name])
            for field in fields(Cars)
        )
    )
    return (
        stays,
        cars,
        _stack([soc for soc, _ in tables], np.float64),
        _stack([kw for _, kw in tables], np.float64),
    )


def _codes(parts: Sequence[tuple[NDArray[np.int8] | None, int]]) -> NDArray[np.int8] | None:
    """Columns of (codes, length) under one another, None being all 0."""
    if all(codes is None for codes, _ in parts):
        return None
    return np.concatenate([np.zeros(n, np.int8) if codes is None else codes for codes, n in parts])


def _stack(columns: Sequence[NDArray], kind: type) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate(columns).astype(kind, copy=False) if columns else np.zeros(0, kind)
