"""What monitoring is made of: variables, monitors, what they noticed. Data alone.

``Observable`` is all that monitoring knows of a variable, so that whoever describes the station's
variables (a version's table, a device model) needs to hand over nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.station.model import Evse
    from simulator.station.settings import Preset
    from simulator.station.state import State

Read = Callable[["State", float, "Evse"], float | str]
"""(station, now, the EVSE that the component belongs to; number 0: the station's own) -> value.

A number where the variable is numeric, else its text.
"""


class Kind(Enum):
    """MonitorEnumType."""

    UPPER = "UpperThreshold"
    LOWER = "LowerThreshold"
    DELTA = "Delta"
    PERIODIC = "Periodic"
    ALIGNED = "PeriodicClockAligned"


class Origin(Enum):
    """Who set a monitor up (EventNotificationEnumType)."""

    HARDWIRED = "HardWiredMonitor"
    PRECONFIGURED = "PreconfiguredMonitor"
    CUSTOM = "CustomMonitor"
    NOTIFICATION = "HardWiredNotification"
    """Told without any monitor."""


@dataclass(frozen=True, slots=True)
class Observable:
    """A variable that can be watched."""

    component: str
    variable: str
    read: Read
    numeric: bool = False
    instance: str = ""
    """Of the variable."""
    evse: int = 0
    connector: int = 0
    drifts: bool = False
    """It changes between events, too (a meter): it is looked at from time to time."""
    least: float | None = None
    most: float | None = None
    """Range of a numeric variable; a threshold outside of it is refused."""
    secret: bool = False
    """Write-only: that it changed is told, what it is is not (N07.FR.10)."""

    @property
    def name(self) -> tuple[str, str, str, int, int]:
        """What tells it from every other variable."""
        return self.component, self.variable, self.instance, self.evse, self.connector


@dataclass(slots=True, eq=False)
class Monitor:
    """One monitor in place."""

    id: int
    what: Observable
    kind: Kind
    value: float
    """Threshold or delta in the variable's unit; interval in seconds of a periodic one."""
    severity: int
    transaction: bool
    """At work only while a transaction runs at its component."""
    origin: Origin
    preset: Preset | None = None
    """The monitor of the settings that it is, or has overruled."""
    alerted: bool = False
    """The threshold is passed, and that was noticed."""
    reference: float | str = 0.0
    """The value that a delta is measured from."""
    due: float = inf
    """When a periodic one is due."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a monitor noticed, until the CSMS has heard of it."""

    id: int
    monitor: int
    """0: none."""
    what: Observable
    origin: Origin
    severity: int
    epoch_s: float
    value: str
    trigger: str
    """EventTriggerEnumType."""
    cleared: bool
    transaction: str


class Monitoring:
    """The monitors of a station; made when the first is set up or the level is changed."""

    __slots__ = ("base", "events", "held", "ids", "level", "monitors", "poll_due", "sending")

    def __init__(self) -> None:
        self.monitors: dict[int, Monitor] = {}
        self.base = "FactoryDefault"
        self.level = 9
        self.ids = 0
        self.events = 0
        self.held: list[Notice] = []
        """Not sent yet, oldest first."""
        self.sending: tuple[Notice, ...] = ()
        """On their way, in one message."""
        self.poll_due = inf
