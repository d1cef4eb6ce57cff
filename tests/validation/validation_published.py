"""Shipped profiles run through the engine, and the figures that others measured.

The profiles never saw these figures. Read by the tests and by the table's printer.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from simulator.engine import simulate_network
from simulator.engine.plan import EngineResult
from simulator.scenario import load_scenario

STATION = """\
source = "made for a test"
vendor = "Maker"
model = "Post"
measurands = ["Energy.Active.Import.Register"]
meter_interval = "5m"
"""
WALLBOX = STATION + 'current = "ac"\nevses = 1\nevse_kw = 7.2\nphases = 1\n'
LEVEL_3 = STATION + 'current = "dc"\nevses = 2\nevse_kw = 172\nstation_kw = 172\nmin_kw = 2\n'
CONSTANT = """\
source = "a car that takes 7.2 kW whatever its state, as the study assumes"
[[vehicles]]
name = "constant"
battery_kwh = 1000
ac_kw = 7.2
ac_phases = 1
efficiency_ac = 1
"""

NORWAY = {5: 0.67, 10: 0.49, 40: 0.275}
"""Coincidence factors at 7.2 kW: largest hourly load of N users in September to January over N
times 7.2 kW, all charging with constant power from plug-in (Sorensen et al. 2021, Risvollan)."""
CAR_PARKS = {5: 40, 10: 30, 40: 8}
"""How many car parks of N chargers the mean is taken over, times three seeds."""

LAUSANNE = {"energy, kWh": 31.94, "duration, h": 0.53, "mean power, kW": 65.0}
"""DESL-EPFL Level-3 data set: one 172 kW station with two CCS plugs, 1 876 sessions in 448 days;
means over sessions."""
LAUSANNE_SESSIONS = 1876


def run(head: str, site: str) -> EngineResult:
    """The engine on a scenario of one site with the stations and the car above."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in (
            ("stations/t-wallbox", WALLBOX),
            ("stations/t-level-3", LEVEL_3),
            ("vehicles/t-constant", CONSTANT),
        ):
            path = folder / "profiles" / f"{file}.toml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        path = folder / "s.toml"
        path.write_text(f'[scenario]\nname = "world"\n{head}\n[[sites]]\nname = "s"\n{site}\n')
        scenario = load_scenario(path, sets=["record.interval=1h", "record.billing_interval=1h"])
        return simulate_network(scenario, scenario.network())


@cache
def coincidence(profile: str, visits_a_day: float, chargers: int) -> float:
    """Mean over car parks and three seeds of the largest hourly load / installed."""
    factors = []
    for seed in (1, 2, 3):
        result = run(
            f'seed = {seed}\nstart = 2019-09-01T00:00:00\ntimezone = "Europe/Oslo"\n'
            'duration = "153d"',
            f"count = {CAR_PARKS[chargers]}\n"
            f'stations = [{{ model = "t-wallbox", count = {chargers} }}]\n'
            f'arrivals = "{profile}"\nvisits_per_evse_day = {visits_a_day}\n'
            'vehicles = "t-constant"',
        )
        factors += [site.load_kwh.max() / (chargers * 7.2) for site in result.sites]
    return float(np.mean(factors))


@cache
def fast_charging() -> tuple[dict[str, float], float]:
    """The figures of ``LAUSANNE`` as simulated, and the number of sessions."""
    result = run(
        'start = 2022-04-01T00:00:00\ntimezone = "Europe/Zurich"\nduration = "448d"',
        'count = 3\nstations = [{ model = "t-level-3" }]\narrivals = "dc-hpc"\n'
        'visits_per_evse_day = 2.1\nvehicles = "europe-2021"',
    )
    energy = np.concatenate([site.plan.energy_kwh for site in result.sites])
    stay = np.concatenate([site.plan.unplug_s - site.plan.plug_in_s for site in result.sites])
    metered = np.isfinite(stay) & (energy > 0.5)
    energy_kwh, hours = energy[metered], stay[metered] / 3600.0
    means = (energy_kwh.mean(), hours.mean(), (energy_kwh / hours).mean())
    return dict(zip(LAUSANNE, map(float, means), strict=True)), len(energy_kwh) / 3
