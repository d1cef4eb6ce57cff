"""The generator watching itself: loop lag, garbage collections, CPU and memory of one shard.

Called by ``fleetloop``; the numbers go to the recorder and decide whether a run is valid.
"""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any, Final, Protocol

from simulator.csms.limits import raise_fd_limit

__all__ = [
    "PROBE_S",
    "GcWatch",
    "HealthRecorder",
    "collect_young",
    "cpu_s",
    "raise_fd_limit",
    "rss_kb",
    "settle_memory",
]

PROBE_S: Final = 0.02
"""How often the loop is asked to be on time: a stall of 50 ms is met by two probes at least, and
the first of them comes 30 ms late or more, whenever it begins. Costs 0.5 % of a core more than a
probe each 50 ms would (measured on an idle loop)."""
_PAGE_KB: Final = resource.getpagesize() / 1024.0
_STATM: Final = Path("/proc/self/statm")


class HealthRecorder(Protocol):
    """The part of the recorder that keeps the generator's own health."""

    def lag(self, seconds: float) -> None:
        """A probe ran so late."""
        ...

    def gc_pause(self, seconds: float) -> None:
        """A garbage collection took so long."""
        ...

    def cpu(self, now: float, cpu_s: float, rss_kb: float = 0.0) -> None:
        """CPU used so far, and memory."""
        ...


def rss_kb() -> float:
    """Resident memory of this process."""
    try:
        return float(_STATM.read_text().split()[1]) * _PAGE_KB
    except OSError:
        import psutil

        return float(psutil.Process().memory_info().rss) / 1024.0


def cpu_s() -> float:
    """CPU seconds (user + system) that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def settle_memory() -> None:
    """After the fleet is built: nothing of it is garbage, so the collector need not look at it.

    From then on the collector begins nothing by itself: it would by the number of objects made
    less those that went, and where old ones go as new ones are made a hundred thousand come
    together before it looks at them (76 ms). ``collect_young`` is called instead.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(0)


def collect_young() -> None:
    """Look at the objects that were made since the last time, which are few if that was just now.

    What lives through one such look (a connection, mostly) is not looked at again: reference
    counting has to free it, and a connection that has ended leaves no cycles (``connection``,
    ``dial``).
    """
    gc.collect(0)


class GcWatch:
    """Times every garbage collection while it is installed.

    In CPU time: that the system gave the processor to somebody else meanwhile is not the
    collector's doing, and the lag of the loop shows it anyway. A collection may begin wherever an
    object is made, in the middle of the recorder's own work too: so what was timed waits for
    ``tell``.
    """

    def __init__(self, recorder: HealthRecorder, clock: Callable[[], float] = thread_time) -> None:
        self._recorder = recorder
        self._clock = clock
        self._began = 0.0
        self._pauses: list[float] = []

    def __call__(self, phase: str, _info: dict[str, Any]) -> None:
        """``gc`` calls this at the start and the stop of a collection."""
        if phase == "start":
            self._began = self._clock()
        else:
            self._pauses.append(self._clock() - self._began)

    def install(self) -> None:
        """Begin."""
        gc.callbacks.append(self)

    def tell(self) -> None:
        """Tell the recorder what was timed since the last time."""
        pauses, self._pauses = self._pauses, []
        for seconds in pauses:
            self._recorder.gc_pause(seconds)

    def remove(self) -> None:
        """End."""
        gc.callbacks.remove(self)
        self.tell()
