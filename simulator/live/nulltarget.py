"""A target that does no work, to find out what the generator itself can do.

``python -m simulator.live.nulltarget [CERTIFICATES [--mutual]]`` prints its port, answers every
OCPP 1.6 call at once with a fixed answer, keeps nothing, checks nothing, and ends when its
standard input closes. It is no CSMS and nothing is to be learnt about one from it. Started by
``calibrated``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import ssl
import sys
from pathlib import Path
from typing import Final, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from simulator.csms.limits import raise_fd_limit
from simulator.fleet.certificates import CA, SERVER

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


def context(certificates: Path, *, mutual: bool) -> ssl.SSLContext:
    """TLS with the server's certificate of the folder; ``mutual``: stations must show theirs."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificates / f"{SERVER}.pem", certificates / f"{SERVER}.key")
    if mutual:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(certificates / f"{CA}.pem")
    return made


async def _serve(secured: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Null, "127.0.0.1", 0, backlog=4096, ssl=secured)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Entry of the process."""
    parser = argparse.ArgumentParser(prog="python -m simulator.live.nulltarget")
    parser.add_argument("certificates", nargs="?", type=Path, help="folder, for TLS")
    parser.add_argument("--mutual", action="store_true", help="stations show certificates too")
    options = parser.parse_args()
    secured = None
    if options.certificates is not None:
        secured = context(options.certificates, mutual=options.mutual)
    raise_fd_limit()
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve(secured))
    else:
        uvloop.run(_serve(secured))


if __name__ == "__main__":
    main()
