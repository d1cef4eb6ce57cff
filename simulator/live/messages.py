"""What parent and shard say to each other, in the order in which they say it.

Parent: ShardSpec, Start, then perhaps Stop, then perhaps Abort. Shard: Ready, Snapshot each second,
Final; or Failed and nothing more. The end of either pipe means that the other process is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.live.connection import Upgrade
from simulator.live.dial import DialRules
from simulator.live.transfers import TransferRules

if TYPE_CHECKING:
    from simulator.fleet.crew import Conditions
    from simulator.fleet.deviations import Deviations
    from simulator.fleet.ledger import Ledger
    from simulator.fleet.shardplan import ShardPlan
    from simulator.live.storms import Stormy
    from simulator.measure.measurement import ShardMeasurement
    from simulator.measure.stormlog import StormRecord


@dataclass(frozen=True, slots=True)
class ShardSpec:
    """Everything that a shard needs to know; picklable."""

    shard: int
    plan: ShardPlan
    phases: tuple[tuple[float, str], ...]
    upgrade: Upgrade
    """What stations ask for, but for the sub-protocol, which is their version's."""
    rules: DialRules
    authenticate: bool
    """Send each station's password (security profile 1)."""
    conditions: Conditions
    transfers: TransferRules
    run_s: float
    drain_s: float
    """After the run's end, calls that are out have this long to be answered."""
    traced: frozenset[str]
    trace_path: Path | None
    epoch_guess: float
    """Unix time of T0 as far as it is known before the fleet is built."""
    stormy: Stormy | None = None
    """The storms of the run, if it has any."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The fleet is built and waits for T0."""

    stations: int
    build_s: float
    loop: str
    """``uvloop`` or ``asyncio``."""


@dataclass(frozen=True, slots=True)
class Start:
    """T0 as ``time.perf_counter_ns`` (one clock for a whole machine) and as Unix time."""

    t0_ns: int
    epoch_at_zero: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the transactions, drain, and end."""


@dataclass(frozen=True, slots=True)
class Abort:
    """End at once; what is open is censored."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``measure.recorder.Recorder.snapshot`` with what only the driver knows."""

    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Final:
    """All that a shard leaves behind."""

    measurement: ShardMeasurement
    ledger: Ledger
    deviations: Deviations
    drained: bool
    """Nothing was unanswered when the fleet was let go."""
    storms: tuple[StormRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The shard hit an error of its own; ``trace`` is for the log."""

    reason: str
    trace: str
