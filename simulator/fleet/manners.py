"""Drivers who do not do what they should, in columns: what the agenda's rules make of their stays.

``siteplan`` and ``predict`` call it; ``virtual`` plays the same manners one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import Manner
from simulator.fleet.agenda import (
    AGAIN,
    FIRST_TAP,
    FIRST_TRY,
    I8,
    SECOND_TRY,
    TRIES_AGAIN,
    TURNED_AWAY,
    TWO_TAPS,
    Happenings,
    Stays,
    charging,
    ranges,
    tidy_caps,
)
from simulator.fleet.means import UNPLUGS
from simulator.fleet.rules import TAP_S, TRY_S, TWICE_LEAST_S
from simulator.fleet.terms import Terms
from simulator.station.events import Event

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]


def playable(manner: I8 | None, start_s: F64, stop_s: F64) -> I8 | None:
    """The manners of stays, plain where there is no time for anything else; None: all plain."""
    if manner is None or not manner.any():
        return None
    hurried = np.isin(manner, TWO_TAPS) & (stop_s - start_s < TWICE_LEAST_S)
    return np.where(hurried, np.int8(Manner.PLAIN), manner).astype(np.int8)


def split_taps(stays: Stays) -> Stays:
    """The stays with those of drivers who tap more than once in two pieces, one after the other."""
    if stays.manner is None or not (both := np.isin(stays.manner, TWO_TAPS)).any():
        return stays
    row = np.repeat(np.arange(len(stays), dtype=np.int64), 1 + both)
    second = np.zeros(len(row), dtype=bool)
    second[1:] = row[1:] == row[:-1]
    first = both[row] & ~second
    tries = np.isin(stays.manner, TRIES_AGAIN)[row]
    begin = stays.start_s[row]
    start = np.where(second, begin + np.where(tries, TRY_S, 2.0 * TAP_S), begin)
    stop = np.where(first, begin + np.where(tries, TRY_S, TAP_S), stays.stop_s[row])
    manner = stays.manner[row]
    manner = np.where(first, np.where(tries, FIRST_TRY, FIRST_TAP), manner)
    manner = np.where(second, np.where(tries, SECOND_TRY, AGAIN), manner)
    offset, caps = ranges(stays.cap_offset[row], np.diff(stays.cap_offset)[row])
    tidied = tidy_caps(
        start, stop, stays.full_s[row], offset, stays.cap_s[caps], stays.cap_kw[caps]
    )
    station, evse = stays.station[row], stays.evse[row]
    means = stays.means_of(row)
    return Stays(station, evse, start, stop, *tidied, manner.astype(np.int8), means)


def timed_out(stays: Stays, terms: Terms, end_s: float) -> Stays:
    """The stays with those who never plug in ended by ConnectionTimeOut."""
    if stays.manner is None or not (walks := stays.manner == Manner.WALKS_AWAY).any():
        return stays
    over_s = stays.start_s + terms.wait_s[stays.station]
    sooner = walks & (over_s < stays.stop_s) & (over_s <= end_s)
    return replace(stays, stop_s=np.where(sooner, over_s, stays.stop_s))


def told(events: list[Happenings], stays: Stays, terms: Terms, end_s: float) -> list[Happenings]:
    """The events of the stays (``tabulate``) as their stations tell them, up to ``end_s``."""
    moved = terms.from_cable.any() or terms.from_token.any() or terms.to_cable.any()
    if stays.manner is None and not moved:
        return events
    manner = np.zeros(len(stays), np.int8) if stays.manner is None else stays.manner
    events = [*events, *_given_up(stays, manner, terms)]
    if stays.manner is not None:
        events = [_seen(group, stays, manner, terms) for group in events]
    if moved:
        events = [*_moved(events, stays, manner, terms)]
    found = []
    for group in events:
        keep = group.at_s <= end_s
        found.append(replace(group, at_s=group.at_s[keep], row=group.row[keep]))
    return found


def _given_up(stays: Stays, manner: I8, terms: Terms) -> Iterator[Happenings]:
    """Where a refused driver stays on past ConnectionTimeOut: the EVSE waits for the unplugging,
    or, if there is another token, is in use anew."""
    over_s = stays.start_s + terms.wait_s[stays.station]
    waits = np.isin(manner, (*TURNED_AWAY, FIRST_TRY)) & (over_s < stays.stop_s)
    rows = np.flatnonzero(waits & terms.tells_giving_up[stays.station])
    yield Happenings(Event.FINISHING, over_s[rows], rows)
    rows = rows[manner[rows] == FIRST_TRY]
    yield Happenings(Event.PLUGGED_IN, stays.stop_s[rows], rows)


def _seen(group: Happenings, stays: Stays, manner: I8, terms: Terms) -> Happenings:
    """Without what a status does not tell: authorised or charging anew, with the plug as it was."""
    if group.event not in (Event.PLUGGED_IN, Event.UNPLUGGED):
        return group
    station, who = stays.station[group.row], manner[group.row]
    keep = (who != Manner.WALKS_AWAY) | terms.tells_promise[station]
    if group.event is Event.PLUGGED_IN:
        keep &= (who != AGAIN) | terms.tells_use[station]
    return replace(group, at_s=group.at_s[keep], row=group.row[keep])


def _moved(
    events: list[Happenings], stays: Stays, manner: I8, terms: Terms
) -> Iterator[Happenings]:
    """Where transactions begin or end otherwise than by an authorised driver's plug and token.

    One that is open already only changes when somebody is authorised, and one that only the plug
    ends only changes when the driver ends the authorisation (2.0.1 E01, E03, E06).
    """
    from_cable, to_cable, from_token = (
        flags[stays.station] for flags in (terms.from_cable, terms.to_cable, terms.from_token)
    )
    joins = ((manner == SECOND_TRY) & from_cable) | ((manner == AGAIN) & to_cable)
    lasts = (manner == FIRST_TAP) & to_cable
    for group in events:
        joint = {Event.TRANSACTION_STARTED: joins, Event.TRANSACTION_ENDED: lasts}.get(group.event)
        if joint is None:
            yield group
            continue
        for event, mask in ((group.event, ~joint), (Event.TRANSACTION_CHANGED, joint)):
            keep = mask[group.row]
            yield Happenings(event, group.at_s[keep], group.row[keep])
    charges = charging(stays)
    ended = np.isfinite(stays.stop_s)
    opened = charges & from_cable & ~np.isin(manner, (AGAIN, SECOND_TRY))
    pulled = manner == Manner.PULLS
    if stays.means is not None:
        pulled |= np.isin(stays.means, UNPLUGS)
    pulled &= terms.cable_ends[stays.station]
    closed = charges & to_cable & ended & ~pulled & (manner != FIRST_TAP)
    alone = np.isin(manner, TURNED_AWAY) & from_cable
    alone |= (manner == Manner.WALKS_AWAY) & from_token
    for event, at_s, mask in (
        (Event.TRANSACTION_CHANGED, stays.start_s, opened),
        (Event.TRANSACTION_CHANGED, stays.stop_s, closed),
        (Event.TRANSACTION_STARTED, stays.start_s, alone | ((manner == FIRST_TRY) & from_cable)),
        (Event.TRANSACTION_ENDED, stays.stop_s, alone & ended),
    ):
        rows = np.flatnonzero(mask)
        yield Happenings(event, at_s[rows], rows)


def open_spans(stays: Stays, terms: Terms) -> tuple[Stays, Flags]:
    """The stays with ``start_s`` as their transactions begin, and which of them have one at all.

    A transaction of two pieces is the second's.
    """
    has = charging(stays)
    if stays.manner is None:
        return stays, has
    manner = stays.manner
    from_cable, to_cable = (f[stays.station] for f in (terms.from_cable, terms.to_cable))
    has |= from_cable & np.isin(manner, TURNED_AWAY)
    has |= terms.from_token[stays.station] & (manner == Manner.WALKS_AWAY)
    before = np.zeros(len(stays), dtype=bool)
    before[:-1] = (manner[:-1] == FIRST_TRY) & (manner[1:] == SECOND_TRY) & from_cable[:-1]
    before[:-1] |= (manner[:-1] == FIRST_TAP) & (manner[1:] == AGAIN) & to_cable[:-1]
    rows = np.flatnonzero(before)
    start_s = stays.start_s.copy()
    start_s[rows + 1] = stays.start_s[rows]
    has[rows] = False
    return replace(stays, start_s=start_s), has
