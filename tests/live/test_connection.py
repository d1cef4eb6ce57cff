"""A link on real sockets: the handshake, frames both ways, closing, every kind of bad target."""

from __future__ import annotations

import asyncio
import base64
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from simulator.station.effects import Close, Connect

pytestmark = pytest.mark.socket

Handler = Callable[[ServerConnection], Awaitable[None]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def csms(handler: Handler, **options: Any) -> AsyncIterator[int]:
    options.setdefault("subprotocols", ["ocpp1.6"])
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


@asynccontextmanager
async def raw(handler: Raw) -> AsyncIterator[int]:
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await handler(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


async def echo_results(connection: ServerConnection) -> None:
    async for frame in connection:
        text = frame if isinstance(frame, str) else frame.decode()
        await connection.send(f'[3,"{text.split(chr(34))[1]}",{{}}]')


def test_handshake_names_the_station_and_asks_for_ocpp16_without_compression(bench, play) -> None:
    seen: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        seen.append(connection.request)
        await echo_results(connection)

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port, password="säcret")
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            b.link.hang_up(1000, "")
            await b.until(lambda: not b.link.connected)

    play(work())
    request = seen[0]
    assert request.path == "/ocpp/CSW-a%20b%2F0001"
    assert request.headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
    assert "Sec-WebSocket-Extensions" not in request.headers
    scheme, _, pair = request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(pair).decode()) == ("Basic", "CSW-a b/0001:säcret")


def test_without_a_password_no_authorization_is_sent(bench, play) -> None:
    seen: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        seen.append(connection.request.headers.get("Authorization"))

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))

    play(work())
    assert seen == [None]


@pytest.mark.parametrize("to_target", [True, False])
def test_what_the_csms_set_is_used_and_no_other_csms_is_dialled(bench, play, to_target) -> None:
    seen: list[Any] = []
    said: list[str] = []

    async def handler(connection: ServerConnection) -> None:
        seen.append(connection.request.headers.get("Authorization"))

    async def work() -> None:
        async with csms(handler) as port, csms(handler) as elsewhere:
            b = bench(port, password="the first one")
            url = f"ws://127.0.0.1:{port if to_target else elsewhere}/ocpp"
            b.station.effects.append(Connect(url, b"\x00\xffsecret"))
            b.link.settle(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            said.extend(b.station.said("disconnected"))

    play(work())
    if to_target:
        pair = base64.b64encode(b"CSW-a b/0001:\x00\xffsecret").decode()
        assert seen == [f"Basic {pair}"]
    else:
        assert seen == [] and said == ["another CSMS is not dialled"]


def test_calls_are_stamped_after_the_write_and_answers_before_decoding(bench, play) -> None:
    async def work() -> None:
        async with csms(echo_results) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            assert b.station.said("receive") == [b'[3,"1",{}]']
            (connected_at,) = b.station.said("connected")
            assert b.station.written_at[0] >= connected_at
            assert [step for step, _ in b.watching.steps] == ["upgrade", "tcp"]
            b.link.abort()
            await b.until(lambda: not b.link.connected)

    play(work())


def test_a_call_of_the_csms_is_answered(bench, play) -> None:
    answers: list[str | bytes] = []

    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send('[2,"x","TriggerMessage",{}]')
        answers.append(await connection.recv())

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))

    play(work())
    assert answers == ['[3, "x", {}]']


def test_pings_are_answered_and_fragments_put_together(bench, play) -> None:
    ponged: list[bool] = []

    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await (await connection.ping())
        ponged.append(True)
        await connection.send(["[3,", '"1"', ",{}]"])
        await connection.wait_closed()

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            assert b.station.said("receive") == [b'[3,"1",{}]']
            b.link.hang_up(1000, "")
            await b.until(lambda: not b.link.connected)

    play(work())
    assert ponged == [True]


def test_1_6j_5_3_a_peer_that_answers_no_ping_is_taken_for_gone(bench, play) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send('[3,"1",{}]')
        connection.transport.pause_reading()  # the peer hears nothing more and says nothing
        await over.wait()
        connection.transport.abort()

    over = asyncio.Event()

    async def work() -> None:
        async with csms(handler, ping_interval=None) as port:
            b = bench(port)
            b.shared.ping_s_of = lambda station: 0.05
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            while not b.station.said("disconnected") and b.shared.clock() < 2.0:
                await asyncio.sleep(0.01)
                b.link.wake(b.shared.clock())
            over.set()
            assert b.watching.kinds == ["ping_timeout"]
            assert b.station.said("disconnected")

    play(work())


def test_binary_frames_are_counted_and_the_connection_lives_on(bench, play) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(b"\x00\x01")
        await echo_results(connection)

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive") and b.watching.errors)
            assert b.watching.kinds == ["ocpp_malformed"]
            assert b.link.connected
            b.link.abort()
            await b.until(lambda: not b.link.connected)

    play(work())


def test_the_close_code_of_the_csms_is_told_apart(bench, play) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(1012, "restarting")

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.errors == [(0, "ws_close", "1012 restarting")]

    play(work())


def test_a_close_that_the_station_asked_for_is_no_error(bench, play) -> None:
    async def work() -> None:
        async with csms(echo_results) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            b.station.close(1001, "reset")
            b.link.settle(1.0)
            assert b.station.said("disconnected") == []
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.errors == []

    play(work())


def test_a_station_reconnects_when_its_back_off_is_over(bench, small_station, play) -> None:
    count = 0

    async def handler(connection: ServerConnection) -> None:
        nonlocal count
        count += 1
        await connection.recv()
        await connection.close(1011, "")

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port, station=small_station(backoff_s=0.001))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.shared.deadlines.earliest < float("inf")
            b.link.wake(b.shared.clock() + 1.0)
            await b.until(lambda: len(b.station.said("connected")) == 2)
            await b.until(lambda: not b.link.connected)

    play(work())
    assert count == 2


def test_a_frame_that_is_too_long_closes_the_connection(bench, play) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("x" * 5000)
        await connection.wait_closed()
        codes.append(connection.close_code)

    codes: list[int | None] = []

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port, max_message_bytes=4096)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["ws_protocol"]
            await b.until(lambda: bool(codes))

    play(work())
    assert codes == [1009]


def test_a_full_socket_stops_the_station_until_it_drains(bench, play) -> None:
    reading = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await reading.wait()
        connection.transport.resume_reading()
        async for _ in connection:
            pass

    async def work() -> None:
        async with csms(handler, max_size=None, max_queue=None) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("connected"))
            from simulator.station.effects import Send

            while not b.station.said("writable"):
                b.station.effects.append(Send(b"x" * 65536, False))
                b.link.settle(b.shared.clock())
                await asyncio.sleep(0)
            assert b.station.said("writable") == [False]
            reading.set()
            await b.until(lambda: b.station.said("writable") == [False, True])
            b.link.abort()
            await b.until(lambda: not b.link.connected)

    play(work())


async def speak(data: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(data)
    await writer.drain()


async def reads_then_closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def web_page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await speak(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", writer)


async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
    await speak(head, writer)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await speak(b"\x00\x01\x02 this is not HTTP\r\n\r\n" * 3, writer)


async def endless_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await speak(b"A" * 70000, writer)


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(0)


async def half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await speak(b"HTTP/1.1 101 Switching Proto", writer)


async def wrong_accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await speak(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: bm90IHRoZSByaWdodCBrZXk=\r\n\r\n",
        writer,
    )


@pytest.mark.parametrize(
    ("target", "kind", "timeout_s"),
    [
        (reads_then_closes, "http_malformed", 5.0),
        (resets, "tcp_reset", 5.0),
        (web_page, "http_other", 5.0),
        (redirect, "http_other", 5.0),
        (garbage, "http_malformed", 5.0),
        (endless_line, "http_malformed", 5.0),
        (wrong_accept, "http_malformed", 5.0),
        (mute, "http_timeout", 0.05),
        (half_an_answer, "http_timeout", 0.05),
    ],
)
def test_a_target_that_is_no_csms_is_one_counted_error(
    bench, play, target, kind, timeout_s
) -> None:
    async def work() -> None:
        async with raw(target) as port:
            b = bench(port, timeout_s=timeout_s)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == [kind]
            assert b.station.said("connected") == []
            await b.until(lambda: not b.shared.tasks)
            assert len(b.station.said("disconnected")) == 1

    play(work())


def test_nobody_listens(bench, play, closed_port) -> None:
    async def work() -> None:
        b = bench(closed_port)
        b.link.start(0.0)
        await b.until(lambda: b.station.said("disconnected"))
        assert b.watching.kinds == ["tcp_refused"]

    play(work())


def test_a_port_that_takes_no_connection_times_out(bench, play) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))

        async def work() -> None:
            b = bench(port, timeout_s=0.05)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["tcp_timeout"]

        play(work())
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "http_401"), (403, "http_403"), (404, "http_404"), (429, "http_429"), (503, "http_5xx")],
)
def test_refusals_are_told_apart_by_status(bench, play, status, kind) -> None:
    def refuse(connection: ServerConnection, _request: Any) -> Any:
        return connection.respond(HTTPStatus(status), "no")

    async def work() -> None:
        async with csms(echo_results, process_request=refuse) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == [kind]

    play(work())


def test_a_server_that_selects_no_subprotocol_is_left(bench, play) -> None:
    codes: list[int | None] = []

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()
        codes.append(connection.close_code)

    async def work() -> None:
        async with csms(handler, subprotocols=None) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected") and bool(codes))
            assert b.watching.kinds == ["bad_subprotocol"]
            assert b.station.said("connected") == []

    play(work())
    assert codes == [1002]


def test_a_server_that_selects_another_subprotocol_is_left(bench, play) -> None:
    async def work() -> None:
        choose: Any = lambda _connection, _offered: "ocpp2.0.1"  # noqa: E731
        options = {"subprotocols": ["ocpp2.0.1"], "select_subprotocol": choose}
        async with csms(echo_results, **options) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["bad_subprotocol"]

    play(work())


def test_a_connection_that_dies_is_abnormal(bench, play) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    async def work() -> None:
        async with csms(handler) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["abnormal_1006"]

    play(work())


def test_a_retired_station_is_told_nothing_more(bench, play) -> None:
    async def work() -> None:
        async with csms(echo_results) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            b.link.retire(1.0)
            before = list(b.station.log)
            b.link.hang_up(1000, "")
            await b.until(lambda: not b.link.connected)
            assert b.station.log == before
            assert b.watching.errors == []
            assert b.watching.online == set()

    play(work())


async def until_closed(connection: ServerConnection) -> None:
    async for _ in connection:
        pass


def test_a_station_that_comes_back_before_its_connection_has_closed_gets_a_new_one(
    bench, play
) -> None:
    async def work() -> None:
        async with csms(until_closed) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("connected"))
            b.station.effects += [Close(1000, "switched off"), Connect()]
            b.link.settle(b.shared.clock())
            await b.until(lambda: len(b.station.said("connected")) == 2)
            await asyncio.sleep(0.05)
            assert b.station.said("disconnected") == [] and b.link.connected
            assert b.watching.online == {0} and b.watching.errors == []
            b.link.hang_up(1000, "")
            await b.until(lambda: not b.link.connected)

    play(work())


@pytest.mark.parametrize("again", [False, True])
def test_a_connection_that_opens_for_a_station_that_is_off_by_then_is_closed(
    bench, play, again
) -> None:
    async def work() -> None:
        async with csms(until_closed) as port:
            b = bench(port)
            b.link.start(0.0)
            b.station.effects.append(Close(1000, "switched off"))
            b.link.settle(b.shared.clock())
            if again:
                b.station.effects.append(Connect())
                b.link.settle(b.shared.clock())
                await b.until(lambda: b.station.said("connected"))
                b.link.hang_up(1000, "")
            await b.until(lambda: b.station.said("disconnected"))
            assert bool(b.station.said("connected")) is again
            assert b.watching.online == set() and b.watching.errors == []

    play(work())
