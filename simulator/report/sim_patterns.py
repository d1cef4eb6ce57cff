"""The planner's figures in the report of a simulation: durations, the week, waits, all sites.

Each function gives the blocks that a section of the page gains. They rest on sums over the network,
never on the rows of a large table: the table ``network`` and ``distributions`` where a run has
them, else what the page has read already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from simulator.report import words
from simulator.report.page import Block, Facts, Section, Table
from simulator.report.patterns import (
    DAY_S,
    counted_tail,
    duration,
    waiting_tail,
    week_means,
)
from simulator.report.plots import patterns
from simulator.report.reading import F64, Reading, floats
from simulator.report.sim_reading import Load, site_facts

_FEW_SITES = 12
"""As many as the bars of utilisation show one by one."""


def with_blocks(section: Section, blocks: Sequence[Block]) -> Section:
    """The section with more figures, before the facts or the table that end it."""
    found = list(section.blocks)
    end = len(found)
    while end and isinstance(found[end - 1], Facts | Table):
        end -= 1
    return replace(section, blocks=[*found[:end], *blocks, *found[end:]])


def load(reading: Reading, curve: Load | None) -> list[Block]:
    """Load duration curve and week of the network."""
    if curve is None:
        return []
    seconds, kw, interval_s = _network(reading, curve)
    clock = reading.clock()
    facts = site_facts(reading, curve.sites)
    limit = float(np.array([facts[site].limit_kw for site in curve.sites]).sum())
    blocks: list[Block] = [
        patterns.load_duration([("network", duration(kw, interval_s))], limit_kw=limit)
    ]
    length = len(seconds) * interval_s
    if clock.start is not None and length >= DAY_S:
        weeks = length / (7 * DAY_S)
        blocks.append(
            patterns.heat_map(
                week_means(seconds, kw, interval_s, clock),
                caption="Mean power of the network in each local hour of the week, over "
                f"{words.duration(length)}."
                + (" Hours that the run does not reach are empty." if weeks < 1 else ""),
                zone=str(clock.zone or clock.start.tzinfo),
            )
        )
    return blocks


def _network(reading: Reading, curve: Load) -> tuple[F64, F64, float]:
    """Start, mean kW and length of each interval of the whole network."""
    if reading.holds("network"):
        frame = reading.table("network")
        if frame is not None:
            seconds = floats(frame, "start_s")
            step = float(np.diff(seconds).min()) if len(seconds) > 1 else curve.interval_s
            return seconds, floats(frame, "mean_kw"), step
    return curve.seconds, curve.kw.sum(axis=0), curve.interval_s


def waiting(reading: Reading) -> list[Block]:
    """Who waits longer than so many minutes; nothing where nobody waited."""
    if reading.get("wait", "waited") == 0:
        return []
    if reading.holds("distributions"):
        frame = reading.table("distributions")
        if frame is not None:
            waits = frame[frame["quantity"] == "wait_s"]
            columns = (floats(waits, name) for name in ("low", "high", "count"))
            return [patterns.waiting(counted_tail(*columns), gave_up=True)]
    frame = reading.table("sessions")
    if frame is None:
        return []
    return [patterns.waiting(waiting_tail(floats(frame, "wait_s")))]


def utilisation(reading: Reading, curve: Load | None) -> list[Block]:
    """All sites ranked, where the bars cannot show them one by one."""
    if curve is None or len(curve.sites) <= _FEW_SITES:
        return []
    facts = site_facts(reading, curve.sites)
    shares = np.array([facts[site].utilisation for site in curve.sites])
    return [patterns.ranked_utilisation(shares)]
