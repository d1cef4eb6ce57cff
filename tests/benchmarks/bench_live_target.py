"""A CSMS that does no work, for measuring clients: fixed answers, no storage, no validation.

``websockets`` sans-I/O on uvloop, one protocol per connection. Run as a process of its own; prints
its port first and ends when standard input closes. With TLS where it is given a certificate with
its key, and asking stations for theirs where it is given an authority.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import cast

import uvloop
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

NOW = "2026-06-01T12:00:00.000Z"
ANSWERS = {
    b"BootNotification": (
        b'{"status":"Accepted","currentTime":"%s","interval":86400}' % NOW.encode()
    ),
    b"Heartbeat": b'{"currentTime":"%s"}' % NOW.encode(),
    b"Authorize": b'{"idTagInfo":{"status":"Accepted"}}',
    b"StartTransaction": b'{"transactionId":1,"idTagInfo":{"status":"Accepted"}}',
}
EMPTY = b"{}"


class Target(asyncio.Protocol):
    __slots__ = ("transport", "ws")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.ws = ServerProtocol(subprotocols=["ocpp1.6"], max_size=2**20)  # type: ignore[list-item]

    def data_received(self, data: bytes) -> None:
        ws = self.ws
        ws.receive_data(data)
        for event in ws.events_received():
            if isinstance(event, Request):
                ws.send_response(ws.accept(event))
            elif event.opcode is Opcode.TEXT:
                # [2,"id","Action",{...}] as every client here writes it, spaces or not
                _, message_id, _, action, _ = bytes(event.data).split(b'"', 4)
                ws.send_text(b'[3,"%s",%s]' % (message_id, ANSWERS.get(action, EMPTY)))
        out = b"".join(ws.data_to_send())
        if out:
            self.transport.write(out)
        if ws.close_expected():
            self.transport.close()


def tls(files: list[str]) -> ssl.SSLContext | None:
    """From the command line: nothing, or a certificate, or also an authority."""
    if not files:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[0])
    if len(files) > 1:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(files[1])
    return context


async def main() -> None:
    loop = asyncio.get_running_loop()
    context = tls(sys.argv[1:])
    server = await loop.create_server(Target, "127.0.0.1", 0, backlog=4096, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(main())
