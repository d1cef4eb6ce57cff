"""What the moments of a run are called: its phases, by due time, and its steps. Pure arithmetic.

A *step* is a part of a run that is looked at by itself: a ramp, a hold, each level of a row of
steps, a spike and the way back from it, each wave of a sine, each part of a soak. A *phase* is a
part of a step of one kind: stations join (``connect``), the last of them boot (``boot``), stations
leave or the demand moves (``change``), things are as they are to be (``measure``). Each phase of
each step is a span with a label of its own, so that what was measured of one step can be told from
the rest. ``stages`` says what happens at each moment; ``prepare`` and ``outcome`` call this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from simulator.fleet.course import demand_of
from simulator.fleet.rules import BOOT_ALLOWANCE_S
from simulator.fleet.stages import Stage, closing_s, run_length, stations_at

Phase = Literal["connect", "boot", "change", "measure", "storm", "cooldown"]
LEVEL: Final = ("hold", "step", "spike", "soak")
"""Steps that stay where they are: what a capacity can be read from."""


@dataclass(frozen=True, slots=True)
class Span:
    """A phase of the run: ``start_s <= t < end_s``."""

    phase: Phase
    start_s: float
    end_s: float
    step: int = field(default=-1, compare=False)
    """Index of the step; -1: of none."""
    label: str = field(default="", compare=False)
    """What it is called where the run has more than one such phase."""

    @property
    def name(self) -> str:
        """What calls that are due in it are filed under."""
        return self.label or self.phase


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a run that gets a row of its own."""

    number: int
    """From 1."""
    kind: str
    start_s: float
    """Of what is measured: joining and booting are before it, unless there is nothing else."""
    end_s: float
    stations: int
    """That are to be on at its end."""
    demand: float
    """In force at its end."""
    labels: tuple[str, ...]
    """Names of the phases that are measured."""
    stormy_s: float = 0.0
    """How much of it storms and what followed them took up: that is not measured."""

    @property
    def level(self) -> bool:
        """Nothing moves in it."""
        return self.kind in LEVEL and not self.stormy_s

    @property
    def title(self) -> str:
        """``3 step`` for the third."""
        return f"{self.number} {self.kind}"


def phases(stages: Sequence[Stage]) -> tuple[Span, ...]:
    """The phases of a run, without gaps, from 0 to ``inf``.

    Ramps up are ``connect``; the first seconds after one (the boot allowance) are ``boot``; ramps
    down and ramps of the demand are ``change``; the rest, and waves, is ``measure``; ``cooldown``
    is from the moment at which the first station closes (see ``stages.close_due``).
    """
    spans: list[Span] = []
    t0 = boot_until = 0.0
    on, step = 0, -1
    if all(stage.stations is None for stage in stages):
        boot_until = BOOT_ALLOWANCE_S
    for stage in stages:
        step += not (stage.joins and step >= 0)
        t1 = t0 + stage.length_s
        if stage.stations is not None and stage.stations >= on:
            spans.append(Span("connect", t0, t1, step))
            boot_until = t1 + BOOT_ALLOWANCE_S
        elif stage.stations is not None or stage.demand is not None:
            spans.append(Span("change", t0, t1, step))
        else:
            middle = min(max(boot_until, t0), t1)
            spans.append(Span("boot", t0, middle, step))
            spans.append(Span("measure", middle, t1, step))
        on = on if stage.stations is None else stage.stations
        t0 = t1
    cool_s = t0 - closing_s(t0)
    spans = [replace(span, end_s=min(span.end_s, cool_s)) for span in spans]
    spans.append(Span("cooldown", cool_s, np.inf))
    return _labelled([span for span in spans if span.end_s > span.start_s])


def _labelled(spans: list[Span]) -> tuple[Span, ...]:
    often = Counter(span.phase for span in spans)
    return tuple(
        replace(span, label=f"{span.phase}-{span.step + 1}") if often[span.phase] > 1 else span
        for span in spans
    )


def steps(stages: Sequence[Stage], spans: Sequence[Span], fleet: int) -> tuple[Step, ...]:
    """The steps of a run with those spans; ``fleet`` is how many stations there are at all.

    A step with a ``measure`` phase is measured there, another over all that it has. What falls
    into the cooldown altogether is no step.
    """
    kinds: list[str] = []
    for stage in stages:
        if not (stage.joins and kinds):
            kinds.append(stage.kind or ("ramp" if stage.ramps else "hold"))
    always = all(stage.stations is None for stage in stages)
    demand = demand_of(stages, 0.0, 1.0)
    total = run_length(stages)
    found = []
    for number, kind in enumerate(kinds):
        mine = [span for span in spans if span.step == number]
        measured = [span for span in mine if span.phase == "measure"] or mine
        if not measured:
            continue
        end_s = measured[-1].end_s
        # A moment earlier: the next stage may begin by a jump.
        last_s = np.nextafter(end_s, 0.0) if end_s < total else end_s
        found.append(
            Step(
                number + 1,
                kind,
                measured[0].start_s,
                end_s,
                fleet if always else stations_at(stages, float(last_s)),
                1.0 if demand is None else round(float(demand.at(np.array([last_s]))[0]), 6),
                tuple(span.name for span in measured),
            )
        )
    return tuple(found)


def outside_storms(found: Sequence[Step], spans: Sequence[Span]) -> tuple[Step, ...]:
    """The steps with what storms leave of them, ``spans`` being the phases with storms laid over.

    A step that storms take up altogether is none any more.
    """
    kept = []
    for step in found:
        left = [span for span in spans if span.step == step.number - 1 and span.name in step.labels]
        labels = tuple(dict.fromkeys(span.name for span in left))
        taken_s = step.end_s - step.start_s - sum(span.end_s - span.start_s for span in left)
        if left:
            stormy_s = round(taken_s, 6) if taken_s > 1e-6 else 0.0
            kept.append(replace(step, labels=labels, stormy_s=stormy_s))
    return tuple(kept)


def span_at(spans: Sequence[Span], due_s: float) -> Span:
    """The span that a call due at ``due_s`` belongs to (before 0 counts as the first)."""
    for span in spans:
        if due_s < span.end_s:
            return span
    return spans[-1]
