"""Sites and visits made up by hand or at random, and power played back from recorded caps.

The playback knows nothing of the kernel: it plays the recorded caps through the plain physics.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from simulator.charging.curve import advance_soc, drained_soc, draining, power_at, time_to_soc
from simulator.demand.visits import Curves, Visits
from simulator.engine import acts
from simulator.engine.kernel import state
from simulator.engine.plan import SiteResult
from simulator.scenario import Site, SiteInstance, StationInstance, StationModel
from simulator.scenario.mix_model import StationGroup

INF = math.inf

KNOTS = [
    ([0.0, 1.0], [INF, INF]),
    ([0.0, 0.35, 0.7, 1.0], [125.0, 125.0, 65.0, 20.0]),
    ([0.0, 0.5, 1.0], [60.0, 80.0, 30.0]),
    ([0.0, 0.4, 0.6, 0.9, 1.0], [180.0, 195.0, 110.0, 40.0, 12.0]),
    (
        [0.0, 0.1, 0.22, 0.23, 0.37, 0.38, 0.47, 0.48, 0.55, 0.56, 0.7, 0.8, 1.0],
        [200.0, 210.0, 232.0, 185.0, 185.0, 175.0, 175.0, 155.0, 155.0, 130.0, 130.0, 100.0, 11.0],
    ),
    ([0.0, 0.3, 0.6, 1.0], [50.0, 60.0, 120.0, 30.0]),
    ([0.0, 0.3, 0.8, 1.0], [9.0, 9.0, 4.0, 1.0]),
]
CURVES = Curves(
    offset=np.cumsum([0] + [len(soc) for soc, _ in KNOTS]).astype(np.int32),
    soc=np.concatenate([soc for soc, _ in KNOTS]),
    kw=np.concatenate([kw for _, kw in KNOTS]),
)


def model(current="ac", evses=1, evse_kw=22.0, station_kw=None, phases=3, min_kw=5.0, **fields):
    return StationModel(
        name="post",
        source="",
        description="",
        vendor="Maker",
        model="Post",
        current=current,
        evses=evses,
        evse_kw=evse_kw,
        station_kw=evses * evse_kw if station_kw is None else station_kw,
        phases=phases,
        min_kw=min_kw,
        measurands=(),
        meter_interval=60.0,
        clock_aligned_interval=0.0,
        heartbeat=None,
        configuration={},
        **fields,
    )


def site(
    *models, limit=None, policy="equal_share", queue=True, rotate=900.0, name="yard", **fields
):
    table = Site.model_construct(
        name=name,
        stations=(StationGroup(model="post"),),
        grid_limit=limit,
        policy=policy,
        queue=queue,
        rotate=rotate,
        **fields,
    )
    stations = tuple(
        StationInstance(
            site=name,
            ordinal=n,
            id=f"CSW-{name}-{n:04d}",
            model=m,
            evses=m.evses,
            evse_names=None,
            vendor=m.vendor,
            model_name=m.model,
            serial="",
            password=None,
        )
        for n, m in enumerate(models, start=1)
    )
    return SiteInstance(name, table, stations, False)


def visits(arrival_s, curves=CURVES, **columns):
    """Visits with a plain 60 kWh car that stays for ever; columns may be scalars."""
    n = len(arrival_s)
    values = {
        "departure_s": INF,
        "linger_s": INF,
        "patience_s": INF,
        "soc": 0.2,
        "target_soc": 0.8,
        "battery_kwh": 60.0,
        "ac_kw": 11.0,
        "ac_phases": 3,
        "dc_kw": 100.0,
        "efficiency_ac": 0.9,
        "efficiency_dc": 0.95,
        "curve": 0,
        "evse": -1,
    } | columns
    kinds = dict.fromkeys(("ac_phases", "curve", "evse", "most_ahead", "next_visit"), np.int32)
    kinds["no_show"] = np.bool_
    filled = {
        name: np.broadcast_to(np.asarray(value, kinds.get(name, np.float64)), n).copy()
        for name, value in values.items()
    }
    return Visits(arrival_s=np.asarray(arrival_s, np.float64), label=None, curves=curves, **filled)


def services(arrival_s, service_s, **columns):
    """Visits that keep an EVSE of 10 kW for ``service_s`` from plugging in, and leave when done."""
    return visits(
        arrival_s,
        soc=0.0,
        target_soc=1.0,
        battery_kwh=10.0 * np.asarray(service_s) / 3600.0,
        ac_kw=10.0,
        efficiency_ac=1.0,
        linger_s=0.0,
        **columns,
    )


def posts(count):
    """``count`` plain EVSEs of 10 kW."""
    return (model(evse_kw=10.0),) * count


MODELS = [
    model("ac", 1, 22.0),
    model("ac", 2, 22.0, station_kw=22.0),
    model("ac", 1, 7.4, phases=1),
    model("dc", 2, 150.0, station_kw=150.0, min_kw=5.0),
    model("dc", 1, 50.0, min_kw=2.0),
    model("dc", 4, 300.0, station_kw=400.0, min_kw=10.0),
]


@st.composite
def cases(draw, most_visits=30):
    """A site and its visits for two hours, with ties, tight limits and every kind of car."""
    chosen = draw(st.lists(st.sampled_from(MODELS), min_size=1, max_size=4))
    full = sum(m.station_kw for m in chosen)
    limit = draw(st.one_of(st.none(), st.sampled_from([1.0, 3.0, 9.0, 20.0]), st.floats(0.05, 1.1)))
    if limit is not None and limit <= 1.1:
        limit = limit * full
    where = site(
        *chosen,
        limit=limit,
        policy=draw(st.sampled_from(["equal_share", "uncontrolled"])),
        queue=draw(st.sampled_from([True, False, 1, 3])),
        rotate=draw(st.sampled_from([120.0, 900.0])),
    )
    n = draw(st.sampled_from([most_visits, most_visits, most_visits // 2, 3]))
    r = np.random.default_rng(draw(st.integers(0, 2**32)))
    grid_s = draw(st.sampled_from([0.001, 60.0, 600.0]))
    arrival = np.sort(np.round(r.uniform(0, 6000, n) / grid_s) * grid_s)
    stay = np.round(r.exponential(2400, n) / grid_s) * grid_s
    leaves = r.random(n) < 0.3
    soc = r.uniform(0.0, 0.9, n)
    dc_kw = r.choice([0.0, 50.0, 120.0, 250.0, 250.0], n)
    return where, visits(
        arrival,
        departure_s=np.where(leaves, INF, arrival + stay),
        linger_s=np.where(leaves, r.choice([0.0, 300.0], n), INF),
        patience_s=r.choice([0.0, 600.0, INF], n),
        soc=soc,
        target_soc=np.minimum(1.0, soc + r.choice([0.0, 0.1, 0.5, 1.0], n)),
        battery_kwh=r.choice([8.0, 40.0, 77.0], n),
        ac_kw=np.where(dc_kw > 0.0, r.choice([0.0, 3.7, 11.0, 11.0, 22.0, 22.0], n), 11.0),
        ac_phases=r.choice([1, 2, 3], n),
        dc_kw=dc_kw,
        curve=r.integers(0, len(KNOTS), n),
        evse=np.where(
            r.random(n) < draw(st.sampled_from([0.0, 0.3])),
            r.integers(0, where.evses, n),
            -1,
        ),
    )


HORIZON_S = 7200.0


class Course:
    """One session's power over time, from its recorded caps and the plain physics."""

    def __init__(self, result: SiteResult, i: int, horizon_s: float) -> None:
        plan, v = result.plan, result.visits
        self.efficiency = float(plan.efficiency[i])
        self.capacity = float(v.battery_kwh[i]) / self.efficiency
        self.target = float(plan.target_soc[i])
        self.reserve = 0.0 if v.reserve_soc is None else float(v.reserve_soc[i])
        soc, kw = KNOTS[v.curve[i]]
        self.knots = (soc, [x * (1.0 / self.efficiency) for x in kw])
        rows = slice(plan.cap_offset[i], plan.cap_offset[i + 1])
        self.start_s = [float(t) for t in plan.cap_s[rows]]
        self.caps = [float(c) for c in plan.cap_kw[rows]]
        unplug = float(plan.unplug_s[i])
        self.end_s = horizon_s if math.isnan(unplug) else unplug
        self.socs = [float(plan.soc_start[i])]
        for n, cap in enumerate(self.caps):
            self.socs.append(self._soc_after(self.socs[-1], self._stop(n) - self.start_s[n], cap))

    def _stop(self, n: int) -> float:
        return self.start_s[n + 1] if n + 1 < len(self.start_s) else self.end_s

    def _drained_s(self, n: int) -> float:
        """When the reserve ends the giving back of cap ``n``; that of the cap that says so.

        Worked out anew it would differ from that by rounding, and so would the loads then.
        """
        given = self.capacity * self.efficiency**2
        at = self.start_s[n] + draining(self.socs[n], self.reserve, -self.caps[n], given)
        stop = self._stop(n)
        return stop if abs(at - stop) < 1e-6 else at

    def _soc_after(self, soc: float, dt_s: float, cap: float) -> float:
        n = len(self.knots[0])
        if cap < 0.0:
            given = self.capacity * self.efficiency**2
            return drained_soc(soc, dt_s, -cap, given, self.reserve)
        return min(self.target, advance_soc(soc, dt_s, cap, self.capacity, *self.knots, 0, n))

    @property
    def energy_kwh(self) -> float:
        """Net, grid side."""
        gains = [b - a for a, b in pairwise(self.socs)]
        return sum(g * self.capacity * (1.0 if g > 0.0 else self.efficiency**2) for g in gains)

    def power_kw(self, t: float) -> float:
        """Power just after ``t``."""
        if not self.start_s[0] <= t < self.end_s:
            return 0.0
        n = bisect_right(self.start_s, t) - 1
        if self.caps[n] < 0.0:
            return self.caps[n] if t < self._drained_s(n) else 0.0
        soc = self._soc_after(self.socs[n], t - self.start_s[n], self.caps[n])
        if soc >= self.target - 1e-12:
            return 0.0
        return power_at(soc, self.caps[n], *self.knots, 0, len(self.knots[0]))

    def turning_points_s(self) -> list[float]:
        """Times at which the power may turn: caps, knots, crossings, the target, and the ends."""
        times = [*self.start_s, self.end_s]
        for n, cap in enumerate(self.caps):
            if cap < 0.0 and self.socs[n] > self.reserve:
                times.append(min(self._drained_s(n), self._stop(n)))
            if cap <= 0.0:
                continue
            marks = [*self.knots[0], self.target, *self._crossings(cap)]
            for mark in marks:
                if self.socs[n] < mark <= self.socs[n + 1]:
                    dt = time_to_soc(
                        self.socs[n], mark, cap, self.capacity, *self.knots, 0, len(self.knots[0])
                    )
                    times.append(min(self.start_s[n] + dt, self._stop(n)))
        return times

    def _crossings(self, cap: float) -> list[float]:
        soc, kw = self.knots
        found = []
        for (a, b), (p, q) in zip(pairwise(soc), pairwise(kw), strict=True):
            if min(p, q) < cap < max(p, q):
                found.append(a + (b - a) * (cap - p) / (q - p))
        return found


def courses(result: SiteResult, horizon_s: float) -> dict[int, Course]:
    """The courses of all sessions that plugged in."""
    return {
        int(i): Course(result, int(i), horizon_s) for i in np.flatnonzero(result.plan.evse >= 0)
    }


def apart(times):
    """Times in order; of those that only rounding keeps apart the last, when all has happened.

    The playback's arithmetic may end a piece one bit before the kernel ends it.
    """
    ordered = sorted(times)
    return [t for t, following in pairwise([*ordered, INF]) if following - t > 1e-9]


def load_points(result: SiteResult, horizon_s: float, extra=()):
    """(time, load by station) right after and just before every turning point, and in between.

    ``extra`` are times that count as turning points too.
    """
    played = courses(result, horizon_s)
    turns = {t for c in played.values() for t in c.turning_points_s() if t <= horizon_s}
    times = apart({*turns, *extra})
    middles = [0.5 * (a + b) for a, b in pairwise(times)]
    stations = len(result.site.stations)
    before = [t - 1e-7 for t in times if t > 0.0]
    for t in [*times, *before, *middles]:
        load = np.zeros(stations)
        for i, course in played.items():
            station = result.evse_station[result.plan.evse[i]]
            load[station] += course.power_kw(t)
        yield t, load


def with_policy(where: SiteInstance, policy: str) -> SiteInstance:
    return replace(where, site=where.site.model_copy(update={"policy": policy}))


def changes(*rows):
    """A table of changes from (time, what, node, kW)."""
    return np.array(sorted(rows), state.CHANGE)


@st.composite
def rich_cases(draw, most_visits=24, tight=True):
    """A case with all that a site and its people can have, and the options of its run.

    Timers, drivers who balk, vehicles that come back, station losses, prices, limits and other
    load that change by the clock.
    """
    where, wanted = draw(cases(most_visits))
    n = len(wanted)
    r = np.random.default_rng(draw(st.integers(0, 2**32)))
    losses = draw(st.sampled_from([1.0, 0.93]))
    standby = draw(st.sampled_from([0.0, 0.05]))
    stations = tuple(
        replace(s, model=replace(s.model, efficiency=losses, standby_kw=standby))
        for s in where.stations
    )
    following = np.full(n, -1, np.int32)
    for i in range(n - 1):
        if r.random() < 0.3:
            following[i] = r.integers(i + 1, n)
    wanted = replace(
        wanted,
        ready_s=np.where(r.random(n) < 0.3, wanted.arrival_s + r.choice([60.0, 1800.0], n), 0.0),
        most_ahead=r.choice([-1, -1, 0, 1, 3], n).astype(np.int32),
        next_visit=following,
        used_soc=r.choice([0.0, 0.1, 0.7], n),
        discharge_kw=r.choice([0.0, 7.0, 30.0], n),
        reserve_soc=r.choice([0.0, 0.3, 0.6], n),
        weight=r.choice([1.0, 2.0], n),
        no_show=r.random(n) < 0.05,
    )
    full = sum(s.model.station_kw for s in stations)
    rows = []
    if tight:
        for t in r.uniform(0.0, HORIZON_S, draw(st.integers(0, 4))):
            rows.append((t, state.SITE_LIMIT, -1, full * r.choice([0.0, 0.02, 0.2, 0.6, 2.0])))
        for t in r.choice([0.0, 600.0, 1800.0, 3600.0, 5000.0], draw(st.integers(0, 3))):
            rows.append((t, state.BASE_LOAD, -1, full * r.choice([-0.2, 0.0, 0.1, 0.5, 3.0])))
    intervals = 8
    options = {
        "changes": changes(*rows) if rows else None,
        "price": r.uniform(-0.1, 0.4, intervals),
        "feed_in": r.uniform(0.0, 0.1, intervals),
        "carbon": r.uniform(0.1, 0.6, intervals),
        "record_evses": draw(st.booleans()),
    }
    return replace(where, stations=stations), wanted, options


def script(seed, evses, times=6, controls=True):
    """Acts at times, the same every time it is played: (time, function of a SiteRun)."""
    r = np.random.default_rng(seed)
    played = []
    for t in np.sort(np.round(r.uniform(0.0, HORIZON_S, times) / 60.0) * 60.0):
        what = 7 if controls and r.random() < 0.5 else r.integers(0, 7)
        evse = int(r.integers(0, evses))
        limits = r.choice([-20.0, -20.0, -3.0, 0.0, 6.0, INF, INF], evses)
        row = int(r.integers(0, 3))
        act = {
            0: lambda run, evse=evse: acts.fail(run, evse),
            1: lambda run, evse=evse: acts.repair(run, evse),
            2: acts.power_off,
            3: acts.power_on,
            4: lambda run, row=row: acts.hold(run, row),
            5: lambda run, evse=evse: acts.release(run, evse),
            6: lambda run, t=t: acts.add_visits(run, visits([t + 30.0, t + 900.0], dc_kw=60.0)),
            7: lambda run, limits=limits: acts.set_controls(run, limits),
        }[int(what)]
        played.append((float(t), act))
    return played


def play(run, acts_at=(), cuts=()):
    """Advance a run to the horizon with acts at their times and cuts in between."""
    for t, _, act in sorted(
        [(t, 1, act) for t, act in acts_at] + [(t, 0, None) for t in cuts], key=lambda x: x[:2]
    ):
        run.advance(t)
        if act is not None:
            act(run)
    run.advance(HORIZON_S)
    return run
