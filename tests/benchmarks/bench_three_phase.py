"""A month of a garage with 54 EVSEs between the phases of a transformer, under every policy.

The garage is that of the Caltech ACN as its operators describe it (Lee et al., "ACN-Sim: An
Open-Source Simulator for Data-Driven Electric Vehicle Charging Research"): 26, 14 and 14 EVSEs of
32 A between L1 and L2, L2 and L3, L3 and L1 of a 120/208 V side, two pods of eight behind 80 A
each, and a delta-wye transformer of 150 kW whose lines are limited on both sides (277 V on the
other). Every conductor is a limit on a sum of phasors. A second row has a transformer of 60 kW, so
that the limits bind for most of the working day.

Demand is drawn from the shipped workplace profile, or is a trace (954 sessions of March 2019 are
published with the paper's experiments). Beside the policies that serve cars in an order runs the
same garage in numpy, in steps of five minutes (bench_three_phase_stepping.py). Times are CPU
seconds of one core, without compiling, medians of three runs.

    python tests/benchmarks/bench_three_phase.py [sessions.csv]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import NamedTuple

import numpy as np

from simulator.demand import draw_visits
from simulator.engine.kernel.compiled import kernel
from simulator.engine.kernel.pairing import LINE_TO_LINE
from simulator.engine.policies import NAMES
from simulator.engine.site import SiteRun
from simulator.scenario import Scenario, load_scenario

sys.path.insert(0, str(Path(__file__).parent))
import bench_three_phase_stepping as stepping

COMMAND = "python tests/benchmarks/bench_three_phase.py"
CAPACITIES_KW = (150.0, 60.0)
RUNS = 3
NEAR = 0.05
"""The stepping model may deliver so much more or less."""

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


class Row(NamedTuple):
    """One measurement; ``theirs_s`` is not a number where the other model lacks the policy."""

    name: str
    ours_s: float
    theirs_s: float
    notes: str


def conductors(run: SiteRun) -> stepping.Conductors:
    """The kernel's limits on currents, with a column for each EVSE (all are line to line)."""
    k = run.state
    kind = 7 + k.evses["wiring"] - LINE_TO_LINE
    below = np.zeros((len(k.nodes), len(k.evses)), bool)
    for x in range(len(k.nodes)):
        first, stop = k.nodes[x]["first"], k.nodes[x]["stop"]
        below[x] = np.isin(k.evses["station"], k.stations["placed"][first:stop])
    matrix = (k.phasor_re + 1j * k.phasor_im)[:, kind] * below[k.phasors["node"]]
    return stepping.Conductors(matrix, k.phasors["limit_kw"].copy())


def cars(run: SiteRun) -> stepping.Cars:
    """Those who plugged in, as the run had them."""
    k, visits = run.state, run.visits
    came = np.flatnonzero(k.sessions["evse"] >= 0)
    session, visit = k.sessions[came], k.visits[came]
    curves = [slice(row["knot"], row["knot_stop"]) for row in visit]
    stop_s = np.where(np.isnan(session["unplug_s"]), np.inf, session["unplug_s"])
    return stepping.Cars(
        evse=session["evse"].astype(np.int64),
        start_s=session["plug_in_s"],
        stop_s=stop_s,
        departure_s=visits.departure_s[came],
        soc=visit["soc"],
        target=visit["target_soc"],
        capacity_kwh=visit["battery_kwh"] / visit["efficiency_ac"],
        efficiency=visit["efficiency_ac"],
        limit_kw=session["limit_kw"],
        min_kw=session["min_kw"],
        weight=visit["weight"],
        curve_soc=[k.knots_soc[of] for of in curves],
        curve_kw=[k.knots_kw[of] for of in curves],
    )


def beside(run: SiteRun, policy: str, energy_kwh: float) -> float:
    """CPU seconds of the stepping model, which must deliver about the same energy."""
    if policy not in stepping.KEYS:
        return float("nan")
    who, limits = cars(run), conductors(run)
    spent = []
    for _ in range(RUNS):
        started = process_time()
        kwh = stepping.run(who, limits, policy, run.duration_s)
        spent.append(process_time() - started)
        assert abs(kwh / energy_kwh - 1.0) < NEAR, (policy, kwh, energy_kwh)
    return median(spent)


def rows(trace: Path | None = None) -> Iterator[Row]:
    """One row for every policy and transformer."""
    kernel()
    for capacity_kw in CAPACITIES_KW:
        for policy in NAMES:
            scenario = load(capacity_kw, trace, policy)
            (site,) = scenario.network().sites
            visits = draw_visits(scenario, site)
            spent = []
            for _ in range(RUNS):
                run = SiteRun(visits, site, scenario.duration_s)
                started = process_time()
                run.advance(scenario.duration_s)
                spent.append(process_time() - started)
            result = run.result()
            energy_kwh = float(result.plan.energy_kwh.sum())
            bound_h = max(run.state.nodes["bound_s"]) / 3600.0
            unserved = result.plan.unserved_kwh.sum() / energy_kwh
            notes = f"{len(visits)} visits, {bound_h:,.0f} h bound, {unserved:.1%} unserved"
            name = f"54-EVSE garage, 31 days, {capacity_kw:g} kW, {policy}"
            yield Row(name, median(spent), beside(run, policy, energy_kwh), notes)


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for row in rows(given):
        print(
            f"{row.name}: {row.ours_s:.4f} s against {row.theirs_s:.2f}"
            f" ({row.theirs_s / row.ours_s:,.0f} times better; {row.notes})"
        )
