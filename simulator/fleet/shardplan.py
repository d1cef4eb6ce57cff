"""The plan of one shard as columns: which stations there are and what happens at each.

Fifty thousand stations with their visits must travel to another process and stay there, so this is
numpy columns, not objects; ``StationPlan`` looks at one station's part of them. Made by
``liveplan``, played by ``virtual``, counted by ``predict``. All times are run seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.demand.visits import Manner, Means
from simulator.fleet.agenda import I32, I64, Stays
from simulator.fleet.charge import Charge
from simulator.fleet.identity import BLOCKED, EXPIRED, INVALID, TokenPools
from simulator.fleet.spells import Spells
from simulator.station.settings import ALL_MEASURANDS
from simulator.station.v201_keys import ALIGNED_INTERVAL, SAMPLE_INTERVAL

if TYPE_CHECKING:
    from simulator.scenario import StationModel

F64 = NDArray[np.float64]
FIRMWARE: Final = "chargeswarm"
BAD_TOKENS: Final[Mapping[int, str]] = {
    Manner.REFUSED: INVALID,
    Manner.REFUSED_AT_FIRST: INVALID,
    Manner.BLOCKED: BLOCKED,
    Manner.BLOCKED_AT_FIRST: BLOCKED,
    Manner.EXPIRED: EXPIRED,
    Manner.EXPIRED_AT_FIRST: EXPIRED,
}
"""How the CSMS answers to the first token of drivers of some manners."""


@dataclass(frozen=True, slots=True)
class StationSpec:
    """Who a station is, as it boots, and how it is built."""

    id: str
    site: str
    ordinal: int
    vendor: str
    model: str
    serial: str
    password: str | None
    version: str
    evses: int
    kind: StationModel
    sample_interval_s: int
    """Between sampled meter values, in run time; 0: no sampled meter values."""


@dataclass(frozen=True, slots=True)
class Cars:
    """What drives up: one row per stay, in the same order."""

    soc: F64
    """State of charge at the start of the stay."""
    target_soc: F64
    capacity_kwh: F64
    """Battery side, divided by the speed of the run."""
    efficiency: F64
    limit_kw: F64
    phases: I32
    knot: I32
    """The car's curve is ``knots[knot:knot_stop]``."""
    knot_stop: I32
    turn: I32
    """Running number of the visit at its EVSE since the scenario's start: whose token it is."""

    def take(self, rows: I64) -> Cars:
        """The cars of some rows."""
        return Cars(*(getattr(self, field.name)[rows] for field in fields(self)))

    def charge(
        self,
        row: int,
        cap_s: Sequence[float],
        cap_kw: Sequence[float],
        knots: tuple[Sequence[float], Sequence[float]],
    ) -> Charge:
        """The car of a row as it drives up, under the caps given."""
        return Charge(
            float(self.soc[row]),
            float(self.capacity_kwh[row]),
            float(self.efficiency[row]),
            float(self.limit_kw[row]),
            int(self.phases[row]),
            cap_s,
            cap_kw,
            (knots[0], knots[1], int(self.knot[row]), int(self.knot_stop[row])),
        )


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """Stations (columns of one length, in network order), their stays (sorted by EVSE, start)."""

    station_index: I32
    """Place of each station in the network."""
    ids: tuple[str, ...]
    vendors: tuple[str, ...]
    models: tuple[str, ...]
    serials: tuple[str, ...]
    passwords: tuple[str | None, ...]
    versions: tuple[str, ...]
    sites: tuple[str, ...]
    """Site instances of the shard; ``site`` is an index into them."""
    site: I32
    ordinal: I32
    kinds: tuple[StationModel, ...]
    kind: I32
    evse_first: I32
    """Station i has the EVSEs ``evse_first[i]:evse_first[i + 1]`` of the shard; one entry more."""
    evse_position: I32
    """Place of each station's first EVSE in the network."""
    connect_due_s: F64
    """When each station is switched on; ``inf``: never."""
    stays: Stays
    """``station`` is the index in the shard."""
    stay_first: I64
    """EVSE e of the shard has the stays ``stay_first[e]:stay_first[e + 1]``; one entry more."""
    cars: Cars
    knots_soc: F64
    knots_kw: F64
    tokens: TokenPools
    speed: float
    run_s: float
    left_out: int
    """Visits within the run that are too short (or over too early) to be played."""
    spells: Spells | None = None
    """When each station is on; None: from ``connect_due_s`` to the end of the run."""

    @property
    def stations(self) -> int:
        """Number of stations."""
        return len(self.ids)

    def spec(self, station: int) -> StationSpec:
        """Who station ``station`` of the shard is."""
        kind = self.kinds[self.kind[station]]
        return StationSpec(
            id=self.ids[station],
            site=self.sites[self.site[station]],
            ordinal=int(self.ordinal[station]),
            vendor=self.vendors[station],
            model=self.models[station],
            serial=self.serials[station],
            password=self.passwords[station],
            version=self.versions[station],
            evses=int(self.evse_first[station + 1] - self.evse_first[station]),
            kind=kind,
            sample_interval_s=sample_interval(kind, self.speed, self.versions[station]),
        )

    def plans(self) -> Iterator[StationPlan]:
        """The plan of every station, in order; they share what can be shared."""
        knots = self.knots_soc.tolist(), self.knots_kw.tolist()
        for station in range(self.stations):
            yield StationPlan(self, station, knots)


def sample_interval(kind: StationModel, speed: float, version: str = "1.6") -> int:
    """Seconds of run time between sampled meter values: the model's, compressed, at least 1.

    OCPP writes intervals as whole seconds, so it is rounded. 0 switches sampling off.
    """
    interval_s = _set(kind, version, SAMPLE_INTERVAL, kind.meter_interval)
    if interval_s <= 0.0 or not measured(kind):
        return 0
    return max(1, round(interval_s / speed))


def aligned_interval(kind: StationModel, version: str = "1.6") -> int:
    """Seconds between clock-aligned meter values, on the clock whatever the speed; 0: none."""
    interval_s = _set(kind, version, ALIGNED_INTERVAL, kind.clock_aligned_interval)
    return round(interval_s) if measured(kind) else 0


def _set(kind: StationModel, version: str, variable: str, otherwise: float) -> float:
    """What the variables of a model say in 2.x, else what its fields say."""
    value = kind.variables.get(variable) if version != "1.6" else None
    return float(value) if isinstance(value, int) else otherwise


def measured(kind: StationModel) -> tuple[str, ...]:
    """What the stations of a model measure, out of what a station can."""
    return tuple(name for name in ALL_MEASURANDS if name in kind.measurands)


class StationPlan:
    """One station's part of a shard's plan. Holds no visit before it is asked for."""

    __slots__ = ("_knots", "shard", "station")

    def __init__(
        self, shard: ShardPlan, station: int, knots: tuple[list[float], list[float]]
    ) -> None:
        self.shard = shard
        self.station = station
        self._knots = knots

    @property
    def connect_due_s(self) -> float:
        """When the station is switched on."""
        return float(self.shard.connect_due_s[self.station])

    @property
    def switchings(self) -> list[float]:
        """When the station is switched after it was first switched on: off, on, off ..."""
        spells = self.shard.spells
        if spells is None:
            return []
        times = [at_s for spell in spells.of(self.station) for at_s in spell]
        return [at_s for at_s in times[1:] if at_s < self.shard.run_s]

    def stays(self, evse: int) -> tuple[int, int]:
        """Rows ``first, stop`` of the stays at an EVSE (1-based), in order of time."""
        flat = int(self.shard.evse_first[self.station]) + evse - 1
        return int(self.shard.stay_first[flat]), int(self.shard.stay_first[flat + 1])

    def start_s(self, row: int) -> float:
        """When the stay of a row begins."""
        return float(self.shard.stays.start_s[row])

    def stop_s(self, row: int) -> float:
        """When the stay of a row ends."""
        return float(self.shard.stays.stop_s[row])

    def full_s(self, row: int) -> float:
        """When the car has what it wants; ``inf`` if it never does."""
        return float(self.shard.stays.full_s[row])

    def caps(self, row: int) -> tuple[list[float], list[float]]:
        """Times and caps (grid kW) of a stay."""
        stays = self.shard.stays
        part = slice(int(stays.cap_offset[row]), int(stays.cap_offset[row + 1]))
        return stays.cap_s[part].tolist(), stays.cap_kw[part].tolist()

    def target_soc(self, row: int) -> float:
        """State of charge that the driver wants."""
        return float(self.shard.cars.target_soc[row])

    def manner(self, row: int) -> int:
        """How a stay's driver deals with the station (`Manner`)."""
        manner = self.shard.stays.manner
        return Manner.PLAIN if manner is None else int(manner[row])

    def means(self, row: int) -> int:
        """By what a stay's driver starts (`Means`)."""
        means = self.shard.stays.means
        return Means.CARD if means is None else int(means[row])

    def token(self, row: int) -> str:
        """The good token of a stay's driver: the eMAID of a contract, or ""."""
        means = self.means(row)
        if means == Means.BUTTON:
            return ""
        site, ordinal, evse, position, turn = self._turn(row)
        pools = self.shard.tokens
        if means == Means.CONTRACT:
            return pools.emaid(site, ordinal, evse, turn)
        return pools.token(site, ordinal, evse, position, turn)

    def bad_token(self, row: int) -> str | None:
        """What the driver presents before that, or instead of it; None: nothing."""
        status = BAD_TOKENS.get(self.manner(row))
        return None if status is None else self.shard.tokens.bad_token(status, *self._turn(row))

    def _turn(self, row: int) -> tuple[str, int, int, int, int]:
        """Whose turn it is, as the pools of tokens know it."""
        shard = self.shard
        evse = int(shard.stays.evse[row])
        return (
            shard.sites[shard.site[self.station]],
            int(shard.ordinal[self.station]),
            evse,
            int(shard.evse_position[self.station]) + evse - 1,
            int(shard.cars.turn[row]),
        )

    def charge(self, row: int, caps: tuple[list[float], list[float]]) -> Charge:
        """The car of a stay as it is at its start."""
        return self.shard.cars.charge(row, caps[0], caps[1], self._knots)
