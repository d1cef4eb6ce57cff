"""Who a connection reports to: the station's ``link``, or nobody once its end has been reported."""

from __future__ import annotations

from typing import Final, Protocol

from simulator.measure.errors import ErrorKind


class Owner(Protocol):
    """Who a connection reports to. ``now`` is when the bytes arrived."""

    def secured(self, seconds: float, resumed: bool) -> None:
        """The TLS handshake took so long; ``resumed``: with the session of an earlier one."""
        ...

    def opened(self, now: float) -> None:
        """The upgrade succeeded and the sub-protocol was selected."""
        ...

    def message(self, now: float, frame: bytes) -> None:
        """A whole text message."""
        ...

    def broken(self, now: float, kind: ErrorKind, detail: str) -> None:
        """The peer sent something that is no text message; the connection lives on."""
        ...

    def writable(self, now: float, flag: bool) -> None:
        """The socket's buffer is full, or has room again."""
        ...

    def closed(self, now: float, kind: ErrorKind | None, detail: str) -> None:
        """No more messages either way (``kind`` None: we asked for it). Once, after ``opened``."""
        ...


class Nobody:
    """Owner of a connection whose end has been reported."""

    def secured(self, seconds: float, resumed: bool) -> None:
        """Ignored."""

    def opened(self, now: float) -> None:
        """Ignored."""

    def message(self, now: float, frame: bytes) -> None:
        """Ignored."""

    def broken(self, now: float, kind: ErrorKind, detail: str) -> None:
        """Ignored."""

    def writable(self, now: float, flag: bool) -> None:
        """Ignored."""

    def closed(self, now: float, kind: ErrorKind | None, detail: str) -> None:
        """Ignored."""


NOBODY: Final[Owner] = Nobody()
