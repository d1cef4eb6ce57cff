"""The embedded CSMS as an asyncio server: accepts stations and keeps what they say.

A test target with in-memory state, not a CSMS to run a network with: no users, no billing, no
persistence beyond an optional SQLite file, no commands to stations. A test starts it on its own
loop; :mod:`simulator.csms.service` gives it a process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import ocpp.messages
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from simulator.csms.door import (
    SUBPROTOCOL,
    Registers,
    choose_subprotocol,
    read_registers,
    refuse,
    station_of,
)
from simulator.csms.holdings import Holdings
from simulator.csms.journal import Journal
from simulator.csms.options import CsmsOptions
from simulator.csms.point import CentralPoint16

BACKLOG = 4096
"""Connections that may wait to be accepted: a whole fleet can knock at once."""
OPEN_TIMEOUT_S = 60.0
"""Long, for a boot storm on a busy machine: the station decides when to give up."""
CLOSE_TIMEOUT_S = 2.0
_PROTOCOL_ERROR = 1002
_POLICY_VIOLATION = 1008


class CentralSystem:
    """An OCPP 1.6-J central system on one event loop.

    ``async with CentralSystem(CsmsOptions(port=0)) as csms:`` listens at ``csms.url``; what it
    learns is in ``csms.holdings``. Raises OSError if the port is taken, InputError and JournalError
    for files that it cannot use.
    """

    def __init__(self, options: CsmsOptions, registers: Registers | None = None) -> None:
        """Read the files that ``options`` name, unless ``registers`` is given."""
        self.options = options
        self.holdings = Holdings()
        self._registers = read_registers(options) if registers is None else registers
        self._journal: Journal | None = None
        self._server: Server | None = None
        self._live: dict[str, ServerConnection] = {}
        self._closing: set[asyncio.Task[None]] = set()

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
        return f"ws://{host}:{self.port}"

    async def start(self) -> None:
        """Open the database, if any, and listen."""
        # The package would otherwise check every message in a thread: half the speed.
        ocpp.messages.ASYNC_VALIDATION = False
        if self.options.sqlite is not None:
            self._journal = Journal(self.options.sqlite)
            for transaction in self._journal.transactions():
                self.holdings.adopt(transaction)
            self._journal.start()
        try:
            self._server = await serve(
                self._converse,
                self.options.host,
                self.options.port,
                process_request=self._at_the_door,
                select_subprotocol=_select,
                compression=None,
                ping_interval=None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                backlog=BACKLOG,
                logger=_quiet_logger(),
            )
        except BaseException:
            self._close_journal()
            raise

    async def stop(self) -> None:
        """Close every connection (1001, going away), stop listening, write everything down."""
        if self._server is not None:
            self.holdings.connected_at_end = self.holdings.connected()
            self._server.close()
            await self._server.wait_closed()
            self._server = None
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
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _at_the_door(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse a handshake with an HTTP error, or let it pass."""
        refusal = refuse(
            station_of(request.path),
            request.headers.get("Authorization"),
            self._registers.passwords,
        )
        if refusal is None:
            return None
        self.holdings.refused[refusal.reason] += 1
        response = connection.respond(refusal.status, refusal.text)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
        return response

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one connection until it closes."""
        if connection.subprotocol != SUBPROTOCOL:
            self.holdings.refused["no common sub-protocol"] += 1
            await connection.close(_PROTOCOL_ERROR, f"this CSMS speaks {SUBPROTOCOL}")
            return
        assert connection.request is not None
        station_id = station_of(connection.request.path)
        self._replace(station_id, connection)
        record = self.holdings.station(station_id)
        record.connects += 1
        record.connected = True
        try:
            await self._listen(station_id, connection)
        except ConnectionClosed:
            pass
        finally:
            if self._live.get(station_id) is connection:
                del self._live[station_id]
                record.connected = False

    async def _listen(self, station_id: str, connection: ServerConnection) -> None:
        """Hand every frame to the package's routing, one after the other, as they come."""
        point = CentralPoint16(
            station_id,
            connection,
            self.holdings,
            self.options,
            self._registers.tokens,
            self._journal,
        )
        while True:
            frame = await connection.recv()
            try:
                await point.route_message(frame)
            except ConnectionClosed:
                raise
            except Exception as error:  # the package does not foresee every malformed frame
                self.holdings.complaints[f"unhandled {type(error).__name__}"] += 1

    def _replace(self, station_id: str, connection: ServerConnection) -> None:
        """Close the connection that a station left behind when it connects again."""
        old = self._live.get(station_id)
        self._live[station_id] = connection
        if old is not None:
            self.holdings.replaced += 1
            task = asyncio.ensure_future(old.close(_POLICY_VIOLATION, "connected again"))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _select(_: Any, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    chosen = choose_subprotocol(offered)
    return None if chosen is None else Subprotocol(chosen)


def _quiet_logger() -> logging.Logger:
    """Return a logger that says nothing of connections that come and go."""
    logger = logging.getLogger("simulator.csms.websockets")
    logger.setLevel(logging.CRITICAL)
    return logger
