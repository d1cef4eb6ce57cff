"""Prints the row of each step as soon as it is over, while the run goes on.

Fed by the parent with what the shards say each second; the rows of summary and report are made at
the end, from everything (``steprows``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from simulator.live.steprows import Backlog, line, step_row
from simulator.measure.measurement import merge

if TYPE_CHECKING:
    from simulator.fleet.steps import Step
    from simulator.measure.measurement import ShardMeasurement
    from simulator.measure.validity import Limits
    from simulator.scenario.slo import Clause

PATIENCE_S: Final = 4.0
"""A row is printed so long after its step's end with what is there of it by then."""
_TICK_S: Final = 0.1
"""Snapshots are taken a little after each whole second."""


class StepBoard:
    """The steps of one run and what has been heard of them."""

    def __init__(
        self,
        steps: Sequence[Step],
        clauses: Sequence[Clause],
        note: Callable[[str], None],
        limits: Limits | None = None,
    ) -> None:
        self._limits = limits
        self._steps = list(steps)
        self._clauses = clauses
        self._note = note
        self._parts: dict[tuple[int, str], ShardMeasurement] = {}
        self._at_s: list[float] = []
        self._waiting: list[float] = []
        self._connected: list[int] = []

    def hear(self, parts: Sequence[ShardMeasurement]) -> None:
        """What shards measured of phases that are over."""
        for part in parts:
            (name,) = {key.phase for key in part.histograms} or {""}
            self._parts[part.shard, name] = part

    def look(self, now: float, sums: Mapping[str, Any], shards: int) -> None:
        """Take in how things stand, and print the rows that are complete."""
        if not self._at_s or sums["now_s"] > self._at_s[-1]:
            self._at_s.append(sums["now_s"])
            self._waiting.append(sums["planned"] - sum(sums["calls"].values()))
            self._connected.append(sums["connected"])
        while self._steps and now > self._steps[0].end_s:
            step = self._steps[0]
            mine = [part for (_, name), part in self._parts.items() if name in step.labels]
            # What a storm has divided is told in parts, and each tells of those before it too.
            whole = len(mine) >= shards * len(step.labels) and not step.stormy_s
            if not whole and now < step.end_s + PATIENCE_S:
                return
            self._steps.pop(0)
            if mine:
                self._print(step, mine)

    def _print(self, step: Step, mine: Sequence[ShardMeasurement]) -> None:
        backlog = Backlog(np.array(self._at_s), np.array(self._waiting, np.float64))
        at = max(int(np.searchsorted(self._at_s, step.end_s + _TICK_S, side="right")) - 1, 0)
        here = self._connected[at] if self._at_s else None
        row = step_row(step, merge(mine), backlog, here, self._clauses, self._limits)
        self._note(line(row))
