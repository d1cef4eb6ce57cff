"""How the stations of a model are set up in a run: what the station is given, and what comes of it.

``settings_of`` puts together what a station model, the version and the run say. ``Setups`` asks the
station's own table what that amounts to, for the prediction: intervals, terms for drivers, and what
it cannot count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.rules import MAINS_V, NOMINAL_DC_V
from simulator.fleet.shardplan import aligned_interval, measured, sample_interval
from simulator.fleet.terms import Terms, moves_transactions
from simulator.station import network
from simulator.station.model import BAY, ENERGY
from simulator.station.settings import Hardware, Preset, Settings, Supply
from simulator.station.v201_keys import HEARTBEAT_INTERVAL, OCCUPANCY
from simulator.station.versions import TABLES, configuration_of

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.scenario import StationModel
    from simulator.station.configuration import Configuration

F64 = NDArray[np.float64]
OWNER: Final = {"1.6": "CpoName", "2.0.1": "SecurityCtrlr.OrganizationName"}
"""What holds the name of the operator, by version."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run sets for all stations, whatever their model."""

    run_id: str
    """Opens every message id: see ``station.settings.Settings``."""
    call_timeout_s: float = 30.0
    heartbeat_s: float | None = None
    """Heartbeat interval until the CSMS sets one; None: the model's."""
    security_profile: int = 0
    """1 and 2: stations authenticate by password; 2 and 3: over TLS; 3: by certificate."""
    ca: str | None = None
    """Roots in PEM that stations trust; None: those of the system that they run on."""
    certificates: Path | None = None
    """Folder with each station's own certificate (``certificates``)."""
    clock_spread_s: float = 1.0
    """How far the stations' clocks are off, standard deviation."""
    operator: str = ""
    """Organisation in the certificates that stations ask for."""
    check_answers: int = 10
    """The schema of one in so many answers of each type is checked; 0: of none."""


def supply_of(kind: StationModel) -> Supply:
    """What feeds the EVSEs of a model, as its charging profiles see it."""
    dc = kind.current == "dc"
    lines = 1 if dc else kind.phases
    volt = NOMINAL_DC_V if dc else MAINS_V
    line_kv = lines * volt / 1000.0
    return Supply(
        lines=lines,
        volt=volt,
        dc=dc,
        evse_a=kind.evse_kw / line_kv,
        station_a=kind.station_kw / line_kv,
        least_a=kind.min_kw / line_kv,
    )


def hardware_of(kind: StationModel) -> Hardware:
    """What the stations of a model are built of: DC with CCS cables, AC with sockets.

    Those that count a transaction by the car in the bay have a sensor for it.
    """
    said = (*kind.configuration.values(), *map(written, kind.variables.values()))
    return Hardware(
        current=kind.current,
        phases=kind.phases,
        evse_w=kind.evse_kw * 1000.0,
        station_w=kind.station_kw * 1000.0,
        connector="cCCS2" if kind.current == "dc" else "sType2",
        bay_sensor=any(OCCUPANCY in value for value in said),
    )


def settings_of(kind: StationModel, version: str, speed: float, conditions: Conditions) -> Settings:
    """How the stations of a model that speak this version behave in a run.

    Raises ValueError for a configuration that such a station cannot have.
    """
    configuration = _configuration(kind, version, conditions.heartbeat_s)
    tls = conditions.security_profile >= network.TLS
    if tls and conditions.operator:
        configuration.setdefault(OWNER[version], conditions.operator)
    return Settings(
        run_id=conditions.run_id,
        configuration=configuration,
        measurands=measured(kind),
        supply=supply_of(kind),
        lines_metered=kind.phases if kind.current == "ac" and kind.phases > 1 else 0,
        sample_interval_s=float(sample_interval(kind, speed, version)),
        call_timeout_s=conditions.call_timeout_s,
        clock_spread_s=conditions.clock_spread_s,
        hardware=hardware_of(kind),
        security_profile=conditions.security_profile,
        highest_security_profile=network.TLS_CLIENT if tls else 1,
        trusts_system=tls and conditions.ca is None,
        timeouts_before_reconnect=kind.quirks.reconnect_after_timeouts,
        status_delay_s=kind.quirks.status_delay,
        boot_on_reconnect=kind.quirks.boot_on_reconnect,
        register_step_wh=float(kind.quirks.register_step_wh),
        clock_drift_ppm=kind.quirks.clock_drift_ppm,
        accepts_unknown_keys=kind.quirks.accepts_unknown_keys,
        fixed_heartbeat=kind.quirks.fixed_heartbeat,
        skips_finishing=kind.quirks.skips_finishing,
        monitors=presets_of(kind) if version != "1.6" else (),
        vendors=_vendors(kind),
    )


def _configuration(kind: StationModel, version: str, heartbeat_s: float | None) -> dict[str, str]:
    """The model's keys of 1.6, or in 2.x its variables over what follows from them."""
    given = dict(kind.configuration)
    if kind.heartbeat is not None:
        given["HeartbeatInterval"] = _seconds(kind.heartbeat)
    measurands = ",".join(measured(kind))
    if kind.current == "dc":
        # The current at the outlet depends on the pack's voltage; a limit of it is not kept here.
        given.setdefault("ChargingScheduleAllowedChargingRateUnit", "Power")
    given["ClockAlignedDataInterval"] = str(aligned_interval(kind))
    given["MeterValuesSampledData"] = measurands
    given["MeterValuesAlignedData"] = measurands
    own = configuration_of(version, given)
    heartbeat = "HeartbeatInterval"
    if version != "1.6":
        own |= {name: written(value) for name, value in kind.variables.items()}
        heartbeat = HEARTBEAT_INTERVAL
    if heartbeat_s is not None:
        own[heartbeat] = _seconds(heartbeat_s)
    return own


def _seconds(interval_s: float) -> str:
    return str(max(1, round(interval_s)))


def written(value: object) -> str:
    """The value of a variable as a profile has it, in the text that OCPP has for it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def presets_of(kind: StationModel) -> tuple[Preset, ...]:
    """The monitors that the stations of a model come with."""
    return tuple(
        Preset(
            monitor.component,
            monitor.variable,
            monitor.kind,
            monitor.value,
            monitor.severity,
            monitor.evse,
            monitor.connector,
            monitor.instance,
            monitor.transaction,
            monitor.hardwired,
        )
        for monitor in kind.monitors
    )


def _vendors(kind: StationModel) -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for message in kind.vendor_messages:
        found.setdefault(message.vendor, {})[message.message] = message.data
    return found


@lru_cache(maxsize=1024)
def in_force(
    kind: StationModel, version: str, speed: float = 1.0, heartbeat_s: float | None = None
) -> Configuration:
    """What such stations go by, as their version's own table has it. Raises ValueError."""
    conditions = Conditions("predict", heartbeat_s=heartbeat_s)
    return TABLES[version].configure(settings_of(kind, version, speed, conditions), {})


@dataclass(frozen=True, slots=True)
class Setups:
    """What the prediction asks of the stations of a site or shard, as columns; seconds."""

    sample_s: F64
    """Between sampled meter values; 0: none."""
    aligned_s: F64
    """Between clock-aligned ones; 0: none."""
    heartbeat_s: F64
    terms: Terms

    @classmethod
    def of(
        cls,
        kinds: Sequence[StationModel],
        versions: Sequence[str],
        speed: float = 1.0,
        heartbeat_s: float | None = None,
    ) -> Setups:
        """Of stations of these models that speak these versions; ``heartbeat_s`` as the run's."""
        every = [
            in_force(kind, version, speed, heartbeat_s)
            for kind, version in zip(kinds, versions, strict=True)
        ]
        return cls(
            np.array([0.0 if c.sampled is None else c.sample_s for c in every], np.float64),
            np.array([0.0 if c.aligned is None else c.aligned_s for c in every], np.float64),
            np.array([c.heartbeat_s for c in every], np.float64),
            Terms.of(list(zip(map(TABLES.__getitem__, versions), every, strict=True))),
        )


def caveats(kinds: Iterable[tuple[StationModel, str]], outages: bool = False) -> tuple[str, ...]:
    """What stations of these models and versions do that the counts of messages leave out.

    ``outages``: the power may go while a transaction runs.
    """
    found: dict[str, set[str]] = {}
    for kind, version in dict.fromkeys(kinds):
        for caveat in _caveats(kind, version, outages):
            found.setdefault(caveat, set()).add(kind.name)
    return tuple(
        f"{caveat} of {', '.join(sorted(names))}" for caveat, names in sorted(found.items())
    )


def _caveats(kind: StationModel, version: str, outages: bool) -> Iterable[str]:
    conf = in_force(kind, version)
    leaves_out = "not taken into account"
    if conf.minimum_status_s > 0.0:
        yield f"MinimumStatusDuration is {leaves_out}: fewer StatusNotification"
    if outages and moves_transactions(conf):
        yield (
            f"TxStartPoint and TxStopPoint are {leaves_out} where an outage cuts a transaction off:"
            " other numbers of TransactionEvent"
        )
    if (conf.start_points | conf.stop_points) & (ENERGY | BAY):
        yield (
            f"EnergyTransfer and ParkingBayOccupancy as TxStartPoint or TxStopPoint are"
            f" {leaves_out}: other numbers of TransactionEvent"
        )
    if conf.local_online and (conf.cache or conf.listed):
        yield f"LocalPreAuthorize is {leaves_out}: fewer Authorize"
    if conf.local_only:
        yield f"DisableRemoteAuthorization is {leaves_out}: no Authorize"
    if conf.aligned_idle_only and conf.aligned_s > 0.0:
        yield f"SendDuringIdle is {leaves_out}: fewer clock-aligned meter values"
    if version != "1.6" and kind.monitors and conf.monitoring:
        yield f"monitors are {leaves_out}: more NotifyEvent"
