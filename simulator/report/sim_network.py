"""The network's side of a simulation: load, utilisation, predicted messages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simulator.report import sim_figures, words
from simulator.report.page import Absent, Block, Cell, Facts, Section, Table
from simulator.report.plots import messages as message_plots
from simulator.report.plots import network
from simulator.report.reading import PREDICTED, Reading
from simulator.report.sim_reading import Load, counted_s, group_of, site_facts

_STEPS = 700
"""Steps of the message rates in the wide plot."""


def load(reading: Reading, curve: Load | None) -> Section:
    """The load curve of the network and of its largest sites."""
    if curve is None:
        absent = Absent("Load of the network", "the run recorded no load")
        return Section("load", "Load", [absent])
    clock = reading.clock()
    facts = site_facts(reading, curve.sites)
    limits = np.array([facts[site].limit_kw for site in curve.sites])
    blocks: list[Block] = [
        network.load(
            curve.seconds, curve.by_group(curve.kw), clock, curve.interval_s, float(limits.sum())
        )
    ]
    if len(curve.sites) > 1:
        chosen = [
            (site, curve.kw[row], facts[site].limit_kw)
            for row, site in _most(curve, network.PANELS)
        ]
        blocks.append(network.site_loads(curve.seconds, chosen, clock, curve.interval_s))
    rows: list[tuple[str, str | Cell]] = [
        (label, sim_figures.cell(reading, name, text))
        for name, label, text in (
            ("energy_kwh", "energy", words.energy(reading.get("energy_kwh"))),
            (
                "peak_15min_kw",
                f"largest {peak_interval(reading)} mean of the network",
                words.power(reading.get("peak_15min_kw")),
            ),
        )
    ]
    bounds = [words.power(reading.get("network_peak_kw", end)) for end in ("at_least", "at_most")]
    if reading.get("network_peak_kw"):
        text = bounds[0] if bounds[0] == bounds[1] else f"{bounds[0]} to {bounds[1]}"
        rows.append(("largest instant of the network, between", text))
    if np.isfinite(limits).all():
        rows.append(("grid limits in total", words.power(limits.sum())))
    return Section("load", "Load", [*blocks, Facts(rows)])


def peak_interval(reading: Reading) -> str:
    """The interval of which ``peak_15min_kw`` is the largest mean, in words."""
    return words.duration(words.as_number(reading.get("billing_interval_s")) or 900.0)


def _most(curve: Load, n: int) -> list[tuple[int, str]]:
    """Rows of the sites that use most energy: one of each group first, then the next."""
    energy = curve.kw.sum(axis=1)
    order = sorted(range(len(curve.sites)), key=lambda row: (-energy[row], curve.sites[row]))
    seen: dict[str, int] = {}
    ranked = []
    for row in order:
        group = group_of(curve.sites[row])
        ranked.append((seen.get(group, 0), row))
        seen[group] = seen.get(group, 0) + 1
    ranked.sort(key=lambda pair: pair[0])
    return [(row, curve.sites[row]) for _, row in ranked[:n]]


def utilisation(reading: Reading, curve: Load | None) -> Section:
    """EVSEs occupied over time, and by site."""
    if curve is None:
        absent = Absent("EVSEs occupied", "the run recorded no load")
        return Section("utilisation", "Utilisation", [absent])
    evses = words.as_number(reading.get("evses")) or 0.0
    facts = site_facts(reading, curve.sites)
    mean = curve.occupied.mean(axis=1)
    shares = [(site, facts[site].utilisation) for site in curve.sites]
    percent = all(np.isfinite(share) for _, share in shares)
    many = " (the 12 busiest)" if len(curve.sites) > 12 else ""
    blocks: list[Block] = [
        network.occupied(
            curve.seconds, curve.occupied.sum(axis=0), evses, reading.clock(), curve.interval_s
        ),
        network.bars(
            "utilisation-by-site",
            "Utilisation by site",
            f"Share of EVSE time with a vehicle plugged in{many}."
            if percent
            else f"Mean number of EVSEs with a vehicle plugged in{many}.",
            shares if percent else list(zip(curve.sites, mean.tolist(), strict=True)),
            "share of the time occupied" if percent else "EVSEs occupied, mean",
            percent=percent,
        ),
    ]
    return Section("utilisation", "Utilisation", blocks)


def messages(reading: Reading) -> Section:
    """Predicted OCPP messages: rates over time and counts by type."""
    title = "Messages the network sends"
    series = reading.messages()
    blocks: list[Block] = []
    peaks: dict[str, tuple[float, str]] = {}
    if series is None or not series.predicted:
        blocks.append(Absent(title, "the run has no table of messages"))
    else:
        coarse = series.coarser(_STEPS)
        blocks.append(
            message_plots.by_type_over_time(
                coarse.seconds, coarse.predicted, reading.clock(), coarse.unit_s, per_minute=True
            )
        )
        everything = np.sum(list(series.predicted.values()), axis=0)
        for action, rates in (*series.predicted.items(), ("*", everything)):
            at = int(np.argmax(rates))
            when = reading.clock().moment(float(series.seconds[at]))
            peaks[action] = (60.0 * float(rates[at]), when)
    found = reading.get("messages")
    if isinstance(found, Mapping) and found:
        unit = words.duration(series.unit_s) if series is not None else ""
        blocks.append(_message_table(reading, found, peaks, unit))
    return Section(
        "messages",
        "OCPP messages to expect",
        blocks,
        "What the stations of this network would send by OCPP 1.6, counted by the same table from "
        "events to messages by which live stations send: the boots after an outage and the meter "
        "values that fall due together by the clock are among them.",
    )


def _message_table(
    reading: Reading,
    counts: Mapping[str, object],
    peaks: Mapping[str, tuple[float, str]],
    unit: str,
) -> Table:
    length = counted_s(reading)
    stations = words.as_number(reading.get("stations"))
    rows: list[list[str]] = []
    numbers = {str(a): words.as_number(n) or 0.0 for a, n in counts.items()}
    order = sorted(numbers.items(), key=lambda row: (-row[1], row[0]))
    for action, n in [*order, ("*", sum(numbers.values()))]:
        busiest, when = peaks.get(action, (None, words.DASH))
        rows.append(
            [
                "all types" if action == "*" else action,
                words.count(n),
                words.figure(60.0 * n / length) if length else words.DASH,
                words.figure(busiest),
                when,
                words.figure(n / stations / (length / 86_400))
                if stations and length
                else words.DASH,
            ]
        )
    most = {"": "busiest, per minute", words.duration(60): "busiest minute"}.get(
        unit, f"busiest {unit}, per minute"
    )
    heads = (
        f"<{PREDICTED} message",
        "count",
        "per minute",
        most,
        "<first at",
        "per station and day",
    )
    return Table("In total, by type", heads, rows)
