"""What real firmware does besides the specification: a coarse meter, a clock that runs off.

Each is switched on by a field of ``Settings`` and off by default. Quirks that are a line where they
belong stand there (``skips_finishing`` in statuses, ``boot_on_reconnect`` in link,
``fixed_heartbeat`` in rpc ...); here is what needs more than a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import TYPE_CHECKING

from simulator.station.ports import EvState, Meter

if TYPE_CHECKING:
    from simulator.station.state import State


class Drift:
    """How a station's clock runs off: ``rate`` s per second, counted from when it was set last."""

    __slots__ = ("rate", "since")

    def __init__(self, rate: float, since: float) -> None:
        self.rate = rate
        self.since = since


def tick(st: State, now: float) -> None:
    """Let the clock run off up to ``now`` (``clock_drift_ppm``)."""
    drift = st.drift
    if drift is not None and now > drift.since:
        st.clock_zero += drift.rate * (now - drift.since)
        drift.since = now


def reaches(st: State, now: float, epoch_s: float) -> float:
    """When the station's clock will show ``epoch_s``."""
    if st.drift is None:
        return epoch_s - st.clock_zero
    tick(st, now)
    return now + (epoch_s - st.clock_zero - now) / (1.0 + st.drift.rate)


class CoarseMeter:
    """A meter whose registers move in steps of 10, 100 or 1000 Wh, as a counter's last wheel does.

    What has not filled a step yet is shown later, never lost. Everything else is as before.
    """

    __slots__ = ("_meter", "_step_wh")

    def __init__(self, meter: Meter, step_wh: float) -> None:
        self._meter = meter
        self._step_wh = step_wh

    def register_wh(self, now: float, evse: int) -> float:
        """The last full step."""
        return floor(self._meter.register_wh(now, evse) / self._step_wh) * self._step_wh

    def power_w(self, now: float, evse: int) -> float:
        """As measured."""
        return self._meter.power_w(now, evse)

    def current_a(self, now: float, evse: int) -> float:
        """As measured."""
        return self._meter.current_a(now, evse)

    def lines_a(self, now: float, evse: int) -> Sequence[float]:
        """As measured."""
        return self._meter.lines_a(now, evse)

    def voltage_v(self, now: float, evse: int) -> float:
        """As measured."""
        return self._meter.voltage_v(now, evse)

    def phases(self, now: float, evse: int) -> int | None:
        """As measured."""
        return self._meter.phases(now, evse)

    def soc_percent(self, now: float, evse: int) -> float | None:
        """As measured."""
        return self._meter.soc_percent(now, evse)

    def energise(self, now: float, evse: int) -> None:
        """As without."""
        self._meter.energise(now, evse)

    def drawing(self, now: float, evse: int) -> EvState:
        """As without."""
        return self._meter.drawing(now, evse)

    def release(self, now: float, evse: int) -> None:
        """As without."""
        self._meter.release(now, evse)

    def limit(self, now: float, evse: int, watts: float, lines: int, phase: int = 0) -> None:
        """As without."""
        self._meter.limit(now, evse, watts, lines, phase)
