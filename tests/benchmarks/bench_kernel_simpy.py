"""The competitor of bench_kernel: the same charging hub as a plain simpy model.

A process per driver, an event per place in the queue, a timeout per change of a car's course;
equal shares by water-filling under station limits and the site limit, tapering curves in closed
form (the functions of ``simulator.charging``, uncompiled), patience, and energy recorded per
interval. It takes the cheaper road wherever simpy offers two: a car whose cap changes gets a new
timeout and ignores the old one (an interrupt would cost twice as much), and shares are decided only
when they can change. Its results are compared with the kernel's before any time is.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import simpy

from simulator.charging.curve import curve_at, gained, lasting, piece, segment


@dataclass(slots=True)
class Car:
    """A car at its EVSE, with the piece of its course that it is in."""

    evse: int
    station: int
    target: float
    capacity: float
    scale: float
    limit: float
    floor: float
    leaves_s: float
    soc: float
    anchor_s: float
    knot: int
    knot_stop: int
    done: Any
    cap: float = -1.0
    power: float = 0.0
    slope: float = 0.0
    end_soc: float = 0.0
    end_s: float = math.inf
    generation: int = 0
    active: bool = True


@dataclass(slots=True)
class Hub:
    """The site: EVSEs, queue, limits, and what is recorded."""

    env: simpy.Environment
    evse_station: list[int]
    evse_kw: list[float]
    station_kw: list[float]
    site_kw: float
    interval_s: float
    knots_soc: list[float]
    knots_kw: list[float]
    load_kwh: list[float]
    free_since: list[float | None] = field(default_factory=list)
    cars: dict[int, Car] = field(default_factory=dict)
    queue: deque[tuple[Any, dict[str, Any]]] = field(default_factory=deque)
    curbed: set[int] = field(default_factory=set)
    held: bool = False
    served: int = 0
    gave_up: int = 0
    energy_kwh: float = 0.0


def hub(env, layout, knots_soc, knots_kw, site_kw, interval_s, intervals):
    """An empty hub; ``layout`` is a list of (station kW, [EVSE kW ...])."""
    station_of = [s for s, (_, evses) in enumerate(layout) for _ in evses]
    evse_kw = [kw for _, evses in layout for kw in evses]
    return Hub(
        env,
        station_of,
        evse_kw,
        [kw for kw, _ in layout],
        site_kw,
        interval_s,
        knots_soc,
        knots_kw,
        [0.0] * intervals,
        [0.0] * len(evse_kw),
    )


def source(h: Hub, visits: list[dict[str, Any]]):
    """Drivers arrive one after the other."""
    for visit in visits:
        yield h.env.timeout(visit["arrival_s"] - h.env.now)
        h.env.process(driver(h, visit))


def driver(h: Hub, visit: dict[str, Any]):
    """Find an EVSE or wait for one, charge, leave."""
    env = h.env
    evse = choose(h, visit)
    if evse is None:
        ticket = env.event()
        entry = (ticket, visit)
        h.queue.append(entry)
        wait_s = min(visit["patience_s"], visit["departure_s"] - env.now)
        got = yield ticket | env.timeout(wait_s)
        if ticket not in got:
            h.queue.remove(entry)
            h.gave_up += 1
            return
        evse = ticket.value
    car = plug_in(h, visit, evse)
    share(h, car.station)
    yield car.done
    unplug(h, car)


def choose(h: Hub, visit: dict[str, Any]) -> int | None:
    """The free EVSE with most power, then most power left at its station, then free for longest."""
    best, best_key = None, None
    for evse, since in enumerate(h.free_since):
        if since is not None:
            station = h.evse_station[evse]
            taken = sum(
                car.limit for car in h.cars.values() if car.station == station and car.active
            )
            key = (min(h.evse_kw[evse], visit["dc_kw"]), h.station_kw[station] - taken, -since)
            if best_key is None or key > best_key:
                best, best_key = evse, key
    if best is not None:
        h.free_since[best] = None
    return best


def plug_in(h: Hub, visit: dict[str, Any], evse: int) -> Car:
    """A car takes an EVSE."""
    efficiency = visit["efficiency"]
    car = Car(
        evse=evse,
        station=h.evse_station[evse],
        target=visit["target_soc"],
        capacity=visit["battery_kwh"] / efficiency,
        scale=1.0 / efficiency,
        limit=min(h.evse_kw[evse], visit["dc_kw"]),
        floor=visit["floor_kw"],
        leaves_s=visit["departure_s"],
        soc=visit["soc"],
        anchor_s=h.env.now,
        knot=visit["knot"],
        knot_stop=visit["knot_stop"],
        done=h.env.event(),
    )
    h.cars[evse] = car
    return car


def unplug(h: Hub, car: Car) -> None:
    """The car leaves; who waits longest takes its place."""
    was_active = car.active
    if was_active:
        settle(h, car)
        car.active = False
    car.generation += 1
    del h.cars[car.evse]
    h.free_since[car.evse] = h.env.now
    h.served += 1
    if h.queue:
        ticket, visit = h.queue.popleft()
        ticket.succeed(choose(h, visit))
    elif was_active and (h.held or car.station in h.curbed):
        share(h, car.station)


def soc_now(h: Hub, car: Car) -> float:
    """SoC of a car now."""
    if h.env.now >= car.end_s:
        return car.end_soc
    dt = h.env.now - car.anchor_s
    return min(car.end_soc, car.soc + gained(dt, car.power, car.slope, car.capacity))


def settle(h: Hub, car: Car) -> None:
    """Move the car's anchor to now and record its energy by interval."""
    now, soc = h.env.now, soc_now(h, car)
    start_s, start_soc = car.anchor_s, car.soc
    h.energy_kwh += (soc - car.soc) * car.capacity
    j = int(start_s / h.interval_s)
    while (j + 1) * h.interval_s < now:
        dt = (j + 1) * h.interval_s - car.anchor_s
        border = car.soc + gained(dt, car.power, car.slope, car.capacity)
        h.load_kwh[j] += (border - start_soc) * car.capacity
        start_soc = border
        j += 1
    if now > start_s:
        h.load_kwh[min(j, len(h.load_kwh) - 1)] += (soc - start_soc) * car.capacity
    car.anchor_s, car.soc = now, soc


def renew(h: Hub, car: Car, cap: float) -> None:
    """A new piece from the anchor on, and a timeout for its end."""
    car.cap = cap
    if cap <= 0.0:
        car.power, car.slope, car.end_soc, car.end_s = 0.0, 0.0, car.soc, math.inf
    else:
        car.power, car.slope, car.end_soc, car.knot = piece(
            car.soc, car.target, cap, car.scale, h.knots_soc, h.knots_kw, car.knot, car.knot_stop
        )
        dsoc = car.end_soc - car.soc
        car.end_s = car.anchor_s + lasting(dsoc, car.power, car.slope, car.capacity)
    wake(h, car, min(car.end_s, car.leaves_s))


def wake(h: Hub, car: Car, at_s: float) -> None:
    """Come back to a car at a time, unless its course has changed by then."""
    car.generation += 1
    timeout = h.env.timeout(at_s - h.env.now, (car, car.generation))
    timeout.callbacks.append(lambda event: turn(h, *event.value))


def turn(h: Hub, car: Car, generation: int) -> None:
    """A car's piece ends, or its driver comes."""
    if generation != car.generation:
        return
    due_s = min(car.end_s, car.leaves_s) if car.active else car.leaves_s
    if h.env.now < due_s:  # The sum of now and the delay was rounded down.
        wake(h, car, due_s)
        return
    if car.active and h.env.now >= car.end_s:
        rose, before = car.slope > 0.0, car.power + car.slope * (car.end_soc - car.soc)
        settle(h, car)
        if car.soc >= car.target:
            car.active = False
            if h.env.now < car.leaves_s:
                wake(h, car, car.leaves_s)
        else:
            renew(h, car, car.cap)
            if rose and car.power == car.cap and car.slope == 0.0:
                return
            top = max(car.power, car.power + car.slope * (car.end_soc - car.soc))
            if top <= before and not h.held and car.station not in h.curbed:
                return
        if h.env.now < car.leaves_s and (car.active or h.held or car.station in h.curbed):
            share(h, car.station)
    if h.env.now >= car.leaves_s:
        car.done.succeed()


def fill(limit: float, members: list[list[float]]) -> None:
    """Raise one level for all; a member is [floor, want, share]."""
    if sum(m[1] for m in members) <= limit:
        for m in members:
            m[2] = m[1]
        return
    points = sorted({m[0] for m in members} | {m[1] for m in members})
    low = 0.0
    for point in points:
        if sum(min(max(point, m[0]), m[1]) for m in members) > limit:
            break
        low = point
    rising = [m for m in members if m[0] <= low < m[1]]
    fixed = sum(min(max(low, m[0]), m[1]) for m in members if not m[0] <= low < m[1])
    level = (limit - fixed) / len(rising) if rising else low
    for m in members:
        m[2] = min(max(level, m[0]), m[1])


def share(h: Hub, station: int) -> None:
    """Equal shares for all who charge, or at one station only where the site limit cannot bind."""
    taken: dict[int, float] = {}
    for car in h.cars.values():
        if car.active:
            taken[car.station] = taken.get(car.station, 0.0) + car.limit
    binds = sum(min(h.station_kw[s], kw) for s, kw in taken.items()) > h.site_kw
    everywhere = binds or h.held
    cars = [c for c in h.cars.values() if c.active and (everywhere or c.station == station)]
    members = []
    for car in cars:
        soc = soc_now(h, car) if car.cap >= 0.0 else car.soc
        knot = segment(soc, h.knots_soc, car.knot, car.knot_stop)
        top = max(
            curve_at(soc, car.scale, h.knots_soc, h.knots_kw, knot),
            h.knots_kw[knot + 1] * car.scale,
        )
        want = min(car.limit, top)
        members.append([min(car.floor, want), want, 0.0])
    by_station: dict[int, list[list[float]]] = {}
    for car, member in zip(cars, members, strict=True):
        by_station.setdefault(car.station, []).append(member)
    for s, inside in by_station.items():
        fill(h.station_kw[s], inside)
    wants = [m[1] for m in members]
    for m in members:
        m[1] = m[2]
    h.held = binds and sum(m[1] for m in members) > h.site_kw
    fill(h.site_kw if binds else math.inf, members)
    h.curbed = set() if everywhere else h.curbed - {station}
    for car, want, (_, _, give) in zip(cars, wants, members, strict=True):
        if give < want:
            h.curbed.add(car.station)
        cap = car.limit if give >= want else give
        if cap != car.cap:
            if car.cap >= 0.0:
                settle(h, car)
            renew(h, car, cap)
