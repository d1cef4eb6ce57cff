"""Made-up stations that do nothing but call, for measuring the generator rather than a CSMS.

A plan without a scenario, and a station whose meter values come when a measurement wants them: as
soon as the one before is answered, or at a fixed rate. Called by ``ceiling`` and the benchmarks.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from simulator.fleet.agenda import Stays
from simulator.fleet.identity import TokenPools
from simulator.fleet.shardplan import Cars, ShardPlan
from simulator.fleet.virtual import VirtualStation
from simulator.scenario.profile_model import StationModel
from simulator.station.events import Event
from simulator.station.rpc import raise_event

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F64 = NDArray[np.float64]

LONG_S: Final = 3600.0
"""Longer than any measurement: no visit and no run ends by itself before."""
_MIN_KW_PER_PHASE: Final = 1.38
"""6 A, the least that IEC 61851-1 knows, at 230 V."""
_MEASURANDS: Final = ("Energy.Active.Import.Register", "Power.Active.Import", "Current.Import")


def made_up_model(name: str, *, kw: float, phases: int) -> StationModel:
    """A station with one AC EVSE that samples three measurands, and never by itself."""
    return StationModel(
        name=name,
        source="made up",
        description="",
        vendor="Chargeswarm",
        model=name.capitalize(),
        current="ac",
        evses=1,
        evse_kw=kw,
        station_kw=kw,
        phases=phases,
        min_kw=_MIN_KW_PER_PHASE * phases,
        measurands=_MEASURANDS,
        meter_interval=LONG_S,
        clock_aligned_interval=0.0,
        heartbeat=86400.0,
        configuration={
            "MeterValuesSampledData": ",".join(_MEASURANDS),
            "WebSocketPingInterval": "0",
        },
    )


def made_up_plan(model: StationModel, connect_s: F64, plug_in_s: F64) -> ShardPlan:
    """Stations of a model: when each is switched on, and when a car comes to it that stays.

    Seconds of the run, shape (stations,) both; an empty ``plug_in_s``: nobody comes.
    """
    stations, cars = len(connect_s), len(plug_in_s)
    column = np.full(cars, 1.0)
    return ShardPlan(
        station_index=np.arange(stations, dtype=np.int32),
        ids=tuple(f"CSW-{model.name}-{i:05d}" for i in range(stations)),
        vendors=(model.vendor,) * stations,
        models=(model.model,) * stations,
        serials=tuple(f"{model.name[0]}-{i:05d}" for i in range(stations)),
        passwords=(None,) * stations,
        versions=("1.6",) * stations,
        sites=(model.name,),
        site=np.zeros(stations, np.int32),
        ordinal=np.arange(1, stations + 1, dtype=np.int32),
        kinds=(model,),
        kind=np.zeros(stations, np.int32),
        evse_first=np.arange(stations + 1, dtype=np.int32),
        evse_position=np.arange(stations, dtype=np.int32),
        connect_due_s=connect_s,
        stays=Stays(
            station=np.arange(cars, dtype=np.int32),
            evse=np.ones(cars, np.int32),
            start_s=plug_in_s,
            stop_s=column * LONG_S,
            full_s=column * inf,
            cap_offset=np.arange(cars + 1, dtype=np.int64),
            cap_s=plug_in_s,
            cap_kw=column * 11.0,
        ),
        stay_first=np.minimum(np.arange(stations + 1, dtype=np.int64), cars),
        cars=Cars(
            soc=column * 0.2,
            target_soc=column,
            capacity_kwh=column * 60.0,
            efficiency=column * 0.9,
            limit_kw=column * 11.0,
            phases=np.full(cars, 3, np.int32),
            knot=np.zeros(cars, np.int32),
            knot_stop=np.full(cars, 2, np.int32),
            turn=np.zeros(cars, np.int32),
        ),
        knots_soc=np.array([0.0, 1.0]),
        knots_kw=np.array([1e9, 1e9]),
        tokens=TokenPools(1),
        speed=1.0,
        run_s=LONG_S,
        left_out=0,
    )


class Pace:
    """How the stations call at the moment."""

    __slots__ = ("every_s", "saturate")

    def __init__(self) -> None:
        self.saturate = False
        self.every_s = inf


class Paced:
    """A virtual station whose meter values are due when a measurement says.

    What a link asks of it most is bound once, so that a measurement measures little of this.
    """

    __slots__ = ("due", "inner", "pace", "station", "take_effects", "written")

    def __init__(self, inner: VirtualStation, pace: Pace) -> None:
        self.inner = inner
        self.pace = pace
        self.due = inf
        self.station = inner.station
        self.take_effects = inner.take_effects
        self.written = inner.written

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def next_deadline(self) -> float:
        """The station's own, or the next sample's."""
        due, own = self.due, self.inner.next_deadline
        return due if due < own else own

    @property
    def ready(self) -> bool:
        """A transaction runs, and nothing is unanswered."""
        station = self.station
        return station.call is None and station.evses[1].tx is not None

    def receive(self, now: float, data: bytes) -> None:
        """An answer: in saturation it lets the next call go."""
        self.inner.receive(now, data)
        if self.pace.saturate and self.ready:
            self.sample(now, now)

    def wake(self, now: float) -> None:
        """A sample is due, or something of the station's own."""
        if self.due <= now:
            due, self.due = self.due, self.due + self.pace.every_s
            self.sample(now, due)
        if self.inner.next_deadline <= now:
            self.inner.wake(now)

    def sample(self, now: float, due: float) -> None:
        """A MeterValues that was due at ``due``, as the station's own timer makes it."""
        station = self.station
        evse = station.evses[1]
        if evse.tx is not None:
            raise_event(station, Event.SAMPLED, now, due, evse, evse.tx)
            station.wake(now)
