"""One car at one EVSE in run time: state of charge, power and energy under the caps of its plan.

The physics is ``simulator.charging``'s, called with powers and capacity on the battery side.
Nothing is stepped: ``advance`` walks over the caps that have passed since it was last asked and
moves the state of charge along the closed form. Called by the virtual station, which decides when
the contactor is closed and when the car is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from simulator.charging import advance_soc, power_at, time_to_soc


class Charge:
    """Mutable state of a car that is plugged in.

    ``cap_s`` and ``cap_kw`` (grid side, at least one) are tidy caps as in ``agenda``;
    ``capacity_kwh`` is battery side and already divided by the speed of the run.
    """

    __slots__ = (
        "_at_s",
        "_cap",
        "_cap_kw",
        "_cap_s",
        "_capacity_kwh",
        "_k0",
        "_k1",
        "_knots_kw",
        "_knots_soc",
        "_limit_kw",
        "_power_at_s",
        "_power_kw",
        "_profile_kw",
        "closed",
        "done",
        "efficiency",
        "energy_wh",
        "lines",
        "phase",
        "phases",
        "soc",
    )

    def __init__(
        self,
        soc: float,
        capacity_kwh: float,
        efficiency: float,
        limit_kw: float,
        phases: int,
        cap_s: Sequence[float],
        cap_kw: Sequence[float],
        knots: tuple[Sequence[float], Sequence[float], int, int],
    ) -> None:
        """A car at ``soc`` (0..1); ``limit_kw`` is the largest grid-side power of car and EVSE.

        ``knots`` are ``(soc, battery-side kW, k0, k1)`` as ``charging.curve`` takes them.
        """
        self.soc = soc
        self.energy_wh = 0.0
        self.closed = False
        self.done = False
        self.phases = phases
        self.lines = phases
        """Of those, how many the station leaves on."""
        self.phase = 0
        """... and which one it is, where it is one that the CSMS chose."""
        self._at_s = -inf
        self._capacity_kwh = capacity_kwh
        self.efficiency = efficiency
        self._limit_kw = limit_kw
        self._profile_kw = inf
        self._power_at_s = inf
        """The moment that ``_power_kw`` belongs to: a meter asks for power and current at once."""
        self._power_kw = 0.0
        self._cap_s = cap_s
        self._cap_kw = cap_kw
        self._cap = 0
        self._knots_soc, self._knots_kw, self._k0, self._k1 = knots

    def close(self, now: float) -> None:
        """The contactor closes: energy flows from now on, if car and cap allow."""
        self.advance(now)
        self.closed = True

    def open(self, now: float) -> None:
        """The contactor opens."""
        self.advance(now)
        self.closed = False

    def finish(self, now: float) -> None:
        """The car has what it wants and takes no more."""
        self.advance(now)
        self.done = True

    def limit(self, now: float, kw: float) -> bool:
        """The station offers at most this from now on (``inf``: nothing limits it).

        Says whether that can make a difference to the car.
        """
        self.advance(now)
        old, self._profile_kw = self._profile_kw, kw
        self._power_at_s = inf
        return min(old, self._limit_kw) != min(kw, self._limit_kw)

    @property
    def limited(self) -> bool:
        """Is the limit set with ``limit`` below what the caps would give, now or later?"""
        return self._profile_kw < min(float(max(self._cap_kw[self._cap :])), self._limit_kw)

    def advance(self, now: float) -> None:
        """Bring the state of charge up to ``now``; a moment that has passed changes nothing."""
        if now <= self._at_s:
            return
        at = self._at_s
        flows = self.closed and not self.done
        while True:
            following = self._cap + 1
            until = self._cap_s[following] if following < len(self._cap_s) else inf
            end = min(until, now)
            if flows and end > at:
                self._flow(end - at)
            at = max(at, end)
            if until > now:
                break
            self._cap = following
        self._at_s = now

    def _flow(self, dt_s: float) -> None:
        cap_kw = self._offer_kw(self._cap) * self.efficiency
        if cap_kw <= 0.0:
            return
        soc = advance_soc(
            self.soc,
            dt_s,
            cap_kw,
            self._capacity_kwh,
            self._knots_soc,
            self._knots_kw,
            self._k0,
            self._k1,
        )
        self.energy_wh += (soc - self.soc) * self._capacity_kwh * 1000.0 / self.efficiency
        self.soc = soc

    def _offer_kw(self, cap: int) -> float:
        kw, limit, profile = self._cap_kw[cap], self._limit_kw, self._profile_kw
        if limit < kw:
            kw = limit
        return profile if profile < kw else kw

    def power_kw(self, now: float) -> float:
        """Grid-side power at ``now``."""
        self.advance(now)
        if not self.closed or self.done:
            return 0.0
        if self._power_at_s == self._at_s:
            return self._power_kw
        battery_kw = power_at(
            self.soc,
            self._offer_kw(self._cap) * self.efficiency,
            self._knots_soc,
            self._knots_kw,
            self._k0,
            self._k1,
        )
        self._power_at_s = self._at_s
        self._power_kw = battery_kw / self.efficiency
        return self._power_kw

    def full_at(self, now: float, target: float) -> float:
        """When the battery reaches ``target`` if the contactor stays closed from ``now`` on.

        The limit of the moment counts as if it stayed. ``inf`` if the caps never allow it.
        """
        self.advance(now)
        soc, at, k = self.soc, now, self._cap
        while True:
            until = float(self._cap_s[k + 1]) if k + 1 < len(self._cap_s) else inf
            cap_kw = self._offer_kw(k) * self.efficiency
            needs = time_to_soc(
                soc,
                target,
                cap_kw,
                self._capacity_kwh,
                self._knots_soc,
                self._knots_kw,
                self._k0,
                self._k1,
            )
            if at + needs <= until or k + 1 >= len(self._cap_s):
                return at + needs
            soc = advance_soc(
                soc,
                until - at,
                cap_kw,
                self._capacity_kwh,
                self._knots_soc,
                self._knots_kw,
                self._k0,
                self._k1,
            )
            at, k = until, k + 1
