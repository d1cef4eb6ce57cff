"""Charging profiles as data, and what one profile says of one moment.

The same for every version (1.6 §3.13, 2.0.1 block K); ``v16_profiles`` and ``v201_profiles`` read
them from JSON, ``composite`` combines those of a station. Pure: all times are Unix times on the
station's own clock. A day is 86 400 s and a week seven of them: recurrence is counted in UTC from
``startSchedule``, so a daily profile does not follow a change to or from daylight saving time (the
specification leaves such days to special profiles, 2.0.1 part 2 K §3.6).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import pairwise
from math import fmod, inf


class Purpose(Enum):
    """What a profile limits."""

    STATION_MAX = "station max"
    """The sum over all EVSEs (ChargePointMaxProfile, ChargingStationMaxProfile); at EVSE 0 only."""
    EXTERNAL = "external constraints"
    """Set by somebody who is not the CSMS; at EVSE 0 for the sum over all EVSEs."""
    TX_DEFAULT = "tx default"
    """Every transaction at the EVSE, or with EVSE 0 at any."""
    TX = "tx"
    """One transaction; overrules TX_DEFAULT."""


class Kind(Enum):
    """What the start of the schedule is counted from."""

    ABSOLUTE = "absolute"
    RECURRING = "recurring"
    RELATIVE = "relative"


class Recurrency(IntEnum):
    """Seconds after which a recurring schedule begins again."""

    DAILY = 86_400
    WEEKLY = 604_800


class Unit(Enum):
    """Of limits: watts in total, or amperes per phase (2.0.1 K01.FR.50/51)."""

    W = "W"
    A = "A"


@dataclass(frozen=True, slots=True)
class Period:
    """A limit from ``start_s`` of its schedule until the next one begins."""

    start_s: float
    limit: float
    phases: int | None = None
    """Phases that may be used; None: three (1.6 §7.14, K01.FR.49)."""
    phase_to_use: int | None = None
    """Which one, where there is one only; None: the station chooses (K01.FR.47)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Limits over time."""

    unit: Unit
    periods: tuple[Period, ...]
    """In order of time."""
    start: float | None = None
    """startSchedule; None: counted from the start of charging."""
    duration_s: float = inf
    min_rate: float | None = None
    """minChargingRate, in ``unit``: charging with less is of no use to the EV."""
    id: int = 0
    sales_tariff: str = ""
    """Prices for an EV that speaks ISO 15118, as they came (JSON): told back, no more."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A charging profile; ``stack level`` and purpose say how it combines with others."""

    id: int
    level: int
    purpose: Purpose
    kind: Kind
    schedules: tuple[Schedule, ...]
    """One to three. The first is followed; the others are for an EV that chooses (ISO 15118)."""
    recurrency: Recurrency | None = None
    valid_from: float = -inf
    valid_to: float = inf
    transaction: str | int | None = None
    """The id of the transaction that a TX profile is for, if it names it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a station takes: the figures that its configuration states."""

    max_level: int
    max_periods: int
    max_profiles: int
    units: tuple[Unit, ...]
    """The first is used where the CSMS names none."""
    switches_phases: bool = False
    """It can go from three phases to one."""
    chooses_phase: bool = False
    """... and that one can be any of them (2.x)."""


def in_force(profile: Profile, at: float, start: float | None) -> Period | None:
    """The period that rules at ``at``; None where the profile has nothing to say.

    ``start`` is what a schedule without startSchedule counts from; None: it has not begun.
    """
    if not profile.valid_from <= at < profile.valid_to:
        return None
    offset = _offset(profile, at, start)
    if not 0.0 <= offset < profile.schedules[0].duration_s:
        return None
    periods = profile.schedules[0].periods
    number = bisect_right(periods, offset, key=lambda period: period.start_s)
    return periods[number - 1] if number else None


def next_edge(profile: Profile, at: float, start: float | None) -> float:
    """The first moment after ``at`` at which ``in_force`` may change; ``inf`` if it never does."""
    if at >= profile.valid_to:
        return inf
    if at < profile.valid_from:
        return profile.valid_from
    offset = _offset(profile, at, start)
    if offset == -inf:
        return inf
    if offset < 0.0:
        return min(at - offset, profile.valid_to)
    schedule = profile.schedules[0]
    lasts = schedule.duration_s
    edges = [p.start_s for p in schedule.periods if offset < p.start_s < lasts]
    if offset < lasts < inf:
        edges.append(lasts)
    if profile.recurrency is not None:
        edges.append(float(profile.recurrency))
    # ``at - offset`` is the start of the schedule, to the last bit: both are multiples of the same
    # power of two, and so is their difference.
    return min(at - offset + min(edges, default=inf), profile.valid_to)


def _offset(profile: Profile, at: float, start: float | None) -> float:
    """Seconds since the schedule began, this time round.

    Below 0 before its first start, ``-inf`` if that is not known. What a recurring schedule has
    beyond its recurrence is never reached (1.6 errata 3.44).
    """
    schedule = profile.schedules[0]
    base = start if schedule.start is None or profile.kind is Kind.RELATIVE else schedule.start
    if base is None:
        return -inf
    offset = at - base
    if profile.recurrency is None or offset < 0.0:
        return offset
    return fmod(offset, profile.recurrency)


def flaw(profile: Profile) -> str:
    """What is wrong with a profile in itself, as a reason code of 2.0.1; "" if nothing is."""
    if profile.level < 0:
        return "InvalidStackLevel"
    if not profile.valid_from < profile.valid_to:
        return "InvalidProfile"
    if (profile.recurrency is not None) != (profile.kind is Kind.RECURRING):
        return "InvalidProfile"
    for schedule in profile.schedules:
        starts = [period.start_s for period in schedule.periods]
        # K01.FR.31 and 35; 1.6 errata 3.45.
        if not starts or starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
            return "InvalidSchedule"
        numbers = [period.limit for period in schedule.periods] + [schedule.min_rate or 0.0]
        if not schedule.duration_s > 0.0 or not all(0.0 <= n < inf for n in numbers):
            return "InvalidSchedule"
        if any(period.phases not in (None, 1, 2, 3) for period in schedule.periods):
            return "InvalidSchedule"
    return "" if profile.schedules else "InvalidSchedule"
