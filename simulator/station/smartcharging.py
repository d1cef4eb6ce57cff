"""Smart charging: which charging profiles the station keeps, and their effect on what is drawn.

1.6 §3.13, §5.16 and errata; 2.0.1 K01-K10. Protocol-free: versions read their JSON into ``Profile``
and word the answers. The limit of every transaction is worked out when a profile, a transaction or
the clock changes and at every edge of a schedule (``limit_due``), and told to the meter; where it
is less than can be offered the EVSE suspends. It makes no difference whether the station is online
(1.6 §3.13.6, K06, K07). Profiles survive a reboot (errata 3.37, K01.FR.27), but those of a
transaction end with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from math import floor, inf, nan
from typing import Final, NamedTuple

from simulator.station import phases, statuses
from simulator.station.composite import (
    Installed,
    Offer,
    Session,
    Stretch,
    composite,
    limits_at,
    next_change,
)
from simulator.station.events import Event
from simulator.station.model import Evse
from simulator.station.profiles import Kind, Profile, Purpose, Rules, Unit, flaw
from simulator.station.rpc import raise_event
from simulator.station.settings import Supply
from simulator.station.smart import Smart
from simulator.station.state import State

RATE: Final = "ChargingRateChanged"
"""What a transaction then tells (TriggerReasonEnumType of 2.x)."""
CLOCK_SLACK_S: Final = 60.0
"""A clock that is put back by less than this repeats nothing."""


class Composite(NamedTuple):
    """A composite schedule, ready to be worded."""

    start: float
    """Unix time by the station's clock, a whole second."""
    duration_s: float
    unit: Unit
    stretches: list[Stretch]


# -- acceptance -----------------------------------------------------------------------------------


def refusal(st: State, evse: int, profile: Profile, strict: bool, starting: bool = False) -> str:
    """Why a profile of the CSMS is not taken, as a reason code of 2.0.1; "" if it is.

    ``strict``: by the rules of 2.x; those of 1.6 leave more to the station, and a profile replaces
    the one that it clashes with. ``starting``: it comes with a remote start, ahead of its
    transaction.
    """
    if not 0 <= evse < len(st.evses):
        return "UnknownEvse"
    at_station = profile.purpose is Purpose.STATION_MAX
    if profile.purpose is Purpose.EXTERNAL or (at_station and evse):
        return "InvalidProfile"
    if profile.purpose is Purpose.TX and not evse:
        return "InvalidProfile"
    if starting and (profile.purpose is not Purpose.TX or profile.transaction is not None):
        return "InvalidProfile"
    several = st.needs is not None and profile.purpose is Purpose.TX and not starting
    wrong = flaw(profile) or (_not_strict(profile, starting, several) if strict else "")
    wrong = wrong or _beyond(st.conf.profiles, profile) or phases.refusal(st, profile)
    if wrong:
        return wrong
    if phases.conflict(st, profile):
        return "InvalidSchedule"
    if profile.purpose is Purpose.TX and not starting and not _runs(st.evses[evse], profile):
        return "TxNotFound"
    return _clash(st, evse, profile, strict, starting)


def _not_strict(profile: Profile, starting: bool, several: bool) -> str:
    """K01.FR.03, 34, 38, 40, 41. ``several``: an EV may be there that chooses (``needs``)."""
    relative = profile.kind is Kind.RELATIVE
    if profile.purpose is Purpose.TX and profile.transaction is None and not starting:
        return "InvalidProfile"
    if relative and profile.purpose is Purpose.STATION_MAX:
        return "InvalidProfile"
    if len(profile.schedules) > 1 and not several:
        return "InvalidSchedule"
    if any((schedule.start is None) is not relative for schedule in profile.schedules):
        return "InvalidSchedule"
    return ""


def _beyond(rules: Rules, profile: Profile) -> str:
    if profile.level > rules.max_level:
        return "InvalidStackLevel"
    for schedule in profile.schedules:
        if len(schedule.periods) > rules.max_periods:
            return "TooManyElements"
        if schedule.unit not in rules.units:
            return "UnsupportedRateUnit"
    return ""


def _runs(evse: Evse, profile: Profile) -> bool:
    """Does the transaction run that the profile is for (1.6 §3.13.1; K01.FR.09, 33)?"""
    if evse.tx is None:
        return False
    named = profile.transaction
    return named is None or (evse.tx.id is not None and str(evse.tx.id) == str(named))


def _clash(st: State, evse: int, profile: Profile, strict: bool, starting: bool) -> str:
    book = st.smart.book if st.smart is not None else []
    known = [item for item in book if item.profile.id == profile.id]
    if any(item.profile.purpose is Purpose.EXTERNAL for item in known):
        return "DuplicateProfile"  # K01.FR.05: not to be replaced by the CSMS
    if strict and not starting and any(_doubles(item, evse, profile) for item in book):
        return "DuplicateProfile"
    kept = sum(not _replaces(item, evse, profile, strict) for item in book)
    own = sum(item.profile.purpose is Purpose.EXTERNAL for item in book)
    return "TooManyElements" if kept - own >= st.conf.profiles.max_profiles else ""


def _doubles(item: Installed, evse: int, profile: Profile) -> bool:
    """Another id with the same purpose and level at the same time (K01.FR.06, 39, 52, 53)."""
    old = item.profile
    if old.id == profile.id or (old.purpose, old.level) != (profile.purpose, profile.level):
        return False
    if profile.purpose is Purpose.TX_DEFAULT and (item.evse == 0) != (evse == 0):
        return True
    overlap = old.valid_from < profile.valid_to and profile.valid_from < old.valid_to
    return item.evse == evse and (overlap or profile.purpose is Purpose.TX)


def _replaces(item: Installed, evse: int, profile: Profile, strict: bool) -> bool:
    """K01.FR.05; 1.6 §3.13.2, §5.16.3: the same purpose and stack level too."""
    old = item.profile
    if old.purpose is Purpose.EXTERNAL:
        return False
    same = (item.evse, old.purpose, old.level) == (evse, profile.purpose, profile.level)
    return old.id == profile.id or (same and not strict)


# -- the book -------------------------------------------------------------------------------------


def install(st: State, now: float, evse: int, profile: Profile, strict: bool) -> None:
    """Keep a profile that ``refusal`` had nothing against, and see what it changes."""
    smart = _smart(st)
    smart.book = [i for i in smart.book if not _replaces(i, evse, profile, strict)]
    smart.book.append(Installed(evse, profile, st.clock_zero + now))
    refresh(st, now, now)


def impose(st: State, now: float, evse: int, profile: Profile, source: str) -> None:
    """Somebody else than the CSMS sets a limit (K11, K12; EVSE 0: of the station as a whole).

    Replaces that source's limit there. ``profile`` has the purpose EXTERNAL.
    """
    assert profile.purpose is Purpose.EXTERNAL, profile
    smart = _smart(st)
    smart.book = [i for i in smart.book if not _set_by(i, evse, source)]
    smart.book.append(Installed(evse, profile, st.clock_zero + now, source))
    refresh(st, now, now, told=True)


def lift(st: State, now: float, evse: int, source: str) -> bool:
    """That limit is gone (K13). False: there was none."""
    return _drop(st, now, lambda item: _set_by(item, evse, source), told=True)


def _set_by(item: Installed, evse: int, source: str) -> bool:
    external = item.profile.purpose is Purpose.EXTERNAL
    return external and item.evse == evse and item.source == source


def matching(
    st: State,
    ids: Collection[int] = (),
    evse: int | None = None,
    purpose: Purpose | None = None,
    level: int | None = None,
    sources: Collection[str] = (),
) -> list[Installed]:
    """The profiles that meet every criterion given (K09; 1.6 errata 3.25)."""
    return [
        item
        for item in (st.smart.book if st.smart is not None else ())
        if (not ids or item.profile.id in ids)
        and (evse is None or item.evse == evse)
        and (purpose is None or item.profile.purpose is purpose)
        and (level is None or item.profile.level == level)
        and (not sources or item.source in sources)
    ]


def clear(
    st: State,
    now: float,
    id: int | None = None,
    evse: int | None = None,
    purpose: Purpose | None = None,
    level: int | None = None,
) -> bool:
    """Clear the profile of that id, or all that meet every other criterion. False: there was none.

    1.6 §5.5, errata 3.25 and 3.26; K10.FR.01-09: those of others than the CSMS stay.
    """
    found = clearable(st, id, evse, purpose, level)
    return _drop(st, now, lambda item: item in found)


def clearable(
    st: State,
    id: int | None = None,
    evse: int | None = None,
    purpose: Purpose | None = None,
    level: int | None = None,
) -> list[Installed]:
    """What ``clear`` would clear."""
    found = matching(st, (id,)) if id is not None else matching(st, (), evse, purpose, level)
    return [item for item in found if item.profile.purpose is not Purpose.EXTERNAL]


def _drop(st: State, now: float, which: Callable[[Installed], bool], told: bool = False) -> bool:
    smart = st.smart
    if smart is None:
        return False
    kept = [item for item in smart.book if not which(item)]
    if len(kept) == len(smart.book):
        return False
    smart.book = kept
    refresh(st, now, now, told=told)
    return True


def _smart(st: State) -> Smart:
    if st.smart is None:
        st.smart = Smart()
    return st.smart


# -- the effect -----------------------------------------------------------------------------------


def begin(st: State, now: float, evse: Evse) -> None:
    """A transaction has begun: its own profile, if one came with it, and its limit."""
    profile, evse.profile = evse.profile, None
    if profile is not None and not refusal(st, evse.number, profile, False, starting=True):
        if evse.tx is not None and isinstance(evse.tx.id, str):
            profile = replace(profile, transaction=evse.tx.id)
        install(st, now, evse.number, profile, False)
    else:
        refresh(st, now, now, told=True)


def end(st: State, now: float, evse: Evse) -> None:
    """The transaction is over: so are its profiles, and others may have its share."""
    smart = st.smart
    if smart is None:
        return
    smart.book = [
        i for i in smart.book if i.profile.purpose is not Purpose.TX or i.evse != evse.number
    ]
    refresh(st, now, now, told=True)


def wake(st: State, now: float) -> None:
    """An edge of a schedule is reached."""
    due, st.limit_due = st.limit_due, inf
    if st.smart is not None:
        # The clock may show a little less than the edge, by the last bit.
        refresh(st, now, due, st.smart.edge)


def refresh(st: State, now: float, due: float, edge: float = -inf, told: bool = False) -> None:
    """Work out every limit as of now, tell what changed, and when to look again.

    ``told``: not the CSMS's profiles bring it about but the others at the station, or somebody
    else, so that transactions tell the CSMS if they charge at another rate (2.0.1 SC.02, K11.FR.04,
    K13.FR.03).
    """
    smart = st.smart
    if smart is None:
        return
    at = max(st.clock_zero + now, edge)
    if at < smart.seen < at + CLOCK_SLACK_S:
        at = smart.seen
    smart.seen = at
    running = sessions(st, at)
    offers = limits_at(smart.book, st.settings.supply, at, running)
    for evse in st.evses[1:]:
        before = st.meter.power_w(now, evse.number) if told else nan
        changed = _tell(st, now, due, smart, evse, offers.get(evse.number))
        if told and changed:
            _rate(st, now, due, evse, before)
    smart.edge = next_change(smart.book, at, running) if running else inf
    st.limit_due = smart.edge - st.clock_zero
    if not smart.book and not smart.told:
        st.smart = None


def _rate(st: State, now: float, due: float, evse: Evse, before: float) -> None:
    """The transaction tells that it charges at another rate, if that changed by enough."""
    tx = evse.tx
    if tx is None or not tx.powered or tx.closed == now:  # it has only just begun
        return
    after = st.meter.power_w(now, evse.number)
    if abs(after - before) > st.conf.limit_significance * before:
        raise_event(st, Event.TRANSACTION_CHANGED, now, due, evse, tx, about=RATE)


def _tell(st: State, now: float, due: float, smart: Smart, evse: Evse, offer: Offer | None) -> bool:
    """Let meter and EVSE know of the limit. False: it is as before."""
    supply = st.settings.supply
    free = Offer(inf, supply.lines)
    new = free if offer is None else offer
    if smart.told.get(evse.number, free) == new:
        return False
    if new == free:
        del smart.told[evse.number]
    else:
        smart.told[evse.number] = new
    off = new.amps < supply.least_a - 1e-9
    watts = 0.0 if off else _watts(new, supply)
    st.meter.limit(now, evse.number, watts, new.lines, new.phase)
    if evse.limited is not off:
        evse.limited = off
        statuses.update(st, now, due, evse)
    return True


def _watts(offer: Offer, supply: Supply) -> float:
    return offer.amps * supply.volt * offer.lines


def sessions(st: State, at: float) -> list[Session]:
    """The transactions that run, in the order in which they began.

    What is relative counts from when energy could flow (2.0.1 K01.FR.42); where it cannot yet, as
    if it could from ``at`` on.
    """
    running = [(evse, evse.tx) for evse in st.evses[1:] if evse.tx is not None]
    running.sort(key=lambda pair: pair[1].local_id)
    return [
        Session(
            evse.number,
            st.clock_zero + tx.closed if tx.powered else at,
            evse.ev_suspended or evse.evse_suspended or evse.stopped_energy or not tx.powered,
            tx.priority,
        )
        for evse, tx in running
    ]


def composite_of(
    st: State, now: float, evse: int, duration_s: float, unit: Unit | None
) -> Composite | None:
    """The composite schedule of an EVSE (0: the station) from now on; None: it cannot be reported.

    1.6 §5.7; K08. In the first unit that the station knows unless one is asked for. No longer than
    its number of periods allows.
    """
    rules = st.conf.profiles
    chosen = rules.units[0] if unit is None else unit
    if not 0 <= evse < len(st.evses) or chosen not in rules.units or not duration_s > 0.0:
        return None
    at = st.clock_zero + now
    start = float(floor(at))
    begun = at - start  # it opens with what holds now, not with what held when the second began
    book = st.smart.book if st.smart is not None else ()
    spoken, stretches = composite(
        book,
        st.settings.supply,
        at,
        duration_s - begun,
        sessions(st, at),
        evse,
        st.identity.evses,
        rules.max_periods,
    )
    later = [s._replace(start_s=s.start_s + begun if s.start_s else 0.0) for s in stretches]
    return Composite(start, spoken + begun, chosen, later)
