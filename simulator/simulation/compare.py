"""Two variants of a scenario, replication against replication, with common random numbers.

The difference of a figure is judged by its own 95 % interval (paired Student t), which is much
narrower than the intervals of the two means where both variants meet the same visits. Called by
the API; not here: how a variant is described.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Literal

from simulator.simulation.network_run import warm_up
from simulator.simulation.part import NOTHING, Own
from simulator.simulation.replicate import Trial, names, run_trials
from simulator.simulation.run import check_warmup
from simulator.simulation.statistics import Interval, interval
from simulator.store.figures import unit_of

if TYPE_CHECKING:
    import pandas as pd

    from simulator.scenario import Scenario

_ROUNDING: Final = 1e-12
_CHANCE: Final = (
    "more, less: the interval leaves out zero; of figures that do not differ, chance does this\n"
    "to one in twenty. noise: it holds zero, so the runs do not tell whether there is a difference."
)
Judgement = Literal["equal", "more", "less", "noise", "unknown"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two variants."""

    figure: str
    unit: str
    a: float
    """Mean over the replications, as is ``b``."""
    b: float
    difference: Interval
    """Of b - a, over the pairs in which both are known."""

    @property
    def judgement(self) -> Judgement:
        """``noise`` where the interval of the difference holds zero; ``more``: b is larger."""
        if self.difference.n and self.difference.mean == 0.0 and self.difference.sd == 0.0:
            return "equal"
        if not isfinite(self.difference.low):
            return "unknown"
        if not self.difference.excludes_zero:
            return "noise"
        return "more" if self.difference.mean > 0 else "less"


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """What a change changes: every figure of both variants, and the difference."""

    a: str
    """What the variants are called."""
    b: str
    replications: int
    rows: tuple[Difference, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row per figure: figure, unit, a, b, difference, low, high, sd, n, judgement."""
        import pandas as pd

        return pd.DataFrame([_columns(row) for row in self.rows])

    def __getitem__(self, figure: str) -> Difference:
        """The difference in one figure. Raises KeyError."""
        for row in self.rows:
            if row.figure == figure:
                return row
        raise KeyError(figure)

    def text(self) -> str:
        """The comparison as a table for a terminal."""
        head = ("figure", "a", "b", "b - a", "95 % interval", "")
        cells = [head, *(_cells(row) for row in self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
        lines = [f"a  {self.a}", f"b  {self.b}", f"{self.replications} paired replications", ""]
        for row in cells:
            words = [
                cell.ljust(width) if i in (0, 5) else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(words).rstrip())
        judged = sum(row.judgement in ("more", "less", "noise") for row in self.rows)
        if judged:
            lines += ["", _CHANCE]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Comparison of {self.a!r} and {self.b!r}, {self.replications} replications>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text())}</pre>"


def run_comparison(
    a: Scenario,
    b: Scenario,
    names_of: tuple[str, str],
    *,
    replications: int,
    stations: int | None = None,
    jobs: int | None = None,
    tell: Callable[[float, str | None], None] = lambda done, what: None,
    own: Own = NOTHING,
) -> Comparison:
    """Run both variants ``replications`` times each; b's seeds are those of a.

    ``own`` is Python of the user's that acts on the sites of b, in this process. Raises
    ScenarioError, ControllerError, WorkerLostError.
    """
    b = b.replace(seed=a.seed)
    for scenario in (a, b):
        check_warmup(scenario)
    warm_up(lambda what: tell(0.0, what))
    if not own:
        trials = [Trial(variant, stations, r) for r in range(replications) for variant in (a, b)]
        found = run_trials(trials, jobs=jobs, tell=lambda done: tell(done, None))
        return Comparison(*names_of, replications, differences(found[::2], found[1::2]))
    one, two = ([Trial(variant, stations, r) for r in range(replications)] for variant in (a, b))
    ours = run_trials(one, jobs=jobs, tell=lambda done: tell(done / 2, None))
    theirs = run_trials(two, own=own, tell=lambda done: tell(0.5 + done / 2, None))
    return Comparison(*names_of, replications, differences(ours, theirs))


def differences(
    a: Sequence[dict[str, float]], b: Sequence[dict[str, float]]
) -> tuple[Difference, ...]:
    """Every figure of two variants whose replications are paired; nan where one lacks it."""
    nan = float("nan")
    return tuple(
        Difference(
            figure,
            unit_of(figure),
            interval([one.get(figure, nan) for one in a]).mean,
            interval([one.get(figure, nan) for one in b]).mean,
            interval(
                [
                    _less(two.get(figure, nan), one.get(figure, nan))
                    for one, two in zip(a, b, strict=True)
                ]
            ),
        )
        for figure in names([*a, *b])
    )


def _less(two: float, one: float) -> float:
    """The difference; 0 where it is only that of adding up in another order."""
    difference = two - one
    return 0.0 if abs(difference) <= _ROUNDING * max(abs(one), abs(two)) else difference


def _columns(row: Difference) -> dict[str, Any]:
    d = row.difference
    return {
        "figure": row.figure,
        "unit": row.unit,
        "a": row.a,
        "b": row.b,
        "difference": d.mean,
        "low": d.low,
        "high": d.high,
        "sd": d.sd,
        "n": d.n,
        "judgement": row.judgement,
    }


def _cells(row: Difference) -> tuple[str, ...]:
    unit = f" [{row.unit}]" if row.unit else ""
    d = row.difference
    between = f"{number(d.low)} .. {number(d.high)}" if isfinite(d.low) else "-"
    return (
        f"{row.figure}{unit}",
        number(row.a),
        number(row.b),
        number(d.mean),
        between if row.judgement != "equal" else "",
        row.judgement,
    )


def number(value: float) -> str:
    """A number with five figures at most, thousands apart."""
    if not isfinite(value):
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.4g}"
