"""What a station model presets beyond its fields: variables, monitors, vendors' messages.

The ``...File`` classes are the TOML layout; the dataclasses are what the other rooms work with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.table import Table

Setting = bool | int | str | tuple[str, ...]
"""What a variable of 2.0.1 may be preset to; a list stands for its items with commas between."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor that stations come with (2.0.1 N03): what it watches, and for what."""

    component: str
    variable: str
    kind: str
    """MonitorEnumType."""
    value: float
    severity: int
    evse: int
    """0: the component is the station's own."""
    connector: int
    instance: str
    transaction: bool
    """At work during transactions only."""
    hardwired: bool
    """The CSMS can neither change nor remove it."""


@dataclass(frozen=True, slots=True)
class VendorMessage:
    """A DataTransfer that stations know, and what they answer."""

    vendor: str
    message: str
    """"" is a DataTransfer without a message id."""
    data: Any
    """Of the answer, as JSON has it; None: none."""


MONITORS = ("UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned")


class MonitorFile(Table):
    """One ``[[monitors]]`` table: see `Monitor`."""

    component: Annotated[str, Field(min_length=1, max_length=50)]
    variable: Annotated[str, Field(min_length=1, max_length=50)]
    kind: Annotated[str, f.choice("a kind of monitor", *MONITORS)]
    value: float
    severity: Annotated[int, Field(ge=0, le=9)] = 5
    evse: Annotated[int, Field(ge=0)] = 0
    connector: Annotated[int, Field(ge=0)] = 0
    instance: str = ""
    transaction: bool = False
    hardwired: bool = False


class VendorMessageFile(Table):
    """One ``[[vendor_messages]]`` table: see `VendorMessage`."""

    vendor: Annotated[str, Field(min_length=1, max_length=255)]
    message: Annotated[str, Field(max_length=50)] = ""
    data: Any = None
