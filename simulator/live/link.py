"""One station and its connection: performs the station's effects, and tells it what happened.

The only thing that a link decides is nothing: when to connect, what to send and when to give up is
the station's. It measures the connection's own steps and keeps the station's last frames.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from simulator.fleet.remotestart import AskStart, Begun
from simulator.live.commands import Commands
from simulator.live.connection import Connection, Upgrade
from simulator.live.deadlines import Deadlines
from simulator.live.dial import Dialled, DialRules, dial
from simulator.live.failures import ConnectError
from simulator.live.frames import RECEIVED, SENT, FrameRing
from simulator.live.ports import Driven, Watcher
from simulator.live.target import TargetError, parse_target
from simulator.live.tls import Tls, suspicion
from simulator.live.trace import Tracer
from simulator.live.transfers import Transfers
from simulator.measure.errors import ErrorKind
from simulator.station.effects import (
    Abandon,
    Close,
    Connect,
    Download,
    Effect,
    Send,
    Upload,
)
from simulator.station.network import TLS_CLIENT
from simulator.station.ports import Transfer


class Surroundings:
    """What all links of a shard share. ``accepting`` False: no new connections are opened."""

    __slots__ = (
        "accepting",
        "clock",
        "commands",
        "deadlines",
        "moved",
        "ping_s_of",
        "route",
        "rules",
        "tasks",
        "tls",
        "tracer",
        "transfers",
        "upgrade",
        "watcher",
    )

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        deadlines: Deadlines,
        rules: DialRules,
        upgrade: Upgrade,
        watcher: Watcher,
        tracer: Tracer | None = None,
        ping_s_of: Callable[[Any], float] | None = None,
        transfers: Transfers | None = None,
        tls: Tls | None = None,
        commands: Commands | None = None,
        route: Callable[[int], DialRules] | None = None,
    ) -> None:
        self.clock = clock
        self.deadlines = deadlines
        self.moved: Callable[[], None] = _nothing
        """Called when the earliest deadline has moved closer."""
        self.rules = rules
        self.route = route
        """The way that each station takes for its next attempt; None: ``rules`` for all."""
        self.upgrade = upgrade
        self.watcher = watcher
        self.tracer = tracer
        self.ping_s_of = ping_s_of
        """A station's interval between WebSocket pings, 0 for none; None: nobody pings."""
        self.transfers = transfers
        """None: made when first needed, and then a transfer is only played."""
        self.tls = tls
        """What is between socket and WebSocket; None: nothing."""
        self.commands = commands
        """Calls the CSMS's API for drivers with an app; None: nobody does."""
        self.accepting = True
        self.tasks: set[asyncio.Task[None]] = set()
        """Attempts to connect that are under way."""

    def attempted(self, task: asyncio.Task[None]) -> None:
        """An attempt is over. A fault of our own in it must not stay in the task."""
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": "an attempt to connect failed", "exception": error}
            task.get_loop().call_exception_handler(context)


def _nothing() -> None:
    """Nobody keeps a timer."""


class Link:
    """Owner of a station's connection (``owner.Owner``) and performer of its effects."""

    __slots__ = (
        "_connection",
        "_dialling",
        "_forsaken",
        "_index",
        "_password",
        "_pending",
        "_ping_due",
        "_retired",
        "_ring",
        "_shared",
        "_station",
        "_station_id",
        "_trace",
        "_transfers",
        "_unwanted",
        "_upgrade",
    )

    def __init__(
        self,
        index: int,
        station_id: str,
        password: str | bytes | None,
        station: Driven,
        shared: Surroundings,
        *,
        upgrade: Upgrade | None = None,
        traced: bool = False,
    ) -> None:
        """``upgrade`` is what this station asks for, where it is not what all do."""
        self._index = index
        self._station_id = station_id
        self._password: str | bytes | None = password
        self._station = station
        self._shared = shared
        self._connection: Connection | None = None
        self._pending: Connection | None = None
        self._ping_due = inf
        self._dialling = False
        self._retired = False
        self._unwanted = False
        """The station was switched off while it was connecting."""
        self._forsaken = 0
        """Connections that were dropped because the station came back before they had closed."""
        self._ring = FrameRing()
        self._upgrade = upgrade or shared.upgrade
        self._transfers: dict[int, Callable[[], None]] | None = None
        """What cancels each transfer that is under way."""
        self._trace = shared.tracer if traced else None

    # -- for the shard --------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """The WebSocket is open."""
        return self._connection is not None

    def frames(self) -> list[str]:
        """The last frames, oldest first, as an error report shows them."""
        return [f"{now:.6f} {way} {text}" for now, way, text in self._ring.rows()]

    def start(self, now: float) -> None:
        """Power on."""
        self._station.start(now)
        self.settle(now)

    def wake(self, now: float) -> None:
        """The deadline that was armed has come; it may have moved on in the meantime."""
        station = self._station
        if station.next_deadline <= now:
            station.wake(now)
        if self._ping_due <= now:
            self._ping(now)
        self.settle(now)

    def settle(self, now: float) -> None:
        """Perform what the station asks for, and arm its next deadline."""
        station = self._station
        for effect in station.take_effects():
            if type(effect) is Send:
                self._send(now, effect)
            else:
                self._perform(effect)
        shared = self._shared
        when = station.next_deadline
        if self._ping_due < when:
            when = self._ping_due
        if shared.deadlines.arm(self._index, when):
            shared.moved()

    def stop_all(self, now: float, reason: str) -> None:
        """Stop the station's transactions."""
        self._station.stop_all(now, reason)
        self.settle(now)

    def retire(self, now: float) -> None:
        """The run is over for this station: what is open is censored, nothing is sent any more."""
        self._station.finish(now)
        self._retired = True
        for cancel in (self._transfers or {}).values():
            cancel()
        self._transfers = None

    def hang_up(self, code: int, reason: str) -> None:
        """Close the connection of a retired station."""
        if self._connection is not None:
            self._connection.close(code, reason)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._connection is not None:
            self._connection.abort()

    # -- owner.Owner ----------------------------------------------------------------------------

    def message(self, now: float, frame: bytes) -> None:
        """A text message arrived at ``now``."""
        self._ring.append(now, RECEIVED, frame)
        if self._trace is not None:
            self._trace.write(now, self._station_id, False, frame)
        if self._retired:
            return
        if self._shared.commands is not None:
            self._shared.commands.look(self._index, now, frame)
        self._station.receive(now, frame)
        self.settle(now)
        if self._shared.commands is not None:
            self._shared.commands.settled(self._index, now)

    def broken(self, now: float, kind: ErrorKind, detail: str) -> None:
        """The peer sent something that is no text message."""
        self._shared.watcher.error(self._index, kind, detail, now)

    def writable(self, now: float, flag: bool) -> None:
        """The socket's buffer is full, or has room again."""
        if self._connection is not None and not self._retired:
            self._station.writable(now, flag)
            self.settle(now)

    def secured(self, seconds: float, resumed: bool) -> None:
        """The TLS handshake of the pending connection is over."""
        self._shared.watcher.connect_step("tls_resumed" if resumed else "tls", seconds)

    def opened(self, now: float) -> None:
        """The upgrade of the pending connection succeeded."""
        connection, self._pending = self._pending, None
        if connection is None:
            return
        if self._retired:
            connection.abort()
            return
        self._connection = connection
        watcher = self._shared.watcher
        watcher.connect_step("upgrade", max(now - connection.request_sent, 0.0))
        watcher.connected(self._index, now)
        if self._unwanted:
            self._unwanted = False
            connection.close(1000, "switched off")
            return
        self._arm_ping(now)
        self._station.connected(now)
        self.settle(now)

    def closed(self, now: float, kind: ErrorKind | None, detail: str) -> None:
        """The connection is gone."""
        if self._forsaken:
            self._forsaken -= 1
            return
        self._connection = None
        self._ping_due = inf
        shared = self._shared
        shared.watcher.disconnected(self._index, now)
        if self._retired:
            return
        if kind is not None:
            shared.watcher.error(self._index, kind, detail, now)
        self._station.disconnected(now, detail if kind is None else f"{kind}: {detail}")
        self.settle(now)

    # -- inside ---------------------------------------------------------------------------------

    def _perform(self, effect: Effect | AskStart | Begun) -> None:
        if type(effect) is Connect:
            self._connect(effect)
        elif type(effect) is Close:
            if self._connection is not None:
                self._connection.close(effect.code, effect.reason)
            self._unwanted = self._dialling
        elif isinstance(effect, Download | Upload):
            self._transfer(effect)
        elif isinstance(effect, AskStart | Begun):
            self._app(effect)
        elif type(effect) is Abandon:
            cancel = (self._transfers or {}).pop(effect.id, None)
            if cancel is not None:
                cancel()

    def _app(self, effect: AskStart | Begun) -> None:
        """A driver has the CSMS start his charge, or it has begun."""
        commands, now = self._shared.commands, self._shared.clock()
        if commands is None or self._retired:
            return
        if isinstance(effect, AskStart):
            commands.ask(self._index, now, effect)
        else:
            commands.begun(self._index, now, effect)

    def _transfer(self, effect: Download | Upload) -> None:
        """Fetch or store a file, or let the time pass that it would take."""
        shared = self._shared
        if shared.transfers is None:
            shared.transfers = Transfers()
        if self._transfers is None:
            self._transfers = {}
        number = effect.id

        def done(outcome: Transfer, digest: bytes, played: bool) -> None:
            if self._transfers is None or self._transfers.pop(number, None) is None:
                return
            now = shared.clock()
            self._station.transferred(now, number, outcome, digest, played=played)
            self.settle(now)

        self._transfers[number] = shared.transfers.start(effect, done)

    def _send(self, now: float, effect: Send) -> None:
        connection = self._connection
        if connection is None or not connection.send(effect.data):
            return
        if effect.call:
            now = self._shared.clock()
            self._station.written(now)
        elif self._shared.commands is not None:
            self._shared.commands.replied(self._index, self._shared.clock(), effect.data)
        self._ring.append(now, SENT, effect.data)
        if self._trace is not None:
            self._trace.write(now, self._station_id, True, effect.data)

    def _arm_ping(self, now: float) -> None:
        ask = self._shared.ping_s_of
        every = 0.0 if ask is None else ask(self._station)
        self._ping_due = now + every if every > 0.0 else inf

    def _ping(self, now: float) -> None:
        """Ping; a peer that has said nothing since the last ping is taken for gone."""
        connection = self._connection
        self._arm_ping(now)
        if connection is not None and not connection.ping():
            self._shared.watcher.error(self._index, ErrorKind.PING_TIMEOUT, "no pong", now)
            connection.abort()

    def _connect(self, wish: Connect) -> None:
        shared = self._shared
        self._unwanted = False
        if self._dialling or not shared.accepting:
            return
        if self._connection is not None:
            if self._connection.is_open:
                return
            self._forsake(self._connection)
        if wish.url and not self._is_target(wish.url):
            # Whoever runs this has named one target; a CSMS cannot name another one.
            asyncio.get_running_loop().call_soon(self._not_dialled)
            return
        if wish.password is not None:
            self._password = wish.password
        self._dialling = True
        task = asyncio.get_running_loop().create_task(self._attempt(wish))
        shared.tasks.add(task)
        task.add_done_callback(shared.attempted)

    def _forsake(self, connection: Connection) -> None:
        """The old connection has not closed by the time that its station wants a new one."""
        if connection.abort():
            self._forsaken += 1
        self._connection = None
        self._ping_due = inf
        self._shared.watcher.disconnected(self._index, self._shared.clock())

    def _is_target(self, url: str) -> bool:
        try:
            return parse_target(url) == self._shared.upgrade.target
        except TargetError:
            return False

    def _not_dialled(self) -> None:
        if not self._retired:
            now = self._shared.clock()
            self._station.disconnected(now, "another CSMS is not dialled")
            self.settle(now)

    async def _attempt(self, wish: Connect) -> None:
        shared = self._shared
        rules = shared.rules if shared.route is None else shared.route(self._index)
        try:
            tcp_s = await dial(rules, partial(self._make, wish), shared.clock)
        except ConnectError as failure:
            self._dialling = False
            self._pending = None
            if self._retired:
                return
            now = shared.clock()
            shared.watcher.error(self._index, failure.kind, failure.detail, now)
            event = suspicion(failure, shared.tls)
            if event:
                self._station.insecure(now, event, failure.detail)
            self._station.disconnected(now, str(failure))
            self.settle(now)
            return
        finally:
            self._dialling = False
        shared.watcher.connect_step("tcp", tcp_s)

    def _make(self, wish: Connect, decided: asyncio.Future[None]) -> Dialled:
        shared = self._shared
        # A certificate takes the password's place.
        password = None if wish.security_profile == TLS_CLIENT else self._password
        connection = self._pending = Connection(
            self, self._upgrade, self._station_id, password, decided, shared.clock
        )
        if shared.tls is None:
            return connection
        return shared.tls.layer(connection, self._index, wish, shared.clock)
