"""The machine under the generator: what took its processor away, and what its network lost.

Counters that the system keeps for everybody on the machine, read by a shard once a second
(``live.machine``). Two become rules of ``validity``; what TCP lost is a remark, since it may as
well be the target's network that loses. None is "this system does not tell".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.measure.measurement import Measurement, ShardMeasurement

COOLDOWN = "cooldown"


@dataclass(frozen=True, slots=True)
class MachineSample:
    """Counters of the machine at ``at_s`` (seconds since T0), since it was started."""

    at_s: float
    throttled: int | None = None
    """Periods in which a control group of this process was denied its processor."""
    throttled_s: float | None = None
    """How long that lasted."""
    cpu_s: float | None = None
    """Processor time of all CPUs together, idle or not."""
    steal_s: float | None = None
    """The part of it that a hypervisor gave to others."""
    retransmits: int | None = None
    """TCP segments that were sent again."""
    listen_drops: int | None = None
    """Connections that a listener of this machine did not take."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about the machine that is no rule, but may explain a figure."""

    name: str
    count: int
    text: str

    def as_dict(self) -> dict[str, Any]:
        """The remark as JSON types."""
        return asdict(self)


def window(shard: ShardMeasurement) -> tuple[float, float]:
    """The part of the run that is judged: from T0 to where the stations begin to close."""
    closing = [start for start, name in shard.phases if name == COOLDOWN and start > 0.0]
    return 0.0, min([*closing, shard.ended_s])


def ends(
    samples: Sequence[MachineSample], begin_s: float, end_s: float
) -> tuple[MachineSample, MachineSample] | None:
    """The samples that enclose a window as closely as they can; None without two of them."""
    before = [sample for sample in samples if sample.at_s <= begin_s] or list(samples[:1])
    after = [sample for sample in samples if sample.at_s >= end_s] or list(samples[-1:])
    if not before or not after or after[0].at_s <= before[-1].at_s:
        return None
    return before[-1], after[0]


def grown(shard: ShardMeasurement, name: str) -> float | None:
    """By how much a counter grew while the shard was measured; None where nobody knows."""
    found = ends(shard.machine, *window(shard))
    if found is None:
        return None
    first, last = (getattr(sample, name) for sample in found)
    return None if first is None or last is None else float(last - first)


def remarks(measurement: Measurement) -> list[Remark]:
    """What the network of this machine lost meanwhile, whoever's connections it were."""
    found = []
    for name, words in (
        ("retransmits", "TCP segments were sent again by this machine"),
        ("listen_drops", "connections found the queue of a listener on this machine full"),
    ):
        counts = [grown(shard, name) for shard in measurement.shards]
        count = int(max((count for count in counts if count is not None), default=0.0))
        if count > 0:
            found.append(Remark(f"tcp_{name}", count, f"{count} {words} during the run"))
    return found
