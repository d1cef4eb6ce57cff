"""What the configuration of stations makes of the same drivers: how long they wait, what they tell.

Columns for the prediction, by the very rules of the station: its version's table and its parsed
``Configuration``, which ``setup`` reads. No messages here: ``manners`` works out what the terms
change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.station.events import Event
from simulator.station.model import AUTHORIZED, CONNECTED
from simulator.station.versions import tells_authorisation, tells_next_use

if TYPE_CHECKING:
    from simulator.station.configuration import Configuration
    from simulator.station.state import VersionTable

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]


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
    asks_nobody: Flags
    """Nobody is authorised: whoever plugs in may charge (AuthCtrlr.Enabled, FreeVendActive)."""
    takes_contracts: Flags
    """Cars may identify themselves (2.0.1 C07)."""
    asks_about_app: Flags
    """The CSMS is asked about the token that it starts a charge with (AuthorizeRemoteTxRequests);
    in 2.x that is of type Central, and it is not (C05.FR.01)."""

    @classmethod
    def of(cls, stations: Sequence[tuple[VersionTable, Configuration]]) -> Terms:
        """Of stations of these versions with these configurations."""
        kinds = {id(conf): (table, conf) for table, conf in stations}
        known = {key: _row(*kind) for key, kind in kinds.items()}
        rows = [known[id(conf)] for _, conf in stations]
        wait, *flags = list(zip(*rows, strict=True)) if rows else [()] * 11
        return cls(np.array(wait, np.float64), *(np.array(flag, dtype=bool) for flag in flags))


def _row(table: VersionTable, conf: Configuration) -> tuple[float | bool, ...]:
    return (
        conf.connection_timeout_s if conf.connection_timeout_s > 0.0 else np.inf,
        tells_next_use(table),
        tells_authorisation(table),
        bool(table.messages[Event.FINISHING]),
        bool(conf.start_points & CONNECTED),
        bool(conf.start_points & AUTHORIZED),
        _only_cable_ends(conf),
        conf.stop_on_disconnect,
        not conf.authorisation,
        bool(table.messages[Event.EV_CERTIFICATE]),
        conf.authorize_remote and table.version == "1.6",
    )


def _only_cable_ends(conf: Configuration) -> bool:
    return not conf.stop_points & ~CONNECTED


def moves_transactions(conf: Configuration) -> bool:
    """Whether transactions begin or end otherwise than with who is authorised and plugged in."""
    return bool(conf.start_points & (CONNECTED | AUTHORIZED)) or _only_cable_ends(conf)
