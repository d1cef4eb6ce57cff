"""What the calls of an API need to see of the stations of a shard, and what they overhear.

``ShardSight`` looks at virtual stations; ``Overheard`` passes the facts about transactions on to
the ledger and lets the commands know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from simulator.fleet.virtual import VirtualStation
from simulator.live.commands import Commands
from simulator.live.link import Link
from simulator.measure.transactions import TransactionSink
from simulator.station import remote


class Sight(Protocol):
    """What can be seen of the stations of a shard."""

    def accepted(self, station: int) -> bool:
        """It is connected, and the CSMS has accepted it."""
        ...

    def transaction(self, station: int, evse: int) -> tuple[int, int, int | str] | None:
        """(EVSE, the station's own number, the CSMS's id) of what runs there, or else nearby."""
        ...

    def startable(self, station: int, evse: int) -> int | None:
        """The EVSE where a charge could be started from afar: that one, or else another."""
        ...

    def power_w(self, station: int, now: float) -> float:
        """What a station draws."""
        ...


class ShardSight:
    """The stations of a shard with their links, which come later."""

    def __init__(self, stations: Sequence[VirtualStation]) -> None:
        self._stations = stations
        self.links: Sequence[Link] = ()

    def accepted(self, station: int) -> bool:
        """See ``Sight``."""
        return self.links[station].connected and self._stations[station].station.accepted

    def transaction(self, station: int, evse: int) -> tuple[int, int, int | str] | None:
        """See ``Sight``."""
        st = self._stations[station].station
        for number in _from(evse, len(st.evses) - 1):
            running = st.evses[number].tx
            if running is not None and running.id not in (None, -1):
                return number, running.local_id, running.id
        return None

    def startable(self, station: int, evse: int) -> int | None:
        """See ``Sight``."""
        st = self._stations[station].station
        for number in _from(evse, len(st.evses) - 1):
            if remote.place(st, number, "") is not None:
                return number
        return None

    def power_w(self, station: int, now: float) -> float:
        """See ``Sight``."""
        return self._stations[station].power_w(now, 0)


def _from(evse: int, count: int) -> list[int]:
    """All EVSEs, beginning with one."""
    return [1 + (evse - 1 + turn) % count for turn in range(count)]


class Overheard:
    """A ledger whose facts the commands hear too."""

    def __init__(self, ledger: TransactionSink) -> None:
        self._ledger = ledger
        self.commands: Commands | None = None

    def transaction_started(
        self, station: int, evse: int, local_id: int, token: str, now: float, meter_wh: float
    ) -> None:
        """A transaction began at the station."""
        self._ledger.transaction_started(station, evse, local_id, token, now, meter_wh)
        if self.commands is not None:
            self.commands.effect(station, now, ("started", evse))

    def transaction_confirmed(
        self, station: int, local_id: int, transaction_id: str, status: str, now: float
    ) -> None:
        """The CSMS acknowledged the start."""
        self._ledger.transaction_confirmed(station, local_id, transaction_id, status, now)

    def transaction_stopped(
        self, station: int, local_id: int, reason: str, now: float, meter_wh: float
    ) -> None:
        """The transaction ended at the station."""
        self._ledger.transaction_stopped(station, local_id, reason, now, meter_wh)
        if self.commands is not None:
            self.commands.effect(station, now, ("ended", local_id))

    def transaction_closed(self, station: int, local_id: int, now: float) -> None:
        """The CSMS acknowledged the end."""
        self._ledger.transaction_closed(station, local_id, now)

    def transaction_message(self, station: int, local_id: int, what: str, now: float) -> None:
        """A message of the transaction was ``retried`` or ``discarded``."""
        self._ledger.transaction_message(station, local_id, what, now)
