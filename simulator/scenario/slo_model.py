"""``[slo]``: what the target must keep, and what ends a run early."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from simulator.scenario import fields as f
from simulator.scenario.problems import FieldError
from simulator.scenario.slo import Clause, parse_clause
from simulator.scenario.table import Table


def _clause(value: Any, _: Any) -> Clause:
    if not isinstance(value, str):
        raise FieldError('a clause such as "p95(*.response) < 500 ms"')
    return parse_clause(value)


_CLAUSE = f.Value(
    _clause,
    {"type": "string", "examples": ["p95(*.response) < 500 ms", "errors.ratio < 0.1 %"]},
    lambda clause: clause.text,
)


class Abort(Table):
    """A state of things in which a run is not worth going on with."""

    when: Annotated[
        Clause, _CLAUSE, Field(description="Ends the run once it has held for that long on end.")
    ]
    for_: Annotated[f.Duration, Field(alias="for", description="How long, wall clock.")] = 30.0


class Slo(Table):
    """What the target must keep for the verdict PASS."""

    require: Annotated[
        tuple[Annotated[Clause, _CLAUSE], ...],
        Field(strict=False, description="All of them are required."),
    ] = ()
    abort: Annotated[
        tuple[Abort, ...],
        Field(strict=False, description="Each ends the run early, with the verdict SLO_MISSED."),
    ] = ()
