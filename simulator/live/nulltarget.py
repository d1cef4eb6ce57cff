"""A target that does no work, to find out what the generator itself can do.

``python -m simulator.live.nulltarget`` prints its port, answers every OCPP 1.6 call at once with a
fixed answer, keeps nothing, checks nothing, and ends when its standard input closes. It is no CSMS
and nothing is to be learnt about one from it. Started by ``calibrated``.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Final, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from simulator.csms.limits import raise_fd_limit

_NOW: Final = b"2026-01-01T00:00:00.000Z"
_ANSWERS: Final = {
    b"BootNotification": b'{"status":"Accepted","currentTime":"%s","interval":86400}' % _NOW,
    b"Heartbeat": b'{"currentTime":"%s"}' % _NOW,
    b"Authorize": b'{"idTagInfo":{"status":"Accepted"}}',
    b"StartTransaction": b'{"transactionId":1,"idTagInfo":{"status":"Accepted"}}',
}
_TEXT: Final = Opcode.TEXT
_SILENT: Final = logging.getLogger("simulator.live.nulltarget")
_SILENT.setLevel(logging.CRITICAL + 1)


class Null(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_transport", "_ws")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is up."""
        self._transport = cast("asyncio.Transport", transport)
        self._ws = ServerProtocol(
            subprotocols=[Subprotocol("ocpp1.6")], max_size=2**20, logger=_SILENT
        )

    def data_received(self, data: bytes) -> None:
        """Answer whatever is whole."""
        ws = self._ws
        ws.receive_data(data)
        for event in ws.events_received():
            if isinstance(event, Request):
                ws.send_response(ws.accept(event))
            elif isinstance(event, Frame) and event.opcode is _TEXT:
                parts = bytes(event.data).split(b'"', 4)  # [2,"id","Action",{...}]
                if len(parts) == 5:
                    ws.send_text(b'[3,"%s",%s]' % (parts[1], _ANSWERS.get(parts[3], b"{}")))
        out = b"".join(ws.data_to_send())
        if out:
            self._transport.write(out)
        if ws.close_expected():
            self._transport.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Null, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Entry of the process."""
    raise_fd_limit()
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve())
    else:
        uvloop.run(_serve())


if __name__ == "__main__":
    main()
