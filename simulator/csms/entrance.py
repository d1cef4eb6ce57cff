"""What the CSMS remembers of who came in and how, from one connection of a station to the next.

A station that has shown a certificate may not come with less; a password that a command changed
holds from the next connection on. ``door`` has the rules for a single handshake. No sockets; called
by :mod:`simulator.csms.central`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.csms.door import Refusal, Registers, refuse, refuse_shown
from simulator.csms.secure import offered_password, took_password

if TYPE_CHECKING:
    from simulator.csms.line import Outcome
    from simulator.csms.secure import Shown
    from simulator.csms.shelf import Shelf


class Entrance:
    """Decides who may connect. ``operator``: the organisation that certificates must name.

    ``shelf`` has what other workers of the same CSMS know; None: there are none.
    """

    def __init__(
        self, registers: Registers, operator: str | None, shelf: Shelf | None = None
    ) -> None:
        self._registers = registers
        self._operator = operator
        self._shelf = shelf
        self._certified: set[str] = set()
        """Stations that have come with a certificate, and may not come with less (A05.FR.07)."""
        self._offered: dict[str, bytes] = {}
        """New passwords of stations that were gone before they answered."""

    def refusal(
        self, station_id: str, authorization: str | None, certificate: Shown | None
    ) -> Refusal | None:
        """Why a station may not connect; None if it may.

        ``authorization`` is the header, ``certificate`` what the station showed in the handshake.
        """
        if certificate is not None:
            refusal = refuse_shown(station_id, certificate, self._registers, self._operator)
            if refusal is None:
                self._certified.add(station_id)
            return refusal
        if station_id in self._certified:
            return Refusal(401, "less secure than before", "this station has a certificate\n")
        known = self._registers.passwords
        offered = self._offered.get(station_id)
        if self._shelf is not None and known is not None and station_id in known:
            known[station_id] = self._shelf.taken(station_id) or known[station_id]
            offered = self._shelf.offered(station_id)
        refusal = refuse(station_id, authorization, known)
        if refusal is None or offered is None or known is None:
            return refusal
        if refuse(station_id, authorization, {station_id: offered}) is not None:
            return refusal
        self._offered.pop(station_id, None)
        self._changed(station_id, offered)
        return None

    def commanded(
        self, station_id: str, action: str, payload: dict[str, Any], outcome: Outcome
    ) -> None:
        """A command was sent: if it changed the station's password, that one holds from now on."""
        passwords = self._registers.passwords
        offered = offered_password(action, payload)
        if passwords is None or offered is None:
            return
        if outcome.result != "answered":
            self._offered[station_id] = offered  # it may have been taken
            if self._shelf is not None:
                self._shelf.offer(station_id, offered)
        elif took_password(action, outcome.payload):
            self._changed(station_id, offered)

    def _changed(self, station_id: str, password: bytes) -> None:
        """A station has a new password, which all workers are to know."""
        if self._registers.passwords is not None:
            self._registers.passwords[station_id] = password
        if self._shelf is not None:
            self._shelf.take(station_id, password)
