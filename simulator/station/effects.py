"""What a station asks its driver to do. The station itself does no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Connect:
    """Open the connection (after start, back-off or reboot).

    The driver answers with ``connected``, or with ``disconnected`` when it could not, or may not.
    """

    url: str = ""
    """Where to; "" for the CSMS that the station was provisioned with."""
    password: bytes | None = field(default=None, repr=False)
    """For HTTP Basic authentication; None: as provisioned (which may be without any)."""
    security_profile: int = 0
    certificate: str | None = None
    """A chain in PEM, the station's own first: with security profile 3."""
    key: bytes | None = field(default=None, repr=False)
    """What the ``Keys`` port gave for that certificate."""
    roots: tuple[str, ...] = ()
    """In PEM, whom to trust with security profiles 2 and 3; none: whom the driver trusts."""


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


@dataclass(frozen=True, slots=True)
class Download:
    """Fetch a file; its content is of no use to the station but for its SHA-256.

    The driver answers with ``transferred(now, id, outcome, digest)``, or never if it is abandoned.
    """

    id: int
    url: str


@dataclass(frozen=True, slots=True)
class Upload:
    """Store ``data`` as a file of that name; the driver answers with ``transferred``."""

    id: int
    url: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Abandon:
    """The transfer of that id is no longer wanted, and not to be answered."""

    id: int


Effect = Connect | Send | Close | Download | Upload | Abandon
