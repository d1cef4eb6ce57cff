"""What parent and shard say to each other, in the order in which they say it.

Parent: ShardSpec, Start, then perhaps Stop, then perhaps Abort. Shard: Ready, Snapshot each second,
Final; or Failed and nothing more. The end of either pipe means that the other process is gone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.live.apicalls import ApiRules
from simulator.live.caller import Order
from simulator.live.connection import Upgrade
from simulator.live.dial import DialRules
from simulator.live.routes import Routes
from simulator.live.tls import TlsRules
from simulator.live.transfers import TransferRules
from simulator.live.wishes import Fan

if TYPE_CHECKING:
    from simulator.fleet.callplan import Calls
    from simulator.fleet.deviations import Deviations
    from simulator.fleet.ledger import Ledger
    from simulator.fleet.setup import Conditions
    from simulator.fleet.shardplan import ShardPlan
    from simulator.live.conformance import Judged
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
    tls: TlsRules | None
    """How to speak TLS; None: not at all."""
    authenticate: bool
    """Send each station's password (security profiles 1 and 2)."""
    conditions: Conditions
    transfers: TransferRules
    api: ApiRules | None
    """By which drivers with an app start; None: there are none."""
    run_s: float
    drain_s: float
    """After the run's end, calls that are out have this long to be answered."""
    traced: frozenset[str]
    trace_path: Path | None
    epoch_guess: float
    """Unix time of T0 as far as it is known before the fleet is built."""
    detailed: bool = False
    """Put a ``measure.detail.Detail`` into every snapshot."""
    routes: Routes | None = None
    """From where to where each station connects; None: as ``rules`` say."""
    stormy: Stormy | None = None
    """The storms of the run, if it has any."""
    orders: tuple[Order, ...] = ()
    """The calls of the API that the scenario declares."""
    calls: Calls | None = None
    """When this shard makes which of them."""


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
    finished: tuple[ShardMeasurement, ...] = ()
    """What was measured of the phases that have ended since the snapshot before."""


@dataclass(frozen=True, slots=True)
class Final:
    """All that a shard leaves behind."""

    measurement: ShardMeasurement
    ledger: Ledger
    deviations: Deviations
    drained: bool
    """Nothing was unanswered when the fleet was let go."""
    commands: dict[str, Counter[str]] = field(default_factory=dict)
    """What became of the calls of the CSMS's API, by name."""
    fans: dict[tuple[str, int], Fan] = field(default_factory=dict)
    """What came of each broadcast, by name and number."""
    storms: tuple[StormRecord, ...] = ()
    judged: Judged | None = None
    """How the CSMS kept to the schemas."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The shard hit an error of its own; ``trace`` is for the log."""

    reason: str
    trace: str
