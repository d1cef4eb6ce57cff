"""Clauses that end a run early, judged each second on what all shards know together.

A clause holds when its figure does, over the last five seconds for ratios and latencies, of the
whole run for counts; it ends the run once it has held for its time on end. Where there is no figure
(nothing was answered lately) it does not hold. Called by the parent of a live run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simulator.measure.slo import OPERATORS

if TYPE_CHECKING:
    from simulator.scenario.slo import Clause
    from simulator.scenario.slo_model import Abort


def figure(clause: Clause, sums: Mapping[str, Any], asked: int) -> float | None:
    """The clause's figure in ``sums`` (``progress.combine``), for ``asked`` stations; or None.

    Raises ValueError for a clause about what is not known while a run lasts.
    """
    if clause.path is None:
        ms = sums.get(f"{clause.statistic}_ms")
        if f"{clause.statistic}_ms" not in sums or clause.actions != ("*",):
            raise ValueError(f"{clause.text!r} is not known while a run lasts")
        return None if ms is None else float(ms) / 1e3
    table, _, name = clause.path.partition(".")
    if clause.path == "errors.ratio":
        bad = sums["failed_lately"] + sums["refused_lately"]
        n = bad + sums["answered_lately"] + sums["opened_lately"]
        return bad / n if n else None
    if clause.path == "stations.booted_ratio":
        return sums["booted"] / asked if asked else None
    if table == "calls":
        return float(sums["planned"] if name == "planned" else sums["calls"][name])
    if table == "stations":
        return float(sums[name])
    raise ValueError(f"{clause.text!r} is not known while a run lasts")


class Watch:
    """The abort clauses of one run, and since when each of them holds."""

    def __init__(self, clauses: Sequence[Abort], asked: int) -> None:
        self._clauses = clauses
        self._asked = asked
        self._since: list[float | None] = [None] * len(clauses)
        self._seen_s = float("-inf")

    def look(self, sums: Mapping[str, Any]) -> str | None:
        """Take in a combined snapshot; says in words why the run is to end, or None.

        A snapshot that is not newer than the last one is not looked at.
        """
        now = float(sums["now_s"])
        if now <= self._seen_s:
            return None
        self._seen_s = now
        for number, abort in enumerate(self._clauses):
            clause = abort.when
            value = figure(clause, sums, self._asked)
            if value is None or not OPERATORS[clause.op](value, clause.limit):
                self._since[number] = None
                continue
            since = self._since[number]
            if since is None:
                since = self._since[number] = now
            if now - since >= abort.for_:
                shown = _shown(value, clause.unit)
                return (
                    f"aborted early at {now:.0f} s by slo.abort[{number}]: {clause.text} for"
                    f" {now - since:.0f} s (now {shown})"
                )
        return None


def _shown(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value * 1e3:.0f} ms"
    return f"{value:.2%}" if unit == "ratio" else f"{value:.0f}"
