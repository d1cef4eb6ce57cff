"""A month of a garage with 54 EVSEs between the phases of a transformer, under every policy.

The garage is that of the Caltech ACN as its operators describe it (Lee et al., "ACN-Sim: An
Open-Source Simulator for Data-Driven Electric Vehicle Charging Research"): 26, 14 and 14 EVSEs of
32 A between L1 and L2, L2 and L3, L3 and L1 of a 120/208 V side, two pods of eight behind 80 A
each, and a delta-wye transformer of 150 kW whose lines are limited on both sides (277 V on the
other). Every conductor is a limit on a sum of phasors. A second row has a transformer of 60 kW, so
that the limits bind for most of the working day.

Demand is drawn from the shipped workplace profile, or is a trace (954 sessions of March 2019 are
published with the paper's experiments). Nothing is run beside it. Times are CPU seconds of one
core, without compiling.

    python tests/benchmarks/bench_three_phase.py [sessions.csv]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import process_time

from simulator.demand import draw_visits
from simulator.engine.kernel.compiled import kernel
from simulator.engine.policies import NAMES
from simulator.engine.site import SiteRun
from simulator.scenario import Scenario, load_scenario

COMMAND = "python tests/benchmarks/bench_three_phase.py"
CAPACITIES_KW = (150.0, 60.0)

CC_POD = [322, 493, 496, 320, 495, 321, 323, 494]
AV_POD = [324, 325, 326, 327, 489, 490, 491, 492]
AB = [308, 508, 303, 513, 310, 506, 316, 500, 318, 498]
BC = [304, 512, 305, 511, 313, 503, 311, 505, 317, 499, 148, 149, 212, 213]
CA = [307, 509, 309, 507, 306, 510, 315, 501, 319, 497, 312, 504, 314, 502]

STATION = """\
source = "32 A at 208 V, the rating of the garage's EVSEs"
vendor = "Chargeswarm"
model = "Virtual AC 208 V"
current = "ac"
evses = 1
evse_kw = 6.656
phases = 1
measurands = ["Energy.Active.Import.Register"]
meter_interval = "1m"
"""


def _group(numbers: list[int], wiring: str, under: str, traced: bool) -> str:
    text = f'model = "ac-208-single", count = {len(numbers)}'
    text += f', wiring = "{wiring}", under = "{under}"'
    if traced:
        text += ", names = [" + ", ".join(f'"CA-{number}"' for number in numbers) + "]"
    return f"  {{ {text} }},"


def garage(capacity_kw: float, trace: Path | None) -> str:
    """The scenario as its file has it."""
    groups = [
        (AB, "L1L2", "transformer"),
        (CC_POD, "L1L2", "cc-pod"),
        (AV_POD, "L1L2", "av-pod"),
        (BC, "L2L3", "transformer"),
        (CA, "L3L1", "transformer"),
    ]
    stations = "\n".join(_group(*group, trace is not None) for group in groups)
    demand = 'arrivals = "workplace"\nvisits_per_evse_day = 0.57\nvehicles = "europe-2021"'
    return f"""\
[scenario]
name = "garage"
start = 2019-03-01T00:00:00
timezone = "America/Los_Angeles"
duration = "31d"

[[sites]]
name = "garage"
voltage = 120
queue = false
stations = [
{stations}
]
{demand if trace is None else ""}

[[sites.limits]]
name = "transformer"
current = "{capacity_kw * 1000.0 / 3.0 / 120.0:.3f} A"
transformer = {{ current = "{capacity_kw * 1000.0 / 3.0 / 277.0:.3f} A", voltage = 277 }}

[[sites.limits]]
name = "cc-pod"
under = "transformer"
current = "80 A"

[[sites.limits]]
name = "av-pod"
under = "transformer"
current = "80 A"
{
        ""
        if trace is None
        else f'''
[trace]
file = "{trace.resolve()}"
'''
    }"""


def load(capacity_kw: float, trace: Path | None, policy: str) -> Scenario:
    """The scenario under a policy."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "ac-208-single.toml").write_text(STATION)
        file = Path(folder, "garage.toml")
        file.write_text(garage(capacity_kw, trace))
        return load_scenario(file, policies=NAMES, sets=[f"sites.0.policy={policy}"])


def rows(trace: Path | None = None) -> Iterator[tuple[str, float, str]]:
    """(what, CPU seconds, notes) of every policy and transformer."""
    kernel()
    for capacity_kw in CAPACITIES_KW:
        for policy in NAMES:
            scenario = load(capacity_kw, trace, policy)
            (site,) = scenario.network().sites
            visits = draw_visits(scenario, site)
            run = SiteRun(visits, site, scenario.duration_s)
            started = process_time()
            run.advance(scenario.duration_s)
            spent = process_time() - started
            result = run.result()
            bound_h = max(run.state.nodes["bound_s"]) / 3600.0
            unserved = result.plan.unserved_kwh.sum() / result.plan.energy_kwh.sum()
            notes = f"{len(visits)} visits, {bound_h:,.0f} h bound, {unserved:.1%} unserved"
            yield f"54-EVSE garage, 31 days, {capacity_kw:g} kW, {policy}", spent, notes


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for name, spent_s, notes in rows(given):
        print(f"{name}: {spent_s:.3f} s ({notes})")
