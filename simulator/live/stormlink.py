"""A link that storms strike: power fails, connections are cut, the target is away for a while.

What ``link`` does not know of a station, and only runs with storms need. ``storms`` calls it.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, cast

from simulator.live.link import Link, Surroundings
from simulator.live.parting import drop, part
from simulator.live.ports import Driven, Watcher
from simulator.measure.errors import ErrorKind
from simulator.measure.stormlog import StormLog
from simulator.station.effects import Connect

if TYPE_CHECKING:
    from simulator.scenario.storm_model import Close
    from simulator.station.station import Station

AWAY = "the target is away (emulated)"
CUT = "cut by a storm (emulated)"


class Struck(Driven, Protocol):
    """A virtual station that can lose its power."""

    station: Station

    @property
    def switched_off(self) -> bool:
        """A stage has switched it off."""
        ...

    def power_off(self, now: float) -> None:
        """The power fails."""
        ...

    def power_on(self, now: float) -> None:
        """The power is back."""
        ...


class StormWatch:
    """Whoever measures connections, and the log of storms beside it."""

    def __init__(self, watcher: Watcher, log: StormLog) -> None:
        self._watcher = watcher
        self.log = log

    def connect_step(self, step: str, seconds: float) -> None:
        """See ``Watcher``."""
        self._watcher.connect_step(step, seconds)

    def connected(self, station: int, now: float) -> None:
        """See ``Watcher``."""
        self._watcher.connected(station, now)
        self.log.connected(station, now)

    def disconnected(self, station: int, now: float) -> None:
        """See ``Watcher``."""
        self._watcher.disconnected(station, now)
        self.log.disconnected(station, now)

    def error(self, station: int | None, kind: ErrorKind, detail: str, now: float) -> None:
        """See ``Watcher``."""
        self._watcher.error(station, kind, detail, now)


class StormLink(Link):
    """A link with a station that may be struck."""

    __slots__ = ("_attempting", "_away", "_dark", "_held", "_log", "_off", "_waits")

    def __init__(
        self,
        index: int,
        station_id: str,
        password: str | bytes | None,
        station: Struck,
        shared: Surroundings,
        log: StormLog,
        **more: Any,
    ) -> None:
        """As ``Link``; ``log`` hears of every attempt to connect."""
        super().__init__(index, station_id, password, station, shared, **more)
        self._log = log
        self._away = False
        self._dark = False
        self._off = False
        """A stage has switched the station off."""
        self._waits = False
        """It was to be switched on for the first time while there was no power."""
        self._held: asyncio.Transport | None = None
        """A connection that fell silent with the power."""
        self._attempting: asyncio.Task[None] | None = None

    # -- for storms -----------------------------------------------------------------------------

    def power_off(self, now: float, close: Close) -> None:
        """The power fails, and with it the connection."""
        if self._retired or self._dark:
            return
        self._dark = True
        self._struck.power_off(now)
        self._lose(now, close)
        if self._attempting is not None:
            self._attempting.cancel()
            self._attempting = self._pending = None
        self.settle(now)

    def power_on(self, now: float) -> None:
        """The power is back: what was left of the old connection is reset, the station boots."""
        if self._retired or not self._dark:
            return
        self._dark = False
        self._let_drop()
        self._struck.power_on(now)
        if self._waits:
            self._waits = False
            super().start(now)
        self.settle(now)

    def cut(self, now: float, close: Close) -> None:
        """The connection ends as if the target had ended it."""
        if self._retired or self._dark or self._connection is None:
            return
        self._lose(now, close)
        self._station.disconnected(now, CUT)
        self.settle(now)

    def away(self, flag: bool) -> None:
        """The target cannot be reached, or can again."""
        self._away = flag

    def reset(self, now: float, hard: bool) -> None:
        """The station resets as if it had been told to."""
        self._do(now, lambda station: station.reset(now, hard))

    def align(self, now: float, seconds: int | None) -> None:
        """Clock-aligned meter values at another interval; None: at the station's own."""
        self._do(now, lambda station: station.align(now, seconds))

    def hurry(self, flag: bool) -> None:
        """Whether the station knows no back-off."""
        self._struck.station.impatient = flag

    # -- as a link ------------------------------------------------------------------------------

    def start(self, now: float) -> None:
        """See ``Link``; without power it comes later."""
        if self._dark:
            self._waits = True
        else:
            super().start(now)

    def settle(self, now: float) -> None:
        """See ``Link``; tells the log of a stage that has switched the station."""
        off = self._struck.switched_off
        if off is not self._off:
            self._off = off
            self._log.switched(self._index, off, now)
        super().settle(now)

    def opened(self, now: float) -> None:
        """See ``Link``; a station without power has no use for it."""
        if self._dark and self._pending is not None:
            self._pending.abort()
            self._pending = None
            return
        super().opened(now)
        if self._away:
            self.cut(now, "rst")

    def abort(self) -> None:
        """Drop whatever is open at once."""
        self._let_drop()
        super().abort()

    def _connect(self, wish: Connect) -> None:
        if not self._away:
            super()._connect(wish)
            return
        if self._shared.accepting:
            self._log.attempted(self._index, self._shared.clock())
            asyncio.get_running_loop().call_soon(self._turned_away)

    async def _attempt(self, wish: Connect) -> None:
        self._log.attempted(self._index, self._shared.clock())
        self._attempting = asyncio.current_task()
        await super()._attempt(wish)
        self._attempting = None

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _struck(self) -> Struck:
        return cast(Struck, self._station)

    def _do(self, now: float, what: Any) -> None:
        if not self._retired and not self._dark:
            self._station.wake(now)
            what(self._struck.station)
            self.settle(now)

    def _lose(self, now: float, close: Close) -> None:
        """The connection is over for the station, however it ends for the target."""
        connection, self._connection = self._connection, None
        self._ping_due = inf
        if connection is not None:
            self._held = part(connection, close)
            self._shared.watcher.disconnected(self._index, now)

    def _let_drop(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            drop(held)

    def _turned_away(self) -> None:
        if not self._retired and not self._dark:
            now = self._shared.clock()
            self._station.disconnected(now, AWAY)
            self.settle(now)
