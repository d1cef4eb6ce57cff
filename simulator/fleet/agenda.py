"""What happens during a visit, in order: the one set of rules for playing it and for counting it.

Two forms of the same rules, kept equal by a test: ``visit_agenda`` walks through one visit (the
virtual station plays it: its opening, its ``changes``, its closing), ``tabulate`` does all visits
of a site or a shard at once with numpy (the prediction counts them).

The rules, for a visit from ``start`` to ``stop`` whose battery is full at ``full``:

* at ``start``: plug in, present the token, transaction started, then the state of that moment;
* the state is SUSPENDED_EV from ``full`` on, else SUSPENDED_EVSE while the cap is 0, else CHARGING;
  each change strictly between ``start`` and ``stop`` is an event;
* at ``stop``: transaction ended, finishing, unplugged. Changes due at that very moment are not
  played.

A driver may have another manner (`Manner`): one who pulls the plug causes the same events; one who
is refused only plugs in, presents a token and unplugs; one who is refused at first presents another
``TRY_S`` later, and only then charges. One who walks away only presents a token and gives the EVSE
back. One who taps twice has two transactions, the first from ``start`` to ``TAP_S`` later, the
second from twice that on (``manners.split_taps``). What a station makes of it that goes by other
terms (versions, TxStartPoint ...) is told by ``manners.told``.

Caps must be tidy (see ``tidy_caps``): the first stands at ``start``, times rise, none at ``full``
or later, and the cap in force at ``full`` is above 0 (a car without power does not become full).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import Manner
from simulator.fleet.rules import TAP_S, TRY_S
from simulator.station.events import Event

F64 = NDArray[np.float64]
I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

OPENING: Final = (Event.PLUGGED_IN, Event.TOKEN_PRESENTED, Event.TRANSACTION_STARTED)
CLOSING: Final = (Event.TRANSACTION_ENDED, Event.FINISHING, Event.UNPLUGGED)


TURNED_AWAY: Final = (Manner.REFUSED, Manner.BLOCKED, Manner.EXPIRED)
"""Whose token is no good, and who have no other."""
TRIES_AGAIN: Final = (
    Manner.REFUSED_AT_FIRST,
    Manner.BLOCKED_AT_FIRST,
    Manner.EXPIRED_AT_FIRST,
)
"""Whose first token is no good."""
TWO_TAPS: Final = (Manner.TAPS_TWICE, *TRIES_AGAIN)
IDLE: Final = (*TURNED_AWAY, Manner.WALKS_AWAY)
"""Manners without a transaction."""
FIRST_TAP: Final = max(Manner) + 1
"""The first transaction of a driver who taps twice: nobody unplugs at its end."""
AGAIN: Final = max(Manner) + 2
"""The second one: the car has been plugged in all along."""
FIRST_TRY: Final = max(Manner) + 3
"""A driver who is refused and stays, up to the second try."""
SECOND_TRY: Final = max(Manner) + 4
"""From there on: the car is plugged in and the station still waits for a token."""


def state_at(at_s: float, full_s: float, cap_kw: float) -> Event:
    """The charging state that a transaction is in at ``at_s`` under ``cap_kw``."""
    if at_s >= full_s:
        return Event.SUSPENDED_EV
    return Event.CHARGING if cap_kw > 0.0 else Event.SUSPENDED_EVSE


def changes(
    start_s: float, stop_s: float, full_s: float, cap_s: Sequence[float], cap_kw: Sequence[float]
) -> Iterator[tuple[float, Event]]:
    """The charging state at ``start_s`` and each change of it before ``stop_s``."""
    state = state_at(start_s, full_s, cap_kw[0])
    yield start_s, state
    for at_s, kw in zip(cap_s[1:], cap_kw[1:], strict=True):
        if at_s >= stop_s:
            return
        new = state_at(at_s, full_s, kw)
        if new is not state:
            state = new
            yield at_s, state
    if start_s < full_s < stop_s:
        yield full_s, Event.SUSPENDED_EV


def visit_agenda(
    start_s: float,
    stop_s: float,
    full_s: float,
    cap_s: Sequence[float],
    cap_kw: Sequence[float],
    manner: int = Manner.PLAIN,
) -> Iterator[tuple[float, Event]]:
    """All events of one visit in order; ``stop_s`` may be ``inf`` (nothing ends within the run)."""
    if manner in IDLE:
        yield start_s, Event.PLUGGED_IN
        yield start_s, Event.TOKEN_PRESENTED
        if stop_s != np.inf:
            yield stop_s, Event.UNPLUGGED
        return
    if manner in TRIES_AGAIN:
        yield start_s, Event.PLUGGED_IN
        yield start_s, Event.TOKEN_PRESENTED
        then_s = start_s + TRY_S
        first = max(k for k, at_s in enumerate(cap_s) if k == 0 or at_s <= then_s)
        _, *rest = visit_agenda(then_s, stop_s, full_s, cap_s[first:], cap_kw[first:])
        yield from rest
        return
    if manner == Manner.TAPS_TWICE:
        again_s = start_s + 2.0 * TAP_S
        yield from visit_agenda(start_s, start_s + TAP_S, full_s, cap_s, cap_kw, FIRST_TAP)
        first = max(k for k, at_s in enumerate(cap_s) if k == 0 or at_s <= again_s)
        yield from visit_agenda(again_s, stop_s, full_s, cap_s[first:], cap_kw[first:])
        return
    for event in OPENING:
        yield start_s, event
    yield from changes(start_s, stop_s, full_s, cap_s, cap_kw)
    if stop_s != np.inf:
        for event in CLOSING[: 2 if manner == FIRST_TAP else 3]:
            yield stop_s, event


@dataclass(frozen=True, slots=True)
class Stays:
    """Visits as columns of equal length, with their caps (``cap_offset`` has one entry more)."""

    station: I32
    evse: I32
    """1-based number of the EVSE in its station."""
    start_s: F64
    stop_s: F64
    """``inf`` where the visit does not end within the run."""
    full_s: F64
    """``inf`` where the battery does not become full."""
    cap_offset: I64
    cap_s: F64
    cap_kw: F64
    manner: I8 | None = None
    """`Manner` of each, or a piece of one that taps more than once; None: all plain."""
    means: I8 | None = None
    """`Means` of each; None: all by card."""

    def __len__(self) -> int:
        return len(self.start_s)

    def means_of(self, rows: I64) -> I8 | None:
        """The means of some rows."""
        return None if self.means is None else self.means[rows]


@dataclass(frozen=True, slots=True)
class Happenings:
    """Events of one kind: when, and in which row of the stays."""

    event: Event
    at_s: F64
    row: I64


def tabulate(stays: Stays) -> list[Happenings]:
    """Every event of every stay, one group per kind (CHARGING and the suspensions in any order)."""
    rows = np.arange(len(stays), dtype=np.int64)
    ended = rows[np.isfinite(stays.stop_s)]
    groups = [Happenings(event, stays.start_s, rows) for event in OPENING]
    groups += _states(stays, rows)
    groups += [Happenings(event, stays.stop_s[ended], ended) for event in CLOSING]
    if stays.manner is None or not stays.manner.any():
        return groups
    found = []
    for group in groups:
        if group.event is Event.UNPLUGGED:
            keep = ~np.isin(stays.manner[group.row], (FIRST_TAP, FIRST_TRY))
        elif group.event is Event.PLUGGED_IN:
            keep = stays.manner[group.row] != SECOND_TRY
        elif group.event is Event.TOKEN_PRESENTED:
            keep = np.ones(len(group.row), dtype=bool)
        else:
            keep = charging(stays)[group.row]
        found.append(Happenings(group.event, group.at_s[keep], group.row[keep]))
    return found


def charging(stays: Stays) -> NDArray[np.bool_]:
    """Which stays have a transaction, shape (stays,)."""
    if stays.manner is None:
        return np.ones(len(stays), dtype=bool)
    return ~np.isin(stays.manner, (*IDLE, FIRST_TRY))


def _states(stays: Stays, rows: I64) -> list[Happenings]:
    """Initial states, changes by caps, and full batteries."""
    if not len(rows):
        return []
    full_at_start = stays.full_s <= stays.start_s
    cap_row = np.repeat(rows, np.diff(stays.cap_offset))
    on = stays.cap_kw > 0.0
    first = np.zeros(len(on), dtype=bool)
    first[stays.cap_offset[:-1]] = True
    within = (stays.cap_s < stays.stop_s[cap_row]) & (stays.cap_s < stays.full_s[cap_row])
    changed = np.zeros(len(on), dtype=bool)
    changed[1:] = on[1:] != on[:-1]
    says = np.where(first, ~full_at_start[cap_row], changed & within)
    filled = rows[(stays.full_s < stays.stop_s) & ~full_at_start]
    groups = []
    for event, mask in ((Event.CHARGING, says & on), (Event.SUSPENDED_EVSE, says & ~on)):
        at = np.where(first[mask], stays.start_s[cap_row[mask]], stays.cap_s[mask])
        groups.append(Happenings(event, at, cap_row[mask]))
    groups.append(Happenings(Event.SUSPENDED_EV, stays.start_s[full_at_start], rows[full_at_start]))
    groups.append(Happenings(Event.SUSPENDED_EV, stays.full_s[filled], filled))
    return groups


def ranges(first: I64, counts: I64) -> tuple[I64, I64]:
    """Offsets, and the rows ``first[i] .. first[i] + counts[i] - 1`` one after the other."""
    offset = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offset[1:])
    rows = np.arange(offset[-1]) - np.repeat(offset[:-1], counts) + np.repeat(first, counts)
    return offset, rows


def tidy_caps(
    start_s: F64, stop_s: F64, full_s: F64, cap_offset: I64, cap_s: F64, cap_kw: F64
) -> tuple[F64, I64, F64, F64]:
    """Bring recorded caps into the form that the agenda needs.

    Drops caps that no longer matter (before the one in force at ``start_s``; at ``stop_s``, at
    ``full_s`` or later; followed by another at the same moment; equal to the one before). A stay
    without any cap gets one of ``inf`` at its start. Where the cap in force at ``full_s`` is 0 the
    battery cannot become full then, and ``full_s`` becomes ``inf``.

    Returns ``(full_s, cap_offset, cap_s, cap_kw)``.
    """
    n = len(start_s)
    counts = np.diff(cap_offset)
    row = np.repeat(np.arange(n, dtype=np.int64), counts)
    at = np.maximum(cap_s, start_s[row])
    last_of_moment = np.ones(len(at), dtype=bool)
    last_of_moment[:-1] = (row[1:] != row[:-1]) | (at[1:] != at[:-1])
    opening = at <= start_s[row]
    matters = last_of_moment & (opening | ((at < stop_s[row]) & (at < full_s[row])))
    row, at, kw = row[matters], at[matters], cap_kw[matters]
    new_level = np.ones(len(at), dtype=bool)
    new_level[1:] = (row[1:] != row[:-1]) | (kw[1:] != kw[:-1])
    row, at, kw = row[new_level], at[new_level], kw[new_level]

    missing = np.ones(n, dtype=bool)
    starts_at_start = row[at <= start_s[row]]
    missing[starts_at_start] = False
    if missing.any():
        fill = np.flatnonzero(missing)
        row = np.concatenate([row, fill])
        at = np.concatenate([at, start_s[fill]])
        kw = np.concatenate([kw, np.full(len(fill), np.inf)])
        order = np.lexsort((at, row))
        row, at, kw = row[order], at[order], kw[order]

    offset = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=n), out=offset[1:])
    full = full_s.copy()
    if n:
        off_at_full = (kw[offset[1:] - 1] <= 0.0) & np.isfinite(full) & (full > start_s)
        full[off_at_full] = np.inf
    return full, offset, at, kw
