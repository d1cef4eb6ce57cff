"""What the driver needs of a virtual station and of whoever measures, as narrow protocols.

``fleet.virtual`` and ``measure.recorder`` fit; tests bring stations of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from simulator.fleet.remotestart import AskStart, Begun
from simulator.measure.errors import ErrorKind
from simulator.station.effects import Effect
from simulator.station.ports import Transfer


class Driven(Protocol):
    """A virtual station as its driver sees it. Every call may leave effects behind.

    ``now`` is seconds since T0.
    """

    @property
    def next_deadline(self) -> float:
        """When it wants to be woken; ``inf``: not at all."""
        ...

    def start(self, now: float) -> None:
        """Power on."""
        ...

    def connected(self, now: float) -> None:
        """The WebSocket that it asked for is open."""
        ...

    def disconnected(self, now: float, reason: str) -> None:
        """The WebSocket is gone, or could not be opened."""
        ...

    def insecure(self, now: float, event: str, info: str) -> None:
        """The connection that it asked for failed in a way that is a security event."""
        ...

    def receive(self, now: float, data: bytes) -> None:
        """A text message."""
        ...

    def writable(self, now: float, flag: bool) -> None:
        """Whether the socket takes more."""
        ...

    def written(self, now: float) -> None:
        """The CALL of the last ``Send`` has been written."""
        ...

    def wake(self, now: float) -> None:
        """``next_deadline`` has come."""
        ...

    def stop_all(self, now: float, reason: str) -> None:
        """Stop every transaction, unplug every car, play no further visit."""
        ...

    def finish(self, now: float) -> None:
        """The run is over: whatever is still open is censored."""
        ...

    def transferred(
        self, now: float, transfer: int, outcome: Transfer, digest: bytes, *, played: bool
    ) -> None:
        """A file was transferred, or not; ``played``: only its time passed."""
        ...

    def take_effects(self) -> Sequence[Effect | AskStart | Begun]:
        """What it wants done; the list is handed over."""
        ...


class Watcher(Protocol):
    """Who measures connections."""

    def connect_step(self, step: str, seconds: float) -> None:
        """``tcp``, ``tls``, ``tls_resumed`` or ``upgrade`` took so long."""
        ...

    def connected(self, station: int, now: float) -> None:
        """The WebSocket of a station is open."""
        ...

    def disconnected(self, station: int, now: float) -> None:
        """It is gone."""
        ...

    def error(self, station: int | None, kind: ErrorKind, detail: str, now: float) -> None:
        """Count an error of a connection."""
        ...
