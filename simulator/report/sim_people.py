"""The drivers' side of a simulation: waiting, sessions, energy not served."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.report import sim_figures, sim_trouble, words
from simulator.report.canvas import ORANGE, RED
from simulator.report.page import Absent, Block, Cell, Facts, Section, Table, Text
from simulator.report.plots import network, people
from simulator.report.plots.people import Counted, scaled
from simulator.report.reading import Reading
from simulator.report.sim_reading import Load, Sessions


def waiting(reading: Reading, curve: Load | None, visits: Sessions | None) -> Section:
    """Queues over time and the distribution of waiting times."""
    blocks: list[Block] = []
    intro = sim_figures.one_run(reading)
    if reading.get("wait", "waited") == 0 and (curve is None or not curve.queue.any()):
        n = words.plural(reading.get("wait", "visits"), "visit")
        text = f"Nobody waited: each of {n} found a free EVSE at once."
        return Section("waiting", "Waiting", [Text(text)], intro)
    if curve is None:
        blocks.append(Absent("Vehicles waiting for an EVSE", "the run recorded no load"))
    else:
        blocks.append(
            people.queue(curve.seconds, curve.queue.sum(axis=0), reading.clock(), curve.interval_s)
        )
    title = "Waiting times of those who waited"
    if visits is None:
        blocks.append(Absent(title, "the run has no table of sessions"))
    else:
        waited = scaled(visits.waits_s, 1 / 60)
        plugged = int(visits.plugged.sum())
        blocks.append(
            people.histogram(
                "waiting",
                title,
                f"{words.plural(len(waited), 'visit')} that waited and then got an EVSE, of "
                f"{words.plural(plugged, 'visit')} that got one."
                if not isinstance(waited, Counted)
                else f"{words.plural(len(waited), 'visit')} that waited for an EVSE, until they "
                f"got one or gave up; {words.plural(plugged, 'visit')} got one.",
                waited,
                "minutes until plug-in",
                noun="visits",
                colour=ORANGE,
                unit="min",
            )
        )
    found = reading.get("wait")
    if isinstance(found, Mapping):
        rows: list[tuple[str, str | Cell]] = [
            ("visits that got an EVSE or gave up", words.count(found.get("visits"))),
            ("of them waited", words.count(found.get("waited"))),
        ]
        for label, name in (
            ("mean wait", "mean_s"),
            ("median wait", "p50_s"),
            ("p95 wait", "p95_s"),
            ("longest wait", "max_s"),
        ):
            text = words.duration(found.get(name))
            rows.append((label, sim_figures.cell(reading, f"wait_{name}", text)))
        blocks.append(Facts(rows))
    return Section("waiting", "Waiting", blocks, intro)


_RARE = ("future", "balked", "failed", "no_show")
"""Outcomes that are left out where there are none."""
_OUTCOMES = {
    "served": "Plugged in and left.",
    "running": "Still plugged in at the end.",
    "waiting": "Still in the queue at the end.",
    "blocked": "Found no free EVSE and no place in the queue.",
    "reneged": "Left the queue without an EVSE.",
    "balked": "Saw the queue and drove on.",
    "failed": "The station broke down while it was plugged in.",
    "no_show": "Had a reservation and never came.",
    "unsuitable": "No EVSE of the site fits the vehicle.",
    "future": "Drawn, but arriving after the end; not counted elsewhere.",
}


def sessions(reading: Reading, visits: Sessions | None) -> Section:
    """What became of the visits, and how long and how much they charged."""
    blocks: list[Block] = []
    if visits is None:
        blocks.append(Absent("Energy and stay per session", "the run has no table of sessions"))
    else:
        blocks.append(
            people.histogram(
                "session-energy",
                "Energy per session",
                "Grid side, of sessions that ended. The last bar holds what lies beyond.",
                visits.served_kwh,
                "kWh",
                unit="kWh",
            )
        )
        blocks.append(
            people.histogram(
                "session-stay",
                "Time plugged in per session",
                "Of sessions that ended, charging or not. The last bar holds what lies beyond.",
                scaled(visits.stays_s, 1 / 3600),
                "hours",
                unit="h",
            )
        )
    counts = reading.get("sessions")
    if isinstance(counts, Mapping):
        total = sum(words.as_number(n) or 0.0 for k, n in counts.items() if k != "future")
        rows = [
            [
                str(name).replace("_", " "),
                words.count(n),
                words.share((words.as_number(n) or 0.0) / total)
                if total and name != "future"
                else words.DASH,
                _OUTCOMES.get(str(name), ""),
            ]
            for name, n in counts.items()
            if words.as_number(n) or name not in _RARE
        ]
        heads = ("<outcome", "visits", "share", "<meaning")
        blocks.append(Table("What became of the visits", heads, rows))
    blocks += [*sim_trouble.elsewhere(reading), *_ledger(reading)]
    return Section("sessions", "Sessions", blocks)


def _ledger(reading: Reading) -> list[Block]:
    """The energy ledger of the sessions."""
    names = ("grid_kwh", "battery_kwh", "losses_kwh")
    grid, battery, losses = (words.as_number(reading.get("ledger", name)) for name in names)
    if grid is None or battery is None or losses is None:
        return []
    rows: list[tuple[str, str | Cell]] = [
        (label, sim_figures.cell(reading, name, words.energy(value)))
        for label, name, value in (
            ("drawn from the grid", "grid_kwh", grid),
            ("reached the batteries", "battery_kwh", battery),
            ("lost in between", "losses_kwh", losses),
        )
    ]
    return [Facts(rows, "Where the energy of the sessions went")]


def unserved(reading: Reading, visits: Sessions | None) -> Section:
    """Energy wanted and not delivered: how much, and where."""
    total = words.as_number(reading.get("unserved_kwh"))
    energy = words.as_number(reading.get("energy_kwh"))
    blocks: list[Block] = []
    title = "Energy not served by site"
    if total == 0:
        told = "Every visit that is over got the energy that it wanted."
        span = sim_figures.between(reading, "unserved_kwh")
        if span:
            average = sim_figures.shown(
                "unserved_kwh", sim_figures.mean(reading, "unserved_kwh", 0)
            )
            told += f" That is this run; the mean of the replications is {average} ({span})."
        intro = sim_figures.one_run(reading)
        return Section("unserved", "Energy not served", [Text(told)], intro)
    if visits is None:
        blocks.append(Absent(title, "the run has no table of sessions"))
    else:
        lacking = visits.unserved_kwh
        blocks.append(
            network.bars(
                "unserved",
                title,
                "Wanted and not delivered, in kWh"
                + (" (the 12 sites with most)." if len(lacking) > 12 else "."),
                list(zip(visits.sites, lacking.tolist(), strict=True)),
                "kWh",
                colour=RED,
            )
        )
        shown = ("served", "reneged", "blocked", "unsuitable")
        more = [n for n, kwh in visits.unserved_by.items() if n not in shown and kwh > 0]
        by_outcome = [
            (name.replace("_", " "), visits.unserved_by.get(name, 0.0)) for name in (*shown, *more)
        ]
        blocks.append(
            network.bars(
                "unserved-why",
                "Energy not served by outcome of the visit",
                "Served: the driver left before the target was reached.",
                by_outcome,
                "kWh",
                colour=RED,
            )
        )
    if total is not None:
        wanted = total + (energy or 0.0)
        rows: list[tuple[str, str | Cell]] = [
            ("not served", sim_figures.cell(reading, "unserved_kwh", words.energy(total))),
            ("share of the energy wanted", words.share(total / wanted) if wanted else words.DASH),
        ]
        blocks.append(Facts(rows))
    return Section("unserved", "Energy not served", blocks, sim_figures.one_run(reading))
