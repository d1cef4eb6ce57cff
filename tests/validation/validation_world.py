"""A scenario file per queueing model, and what a replication of it measures.

Everything runs through the program as a user runs it: a TOML file with profiles beside it, the
demand's own draws (Poisson arrivals, exponential patience, lognormal stays), the kernel. Service
times are exponential where drivers leave when done: the charge itself takes 2 ms (half a kWh at a
gigawatt), the linger after it is the service. A replication is another seed.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator import load_scenario
from simulator.demand import draw_visits
from simulator.engine import Outcome, SiteResult, simulate_site
from simulator.scenario import Scenario

F64 = NDArray[np.float64]
HOUR_S = 3600.0
DAY_H = 24.0

STATION = """\
source = "validation"
vendor = "Validation"
model = "Gigawatt"
current = "ac"
evses = 1
evse_kw = 1e6
measurands = ["Energy.Active.Import.Register"]
meter_interval = "1m"
"""

VEHICLES = """\
source = "validation"
[[vehicles]]
name = "half-kwh"
share = 1.0
battery_kwh = 0.5
ac_kw = 1e6
ac_phases = 3
efficiency_ac = 1.0
"""

SCENARIO = """\
[scenario]
name = "validation"
start = {start}
timezone = "{zone}"
duration = "{days}d"

[[sites]]
name = "site"
stations = [{{ model = "gigawatt", count = {servers} }}]
arrivals = "drivers"
visits_per_evse_day = {rate!r}
vehicles = "half-kwh"
policy = "uncontrolled"
queue = {queue}

[record]
interval = "1h"
billing_interval = "1h"
"""

LEAVE_WHEN_DONE = 'leave_when_done = true\nlinger = "{service_s!r} s"\n'
FLAT_WEEK = (1.0,) * 168


@dataclass(frozen=True, slots=True)
class Model:
    """A queueing model as the scenario that it is; rates per hour, stays in hours."""

    servers: int
    arrivals: float
    service: float | None = None
    """Rate of exponential services, or None where ``stay`` is given."""
    stay: str | None = None
    """The ``[stay]`` table of the arrival profile."""
    queue: bool | int = True
    patience: float | None = None
    """Rate of exponential patience."""
    week: tuple[float, ...] = FLAT_WEEK
    start: str = "2026-06-01T00:00:00"
    zone: str = "UTC"


@cache
def scenario(model: Model) -> Scenario:
    """Write the model's files, and load them as the command line would."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("arrivals", "vehicles", "stations"):
            (folder / "profiles" / kind).mkdir(parents=True)
        service = (
            LEAVE_WHEN_DONE.format(service_s=HOUR_S / model.service)
            if model.service is not None
            else f"[stay]\n{model.stay}\n"
        )
        patience = (
            f'patience = "{HOUR_S / model.patience!r} s"\n' if model.patience is not None else ""
        )
        (folder / "profiles" / "arrivals" / "drivers.toml").write_text(
            f'source = "validation"\nhour_of_week = {list(model.week)}\n'
            f"energy_ln_kwh = [-20.0, 0.0]\n{patience}{service}"
        )
        (folder / "profiles" / "vehicles" / "half-kwh.toml").write_text(VEHICLES)
        (folder / "profiles" / "stations" / "gigawatt.toml").write_text(STATION)
        queue = str(model.queue).lower()
        (folder / "s.toml").write_text(
            SCENARIO.format(
                start=model.start,
                zone=model.zone,
                days=3650,
                servers=model.servers,
                rate=model.arrivals * DAY_H / model.servers,
                queue=queue,
            )
        )
        return load_scenario(folder / "s.toml")


@dataclass(frozen=True, slots=True)
class Replication:
    """One run, and the window of it that counts."""

    model: Model
    result: SiteResult
    warm_h: int
    until_h: int

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Visits that arrive within the window."""
        return self.result.visits.arrival_s >= self.warm_h * HOUR_S

    def share(self, *outcomes: Outcome) -> float:
        """Part of the visits that ended so."""
        return float(np.isin(self.result.plan.outcome[self.counted], outcomes).mean())

    @property
    def waits(self) -> float:
        """Part of the visits that found no free EVSE, and room to wait."""
        plan, arrival = self.result.plan, self.result.visits.arrival_s
        waited = (plan.outcome == Outcome.RENEGED) | (plan.plug_in_s > arrival)
        return float(waited[self.counted].mean())

    @property
    def wait_h(self) -> float:
        """Mean wait of those who plugged in."""
        wait = (self.result.plan.plug_in_s - self.result.visits.arrival_s)[self.counted]
        return float(np.nanmean(wait)) / HOUR_S

    @property
    def queue(self) -> float:
        """Mean of the recorded queue over the window."""
        return float(self.result.queue_s[self.warm_h : self.until_h].mean()) / HOUR_S

    @property
    def busy(self) -> float:
        """Mean of the recorded occupied EVSEs over the window."""
        return float(self.result.occupied_s[self.warm_h : self.until_h].mean()) / HOUR_S

    @property
    def rate(self) -> float:
        """Visits an hour in the window."""
        return float(self.counted.sum()) / (self.until_h - self.warm_h)


def replicate(model: Model, seed: int, warm_h: int, until_h: int) -> Replication:
    """Run ``until_h`` hours of arrivals and then on until everybody has left."""
    drawn = scenario(model).replace(seed=seed)
    site = drawn.network().sites[0]
    wanted = draw_visits(drawn, site, 0.0, until_h * HOUR_S)
    result = simulate_site(wanted, site, (until_h + 1000) * HOUR_S, interval_s=HOUR_S)
    return Replication(model, result, warm_h, until_h)
