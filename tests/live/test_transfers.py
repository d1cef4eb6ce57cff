"""Files are transferred with the hosts that were named, bounded, and with nobody else."""

import asyncio
import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from simulator.live import transfers
from simulator.live.connection import Upgrade, begin_upgrade
from simulator.live.target import parse_target
from simulator.live.transfers import TransferRules, Transfers, transfer
from simulator.station.effects import Abandon, Connect, Download, Upload
from simulator.station.ports import Transfer

HERE = frozenset({"127.0.0.1"})
FIRMWARE = b"firmware" * 50_000


class Handler(BaseHTTPRequestHandler):
    seen: list[tuple[str, str, dict[str, str], bytes]]

    def _answer(self, body: bytes = b"") -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.seen.append(
            (
                self.command,
                self.path,
                dict(self.headers),
                self.rfile.read(length) if length else b"",
            )
        )
        status = int(self.path[1:4]) if self.path[1:4].isdigit() else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/fw.bin")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer(FIRMWARE)

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Handler.seen = []
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def at(server: ThreadingHTTPServer, path: str, user: str = "") -> str:
    return f"http://{user}127.0.0.1:{server.server_address[1]}{path}"


def do(effect: Download | Upload, hosts: frozenset[str] = HERE) -> tuple[Transfer, bytes]:
    return transfer(effect, hosts, threading.Event())


def test_a_file_is_fetched_and_its_digest_told(server: ThreadingHTTPServer) -> None:
    outcome = do(Download(1, at(server, "/fw.bin?v=2")))
    assert outcome == (Transfer.DONE, hashlib.sha256(FIRMWARE).digest())
    assert Handler.seen[0][:2] == ("GET", "/fw.bin?v=2")


def test_a_log_is_stored_under_its_name(server: ThreadingHTTPServer) -> None:
    assert do(Upload(1, at(server, "/logs/", "me:p%40ss@"), "a.log", b"text"))[0] is Transfer.DONE
    method, path, headers, body = Handler.seen[0]
    assert (method, path, body) == ("PUT", "/logs/a.log", b"text")
    assert headers["Authorization"] == "Basic bWU6cEBzcw=="
    assert 'filename="a.log"' in headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/401", Transfer.DENIED),
        ("/403", Transfer.DENIED),
        ("/405", Transfer.UNSUPPORTED),
        ("/404", Transfer.FAILED),
        ("/500", Transfer.FAILED),
        ("/302", Transfer.FAILED),
    ],
)
def test_what_the_server_refuses(server: ThreadingHTTPServer, path: str, outcome: Transfer) -> None:
    assert do(Download(1, at(server, path)))[0] is outcome
    assert do(Upload(1, at(server, path), "n", b"x"))[0] is outcome
    assert len(Handler.seen) == 2  # nothing is redirected


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("http://elsewhere.example/x", Transfer.DENIED),
        ("http://127.0.0.1.elsewhere.example/x", Transfer.DENIED),
        ("http://127.0.0.1@elsewhere.example/x", Transfer.DENIED),
        ("ftp://127.0.0.1/x", Transfer.UNSUPPORTED),
        ("file:///etc/passwd", Transfer.UNSUPPORTED),
        ("", Transfer.UNSUPPORTED),
        ("http://127.0.0.1:notaport/", Transfer.FAILED),
        ("http://127.0.0.1:1/\r\nX: y", Transfer.FAILED),
        ("http://[::1", Transfer.FAILED),
    ],
)
def test_nobody_else_is_spoken_to(url: str, outcome: Transfer) -> None:
    assert do(Download(1, url)) == (outcome, b"")


def test_a_file_that_is_too_large_is_given_up(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "MOST_BYTES", 1000)
    assert do(Download(1, at(server, "/fw.bin"))) == (Transfer.FAILED, b"")


def test_without_hosts_only_time_passes(server: ThreadingHTTPServer) -> None:
    async def play() -> list[Any]:
        told: list[Any] = []
        books = Transfers(TransferRules(simulated_s=0.0))
        over = asyncio.Event()
        books.start(Download(1, at(server, "/fw.bin")), lambda *what: told.append(what))
        cancel = books.start(Download(2, at(server, "/fw.bin")), lambda *what: told.append(what))
        cancel()

        def last(*what: Any) -> None:
            told.append(what)
            over.set()

        books.start(Download(3, "ftp://x/y"), last)
        await over.wait()
        return told

    assert asyncio.run(play()) == [
        (Transfer.DONE, b"", True),
        (Transfer.UNSUPPORTED, b"", True),
    ]
    assert not Handler.seen


def test_with_hosts_they_are_performed_and_told(server: ThreadingHTTPServer) -> None:
    async def play() -> list[Any]:
        told: list[Any] = []
        books = Transfers(TransferRules(HERE))
        over = asyncio.Event()
        cancel = books.start(Download(1, at(server, "/fw.bin")), lambda *what: told.append(what))
        cancel()

        def last(*what: Any) -> None:
            told.append(what)
            over.set()

        books.start(Upload(2, at(server, "/up"), "n", b"x"), last)
        await over.wait()
        return told

    assert asyncio.run(play()) == [(Transfer.DONE, b"", False)]


def test_a_link_performs_abandons_and_tells_its_station(bench: Any) -> None:
    async def play() -> list[Any]:
        made = bench(1)
        made.link._shared.transfers = Transfers(TransferRules(simulated_s=0.01))
        station = made.station
        station.effects += [Download(1, "http://x/a"), Upload(2, "http://x/b", "n", b"x")]
        station.effects += [Abandon(1), Abandon(9)]
        made.link.settle(0.0)
        await asyncio.sleep(0.05)
        station.effects.append(Download(3, "http://x/c"))
        made.link.settle(0.0)
        made.link.retire(0.0)
        await asyncio.sleep(0.05)
        return [what for kind, what in station.log if kind == "transferred"]

    assert asyncio.run(play()) == [(2, Transfer.DONE, True)]


def test_a_new_password_is_used_for_the_next_connection(bench: Any) -> None:
    async def play() -> Any:
        made = bench(1, password="old")
        made.station.effects.append(Connect(password=b"\x00\xffnew"))
        made.link.settle(0.0)
        return made.link._password

    password = asyncio.run(play())
    upgrade = Upgrade(parse_target("ws://127.0.0.1:1/ocpp"))
    begun = begin_upgrade(upgrade, "CSW-1", password)
    request = begun.data_to_send()[0].decode()
    assert f"Basic {base64.b64encode(b'CSW-1:' + password).decode()}" in request
