"""What the CSMS may ask a driver's place at: start, stop, unlock, take out of service, report.

Protocol-free: each function says whether the station will do it; the version's table words it.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from simulator.station import (
    authorisation,
    boot,
    metervalues,
    reservations,
    rpc,
    statuses,
    transactions,
)
from simulator.station.events import Event
from simulator.station.model import OUT_BY_CSMS, Evse, Registration, Status
from simulator.station.profiles import Profile
from simulator.station.state import Afterwards, State


def find(st: State, number: int) -> Evse | None:
    """The EVSE of that number, 0 being the station; None if there is none."""
    return st.evses[number] if 0 <= number < len(st.evses) else None


def start(
    st: State, now: float, number: int | None, token: str, profile: Profile | None = None
) -> Afterwards | None:
    """Start a transaction; without a number where a car is plugged in, else where it is free."""
    group = authorisation.group_of(st, now, token)
    evse = place(st, number, token, "", group)
    return None if evse is None else partial(begin, evse, token, "", None, profile, group)


def place(
    st: State, number: int | None, token: str, kind: str = "", group: str | None = None
) -> Evse | None:
    """Where a remote start would be: that EVSE, or one that is reserved for the token or its
    group, or one with a car plugged in, or a free one. None of them if it is kept for others."""
    if st.registration is not Registration.ACCEPTED or st.resetting:
        return None
    chosen = st.evses[1:] if number is None else st.evses[max(number, 1) : number + 1]
    free = [
        evse
        for evse in chosen
        if _startable(evse) and not reservations.refuses(st, evse, token, kind, group)
    ]
    return min(free, key=lambda evse: (not evse.reserved, not evse.plugged), default=None)


_STARTABLE: Final = (Status.AVAILABLE, Status.PREPARING, Status.FINISHING, Status.RESERVED)


def _startable(evse: Evse) -> bool:
    # One whose authorisation has ended is nobody else's (2.0.1 F01.FR.24).
    running = evse.tx is not None and evse.tx.token is not None
    busy = running or evse.auth is not None or evse.token is not None
    return not busy and evse.in_service and evse.status in _STARTABLE


def begin(
    evse: Evse,
    token: str,
    kind: str,
    remote_id: int | None,
    profile: Profile | None,
    group: str | None,
    st: State,
    now: float,
) -> None:
    """The answer is on its way: the token counts as presented."""
    authorisation.present_remote(st, now, evse, token, kind, remote_id, profile, group)


def stop(st: State, transaction_id: int | str) -> Afterwards | None:
    """Stop the transaction with that id."""
    if st.registration is not Registration.ACCEPTED:
        return None
    for evse in st.evses[1:]:
        if evse.tx is not None and evse.tx.id == transaction_id and transaction_id != -1:
            return partial(_stop, evse, "Remote")
    return None


def _stop(evse: Evse, reason: str, st: State, now: float) -> None:
    transactions.stop(st, now, now, evse, reason)


def unlock(st: State, number: int) -> tuple[bool, Afterwards | None]:
    """Unlock a connector, ending its transaction first (1.6 §5.18). False: no such connector."""
    evse = find(st, number) if number else None
    if evse is None:
        return False, None
    return True, partial(_stop, evse, "UnlockCommand") if evse.tx is not None else None


def availability(
    st: State, number: int, operative: bool, tier: int = OUT_BY_CSMS
) -> tuple[str, Afterwards | None]:
    """Put an EVSE (0: all, and the station) in or out of service: Accepted, Scheduled or Rejected.

    What is in a transaction changes when it ends (1.6 §5.2). ``tier``: in 2.x station, EVSE and
    connector have states of their own; what lies below goes back to its own (G03.FR.07, G04.FR.08).
    """
    evse = find(st, number)
    if evse is None:
        return "Rejected", None
    chosen = tuple(st.evses) if number == 0 else (evse,)
    scheduled = not operative and any(e.tx is not None for e in chosen)
    word = "Scheduled" if scheduled else "Accepted"
    if all(bool(e.out & tier) is not operative for e in chosen):
        return word, None
    return word, partial(_availability, chosen, operative, tier)


def _availability(
    chosen: tuple[Evse, ...], operative: bool, tier: int, st: State, now: float
) -> None:
    for evse in chosen:
        evse.out = evse.out & ~tier if operative else evse.out | tier
        if not operative and evse.tx is None:
            evse.auth = evse.token = evse.parent = None
            evse.finishing = evse.finishing and tier == OUT_BY_CSMS  # 2.x: at once (G03.FR.06)
        statuses.update(st, now, now, evse)


def trigger(st: State, action: str, event: Event, number: int | None) -> Afterwards | None:
    """Send one message out of turn, for one EVSE or for all that it can be about (1.6 §5.17)."""
    if action == "BootNotification":
        # Errata 3.35: better refused once the station is accepted.
        return None if st.registration is Registration.ACCEPTED else _boot
    if st.registration not in (Registration.PENDING, Registration.ACCEPTED):
        return None  # nothing but BootNotification may leave (1.6 §4.2)
    if action == "Heartbeat":
        return partial(_send, action, event, (None,))
    chosen: tuple[Evse, ...]
    if action == "TransactionEvent":
        open_ = tuple(
            e for e in st.evses if e.tx is not None and e.tx.opened and number in (None, e.number)
        )
        return partial(_send, action, event, open_) if open_ else None
    if number is not None:
        evse = find(st, number)
        if evse is None:
            return None
        chosen = (evse,)
    else:
        # All that the message may be about (§5.17).
        chosen = tuple(st.evses if action == "StatusNotification" else metervalues.metered(st))
    return partial(_send, action, event, chosen)


def _boot(st: State, now: float) -> None:
    in_flight = st.call is not None and st.call.action == "BootNotification"
    if not in_flight and not rpc.waiting(st, "BootNotification"):
        boot.send(st, now, now, "Triggered")


def _send(
    action: str, event: Event, chosen: tuple[Evse | None, ...], st: State, now: float
) -> None:
    for evse in chosen:
        # One that already waits will do (§5.17).
        if not rpc.waiting(st, action, evse):
            tx = evse.tx if evse is not None else None
            kept = action == "TransactionEvent"  # numbered: it may overtake nothing
            rpc.plan(st, action, event, now, now, evse, tx, urgent=not kept)
