"""Profiles: what arrives (`ArrivalProfile`), in what (`VehicleMix`), and where (`StationModel`).

The ``...File`` classes are the TOML layout under ``profiles/``; the dataclasses are what the other
rooms work with. Figures in a profile file carry their unit in the field's name or in the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.table import Table

Pair = tuple[float, float]

VOLTAGE_V = 230.0
MINIMUM_A = 6.0
"""IEC 61851-1: the least current that a control pilot can offer."""

MEASURANDS = (
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Interval",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Interval",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Import.Register",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "RPM",
    "SoC",
    "Temperature",
    "Voltage",
)
"""OCPP 1.6, section 7.31."""

DERIVED_KEYS = {
    "ClockAlignedDataInterval": "clock_aligned_interval",
    "HeartbeatInterval": "heartbeat",
    "MeterValueSampleInterval": "meter_interval",
    "MeterValuesSampledData": "measurands",
    "NumberOfConnectors": "evses",
}
"""Configuration keys that follow from a field of the station profile."""


@dataclass(frozen=True, slots=True)
class PatienceLaw:
    """The distribution of patience around its mean."""

    kind: str
    """``exponential``, ``lognormal``, ``weibull`` or ``fixed``."""
    parameter: float = 0.0
    """Sigma of ln of a lognormal, shape of a Weibull; of no meaning otherwise."""


@dataclass(frozen=True, slots=True)
class ArrivalProfile:
    """When drivers come, how long they stay and what they want."""

    name: str
    source: str
    description: str
    hour_of_week: tuple[float, ...]
    """168 relative rates, Monday 00 h local time first; their mean is 1."""
    stay_by_hour: tuple[Pair, ...] | None
    """(median in s, sigma of ln) per hour of arrival; None if drivers leave when done."""
    energy_kwh: Pair | None
    """(mu, sigma) of ln kWh, grid side; None if the states of charge decide."""
    arrival_soc: Pair | None
    """(a, b) of a beta distribution."""
    target_soc: Pair | None
    leave_when_done: bool
    linger: float
    """Mean seconds between the end of charging and leaving (exponential)."""
    patience: float | None
    """Mean seconds that a driver waits in the queue; None: until departure."""
    rho: float
    """Correlation of energy and stay."""
    patience_law: PatienceLaw = PatienceLaw("exponential")
    overstay: Pair | None = None
    """(share of the drivers who stay on after the end of charging, mean seconds; exponential)."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One model of car."""

    name: str
    share: float
    battery_kwh: float
    """Usable."""
    ac_kw: float
    """0 for a vehicle without AC inlet."""
    ac_phases: int
    dc_kw: float
    """0 for a car without DC inlet."""
    curve: tuple[Pair, ...]
    """(SoC 0..1, kW) knots of the DC curve, from SoC 0 to 1; empty if only the maximum is known."""
    efficiency_ac: float
    efficiency_dc: float
    v2g_kw: float = 0.0
    """Largest power given back to the grid; 0 for a car that cannot."""


@dataclass(frozen=True, slots=True)
class VehicleMix:
    """Cars and their shares, which sum to 1."""

    name: str
    source: str
    description: str
    vehicles: tuple[Vehicle, ...]


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a station's firmware does that it should not; nothing unless said."""

    status_delay: float = 0.0
    """Seconds by which StatusNotification is late."""
    reconnect_after_timeouts: int = 0
    """Drops the connection after so many unanswered calls in a row; 0: never."""
    boot_on_reconnect: bool = False
    """BootNotification after every reconnect."""
    register_step_wh: int = 0
    """The energy register moves in steps of so many Wh; 0: of 1 Wh."""
    clock_drift_ppm: float = 0.0
    """Standard deviation of how fast or slow the stations' clocks run."""
    accepts_unknown_keys: bool = False
    """ChangeConfiguration of an unknown key is Accepted, without effect (1.6)."""
    fixed_heartbeat: bool = False
    """Heartbeats on a timer of their own, whatever else is sent."""
    skips_finishing: bool = False
    """Available straight after the transaction, with the car still plugged in (1.6)."""


@dataclass(frozen=True, slots=True)
class StationModel:
    """A type of charging station."""

    name: str
    source: str
    description: str
    vendor: str
    model: str
    current: str
    """``ac`` or ``dc``."""
    evses: int
    evse_kw: float
    """Largest power of one EVSE."""
    station_kw: float
    """Largest power of all its EVSEs together."""
    phases: int
    min_kw: float
    """Least power at which an EV charges (AC: `MINIMUM_A` on all phases)."""
    measurands: tuple[str, ...]
    meter_interval: float
    """Seconds between sampled meter values."""
    clock_aligned_interval: float
    """Seconds between clock-aligned meter values; 0: none."""
    heartbeat: float | None
    """Seconds, until the CSMS sets another."""
    configuration: dict[str, str]
    """OCPP 1.6 configuration keys and their defaults."""
    efficiency: float = 1.0
    """Of its power electronics; multiplies the vehicle's efficiency."""
    standby_kw: float = 0.0
    """What the station takes for itself, all the time."""
    split: str = "policy"
    """Who shares `station_kw` among its EVSEs: ``policy`` (the site's), ``equal`` or ``modules``
    (the hardware)."""
    modules: int = 0
    """Power modules that are routed to the EVSEs; 0 unless ``split`` is ``modules``."""
    module_kw: float = 0.0
    quirks: Quirks = Quirks()

    @property
    def least_kw(self) -> float:
        """Least power at which any EV charges here: on AC that of a one-phase car."""
        return self.min_kw if self.current == "dc" else MINIMUM_A * VOLTAGE_V / 1000.0

    def __hash__(self) -> int:
        return hash((self.name, self.model, self.evses, self.evse_kw))


Sigma = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LogNormal = Annotated[tuple[float, Sigma], Field(strict=False)]
Beta = Annotated[
    tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], Field(strict=False)
]
Weight = Annotated[float, Field(ge=0)]
Weights24 = Annotated[tuple[Weight, ...], Field(strict=False, min_length=24, max_length=24)]
Weights7 = Annotated[tuple[Weight, ...], Field(strict=False, min_length=7, max_length=7)]
Weights168 = Annotated[tuple[Weight, ...], Field(strict=False, min_length=168, max_length=168)]


class ProfileFile(Table):
    """What every profile says of itself."""

    source: Annotated[str, Field(min_length=1)]
    description: str = ""
    assumptions: Annotated[tuple[str, ...], Field(strict=False)] = ()


class StayFile(Table):
    """Length of stay: one lognormal for all hours, one for each, or means by hour of arrival."""

    ln_hours: LogNormal | None = None
    ln_hours_by_hour: (
        Annotated[tuple[LogNormal, ...], Field(strict=False, min_length=24, max_length=24)] | None
    ) = None
    mean_by_hour: dict[str, f.Duration] | None = None
    sigma_ln: Sigma | None = None


class PatienceLawFile(Table):
    """The distribution of patience: its mean is ``patience``."""

    kind: Annotated[
        Literal["exponential", "lognormal", "weibull", "fixed"],
        f.choice("a distribution", "exponential", "lognormal", "weibull", "fixed"),
    ]
    sigma: Annotated[float | None, Field(gt=0, le=5)] = None
    shape: Annotated[float | None, Field(ge=0.1, le=100)] = None


class OverstayFile(Table):
    """Drivers who leave the car plugged in long after it is done."""

    share: f.Ratio
    mean: f.Duration


class ArrivalFile(ProfileFile):
    """``profiles/arrivals/*.toml``."""

    weekday: Weights24 | None = None
    weekend: Weights24 | None = None
    day_of_week: Weights7 | None = None
    hour_of_week: Weights168 | None = None
    stay: StayFile | None = None
    energy_ln_kwh: LogNormal | None = None
    arrival_soc_beta: Beta | None = None
    target_soc_beta: Beta | None = None
    leave_when_done: bool = False
    linger: f.DurationOrZero = 0.0
    overstay: OverstayFile | None = None
    patience: f.Duration | None = None
    patience_law: PatienceLawFile | None = None
    rho: Annotated[float, Field(ge=-1, le=1)] = 0.0


class VehicleFile(Table):
    """One ``[[vehicles]]`` table."""

    name: str
    share: Weight | None = None
    battery_kwh: Annotated[float, Field(gt=0)]
    ac_kw: Weight
    ac_phases: Annotated[int, Field(ge=1, le=3)]
    dc_kw: Weight = 0.0
    curve: Annotated[
        tuple[Annotated[tuple[float, float], Field(strict=False)], ...], Field(strict=False)
    ] = ()
    efficiency_ac: Annotated[float, Field(gt=0, le=1)] = 0.9
    efficiency_dc: Annotated[float, Field(gt=0, le=1)] = 0.95
    v2g_kw: Weight = 0.0


class VehicleMixFile(ProfileFile):
    """``profiles/vehicles/*.toml``."""

    vehicles: Annotated[tuple[VehicleFile, ...], Field(strict=False, min_length=1)]


class QuirksFile(Table):
    """The ``[quirks]`` of a station profile: see `Quirks`."""

    status_delay: f.DurationOrZero = 0.0
    reconnect_after_timeouts: Annotated[int, Field(ge=0, le=100)] = 0
    boot_on_reconnect: bool = False
    register_step_wh: Annotated[int, Field(ge=0)] = 0
    clock_drift_ppm: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    accepts_unknown_keys: bool = False
    fixed_heartbeat: bool = False
    skips_finishing: bool = False


class StationFile(ProfileFile):
    """``profiles/stations/*.toml``."""

    vendor: Annotated[str, Field(min_length=1, max_length=20)]
    model: Annotated[str, Field(min_length=1, max_length=20)]
    current: Annotated[Literal["ac", "dc"], f.choice("a current", "ac", "dc")]
    evses: Annotated[int, Field(ge=1)]
    evse_kw: Annotated[float, Field(gt=0)]
    station_kw: Annotated[float | None, Field(gt=0)] = None
    split: Annotated[
        Literal["policy", "equal", "modules"],
        f.choice("who shares the station's power", "policy", "equal", "modules"),
    ] = "policy"
    modules: Annotated[int | None, Field(ge=1, le=1000)] = None
    module_kw: Annotated[float | None, Field(gt=0)] = None
    phases: Annotated[int, Field(ge=1, le=3)] = 3
    min_kw: Annotated[float | None, Field(gt=0)] = None
    efficiency: Annotated[float, Field(gt=0, le=1)] = 1.0
    standby_w: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    measurands: Annotated[
        tuple[Annotated[str, f.choice("a measurand", *MEASURANDS)], ...],
        Field(strict=False, min_length=1),
    ]
    meter_interval: f.Duration
    clock_aligned_interval: f.DurationOrZero = 0.0
    heartbeat: f.Duration | None = None
    configuration: Annotated[dict[str, str | int | bool], Field(strict=False)] = Field(
        default_factory=dict
    )
    quirks: QuirksFile = QuirksFile()
