"""What a station asks its driver to do. The station itself does no I/O."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connect:
    """Open the connection (after start, back-off or reboot).

    The driver answers with ``connected``, or with ``disconnected`` when it could not, or may not.
    """

    url: str = ""
    """Where to; "" for the CSMS that the station was provisioned with."""
    password: bytes | None = None
    """For HTTP Basic authentication; None: as provisioned (which may be without any)."""


@dataclass(slots=True)
class Send:
    """Write one text frame now. Produced only while connected and writable.

    ``call`` is True for a CALL of the station's own: right after the write the driver stamps
    ``station.written(now)``; answers need no stamp. (Not frozen: a frozen one takes three times as
    long to make, and there is one for every frame of a run.)
    """

    data: bytes
    call: bool


@dataclass(frozen=True, slots=True)
class Close:
    """Close the WebSocket; the driver reports ``disconnected`` when it is gone."""

    code: int
    reason: str


Effect = Connect | Send | Close
