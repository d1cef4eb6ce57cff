"""The page of a sweep: its points with the intervals of some figures, lines, a trade-off.

Reads the trials, so that a sweep that was stopped or killed has a page as well, which says how far
it came. Called by ``write``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from simulator.report import sim_figures, words
from simulator.report.page import Block, Cell, Facts, Notice, Page, Section, Table
from simulator.report.patterns import Estimate, estimate
from simulator.report.plots import sweeps, tradeoffs
from simulator.report.reading import dig
from simulator.store.figures import COSTS, unit_of
from simulator.store.sweepfolder import POINTS

if TYPE_CHECKING:
    from simulator.store.sweepfolder import SweepRun

_SHOWN = {
    "energy_kwh": "energy",
    "unserved_kwh": "energy not served",
    "peak_15min_kw": "vehicles' peak, interval mean",
    "billed_peak_kw": "billed net peak",
    "wait_p95_s": "wait, p95",
    "waited_share": "had to wait",
    "availability": "in service",
}
"""Figures of the table, with their heads; those that the sweep does not have, or that never differ
from zero, are left out. Bills and CO2 come besides."""
_MONEY = {"total": "energy bill", "revenue": "revenue", "carbon_kg": "CO2"}
_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([^\s\d]*)\s*")
_NUMBERED = re.compile(r"sites\.(\d+)\.")
_MOST_POINTS = 400
_MOST_LINES = 8

Values = dict[str, list[Estimate]]
"""A figure's estimate at every point."""


def page(run: SweepRun) -> Page:
    """Build the report of a sweep, plots included."""
    points = [{field: point.values.get(field, "") for field in run.fields} for point in run.points]
    found = _figures(run)
    most = max((e.n for values in found.values() for e in values), default=0)
    name = str(dig(run.about, "scenario", "scenario", "name") or "sweep")
    length = dig(run.about, "scenario", "scenario", "duration")
    sections = [
        Section("points", "Points", _table(run, points, found, most)),
        Section("plots", "What the fields change", _plots(run, points, found)),
        Section("failures", "Trials that failed", _failures(run)),
        Section("sweep", "How it was swept", [_facts(run)]),
    ]
    swept = words.listed(run.fields) or "nothing"
    each = f"{words.plural(run.replications, 'replication')} each"
    unfinished = run.done < run.total
    return Page(
        title=name,
        subtitle=" · ".join(part for part in ("sweep", str(length or ""), "virtual time") if part),
        verdict="UNFINISHED SWEEP" if unfinished else "SWEEP",
        state="bad" if run.failed else "warn" if unfinished else "",
        headline=f"{words.plural(len(points), 'point')} of {swept}, {each}",
        because=_because(most),
        tiles=(),
        notices=_notices(run),
        first=(),
        sections=sections,
    )


def _because(most: int) -> str:
    if most > 1:
        return (
            "Means of the replications, with their 95 % confidence intervals (Student t). Points "
            "that ask for the same visits meet the same draws, so that a difference between two "
            "is mostly surer than their intervals look: chargeswarm compare judges it by pairs."
        )
    if most:
        return (
            "One run at each point: no figure has an interval, and where visits are drawn at "
            "random a difference between points may be chance. --replications 20 with the same "
            "--out gives them intervals."
        )
    return "No trial has given figures so far."


def _notices(run: SweepRun) -> list[Notice]:
    found = []
    if run.done < run.total:
        found.append(
            Notice(
                f"This sweep is not finished: {words.count(run.done)} of "
                f"{words.plural(run.total, 'trial')} are. The same command with --out "
                f"{run.path.name} goes on; the figures are those of the finished trials, "
                "and points with fewer of them say so."
            )
        )
    if run.failed:
        found.append(
            Notice(
                f"{words.count(run.failed)} of {words.plural(run.total, 'trial')} failed and "
                "count in no figure. Their errors stand below.",
                "bad",
            )
        )
    return found


def _figures(run: SweepRun) -> Values:
    """The figures that are shown, in the order of the table."""
    names = [n for n in dict.fromkeys(n for p in run.points for n in p.figures) if _head(n)]
    names.sort(key=lambda name: list(_SHOWN).index(name) if name in _SHOWN else len(_SHOWN))
    found: Values = {}
    for name in names:
        values = [estimate(point.figures.get(name, [])) for point in run.points]
        usual = 1.0 if name == "availability" else 0.0
        if any(e.n and e.mean != usual for e in values):
            found[name] = values
    return found


def _head(name: str) -> str:
    """The head of a figure's column; empty for one that is not shown."""
    if name.startswith(COSTS):
        return _MONEY.get(name.split(".", 2)[2], "")
    return _SHOWN.get(name, "")


def _table(
    run: SweepRun, points: Sequence[Mapping[str, str]], found: Values, most: int
) -> list[Block]:
    if not found:
        return []
    rows: list[list[str | Cell]] = []
    for k, point in enumerate(points[:_MOST_POINTS]):
        cells = [_cell(name, values[k], most) for name, values in found.items()]
        rows.append([*(point[field] or "as it is" for field in run.fields), *cells])
    heads = (*(f"<{field}" for field in run.fields), *(_head(name) for name in found))
    note = ""
    if (run.path / POINTS).is_file():
        note = "points.csv has every figure of every point, sweep.csv those of every replication."
    if len(points) > _MOST_POINTS:
        note = f"The first {_MOST_POINTS} of {words.count(len(points))} points. {note}"
    return [Table("", heads, rows, note, fold_after=60)]


def _cell(name: str, value: Estimate, most: int) -> str | Cell:
    text = sim_figures.shown(name, value.mean)
    if value.low != value.low:
        return text
    low, high = (sim_figures.shown(name, end) for end in (value.low, value.high))
    few = f", n{words.NARROW}={words.NARROW}{value.n}" if value.n < most else ""
    return Cell(text, note=f"{low} to {high}{few}")


# -- plots ------------------------------------------------------------------------------------


def _plots(run: SweepRun, points: Sequence[Mapping[str, str]], found: Values) -> list[Block]:
    """Lines over a numeric field, and cost (or energy not served) against the peak."""
    return [*_lines(run, points, found), *_tradeoff(run, points, found)]


def _numeric(run: SweepRun, points: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    """The field with most different numbers, and their unit; empty where none has two."""
    best, most = ("", ""), 1
    for field in run.fields:
        texts = dict.fromkeys(point[field] for point in points)
        matches = [_NUMBER.fullmatch(text) for text in texts]
        units = {match.group(2) if match else None for match in matches}
        if len(units) == 1 and None not in units and len(texts) > most:
            best, most = (field, str(units.pop())), len(texts)
    return best


def _lines(run: SweepRun, points: Sequence[Mapping[str, str]], found: Values) -> list[Block]:
    field, unit = _numeric(run, points)
    if not field:
        return []
    others = [other for other in run.fields if other != field]
    groups: dict[str, list[tuple[float, int]]] = {}
    for k, point in enumerate(points):
        match = _NUMBER.fullmatch(point[field])
        if match:
            called = ", ".join(point[other] or "as it is" for other in others)
            groups.setdefault(called, []).append((float(match.group(1)), k))
    blocks: list[Block] = []
    for name, values in found.items():
        if len({e.mean for e in values if e.n}) < 2:
            continue
        lines = []
        for called, members in groups.items():
            at = sorted(members)
            lines.append(sweeps.Line(called, [x for x, _ in at], [values[k] for _, k in at]))
        head, measure = _head(name), unit_of(name)
        caption = f"Mean over the replications{' with its 95 % interval' * _spread(values)}."
        if len(lines) > _MOST_LINES:
            caption += f" The first {_MOST_LINES} of {len(lines)} lines."
        label = f"{head}, {measure}" if measure not in ("", "share") else head
        x_label = f"{field}, {unit}" if unit else field
        called = f"sweep-{name.replace('.', '-').replace('_', '-').lower()}"
        title = head[:1].upper() + head[1:]
        blocks.append(sweeps.against(called, title, caption, lines, x_label, label))
    return blocks


def _spread(values: Sequence[Estimate]) -> bool:
    return any(e.low == e.low for e in values)


def _tradeoff(run: SweepRun, points: Sequence[Mapping[str, str]], found: Values) -> list[Block]:
    """Two figures of which less is better, where both differ between points."""
    bills = [name for name in found if name.startswith(COSTS) and name.endswith(".total")]
    y = bills[0] if len(bills) == 1 else "unserved_kwh"
    x = "billed_peak_kw" if bills and "billed_peak_kw" in found else "peak_15min_kw"
    if any(len({e.mean for e in found.get(name, ()) if e.n}) < 2 for name in (x, y)):
        return []
    variants = [
        tradeoffs.Variant(
            ", ".join(point[field] or "as it is" for field in run.fields), found[x][k], found[y][k]
        )
        for k, point in enumerate(points)
    ]
    labels = [f"{_head(name)}, {unit_of(name)}" for name in (x, y)]
    title = "Cost against peak" if bills else "Energy not served against peak"
    return [tradeoffs.tradeoff(variants, labels[0], labels[1], title=title)]


# -- what is left -----------------------------------------------------------------------------


def _failures(run: SweepRun) -> list[Block]:
    rows = [
        [", ".join(f"{f}={v}" for f, v in point.values.items()), words.count(replication), error]
        for point in run.points
        for replication, error in point.failures
    ]
    heads = ("<point", "replication", "<error")
    note = ""
    if len(rows) > _MOST_POINTS:
        note = f"The first {_MOST_POINTS} of {words.count(len(rows))} failures."
    return [Table("", heads, rows[:_MOST_POINTS], note)] if rows else []


def _facts(run: SweepRun) -> Facts:
    scenario = dig(run.about, "scenario", "scenario") or {}
    facts = (
        ("scenario", scenario.get("name")),
        ("seed", scenario.get("seed")),
        ("duration", scenario.get("duration")),
        ("warm-up", scenario.get("warmup")),
        ("stations", run.about.get("stations") or "as in the scenario"),
        ("chargeswarm", run.about.get("version")),
        *_numbered_sites(run),
    )
    return Facts([(name, str(value)) for name, value in facts if value is not None])


def _numbered_sites(run: SweepRun) -> list[tuple[str, str]]:
    """The names of sites that fields speak of by number."""
    sites = dig(run.about, "scenario", "sites")
    numbers = {m.group(1) for field in run.fields if (m := _NUMBERED.match(field))}
    return [
        (f"sites.{number}", str(sites[int(number)].get("name")))
        for number in sorted(numbers, key=int)
        if isinstance(sites, list) and int(number) < len(sites)
    ]
