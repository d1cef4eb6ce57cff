"""The ways in which a station's connection ends, asked for in a scenario and seen by the peer.

Each way by itself is in ``test_stormlink``.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from simulator.live.run import run_live
from simulator.scenario import load_scenario
from simulator.store import read_run

pytestmark = [pytest.mark.process, pytest.mark.socket]

MODES = {"clean": "300ms", "silent": "1400ms"}
SITE = """
[[sites]]
name = "{0}"
stations = [{{ model = "ac-22-single", count = 1 }}]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[[live.storms]]
kind = "power_cut"
at = "{1}"
for = "1s"
recovery = "50ms"
sites = ["{0}"]
close = "{0}"
"""
SCENARIO = """
[scenario]
name = "closes"
start = 2026-06-01T00:00:00

[csms]
url = "{url}"

[live]
shards = 1
stages = [{{ kind = "ramp", for = "100ms", to = "100 %" }}, {{ kind = "hold", for = "2500ms" }}]
"""


class Peer(asyncio.Protocol):
    """The CSMS's side of one connection, below WebSocket: what is heard last, and how it ends."""

    def __init__(self, seen: dict[str, list[Peer]]) -> None:
        self.seen = seen
        self.ws = ServerProtocol(subprotocols=["ocpp1.6"])  # type: ignore[list-item]
        self.code: int | None = None
        self.eof = False
        self.lost: str | None = None
        self.pongs = 0
        self.asked: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.ws.receive_data(data)
        for event in self.ws.events_received():
            if isinstance(event, Request):
                self.ws.send_response(self.ws.accept(event))
                found = re.search(r"CSW-(\w+)-", event.path)
                self.seen.setdefault(found[1] if found else "", []).append(self)
                # In the middle of the storm.
                self.asked = asyncio.get_running_loop().call_later(1.9, self.ask)
            elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                self.code = int.from_bytes(event.data[:2])
            elif isinstance(event, Frame) and event.opcode is Opcode.PONG:
                self.pongs += 1
            elif isinstance(event, Frame) and event.data.startswith(b"[2,"):
                self.answer(bytes(event.data))
        self.flush()

    def answer(self, call: bytes) -> None:
        at = b'"currentTime":"2026-06-01T00:00:00Z"'
        payload = b'{"status":"Accepted",%s,"interval":300}' % at if b'"Boot' in call else b"{}"
        self.ws.send_text(b"[3,%s,%s]" % (call.split(b",")[1], payload))

    def ask(self) -> None:
        if self.lost is None and not self.eof and self.code is None:
            self.ws.send_ping(b"")
            self.flush()

    def flush(self) -> None:
        for data in self.ws.data_to_send():
            if data:
                self.transport.write(data)
            else:
                self.transport.close()

    def eof_received(self) -> None:
        self.eof = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = "reset" if isinstance(exc, ConnectionResetError) else "closed"
        if self.asked is not None:
            self.asked.cancel()


@pytest.fixture
def peer() -> Iterator[tuple[str, dict[str, list[Peer]]]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    seen: dict[str, list[Peer]] = {}
    start = loop.create_server(lambda: Peer(seen), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(start, loop).result()
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", seen
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_scenario_chooses_how_connections_end_and_the_peer_sees_it(
    tmp_path: Path, peer: tuple[str, dict[str, list[Peer]]]
) -> None:
    url, seen = peer
    file = tmp_path / "closes.toml"
    file.write_text(SCENARIO.format(url=url) + "".join(SITE.format(*row) for row in MODES.items()))
    run = read_run(run_live(load_scenario(file), out=tmp_path / "run", screen="none"))
    assert run.summary["stations"]["booted"] == 2 and run.summary["errors"] == {}
    # The first connection of the look beforehand apart, each station came twice.
    first = {mode: seen[mode][-2] for mode in MODES}
    ends = {mode: (peer.code, peer.lost, peer.pongs) for mode, peer in first.items()}
    assert ends == {
        "clean": (1001, "closed", 0),
        # Open all the while, not even a ping is answered; reset when the power is back.
        "silent": (None, "reset", 0),
    }
    # At the end of the run all leave with a close frame.
    assert [seen[mode][-1].code for mode in MODES] == [1000, 1000]
