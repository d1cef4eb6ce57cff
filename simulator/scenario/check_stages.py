"""Checks of ``[live] stages``: what each kind needs and takes, and where the levels lead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.scenario import fields, units
from simulator.scenario.problems import FieldError, listed
from simulator.scenario.stage_model import KINDS, ONE_OF, TAKES, read_amounts, read_demands

if TYPE_CHECKING:
    from simulator.scenario.checks import Tables
    from simulator.scenario.document import Loc
    from simulator.scenario.problems import Problem

LEAST_LEVEL_S = 2.0
"""A station that is on for less than this is not switched on at all."""

_WANTED = {
    "for": 'how long it lasts, such as "1m"',
    "each": 'how long each level lasts, such as "30s"',
    "period": 'the length of a wave, such as "1m"',
}
_LISTS = ("to", "demand")
_UNUSED = {
    ("hold", "to"): "nothing here: a hold keeps the stations it has",
    ("soak", "to"): "nothing here: a soak keeps the stations it has",
    ("step", "for"): "nothing here: each level of a step lasts as long as `each` says",
}


def check_stages(tables: Tables) -> Iterator[Problem]:
    """Every mistake in the stages."""
    total, complete = 0.0, tables.get("live", "stages") is not None
    on: dict[str, float] = {}
    demand, demanding = 1.0, False
    for index in tables.tables("live", "stages"):
        loc = ("live", "stages", index)
        kind = tables.get(*loc, "kind")
        if kind not in KINDS:
            complete = False
            continue
        wrong = list(_fields(tables, loc, kind))
        yield from wrong
        length = _length(tables, loc, kind)
        complete = complete and length is not None and not wrong
        total += length or 0.0
        if index == 0 and not _brings(tables, loc, kind):
            yield tables.problem((*loc, "kind"), "a ramp as the first stage", "ramp")
        if not wrong:
            yield from _shape(tables, loc, kind)
            yield from _swing(tables, loc, on, demand)
            _go_on(tables, loc, kind, on)
            levels = _demands(tables, loc)
            demanding = demanding or bool(levels) or tables.has(*loc, "demand_swing")
            demand = levels[-1] if levels and kind != "spike" else demand
    if complete and total == 0 and tables.get("live", "stages"):
        yield tables.problem(("live", "stages"), "stages that last longer than 0 s", show=False)
    if demanding:
        yield from _nobody(tables)


def _brings(tables: Tables, loc: Loc, kind: str) -> bool:
    return kind in ("ramp", "step") and (tables.has(*loc, "to") or not tables.has(*loc, "demand"))


def _fields(tables: Tables, loc: Loc, kind: str) -> Iterator[Problem]:
    needs, may = TAKES[kind]
    for name in needs:
        if not tables.has(*loc, name):
            yield tables.problem((*loc, name), _WANTED[name])
    either = ONE_OF.get(kind)
    if either is not None and not any(tables.has(*loc, name) for name in either):
        wanted = (
            'the stations at its end, such as "100 %"'
            if either[0] == "to"
            else "how many stations a wave goes up and down (or demand_swing)"
        )
        yield tables.problem((*loc, either[0]), wanted)
    for name in (*_WANTED, *_LISTS, "ramp", "swing", "demand_swing"):
        if name not in (*needs, *may) and tables.has(*loc, name):
            takes = listed([*needs, *may])
            expected = _UNUSED.get((kind, name), f"nothing here: a {kind} takes {takes}")
            yield tables.problem((*loc, name), expected)


def _shape(tables: Tables, loc: Loc, kind: str) -> Iterator[Problem]:
    """One level or several, and times that go together."""
    counts = {name: len(found) for name, found in _lists(tables, loc).items()}
    if kind != "step":
        for name, count in counts.items():
            if count > 1:
                yield tables.problem((*loc, name), f"one level: only a step takes several ({kind})")
    elif len(set(counts.values())) > 1:
        expected = f"as many levels as `to` has ({counts['to']})"
        yield tables.problem((*loc, "demand"), expected)
    length = tables.quantity(units.DURATION, *loc, "for")
    period = tables.quantity(units.DURATION, *loc, "period")
    if kind == "sine" and length is not None and period:
        times = length / period
        if abs(times - round(times)) > 1e-9 or round(times) < 1:
            expected = f"a multiple of the period ({units.text(units.DURATION, period)})"
            yield tables.problem((*loc, "for"), expected)
    each = tables.quantity(units.DURATION, *loc, "each")
    if kind == "soak" and length is not None and each and each > length:
        yield tables.problem((*loc, "each"), "no longer than the soak itself")
    top = {"step": each, "spike": length}.get(kind)
    if top is not None and top < LEAST_LEVEL_S and tables.has(*loc, "to"):
        name = "each" if kind == "step" else "for"
        yield tables.problem((*loc, name), f"at least {LEAST_LEVEL_S:g} s, or no station comes up")


def _swing(tables: Tables, loc: Loc, on: dict[str, float], demand: float) -> Iterator[Problem]:
    """A wave must not go below nothing."""
    if tables.has(*loc, "swing") and not tables.wrong((*loc, "swing")):
        try:
            amount = fields.read_amount(tables.get(*loc, "swing"))
        except FieldError:
            return
        unit = "stations" if amount.count is not None else "ratio"
        swing = float(amount.count if amount.count is not None else amount.ratio or 0.0)
        if unit in on and swing > on[unit]:
            expected = "no more stations than are on when the wave begins"
            yield tables.problem((*loc, "swing"), expected)
        if unit == "ratio" and unit in on and on[unit] + swing > 1.0 + 1e-9:
            yield tables.problem((*loc, "swing"), "no more stations than there are at all")
    goes = tables.get(*loc, "demand_swing")
    if isinstance(goes, int | float) and not isinstance(goes, bool) and goes > demand:
        expected = f"no more than the demand around which it goes ({demand:g})"
        yield tables.problem((*loc, "demand_swing"), expected)


def _go_on(tables: Tables, loc: Loc, kind: str, on: dict[str, float]) -> None:
    """Note the stations after the stage, in the unit in which they are given."""
    amounts = _lists(tables, loc).get("to")
    if amounts and kind != "spike":
        on.clear()
        amount = amounts[-1]
        if amount.count is not None:
            on["stations"] = float(amount.count)
        else:
            on["ratio"] = float(amount.ratio or 0.0)


def _lists(tables: Tables, loc: Loc) -> dict[str, tuple]:  # type: ignore[type-arg]
    found = {}
    for name, read in (("to", read_amounts), ("demand", read_demands)):
        value = tables.get(*loc, name)
        if value is not None:
            try:
                found[name] = read(value)
            except FieldError:
                continue
    return found


def _demands(tables: Tables, loc: Loc) -> tuple[float, ...]:
    return _lists(tables, loc).get("demand", ())


def _length(tables: Tables, loc: Loc, kind: str) -> float | None:
    """Seconds that the stage lasts; None where that cannot be told."""
    if kind != "step":
        return tables.quantity(units.DURATION, *loc, "for")
    each = tables.quantity(units.DURATION, *loc, "each")
    levels = max((len(found) for found in _lists(tables, loc).values()), default=0)
    return each * levels if each is not None and levels else None


def _nobody(tables: Tables) -> Iterator[Problem]:
    """A demand multiplies arrivals: there must be some."""
    sites = list(tables.tables("sites"))
    if sites and not any(tables.has("sites", site, "arrivals") for site in sites):
        for index in tables.tables("live", "stages"):
            for name in ("demand", "demand_swing"):
                if tables.has("live", "stages", index, name):
                    expected = "nothing here: no site has arrivals (a trace and a depot are fixed)"
                    yield tables.problem(("live", "stages", index, name), expected)
                    return
