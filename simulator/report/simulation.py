"""The page of a simulation: load, utilisation, waiting, sessions, messages, sites."""

from __future__ import annotations

from dataclasses import replace

from simulator.report import (
    common,
    method,
    sim_figures,
    sim_network,
    sim_patterns,
    sim_people,
    sim_sites,
    words,
)
from simulator.report.page import Cell, Facts, Page, Section, Tile
from simulator.report.reading import Reading
from simulator.report.sim_patterns import with_blocks
from simulator.report.sim_reading import counted_s, load, sessions


def page(reading: Reading) -> Page:
    """Build the report of a simulation, plots included."""
    curve, visits = load(reading), sessions(reading)
    sections = [
        with_blocks(sim_network.load(reading, curve), sim_patterns.load(reading, curve)),
        with_blocks(
            sim_network.utilisation(reading, curve), sim_patterns.utilisation(reading, curve)
        ),
        with_blocks(sim_people.waiting(reading, curve, visits), sim_patterns.waiting(reading)),
        sim_people.sessions(reading, visits),
        sim_people.unserved(reading, visits),
        sim_network.messages(reading),
        sim_sites.section(reading, curve, visits),
        sim_figures.section(reading),
        _work(reading),
        common.repeat(reading),
        common.environment(reading),
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
        first=sim_figures.first(reading),
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
    served = _visits(reading, "served", "running")
    return (
        f"{words.plural(stations, 'station')}, {words.duration(length)}: "
        f"{words.plural(served, 'session')}, {words.energy(reading.get('energy_kwh'))}, "
        f"peak {words.power(reading.get('peak_15min_kw'))}"
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
    return took + "A simulation measures no target, so there is no SLO to judge."


def _visits(reading: Reading, *outcomes: str) -> float:
    return sum(words.as_number(reading.get("sessions", name)) or 0.0 for name in outcomes)


def _tiles(reading: Reading) -> list[Tile]:
    get = reading.get
    arrived = _visits(reading, "served", "running", "waiting", "blocked", "reneged", "unsuitable")
    unserved, energy = (
        words.as_number(get(name)) or 0.0 for name in ("unserved_kwh", "energy_kwh")
    )
    wanted = unserved + energy
    evses = words.as_number(get("evses"))
    tiles = [
        Tile(
            "sessions",
            words.count(_visits(reading, "served", "running")),
            f"of {words.plural(arrived, 'visit')}",
        ),
        Tile(
            "energy",
            words.energy(energy),
            f"{words.share(unserved / wanted) if wanted else words.DASH} of the wanted not served",
        ),
        Tile(
            f"peak, {sim_network.peak_interval(reading)} mean",
            words.power(get("peak_15min_kw")),
            "of the whole network",
        ),
    ]
    used = sim_sites.occupied_share(reading)
    if used is not None:
        tiles.append(
            Tile("EVSEs occupied", words.share(used), f"mean of {words.plural(evses, 'EVSE')}")
        )
    waited, visits = get("wait", "waited"), get("wait", "visits")
    share = words.share(waited / visits) if visits else words.DASH
    tiles.append(Tile("had to wait", share, f"p95 of all {words.duration(get('wait', 'p95_s'))}"))
    messages = get("messages")
    if isinstance(messages, dict) and messages:
        length = counted_s(reading)
        total = sum(words.as_number(n) or 0.0 for n in messages.values())
        rate = f"{words.figure(total / length)} per second" if length else ""
        tiles.append(Tile("OCPP messages", words.count(total), rate))
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
        if value is not None:
            rows.append((name, words.duration(value)))
    if events and kernel:
        rows.append(("events per second in the kernel", words.count(events / kernel)))
        sessions = _visits(reading, "served", "running")
        rows.append(("sessions per second in the kernel", words.count(sessions / kernel)))
    working = (wall or 0.0) - (compiling or 0.0)
    if length and working > 0:
        rows.append(("times faster than the clock", words.count(length / working)))
    return Section("engine", "Events and speed", [Facts(rows)] if rows else ())
