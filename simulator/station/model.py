"""What a station is made of: enumerations, EVSEs, transactions, tokens, calls. Data alone.

Slots everywhere, and nothing made before it is needed: there are tens of thousands of these.
"""

from __future__ import annotations

from enum import IntEnum
from math import inf, nan
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from simulator.station.events import Event
from simulator.station.profiles import Profile

if TYPE_CHECKING:
    from simulator.station.plugandcharge import Contract
    from simulator.station.reservations import Reservation


class Link(IntEnum):
    """Where the connection stands."""

    OFF = 0
    """Not powered, or rebooting."""
    CONNECTING = 1
    ONLINE = 2
    CLOSING = 3
    """Asked to close; nothing is sent or read any more."""
    WAITING = 4
    """Backing off before the next attempt."""


class Registration(IntEnum):
    """What the CSMS said to BootNotification."""

    NONE = 0
    PENDING = 1
    REJECTED = 2
    ACCEPTED = 3


class Status(IntEnum):
    """The states of an EVSE (1.6 §4.9); versions 2.x say fewer of them."""

    AVAILABLE = 0
    PREPARING = 1
    CHARGING = 2
    SUSPENDED_EV = 3
    SUSPENDED_EVSE = 4
    FINISHING = 5
    UNAVAILABLE = 6
    FAULTED = 7
    RESERVED = 8


CONNECTED: Final = 1
AUTHORIZED: Final = 2
PATH_CLOSED: Final = 4
ENERGY: Final = 8
BAY: Final = 16
"""Points at which a transaction begins or ends (2.0.1 E01, E06); 1.6 has them fixed."""

OUT_STATION: Final = 1
OUT_EVSE: Final = 2
OUT_CONNECTOR: Final = 4
OUT_FAULT: Final = 8
OUT_RESET: Final = 16
OUT_BY_CSMS: Final = OUT_STATION | OUT_EVSE | OUT_CONNECTOR
"""Why an EVSE is out of service: station, EVSE and connector have states of their own (2.0.1 G03,
G04), the station is faulted, or a reset is near."""

GATE_OFFLINE: Final = 1
GATE_BOOT: Final = 2
GATE_RETRY: Final = 4


class TokenInfo(NamedTuple):
    """What the CSMS says of a token (idTagInfo of 1.6, idTokenInfo of 2.x)."""

    status: str
    group: str | None = None
    """The parent of 1.6, the group of 2.x: tokens of one group stand for each other."""
    expires: float = inf
    """Unix time by the station's clock from which on it is no longer valid."""
    evses: frozenset[int] | None = None
    """The only EVSEs at which the token may charge (2.x); None: any."""
    priority: int = 0
    """Its transactions come before those of lower ones where power is short (2.x, -9 to 9)."""

    @property
    def valid(self) -> bool:
        """May the holder charge?"""
        return self.status == "Accepted"


LOCK_FAILURE: Final = "ConnectorLockFailure"
"""The fault of a connector that can be neither locked nor unlocked (1.6 §7.6)."""
VALID: Final = TokenInfo("Accepted")
"""By far the most frequent word on a token: one object for all of them."""
DEFAULT_KIND: Final = "ISO14443"
"""The type of a token that is presented without one (2.x)."""


def token_key(token: str, kind: str = "") -> str:
    """What tokens are compared and looked up by: without regard to case (1.6 §7.28), with their
    type where that is not the usual one (2.0.1 C01.FR.25)."""
    name = token.casefold()
    return name if kind in ("", DEFAULT_KIND) else f"{kind}\0{name}"


class Transaction:
    """One transaction as the station knows it."""

    __slots__ = (
        "begun",
        "closed",
        "data",
        "drawn",
        "evse",
        "granted",
        "id",
        "kind",
        "limited",
        "local_id",
        "meter_start",
        "meter_stop",
        "opened",
        "parent",
        "phases",
        "powered",
        "priority",
        "reason",
        "remote_id",
        "reservation",
        "seq",
        "state",
        "stop_kind",
        "stop_token",
        "token",
        "wire_id",
    )

    def __init__(
        self, local_id: int, evse: int, token: str | None, begun: float, wh: float
    ) -> None:
        self.local_id = local_id
        self.evse = evse
        self.token = token
        """Who pays; None while nobody has been authorised (2.x, begun by the cable)."""
        self.kind = ""
        """The token's type in 2.x; "" is the station's default."""
        self.granted = token is not None
        """Somebody is authorised, and has not ended it."""
        self.powered = False
        """The power path was closed for whoever is authorised."""
        self.opened = True
        """It has begun; until then it waits for energy to flow (TxStartPoint, 2.0.1 E01.FR.06)."""
        self.drawn = False
        """Energy has flowed since the power path was closed."""
        self.phases: int | None = None
        """The number of phases last told (2.x)."""
        self.begun = begun
        self.closed = begun
        """When the power path was closed."""
        self.priority = 0
        """Whose energy comes first where there is not enough for all (2.0.1 K03.FR.04)."""
        self.meter_start = wh
        self.meter_stop = wh
        self.id: int | str | None = None
        """Given by the CSMS in 1.6; -1 once the start was given up (1.6 errata 3.18).
        The station's own in 2.x."""
        self.seq = 0
        """Number of the next event (2.x)."""
        self.state = ""
        """The charging state last told (2.x)."""
        self.remote_id: int | None = None
        """The id of the CSMS's request that began it, until it is told (2.0.1 F02.FR.01)."""
        self.reservation: int | None = None
        """The id of the reservation that it uses, until it is told."""
        self.limited = False
        """The token was refused after the start; some energy is granted still (maxenergy)."""
        self.wire_id = ""
        """The field that messages of this transaction carry, ready for the wire."""
        self.parent: str | None = None
        self.reason = ""
        self.stop_token: str | None = None
        self.stop_kind = ""
        self.data: list[str] | None = None
        """Meter values to go with the end of the transaction."""


class Authorisation:
    """A token that waits for an answer: to begin at an EVSE, or to end what runs there."""

    __slots__ = (
        "contract",
        "ends",
        "kind",
        "priority",
        "profile",
        "remote_id",
        "reservation",
        "token",
    )

    def __init__(
        self,
        token: str,
        ends: Transaction | None = None,
        kind: str = "",
        remote_id: int | None = None,
        profile: Profile | None = None,
        reservation: Reservation | None = None,
    ) -> None:
        self.token = token
        self.priority = 0
        """Of the transaction that comes of it (2.x)."""
        self.ends = ends
        self.kind = kind
        self.remote_id = remote_id
        self.profile = profile
        """A charging profile for the transaction that the CSMS starts with it."""
        self.reservation = reservation
        """The reservation that it makes use of, once accepted."""
        self.contract: Contract | None = None
        """The certificates that an EV identified itself by (2.x)."""


class Evse:
    """One EVSE with its connector; number 0 stands for the station as a whole."""

    __slots__ = (
        "auth",
        "bay",
        "ev_suspended",
        "evse_suspended",
        "fault",
        "finishing",
        "info",
        "kind",
        "limited",
        "number",
        "out",
        "parent",
        "plug_due",
        "plugged",
        "priority",
        "profile",
        "record_step",
        "remote_id",
        "reservation",
        "reserved",
        "resetting",
        "sample_due",
        "sample_step",
        "since",
        "status",
        "status_due",
        "stopped_energy",
        "token",
        "told",
        "tx",
        "withheld",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.status = Status.AVAILABLE
        self.told: str | None = None
        """The status last reported, in the version's word; None if the CSMS may not know it."""
        self.since = 0.0
        self.info: str | None = None
        self.fault = ""
        self.out = 0
        """Why it is out of service (``OUT_...``); 0: it is not."""
        self.resetting = ""
        """"idle": to be reset once it is free; "now": it is being reset (2.x)."""
        self.withheld = False
        """Out of service for a reason of the station's own: new firmware is to be installed."""
        self.bay = False
        """A car stands before it, as far as a sensor tells."""
        self.plugged = False
        self.finishing = False
        self.ev_suspended = False
        self.evse_suspended = False
        self.limited = False
        """Charging profiles leave the transaction no power that could be offered."""
        self.stopped_energy = False
        """The CSMS refused the token after the start and the energy was cut off."""
        self.tx: Transaction | None = None
        self.auth: Authorisation | None = None
        self.token: str | None = None
        """A token that was accepted and waits for the plug."""
        self.kind = ""
        self.priority = 0
        self.remote_id: int | None = None
        self.reservation: Reservation | None = None
        """The reservation that ``token`` makes use of; without ``token`` it means nothing."""
        self.reserved = False
        """Kept free for whoever reserved it."""
        self.parent: str | None = None
        self.profile: Profile | None = None
        """The charging profile that came with ``token``, if one did."""
        self.plug_due = inf
        self.sample_due = inf
        self.sample_step = 0
        self.record_step = 0
        self.status_due = inf

    @property
    def operative(self) -> bool:
        """Not taken out of service for longer than a reset takes."""
        return not self.out & ~OUT_RESET

    @property
    def in_service(self) -> bool:
        """Neither the CSMS nor the station keeps it from serving."""
        return not self.out and not self.withheld


class Call:
    """One CALL of the station's own, through all its attempts."""

    __slots__ = (
        "about",
        "action",
        "attempt",
        "auth",
        "body",
        "busy_mark",
        "due",
        "event",
        "evse",
        "failures",
        "gate_mark",
        "lost",
        "needs_id",
        "order",
        "overlap_mark",
        "protocol_wait",
        "queued",
        "station_wait",
        "tx",
        "written",
    )

    def __init__(
        self,
        action: str,
        event: Event,
        due: float,
        evse: Evse | None,
        tx: Transaction | None,
        auth: Authorisation | None,
        queued: bool,
        needs_id: bool,
        about: Any = None,
    ) -> None:
        self.about = about
        """What else the builder of the message wants to know; the area that raised it says what."""
        self.action = action
        self.event = event
        """What it tells of."""
        self.body = ""
        """The payload without its outer braces, and without the transaction's id (``needs_id``)."""
        self.due = due
        self.evse = evse
        self.tx = tx
        self.auth = auth
        self.queued = queued
        """In the queue of transaction messages: kept while offline, retried."""
        self.needs_id = needs_id
        self.attempt = 1
        self.failures = 0
        self.lost = False
        """The CSMS may have handled the last attempt: its answer never came, or was of no use."""
        self.order = 0
        self.written = nan
        self.station_wait = 0.0
        self.protocol_wait = 0.0
        self.gate_mark = 0.0
        self.busy_mark = 0.0
        self.overlap_mark = 0.0
