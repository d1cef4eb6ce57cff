"""Builds the virtual stations of a shard from its plan. Called by whoever drives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.demand.visits import Means
from simulator.fleet.contracts import Mobility
from simulator.fleet.deviations import Deviations
from simulator.fleet.keys import X509Keys
from simulator.fleet.means import stations_of
from simulator.fleet.rules import MAINS_V, NOMINAL_DC_V
from simulator.fleet.shardplan import ShardPlan, aligned_interval, measured, sample_interval
from simulator.fleet.virtual import VirtualStation
from simulator.station import truststore
from simulator.station.settings import Hardware, Settings, Supply
from simulator.station.versions import configuration_of

if TYPE_CHECKING:
    from simulator.scenario import StationModel
    from simulator.station.ports import Observer


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run sets for all stations, whatever their model."""

    run_id: str
    """Opens every message id: see ``station.settings.Settings``."""
    call_timeout_s: float = 30.0
    heartbeat_s: float | None = None
    """Heartbeat interval until the CSMS sets one; None: the model's."""
    security_profile: int = 0
    """1: stations authenticate by password."""


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


def settings_of(kind: StationModel, version: str, speed: float, conditions: Conditions) -> Settings:
    """How the stations of a model that speak this version behave in a run.

    Raises ValueError for a configuration that such a station cannot have.
    """
    configuration = dict(kind.configuration)
    heartbeat = conditions.heartbeat_s if conditions.heartbeat_s is not None else kind.heartbeat
    if heartbeat is not None:
        configuration["HeartbeatInterval"] = str(max(1, round(heartbeat)))
    measurands = measured(kind)
    if kind.current == "dc":
        # The current at the outlet depends on the pack's voltage; a limit of it is not kept here.
        configuration.setdefault("ChargingScheduleAllowedChargingRateUnit", "Power")
    configuration["ClockAlignedDataInterval"] = str(aligned_interval(kind))
    configuration["MeterValuesSampledData"] = ",".join(measurands)
    configuration["MeterValuesAlignedData"] = ",".join(measurands)
    return Settings(
        run_id=conditions.run_id,
        configuration=configuration_of(version, configuration),
        measurands=measurands,
        supply=supply_of(kind),
        sample_interval_s=float(sample_interval(kind, speed)),
        call_timeout_s=conditions.call_timeout_s,
        hardware=hardware_of(kind),
        security_profile=conditions.security_profile,
        timeouts_before_reconnect=kind.quirks.reconnect_after_timeouts,
        status_delay_s=kind.quirks.status_delay,
        boot_on_reconnect=kind.quirks.boot_on_reconnect,
        register_step_wh=float(kind.quirks.register_step_wh),
        clock_drift_ppm=kind.quirks.clock_drift_ppm,
        accepts_unknown_keys=kind.quirks.accepts_unknown_keys,
        fixed_heartbeat=kind.quirks.fixed_heartbeat,
        skips_finishing=kind.quirks.skips_finishing,
    )


def hardware_of(kind: StationModel) -> Hardware:
    """What the stations of a model are built of: DC with CCS cables, AC with sockets."""
    return Hardware(
        current=kind.current,
        phases=kind.phases,
        evse_w=kind.evse_kw * 1000.0,
        station_w=kind.station_kw * 1000.0,
        connector="cCCS2" if kind.current == "dc" else "sType2",
    )


def virtual_stations(
    plan: ShardPlan, observer: Observer, epoch_at_zero: float, conditions: Conditions
) -> tuple[list[VirtualStation], Deviations]:
    """The stations of a shard, in its order, and where they will note their deviations.

    ``epoch_at_zero`` is the Unix time of run second 0. Stations of one model and version share
    their settings.
    """
    settings = {
        (kind, version): settings_of(plan.kinds[kind], version, plan.speed, conditions)
        for kind, version in set(zip(plan.kind.tolist(), plan.versions, strict=True))
    }
    deviations = Deviations()
    keys = X509Keys()
    mobility = Mobility(plan.tokens.seed)
    with_contract = stations_of(plan.stays, Means.CONTRACT)
    stations = [
        VirtualStation(
            index,
            plan.spec(index),
            part,
            settings[int(plan.kind[index]), plan.versions[index]],
            observer,
            epoch_at_zero,
            deviations,
            keys,
            mobility if index in with_contract else None,
        )
        for index, part in enumerate(plan.plans())
    ]
    for index in with_contract:
        truststore.provide(stations[index].station, truststore.MO_ROOT, mobility.root)
    return stations, deviations
