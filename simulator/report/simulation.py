"""The page of a simulation: load, money, utilisation, waiting, sessions, trouble, messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from simulator.report import (
    common,
    method,
    sim_figures,
    sim_limits,
    sim_money,
    sim_network,
    sim_patterns,
    sim_people,
    sim_sites,
    sim_tables,
    sim_trouble,
    words,
)
from simulator.report.page import Cell, Facts, Page, Section, Tile
from simulator.report.reading import Reading
from simulator.report.sim_patterns import with_blocks
from simulator.report.sim_reading import GOT_EVSE, counted_s, load, sessions

_NEVER_CAME = ("future", "no_show")
"""Outcomes of visits that never turned up."""


def page(reading: Reading) -> Page:
    """Build the report of a simulation, plots included."""
    curve, visits = load(reading), sessions(reading)
    alone = "Of the vehicles alone; the net load at the meter follows below."
    sections = [
        replace(
            with_blocks(
                sim_network.load(reading, curve),
                [*sim_patterns.load(reading, curve), *sim_limits.coincidence_blocks(reading)],
            ),
            intro=alone if sim_money.nets(reading) else "",
        ),
        sim_money.section(reading),
        with_blocks(
            sim_network.utilisation(reading, curve), sim_patterns.utilisation(reading, curve)
        ),
        with_blocks(sim_people.waiting(reading, curve, visits), sim_patterns.waiting(reading)),
        sim_people.sessions(reading, visits),
        sim_people.unserved(reading, visits),
        sim_trouble.section(reading),
        sim_limits.section(reading),
        sim_network.messages(reading),
        sim_sites.section(reading, curve, visits),
        sim_figures.section(reading),
        _work(reading),
        common.repeat(reading),
        common.environment(reading),
        sim_tables.section(reading),
        method.section(live=False),
    ]
    unread = Section("unread", "Not readable", common.unread(reading))
    return replace(head(reading), sections=[*sections, unread])


def head(reading: Reading) -> Page:
    """The first screen of the report alone: nothing is drawn and no table is read."""
    verdict = common.verdict(reading)
    judged = verdict not in ("NO_SLO", "PASS")
    return Page(
        title=reading.name,
        subtitle=_subtitle(reading),
        verdict=verdict if judged else "SIMULATION",
        state=common.STATES.get(verdict, "") if judged else "",
        headline=_headline(reading),
        because=_because(reading, verdict, judged),
        reasons=common.reasons(reading) if judged else (),
        tiles=_tiles(reading) if reading.summary else (),
        notices=common.notices(reading),
        first=(),
        summary=common.embedded(reading),
    )


def _subtitle(reading: Reading) -> str:
    start = reading.clock().start
    first = f"from {start:%Y-%m-%d %H:%M} {start.tzinfo}" if start is not None else ""
    return " · ".join(part for part in ("simulation", first, "virtual time") if part)


def _headline(reading: Reading) -> str:
    if not reading.summary:
        return "The simulation did not come to its end"
    length = reading.get("duration_s")
    stations = reading.get("stations")
    served, energy, peak = (
        sim_figures.mean(reading, name, value)
        for name, value in (
            ("sessions", _visits(reading, *GOT_EVSE)),
            ("energy_kwh", reading.get("energy_kwh")),
            ("peak_15min_kw", reading.get("peak_15min_kw")),
        )
    )
    vehicles = "vehicles' peak" if sim_money.nets(reading) else "peak"
    return (
        f"{words.plural(stations, 'station')}, {words.duration(length)}: "
        f"{words.plural(round(served), 'session')}, {words.energy(energy)}, "
        f"{vehicles} {words.power(peak)}"
    )


def _because(reading: Reading, verdict: str, judged: bool) -> str:
    if judged:
        found = common.reasons(reading)
        return f"{verdict} because {found[0]}." if len(found) == 1 else f"{verdict}."
    wall = words.as_number(reading.get("wall_s"))
    compiling = words.as_number(reading.get("compile_s")) or 0.0
    took = f"Simulated in {words.duration(wall)}" if wall else ""
    if wall and compiling > 0.1 * wall:
        took += f", {words.duration(compiling)} of it to compile the kernel, which is done once"
    took += ". " if took else ""
    took += "A simulation measures no target, so there is no SLO to judge."
    sure = sim_figures.how_sure(reading)
    return f"{took} {sure}" if sure else took


def _visits(reading: Reading, *outcomes: str) -> float:
    return sum(words.as_number(reading.get("sessions", name)) or 0.0 for name in outcomes)


def _tiles(reading: Reading) -> list[Tile]:
    get, tile = reading.get, sim_figures.tile
    counts = get("sessions")
    outcomes = [str(name) for name in counts] if isinstance(counts, Mapping) else []
    arrived = _visits(reading, *(name for name in outcomes if name not in _NEVER_CAME))
    unserved, energy = (
        words.as_number(get(name)) or 0.0 for name in ("unserved_kwh", "energy_kwh")
    )
    wanted = unserved + energy
    evses = words.as_number(get("evses"))
    lacking = f"{words.share(unserved / wanted) if wanted else words.DASH} of the wanted not served"
    netted = sim_money.nets(reading)
    peak = f"{'vehicles alone, ' if netted else ''}{sim_network.peak_interval(reading)} mean"
    tiles = [
        tile(
            reading,
            "sessions",
            "sessions",
            words.count(_visits(reading, *GOT_EVSE)),
            f"of {words.plural(arrived, 'visit')}",
        ),
        tile(reading, "energy_kwh", "energy", words.energy(energy), lacking),
        tile(
            reading,
            "peak_15min_kw",
            f"peak, {peak}",
            words.power(get("peak_15min_kw")),
            "of the whole network",
        ),
        *sim_money.tiles(reading),
    ]
    if sim_figures.replications(reading) > 1:
        text = words.energy(unserved)
        tiles.insert(2, tile(reading, "unserved_kwh", "energy not served", text))
    used = sim_sites.occupied_share(reading)
    if used is not None:
        note = f"mean of {words.plural(evses, 'EVSE')}"
        tiles.append(tile(reading, "utilisation", "EVSEs occupied", words.share(used), note))
    waited, visits = get("wait", "waited"), get("wait", "visits")
    share = words.share(waited / visits) if visits else words.DASH
    p95 = f"95{words.NARROW}% at most {words.duration(get('wait', 'p95_s'))}" if waited else ""
    tiles += [tile(reading, "waited_share", "had to wait", share, p95), *sim_trouble.tiles(reading)]
    messages = get("messages")
    if isinstance(messages, Mapping) and messages:
        length = counted_s(reading)
        total = sum(words.as_number(n) or 0.0 for n in messages.values())
        rate = f"{words.figure(60.0 * total / length)} per minute" if length else ""
        tiles.append(tile(reading, "messages", "OCPP messages", words.count(total), rate))
    return tiles


def _work(reading: Reading) -> Section:
    """Events, wall time and speed of the engine."""
    events, wall, kernel, compiling, length = (
        words.as_number(reading.get(name))
        for name in ("events", "wall_s", "kernel_s", "compile_s", "duration_s")
    )
    rows: list[tuple[str, str | Cell]] = []
    if events is not None:
        rows.append(("events", words.count(events)))
    for value, name in (
        (wall, "wall time"),
        (compiling, "of it compiling the kernel, once"),
        (kernel, "of it in the compiled kernel"),
    ):
        if value:
            rows.append((name, words.duration(value)))
    if events and kernel:
        rows.append(("events per second in the kernel", words.count(events / kernel)))
        sessions = _visits(reading, *GOT_EVSE)
        rows.append(("sessions per second in the kernel", words.count(sessions / kernel)))
    working = (wall or 0.0) - (compiling or 0.0)
    if length and working > 0:
        rows.append(("times faster than the clock", words.count(length / working)))
    return Section("engine", "Events and speed", [Facts(rows)] if rows else ())
