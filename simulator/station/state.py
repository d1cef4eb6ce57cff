"""What a station remembers, and the form of a version table: data without behaviour.

The areas (boot, statuses, transactions ...) are functions over ``State``. An idle station must stay
small, so everything that a station may never need (queues, transactions, overrides) is made when
first used, and times that are not set are ``inf``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from simulator.station.configuration import Configuration, Configure
from simulator.station.effects import Effect
from simulator.station.events import Event
from simulator.station.model import Call, Evse, Link, Registration
from simulator.station.payloads import Shape
from simulator.station.ports import CallOutcome, Draws, Meter, Observer
from simulator.station.settings import Identity, Settings
from simulator.station.smart import Smart

Afterwards = Callable[["State", float], None]
Build = Callable[["State", float, Call], str | None]
"""The payload of a call without its outer braces; None when there is nothing to say."""
Answered = Callable[["State", float, Call, Any], bool]
"""(station, now, call, payload) -> was it of use? If not, a queued message is tried again."""
Failed = Callable[["State", float, Call, CallOutcome], None]
"""The call was given up: not answered, and not to be tried again."""
Handle = Callable[["State", float, Any], tuple[str, Afterwards | None]]
"""(station, now, payload) -> (payload of the answer as JSON, what to do once it is on its way)."""


@dataclass(frozen=True, slots=True)
class Action:
    """A message that the station sends: how it is built and what becomes of it."""

    build: Build
    answered: Answered
    failed: Failed
    queued: bool = False
    """A transaction message (1.6 §3.7)."""
    needs_id: bool = False
    """Carries the id that the CSMS gave its transaction, so it is completed only when sent."""
    expendable: bool = False
    """A queued message that goes first when the queue is full."""


@dataclass(frozen=True, slots=True)
class Request:
    """A message that the CSMS may send: the form of its payload and who handles it."""

    shape: Shape
    handle: Handle


@dataclass(frozen=True, slots=True)
class VersionTable:
    """Everything in which one OCPP version differs from another."""

    version: str
    subprotocol: str
    messages: Mapping[Event, tuple[str, ...]]
    """Domain event -> the actions that it causes, in order. The prediction counts by it."""
    actions: Mapping[str, Action]
    requests: Mapping[str, Request]
    unsupported: frozenset[str]
    """Actions of the version that this station knows and does not offer."""
    configure: Configure


class State:
    """A station's memory. ``Station`` (station.py) adds what drivers call."""

    __slots__ = (
        "aligned_due",
        "aligned_epoch",
        "aligned_epoch_next",
        "answers",
        "backlog",
        "beat_due",
        "boot_due",
        "boot_failures",
        "busy_from",
        "busy_since",
        "busy_total",
        "busy_until",
        "call",
        "call_due",
        "call_id",
        "calls",
        "clock_error",
        "clock_zero",
        "conf",
        "day_due",
        "draws",
        "effects",
        "ended",
        "evse_due",
        "evses",
        "gate",
        "gate_from",
        "gate_since",
        "gate_total",
        "gate_until",
        "heartbeat_s",
        "identity",
        "index",
        "limit_due",
        "link",
        "link_due",
        "link_failures",
        "link_since",
        "meter",
        "observer",
        "orders",
        "overlap_total",
        "ping_s",
        "queue",
        "refused",
        "registration",
        "reset_due",
        "resetting",
        "retry_due",
        "sent",
        "settings",
        "smart",
        "table",
        "timeouts",
        "transactions",
        "trusted",
        "writable_now",
    )

    def __init__(
        self,
        index: int,
        identity: Identity,
        table: VersionTable,
        settings: Settings,
        meter: Meter,
        draws: Draws,
        observer: Observer,
        epoch_at_zero: float,
    ) -> None:
        self.index = index
        self.identity = identity
        self.table = table
        self.settings = settings
        self.meter = meter
        self.draws = draws
        self.observer = observer
        conf = settings.parsed.get(table.version)
        if conf is None:
            conf = settings.parsed[table.version] = table.configure(settings, {})
        self.conf: Configuration = conf
        self.effects: list[Effect] = []
        self.ended = False
        # The connection and its registration.
        self.link = Link.OFF
        self.link_due = inf
        self.link_failures = 0
        self.link_since = inf
        self.writable_now = True
        self.answers: list[bytes] | None = None
        self.registration = Registration.NONE
        self.trusted = False
        """The CSMS has accepted this station at some time: it may serve drivers while offline."""
        self.boot_due = inf
        self.boot_failures = 0
        self.resetting = ""
        """The kind of a reset that is under way."""
        self.reset_due = inf
        self.ping_s = conf.ping_s
        # Calls of our own: one on the wire, the others waiting in two lanes.
        self.call: Call | None = None
        self.call_id = ""
        self.call_due = inf
        self.calls: list[Call] | None = None
        self.queue: list[Call] | None = None
        self.backlog = 0
        """Queued messages up to this order are history: others may overtake them (1.6 §3.7)."""
        self.retry_due = inf
        self.orders = 0
        self.sent = 0
        self.timeouts = 0
        # What waits are made of (waits.py).
        self.busy_since = inf
        self.busy_from = self.busy_until = -inf
        self.busy_total = 0.0
        self.gate = 0
        self.gate_since = inf
        self.gate_from = self.gate_until = -inf
        self.gate_total = 0.0
        self.overlap_total = 0.0
        # Clock and heartbeat.
        self.clock_zero = epoch_at_zero
        self.clock_error = 0.0
        self.heartbeat_s = conf.heartbeat_s
        self.beat_due = inf
        self.day_due = inf
        """A heartbeat is due then, whatever else was sent: the clock wants setting (1.6 §4.6)."""
        self.aligned_due = inf
        self.aligned_epoch = -inf
        self.aligned_epoch_next = -inf
        # Charging profiles (smartcharging.py).
        self.smart: Smart | None = None
        self.limit_due = inf
        # The station's body.
        self.evses: Sequence[Evse] = tuple(Evse(n) for n in range(identity.evses + 1))
        self.evse_due = inf
        self.transactions = 0
        self.refused = 0
