"""How much of what this machine's generator can do a plan asks for. Pure arithmetic.

The plan's due times are counted in steps of 100 ms, so that a herd is seen that a mean would hide.
In its busiest step a shard writes calls and opens connections; each is a share of the calibrated
ceiling, and together they must not pass it:

    used = calls per second / ceiling + connections per second / ceiling of connections

Calls are those of the 100 ms; connections of the second around them, since a second is what the
rules forgive. What a station calls when it boots counts in both: the ceiling of connections was
measured with it. Called by ``readiness`` and, where there is a calibration, by ``run``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.predict import predict_live

if TYPE_CHECKING:
    from simulator.live.ceiling import Ceiling
    from simulator.live.prepare import Prepared

STEP_S: Final = 0.1
COARSE_STEP_S: Final = 1.0
FINE_UNTIL_S: Final = 4 * 3600.0
"""Longer plans are counted in whole seconds, to bound the memory."""

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Load:
    """What one shard has to do: calls per second in each step, connections per second around it."""

    shard: int
    step_s: float
    calls: F64
    connects: F64

    @property
    def peak_calls(self) -> float:
        """Calls per second in the busiest step."""
        return float(self.calls.max(initial=0.0))

    @property
    def peak_connects(self) -> float:
        """Connections per second in the busiest second."""
        return float(self.connects.max(initial=0.0))

    def used(self, ceiling: Ceiling, core: float) -> tuple[float, float]:
        """(largest share of the ceiling, when) with that share of a core."""
        if not len(self.calls):
            return 0.0, 0.0
        whole = self.calls / ceiling.calls_per_s + self.connects / ceiling.connects_per_s
        at = int(whole.argmax())
        return float(whole[at]) / core, at * self.step_s


@dataclass(frozen=True, slots=True)
class Margin:
    """The worst shard's."""

    used: float
    """Share of the ceiling in its busiest step; above 1 the run cannot be valid."""
    at_s: float
    shard: int
    step_s: float
    peak_calls: float
    peak_connects: float
    shards: int
    needed: int
    """As many shards as would do, were the load shared out evenly."""
    cores: int
    """Cores that are left for shards."""

    @property
    def ok(self) -> bool:
        """The generator can send this plan validly."""
        return self.used <= 1.0

    @property
    def text(self) -> str:
        """The margin in words."""
        step = "100 ms" if self.step_s < 1.0 else "second"
        return (
            f"{self.used:.0%} of what this machine sends validly at {self.at_s:.1f} s (shard"
            f" {self.shard}; at most {self.peak_calls:.0f} calls/s in its busiest {step} and"
            f" {self.peak_connects:.0f} connections/s)"
        )

    @property
    def advice(self) -> str:
        """What would help a plan that asks for too much."""
        if self.needed <= self.cores:
            return f"live.shards = {self.needed} would do, if the sites share the load evenly"
        return (
            f"it would take {self.needed} processes with a core each and this machine has"
            f" {self.cores} for them: use fewer stations, a longer ramp or a lower speed"
        )


def loads(prepared: Prepared, epoch_at_zero: float) -> list[Load]:
    """The load of every shard; ``epoch_at_zero`` decides when clock-aligned values are due."""
    run_s = prepared.window.run_s
    step_s = STEP_S if run_s <= FINE_UNTIL_S else COARSE_STEP_S
    found = []
    for number, plan in enumerate(prepared.plans):
        foretold = predict_live(
            prepared.scenario,
            [plan],
            heartbeat_s=prepared.heartbeat_s,
            epoch_at_zero=epoch_at_zero,
            bin_s=step_s,
        )
        calls = foretold.series.sum(axis=1).astype(np.float64) / step_s
        found.append(Load(number, step_s, calls, around(plan.connect_due_s, step_s, len(calls))))
    return found


def around(due_s: F64, step_s: float, steps: int) -> F64:
    """Connections per second in the second that ends with each step, shape (steps,)."""
    due = due_s[due_s < steps * step_s]
    counts = np.bincount((due / step_s + 1e-9).astype(np.int64), minlength=steps)[:steps]
    span = max(round(1.0 / step_s), 1)
    sums: F64 = np.convolve(counts, np.ones(span))[:steps] / (span * step_s)
    return sums


def margin(shards: Sequence[Load], ceiling: Ceiling, cores: int) -> Margin:
    """The margin of a plan with ``cores`` left for its shards.

    Needs at least one shard, and a ceiling above 0.
    """
    core = min(cores / len(shards), 1.0)
    worst = max(shards, key=lambda load: load.used(ceiling, core)[0])
    used, at_s = worst.used(ceiling, core)
    together = sum(load.used(ceiling, 1.0)[0] for load in shards)
    needed = ceil(together)
    return Margin(
        used,
        at_s,
        worst.shard,
        worst.step_s,
        worst.peak_calls,
        worst.peak_connects,
        len(shards),
        max(needed, len(shards) if used <= 1.0 else len(shards) + 1),
        cores,
    )
