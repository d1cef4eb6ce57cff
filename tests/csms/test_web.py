"""The HTTP server under the API: bounded, and unimpressed by nonsense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.csms import web
from simulator.csms.web import HttpError, Reply, Request, WebServer

pytestmark = pytest.mark.socket

LIMIT_S = 20


async def echo(request: Request) -> Reply:
    if request.path == ("boom",):
        raise HttpError(418, "no coffee", [{"field": "cup"}])
    body = request.json() if request.body else None
    return Reply({"method": request.method, "path": request.path, "query": request.query,
                  "body": body})  # fmt: skip


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, int]]:
    server = WebServer("127.0.0.1", 0, echo)
    await server.start()
    host, _, port = server.url.removeprefix("http://").partition(":")
    try:
        yield host, int(port)
    finally:
        await server.stop()


async def raw(at: tuple[str, int], *pieces: bytes, end: bool = True) -> bytes:
    """Send bytes, end, and return all that comes back."""
    reader, writer = await asyncio.open_connection(*at)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if end:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), LIMIT_S)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def request(method: str = "GET", target: str = "/", body: bytes = b"", **headers: str) -> bytes:
    named = {"Host": "127.0.0.1", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if body:
        named.setdefault("Content-Type", "application/json")
        named.setdefault("Content-Length", str(len(body)))
    lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in named.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def answers(said: bytes) -> list[tuple[int, Any]]:
    """The answers in what a server said: status and JSON."""
    found = []
    while said:
        head, _, rest = said.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        if lines[0].startswith("http/1.1 100"):
            said = rest
            continue
        (length,) = (int(line.split(":")[1]) for line in lines if line.startswith("content-length"))
        found.append((int(lines[0].split()[1]), json.loads(rest[:length])))
        said = rest[length:]
    return found


def ask(run: Any, *pieces: bytes) -> list[tuple[int, Any]]:
    async def scene() -> bytes:
        async with listening() as at:
            return await raw(at, *pieces)

    return answers(run(scene()))


def test_path_query_and_body_are_read(run: Any) -> None:
    (answer,) = ask(run, request("POST", "/a%2Fb/c?x=1&y=", b'{"z": [1]}'))
    said = {
        "method": "POST",
        "path": ["a/b", "c"],
        "query": {"x": "1", "y": ""},
        "body": {"z": [1]},
    }
    assert answer == (200, said)


def test_requests_follow_one_another_on_a_connection(run: Any) -> None:
    found = ask(run, request(target="/1"), request("POST", "/2", b"{}"), request(target="/boom"))
    assert [status for status, _ in found] == [200, 200, 418]
    assert found[2][1] == {"error": "no coffee", "problems": [{"field": "cup"}]}


def test_a_body_in_chunks_and_a_client_that_asks_first(run: Any) -> None:
    head = request("POST", "/", Transfer_Encoding="chunked", Content_Type="application/json")
    (answer,) = ask(run, head, b"1\r\n{\r\n", b'6\r\n"a":1}\r\n', b"0\r\n\r\n")
    assert answer[0] == 200 and answer[1]["body"] == {"a": 1}
    careful = request("POST", "/", b"{}", Expect="100-continue")
    assert [status for status, _ in ask(run, careful)] == [200]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (request(target="/" + "x" * 3 * web.MOST_HEAD), 431),
        (request("POST", "/", b"{}", Content_Length="-1"), 400),
        (request("POST", "/", b"{}", Content_Length="9" * 25), 400),
        (request("POST", "/", b"{}", Content_Type="text/plain"), 415),
        (request("POST", "/", b"{"), 400),
        (request("POST", "/", b"[]"), 400),
        (request("POST", "/", b'{"a": NaN}'), 400),
        (request("POST", "/", b"\xff\xfe"), 400),
        (request("POST", "/", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), 400),
        (request("POST", "/", b'{"a":' + b"[" * 70 + b"]" * 70 + b"}"), 400),
        (request(target="/?" + "a&" * 40), 400),
        (request(target="//[/x"), 400),
        (request(Host="evil.example"), 421),
        (request(Host="[::1"), 421),
    ],
)
def test_nonsense_gets_an_error_in_json(run: Any, said: bytes, status: int) -> None:
    found = ask(run, said)
    assert [code for code, _ in found] == [status]
    assert isinstance(found[0][1]["error"], str)


@pytest.mark.parametrize("host", ["127.0.0.1:99", "localhost", "[::1]:8", "LocalHost:80"])
def test_names_of_loopback_are_taken(run: Any, host: str) -> None:
    assert ask(run, request(Host=host))[0][0] == 200


def test_a_body_without_end_is_cut_off(run: Any) -> None:
    async def scene() -> bytes:
        head = request("POST", "/", Transfer_Encoding="chunked", Content_Type="application/json")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        async with listening() as at:
            return await raw(at, head, *[chunk] * (web.MOST_BODY // 65536 + 2), end=False)

    said = run(scene())
    # The server closes with bytes unread: the system may drop its last words.
    assert not said or answers(said)[0][0] == 413


def test_a_silent_client_is_let_go(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "READ_TIMEOUT_S", 0.05)

    async def scene() -> None:
        async with listening() as at:
            assert await raw(at, b"GET / HT", end=False) == b""
            assert await raw(at, end=False) == b""

    run(scene())


def test_connections_are_bounded(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MOST_CONNECTIONS", 2)

    async def scene() -> None:
        async with listening() as at:
            held = [await asyncio.open_connection(*at) for _ in range(2)]
            for reader, writer in held:
                writer.write(request())
                await asyncio.wait_for(reader.readuntil(b"\n"), LIMIT_S)
            assert await raw(at, request()) == b""
            for _, writer in held:
                writer.close()
            for reader, _ in held:
                await asyncio.wait_for(reader.read(), LIMIT_S)

    run(scene())


def test_stopping_lets_waiting_clients_go(run: Any) -> None:
    async def scene() -> None:
        async with listening() as at:
            reader, _ = await asyncio.open_connection(*at)
            answering = await raw(at, request())
            assert answers(answering)[0][0] == 200
        assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""

    run(scene())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=100).map(lambda tail: request() + tail),
        st.binary(max_size=100).map(lambda body: request("POST", "/", body or b"{}")),
        st.text(alphabet="/%?&=[]:#ab\\", max_size=40).map(lambda t: request(target="/" + t)),
    )
)
def test_whatever_comes_the_server_lives(said: bytes) -> None:
    async def scene() -> None:
        unhandled: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, what: unhandled.append(what))
        async with listening() as at:
            await raw(at, said)
            assert answers(await raw(at, request()))[0][0] == 200
        assert not unhandled

    asyncio.run(scene())
