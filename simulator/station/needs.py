"""EVs that speak ISO 15118-2 say what they need, and choose among schedules (2.0.1 K15-K17).

What such an EV says comes from whoever drives the station (``Station.ev_needs``); it is told to the
CSMS once the transaction runs and the CSMS has heard of it (K15.FR.16). Up to three schedules may
come back: the EV takes the one that gives it most energy until it leaves (prices do not matter to
it), and the station tells what that comes to within all other limits. When that changes later, for
whatever reason, EV and CSMS are told again (K16); new needs of the EV are told like the first ones
(K17). Offline the EV has what the installed profiles leave it (K15.FR.15).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor, inf
from typing import Final, NamedTuple

from simulator.station import smartcharging
from simulator.station.composite import Installed, Stretch, offer_of
from simulator.station.events import Event
from simulator.station.model import Call, Evse, Link, Registration, Transaction
from simulator.station.ports import CallOutcome
from simulator.station.profiles import Profile, Purpose, Unit, in_force, next_edge
from simulator.station.rpc import raise_event
from simulator.station.smartcharging import Composite
from simulator.station.state import State

MODES: Final = {"AC_single_phase": 1, "AC_two_phase": 2, "AC_three_phase": 3, "DC": 1}
"""EnergyTransferModeEnumType, with the lines of each."""
_DAY_S: Final = 86_400.0
_MOST_EDGES: Final = 4096


@dataclass(frozen=True, slots=True)
class Needs:
    """What an EV says when it is asked for its charge parameters (ISO 15118-2)."""

    mode: str
    """One of ``MODES``."""
    max_a: float
    """Per line."""
    max_v: float
    energy_wh: float | None = None
    """AC: an EV always says it."""
    min_a: float = 0.0
    """AC."""
    departure_s: float = inf
    """On the clock of the run; ``inf``: not said."""
    max_w: float | None = None
    soc_percent: float | None = None
    capacity_wh: float | None = None
    """These three: DC."""
    max_tuples: int | None = None
    """Periods of a schedule that the EV can take."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r}: expected one of {', '.join(MODES)}")
        if self.mode != "DC" and self.energy_wh is None:
            raise ValueError("energy_wh: expected the energy that the EV wants, on AC")
        if not (self.max_a > 0.0 and self.max_v > 0.0):
            raise ValueError(f"max_a {self.max_a}, max_v {self.max_v}: expected more than 0")


class Talk:
    """What was said between an EV, the station and the CSMS."""

    __slots__ = ("book", "needs", "own", "said", "tx")

    def __init__(self, needs: Needs) -> None:
        self.needs = needs
        self.tx: Transaction | None = None
        """For which the CSMS was told of the needs; None: it was not yet."""
        self.book: list[Installed] | None = None
        """The profiles that the EV's schedule was worked out of."""
        self.own: Installed | None = None
        """The CSMS's profile for the transaction among them, if there was one."""
        self.said: Composite | None = None
        """That schedule."""


class Announcement(NamedTuple):
    """What NotifyEVChargingSchedule tells."""

    evse: int
    schedule: int
    """The id of the one that the EV chose; 0: the CSMS sent none."""
    found: Composite


def ask(st: State, now: float, evse: Evse, needs: Needs) -> bool:
    """The EV says what it needs, at first or anew. False: none is plugged in, or not in 1.6.

    Raises ValueError for a mode that the EVSE does not have.
    """
    if (needs.mode == "DC") is not st.settings.supply.dc:
        raise ValueError(f"mode {needs.mode}: expected one of this EVSE's")
    if not evse.plugged or Event.EV_NEEDS not in st.table.messages:
        return False
    if st.needs is None:
        st.needs = {}
    st.needs[evse.number] = Talk(needs)
    return True


def told(st: State, evse: int) -> Talk | None:
    """The talk with the EV there, if the CSMS knows of it in this transaction (K01.FR.34)."""
    talk = None if st.needs is None else st.needs.get(evse)
    return talk if talk is not None and talk.tx is not None else None


def refusal(st: State, evse: int, profile: Profile) -> str:
    """Why a profile for a transaction with such an EV is not taken, as a reason code; ""."""
    talk = None if st.needs is None else st.needs.get(evse)
    if talk is None:
        return "InvalidSchedule" if len(profile.schedules) > 1 else ""  # K01.FR.34
    if profile.purpose is not Purpose.TX:
        return ""
    if talk.tx is None:
        return "InvalidMessageSeq"  # K15.FR.17
    most = talk.needs.max_tuples
    if most is not None and any(len(s.periods) > most for s in profile.schedules):
        return "TooManyElements"  # K15.FR.07
    return ""


def chosen(st: State, now: float, evse: int, profile: Profile) -> Profile:
    """The profile with the schedule that the EV takes in front: that one is followed."""
    talk = told(st, evse)
    tx = st.evses[evse].tx if talk is not None else None
    if talk is None or tx is None or len(profile.schedules) < 2:
        return profile
    at, start = st.clock_zero + now, st.clock_zero + tx.closed
    until = min(st.clock_zero + talk.needs.departure_s, at + _DAY_S)
    best = max(
        profile.schedules,
        key=lambda s: _energy(st, talk.needs, replace(profile, schedules=(s,)), at, until, start),
    )
    others = [schedule for schedule in profile.schedules if schedule is not best]
    return replace(profile, schedules=(best, *others))


def _energy(
    st: State, needs: Needs, profile: Profile, at: float, until: float, start: float
) -> float:
    """What the EV could draw of it, in watt-seconds."""
    supply, total = st.settings.supply, 0.0
    for _ in range(_MOST_EDGES):
        if at >= until:
            break
        after = min(next_edge(profile, at, start), until)
        period = in_force(profile, at, start)
        if period is not None:
            offer = offer_of(period, profile.schedules[0].unit, supply)
            lines = min(offer.lines, MODES[needs.mode])
            total += min(offer.amps, needs.max_a) * lines * (after - at)
        at = after
    return total * supply.volt


def check(st: State, now: float) -> None:
    """Something happened: needs may be told now, or a schedule has changed."""
    for number, talk in list((st.needs or {}).items()):
        evse = st.evses[number]
        if not evse.plugged or (talk.tx is not None and evse.tx is not talk.tx):
            _over(st, number)
        elif talk.tx is None:
            _tell(st, now, evse, talk)
        else:
            _renegotiate(st, now, evse, talk)


def _over(st: State, number: int) -> None:
    assert st.needs is not None
    del st.needs[number]
    st.needs = st.needs or None


def _tell(st: State, now: float, evse: Evse, talk: Talk) -> None:
    tx = evse.tx
    if tx is None or not tx.powered:
        return
    if st.link is not Link.ONLINE or st.registration is not Registration.ACCEPTED:
        return
    unheard = st.call is not None and st.call.tx is tx
    if unheard or any(call.tx is tx for call in st.queue or ()):
        return
    talk.tx = tx
    talk.book, talk.own = _book(st), _own(st, evse.number)
    talk.said = _schedule(st, now, evse, talk)
    raise_event(st, Event.EV_NEEDS, now, now, evse, about=talk)


def _book(st: State) -> list[Installed] | None:
    return None if st.smart is None else st.smart.book


def _own(st: State, number: int) -> Installed | None:
    """The CSMS's profile for this transaction, the highest of several."""
    found = smartcharging.matching(st, (), number, Purpose.TX)
    return max(found, key=lambda item: item.profile.level, default=None)


def _schedule(st: State, now: float, evse: Evse, talk: Talk) -> Composite | None:
    own = _own(st, evse.number)
    unit: Unit | None = None if own is None else own.profile.schedules[0].unit
    left = talk.needs.departure_s - now
    seconds = float(floor(left)) if 1.0 <= left < inf else _DAY_S
    found = smartcharging.composite_of(st, now, evse.number, seconds, unit)
    return None if found is None else within(st, evse.number, found)


def within(st: State, evse: int, found: Composite) -> Composite:
    """A composite schedule as far as the EV there will follow it (SC.04)."""
    talk = told(st, evse)
    if talk is None:
        return found
    most, all_lines = talk.needs.max_a, MODES[talk.needs.mode]
    stretches: list[Stretch] = []
    for stretch in found.stretches:
        amps, lines = min(stretch.amps, most), min(stretch.lines, all_lines)
        watts = amps * st.settings.supply.volt * lines
        new = stretch._replace(amps=amps, lines=lines, watts=min(watts, stretch.watts))
        if not stretches or stretches[-1][1:] != new[1:]:
            stretches.append(new)
    return found._replace(stretches=stretches)


def _renegotiate(st: State, now: float, evse: Evse, talk: Talk) -> None:
    """The book is another: if the EV's schedule is, too, it and the CSMS hear of it (K16.FR.02).

    Of a new profile for the transaction they always do (K17.FR.10).
    """
    book = _book(st)
    if book is talk.book:
        return
    own, before = _own(st, evse.number), talk.own
    talk.book, talk.own = book, own
    found = _schedule(st, now, evse, talk)
    if found is None or (own is before and talk.said is not None and _alike(talk.said, found)):
        return
    talk.said = found
    number = 0 if own is None else own.profile.schedules[0].id
    about = Announcement(evse.number, number, found)
    raise_event(st, Event.EV_SCHEDULE, now, now, evse, about=about)


def _alike(old: Composite, new: Composite) -> bool:
    """Do both say the same of the time that both speak of?"""
    until = min(old.start + old.duration_s, new.start + new.duration_s)
    if old.unit is not new.unit:
        return False
    return _steps(old, new.start, until) == _steps(new, new.start, until)


def _steps(of: Composite, at: float, until: float) -> list[tuple[float, float, int, int]]:
    steps: list[tuple[float, float, int, int]] = []
    for stretch in of.stretches:
        begins = max(of.start + stretch.start_s, at)
        if begins >= until:
            break
        if steps and steps[-1][0] == begins:
            steps.pop()
        steps.append((begins, stretch.amps, stretch.lines, stretch.phase))
    return steps


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """What the connection took away is told again after the reconnect."""
    talk: Talk = call.about
    if outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED):
        talk.tx = None
