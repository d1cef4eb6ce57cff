"""The stages of a live run as they stand in a scenario: ``[live] stages``.

One table for all kinds; which fields a kind takes is checked in ``check_stages``, and written into
the schema here from the same list. What a stage does is worked out by the fleet.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from simulator.scenario import fields as f
from simulator.scenario.problems import FieldError
from simulator.scenario.table import Table

KINDS = ("ramp", "hold", "step", "spike", "sine", "soak")
MOST_LEVELS = 200
"""Steps in a row, and parts of a soak."""
HIGHEST_DEMAND = 1000.0
RAMP_S = 5.0

TAKES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ramp": (("for",), ("to", "demand")),
    "hold": (("for",), ("demand",)),
    "step": (("each",), ("to", "demand", "ramp")),
    "spike": (("for",), ("to", "demand", "ramp")),
    "sine": (("for", "period"), ("swing", "demand_swing")),
    "soak": (("for",), ("demand", "each")),
}
"""Kind -> (what it needs, what it may have)."""
ONE_OF: dict[str, tuple[str, str]] = {
    "ramp": ("to", "demand"),
    "step": ("to", "demand"),
    "spike": ("to", "demand"),
    "sine": ("swing", "demand_swing"),
}
"""Kinds that need at least one of two fields."""


def _several(value: Any, read: Any, expected: str) -> tuple[Any, ...]:
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= MOST_LEVELS:
        raise FieldError(f"1 to {MOST_LEVELS} of {expected}")
    return tuple(read(item) for item in items)


def read_amounts(value: Any, _: Any = None) -> tuple[f.Amount, ...]:
    """One number of stations or a list of them; raises FieldError."""
    return _several(value, f.read_amount, "a number of stations, or a share")


def read_demand(value: Any) -> float:
    """A factor on the arrivals; raises FieldError."""
    expected = f"a factor on the arrivals, from 0 to {HIGHEST_DEMAND:g}, such as 2.0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(expected)
    if not 0.0 <= value <= HIGHEST_DEMAND:
        raise FieldError(expected)
    return float(value)


def read_demands(value: Any, _: Any = None) -> tuple[float, ...]:
    """One factor or a list of them; raises FieldError."""
    return _several(value, read_demand, "a factor on the arrivals")


def _one(items: tuple[Any, ...]) -> Any:
    return items[0] if len(items) == 1 else list(items)


def _or_list(schema: f.Schema) -> f.Schema:
    return {
        "anyOf": [
            *schema.get("anyOf", [schema]),
            {"type": "array", "items": schema, "minItems": 1, "maxItems": MOST_LEVELS},
        ]
    }


_AMOUNT: f.Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"},
    ]
}
_DEMAND: f.Schema = {"type": "number", "minimum": 0, "maximum": HIGHEST_DEMAND}


def _stations(amount: f.Amount) -> int | str:
    return amount.count if amount.count is not None else str(amount)


Amounts = Annotated[
    tuple[f.Amount, ...],
    f.Value(read_amounts, _or_list(_AMOUNT), lambda some: _one(tuple(map(_stations, some)))),
]
Demands = Annotated[tuple[float, ...], f.Value(read_demands, _or_list(_DEMAND), _one)]


def _kind_schema(kind: str) -> dict[str, Any]:
    needs, may = TAKES[kind]
    others = [name for name in _FIELDS if name not in (*needs, *may)]
    then: dict[str, Any] = {"required": list(needs)}
    if others:
        then["not"] = {"anyOf": [{"required": [name]} for name in others]}
    if kind in ONE_OF:
        then["anyOf"] = [{"required": [name]} for name in ONE_OF[kind]]
    return {"if": {"properties": {"kind": {"const": kind}}}, "then": then}


_FIELDS = ("for", "to", "demand", "each", "ramp", "swing", "demand_swing", "period")


class Stage(Table):
    """A part of a live run."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [_kind_schema(kind) for kind in KINDS]},
    )

    kind: Annotated[
        Literal["ramp", "hold", "step", "spike", "sine", "soak"],
        f.choice("a kind of stage", *KINDS),
        Field(
            description="ramp: stations join or leave evenly until there are `to`; hold: all stays "
            "as it is; step: ramps and holds in turn, one for each of `to`; spike: up, hold, and "
            "back; sine: waves around what there is; soak: a long hold, looked at part by part."
        ),
    ]
    for_: Annotated[
        f.DurationOrZero | None, Field(alias="for", description="How long, wall clock.")
    ] = None
    to: Annotated[
        Amounts | None,
        Field(description="Stations at the end: a count or a percentage; a step takes a list."),
    ] = None
    demand: Annotated[
        Demands | None,
        Field(description="Multiplies the arrivals, from here on; a step takes a list."),
    ] = None
    each: Annotated[
        f.Duration | None, Field(description="How long each level, or part of a soak, lasts.")
    ] = None
    ramp: Annotated[
        f.DurationOrZero | None,
        Field(description="How long a step or a spike takes to get there; default: 5 s."),
    ] = None
    swing: Annotated[
        f.StationAmount | None, Field(description="Stations that a wave goes up and down.")
    ] = None
    demand_swing: Annotated[
        float | None,
        Field(ge=0, le=HIGHEST_DEMAND, description="How far a wave of the demand goes."),
    ] = None
    period: Annotated[f.Duration | None, Field(description="Length of a wave.")] = None

    @property
    def ramp_s(self) -> float:
        """How long a step or a spike takes to get there."""
        return RAMP_S if self.ramp is None else self.ramp

    @property
    def amounts(self) -> tuple[f.Amount, ...]:
        """What ``to`` says, as a list."""
        return self.to or ()

    @property
    def demands(self) -> tuple[float, ...]:
        """What ``demand`` says, as a list."""
        return self.demand or ()
