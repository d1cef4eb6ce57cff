"""Bad days of a target, from the real command to the run's folder, on real sockets.

At the start a target that cannot be used is named and nothing is left behind. Later each station
may have a bad day of its own: counted by class, in bounded memory, the folder readable.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from simulator import cli
from simulator.live.messages import Start
from simulator.live.routes import Router, Routes
from simulator.live.run import run_live
from simulator.live.screen import NoScreen, Progress
from simulator.live.shard import Shard
from simulator.live.target import Address, parse_target
from simulator.measure.recorder import Recorder
from simulator.report import render
from simulator.scenario import load_scenario
from simulator.store import read_run

pytestmark = [pytest.mark.process, pytest.mark.socket]

SCENARIO = """
[scenario]
name = "bad"
seed = 7
start = 2026-06-01T00:00:00

[[sites]]
name = "yard"
stations = [{{ model = "ac-22-single", count = {stations} }}]
arrivals = "public-ac"
visits_per_evse_day = 20.0
vehicles = "europe-2021"

[csms]
url = "{url}"
authorised = true

[live]
shards = 1
connect_timeout = "{timeout}"
call_timeout = "400ms"
check_answers = 1
stages = [{{ kind = "ramp", for = "100ms", to = "100 %" }}, {{ kind = "hold", for = "1200ms" }}]
"""
MOST_KB = 30_000
"""What the memory of a shard may grow by while it is sent frames of 100 MB."""


class Visitor:
    """A connection of a station: what it asked for, and how to answer."""

    def __init__(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.head, self.reader, self.writer = head, reader, writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def upgrade(self, more: bytes = b"") -> None:
        found = re.search(rb"Sec-WebSocket-Key: (\S+)", self.head)
        assert found is not None
        guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(found[1] + guid).digest())
        await self.say(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: ocpp1.6\r\nSec-WebSocket-Accept: " + accept + b"\r\n" + more
        )
        await self.say(b"\r\n")

    async def call(self) -> tuple[str, str]:
        """The next CALL of the station: its id and action. Other frames are passed over."""
        while True:
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            mask = await self.reader.readexactly(4)
            data = await self.reader.readexactly(size)
            text = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
            if first == 0x81 and text.startswith(b"[2,"):
                _, mid, action, _ = json.loads(text)
                return mid, action

    async def frame(self, text: str | bytes, opcode: int = 1, fin: bool = True) -> None:
        data = text.encode() if isinstance(text, str) else text
        await self.say(head_of(len(data), opcode, fin) + data)

    async def answer(self, mid: str, action: str) -> None:
        payload = "{}"
        if action == "BootNotification":
            at = "2026-06-01T00:00:00Z"
            payload = f'{{"status":"Accepted","currentTime":"{at}","interval":300}}'
        elif action == "Heartbeat":
            payload = '{"currentTime":"2026-06-01T00:00:00Z"}'
        await self.frame(f'[3,"{mid}",{payload}]')


def head_of(size: int, opcode: int = 1, fin: bool = True) -> bytes:
    first = (0x80 if fin else 0) | opcode
    if size < 126:
        return struct.pack("!BB", first, size)
    if size < 65536:
        return struct.pack("!BBH", first, 126, size)
    return struct.pack("!BBQ", first, 127, size)


Treatment = Callable[[Visitor], Awaitable[None]]


class Street:
    """A target that treats each station in a way of its own, by the number its identity ends in."""

    def __init__(self, *treatments: Treatment) -> None:
        self.treatments = treatments
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        start = asyncio.start_server(self.meet, "127.0.0.1", 0)
        self.server = asyncio.run_coroutine_threadsafe(start, self.loop).result()
        return f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/ocpp"

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self.server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.match(rb"GET \S*-(\d+) ", head)
            number = int(found[1]) if found is not None else 1
            await self.treatments[number - 1](Visitor(head, reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


# -- how a station may be treated -----------------------------------------------------------------


async def well(visitor: Visitor) -> None:
    await visitor.upgrade()
    while True:
        await visitor.answer(*await visitor.call())


def status(code: int, words: str) -> Treatment:
    async def refuse(visitor: Visitor) -> None:
        await visitor.say(f"HTTP/1.1 {code} {words}\r\nContent-Length: 2\r\n\r\nno".encode())

    return refuse


async def old_proxy(visitor: Visitor) -> None:
    await visitor.say(b"HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\n\r\nno server")


async def reset(visitor: Visitor) -> None:
    visitor.reset()


async def hang(visitor: Visitor) -> None:
    await visitor.reader.read(1)


async def web_page(visitor: Visitor) -> None:
    await visitor.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


async def garbage(visitor: Visitor) -> None:
    await visitor.say(b"\x00\x01\x02 what is this\r\n\r\n")


async def endless_head(visitor: Visitor) -> None:
    """A header without end, as fast as it is read."""
    await visitor.say(b"HTTP/1.1 101 Switching Protocols\r\n")
    for number in range(100_000):
        await visitor.say(b"X-%d: " % number + b"y" * 1000 + b"\r\n")


async def huge_frame(visitor: Visitor) -> None:
    await visitor.upgrade()
    await visitor.say(head_of(100_000_000))
    for _ in range(100):
        await visitor.say(b" " * 1_000_000)


async def huge_in_parts(visitor: Visitor) -> None:
    await visitor.upgrade()
    await visitor.frame(b'[2,"', fin=False)
    for _ in range(100):
        await visitor.frame(b" " * 1_000_000, opcode=0, fin=False)


async def silent(visitor: Visitor) -> None:
    await visitor.upgrade()
    await hang(visitor)


async def not_json(visitor: Visitor) -> None:
    await visitor.upgrade()
    while True:
        await visitor.call()
        await visitor.frame("this is no JSON")


async def wrong_id(visitor: Visitor) -> None:
    await visitor.upgrade()
    while True:
        mid, action = await visitor.call()
        await visitor.frame('[3,"nobody asked",{}]')
        await visitor.answer(mid, action)


async def callerror(visitor: Visitor) -> None:
    await visitor.upgrade()
    while True:
        mid, _ = await visitor.call()
        await visitor.frame(f'[4,"{mid}","InternalError","",{{}}]')


async def off_schema(visitor: Visitor) -> None:
    await visitor.upgrade()
    mid, action = await visitor.call()
    await visitor.answer(mid, action)
    await visitor.frame('[2,"q1","Reset",{"type":"Maybe"}]')
    await visitor.frame('[2,"q2","NoSuchAction",{}]')
    while True:
        mid, _ = await visitor.call()
        await visitor.frame(f'[3,"{mid}",{{"aFieldOfNoSchema":true}}]')


async def closes(visitor: Visitor) -> None:
    await visitor.upgrade()
    await visitor.frame(struct.pack("!H", 1008) + b"go away", opcode=8)


async def dies(visitor: Visitor) -> None:
    await visitor.upgrade()
    await visitor.call()
    visitor.reset()


async def speaks_binary(visitor: Visitor) -> None:
    await visitor.upgrade()
    while True:
        mid, action = await visitor.call()
        await visitor.frame(b"\x00\x01", opcode=2)
        await visitor.answer(mid, action)


async def breaks_websocket(visitor: Visitor) -> None:
    await visitor.upgrade()
    await visitor.say(b"\xff\xff\xff\xff")


async def unasked_extension(visitor: Visitor) -> None:
    await visitor.upgrade(b"Sec-WebSocket-Extensions: permessage-deflate\r\n")


LATER: dict[Treatment, str] = {
    status(401, "Unauthorized"): "http_401",
    status(403, "Forbidden"): "http_403",
    status(404, "Not Found"): "http_404",
    status(429, "Too Many Requests"): "http_429",
    status(503, "Service Unavailable"): "http_5xx",
    reset: "tcp_reset",
    hang: "http_timeout",
    web_page: "http_other",
    garbage: "http_malformed",
    endless_head: "http_malformed",
    huge_frame: "ws_protocol",
    huge_in_parts: "ws_protocol",
    silent: "call_timeout",
    not_json: "ocpp_malformed",
    wrong_id: "ocpp_unknown_id",
    callerror: "ocpp_callerror(InternalError)",
    off_schema: "ocpp_schema(shape)",
    closes: "ws_close(1008)",
    dies: "abnormal_1006",
    speaks_binary: "ocpp_malformed",
    breaks_websocket: "ws_protocol",
    unasked_extension: "bad_extension",
}


class Scales(NoScreen):
    """Weighs the shard at each snapshot."""

    def __init__(self) -> None:
        self.kb: list[float] = []

    def update(self, progress: Progress) -> None:
        for pid in progress.pids.values():
            try:
                self.kb.append(psutil.Process(pid).memory_info().rss / 1024)
            except psutil.Error:
                continue


def written(tmp_path: Path, url: str, stations: int = 2, timeout: str = "400ms") -> Path:
    file = tmp_path / "bad.toml"
    file.write_text(SCENARIO.format(url=url, stations=stations, timeout=timeout))
    return file


def test_each_station_may_have_a_bad_day_of_its_own(tmp_path: Path) -> None:
    scales = Scales()
    with Street(well, *LATER) as url:
        scenario = load_scenario(written(tmp_path, url, 1 + len(LATER)))
        path = run_live(scenario, out=tmp_path / "run", screen=scales, drain_s=0.3)
    run = read_run(path)
    summary = run.summary
    errors = summary["errors"]
    assert set(LATER.values()) <= set(errors), errors
    assert {"ocpp_schema(value)", "ocpp_unknown_action"} <= set(errors)
    assert not any(kind.startswith(("local", "ocpp_other")) for kind in errors)
    assert run.status == "finished" and summary["verdict"] in ("NO_SLO", "INVALID")
    calls = dict(summary["calls"])
    assert calls.pop("planned") == sum(calls.values())
    by_station = {(row.station, row.kind) for row in run.table("events").itertuples()}
    for number, kind in enumerate(LATER.values(), 2):
        if kind.startswith(("http_4", "tcp", "bad", "ws_close")):  # only one station's
            assert (f"CSW-yard-{number:04}", kind) in by_station
    print(f"grew by {max(scales.kb) - min(scales.kb):.0f} KB")
    assert max(scales.kb) - min(scales.kb) < MOST_KB
    found = summary["conformance"]
    assert {row["action"]: row["kind"] for row in found["schema"] if row["side"] == "call"} == {
        "Reset": "value"
    }
    assert found["protocol"].keys() >= {"ocpp_malformed", "ocpp_unknown_id", "ws_protocol"}
    page = render(path).read_text()
    assert all(kind in page for kind in errors)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", page)


# -- at the start, by the command -----------------------------------------------------------------


@pytest.fixture
def full_backlog() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/ocpp"
        for filler in fillers:
            filler.close()


def command(tmp_path: Path, capfd: Any, url: str, *more: str) -> tuple[int, str]:
    """The exit code, and what the command says on standard error."""
    file = written(tmp_path, url)
    began = time.monotonic()
    out = tmp_path / "run"
    code = cli.run(["live", str(file), "--out", str(out), "--progress", "plain", *more])
    assert time.monotonic() - began < 20 and not out.exists()
    said = capfd.readouterr()
    assert said.out == "" and "Traceback" not in said.err
    return code, said.err


@pytest.mark.parametrize(
    ("treatment", "words"),
    [
        (status(401, "Unauthorized"), r"http_401: HTTP 401 Unauthorized \(wrong or missing pass"),
        (status(403, "Forbidden"), r"http_403: .*the CSMS refuses this station"),
        (status(404, "Not Found"), r"http_404: .*fleet export"),
        (status(429, "Too Many Requests"), r"http_429: .*too many at a time"),
        (status(503, "Service Unavailable"), r"http_5xx: HTTP 503 .*not ready, or a proxy before"),
        (old_proxy, r"http_5xx: HTTP/1\.0 503 Service Unavailable \(the CSMS is not ready"),
        (reset, r"tcp_reset: Connection reset by peer \(it closes"),
        (hang, r"http_timeout: nothing in 0\.4 s \(it takes connections and says nothing"),
        (web_page, r"http_other: HTTP 200 OK \(not a WebSocket server at this path"),
        (garbage, r"http_malformed: .*\(not a WebSocket server"),
        (unasked_extension, r"bad_extension: .*\(the CSMS selects an extension"),
    ],
)
def test_a_target_that_cannot_be_used_is_named_before_anything_is_written(
    tmp_path: Path, capfd: Any, treatment: Treatment, words: str
) -> None:
    with Street(treatment) as url:
        code, said = command(tmp_path, capfd, url)
    assert code == 4 and re.search(words, said), said
    assert f"{url}/CSW-yard-0001: " in said


def test_where_nobody_answers_tcp_or_knows_the_name(
    tmp_path: Path, capfd: Any, monkeypatch: Any, full_backlog: str, closed_port: int
) -> None:
    monkeypatch.setenv("BAD_PASSWORD", "abcdefgh12345678")
    code, said = command(tmp_path, capfd, full_backlog)
    assert code == 4 and re.search(r"tcp_timeout: no TCP connection in 0\.4 s \(", said), said
    code, said = command(tmp_path, capfd, f"ws://127.0.0.1:{closed_port}/")
    assert code == 4 and "tcp_refused: Connection refused (nobody listens there)" in said
    code, said = command(tmp_path, capfd, "wss://no-such-host.invalid/", *SECURE)
    assert code == 4 and re.search(r"wss://no-such-host\.invalid:443: dns: .*host name", said), said


def test_who_takes_connections_and_never_shakes_hands(
    tmp_path: Path, capfd: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("BAD_PASSWORD", "abcdefgh12345678")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        port = listener.getsockname()[1]
        code, said = command(tmp_path, capfd, f"wss://127.0.0.1:{port}/", *SECURE)
    assert code == 4 and "tls_timeout: nothing in 0.4 s (it takes connections, but does" in said


SECURE = ("--set", "csms.security_profile=2", "--set", "csms.password.env=BAD_PASSWORD")


def test_a_folder_that_cannot_be_written_is_said_before_the_target_is_touched(
    tmp_path: Path, capfd: Any
) -> None:
    file = written(tmp_path, "ws://no-such-host.invalid/")
    (tmp_path / "taken").write_text("")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "letter.txt").write_text("")
    for out, words in (
        (tmp_path / "taken" / "run", "taken: is a file; expected a new or empty folder"),
        (tmp_path / "others", "the folder is not empty and holds no run ('letter.txt' is in it)"),
    ):
        assert cli.run(["live", str(file), "--out", str(out)]) == 1
        assert words in capfd.readouterr().err


def test_a_folder_without_the_right_to_write_is_said(
    tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.store.folder.os.access", lambda *_: False)  # root may write
    file = written(tmp_path, "ws://no-such-host.invalid/")
    assert cli.run(["live", str(file), "--out", str(tmp_path / "run")]) == 1
    assert capfd.readouterr().err.endswith(f"{tmp_path}: cannot be written: Permission denied\n")


def test_a_name_that_is_not_known_any_more_is_counted_and_stations_stay_where_they_are() -> None:
    """DNS fails in the middle of a run; so does an answer that may not be dialled."""
    here = Address(socket.AF_INET, ("127.0.0.1", 9000))
    routes = Routes(parse_target("ws://csms.example:9000/"), (here,), 5.0)
    shard: Any = object.__new__(Shard)
    shard.spec = SimpleNamespace(routes=routes)
    shard.recorder, shard._router = Recorder((), 1), Router(routes, [0])
    resolver = shard._resolver(Start(time.perf_counter_ns(), time.time()))
    resolver._done(0.1, (), "Temporary failure in name resolution")
    resolver._done(0.1, (Address(socket.AF_INET, ("192.0.2.1", 9000)),), "")
    assert shard.recorder.errors.counts() == {"dns": 2}
    assert shard._router.addresses == (here,) and shard.recorder.connect["dns"].n == 2
