"""What the embedded CSMS writes down of transactions: the truth, or what it was asked to falsify.

Stands before the journal. What a station is answered, and what the HTTP API shows, is right all the
same: only the database is wrong, so that a comparison of it with the stations' own records has
something to find. Called by :mod:`simulator.csms.desk`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from simulator.csms.faults import Booking, Mischief
from simulator.csms.holdings import Holdings
from simulator.csms.journal import Journal
from simulator.csms.transactions import Event, Transaction

WRONG_WH: Final = 1000.0
"""By how much the last register of a transaction with wrong energy is too high."""


class Books:
    """Writes transactions to a journal, rightly unless the faults say otherwise."""

    def __init__(self, journal: Journal, mischief: Mischief, holdings: Holdings) -> None:
        """``holdings`` gives the numbers of doubles; what it holds now is written rightly."""
        self.journal = journal
        self._mischief = mischief
        self._holdings = holdings
        self._last = holdings.next_transaction - 1
        self._false: dict[int, tuple[Booking, int]] = {}
        """What becomes of a transaction, and the number of its double."""
        self._begun: Counter[str] = Counter()

    def transaction(self, transaction: Transaction) -> None:
        """Write a transaction as it is now."""
        if transaction.id > self._last:
            self._begin(transaction)
        kind, double = self._false.get(transaction.id, (None, 0))
        if kind == "lose_transactions":
            return
        if kind == "wrong_energy" and transaction.meter_stop is not None:
            transaction = replace(transaction, meter_stop=transaction.meter_stop + WRONG_WH)
        self.journal.transaction(transaction)
        if kind == "double_transactions":
            self.journal.transaction(replace(transaction, id=double))

    def event(self, transaction_id: int, event: Event) -> None:
        """Write an event of a transaction (OCPP 2.0.1)."""
        kind, double = self._false.get(transaction_id, (None, 0))
        if kind == "lose_transactions":
            return
        self.journal.event(transaction_id, event)
        if kind == "double_transactions":
            self.journal.event(double, event)

    def samples(
        self, station: str, connector: int, transaction: int | None, values: Sequence[Any]
    ) -> None:
        """Write sampled values; those of a lost transaction are lost with it."""
        kind, _ = (None, 0) if transaction is None else self._false.get(transaction, (None, 0))
        if kind != "lose_transactions":
            self.journal.samples(station, connector, transaction, values)

    def _begin(self, transaction: Transaction) -> None:
        """Decide on a new transaction, once."""
        self._last = transaction.id
        self._begun[transaction.station] += 1
        kind = self._mischief.booking(transaction.station, self._begun[transaction.station])
        if kind is None:
            return
        if kind == "double_transactions":
            self._last = self._holdings.next_transaction
            self._holdings.next_transaction += 1
        self._false[transaction.id] = (kind, self._last)
        name = transaction.wire_id or str(transaction.id)
        self._mischief.falsify(kind, f"{transaction.station}/{name}")
