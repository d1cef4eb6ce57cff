"""What a station remembers, and the form of a version table: data without behaviour.

The areas (boot, statuses, transactions ...) are functions over ``State``. An idle station must stay
small, so everything that a station may never need (queues, transactions, overrides) is made when
first used, and times that are not set are ``inf``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from simulator.station.configuration import Configuration, Configure
from simulator.station.effects import Effect
from simulator.station.events import Event
from simulator.station.model import Call, Evse, Link, Registration, TokenInfo, Transaction
from simulator.station.payloads import Refusal
from simulator.station.ports import CallOutcome, Draws, Keys, Meter, Observer
from simulator.station.quirks import CoarseMeter, Drift
from simulator.station.schemas import Check, Fault, schema
from simulator.station.settings import Identity, Settings
from simulator.station.smart import Smart
from simulator.station.timers import Act

if TYPE_CHECKING:
    from simulator.station.display import Message
    from simulator.station.firmware import Firmware
    from simulator.station.locallist import LocalList
    from simulator.station.logs import LogUpload
    from simulator.station.monitors import Monitoring
    from simulator.station.needs import Talk
    from simulator.station.network import Network
    from simulator.station.notices import Outbox
    from simulator.station.reservations import Book
    from simulator.station.securitylog import Security
    from simulator.station.tariff import Told
    from simulator.station.truststore import Store

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
    expendable: frozenset[Event] = frozenset()
    """What a queued message may tell of to be the first to go when the queue is full."""
    offline: Callable[[Call], None] | None = None
    """Lets a message that waits in the queue say that it was kept offline."""


@dataclass(frozen=True, slots=True)
class Request:
    """A message that the CSMS may send. Its form is the official schema's, but for ``open``."""

    handle: Handle
    open: frozenset[str] = frozenset()
    """Fields whose word may be none of the enumeration: the handler says so in its answer."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one functional area brings into a version's table."""

    messages: Mapping[Event, tuple[str, ...]] = field(default_factory=dict)
    actions: Mapping[str, Action] = field(default_factory=dict)
    requests: Mapping[str, Request] = field(default_factory=dict)


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
    codes: Mapping[Fault, str]
    """The error code for each way in which a payload can miss its schema."""
    formation: str
    """The error code for a frame that cannot be read."""
    incomplete: str
    """The error code for a CALL that lacks elements."""
    unknown_type: str | None
    """The error code for an unknown message type; None: such a frame is ignored."""
    rejected: str | None
    """The error code for a CALL to a rejected station; None: it does not answer at all."""
    longest_token: int
    word: Callable[[Evse], str | None]
    """What the version calls an EVSE's status; None: it is not reported (EVSE 0 in 2.x)."""
    told: Callable[[Event, str], Event]
    """What a change of status that ends in this word tells: the event itself where the version has
    a word for each status, else what the word means (2.x says nothing of charging here)."""
    charging_state: Callable[[Evse], str]
    """What the version calls the state of a transaction's charging; "" where it has none."""
    transaction_id: Callable[[State, Transaction], None]
    """Gives a new transaction its id, where that is the station's to give."""
    energy: Callable[[State, float, float, Evse, Transaction], bool] | None = None
    """What charging does to a transaction; is there something left to tell? None: nothing (1.6)."""
    lock_told: Callable[[State, float, Evse], None] | None = None
    """Tells that the lock of a connector fails, or does no longer; None: its status says so."""
    installed: Callable[[State, float], None] | None = None
    """Puts the monitors of the settings in their place when the station is switched on."""

    def check(self, action: str, payload: object) -> None:
        """Raise ``Refusal`` unless the payload fits the schema of the request."""
        found = schema(self.version, action).misfit(payload)
        if found is not None and not self._open(action, payload):
            raise Refusal(self.codes[found.fault], found.text)

    def _open(self, action: str, payload: object) -> bool:
        """Does the payload fit without the words that are left to the handler?"""
        names = self.requests[action].open
        if not names or not isinstance(payload, dict):
            return False
        rest = dict(payload)
        fields = schema(self.version, action).fields or {}
        for name in names & rest.keys():
            words = fields[name].words
            if words and isinstance(rest[name], str):
                rest[name] = min(words)
        return schema(self.version, action).misfit(rest) is None

    def answer(self, action: str) -> Check:
        """The schema of the answer to an action."""
        return schema(self.version, f"{action}Response")

    def read_schemas(self) -> None:
        """Read now what ``answer`` and ``check`` would read when a message first appears."""
        for action in self.actions:
            self.answer(action)
        for action in self.requests:
            schema(self.version, action)


def together(*parts: Part) -> Part:
    """One part of many. Raises ValueError where two bring the same message or answer one event."""
    messages: dict[Event, tuple[str, ...]] = {}
    actions: dict[str, Action] = {}
    requests: dict[str, Request] = {}
    for part in parts:
        for mine, more in (
            (messages, part.messages),
            (actions, part.actions),
            (requests, part.requests),
        ):
            twice = mine.keys() & more.keys()
            if twice:
                raise ValueError(f"two parts bring {sorted(map(str, twice))}")
            mine.update(more)  # type: ignore[arg-type]
    return Part(messages, actions, requests)


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
        "boot_reason",
        "busy_from",
        "busy_since",
        "busy_total",
        "busy_until",
        "cache",
        "call",
        "call_due",
        "call_id",
        "calls",
        "certificates",
        "clock_error",
        "clock_zero",
        "conf",
        "dark",
        "day_due",
        "diary",
        "display",
        "draws",
        "drift",
        "effects",
        "ended",
        "evse_due",
        "evse_resets",
        "evses",
        "firmware",
        "gate",
        "gate_from",
        "gate_since",
        "gate_total",
        "gate_until",
        "heard",
        "heartbeat_s",
        "identity",
        "impatient",
        "index",
        "keys",
        "limit_due",
        "link",
        "link_due",
        "link_failures",
        "link_since",
        "local_list",
        "log",
        "lost_at",
        "meter",
        "monitoring",
        "needs",
        "network",
        "notices",
        "observer",
        "orders",
        "overlap_total",
        "ping_s",
        "queue",
        "refused",
        "registration",
        "reports",
        "reservations",
        "reset_due",
        "resetting",
        "retry_due",
        "security",
        "sent",
        "settings",
        "smart",
        "table",
        "tariffs",
        "timeouts",
        "timer_due",
        "timers",
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
        keys: Keys | None = None,
    ) -> None:
        self.index = index
        self.identity = identity
        self.table = table
        self.settings = settings
        step_wh = settings.register_step_wh
        self.meter = CoarseMeter(meter, step_wh) if step_wh else meter
        self.draws = draws
        self.observer = observer
        self.keys = keys
        """None: the station knows no certificates, and refuses what is about them."""
        conf = settings.parsed.get(table.version)
        if conf is None:
            conf = settings.parsed[table.version] = table.configure(settings, {})
        self.conf: Configuration = conf
        self.effects: list[Effect] = []
        self.ended = False
        """Nothing happens here any more, or (``dark``) not before the power is back."""
        self.dark = False
        # The connection and its registration.
        self.link = Link.OFF
        self.link_due = inf
        self.link_failures = 0
        self.link_since = inf
        self.impatient = False
        """It reconnects at once, and then every second, whatever the specification says."""
        self.lost_at = -inf
        """When the connection was lost."""
        self.writable_now = True
        self.answers: list[bytes] | None = None
        self.registration = Registration.NONE
        self.trusted = False
        """The CSMS has accepted this station at some time: it may serve drivers while offline."""
        self.boot_due = inf
        self.boot_failures = 0
        self.boot_reason = "PowerUp"
        """Why it boots (2.0.1 BootReasonEnumType)."""
        self.resetting = ""
        """The kind of a reset that is under way."""
        self.reset_due = inf
        self.ping_s = conf.ping_s
        self.network: Network | None = None
        """Ways to connect, once the CSMS has set one."""
        self.reports = 0
        """Reports that are being told."""
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
        self.heard = ""
        """The id of the CSMS's last CALL."""
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
        self.drift: Drift | None = None
        self.heartbeat_s = conf.heartbeat_s
        self.beat_due = inf
        self.day_due = inf
        """A heartbeat is due then, whatever else was sent: the clock wants setting (1.6 §4.6)."""
        self.aligned_due = inf
        self.aligned_epoch = -inf
        self.aligned_epoch_next = -inf
        self.timers: list[tuple[float, int, Act]] | None = None
        self.timer_due = inf
        # Charging profiles (smartcharging.py).
        self.smart: Smart | None = None
        self.limit_due = inf
        # What few stations ever need: made by its area.
        self.certificates: Store | None = None
        self.diary: list[tuple[float, str, int]] | None = None
        """What happened last: epoch seconds, what, EVSE."""
        self.firmware: Firmware | None = None
        self.log: LogUpload | None = None
        self.needs: dict[int, Talk] | None = None
        """By EVSE: what EVs that speak ISO 15118 have said."""
        self.notices: Outbox | None = None
        self.security: Security | None = None
        # The station's body.
        self.evses: Sequence[Evse] = tuple(Evse(n) for n in range(identity.evses + 1))
        self.evse_due = inf
        self.evse_resets = 0
        """EVSEs that are to be reset once they are free."""
        self.transactions = 0
        # What it knows of tokens and whom it expects.
        self.cache: dict[str, TokenInfo] | None = None
        self.local_list: LocalList | None = None
        self.reservations: Book | None = None
        self.refused = 0
        # What the CSMS wants shown and watched.
        self.display: list[Message] | None = None
        self.tariffs: dict[int, Told] | None = None
        """By EVSE: what its driver was told of prices and cost."""
        self.monitoring: Monitoring | None = None
