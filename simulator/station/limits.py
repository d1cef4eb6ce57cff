"""Limits that somebody else than the CSMS sets: a building's energy manager, a grid operator.

2.0.1 K11-K13. They rule together with the charging profiles (``smartcharging``), the CSMS cannot
clear them, and it is told of them: offline after the reconnect, and small changes not at all
(LimitChangeSignificance). Every version heeds them; 1.6 has no message that tells of them.
"""

from __future__ import annotations

from math import inf
from typing import Final, NamedTuple

from simulator.station import notices, smartcharging
from simulator.station.events import Event
from simulator.station.profiles import Kind, Period, Profile, Purpose, Schedule, Unit
from simulator.station.state import State

SOURCES: Final = ("EMS", "Other", "SO")
"""ChargingLimitSourceEnumType, but for the CSO: that is the CSMS itself (K11.FR.05)."""


class Limit(NamedTuple):
    """What the CSMS is told of a limit."""

    source: str
    evse: int
    """0: of the station as a whole."""
    schedule: Schedule | None
    """None: it is gone."""


def impose(st: State, now: float, evse: int, watts: float, source: str) -> None:
    """From now on the EVSE, or with 0 the whole station, draws no more than that (K11, K12).

    Takes the place of that source's earlier limit there. Raises ValueError for a source that is
    none of ``SOURCES`` and for what is no power.
    """
    if source not in SOURCES:
        raise ValueError(f"limit source {source!r}: expected one of {', '.join(SOURCES)}")
    if not 0.0 <= watts < inf:
        raise ValueError(f"limit {watts} W: expected 0 or more")
    schedule = Schedule(Unit.W, (Period(0.0, watts),), start=st.clock_zero + now)
    profile = Profile(
        id=-1 - SOURCES.index(source) - len(SOURCES) * evse,
        level=0,
        purpose=Purpose.EXTERNAL,
        kind=Kind.ABSOLUTE,
        schedules=(schedule,),
    )
    before = smartcharging.matching(st, (), evse, Purpose.EXTERNAL, None, (source,))
    if not before or _significant(st, before[0].profile, watts):
        notices.tell(st, now, Event.LIMIT_IMPOSED, Limit(source, evse, schedule))
    smartcharging.impose(st, now, evse, profile, source)


def _significant(st: State, before: Profile, watts: float) -> bool:
    old = before.schedules[0].periods[0].limit
    return abs(watts - old) > st.conf.limit_significance * old


def lift(st: State, now: float, evse: int, source: str) -> bool:
    """That limit is gone (K13). False: there was none."""
    if not smartcharging.matching(st, (), evse, Purpose.EXTERNAL, None, (source,)):
        return False
    notices.tell(st, now, Event.LIMIT_CLEARED, Limit(source, evse, None))
    return smartcharging.lift(st, now, evse, source)
