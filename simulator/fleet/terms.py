"""What station models and versions make of the same drivers: how long they wait, what they tell.

Read from each model's configuration by the very rules of the station (its version table), as
columns for the prediction. No messages here: ``manners`` works out what the terms change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulator.fleet.shardplan import measured
from simulator.station.events import Event
from simulator.station.model import AUTHORIZED, CONNECTED
from simulator.station.settings import Settings
from simulator.station.versions import (
    TABLES,
    configuration_of,
    tells_authorisation,
    tells_next_use,
)

if TYPE_CHECKING:
    from simulator.scenario import StationModel
    from simulator.station.configuration import Configuration

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]
_RUN: Final = "predict"


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of each station, as columns."""

    wait_s: F64
    """ConnectionTimeOut; ``inf``: it waits for ever."""
    tells_use: Flags
    """A status tells that a car charges again which was plugged in all along (1.6)."""
    tells_promise: Flags
    """A status tells that somebody is authorised who has not plugged in (1.6)."""
    tells_giving_up: Flags
    """A message tells that the station waits no longer for a token (1.6)."""
    from_cable: Flags
    """Transactions begin with the cable (TxStartPoint EVConnected)."""
    from_token: Flags
    """They begin with the authorisation, cable or not (TxStartPoint Authorized)."""
    to_cable: Flags
    """Only the cable ends them (TxStopPoint EVConnected alone)."""
    cable_ends: Flags
    """Unplugging ends a transaction; else drivers stop it first (a locked cable)."""

    @classmethod
    def of(cls, models: Sequence[StationModel], versions: Sequence[str]) -> Terms:
        """Of stations of these models that speak these versions."""
        pairs = list(zip(models, versions, strict=True))
        known = {pair: _row(*pair) for pair in dict.fromkeys(pairs)}
        rows = [known[pair] for pair in pairs]
        columns = list(zip(*rows, strict=True)) if rows else [()] * 8
        wait, *flags = columns
        return cls(np.array(wait, np.float64), *(np.array(flag, dtype=bool) for flag in flags))


def _row(kind: StationModel, version: str) -> tuple[float | bool, ...]:
    table = TABLES[version]
    try:
        conf = configured(kind, version)
    except ValueError:
        conf = table.configure(Settings(_RUN), {})  # ``predict`` says so
    return (
        conf.connection_timeout_s if conf.connection_timeout_s > 0.0 else np.inf,
        tells_next_use(table),
        tells_authorisation(table),
        bool(table.messages[Event.FINISHING]),
        bool(conf.start_points & CONNECTED),
        bool(conf.start_points & AUTHORIZED),
        _only_cable_ends(conf),
        conf.stop_on_disconnect,
    )


def _only_cable_ends(conf: Configuration) -> bool:
    return not conf.stop_points & ~CONNECTED


def moves_transactions(conf: Configuration) -> bool:
    """Whether transactions begin or end otherwise than with who is authorised and plugged in."""
    return bool(conf.start_points & (CONNECTED | AUTHORIZED)) or _only_cable_ends(conf)


def configured(kind: StationModel, version: str) -> Configuration:
    """The configuration of the stations of a model that speak this version.

    Raises ValueError for one that they cannot have.
    """
    settings = Settings(_RUN, configuration_of(version, kind.configuration), measured(kind))
    return TABLES[version].configure(settings, {})
