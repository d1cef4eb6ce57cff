"""The OCPP versions that a station can speak: each one's table, by the name that scenarios use.

The configuration of a model is written in keys of 1.6, for stations of any version; what only 2.x
has is set by its variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from simulator.station import v16, v16_keys, v201, v201_keys
from simulator.station.events import Event
from simulator.station.model import Evse, Status
from simulator.station.settings import Settings
from simulator.station.state import VersionTable

TABLES: Final[Mapping[str, VersionTable]] = {
    table.version: table for table in (v16.TABLE, v201.TABLE)
}


def configuration_of(version: str, given: Mapping[str, str]) -> dict[str, str]:
    """The part of a model's configuration, in keys of 1.6, that a version has: in its own names.

    In 2.x a key becomes the variable that sets the same; one without a counterpart is left out
    (``v201_keys.FROM_16``). Raises ValueError for names that are no keys of 1.6.
    """
    for name in given:
        if name.lower() not in v16_keys.KEYS:
            near = get_close_matches(name, [key.name for key in v16_keys.KEYS.values()], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"configuration {name!r}: not a key of OCPP 1.6{hint}")
    if version == v16.TABLE.version:
        return dict(given)
    pairs = ((v201_keys.translated(name), value) for name, value in given.items())
    return {name: value for name, value in pairs if name is not None}


def statuses_at_boot(table: VersionTable, evses: int) -> int:
    """How many statuses a station with so many EVSEs reports once it is accepted."""
    return sum(table.word(evse) is not None for evse in (Evse(0), *map(Evse, range(1, evses + 1))))


def tells_startup(table: VersionTable, security_profile: int) -> bool:
    """Whether a station tells, as a security event, that it has started."""
    settings = Settings("predict", security_profile=security_profile)
    return table.configure(settings, {}).security_events


def tells_next_use(table: VersionTable) -> bool:
    """Whether a status is told when a car that was plugged in all along begins to charge again."""
    evse = Evse(1)
    evse.plugged, evse.status = True, Status.FINISHING
    before = table.word(evse)
    evse.status = Status.PREPARING
    return table.word(evse) != before


def tells_authorisation(table: VersionTable) -> bool:
    """Whether a status is told when somebody is authorised who has not plugged in."""
    evse = Evse(1)
    before = table.word(evse)
    evse.status = Status.PREPARING
    return table.word(evse) != before


def reads_idle_apart(table: VersionTable) -> bool:
    """Whether a clock-aligned reading goes into another message where no transaction runs."""
    return table.messages[Event.CLOCK_ALIGNED] != table.messages[Event.CLOCK_ALIGNED_IDLE]
