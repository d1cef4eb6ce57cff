"""From the charging profiles of a station to the limit of each EVSE, now and to come.

Pure functions over the profiles that are installed (``Installed``, the book) and the transactions
that run (``Session``). Limits are amperes per line with the number of lines: a line is a phase on
AC, and DC has one. That is what a station sets on the cable; watts follow from it. A limit in watts
is for ``numberPhases`` phases together (three unless it says so), whatever the EV uses of them:
current = power / (voltage x phases), with the set voltage, not the measured one (2.0.1 K01.FR.50,
1.6 errata 3.69); one in amperes is for each phase (K01.FR.51). On DC phases mean nothing
(K01.FR.44).

Per purpose the schedule of the highest stack level that has a period at the moment leads (2.0.1
K §3.5, 1.6 errata 3.43); a TX profile overrules TX_DEFAULT while it has one. Of different purposes
the least current and the fewest phases rule, so that the result exceeds none of them in watts nor
in amperes (K08.FR.04).

What limits the station as a whole limits the sum of the EVSEs. It is shared equally among those
with a transaction; what one of them cannot use (its own limit is lower, its EV draws nothing) is
handed on. Nobody is left with less than is of use, 6 A on AC or the schedule's minChargingRate
(K01.FR.21): then the transaction that began last pauses, and the others share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from simulator.station.profiles import Period, Profile, Purpose, Unit, in_force, next_edge
from simulator.station.settings import Supply

MOST_MOMENTS: Final = 4096
"""A composite schedule looks at no more changes than these, however long it is asked to be."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A profile in the book of a station."""

    evse: int
    profile: Profile
    since: float
    """When it was accepted: what a schedule of the whole station without a start counts from."""
    source: str = "CSO"
    """Who set it: a ChargingLimitSource of 2.0.1."""


class Session(NamedTuple):
    """A transaction; hand them in by the order in which they began."""

    evse: int
    begun: float
    """Unix time on the station's clock."""
    idle: bool = False
    """Nothing is drawn, whatever is on offer."""
    priority: int = 0
    """Those of a higher one have what they want before the others share (2.0.1 K03.FR.04)."""


class Offer(NamedTuple):
    """What may be drawn at an EVSE."""

    amps: float
    """Per line; ``inf``: as much as it can."""
    lines: int
    phase: int = 0
    """The line that it is, where there is one only; 0: the station's own choice."""


class Stretch(NamedTuple):
    """A part of a composite schedule."""

    start_s: float
    """From the start of the composite schedule."""
    amps: float
    watts: float
    lines: int
    phase: int = 0

    def limit(self, unit: Unit) -> float:
        """In the unit asked for."""
        return self.watts if unit is Unit.W else self.amps


def offer_of(period: Period, unit: Unit, supply: Supply) -> Offer:
    """The limit of a period as current per line, on no more lines than there are."""
    phases = 1 if supply.dc else (period.phases or 3)
    amps = period.limit if unit is Unit.A else period.limit / (supply.volt * phases)
    phase = 0 if supply.dc else (period.phase_to_use or 0)
    return Offer(amps, min(phases, supply.lines), phase)


def _least(*offers: Offer) -> Offer:
    """The least current on the fewest lines; no two of them name different lines."""
    lines = min(o.lines for o in offers)
    phase = max(o.phase for o in offers) if lines == 1 else 0
    return Offer(min(o.amps for o in offers), lines, phase)


def leading(
    book: Sequence[Installed], purpose: Purpose, evse: int, at: float, start: float | None
) -> tuple[Installed, Period] | None:
    """The profile of a purpose that rules at an EVSE (0: the station as a whole), and its period.

    A TX_DEFAULT of the EVSE's own stands in for the one of EVSE 0 with its stack level (1.6
    §3.13.1), also while it has nothing to say.
    """
    mine = [i for i in book if i.profile.purpose is purpose and i.evse == evse]
    if purpose is Purpose.TX_DEFAULT and evse:
        own = {i.profile.level for i in mine}
        mine += [
            i
            for i in book
            if i.profile.purpose is purpose and not i.evse and i.profile.level not in own
        ]
    best: tuple[Installed, Period] | None = None
    for item in mine:
        if best is None or item.profile.level > best[0].profile.level:
            period = in_force(item.profile, at, _start(item, start))
            if period is not None:
                best = item, period
    return best


def _start(item: Installed, start: float | None) -> float | None:
    per_session = item.profile.purpose in (Purpose.TX, Purpose.TX_DEFAULT)
    return start if per_session else item.since


def _offers(found: Sequence[tuple[Installed, Period] | None], supply: Supply, free: float) -> Offer:
    offers = [Offer(free, supply.lines)]
    for lead in found:
        if lead is not None:
            offers.append(offer_of(lead[1], lead[0].profile.schedules[0].unit, supply))
    return _least(*offers)


def whole(book: Sequence[Installed], supply: Supply, at: float, free: float = inf) -> Offer:
    """What limits the sum over all EVSEs; ``free`` where no profile does."""
    kinds = (Purpose.STATION_MAX, Purpose.EXTERNAL)
    return _offers([leading(book, kind, 0, at, None) for kind in kinds], supply, free)


def own(
    book: Sequence[Installed], supply: Supply, evse: int, at: float, begun: float, free: float = inf
) -> tuple[Offer, float]:
    """What limits one transaction, the station's sum left aside; and the least current of use."""
    lead = leading(book, Purpose.TX, evse, at, begun)
    if lead is None:
        lead = leading(book, Purpose.TX_DEFAULT, evse, at, begun)
    least = supply.least_a
    if lead is not None:
        schedule = lead[0].profile.schedules[0]
        if schedule.min_rate is not None:
            rate = Period(0.0, schedule.min_rate, lead[1].phases)
            least = max(least, offer_of(rate, schedule.unit, supply).amps)
    external = leading(book, Purpose.EXTERNAL, evse, at, None)
    return _offers([lead, external], supply, free), least


def split(cap: float, wants: Sequence[float], least: Sequence[float]) -> list[float]:
    """Share ``cap`` among claims in the order in which they began; all in amperes.

    Equal shares, and what a claim does not want goes to the others. While somebody gets less than
    the least that is of use (or than it wants, if that is less still), the last of those is left
    out with 0.
    """
    active = list(range(len(wants)))
    while True:
        give = _fill(cap, wants, active)
        short = [i for i in active if give[i] < min(least[i], wants[i]) - 1e-9]
        if not short:
            return give
        active.remove(short[-1])


def _fill(cap: float, wants: Sequence[float], active: Sequence[int]) -> list[float]:
    give = [0.0] * len(wants)
    left, rest = cap, len(active)
    for i in sorted(active, key=wants.__getitem__):
        give[i] = min(wants[i], left / rest)
        left -= give[i]
        rest -= 1
    return give


def limits_at(
    book: Sequence[Installed],
    supply: Supply,
    at: float,
    sessions: Sequence[Session],
    local: bool = False,
) -> dict[int, Offer]:
    """The limit of every session by EVSE.

    ``local``: what station and EVSE can bear limits too, as in a composite schedule; without it a
    session that no profile limits has ``inf``. An idle session has what it would have if it drew.
    """
    free = supply.evse_a if local else inf
    cap = whole(book, supply, at, supply.station_a if local else inf)
    owns = {s.evse: own(book, supply, s.evse, at, s.begun, free) for s in sessions}
    offers = {evse: _least(o, cap)._replace(amps=o.amps) for evse, (o, _) in owns.items()}
    if cap.amps == inf:
        return offers
    drawing = [s for s in sessions if not s.idle]
    shares = _shares(cap.amps, drawing, owns, supply)
    for session in sessions:
        if session.idle:
            shares[session.evse] = _shares(cap.amps, [*drawing, session], owns, supply)[
                session.evse
            ]
    for evse, amps in shares.items():
        offers[evse] = offers[evse]._replace(amps=min(amps, offers[evse].amps))
    return offers


def _shares(
    left: float, drawing: Sequence[Session], owns: dict[int, tuple[Offer, float]], supply: Supply
) -> dict[int, float]:
    """What each of them gets, by EVSE: those of the highest priority first, then the next ..."""
    found: dict[int, float] = {}
    for priority in sorted({s.priority for s in drawing}, reverse=True):
        wants, least = [], []
        alike = [s.evse for s in drawing if s.priority == priority]
        for evse in alike:
            offer, of_use = owns[evse]
            # With less than the least that can be offered nothing flows, so nothing is wanted.
            wants.append(min(offer.amps, supply.evse_a) if offer.amps >= supply.least_a else 0.0)
            least.append(of_use)
        given = split(left, wants, least)
        found.update(zip(alike, given, strict=True))
        left -= sum(given)
    return found


def next_change(book: Sequence[Installed], at: float, sessions: Sequence[Session]) -> float:
    """The first moment after ``at`` at which any limit may change; ``inf`` if none ever does."""
    due = inf
    for item in book:
        if item.profile.purpose in (Purpose.TX, Purpose.TX_DEFAULT):
            for session in sessions:
                if item.evse in (0, session.evse):
                    due = min(due, next_edge(item.profile, at, session.begun))
        else:
            due = min(due, next_edge(item.profile, at, item.since))
    return due


def composite(
    book: Sequence[Installed],
    supply: Supply,
    at: float,
    duration_s: float,
    sessions: Sequence[Session],
    evse: int,
    evses: int,
    most: int = 1024,
) -> tuple[float, list[Stretch]]:
    """For how long the composite schedule from ``at`` on speaks, and what it says.

    It ends early where it would have more than ``most`` stretches. For an EVSE: as if the sessions
    all went on, and with one there if there is none (K08.FR.06). For EVSE 0: what the station may
    draw from the grid with a transaction at each of its ``evses``.
    """
    known = {s.evse: s for s in sessions}
    asked = range(1, evses + 1) if evse == 0 else (evse,)
    added = [Session(n, at) for n in asked if n not in known]
    present = [*sessions, *added]
    stretches: list[Stretch] = []
    for count, moment in enumerate(_moments(book, at, at + duration_s, present)):
        if count == MOST_MOMENTS:
            return moment - at, stretches
        new = _stretch(book, supply, moment, moment - at, present, evse)
        if stretches and stretches[-1][1:] == new[1:]:
            continue
        if len(stretches) == most:
            return moment - at, stretches
        stretches.append(new)
    return duration_s, stretches


def _moments(
    book: Sequence[Installed], at: float, until: float, sessions: Sequence[Session]
) -> Iterator[float]:
    while at < until:
        yield at
        at = next_change(book, at, sessions)


def _stretch(
    book: Sequence[Installed],
    supply: Supply,
    at: float,
    start_s: float,
    sessions: Sequence[Session],
    evse: int,
) -> Stretch:
    if evse:
        offer = limits_at(book, supply, at, _awake(sessions, evse), local=True)[evse]
        watts = offer.amps * supply.volt * offer.lines
        return Stretch(start_s, offer.amps, watts, offer.lines, offer.phase)
    cap = whole(book, supply, at, supply.station_a)
    offers = [own(book, supply, s.evse, at, s.begun, supply.evse_a)[0] for s in sessions]
    lines = min(cap.lines, max(offer.lines for offer in offers))
    amps = min(cap.amps, sum(offer.amps for offer in offers))
    most = sum(offer.amps * min(offer.lines, lines) for offer in offers)
    phases = {offer.phase for offer in offers} | {cap.phase}
    phase = max(phases) if lines == 1 and len(phases - {0}) == 1 else 0
    return Stretch(start_s, amps, min(cap.amps * lines, most) * supply.volt, lines, phase)


def _awake(sessions: Sequence[Session], evse: int) -> list[Session]:
    return [s._replace(idle=False) if s.evse == evse else s for s in sessions]
