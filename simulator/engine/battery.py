"""A stationary battery behind the site's meter: acts at ticks, its power constant in between.

It looks at the site's net load and brings it as near to its target as its power and its charge
allow. Round-trip losses are split evenly between charging and discharging; it neither loses charge
by itself nor ages. What happens between two ticks it sees at the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator.engine.plan import BatteryLedger
from simulator.scenario.series import Steps

if TYPE_CHECKING:
    from simulator.engine.terms import SiteTerms
    from simulator.engine.world import World
    from simulator.scenario.grid_model import Battery

TICK_S = 300.0
"""At most; a whole part of the recording interval."""


class BatteryRun:
    """A battery in the course of a run: its charge, and the log of its power.

    Powers are on the grid side, above 0 where it charges. ``stored_kwh`` is within 0..capacity.
    """

    def __init__(self, model: Battery) -> None:
        self.model = model
        self.one_way = math.sqrt(model.efficiency)
        self.stored_kwh = model.soc * model.capacity
        self.charged_kwh = 0.0
        self.discharged_kwh = 0.0
        self.power_kw = 0.0
        self.since_s = 0.0
        self._times = [0.0]
        self._powers = [0.0]

    def settle(self, now_s: float) -> None:
        """Book the energy since the last decision."""
        hours = (now_s - self.since_s) / 3600.0
        kwh = self.power_kw * hours
        if kwh > 0.0:
            self.charged_kwh += kwh
            self.stored_kwh += kwh * self.one_way
        else:
            self.discharged_kwh -= kwh
            self.stored_kwh += kwh / self.one_way
        # Only rounding can pass the ends: `decide` never asks for more than there is.
        self.stored_kwh = min(max(self.stored_kwh, 0.0), self.model.capacity)
        self.since_s = now_s

    def decide(self, net_kw: float, until_s: float) -> float:
        """The power until ``until_s``, for a net load of ``net_kw`` without the battery."""
        hours = (until_s - self.since_s) / 3600.0
        target_kw = self.model.target
        wanted = (0.0 if target_kw is None else target_kw) - net_kw
        room_kwh = self.model.capacity - self.stored_kwh
        most = min(self.model.power, room_kwh / (self.one_way * hours))
        least = -min(self.model.power, self.stored_kwh * self.one_way / hours)
        self.power_kw = min(max(wanted, least), most)
        if self._times[-1] == self.since_s:
            self._powers[-1] = self.power_kw
        else:
            self._times.append(self.since_s)
            self._powers.append(self.power_kw)
        return self.power_kw

    @property
    def soc(self) -> float:
        """State of charge, 0..1, as of the last `settle`."""
        return self.stored_kwh / self.model.capacity

    def ledger(self, from_s: float = 0.0) -> BatteryLedger:
        """Its books from ``from_s`` to the last `settle`; losses follow from in and out."""
        charged, discharged = self.charged_kwh, self.discharged_kwh
        begun = self.model.soc * self.model.capacity
        if from_s > 0.0:
            edges = np.maximum(np.append(self._times, self.since_s), from_s)
            kwh = np.array(self._powers) * np.diff(edges) / 3600.0
            charged, discharged = float(kwh[kwh > 0.0].sum()), float(-kwh[kwh < 0.0].sum())
            begun = max(0.0, self.stored_kwh - charged * self.one_way + discharged / self.one_way)
        lost = charged * (1.0 - self.one_way) + discharged * (1.0 / self.one_way - 1.0)
        return BatteryLedger(
            charged_kwh=charged,
            discharged_kwh=discharged,
            lost_kwh=lost,
            gained_kwh=self.stored_kwh - begun,
            soc_start=begun / self.model.capacity,
            soc_end=self.soc,
        )

    def steps(self) -> Steps:
        """Its power over plan time."""
        return Steps(np.array(self._times), np.array(self._powers))


def battery_process(
    name: str, terms: SiteTerms, battery: BatteryRun, standby_kw: float
) -> Callable[[World], Generator[Any, Any, None]]:
    """A process that runs a site's battery, and the other load with it.

    It acts at its ticks and wherever building or photovoltaics change.
    """

    def run(world: World) -> Generator[Any, Any, None]:
        site = world.sites[name]
        tick_s = terms.interval_s / math.ceil(terms.interval_s / TICK_S)
        ticks = np.arange(0.0, terms.duration_s + tick_s, tick_s)
        times = np.union1d(ticks, terms.step_times())
        in_force_kw = math.nan
        for now_s, until_s in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
            if now_s > world.env.now:
                yield world.env.timeout(now_s - world.env.now)
            battery.settle(now_s)
            other_kw = terms.other_kw(now_s)
            power_kw = battery.decide(site.load_kw + other_kw + standby_kw, until_s)
            if other_kw + power_kw != in_force_kw:
                in_force_kw = other_kw + power_kw
                site.set_base(in_force_kw)

    return run
