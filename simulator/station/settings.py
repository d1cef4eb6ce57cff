"""What a station is (``Identity``) and how it is set up (``Settings``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Final

from simulator.station.conformance import Conformance

if TYPE_CHECKING:
    from simulator.station.configuration import Configuration

ALL_MEASURANDS: Final = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "SoC",
)
"""What a station can measure at all; a model may offer less."""
MAX_RUN_ID: Final = 20
FAULTS: Final = (
    "DownloadFailed",
    "InvalidSignature",
    "InstallVerificationFailed",
    "InstallationFailed",
    "UploadFailure",
)
"""What may go wrong with firmware and logs: the states that they then end in. A failed transfer is
one try of it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the station says it is. Texts longer than a version allows are cut on the wire."""

    id: str
    vendor: str
    model: str
    serial: str
    firmware: str
    evses: int
    password: str | None = None

    def __post_init__(self) -> None:
        if self.evses < 1:
            raise ValueError(f"station {self.id}: evses {self.evses}: expected 1 or more")


@dataclass(frozen=True, slots=True)
class Supply:
    """What feeds the EVSEs of a station, as far as limits are reckoned by it.

    Currents are per line: a phase on AC; DC has one line.
    """

    lines: int = 3
    volt: float = 230.0
    """Set voltage of a line. DC: a nominal one, by which currents are told from powers."""
    dc: bool = False
    evse_a: float = 32.0
    """The most that one EVSE gives."""
    station_a: float = inf
    """The most that the station draws."""
    least_a: float = 6.0
    """The least that can be offered; a limit below it is no offer (AC: 6 A, IEC 61851-1)."""

    def __post_init__(self) -> None:
        for name in ("volt", "evse_a", "station_a"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} {getattr(self, name)}: expected more than 0")
        if self.lines not in ((1,) if self.dc else (1, 2, 3)):
            raise ValueError(f"lines {self.lines}: expected 1 on DC, 1 to 3 on AC")


@dataclass(frozen=True, slots=True)
class Hardware:
    """What is built into the stations of a model, as far as its messages tell of it."""

    current: str = "ac"
    """``ac`` or ``dc``: what leaves the EVSE."""
    phases: int = 3
    """Of the supply on AC."""
    evse_w: float = 22_000.0
    """Largest power of one EVSE."""
    station_w: float = 22_000.0
    """Largest power of all its EVSEs together."""
    connector: str = "sType2"
    """ConnectorEnumType of 2.0.1: ``s`` is a socket, ``c`` a cable that belongs to the station."""
    bay_sensor: bool = False
    """A sensor at every EVSE tells whether a car stands before it."""

    @property
    def fixed_cable(self) -> bool:
        """The cable cannot be taken off the station, so nothing locks it there."""
        return self.connector.startswith("c")

    def __post_init__(self) -> None:
        if self.current not in ("ac", "dc"):
            raise ValueError(f"current {self.current!r}: expected 'ac' or 'dc'")


@dataclass(frozen=True, slots=True)
class Preset:
    """A monitor that the stations of a model come with (2.x, N03)."""

    component: str
    variable: str
    kind: str
    """MonitorEnumType."""
    value: float
    severity: int = 5
    evse: int = 0
    """0: the component is the station's own."""
    connector: int = 0
    instance: str = ""
    transaction: bool = False
    hardwired: bool = False
    """The CSMS can neither change nor remove it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the stations of one model behave. Shared by all of them; times in seconds.

    Raises ValueError for values that no station could work with.
    """

    run_id: str
    """Opens every message id (``<run_id>.<n>``), so that a new run repeats none of an earlier one.
    At most 20 characters of ASCII letters, digits, ``-`` and ``_``."""
    configuration: Mapping[str, str] = field(default_factory=dict)
    """Configuration keys that differ from the version's defaults."""
    measurands: tuple[str, ...] = ALL_MEASURANDS
    supply: Supply = Supply()
    lines_metered: int = 0
    """Lines of the AC supply that meters tell one by one, 1 to 3; 0: they tell one figure."""
    sample_interval_s: float | None = None
    """Interval of sampled meter values until the CSMS sets one (an accelerated run divides it)."""
    call_timeout_s: float = 30.0
    """An unanswered CALL is given up after this (P2 2.0.1 §3.2), unless MessageTimeout is set."""
    timeouts_before_reconnect: int = 0
    """Drop the connection after this many timeouts in a row; 0: never."""
    backoff_min_s: float = 10.0
    backoff_random_s: float = 10.0
    backoff_repeats: int = 3
    """Wait before reconnecting: minimum, doubled at each failure up to so often, plus a random part
    (RetryBackOffWaitMinimum, RandomRange and RepeatTimes of 2.0.1 part 4 §5.3)."""
    boot_retry_s: float = 30.0
    """Wait before the next BootNotification where the CSMS gave none; doubled up to eightfold."""
    reboot_s: float = 10.0
    """From the loss of the connection to the first attempt at a new one, at a reset."""
    reset_grace_s: float = 10.0
    """A soft reset waits at most this long for the queue to empty."""
    hardware: Hardware = Hardware()
    security_profile: int = 0
    """How the stations connect when the run begins: 0 without credentials, 1 by password, 2 by
    password over TLS, 3 by certificate."""
    report_items: int = 100
    report_bytes: int = 16_384
    """A part of a report holds at most so many variables, in a message of at most so many bytes
    (of one variable it is as long as it must be)."""
    clock_spread_s: float = 1.0
    """Standard deviation of how far the clocks of stations lie from the time they are given."""
    highest_security_profile: int = 1
    """What the driver can do: 1 is HTTP Basic, 2 and 3 are TLS without and with a client's
    certificate. The CSMS can raise the profile no further."""
    trusts_system: bool = False
    """Beside the roots of its own store the station trusts those of the driver's system."""
    install_s: float = 60.0
    """How long the installation of firmware takes, before the reboot."""
    transfer_retries: int = 2
    """A file is tried again this often, where the CSMS does not say."""
    transfer_retry_s: float = 60.0
    faults: Mapping[str, float] = field(default_factory=dict)
    """What goes wrong in the given share of cases: see ``FAULTS``."""
    status_delay_s: float = 0.0
    """StatusNotification leaves so much later than the change that it tells; what is held back when
    the connection is lost is told as after any outage."""
    boot_on_reconnect: bool = False
    """BootNotification after every reconnect, though nothing was reset (1.6J §5.4 says none)."""
    register_step_wh: float = 0.0
    """The energy register moves in steps of so many Wh; 0: as fine as it is told."""
    clock_drift_ppm: float = 0.0
    """Standard deviation of how fast or slow the clocks of stations run, in parts per million;
    the CSMS's time sets them right again."""
    accepts_unknown_keys: bool = False
    """ChangeConfiguration of an unknown key is Accepted, and nothing comes of it (1.6)."""
    fixed_heartbeat: bool = False
    """Heartbeats on a timer of their own, whatever else is sent."""
    skips_finishing: bool = False
    """Available straight after the transaction, with the car still plugged in (1.6)."""
    max_queue: int = 500
    """Transaction messages kept; past it the oldest meter values go first."""
    max_frame: int = 262_144
    """Longest frame that is read, in bytes."""
    max_answers: int = 32
    """Answers kept while the socket takes nothing."""
    max_cached_tokens: int = 50
    """Tokens that the authorisation cache holds."""
    max_display_messages: int = 20
    """Messages of the CSMS that the display keeps (2.x)."""
    display_cycle_s: float = 5.0
    """How long each of several messages is shown at a time."""
    monitors: tuple[Preset, ...] = ()
    monitor_poll_s: float = 10.0
    """How often a monitored meter is looked at while energy flows."""
    vendors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """DataTransfer: vendor id -> message id ("": none given) -> data of the answer, None for none.
    A vendor that is not here is unknown."""
    conformance: Conformance = field(default_factory=Conformance, compare=False)
    """Which frames of the CSMS are held against the schemas, and what was found."""
    parsed: dict[str, Configuration] = field(default_factory=dict, init=False, compare=False)
    """The configuration as parsed by each version table: made once, shared by all stations."""

    def __post_init__(self) -> None:
        if not self.run_id or len(self.run_id) > MAX_RUN_ID:
            raise ValueError(f"run_id {self.run_id!r}: expected 1 to {MAX_RUN_ID} characters")
        if not self.run_id.isascii() or not self.run_id.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"run_id {self.run_id!r}: expected letters, digits, '-' and '_'")
        for name in ("status_delay_s", "register_step_wh", "clock_drift_ppm"):
            if not 0.0 <= getattr(self, name) < inf:
                raise ValueError(f"{name} {getattr(self, name)}: expected 0 or more")
        for name in (
            "call_timeout_s",
            "backoff_min_s",
            "boot_retry_s",
            "display_cycle_s",
            "monitor_poll_s",
        ):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} {getattr(self, name)}: expected more than 0")
        if self.sample_interval_s is not None and not self.sample_interval_s >= 0.0:
            raise ValueError(f"sample_interval_s {self.sample_interval_s}: expected 0 or more")
        if self.install_s < 0.0 or self.transfer_retries < 0 or self.transfer_retry_s < 0.0:
            raise ValueError("install_s, transfer_retries, transfer_retry_s: expected 0 or more")
        for name, share in self.faults.items():
            if name not in FAULTS or not 0.0 <= share <= 1.0:
                raise ValueError(f"faults {name} = {share}: expected 0 to 1 for some of {FAULTS}")
        if self.lines_metered not in range(4):
            raise ValueError(f"lines_metered {self.lines_metered}: expected 0 to 3")
        unknown = set(self.measurands) - set(ALL_MEASURANDS)
        if unknown:
            raise ValueError(f"measurands {sorted(unknown)}: expected some of {ALL_MEASURANDS}")
