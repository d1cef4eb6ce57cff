"""The kinds of value that stand in a scenario file, as annotations for the typed models.

Each says three things: how text becomes a value (raising FieldError with what was expected), how
the value is written back, and what an editor may offer for it (JSON Schema). What needs to know
which profiles or policies exist gets it through pydantic's validation context, a `Known`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from simulator.scenario import units
from simulator.scenario.addresses import read_source, read_url
from simulator.scenario.problems import FieldError, listed, nearest, redact_url

Schema = dict[str, Any]

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Years in which a scenario may start."""
LONGEST_S = 3660 * 86400.0
"""Every run is bounded in time: ten years."""
SHORTEST_S = 1.0
"""What happens at intervals happens once a second at most, so that a run has an end."""
FASTEST = 100_000.0
"""A live run passes a day of the plan in a second at most."""
MOST_STATIONS = 1_000_000
"""Every run is bounded in stations, queues and repetitions, too."""
LONGEST_TITLE = 100
"""Characters of a scenario's name: folders are named after it."""
MOST_WAITING = 1_000_000  # true has no end
MOST_REPLICATIONS = 10_000


class Profiles(Protocol):
    """Where profiles are looked up while a file is read."""

    def check(self, kind: str, name: str) -> None:
        """Raise FieldError if there is no such profile."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What a file may refer to: passed to pydantic as validation context."""

    profiles: Profiles
    policies: Collection[str]
    controllers: Collection[str] = ()
    events: Collection[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """An annotation made of a reader, a writer and a schema."""

    read: Callable[[Any, Any], Any]
    """Called with the raw value and the context (a `Known` or None)."""
    schema: Schema = field(default_factory=dict)
    write: Callable[[Any], Any] | None = None

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with ``read`` alone."""
        write = None
        if self.write is not None:
            write = core_schema.plain_serializer_function_ser_schema(self.write)
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self.read(value, info.context), serialization=write
        )

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
        """The schema as given."""
        return dict(self.schema)


def quantity(
    kind: units.Quantity, *, zero: bool = False, lowest: float = 0.0, highest: float | None = None
) -> Value:
    """Text with a unit; positive, or not negative with ``zero``; ``lowest`` to ``highest``."""

    def read(value: Any, _: Any) -> float:
        result = units.parse(kind, value)
        if result < 0 or (result == 0 and not zero):
            low = "a {} of 0 or more" if zero else "a {} above 0"
            raise FieldError(low.format(kind.name), _positive(value) if result < 0 else None)
        if result < lowest:
            raise FieldError(f"a {kind.name} of at least {units.text(kind, lowest)}")
        if highest is not None and result > highest:
            raise FieldError(f"a {kind.name} of at most {units.text(kind, highest)}")
        return result

    text_form: Schema = {
        "type": "string",
        "pattern": kind.pattern,
        "examples": [kind.example],
        "x-quantity": kind.name,
    }
    schema: Schema = text_form
    if kind is units.RATIO:
        schema = {"anyOf": [text_form, {"type": "number", "minimum": 0}]}
    return Value(read, schema, lambda value: units.text(kind, value))


def _positive(value: Any) -> str | None:
    return value.strip().removeprefix("-") if isinstance(value, str) else None


def _name(value: Any, _: Any) -> str:
    expected = "a name of letters, digits, '-' and '_' that starts with a letter, at most 32 long"
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,31}", value):
        near = (
            re.sub(r"[^A-Za-z0-9_-]+", "-", value).strip("-")[:32] if isinstance(value, str) else ""
        )
        raise FieldError(expected, near if near[:1].isalpha() else None)
    return value


def _title(value: Any, _: Any) -> str:
    if isinstance(value, str) and 0 < len(value) <= LONGEST_TITLE and value.isprintable():
        return value
    some = f"1 to {LONGEST_TITLE} characters that can be printed"
    raise FieldError(some if isinstance(value, str) else "text in quotes")


def choice(what: str, *options: str) -> Value:
    """One word out of a closed list."""

    def read(value: Any, _: Any) -> str:
        if value not in options or not isinstance(value, str):
            raise FieldError(f"{what}: {listed(options)}", nearest(value, options))
        return value

    return Value(read, {"type": "string", "enum": list(options)})


def profile(kind: str) -> Value:
    """The name of a profile that exists."""

    def read(value: Any, known: Known | None) -> str:
        if not isinstance(value, str):
            raise FieldError(f"the name of a profile ({kind})")
        if known is not None:
            known.profiles.check(kind, value)
        return value

    return Value(read, {"type": "string", "x-profile": kind})


def _policy(value: Any, known: Known | None) -> str:
    names = list(known.policies) if known is not None else None
    if not isinstance(value, str) or (names is not None and value not in names):
        raise FieldError(f"a policy: {listed(names or ['its name'])}", nearest(value, names or ()))
    return value


def controller() -> Value:
    """The name of a controller of ours."""
    return _one_of("a controller", "x-controller", lambda known: known.controllers)


def event() -> Value:
    """The name of a kind of event."""
    return _one_of("a kind of event", "x-event", lambda known: known.events)


def _one_of(what: str, mark: str, names: Callable[[Known], Collection[str]]) -> Value:
    """One of the names that the program knows; ``mark`` finds the field in the schema."""

    def read(value: Any, known: Known | None) -> str:
        options = list(names(known)) if known is not None else []
        if not isinstance(value, str) or (known is not None and value not in options):
            some = listed(options) or "there is none yet"
            raise FieldError(f"{what}: {some}", nearest(value, options))
        return value

    return Value(read, {**_TEXT, mark: True})


def _queue(value: Any, _: Any) -> bool | int:
    expected = "true, false, or the largest number of waiting drivers"
    if not isinstance(value, int) or value < 0:
        raise FieldError(expected)
    if value > MOST_WAITING:
        raise FieldError(f"{expected}, at most {MOST_WAITING}", "true")
    return value


def read_local_time(value: Any, _: Any = None) -> dt.datetime:
    """A date and time without offset; raises FieldError."""
    expected = "a local time without offset such as 2026-06-01T00:00:00"
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise FieldError(expected) from None
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime.combine(value, dt.time())
    if not isinstance(value, dt.datetime):
        raise FieldError(expected)
    if value.tzinfo is not None:
        raise FieldError(
            f"{expected} (the zone is scenario.timezone)", value.replace(tzinfo=None).isoformat()
        )
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise FieldError(f"a local time in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _clock(value: Any, _: Any) -> str:
    if isinstance(value, dt.time):
        value = value.strftime("%H:%M")
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        short = isinstance(value, str) and re.fullmatch(r"\d:[0-5]\d", value)
        near = f"0{value}" if short else None
        raise FieldError('a time of day such as "17:00"', near)
    return value


def _zone(value: Any, _: Any) -> str:
    import zoneinfo

    expected = 'an IANA time zone such as "Europe/Berlin"'
    if not isinstance(value, str) or not value:
        raise FieldError(expected)
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise FieldError(expected, nearest(value, zoneinfo.available_timezones())) from None
    return value


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of stations: a count, or a share of all."""

    count: int | None
    ratio: float | None

    def of(self, total: int) -> int:
        """Stations out of ``total``; a share is rounded to the nearest, a count is capped."""
        if self.count is not None:
            return min(self.count, total)
        assert self.ratio is not None
        return min(total, int(self.ratio * total + 0.5))

    def __str__(self) -> str:
        """As written in a scenario."""
        if self.count is not None:
            return str(self.count)
        return f"{(self.ratio or 0.0) * 100:g} %"


def read_amount(value: Any, _: Any = None) -> Amount:
    """A count or a percentage; raises FieldError."""
    expected = 'a number of stations, or a share such as "100 %"'
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Amount(value, None)
    if isinstance(value, str):
        if re.fullmatch(r"\s*\d+\s*", value):
            raise FieldError(expected, f"{value.strip()} %")
        if value.strip().endswith("%"):
            ratio = units.parse(units.RATIO, value)
            if 0 <= ratio <= 1:
                return Amount(None, ratio)
            raise FieldError('a share between "0 %" and "100 %"')
    raise FieldError(expected)


VERSIONS = ("1.6", "2.0.1")
"""OCPP versions that stations can speak, oldest first."""


def _versions(value: Any, _: Any) -> dict[str, float]:
    expected = 'OCPP versions and their shares, such as { "1.6" = 0.7, "2.0.1" = 0.3 }'
    if not isinstance(value, dict) or not value:
        raise FieldError(expected)
    for version, share in value.items():
        if version not in VERSIONS:
            raise FieldError(
                f"supported OCPP versions only ({listed(VERSIONS)}), not {version!r}",
                f'{{ "{nearest(str(version), VERSIONS) or VERSIONS[0]}" = 1.0 }}',
            )
        if isinstance(share, bool) or not isinstance(share, int | float) or share < 0:
            raise FieldError(f"{expected}: a share is a number of 0 or more")
    if abs(sum(value.values()) - 1) > 1e-6:
        raise FieldError(f"{expected}: shares that sum to 1")
    return {version: float(share) for version, share in value.items()}


_TEXT = {"type": "string"}

Power = Annotated[float, quantity(units.POWER)]
Energy = Annotated[float, quantity(units.ENERGY)]
Current = Annotated[float, quantity(units.CURRENT)]
Ratio = Annotated[float, quantity(units.RATIO, zero=True, highest=1.0)]
Duration = Annotated[float, quantity(units.DURATION, highest=LONGEST_S)]
Interval = Annotated[float, quantity(units.DURATION, lowest=SHORTEST_S, highest=LONGEST_S)]
Lateness = Annotated[float, quantity(units.DURATION, highest=600.0)]
"""How late the generator may be; more than ten minutes is no limit any more."""
DurationOrZero = Annotated[float, quantity(units.DURATION, zero=True, highest=LONGEST_S)]
Rate = Annotated[float, quantity(units.RATE)]
Name = Annotated[str, Value(_name, {**_TEXT, "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,31}$"})]
Title = Annotated[str, Value(_title, {**_TEXT, "minLength": 1, "maxLength": LONGEST_TITLE})]
LocalTime = Annotated[
    dt.datetime,
    Value(read_local_time, {**_TEXT, "examples": ["2026-06-01T00:00:00"]}, lambda v: v.isoformat()),
]
Clock = Annotated[str, Value(_clock, {**_TEXT, "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})]
Zone = Annotated[str, Value(_zone, {**_TEXT, "examples": ["Europe/Berlin"]})]
Policy = Annotated[str, Value(_policy, {**_TEXT, "x-policy": True})]
Queue = Annotated[
    bool | int,
    Value(
        _queue,
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "integer", "minimum": 0, "maximum": MOST_WAITING},
            ]
        },
    ),
]
StationAmount = Annotated[
    Amount,
    Value(
        read_amount,
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$"},
            ]
        },
        lambda amount: amount.count if amount.count is not None else str(amount),
    ),
]
Url = Annotated[
    str,
    Value(
        read_url,
        {**_TEXT, "pattern": "^(embedded$|wss?://.)", "examples": ["embedded"]},
        redact_url,
    ),
]
Version = Annotated[str, choice("a supported OCPP version", *VERSIONS)]
SOURCE = Value(read_source, {**_TEXT, "examples": ["127.0.0.2", "10.0.0.17"]})
Versions = Annotated[
    dict[str, float],
    Value(
        _versions,
        {
            "type": "object",
            "properties": {version: {"type": "number", "minimum": 0} for version in VERSIONS},
            "additionalProperties": False,
        },
    ),
]
