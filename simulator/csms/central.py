"""The embedded CSMS as an asyncio server: accepts stations and keeps what they say.

A test target with in-memory state, not a CSMS to run a network with: no users, no billing, no
persistence beyond an optional SQLite file. It sends a station what a boot script or a caller of
:meth:`CentralSystem.command` says, nothing of its own. A test starts it on its own loop;
:mod:`simulator.csms.service` gives it a process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import ocpp.messages
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from simulator.csms.books import Books
from simulator.csms.desk import Desk, now_iso
from simulator.csms.door import (
    SUBPROTOCOLS,
    Refusal,
    Registers,
    compression,
    read_registers,
    select_subprotocol,
    station_of,
)
from simulator.csms.entrance import Entrance
from simulator.csms.faults import FaultyWire
from simulator.csms.journal import Journal
from simulator.csms.line import Outcome
from simulator.csms.options import CsmsOptions, Faults
from simulator.csms.peer import Peer, connections
from simulator.csms.point import POINTS, Point
from simulator.csms.secure import server_context, shown
from simulator.csms.shared import share
from simulator.csms.shelf import Shelf
from simulator.csms.tokens import Tokens

if TYPE_CHECKING:
    from simulator.csms.authority import Authority
    from simulator.csms.onboot import Step

BACKLOG = 4096
"""Connections that may wait to be accepted: a whole fleet can knock at once."""
OPEN_TIMEOUT_S = 60.0
"""Long, for a boot storm on a busy machine: the station decides when to give up."""
CLOSE_TIMEOUT_S = 2.0
COMMAND_TIMEOUT_S = 30.0
"""How long a station may take to answer a command, unless the caller says."""
SOON_S = 0.05
"""Until a stall or a crash that was asked for, so that who asked gets an answer."""
_GOING_AWAY = 1001
_PROTOCOL_ERROR = 1002
_POLICY_VIOLATION = 1008


class CentralSystem:
    """A CSMS of OCPP-J 1.6 and 2.0.1 on one port and one event loop.

    ``async with CentralSystem(CsmsOptions(port=0)) as csms:`` listens at ``csms.url``; what it
    learns is in ``csms.holdings``. Raises OSError if the port is taken; InputError, JournalError
    and TlsFilesError for files that it cannot use.
    """

    def __init__(self, options: CsmsOptions, registers: Registers | None = None) -> None:
        """Read the files that ``options`` name, unless ``registers`` is given."""
        self.options = options
        registers = read_registers(options) if registers is None else registers
        shelf = None if options.held is None else Shelf(options.held.parent)
        self._entrance = Entrance(registers, options.operator, shelf)
        self._script: Mapping[str, Sequence[Step]] = {}
        if options.on_boot is not None:
            from simulator.csms import onboot  # not paid for by who has no script

            self._script = onboot.read(options.on_boot)
        self._shared = share(options, Tokens(registers.tokens))
        self.holdings = self._shared.holdings
        self.tokens = self._shared.tokens
        self.mischief = self._shared.mischief
        self._tls = server_context(options)
        self._server: Server | asyncio.Server | None = None
        self._live: dict[str, Point | Peer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port listened on."""
        if self._server is None:
            raise RuntimeError("the CSMS is not listening")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def url(self) -> str:
        """The address to which a station appends ``/`` and its identity."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        scheme = "ws" if self._tls is None else "wss"
        return f"{scheme}://{host}:{self.port}"

    async def start(self) -> None:
        """Open the database, if any, and listen."""
        # The package would otherwise check every message in a thread: half the speed.
        ocpp.messages.ASYNC_VALIDATION = False
        if self.options.sqlite is not None:
            journal = self._shared.journal = Journal(self.options.sqlite)
            if self.options.worker is None:
                for transaction in journal.transactions():
                    self.holdings.adopt(transaction)
            else:
                self.holdings.step = self.options.workers
                self.holdings.next_transaction = 1 + self.options.worker
                self.holdings.number_on(journal.last_number())
            self._shared.books = Books(journal, self.mischief, self.holdings)
            journal.start()
        try:
            self._server = await (self._listen_fast() if self.options.fast else self._listen())
        except BaseException:
            self._close_journal()
            raise

    async def _listen(self) -> Server:
        """The reference: the ``ocpp`` package on the ``websockets`` library."""
        return await serve(
            self._converse,
            self.options.host,
            self.options.port,
            process_request=self._at_the_door,
            select_subprotocol=select_subprotocol,
            compression=None,
            extensions=compression(),
            ping_interval=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            backlog=BACKLOG,
            ssl=self._tls,
            reuse_port=self.options.worker is not None,
            logger=_quiet_logger(),
        )

    async def _listen_fast(self) -> asyncio.Server:
        """The fast path: an asyncio protocol for each connection."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            connections(self),
            self.options.host,
            self.options.port,
            backlog=BACKLOG,
            ssl=self._tls,
            reuse_port=self.options.worker is not None,
        )

    async def stop(self) -> None:
        """Close every connection (1001, going away), stop listening, write everything down."""
        if self._server is not None:
            self.holdings.connected_at_end = self.holdings.connected()
            self._server.close()
            if self.options.fast:
                left = [peer.leave(_GOING_AWAY, "") for peer in self._live.values()]
                await asyncio.gather(*left)
                while self._live:
                    await asyncio.sleep(0.01)
            await self._server.wait_closed()
            self._server = None
        # Every line is closed, so that what still runs here ends by itself.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close_journal()

    async def __aenter__(self) -> CentralSystem:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _close_journal(self) -> None:
        journal, self._shared.journal = self._shared.journal, None
        if journal is not None:
            journal.close()

    # -- who enters and leaves (what a fast peer asks too) ----------------------------------------

    def door(
        self, station_id: str, authorization: str | None, transport: asyncio.BaseTransport
    ) -> Refusal | None:
        """Why a station may not connect, counted; None if it may."""
        certificate = None if self._tls is None else shown(transport)
        refusal = self._entrance.refusal(station_id, authorization, certificate)
        if refusal is not None:
            self.refused(refusal.reason)
        return refusal

    def refused(self, why: str) -> None:
        """Count a handshake that led to nothing."""
        self.holdings.refused[why] += 1

    def enter(self, station_id: str, version: str, end: Point | Peer) -> Desk:
        """A station is connected: the desk that serves it."""
        desk = Desk(station_id, version, self._shared, self, end)
        self._replace(station_id, end)
        journal = self._shared.journal
        if self.options.worker is not None and journal is not None:
            # It may have been with another worker since it was here.
            for transaction in journal.of_station(station_id):
                self.holdings.adopt(transaction)
        desk.record.connects += 1
        desk.record.connected = True
        return desk

    def leave(self, end: Point | Peer) -> None:
        """The connection is gone."""
        if self._live.get(end.id) is end:
            del self._live[end.id]
            self.holdings.station(end.id).connected = False

    def complain(self, what: str) -> None:
        """Count a frame that could not be handled."""
        self.holdings.complaints[what] += 1

    # -- the reference ----------------------------------------------------------------------------

    def _at_the_door(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse a handshake with an HTTP error, or let it pass."""
        station_id = station_of(request.path)
        refusal = self.door(station_id, request.headers.get("Authorization"), connection.transport)
        if refusal is None:
            return None
        response = connection.respond(refusal.status, refusal.text)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
        return response

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one connection until it closes."""
        version = SUBPROTOCOLS.get(connection.subprotocol or "")
        if version is None:
            self.refused("no common sub-protocol")
            spoken = " and ".join(SUBPROTOCOLS)
            await connection.close(_PROTOCOL_ERROR, f"this CSMS speaks {spoken}")
            return
        assert connection.request is not None
        point = POINTS[version](station_of(connection.request.path), connection)
        point.begin(self.enter(point.id, version, point))
        try:
            await self._hear(connection, point)
        except ConnectionClosed:
            pass
        finally:
            point.line.close()
            self.leave(point)

    async def _hear(self, connection: ServerConnection, point: Point) -> None:
        """Hand every frame to the package's routing, one after the other, as they come."""
        mischief, wire = self.mischief, None
        try:
            while True:
                frame = await connection.recv()
                try:
                    if mischief.active:
                        wire = wire or FaultyWire(point.id, point, connection, mischief)
                        await wire.take(frame, self._complain)
                    else:
                        await point.route_message(frame)
                except ConnectionClosed:
                    raise
                except Exception as error:  # the package does not foresee every malformed frame
                    self._complain(error)
        finally:
            if wire is not None:
                wire.close()

    def _complain(self, error: Exception) -> None:
        self.holdings.complaints[f"unhandled {type(error).__name__}"] += 1

    def _replace(self, station_id: str, end: Point | Peer) -> None:
        """Close the connection that a station left behind when it connects again."""
        old = self._live.get(station_id)
        self._live[station_id] = end
        if old is not None:
            self.holdings.replaced += 1
            self.keep(old.leave(_POLICY_VIOLATION, "connected again"))

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside the connections, and wait for its end when the CSMS stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def after_boot(self, point: Point | Peer) -> None:
        """Send the boot script, if there is one for the version of the station."""
        script = self._script.get(point.line.version)
        if script:
            self.keep(self._run_script(point, script))

    def post(self, end: Point | Peer, action: str, payload: dict[str, Any]) -> None:
        """Send a command and go on."""

        async def send() -> None:
            await self._send(end, action, payload, COMMAND_TIMEOUT_S)

        self.keep(send())

    async def _run_script(self, point: Point | Peer, script: Sequence[Step]) -> None:
        """Send one command after the other; stop when the connection is gone."""
        from simulator.csms.onboot import fill

        for step in script:
            payload = self.fill_root(fill(step.payload, point.id, now_iso()))
            outcome = await self._send(point, step.action, payload, step.timeout_s)
            if outcome.result == "closed":
                return

    @property
    def authority(self) -> Authority:
        """The certificate authority."""
        return self._shared.authority

    def fill_root(self, payload: Any) -> Any:
        """Return a payload with the root of the authority (PEM) where it says ``{ca_root}``."""
        from simulator.csms.onboot import with_root

        return with_root(payload, lambda: self.authority.root_pem)

    def set_faults(self, faults: Faults) -> None:
        """Misbehave otherwise from now on; InputError if it is told nonsense."""
        self.mischief.set(faults, self.options.sqlite is not None)

    def stall(self, for_s: float) -> None:
        """Freeze in a moment: no connection is served, nor the HTTP API, for so many seconds."""
        self.mischief.done["stall"] += 1
        asyncio.get_running_loop().call_later(SOON_S, time.sleep, for_s)

    def crash(self) -> None:
        """Kill this process in a moment, as ``kill -9`` does."""
        asyncio.get_running_loop().call_later(SOON_S, os.kill, os.getpid(), signal.SIGKILL)

    def version_of(self, station_id: str) -> str | None:
        """Return the version that a connected station speaks; None if it is not connected."""
        live = self._live.get(station_id)
        return None if live is None else live.line.version

    def connected(self) -> list[str]:
        """Return the stations that are connected, in the order of their names."""
        return sorted(self._live)

    async def command(
        self,
        station_id: str,
        action: str,
        payload: dict[str, Any],
        timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> Outcome | None:
        """Send a command as it is and return what became of it; None if nobody is connected.

        Whoever calls has checked it with :mod:`simulator.csms.commands`, or wants it wrong.
        """
        live = self._live.get(station_id)
        if live is None:
            return None
        return await self._send(live, action, payload, timeout_s)

    async def _send(
        self, point: Point | Peer, action: str, payload: dict[str, Any], timeout_s: float
    ) -> Outcome:
        outcome = await point.line.call(action, payload, timeout_s)
        self.holdings.commanded(action, outcome.result)
        self._entrance.commanded(point.id, action, payload, outcome)
        if self._shared.journal is not None:
            answer = outcome.payload if outcome.error is None else outcome.error
            self._shared.journal.command(point.id, action, now_iso(), outcome.result, answer)
        return outcome


def _quiet_logger() -> logging.Logger:
    """Return a logger that says nothing of connections that come and go."""
    logger = logging.getLogger("simulator.csms.websockets")
    logger.setLevel(logging.CRITICAL)
    return logger
