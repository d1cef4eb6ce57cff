"""Where the recorder passes the facts about transactions on to.

``TransactionSink`` is a part of ``station.ports.Observer``, which says what each call means. The
ledger of the fleet fits; ``Forgetful`` is for runs that keep none.
"""

from __future__ import annotations

from typing import Protocol


class TransactionSink(Protocol):
    """Who keeps the ledger."""

    def transaction_started(
        self, station: int, evse: int, local_id: int, token: str, now: float, meter_wh: float
    ) -> None:
        """A transaction began at the station."""
        ...

    def transaction_confirmed(
        self, station: int, local_id: int, transaction_id: str, status: str, now: float
    ) -> None:
        """The CSMS acknowledged the start."""
        ...

    def transaction_stopped(
        self, station: int, local_id: int, reason: str, now: float, meter_wh: float
    ) -> None:
        """The transaction ended at the station."""
        ...

    def transaction_closed(self, station: int, local_id: int, now: float) -> None:
        """The CSMS acknowledged the end."""
        ...

    def transaction_message(self, station: int, local_id: int, what: str, now: float) -> None:
        """A message of the transaction was ``retried`` or ``discarded``."""
        ...


class Forgetful:
    """A sink that keeps nothing."""

    def transaction_started(
        self, station: int, evse: int, local_id: int, token: str, now: float, meter_wh: float
    ) -> None:
        """Not kept."""

    def transaction_confirmed(
        self, station: int, local_id: int, transaction_id: str, status: str, now: float
    ) -> None:
        """Not kept."""

    def transaction_stopped(
        self, station: int, local_id: int, reason: str, now: float, meter_wh: float
    ) -> None:
        """Not kept."""

    def transaction_closed(self, station: int, local_id: int, now: float) -> None:
        """Not kept."""

    def transaction_message(self, station: int, local_id: int, what: str, now: float) -> None:
        """Not kept."""
