"""Every transaction as its station knows it: what was started, stopped, acknowledged, given up.

Fed by the ``transaction_*`` callbacks of ``station.ports.Observer``; whoever implements the
observer passes them on. It knows nothing of what the CSMS keeps: whether a transaction was lost or
doubled there can only be told by comparing with the CSMS's own records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

State = Literal["open", "stopped", "closed", "discarded"]
COLUMNS: Final = (
    "station_id",
    "evse",
    "local_id",
    "transaction_id",
    "token",
    "start_utc",
    "stop_utc",
    "start_told_utc",
    "stop_told_utc",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "status",
    "reason",
    "start_acked",
    "stop_acked",
    "retries",
    "discarded",
    "state",
)


@dataclass(slots=True)
class Entry:
    """One transaction; times are run seconds, meters Wh. ``None``: did not happen (yet)."""

    station: int
    evse: int
    local_id: int
    token: str
    start_s: float
    meter_start_wh: float
    transaction_id: str | None = None
    status: str = ""
    confirmed_s: float | None = None
    start_told: float | None = None
    """Unix time of the start by the station's own clock, as the CSMS is told; None: not known."""
    stop_s: float | None = None
    stop_told: float | None = None
    meter_stop_wh: float | None = None
    reason: str = ""
    closed_s: float | None = None
    retries: int = 0
    discarded: int = 0

    @property
    def state(self) -> State:
        """``open`` (running), ``stopped`` (end not acknowledged), ``closed``, or ``discarded``."""
        if self.discarded:
            return "discarded"
        if self.stop_s is None:
            return "open"
        return "stopped" if self.closed_s is None or self.confirmed_s is None else "closed"


@dataclass(frozen=True, slots=True)
class Counts:
    """Totals for the summary of a run."""

    started: int
    stopped: int
    unacknowledged: int
    """Transactions of which the start, or an end that took place, was never acknowledged."""
    discarded_after_attempts: int
    """Of those, the ones of which a message was given up after its last attempt."""
    at_risk_of_duplicate: int
    """Transactions of which a message was sent again because its answer did not come: the CSMS may
    have handled the first one."""


class Ledger:
    """The transactions of one shard, in the order in which they began."""

    __slots__ = ("_by_id", "_clock")

    def __init__(self, clock: Callable[[int, float], float] | None = None) -> None:
        """``clock`` gives what the clock of a station shows at a moment of the run, Unix time."""
        self._by_id: dict[tuple[int, int], Entry] = {}
        self._clock = clock

    def transaction_started(
        self, station: int, evse: int, local_id: int, token: str, now: float, meter_wh: float
    ) -> None:
        """A transaction began at a station (``Observer``)."""
        entry = Entry(station, evse, local_id, token, now, meter_wh)
        entry.start_told = self._told(station, now)
        self._by_id[station, local_id] = entry

    def transaction_confirmed(
        self, station: int, local_id: int, transaction_id: str, status: str, now: float
    ) -> None:
        """The CSMS acknowledged the start (``Observer``)."""
        entry = self._by_id.get((station, local_id))
        if entry is not None:
            entry.transaction_id = transaction_id
            entry.status = status
            entry.confirmed_s = now

    def transaction_stopped(
        self, station: int, local_id: int, reason: str, now: float, meter_wh: float
    ) -> None:
        """The transaction ended at the station (``Observer``)."""
        entry = self._by_id.get((station, local_id))
        if entry is not None:
            entry.reason = reason
            entry.stop_s = now
            entry.stop_told = self._told(station, now)
            entry.meter_stop_wh = meter_wh

    def transaction_closed(self, station: int, local_id: int, now: float) -> None:
        """The CSMS acknowledged the end (``Observer``)."""
        entry = self._by_id.get((station, local_id))
        if entry is not None:
            entry.closed_s = now

    def transaction_message(self, station: int, local_id: int, what: str, now: float) -> None:
        """A message of the transaction was ``retried`` or ``discarded`` (``Observer``)."""
        entry = self._by_id.get((station, local_id))
        if entry is None:
            return
        if what == "retried":
            entry.retries += 1
        elif what == "discarded":
            entry.discarded += 1
        else:
            raise ValueError(f"unknown fate of a transaction message: {what!r}")

    def __getstate__(self) -> tuple[dict[tuple[int, int], Entry]]:
        return (self._by_id,)  # the clocks stay where the stations are

    def __setstate__(self, state: tuple[dict[tuple[int, int], Entry]]) -> None:
        (self._by_id,) = state
        self._clock = None

    def _told(self, station: int, now: float) -> float | None:
        return None if self._clock is None else self._clock(station, now)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._by_id.values())

    def counts(self) -> Counts:
        """Totals over all transactions."""
        entries = self._by_id.values()
        return Counts(
            started=len(entries),
            stopped=sum(entry.stop_s is not None for entry in entries),
            unacknowledged=sum(
                entry.confirmed_s is None or (entry.stop_s is not None and entry.closed_s is None)
                for entry in entries
            ),
            discarded_after_attempts=sum(entry.discarded > 0 for entry in entries),
            at_risk_of_duplicate=sum(entry.retries > 0 for entry in entries),
        )

    def rows(
        self, station_id: Callable[[int], str], epoch_at_zero: float
    ) -> list[dict[str, object]]:
        """One row per transaction with the columns of ``COLUMNS``; times in UTC, energy in Wh.

        ``station_id`` gives the name of a station by the index under which it was observed;
        ``epoch_at_zero`` is the Unix time of run second 0.
        """
        return [_row(entry, station_id(entry.station), epoch_at_zero) for entry in self]


def _row(entry: Entry, station_id: str, epoch_at_zero: float) -> dict[str, object]:
    stop_wh = entry.meter_stop_wh
    return {
        "station_id": station_id,
        "evse": entry.evse,
        "local_id": entry.local_id,
        "transaction_id": entry.transaction_id,
        "token": entry.token,
        "start_utc": _utc(entry.start_s, epoch_at_zero),
        "stop_utc": _utc(entry.stop_s, epoch_at_zero),
        "start_told_utc": _utc(entry.start_told, 0.0),
        "stop_told_utc": _utc(entry.stop_told, 0.0),
        "meter_start_wh": entry.meter_start_wh,
        "meter_stop_wh": stop_wh,
        "energy_wh": None if stop_wh is None else stop_wh - entry.meter_start_wh,
        "status": entry.status,
        "reason": entry.reason,
        "start_acked": entry.confirmed_s is not None,
        "stop_acked": entry.closed_s is not None,
        "retries": entry.retries,
        "discarded": entry.discarded > 0,
        "state": entry.state,
    }


def _utc(at_s: float | None, epoch_at_zero: float) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(epoch_at_zero + at_s, UTC)
