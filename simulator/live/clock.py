"""The run's clock: seconds since T0 on the machine's monotonic clock.

On Linux and macOS ``perf_counter_ns`` counts from one origin for all processes of a machine, so the
parent's T0 means the same moment in every shard.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def run_clock(t0_ns: int) -> Callable[[], float]:
    """A clock that shows seconds since ``t0_ns`` (negative before it)."""
    read = time.perf_counter_ns

    def now() -> float:
        return (read() - t0_ns) * 1e-9

    return now
