"""What the stations know of their transactions against what the CSMS recorded. Pure comparison.

One record of theirs answers to one of ours. In this order: the same station and transaction id;
then the same station, connector and token, begun within ``START_S`` at the same register (a CSMS of
1.6 may number its records anew, and a start whose answer was lost has no id at the station). What
is left over on either side is lost, doubled, not delivered, or of somebody else. Energy in Wh,
times in Unix seconds. Files and databases are read by :mod:`simulator.reconciliation`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

START_S: Final = 2.0
"""Starts (and ends) that lie no further apart are the same."""
ENERGY_WH: Final = 1.0
"""Registers and energies that lie no further apart are the same."""

Kind = Literal[
    "lost",
    "end_lost",
    "duplicated",
    "wrong_energy",
    "wrong_token",
    "wrong_time",
    "not_delivered",
    "ended_elsewhere",
    "unknown",
]
MEANINGS: Final[dict[Kind, str]] = {
    "lost": "the CSMS acknowledged the start and has no record of the transaction",
    "end_lost": "the CSMS acknowledged the end and its record has none",
    "duplicated": "the CSMS has more than one record of the transaction",
    "wrong_energy": f"the energies differ by more than {ENERGY_WH:g} Wh",
    "wrong_token": "the record has another token",
    "wrong_time": f"start or end differ by more than {START_S:g} s",
    "not_delivered": "the station was never answered and the CSMS has no record: not its fault",
    "ended_elsewhere": "the record has an end that the station does not know of",
    "unknown": "a record of a station of this run that no station knows of",
}
FAULTS: Final[tuple[Kind, ...]] = (
    "lost",
    "end_lost",
    "duplicated",
    "wrong_energy",
    "wrong_token",
    "wrong_time",
    "unknown",
)
"""What a CSMS has to answer for."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A transaction as its station knows it."""

    station: str
    connector: int
    token: str
    transaction_id: str | None
    start: float
    stop: float | None
    meter_start: float
    meter_stop: float | None
    start_acked: bool
    stop_acked: bool


@dataclass(frozen=True, slots=True)
class Theirs:
    """A transaction as the CSMS recorded it; None where it says nothing."""

    station: str
    connector: int | None = None
    token: str | None = None
    transaction_id: str | None = None
    start: float | None = None
    stop: float | None = None
    meter_start: float | None = None
    meter_stop: float | None = None
    energy: float | None = None

    @property
    def energy_wh(self) -> float | None:
        """By the registers, else as the record says."""
        if self.meter_start is not None and self.meter_stop is not None:
            return self.meter_stop - self.meter_start
        return self.energy


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not equal; ``ours`` and ``theirs`` are shown as they are."""

    kind: Kind
    station: str
    connector: int | None
    token: str | None
    transaction_id: str | None
    their_id: str | None
    ours: str = ""
    theirs: str = ""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a comparison found."""

    compared: int
    """Transactions of ours."""
    matched: int
    elsewhere: int
    """Records that are of no station or no time of this run."""
    differences: tuple[Difference, ...]
    counts: Counter[Kind] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Nothing for which the CSMS has to answer."""
        return not any(self.counts[kind] for kind in FAULTS)


def reconcile(
    ours: Iterable[Ours],
    theirs: Iterable[Theirs],
    *,
    stations: frozenset[str],
    since: float,
    until: float,
) -> Reconciliation:
    """Compare; ``stations`` are those of the run, which lasted from ``since`` to ``until``."""
    mine = list(ours)
    records: list[Theirs] = []
    elsewhere = 0
    for record in theirs:
        begun = record.start
        inside = begun is None or since - START_S <= begun <= until + START_S
        if record.station in stations and inside:
            records.append(record)
        else:
            elsewhere += 1
    pairs = _pair(mine, records)
    found: list[Difference] = []
    matched = 0
    for one, of_it in zip(mine, pairs.of_ours, strict=True):
        if not of_it:
            kind: Kind = "lost" if one.start_acked else "not_delivered"
            found.append(_difference(kind, one, None))
            continue
        matched += 1
        found += _unequal(one, of_it[0])
        found += [_difference("duplicated", one, again) for again in of_it[1:]]
    found += [
        Difference("unknown", r.station, r.connector, r.token, None, r.transaction_id)
        for r in pairs.left
    ]
    return Reconciliation(
        len(mine), matched, elsewhere, tuple(found), Counter(d.kind for d in found)
    )


@dataclass(frozen=True, slots=True)
class _Pairs:
    of_ours: Sequence[list[Theirs]]
    """The records of each of our transactions; the first is the one it is compared with."""
    left: Sequence[Theirs]


def _pair(mine: Sequence[Ours], records: Sequence[Theirs]) -> _Pairs:
    of_ours: list[list[Theirs]] = [[] for _ in mine]
    by_id: dict[tuple[str, str], int] = {}
    by_place: defaultdict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(mine):
        by_place[one.station].append(index)
        if one.transaction_id:
            by_id[one.station, one.transaction_id] = index
    unpaired: list[Theirs] = []
    for record in records:
        index = by_id.get((record.station, record.transaction_id or ""), -1)
        if index >= 0 and _may_be(mine[index], record):
            of_ours[index].append(record)
        else:
            unpaired.append(record)
    left: list[Theirs] = []
    for record in unpaired:
        fits = [i for i in by_place[record.station] if _same(mine[i], record)]
        if fits:
            # One without a record first: two transactions may look alike.
            of_ours[min(fits, key=lambda i: len(of_ours[i]))].append(record)
        else:
            left.append(record)
    return _Pairs(of_ours, left)


def _may_be(one: Ours, record: Theirs) -> bool:
    """The id is the same: is it not from another life of the CSMS, which began at 1 again?"""
    if record.start is None or record.connector is None:
        return True
    same_place = record.connector == one.connector
    return same_place or abs(record.start - one.start) <= START_S


def _same(one: Ours, record: Theirs) -> bool:
    """Station aside, is this the same transaction by what is known of it?"""
    if record.start is None or abs(record.start - one.start) > START_S:
        return False
    if record.connector is not None and record.connector != one.connector:
        return False
    if record.token is not None and not _same_token(one.token, record.token):
        return False
    known = record.meter_start is not None
    return not known or abs((record.meter_start or 0.0) - one.meter_start) <= ENERGY_WH


def _same_token(a: str, b: str) -> bool:
    return a.casefold() == b.casefold()


def _unequal(one: Ours, record: Theirs) -> Iterable[Difference]:
    """What differs between a transaction and its record."""
    if record.token and not _same_token(one.token, record.token):
        yield _difference("wrong_token", one, record, one.token, record.token)
    for what, a, b in (("start", one.start, record.start), ("end", one.stop, record.stop)):
        if a is not None and b is not None and abs(a - b) > START_S:
            late = f"{what} {b - a:+.1f} s"
            yield _difference("wrong_time", one, record, "", late)
    if record.stop is None:
        if one.stop_acked:
            yield _difference("end_lost", one, record)
        return
    if one.stop is None:
        yield _difference("ended_elsewhere", one, record)
        return
    energy = record.energy_wh
    if energy is None or one.meter_stop is None:
        return
    expected = one.meter_stop - one.meter_start
    if abs(energy - expected) > ENERGY_WH:
        yield _difference("wrong_energy", one, record, f"{expected:.1f} Wh", f"{energy:.1f} Wh")


def _difference(
    kind: Kind, one: Ours, record: Theirs | None, ours: str = "", theirs: str = ""
) -> Difference:
    return Difference(
        kind,
        one.station,
        one.connector,
        one.token,
        one.transaction_id,
        None if record is None else record.transaction_id,
        ours,
        theirs,
    )
