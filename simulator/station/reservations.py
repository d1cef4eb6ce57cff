"""Reservations: an EVSE kept free for a token or its group, or one of them (1.6 §5.13, 2.0.1 H).

A reservation is made by ReserveNow and ends with its use, its time, its cancellation, or because
the EVSE (or the station) is faulted or out of service. Those for no particular EVSE make EVSEs
``reserved`` as soon as no more are free than there are such reservations (2.0.1 H01.FR.07, FR.20).
They outlive reboots. ``settle`` is called by ``Station`` after everything that happened while there
are any; an idle station has no book at all.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, Final

from simulator.station import rpc, statuses, timers
from simulator.station.events import Event
from simulator.station.model import Call, Evse, Link, Registration, token_key
from simulator.station.ports import CallOutcome
from simulator.station.state import Afterwards, State

EXPIRED: Final = "Expired"
REMOVED: Final = "Removed"
_SLACK_S: Final = 1e-3


class Reservation:
    """One reservation. ``evse`` 0: any one; ``expires`` is Unix time."""

    __slots__ = ("evse", "expires", "group", "id", "key")

    def __init__(
        self,
        number: int,
        evse: int,
        expires: float,
        token: str,
        kind: str = "",
        group: str | None = None,
    ) -> None:
        self.id = number
        self.evse = evse
        self.expires = expires
        self.key = token_key(token, kind)
        self.group = group.casefold() if group else None

    def is_for(self, token: str, kind: str, group: str | None) -> bool:
        """Was it made for this token, or for its group?"""
        if token_key(token, kind) == self.key:
            return True
        return self.group is not None and group is not None and group.casefold() == self.group


class Book:
    """A station's reservations by id. ``due`` is when the next one is looked at; ``untold`` are
    ends that the CSMS has not heard of, because there was no connection."""

    __slots__ = ("by_id", "due", "untold")

    def __init__(self) -> None:
        self.by_id: dict[int, Reservation] = {}
        self.due = inf
        self.untold: list[tuple[int, str]] = []


# -- what the CSMS wants --------------------------------------------------------------------------


def reserve(st: State, now: float, wish: Reservation) -> tuple[str, Afterwards | None]:
    """ReserveNow: Accepted, Occupied, Faulted, Unavailable or Rejected.

    One with the same id is replaced (1.6 §5.13, 2.0.1 H01.FR.02); it stays if the new one cannot
    be had.
    """
    known = 0 <= wish.evse < len(st.evses)
    late = wish.expires <= st.clock_zero + now
    refused = not st.conf.reserves or (wish.evse == 0 and not st.conf.reserve_any)
    if refused or not known or late or st.resetting:
        return "Rejected", None
    old = st.reservations.by_id.get(wish.id) if st.reservations is not None else None
    status = _possible(st, wish, old)
    return status, partial(_enter, wish) if status == "Accepted" else None


def _possible(st: State, wish: Reservation, old: Reservation | None) -> str:
    station = st.evses[0]
    if station.fault:
        return "Faulted"
    if not station.operative:
        return "Unavailable"
    chosen = st.evses[1:] if wish.evse == 0 else (st.evses[wish.evse],)
    if all(evse.fault for evse in chosen):
        return "Faulted"
    if all(evse.fault or not evse.in_service for evse in chosen):
        return "Unavailable"
    others = [r for r in _waiting(st) if r is not old]
    held = {r.evse for r in others if r.evse}
    demand = sum(1 for r in others if not r.evse)
    open_ = [e for e in st.evses[1:] if _free(e) and not e.auth and e.number not in held]
    fits = wish.evse == 0 or any(e.number == wish.evse for e in open_)
    return "Accepted" if fits and len(open_) > demand else "Occupied"


def _enter(wish: Reservation, st: State, now: float) -> None:
    if st.reservations is None:
        st.reservations = Book()
    st.reservations.by_id[wish.id] = wish
    _arm(st, now, st.reservations)
    settle(st, now)


def cancel(st: State, number: int) -> Afterwards | None:
    """CancelReservation; None: there is no such reservation. Not told: it was the CSMS's doing."""
    if st.reservations is None or number not in st.reservations.by_id:
        return None
    return partial(_cancel, number)


def _cancel(number: int, st: State, now: float) -> None:
    if st.reservations is not None:
        st.reservations.by_id.pop(number, None)
        settle(st, now)


# -- who may use what -----------------------------------------------------------------------------


def _all(st: State) -> tuple[Reservation, ...]:
    return tuple(st.reservations.by_id.values()) if st.reservations is not None else ()


def _waiting(st: State) -> list[Reservation]:
    """Reservations that no accepted token has claimed yet."""
    claimed = [e.reservation for e in st.evses[1:] if e.token is not None and e.reservation]
    return [r for r in _all(st) if r not in claimed]


def pending(st: State) -> bool:
    """Is anybody expected?"""
    return st.reservations is not None and bool(st.reservations.by_id)


def match(st: State, evse: Evse, token: str, kind: str, group: str | None) -> Reservation | None:
    """The reservation that the token would use at this EVSE: one for it, else one for any."""
    found = None
    for reservation in _waiting(st):
        if reservation.evse in (0, evse.number) and reservation.is_for(token, kind, group):
            if reservation.evse:
                return reservation
            found = found or reservation
    return None if any(r.evse == evse.number for r in _all(st)) else found


def refuses(st: State, evse: Evse, token: str, kind: str, group: str | None) -> bool:
    """Is the EVSE kept free for somebody else?"""
    return evse.reserved and match(st, evse, token, kind, group) is None


def group_counts(st: State, evse: Evse) -> bool:
    """May somebody's group decide whether the EVSE is kept free for him?"""
    return any(r.group is not None and r.evse in (0, evse.number) for r in _all(st))


def use(st: State, reservation: Reservation) -> bool:
    """It has served its purpose. False: it had ended before."""
    if st.reservations is None or st.reservations.by_id.get(reservation.id) is not reservation:
        return False
    del st.reservations.by_id[reservation.id]
    if reservation.evse:
        st.evses[reservation.evse].reserved = False
    return True


# -- keeping the book -----------------------------------------------------------------------------


def _usable(evse: Evse) -> bool:
    return evse.operative and not evse.fault


def _free(evse: Evse) -> bool:
    """Could somebody who is expected begin there?"""
    if not _usable(evse) or evse.token is not None or (evse.tx is not None and evse.tx.granted):
        return False
    # A stranger's cable does not free a reserved one. A token that is being asked about may yet be
    # refused, or be the very one that is expected.
    return evse.reserved or not (evse.plugged or evse.finishing)


def settle(st: State, now: float) -> None:
    """Bring the book and the EVSEs in line with what happened."""
    book = st.reservations
    if book is None:
        return
    for reservation in _void(st, book):
        _end(book, reservation, REMOVED)
    named = {r.evse for r in book.by_id.values() if r.evse}
    demand = sum(1 for r in _waiting(st) if not r.evse)
    open_ = [e for e in st.evses[1:] if _free(e) and e.number not in named] if demand else []
    kept = {e.number for e in open_} if len(open_) <= demand else set()
    for evse in st.evses[1:]:
        reserved = evse.number in named or evse.number in kept
        if reserved != evse.reserved:
            evse.reserved = reserved
            statuses.update(st, now, now, evse)
            if evse.plugged and evse.tx is None and not reserved:
                statuses.arm(st, now, evse)  # whoever waits there may charge now, if he hurries
    if book.untold and st.link is Link.ONLINE and st.registration is Registration.ACCEPTED:
        untold, book.untold = book.untold, []
        for end in untold:
            rpc.raise_event(st, Event.RESERVATION_ENDED, now, now, about=end)


def _void(st: State, book: Book) -> list[Reservation]:
    """Reservations whose EVSE is faulted or out of service, or which all of them are."""
    if not _usable(st.evses[0]):
        return list(book.by_id.values())
    void = [r for r in book.by_id.values() if r.evse and not _usable(st.evses[r.evse])]
    named = {r.evse for r in book.by_id.values() if r.evse}
    room = sum(1 for e in st.evses[1:] if _usable(e) and e.number not in named)
    return void + [r for r in book.by_id.values() if not r.evse][room:]


def _end(book: Book, reservation: Reservation, why: str) -> None:
    del book.by_id[reservation.id]
    book.untold.append((reservation.id, why))


def told(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """ReservationStatusUpdateResponse: nothing is said in it."""
    return True


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """The connection went before the CSMS heard of an end: it is told again."""
    lost = outcome in (CallOutcome.CONNECTION_LOST, CallOutcome.SKIPPED)
    if lost and st.reservations is not None:
        st.reservations.untold.append(call.about)


def clock_set(st: State, now: float) -> None:
    """The station's clock shows another time: reservations end by it."""
    if st.reservations is not None:
        _arm(st, now, st.reservations)


def _arm(st: State, now: float, book: Book) -> None:
    first = min((r.expires for r in book.by_id.values()), default=inf)
    due = max(first - st.clock_zero, now)
    if due != book.due:
        book.due = due
        timers.instead(st, due, _wake)


def _wake(st: State, now: float, due: float) -> None:
    """The time of a reservation is over, or was when the appointment was made."""
    book = st.reservations
    if book is None or due < book.due:
        return
    book.due = inf
    over = [r for r in book.by_id.values() if r.expires <= st.clock_zero + now + _SLACK_S]
    for reservation in over:
        _end(book, reservation, EXPIRED)
    settle(st, now)
    _arm(st, now, book)
