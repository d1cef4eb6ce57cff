"""Caps that follow from the hardware alone: what an EVSE can give, what a station can share out.

For sites whose limit nobody keeps, or that leave it to the CSMS's charging profiles. A station
whose EVSEs share less power than they could use together divides it max-min fairly among the cars
that are charging, anew whenever one of them starts, leaves or is done. Called by ``siteplan``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulator.charging import advance_soc, fill, time_to_soc
from simulator.fleet.agenda import Stays
from simulator.fleet.shardplan import Cars

F64 = NDArray[np.float64]


def hardware_caps(
    stays: Stays, cars: Cars, knots: tuple[F64, F64], shared_kw: Mapping[int, float]
) -> Stays:
    """The stays with the caps, and the moments of full batteries, that the hardware alone allows.

    ``shared_kw`` gives the power that the EVSEs of a station share, of stations where it may run
    short. Rows must be complete: a car that is left out would leave its share to the others.
    """
    curve = knots[0].tolist(), knots[1].tolist()
    full = np.full(len(stays), np.inf)
    cap_s: list[list[float]] = [[at] for at in stays.start_s.tolist()]
    cap_kw: list[list[float]] = [[kw] for kw in cars.limit_kw.tolist()]
    short = np.isin(stays.station, np.fromiter(shared_kw, np.int32, len(shared_kw)))
    for row in np.flatnonzero(~short).tolist():
        charge = cars.charge(row, cap_s[row], cap_kw[row], curve)
        full[row] = charge.full_at(float(stays.start_s[row]), float(cars.target_soc[row]))
    rows = np.flatnonzero(short)
    rows = rows[np.argsort(stays.station[rows], kind="stable")]
    edges = np.flatnonzero(np.diff(stays.station[rows])) + 1
    for group in np.split(rows, edges) if len(rows) else []:
        limit = shared_kw[int(stays.station[group[0]])]
        courses = [_Course(stays, cars, int(row), curve) for row in group]
        _share(courses, limit)
        for course in courses:
            full[course.row] = course.full_s
            cap_s[course.row], cap_kw[course.row] = course.cap_s, course.cap_kw
    offset = np.zeros(len(stays) + 1, dtype=np.int64)
    np.cumsum([len(caps) for caps in cap_s], out=offset[1:])
    return replace(
        stays,
        full_s=full,
        cap_offset=offset,
        cap_s=np.array([at for caps in cap_s for at in caps]),
        cap_kw=np.array([kw for caps in cap_kw for kw in caps]),
    )


class _Course:
    """A car at a station that shares its power, followed from decision to decision."""

    __slots__ = (
        "at_s",
        "cap_kw",
        "cap_s",
        "capacity",
        "curve",
        "efficiency",
        "full_s",
        "limit_kw",
        "row",
        "soc",
        "start_s",
        "stop_s",
        "target",
    )

    def __init__(
        self, stays: Stays, cars: Cars, row: int, knots: tuple[Sequence[float], Sequence[float]]
    ) -> None:
        self.row = row
        self.start_s = self.at_s = float(stays.start_s[row])
        self.stop_s = float(stays.stop_s[row])
        self.soc = float(cars.soc[row])
        self.target = float(cars.target_soc[row])
        self.capacity = float(cars.capacity_kwh[row])
        self.efficiency = float(cars.efficiency[row])
        self.limit_kw = float(cars.limit_kw[row])
        self.curve = (*knots, int(cars.knot[row]), int(cars.knot_stop[row]))
        self.full_s = self.start_s if self.soc >= self.target else np.inf
        self.cap_s: list[float] = []
        self.cap_kw: list[float] = []

    def charging(self, now: float) -> bool:
        return self.start_s <= now < min(self.stop_s, self.full_s)

    def advance(self, now: float) -> None:
        """Charge under the last cap until ``now``."""
        if self.cap_kw:
            cap = self.cap_kw[-1] * self.efficiency
            self.soc = advance_soc(self.soc, now - self.at_s, cap, self.capacity, *self.curve)
        self.at_s = now

    def offer(self, now: float, kw: float) -> None:
        """A new cap; ``full_s`` is not touched before the car gets there."""
        if not self.cap_kw or self.cap_kw[-1] != kw:
            self.cap_s.append(now)
            self.cap_kw.append(kw)

    def expects_full(self) -> float:
        """When the car will be done under the last cap."""
        cap = self.cap_kw[-1] * self.efficiency
        return self.at_s + time_to_soc(self.soc, self.target, cap, self.capacity, *self.curve)


def _share(courses: Sequence[_Course], limit_kw: float) -> None:
    """Play the sessions of one station from its first start to its last end."""
    moments = sorted({t for c in courses for t in (c.start_s, c.stop_s) if t != np.inf})
    now = moments[0]
    while True:
        present = [course for course in courses if course.charging(now)]
        if present:
            want = np.array([course.limit_kw for course in present])
            give = np.empty(len(present))
            fill(
                limit_kw, np.zeros(len(present)), want, np.ones(len(present)), give, 0, len(present)
            )
            for course, kw in zip(present, give.tolist(), strict=True):
                course.offer(now, kw)
        following = next((moment for moment in moments if moment > now), np.inf)
        first = min(present, key=_Course.expects_full, default=None)
        done = np.inf if first is None else first.expects_full()
        after = min(done, following)
        if after == np.inf:
            break
        for course in present:
            course.advance(after)
        if first is not None and done <= following:
            first.full_s, first.soc = done, first.target
        now = after
    for course in courses:
        if not course.cap_kw:
            course.offer(course.start_s, course.limit_kw)
