"""What a station keeps of a customer, to be told or forgotten (2.0.1 N09, N10).

Every place where something of a customer may lie is a ``Source``: what it holds, as lines that a
person can read, and how it forgets. A station holds nothing else: transactions that have been told
are not kept, and identifiers other than tokens (customerIdentifier, certificates) are not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

from simulator.station import clock
from simulator.station.model import TokenInfo, Transaction, token_key
from simulator.station.transactions import same_token

if TYPE_CHECKING:
    from simulator.station.state import State


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is asked about."""

    token: str
    kind: str
    default_kind: str
    """The kind of a token that was presented without one."""

    @property
    def key(self) -> str:
        """By which the token is looked up."""
        return token_key(self.token, self.kind)

    def owns(self, token: str | None, kind: str = "") -> bool:
        """Is this the customer's token?"""
        return same_token(self.token, token) and (kind or self.default_kind) == self.kind


@dataclass(frozen=True, slots=True)
class Source:
    """One place where something of a customer may be kept."""

    lines: Callable[[State, Customer], Iterator[str]]
    forget: Callable[[State, Customer], None] | None = None
    """None: it is in use, or the CSMS's own to change (the local list, N10.FR.02)."""
    in_use: bool = False
    """While it holds something, nothing of the customer can be forgotten."""


def _charging(st: State, who: Customer) -> Iterator[str]:
    for evse in st.evses[1:]:
        tx = evse.tx
        if tx is not None and who.owns(tx.token, tx.kind):
            yield f"Transaction {tx.id} at EVSE {evse.number}, running since {_time(st, tx)}"
        elif who.owns(evse.token, evse.kind):
            yield f"Authorised at EVSE {evse.number}, not plugged in yet"
        if evse.auth is not None and who.owns(evse.auth.token, evse.auth.kind):
            yield f"Being authorised at EVSE {evse.number}"


def _untold(st: State, who: Customer) -> Iterator[str]:
    seen: set[int] = set()
    for call in st.queue or ():
        tx = call.tx
        if tx is None or tx.local_id in seen or st.evses[tx.evse].tx is tx:
            continue
        if who.owns(tx.token, tx.kind):
            seen.add(tx.local_id)
            wh = tx.meter_stop - tx.meter_start
            yield f"Transaction {tx.id} since {_time(st, tx)}, {wh:.0f} Wh, not sent to the end"


def _prices(st: State, who: Customer) -> Iterator[str]:
    for number, told in (st.tariffs or {}).items():
        if told.message and _owns(who, told.token, told.tx):
            yield f"Message at EVSE {number}: {told.message}"
        if told.cost is not None and _owns(who, told.token, told.tx):
            yield f"Cost at EVSE {number}: {told.cost:.2f}"


def _forget_prices(st: State, who: Customer) -> None:
    kept = {n: t for n, t in (st.tariffs or {}).items() if not _owns(who, t.token, t.tx)}
    st.tariffs = kept or None


def _owns(who: Customer, token: str | None, tx: Transaction | None) -> bool:
    return who.owns(tx.token, tx.kind) if tx is not None else same_token(who.token, token)


def _time(st: State, tx: Transaction) -> str:
    return clock.iso(st.clock_zero + tx.begun)


def _reserved(st: State, who: Customer) -> Iterator[str]:
    for each in st.reservations.by_id.values() if st.reservations is not None else ():
        if each.key == who.key:
            place = f"EVSE {each.evse}" if each.evse else "an EVSE"
            yield f"Reservation {each.id} of {place} until {clock.iso(each.expires)}"


def _cached(st: State, who: Customer) -> Iterator[str]:
    yield from _known(st, "Authorisation cache", (st.cache or {}).get(who.key))


def _forget_cached(st: State, who: Customer) -> None:
    if st.cache is not None:
        st.cache.pop(who.key, None)


def _listed(st: State, who: Customer) -> Iterator[str]:
    if st.local_list is not None:
        yield from _known(st, "Local authorisation list", st.local_list.entries.get(who.key))


def _known(st: State, where: str, info: TokenInfo | None) -> Iterator[str]:
    if info is not None:
        group = f", group {info.group}" if info.group else ""
        until = f", until {clock.iso(info.expires)}" if info.expires < inf else ""
        yield f"{where}: {info.status}{group}{until}"


SOURCES: Final = (
    Source(_charging, in_use=True),
    Source(_untold, in_use=True),
    Source(_reserved, in_use=True),
    Source(_prices, _forget_prices),
    Source(_cached, _forget_cached),
    Source(_listed),
)
"""An area that keeps something of customers adds its own."""


def report(st: State, who: Customer) -> list[str]:
    """Everything that is kept of a customer."""
    return [line for source in SOURCES for line in source.lines(st, who)]


def can_forget(st: State, who: Customer) -> bool:
    """Does nothing that is under way need what would be forgotten?"""
    return not any(next(source.lines(st, who), "") for source in SOURCES if source.in_use)


def forget(st: State, who: Customer) -> None:
    """Remove what is the station's to remove."""
    for source in SOURCES:
        if source.forget is not None:
            source.forget(st, who)
