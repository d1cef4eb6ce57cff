"""Ways in which a connection ends during a storm: close frame, FIN, RST, or without a word.

``silent`` is as near to a power cut as a process without privileges gets: the socket stays open,
nobody reads it and nothing is answered, until ``drop`` resets it. The kernel still acknowledges
what arrives, up to its receive buffer, so that the peer's TCP sees no loss; its WebSocket pings and
calls get no answer. ``stormlink`` decides when.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from simulator.live.connection import Connection

if TYPE_CHECKING:
    from simulator.scenario.storm_model import Close

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing discards what is unsent and sends RST."""


def part(connection: Connection, how: Close) -> asyncio.Transport | None:
    """End a connection whose owner is not told; gives what ``drop`` must be called with later."""
    transport = connection.disown()
    if transport is None or transport.is_closing():
        return None
    if how == "clean":
        connection.close(1001, "going away")
    elif how == "fin":
        transport.close()
    elif how == "rst":
        drop(transport)
    else:
        with suppress(RuntimeError):  # reading has been paused or has ended already
            transport.pause_reading()
        return transport
    return None


def drop(transport: asyncio.Transport) -> None:
    """End it with RST."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        with suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
