"""Memory of a station's connection with permessage-deflate, by window bits, both windows in use.

The other end is the ``websockets`` library's own server. A process for each figure.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from simulator.live.connection import Connection, Upgrade
from simulator.live.health import rss_kb
from simulator.live.target import parse_target

CONNECTIONS = 400
FRAMES = 30
BITS = (0, 9, 10, 12, 15)


def frame(number: int) -> bytes:
    """Meter values as a station tells them."""
    values = [
        {"value": str(230.0 + number + i), "measurand": name, "unit": unit, "location": "Outlet"}
        for i, (name, unit) in enumerate(
            (("Voltage", "V"), ("Energy.Active.Import.Register", "Wh"), ("SoC", "Percent"))
        )
    ]
    call = {"connectorId": 1, "transactionId": number, "meterValue": values}
    return json.dumps([2, f"m{number}", "MeterValues", call]).encode()


class Quiet:
    """The owner of a connection, which counts answers."""

    answers = 0

    def message(self, now: float, data: bytes) -> None:
        """An answer."""
        Quiet.answers += 1

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def listen(ready: Any) -> None:
    """The server's process: answers each frame with as much."""

    async def talk(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in connection:
                await connection.send(text)

    async def run() -> None:
        compression = [ServerPerMessageDeflateFactory()]
        async with serve(
            talk,
            "127.0.0.1",
            0,
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            extensions=compression,
            compression=None,
            ping_interval=None,
            backlog=1024,
        ) as server:
            ready.put(next(iter(server.sockets)).getsockname()[1])
            await asyncio.Future()

    asyncio.run(run())


async def measure(port: int, bits: int) -> float:
    """KB a connection."""
    loop = asyncio.get_running_loop()
    upgrade = Upgrade(parse_target(f"ws://127.0.0.1:{port}/"), deflate=bits or None)
    gc.collect()
    before = rss_kb()
    made: list[Connection] = []
    for number in range(CONNECTIONS):
        decided = loop.create_future()
        one = Connection(Quiet(), upgrade, f"S{number}", None, decided, loop.time)  # type: ignore[arg-type]
        await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
        await decided
        made.append(one)
    for number in range(FRAMES):
        for one in made:
            one.send(frame(number))
        while Quiet.answers < (number + 1) * CONNECTIONS:
            await asyncio.sleep(0.005)
    gc.collect()
    kb = (rss_kb() - before) / CONNECTIONS
    for one in made:
        one.abort()
    return kb


def main() -> None:
    """The table; with an argument, one figure of it."""
    if len(sys.argv) > 1:
        import uvloop

        ready: Any = multiprocessing.get_context("spawn").Queue()
        server = multiprocessing.get_context("spawn").Process(target=listen, args=(ready,))
        server.start()
        try:
            print(uvloop.run(measure(ready.get(timeout=30), int(sys.argv[1]))))
        finally:
            server.kill()
        return
    for bits in BITS:
        done = subprocess.run(
            [sys.executable, __file__, str(bits)],
            stdout=subprocess.PIPE,
            check=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        kb = float(done.stdout)
        print(f"| {bits or 'no'} bits | {kb:.1f} KB a connection |", flush=True)


if __name__ == "__main__":
    main()
