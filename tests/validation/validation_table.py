"""The validation as one table: what was asked, what ours gives, what it is held against.

A row a question; the README shows what this prints. Nothing here asserts, the tests beside it do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from validation_cases import CASES, Case, Figure, run
from validation_exact import (
    TAPERS,
    batteries_and_losses_beside_load,
    coupled_differences,
    cut_differences,
    registers,
    relative,
    sessions_beside_load,
    taper_deviation_kwh,
    trace_deviation_kwh,
)
from validation_optimum import SEEDS, online, optimum, perfect
from validation_published import LAUSANNE, NORWAY, coincidence, fast_charging

FAMILIES = (
    ("turned away where nobody waits", "Erlang B", "Erlang-B", "c = 20, a = 15", "blocked"),
    ("chance to wait", "Erlang C", "Erlang-C", "c = 20, a = 15", "waits"),
    ("mean wait, h", "M/M/c", "M/M/c,", "c = 8", "wait, h"),
    ("turned away, room for 4 to wait", "M/M/c/K", "M/M/c/K", "c = 8", "blocked"),
    ("leave the queue", "M/M/c+M (Erlang A)", "M/M/c+M", "c = 8", "abandons"),
    ("variance of the cars there", "M/G/∞", "M/G/∞", "lognormal stay (σ = 0.7)", "variance"),
    ("cars there on Friday, 20-21 h", "NHPP/G/∞", "NHPP/G/∞", "", "Friday"),
    ("queue, L / λW", "Little", "Little", "", "queue"),
    ("at EVSEs, L / λW", "Little", "Little", "", "service"),
    ("in the system, L / λW", "Little", "Little", "", "system"),
)
"""Question, formula, the cases' name begins with, the case shown, the figure shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    question: str
    source: str
    ours: str
    theirs: str
    difference: str

    def __str__(self) -> str:
        cells = (self.question, self.source, self.ours, self.theirs, self.difference)
        return f"| {' | '.join(cells)} |"


HEAD = tuple(field.name.replace("source", "formula or source") for field in fields(Row))


def rows(base: int) -> Iterator[Row]:
    """All rows, those of queueing theory with the draws of seed ``base``."""
    yield from queueing(base)
    yield from energy()
    yield from exactness()
    yield from optima()
    yield from published()


def queueing(base: int) -> Iterator[Row]:
    """One figure of each formula, and how far the worst of all its figures is."""
    found: dict[str, list[Figure]] = {}

    def figures(case: Case) -> list[Figure]:
        if case.name not in found:
            found[case.name] = list(run(case, base))
        return found[case.name]

    for question, formula, prefix, shown, figure in FAMILIES:
        whole = [f for case in CASES if case.name.startswith(prefix) for f in figures(case)]
        if formula == "Little":
            whole = [f for f in whole if f.name.startswith(figure)]
        one = next(
            f for f in whole if shown in f"{f.case}," and f.name.startswith(figure) and _same(f)
        )
        text = f"{one.distance:+.1f} SE"
        if len(whole) > 1:
            worst = max(abs(f.distance) for f in whole)
            text += f"; of {len(whole)} figures at most {worst:.1f} (bound {one.bound:.1f})"
        ours = f"{one.mean:.4g} ± {one.half_width:.2g}"
        case = one.case.removeprefix(f"{prefix.rstrip(',')}, ")
        name = formula if formula in ("Little", "NHPP/G/∞") else f"{formula}: {case}"
        yield Row(question, name, ours, f"{one.theory:.4g}", text)


def _same(figure: Figure) -> bool:
    """Exponential stays where the name says nothing else; M/G/infinity says it always."""
    return "stay" not in figure.case or not figure.case.startswith("Erlang")


def energy() -> Iterator[Row]:
    """The same energy, counted several ways."""
    found, expected = registers()
    whole = f"{math.fsum(expected):.3f}"
    apart = max(map(relative, found, expected))
    load = "integral of the load"
    yield Row("sum of sessions", load, "", "", f"{small(sessions_beside_load())} relative")
    yield Row(
        "meter registers, kWh",
        "the engine's energy",
        f"{math.fsum(found):.3f}",
        whole,
        f"each of {len(found)} sessions at most {small(apart)} relative",
    )
    lost = small(batteries_and_losses_beside_load())
    yield Row("batteries + losses", load, "", "", f"{lost} relative")


def exactness() -> Iterator[Row]:
    """Closed forms, and runs that must be the same."""
    deviation = max(float(trace_deviation_kwh(text)[0].max()) for text in ("1m", "15m"))
    yield Row(
        "energy of an uncontrolled session",
        "min(wanted, power x stay)",
        "",
        "",
        f"at most {small(deviation)} kWh",
    )
    taper = max(taper_deviation_kwh(*stages, 900.0) for stages in TAPERS)
    yield Row("two-stage taper", "its exponential", "", "", f"at most {small(taper)} kWh")
    for question, (differ, compared) in (
        ("cut after 100 123.4 s", cut_differences(100_123.4)),
        ("a site among others", coupled_differences()),
    ):
        source = "three days uncut" if question.startswith("cut") else "the site alone"
        yield Row(question, source, "", "", f"{differ} of {compared} values differ")


def optima() -> Iterator[Row]:
    """The linear program's bound, and who comes how close."""
    days = [(optimum(seed), online(seed), perfect(seed)) for seed in SEEDS]
    best = math.fsum(bound for bound, *_ in days)
    names = list(days[0][1])
    cost = {name: math.fsum(costs[name] for _, costs, _ in days) for name in names}
    first = min(cost, key=lambda name: cost[name])
    least = 100.0 * min(costs[name] / bound - 1.0 for bound, costs, _ in days for name in names)
    yield Row(
        f"cheapest of {len(names)} that know no future: {first}",
        f"offline optimum (HiGHS), {len(days)} days",
        f"{cost[first]:.2f}",
        f"{best:.2f}",
        f"{100 * (cost[first] / best - 1):+.1f} %; a day's least {round(least, 6) + 0.0:+.2g} %",
    )
    known = math.fsum(cost for *_, cost in days)
    text = f"{small(abs(known / best - 1.0))} relative"
    yield Row("MPC with a perfect forecast", "the same", f"{known:.2f}", f"{best:.2f}", text)


def published() -> Iterator[Row]:
    """What others measured; the profiles were not fitted to it."""
    for chargers, theirs in NORWAY.items():
        ours = coincidence("home-apartment", 0.63, chargers)
        question = f"coincidence of {chargers} home chargers"
        yield Row(question, "Sørensen et al. 2021", *beside(ours, theirs))
    found, _ = fast_charging()
    for name, theirs in LAUSANNE.items():
        question = f"fast charging: {name}"
        yield Row(question, "DESL-EPFL, Lausanne", *beside(found[name], theirs))


def small(number: float) -> str:
    """A number of which only the size matters."""
    return f"{number:.0e}" if number else "0"


def beside(ours: float, theirs: float) -> tuple[str, str, str]:
    """Both, and the difference in percent."""
    return f"{ours:.3g}", f"{theirs:.3g}", f"{100 * (ours / theirs - 1):+.1f} %"


def print_table(base: int, show: Callable[[str], None]) -> None:
    """The table, line by line as it comes."""
    show(f"| {' | '.join(HEAD)} |")
    show("|---" * len(HEAD) + "|")
    for row in rows(base):
        show(str(row))
