"""What outages do to the messages of a site: who falls silent, and the herd that comes back.

A station without power says nothing. When it has power again it boots, reports every connector,
and ends the transactions that the outage cut off (reason PowerLoss; after the
statuses, in the order of a hard reset). A car that is still plugged in then and not yet full
charges on in a transaction of its own. A broken EVSE of a station that has power reports Faulted,
after the end of its transaction, and Available once it is mended.

Works on the columns of stays; the counterpart of what a station does one event at a time. Called by
``predict``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import Manner
from simulator.engine.outages import Spans, downtime
from simulator.fleet.agenda import CLOSING, TWO_TAPS, Happenings, Stays, ranges, tidy_caps
from simulator.fleet.rules import SLACK_S
from simulator.station.events import Event
from simulator.station.versions import TABLES, tells_next_use

if TYPE_CHECKING:
    from simulator.engine.plan import SiteResult
    from simulator.fleet.tally import Tally

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

Span = tuple[float, float]
Piece = tuple[int, float, float, int, float]
"""Row of the stay, start, stop, how it ends, and when the power is back."""

LEAVES, CUT_OFF, BREAKS = range(3)
"""How a piece of a stay ends: the driver goes, the power does, or the EVSE breaks down."""

WALKED: Final = Manner.WALKS_AWAY
CHARGES_ON: Final = (
    "cars still plugged in when the power comes back charge on, in transactions of their own"
)


def undisturbed(result: SiteResult, stays: Stays) -> Stays:
    """The stays, plain where the power goes before the driver has tapped for the second time."""
    if stays.manner is None:
        return stays
    rows = np.flatnonzero(np.isin(stays.manner, TWO_TAPS))
    start, station = stays.start_s[rows], stays.station[rows]
    cut = np.zeros(len(rows), dtype=bool)
    for of, away, back in _rows(downtime(result).dark):
        cut |= (station == of) & (away <= start + SLACK_S) & (back > start)
    manner = stays.manner.copy()
    manner[rows[cut]] = Manner.PLAIN
    return replace(stays, manner=manner)


class Outages:
    """The outages of one site, and its stays as the stations see them: none goes on through one."""

    def __init__(self, result: SiteResult, stays: Stays, end_s: float) -> None:
        self.end_s = end_s
        self.down = downtime(result)
        self._evse_station = result.evse_station
        first = np.searchsorted(result.evse_station, stays.station)
        pieces, left = _cut(stays, first + stays.evse - 1, self)
        row, start, stop, ending, back = _columns(pieces)
        self.stays = _pieces(stays, row, start, stop, end_s)
        self._ending = ending
        speaks = np.array([tells_next_use(TABLES[s.version]) for s in result.site.stations], bool)
        self._plug_told = (start == stays.start_s[row]) | speaks[self.stays.station]
        """A car that was there through the outage is told of at the boot, in 2.x for good."""
        self._back_s = back
        place = dict(zip(row.tolist(), range(len(row)), strict=True))
        self._left = Happenings(
            Event.UNPLUGGED,
            np.array([at for at, _ in left], np.float64),
            np.array([place[of] for _, of in left], np.int64),
        )
        """Cars that charged no more after an outage, and went."""

    def happenings(self, events: Sequence[Happenings]) -> list[Happenings]:
        """The events of the cut stays, less what nobody reported, or later where it is later."""
        found = []
        for group in events:
            if group.event is Event.PLUGGED_IN:
                keep = self._plug_told[group.row]
                group = replace(group, at_s=group.at_s[keep], row=group.row[keep])
            if group.event in CLOSING:
                ending = self._ending[group.row]
                at_s, keep = group.at_s, ending == LEAVES
                if group.event is Event.TRANSACTION_ENDED:
                    at_s = np.where(ending == CUT_OFF, self._back_s[group.row], at_s)
                    keep = np.isfinite(at_s)
                group = replace(group, at_s=at_s[keep], row=group.row[keep])
            found.append(group)
        return [*found, self._left]

    def add(self, tally: Tally, statuses: I32, startups: NDArray[np.bool_]) -> None:
        """Count the herd: boots of stations that come back, faults of single EVSEs.

        ``statuses`` is how many each station reports once it has booted, ``startups`` whether it
        tells that it has started.
        """
        dark = self.down.dark
        back = np.flatnonzero(dark.to_s <= self.end_s)
        station = dark.of[back]
        tally.points(Event.BOOT, dark.to_s[back], station)
        tally.points(Event.OPERATIVE, dark.to_s[back], station, statuses[station])
        tell = back[startups[station]]
        tally.points(Event.SECURITY, dark.to_s[tell], dark.of[tell])
        for event, station, at_s in self._faults():
            tally.points(event, at_s, station)

    def _faults(self) -> list[tuple[Event, I32, F64]]:
        """Statuses of single EVSEs; where the station falls dark or boots, that says it all."""
        faulted = self.down.faulted
        station = self._evse_station[faulted.of].astype(np.int32)
        edges = {(of, at) for of, *span in _rows(self.down.dark) for at in span}
        found = []
        for event, at_s in ((Event.FAULTED, faulted.from_s), (Event.UNPLUGGED, faulted.to_s)):
            told = np.array(
                [
                    at <= self.end_s and (of, at) not in edges
                    for of, at in zip(station.tolist(), at_s.tolist(), strict=True)
                ],
                dtype=bool,
            )
            found.append((event, station[told], at_s[told]))
        return found

    def busy(self) -> tuple[I32, F64, F64]:
        """Spans (station, from, to) that are no silences besides the stays."""
        parts = [(self.down.dark.of, self.down.dark.from_s, self.down.dark.to_s)]
        left = self._left
        parts.append((self.stays.station[left.row], left.at_s, left.at_s))
        parts += [(station, at_s, at_s) for _, station, at_s in self._faults()]
        station, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
        return station.astype(np.int32), start, end

    def dark(self, at_s: float) -> NDArray[np.bool_]:
        """Which stations have no power at a moment."""
        dark = self.down.dark
        found = np.zeros(int(self._evse_station.max(initial=-1)) + 1, dtype=bool)
        found[dark.of[(dark.from_s <= at_s) & (at_s < dark.to_s)]] = True
        return found


def _cut(stays: Stays, evse: I64, outages: Outages) -> tuple[list[Piece], list[tuple[float, int]]]:
    """Pieces of all stays in order; and (when, row) of cars that left without charging again."""
    dark, faulted = _by_number(outages.down.dark), _by_number(outages.down.faulted)
    pieces: list[Piece] = []
    left: list[tuple[float, int]] = []
    nobody = set() if stays.manner is None else set(np.flatnonzero(stays.manner == WALKED).tolist())
    columns = stays.station, evse, stays.start_s, stays.stop_s, stays.full_s
    for row, (station, index, start, stop, full) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        begin = start
        for away, back in dark.get(station, ()):
            if back <= begin or away > stop:
                continue
            returns = back if back <= outages.end_s else inf
            if begin == start or full > begin:
                pieces.append((row, begin, max(begin, away), CUT_OFF, returns))
            begin = back
            if stop <= back or back > outages.end_s:
                break
        else:
            if begin > start and full <= begin:
                if stop <= outages.end_s and row not in nobody:
                    left.append((stop, row))
                continue
            breaks = any(at == stop for at, _ in faulted.get(index, ()))
            pieces.append((row, begin, stop, BREAKS if breaks else LEAVES, inf))
    return pieces, left


def _columns(pieces: list[Piece]) -> tuple[I64, F64, F64, I32, F64]:
    row, start, stop, ending, back = zip(*pieces, strict=True) if pieces else ((),) * 5
    return (
        np.array(row, np.int64),
        np.array(start, np.float64),
        np.array(stop, np.float64),
        np.array(ending, np.int32),
        np.array(back, np.float64),
    )


def _pieces(stays: Stays, row: I64, start: F64, stop: F64, end_s: float) -> Stays:
    """The pieces as stays, each with the caps and the end of charging that fall into it."""
    full = stays.full_s[row]
    whole = (start == stays.start_s[row]) & (stop == stays.stop_s[row])
    full = np.where(whole | ((full < stop) & (full >= start)), full, inf)
    offset, caps = ranges(stays.cap_offset[row], np.diff(stays.cap_offset)[row])
    until = np.minimum(stop, np.nextafter(end_s, inf))
    tidied = tidy_caps(start, until, full, offset, stays.cap_s[caps], stays.cap_kw[caps])
    manner = None
    if stays.manner is not None:
        # A driver who comes back to power taps once.
        manner = np.where(start == stays.start_s[row], stays.manner[row], 0).astype(np.int8)
    means = stays.means_of(row)
    return Stays(stays.station[row], stays.evse[row], start, stop, *tidied, manner, means)


def _rows(spans: Spans) -> list[tuple[int, float, float]]:
    return list(zip(spans.of.tolist(), spans.from_s.tolist(), spans.to_s.tolist(), strict=True))


def _by_number(spans: Spans) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    for of, begin, end in _rows(spans):
        found.setdefault(of, []).append((begin, end))
    return found
