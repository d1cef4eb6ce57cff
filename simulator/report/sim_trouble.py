"""What went wrong in a simulation: outages and what they cost, and where drivers went instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.report import sim_figures, words
from simulator.report.page import Block, Cell, Facts, Section, Table, Tile
from simulator.report.reading import Reading, floats

Row = Mapping[str, Any]

_MOST = 400
_LONGEST = 20
"""Outages listed one by one."""
_ELSEWHERE = {
    "balked": "saw the queue and drove on",
    "blocked": "found no place",
    "reneged": "gave up waiting",
    "unsuitable": "no EVSE fits",
    "rerouted": "of these went on to another site",
    "no_show": "reserved, never came",
}
"""Fields of a site's row, and their columns."""


def tiles(reading: Reading) -> list[Tile]:
    """Time in service, where there were outages."""
    broken = _broken(reading)
    if not broken:
        return []
    outages = words.plural(_sum(broken, "outages"), "outage")
    cut = words.plural(_sum(broken, "failed"), "session")
    share = words.share(_availability(reading), 4)
    note = f"{outages}, {cut} cut short"
    return [sim_figures.tile(reading, "availability", "EVSEs in service", share, note)]


def section(reading: Reading) -> Section:
    """Outages, time in service, sessions cut short and the energy that they lack."""
    broken = _broken(reading)
    if not broken:
        return Section("trouble", "What went wrong", ())
    availability = words.share(_availability(reading), 4)
    cut = words.count(_sum(broken, "failed"))
    rows: list[tuple[str, str | Cell]] = [
        ("EVSE time in service", sim_figures.cell(reading, "availability", availability)),
        ("outages", words.count(_sum(broken, "outages"))),
        ("sessions cut short", sim_figures.cell(reading, "failed", cut)),
        ("energy that they lack", words.energy(_sum(broken, "failed_unserved_kwh"))),
    ]
    blocks: list[Block] = [Facts(rows), _by_site(broken), *_longest(reading)]
    intro = "Outages count over the whole run, those of a warm-up too."
    return Section("trouble", "What went wrong", blocks, intro)


def _broken(reading: Reading) -> list[Row]:
    return [row for row in reading.rows("sites") if words.as_number(row.get("outages"))]


def _sum(rows: Sequence[Row], name: str) -> float:
    return sum(words.as_number(row.get(name)) or 0.0 for row in rows)


def _availability(reading: Reading) -> float | None:
    """Of all EVSE time of the network, that in service."""
    served = total = 0.0
    for row in reading.rows("sites"):
        evses, share = words.as_number(row.get("evses")), words.as_number(row.get("availability"))
        if evses and share is not None:
            served, total = served + evses * share, total + evses
    return served / total if total else None


def _by_site(broken: Sequence[Row]) -> Table:
    worst = sorted(broken, key=lambda row: words.as_number(row.get("availability")) or 0.0)
    rows = [
        [
            str(row.get("name")),
            words.count(row.get("outages")),
            words.share(row.get("availability"), 4),
            words.count(row.get("failed")),
            words.energy(row.get("failed_unserved_kwh")),
        ]
        for row in worst[:_MOST]
    ]
    heads = ("<site", "outages", "in service", "sessions cut short", "energy that they lack")
    note = f"{words.plural(len(broken), 'site')} with outages, the worst first."
    return Table("Sites with outages", heads, rows, note)


def _longest(reading: Reading) -> list[Block]:
    """The outages that lasted longest, one by one."""
    frame = reading.table("outages") if reading.holds("outages") else None
    if frame is None:
        return []
    lasted, start = floats(frame, "lasted_s"), floats(frame, "start_s")
    order = np.lexsort((start, -lasted))[:_LONGEST].tolist()
    clock = reading.clock()
    rows = []
    for place in order:
        row = frame.iloc[place]
        rows.append(
            [
                str(row["site"]),
                _text(row["station"]) or "the whole site",
                words.count(row["evse"]) if _text(row["evse"]) else "all",
                clock.moment(float(start[place])),
                words.duration(lasted[place]),
                "" if _text(row["end"]) else "to the end of the run",
            ]
        )
    heads = ("<site", "<station", "EVSE", "<from", "lasted", "<")
    title = "Every outage" if len(frame) <= _LONGEST else f"The {_LONGEST} longest outages"
    note = f"Of {words.count(len(frame))}; outages.parquet holds them all."
    return [Table(title, heads, rows, note if len(frame) > _LONGEST else "")]


def _text(value: Any) -> str:
    """A cell of a table as text; empty for null."""
    return "" if value is None or value != value or str(value) in ("NaT", "<NA>") else str(value)


def elsewhere(reading: Reading) -> list[Block]:
    """Where the drivers went who got no EVSE, by site; nothing where all got one."""
    sites = reading.rows("sites")
    went = [row for row in sites if any(words.as_number(row.get(n)) for n in _ELSEWHERE)]
    if not went:
        return []
    shown = [n for n in _ELSEWHERE if any(words.as_number(row.get(n)) for row in went)]
    most = sorted(went, key=lambda row: -sum(words.as_number(row.get(n)) or 0.0 for n in shown))
    rows: list[list[str | Cell]] = []
    if len(went) > 1:
        cells = [sim_figures.cell(reading, n, words.count(_sum(went, n))) for n in shown]
        rows.append(["all sites", words.count(_sum(sites, "sessions")), *cells])
    rows += [
        [str(row.get("name")), *(words.count(row.get(n)) for n in ("sessions", *shown))]
        for row in most[:_MOST]
    ]
    heads = ("<site", "got an EVSE", *(_ELSEWHERE[n] for n in shown))
    note = ""
    if "rerouted" in shown:
        note = (
            "Who goes on to another site is a visit there, too: it counts once at each site where "
            "it turned up, and what it lacks counts only at the last."
        )
    return [Table("Where drivers went without an EVSE", heads, rows, note)]
