"""One transaction as its station told it, and whether every event of it has come.

Plain state without OCPP, sockets or files. Energy in Wh as on the wire. Kept by
:mod:`simulator.csms.holdings`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_MISSING = 1024
"""Sequence numbers kept as missing at one gap: a wild number must not fill the memory."""


@dataclass(slots=True)
class Sequence:
    """The sequence numbers of one OCPP 2.0.1 transaction: from 0, each once (section E)."""

    next: int = 0
    missing: set[int] = field(default_factory=set)
    """Numbers passed over and not yet delivered late."""
    repeated: int = 0
    """Events whose number had come before."""

    def take(self, number: int) -> bool:
        """Take the number of an event; returns whether it is new."""
        if number >= self.next:
            self.missing.update(range(self.next, min(number, self.next + MOST_MISSING)))
            self.next = number + 1
            return True
        if number in self.missing:
            self.missing.remove(number)
            return True
        self.repeated += 1
        return False


@dataclass(frozen=True, slots=True)
class Event:
    """What one TransactionEvent says, in the names of this program."""

    station: str
    wire_id: str
    kind: str
    """Started, Updated or Ended."""
    seq_no: int
    at: str
    trigger: str
    offline: bool = False
    evse: int = 0
    connector: int = 0
    token: str | None = None
    token_status: str = ""
    charging_state: str | None = None
    reason: str | None = None
    first_register: float | None = None
    """First and last total energy register among the sampled values, in Wh."""
    last_register: float | None = None
    samples: bool = False


@dataclass(slots=True)
class Transaction:
    """One transaction as the station told it; times as they came, registers in Wh."""

    id: int
    """The CSMS's own number; in OCPP 1.6 the id on the wire."""
    station: str
    connector: int
    token: str
    """Empty as long as an OCPP 2.0.1 station has not told it."""
    start_at: str
    meter_start: float | None
    token_status: str
    stop_at: str | None = None
    meter_stop: float | None = None
    reason: str | None = None
    version: str = "1.6"
    wire_id: str = ""
    """The station's own id: OCPP 2.0.1."""
    evse: int = 0
    charging_state: str | None = None
    meter_values: int = 0
    """Messages with meter values within this transaction."""
    last_register: float | None = None
    """Last Energy.Active.Import.Register told within the transaction."""
    begun: bool = True
    """False while only later events of a transaction have come."""
    sequence: Sequence | None = None
    offline_events: int = 0

    @property
    def open(self) -> bool:
        """True until the station has told the end."""
        return self.stop_at is None

    @property
    def energy_wh(self) -> float:
        """Energy so far: by the final register, else by the last sample."""
        end = self.meter_stop if self.meter_stop is not None else self.last_register
        if end is None or self.meter_start is None:
            return 0.0
        return end - self.meter_start

    def apply(self, event: Event) -> None:
        """Learn from an event that is new."""
        self.evse = event.evse or self.evse
        self.connector = event.connector or self.connector
        self.offline_events += event.offline
        self.meter_values += event.samples
        if event.token is not None and not self.token:
            self.token, self.token_status = event.token, event.token_status
        if event.kind == "Started":
            self.begun = True
            self.start_at = event.at
            if event.first_register is not None:
                self.meter_start = event.first_register
        if self.meter_start is None:
            self.meter_start = event.first_register
        if self.open or event.kind == "Ended":
            self.charging_state = event.charging_state or self.charging_state
            if event.last_register is not None:
                self.last_register = event.last_register
        if event.kind == "Ended" and self.open:
            self.stop_at = event.at
            self.reason = event.reason or "Local"
            self.meter_stop = self.last_register
