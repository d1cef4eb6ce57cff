"""The device model: components, their variables, and what a station says of them (2.x, block B).

One immutable ``Model`` serves every station of a model. A row that can be set names its ``Key``:
the value is then the station's configuration, where the CSMS's changes are kept as overrides. A row
that tells of the station itself has a small function instead; the rest are constants. Which rows
there are is the version's business (``v201_device``); nothing here is specific to one station.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from simulator.station.configuration import LARGEST, MAX_VALUE, Key, Kind
from simulator.station.model import Evse
from simulator.station.state import State

Live = Callable[[State, float, Evse], str]
"""(station, now, the EVSE that the component belongs to; number 0: the station's own)."""

ACTUAL: Final = "Actual"
READ_ONLY: Final = "ReadOnly"
READ_WRITE: Final = "ReadWrite"
WRITE_ONLY: Final = "WriteOnly"

DATA_TYPES: Final = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "integer",
    Kind.DECIMAL: "decimal",
    Kind.TEXT: "string",
    Kind.MEASURANDS: "MemberList",
    Kind.MEMBERS: "MemberList",
    Kind.SEQUENCE: "SequenceList",
    Kind.OPTION: "OptionList",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a variable: what it is, and whether it may be set."""

    value: str | Live = ""
    type: str = ACTUAL
    key: Key | None = None
    """The setting that it is; None for what follows from the station. With a function as ``value``
    it can be set, and the function says what is in force."""
    constant: bool = False

    @property
    def mutability(self) -> str:
        """MutabilityEnumType."""
        if self.key is None or not self.key.writable:
            return READ_ONLY
        return WRITE_ONLY if self.key.secret else READ_WRITE


@dataclass(frozen=True, slots=True)
class Variable:
    """One row of the table: a variable of a component, with its characteristics."""

    component: str
    name: str
    data_type: str
    attributes: tuple[Attribute, ...]
    instance: str = ""
    evse: int = 0
    connector: int = 0
    unit: str = ""
    least: float | None = None
    most: float | None = None
    values: str = ""
    monitored: bool = False
    """It changes by itself: a meter, a state, a fault."""

    @property
    def where(self) -> tuple[str, int, int]:
        """The component that it belongs to, for looking it up."""
        return self.component.lower(), self.evse, self.connector

    @property
    def actual(self) -> Attribute:
        """The first attribute: Actual, which every variable has."""
        return self.attributes[0]

    @property
    def watchable(self) -> bool:
        """Can it ever change, so that monitoring it makes sense?"""
        return not self.actual.constant

    @property
    def settable(self) -> bool:
        """Can the CSMS set any of its attributes?"""
        return any(a.mutability != READ_ONLY for a in self.attributes)

    def attribute(self, kind: str) -> Attribute | None:
        """The attribute of a type; None if the variable does not have it."""
        return next((a for a in self.attributes if a.type == kind), None)


Names = Mapping[tuple[str, str], Variable]
"""Variables of a component by name and instance, in lower case."""


@dataclass(frozen=True, slots=True)
class Model:
    """All variables of a model of station, in the order in which they are reported."""

    variables: tuple[Variable, ...]
    components: Mapping[tuple[str, int, int], Names] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        found: dict[tuple[str, int, int], dict[tuple[str, str], Variable]] = {}
        for row in self.variables:
            names = found.setdefault(row.where, {})
            name = (row.name.lower(), row.instance.lower())
            if name in names:
                raise ValueError(f"{row.component}.{row.name}[{row.instance}]: twice in the table")
            names[name] = row
        object.__setattr__(self, "components", found)


def value(st: State, now: float, row: Variable, attribute: Attribute) -> str:
    """What the attribute is now; "" where it has no value, or none that may be read."""
    key = attribute.key
    if key is not None and not callable(attribute.value):
        return "" if key.secret else st.conf.values[key.name]
    if isinstance(attribute.value, str):
        return attribute.value
    return attribute.value(st, now, st.evses[row.evse])


def split_name(name: str) -> tuple[str, str, str, str]:
    """The parts of ``Component.Variable[Instance].Attribute``; without the last it is Actual."""
    component, _, rest = name.partition(".")
    rest, _, kind = rest.partition(".")
    variable, _, instance = rest.partition("[")
    return component, variable, instance.rstrip("]"), kind or ACTUAL


def of_key(key: Key, measurands: tuple[str, ...]) -> Variable:
    """The row of a setting; one that is no Actual belongs to a row of the table itself."""
    component, name, instance, _ = split_name(key.name)
    number = key.kind in (Kind.INTEGER, Kind.DECIMAL)
    values = measurands if key.kind is Kind.MEASURANDS else key.values
    return Variable(
        component,
        name,
        DATA_TYPES[key.kind],
        (Attribute(key=key),),
        instance=instance,
        unit=key.unit,
        least=float(key.minimum) if number else None,
        most=float(key.maximum) if number and key.maximum != LARGEST else _longest(key),
        values=",".join(values),
    )


def _longest(key: Key) -> float | None:
    """The length of a list of measurands, and of a text that is limited by its pattern."""
    if key.kind is Kind.MEASURANDS:
        return float(MAX_VALUE)
    head, _, most = key.pattern.rpartition(",")
    return float(most.rstrip("}")) if key.kind is Kind.TEXT and head and "}" in most else None


def at(rows: Iterable[Variable], evse: int, connector: int = 0) -> list[Variable]:
    """The same rows for an EVSE, or for one of its connectors."""
    return [replace(row, evse=evse, connector=connector) for row in rows]
