"""TLS on real sockets: handshakes, certificates on both sides, every way in which it can fail."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from websockets.asyncio.server import ServerConnection, serve
from websockets.utils import accept_key

from simulator.fleet import certificates
from simulator.fleet.certificates import Paper
from simulator.live.tls import Tls, TlsRules
from simulator.station.effects import Connect

pytestmark = pytest.mark.socket

HOST = "127.0.0.1"
Handler = Callable[[ServerConnection], Awaitable[None]]
VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


@dataclass(frozen=True)
class Made:
    """Authorities, and the certificates of a CSMS in every condition."""

    ca: Paper
    stranger: Paper
    good: Path
    expired: Path
    elsewhere: Path
    strange: Path
    alone: Path

    @property
    def root(self) -> str:
        return self.ca.pem.decode()

    def wish(self, name: str, *, by: Paper | None = None) -> Connect:
        """What a station with a certificate of its own asks for."""
        return shows(certificates.station_paper(by or self.ca, name, "Operator"), self.root)


def shows(paper: Paper, root: str) -> Connect:
    key = paper.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Connect("", None, 3, paper.pem.decode(), key, (root,))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("tls")
    ca = certificates.authority("Root", "Operator")
    stranger = certificates.authority("Stranger", "Somebody")

    def keep(name: str, paper: Paper) -> Path:
        path = folder / f"{name}.pem"
        path.write_bytes(paper.pem + paper.key_pem)
        return path

    late: Any = -1 / 96  # a quarter of an hour ago
    return Made(
        ca,
        stranger,
        keep("good", certificates.server_paper(ca, [HOST])),
        keep("expired", certificates.server_paper(ca, [HOST], days=late)),
        keep("elsewhere", certificates.server_paper(ca, ["csms.example"])),
        keep("strange", certificates.server_paper(stranger, [HOST])),
        keep("alone", certificates.authority("Alone", "Somebody")),
    )


def listening(
    path: Path, *, clients: str | None = None, only: str = "", tickets: int = 2
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.num_tickets = tickets
    if only:
        version = ssl.TLSVersion.TLSv1_2 if only == "1.2" else ssl.TLSVersion.TLSv1_3
        context.minimum_version = context.maximum_version = version
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients)
    return context


@asynccontextmanager
async def csms(handler: Handler, context: ssl.SSLContext, **options: Any) -> AsyncIterator[int]:
    options = {"subprotocols": ["ocpp1.6"], "close_timeout": 0.2, **options}
    async with serve(handler, HOST, 0, ssl=context, **options) as server:
        yield next(iter(server.sockets)).getsockname()[1]


async def echo_results(connection: ServerConnection) -> None:
    async for frame in connection:
        text = frame if isinstance(frame, str) else frame.decode()
        await connection.send(f'[3,"{text.split(chr(34))[1]}",{{}}]')


@asynccontextmanager
async def polite(context: ssl.SSLContext) -> AsyncIterator[int]:
    """A server that shakes hands and, unlike asyncio's own, says why if it refuses."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
        line = context.wrap_bio(inside, outside, server_side=True)
        with suppress(ssl.SSLError):
            while data := await reader.read(65536):
                inside.write(data)
                try:
                    line.do_handshake()
                except ssl.SSLWantReadError:
                    writer.write(outside.read())
                    continue
                break
        writer.write(outside.read())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(handler, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


def rules(made: Made, **more: Any) -> Tls:
    return Tls(TlsRules(HOST, made.root, **more))


@VERSIONS
def test_frames_go_both_ways_and_the_handshake_is_a_step_of_its_own(
    bench, play, made, version
) -> None:
    spoken: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        spoken.append(connection.transport.get_extra_info("ssl_object").version())
        await echo_results(connection)

    async def work() -> None:
        async with csms(handler, listening(made.good, only=version)) as port:
            b = bench(port, tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            assert b.station.said("receive") == [b'[3,"1",{}]']
            assert sorted(step for step, _ in b.watching.steps) == ["tcp", "tls", "upgrade"]
            assert all(seconds > 0.0 for _, seconds in b.watching.steps)
            b.link.hang_up(1000, "")
            await b.until(lambda: not b.link.connected)
            assert b.watching.errors == []

    play(work())
    assert spoken == [f"TLSv{version}"]


@pytest.mark.parametrize("shown", ["expired", "elsewhere", "strange", "alone"])
def test_a_wrong_certificate_of_the_csms_is_named_and_told_to_the_station(
    bench, play, made, shown
) -> None:
    words = {
        "expired": "expired",
        "elsewhere": "hostname",
        "strange": "unknown_ca",
        "alone": "self_signed",
    }

    async def work() -> None:
        async with csms(echo_results, listening(getattr(made, shown))) as port:
            b = bench(port, tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            ((_, kind, detail),) = b.watching.errors
            assert (kind, detail.split()[0]) == ("tls_verify", words[shown])
            assert b.station.said("insecure") == ["InvalidCsmsCertificate"]
            assert b.station.said("connected") == []

    play(work())


def test_without_a_pinned_authority_the_systems_are_trusted_and_no_others(
    bench, play, made, monkeypatch, tmp_path
) -> None:
    own = tmp_path / "system.pem"
    own.write_bytes(made.stranger.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    async def work() -> None:
        async with csms(echo_results, listening(made.good)) as port:
            b = bench(port, tls=Tls(TlsRules(HOST)))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["tls_verify"]
        async with csms(echo_results, listening(made.strange)) as port:
            b = bench(port, tls=Tls(TlsRules(HOST)))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            b.link.abort()
            await b.until(lambda: not b.link.connected)
        async with csms(echo_results, listening(made.good)) as port:
            b = bench(port, tls=Tls(TlsRules(HOST)))
            b.station.wish = Connect(security_profile=2, roots=(made.root,))  # installed since
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            b.link.abort()
            await b.until(lambda: not b.link.connected)

    play(work())


def test_the_roots_of_a_station_take_the_place_of_the_pinned_one(bench, play, made) -> None:
    async def work() -> None:
        async with csms(echo_results, listening(made.good)) as port:
            b = bench(port, tls=rules(made))
            b.station.wish = Connect(security_profile=2, roots=(made.stranger.pem.decode(),))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["tls_verify"]

    play(work())


@pytest.mark.parametrize(
    ("ours", "theirs", "kind", "word", "event"),
    [
        ({"oldest": "1.3"}, "1.2", "tls_alert", "protocol_version", []),
        ({"newest": "1.2"}, "1.3", "tls_alert", "protocol_version", []),
    ],
)
def test_no_common_version(bench, play, made, ours, theirs, kind, word, event) -> None:
    async def work() -> None:
        async with polite(listening(made.good, only=theirs)) as port:
            b = bench(port, tls=rules(made, **ours))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            ((_, found, detail),) = b.watching.errors
            assert (found, detail.split()[0]) == (kind, word)
            assert b.station.said("insecure") == event

    play(work())


def test_a_csms_that_is_too_old_is_a_security_event(bench, play, made) -> None:
    """Its answer to a hello without old versions: the alert ``protocol_version`` (RFC 8446, 6)."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(bytes.fromhex("15030100020246"))
        await writer.drain()
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(handler, HOST, 0)
        async with server:
            b = bench(server.sockets[0].getsockname()[1], tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.errors == [(0, "tls_alert", "protocol_version")]
            assert b.station.said("insecure") == ["InvalidTLSVersion"]

    play(work())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "tls_malformed"),
        (b"\x00" * 64, "tls_malformed"),
        (b"", "tls_closed"),
        (None, "tls_timeout"),
    ],
)
def test_what_speaks_no_tls_is_told_apart(bench, play, made, answer, kind) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        if answer is None:
            await reader.read(1)
        elif answer:
            writer.write(answer)
            await writer.drain()
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(handler, HOST, 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            b = bench(port, tls=rules(made), timeout_s=0.1 if answer is None else 5.0)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == [kind]
            assert b.station.said("insecure") == []
            await b.until(lambda: not b.shared.tasks)

    play(work())


def test_a_plain_station_at_a_tls_port_is_no_http(bench, play, made) -> None:
    async def work() -> None:
        async with csms(echo_results, listening(made.good)) as port:
            b = bench(port)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds in (["http_malformed"], ["tcp_reset"])

    play(work())


# -- certificates of stations ----------------------------------------------------------------------


@VERSIONS
def test_without_a_certificate_a_csms_that_wants_one_refuses(bench, play, made, version) -> None:
    async def work() -> None:
        context = listening(made.good, clients=made.root, only=version)
        async with polite(context) as port:
            b = bench(port, tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            ((_, kind, detail),) = b.watching.errors
            known = {"1.2": "handshake_failure", "1.3": "certificate_required"}
            assert (kind, detail.split()[0]) == ("tls_alert", known[version])

    play(work())


def test_a_certificate_of_nobody_we_know_is_refused(bench, play, made) -> None:
    async def work() -> None:
        async with polite(listening(made.good, clients=made.root)) as port:
            b = bench(port, tls=rules(made))
            b.station.wish = made.wish("CSW-1", by=made.stranger)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            ((_, kind, detail),) = b.watching.errors
            assert (kind, detail.split()[0]) == ("tls_alert", "unknown_ca")

    play(work())


def rsa_wish(made: Made, name: str) -> Connect:
    key = rsa.generate_private_key(65537, 2048)
    elliptic = certificates.station_paper(made.ca, name, "Operator")
    template = elliptic.certificate
    builder = (
        certificates.x509.CertificateBuilder()
        .subject_name(template.subject)
        .issuer_name(template.issuer)
        .public_key(key.public_key())
        .serial_number(template.serial_number + 1)
        .not_valid_before(template.not_valid_before_utc)
        .not_valid_after(template.not_valid_after_utc)
    )
    signed = builder.sign(made.ca.key, hashes.SHA256())
    der = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = signed.public_bytes(serialization.Encoding.PEM).decode()
    return Connect("", None, 3, pem, der, (made.root,))


@VERSIONS
def test_each_station_shows_its_own_certificate_and_no_others(bench, play, made, version) -> None:
    """They share contexts and connect at the same time, with keys of two kinds."""
    seen: dict[str, Any] = {}

    async def handler(connection: ServerConnection) -> None:
        subject = connection.transport.get_extra_info("peercert")["subject"]
        names = {name: value for row in subject for name, value in row}
        assert connection.request is not None
        seen[connection.request.path.rsplit("/", 1)[-1]] = names["commonName"]
        seen["authorization"] = connection.request.headers.get("Authorization")
        await echo_results(connection)

    async def work() -> None:
        tls = rules(made)
        context = listening(made.good, clients=made.root, only=version)
        async with csms(handler, context) as port:
            benches = []
            for number in range(12):
                name = f"CSW-{number}"
                b = bench(port, tls=tls, station_id=name, password="never sent")
                b.station.wish = rsa_wish(made, name) if number % 6 == 5 else made.wish(name)
                benches.append(b)
            for b in benches:
                b.link.start(0.0)
            for b in benches:
                await b.until(lambda b=b: b.station.said("receive"))
                b.link.abort()
                await b.until(lambda b=b: not b.link.connected)
        assert len(tls._contexts) == 2

    play(work())
    assert seen.pop("authorization") is None
    assert seen == {f"CSW-{number}": f"CSW-{number}" for number in range(12)}


def test_a_certificate_with_another_key_is_our_own_error(bench, play, made) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    paper = certificates.station_paper(made.ca, "CSW-1", "Operator")

    async def work() -> None:
        async with csms(echo_results, listening(made.good, clients=made.root)) as port:
            b = bench(port, tls=rules(made))
            b.station.wish = shows(Paper(paper.certificate, other), made.root)
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["tls_own_certificate"]

    play(work())


# -- sessions --------------------------------------------------------------------------------------


@VERSIONS
@pytest.mark.parametrize("resumption", [True, False])
def test_a_session_is_resumed_where_the_scenario_says_so(
    bench, play, made, version, resumption
) -> None:
    async def work() -> None:
        async with csms(echo_results, listening(made.good, only=version)) as port:
            b = bench(port, tls=rules(made, resumption=resumption))
            for turn in range(1, 4):
                b.station.effects.append(Connect(security_profile=2, roots=(made.root,)))
                b.link.settle(0.0)
                await b.until(lambda turn=turn: len(b.station.said("receive")) == turn)
                b.station.close(1000, "")
                b.link.settle(0.0)
                await b.until(lambda: not b.link.connected and not b.shared.tasks)
            steps = [step for step, _ in b.watching.steps if step.startswith("tls")]
            again = "tls_resumed" if resumption else "tls"
            assert steps == ["tls", again, again]

    play(work())


# -- what goes wrong later, and how it ends --------------------------------------------------------


def test_close_notify_without_a_close_frame_is_abnormal(bench, play, made) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.close()  # says close_notify, then FIN
        await connection.wait_closed()

    async def work() -> None:
        async with csms(handler, listening(made.good)) as port:
            b = bench(port, tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["abnormal_1006"]

    play(work())


def test_a_cut_connection_is_abnormal_too(bench, play, made) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    async def work() -> None:
        async with csms(handler, listening(made.good)) as port:
            b = bench(port, tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["abnormal_1006"]

    play(work())


def test_a_broken_record_ends_the_connection(bench, play, made) -> None:
    """Somebody in between changes a byte."""

    async def work() -> None:
        async with csms(echo_results, listening(made.good)) as port:
            b = bench(port, tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("receive"))
            layer = b.link._connection._transport
            layer.data_received(bytes.fromhex("1703030013") + b"\x55" * 19)
            await b.until(lambda: b.station.said("disconnected"))
            assert b.watching.kinds == ["tls_protocol"]

    play(work())


def take_one(listener: socket.socket, context: ssl.SSLContext) -> str:
    """Upgrade, close as the CSMS does, and see whether TLS is closed on both sides."""
    sock, _ = listener.accept()
    with sock:
        sock.settimeout(10)
        line = context.wrap_socket(sock, server_side=True)
        request = b""
        while b"\r\n\r\n" not in request:
            request += line.recv(4096)
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        line.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: ocpp1.6\r\n"
            + f"Sec-WebSocket-Accept: {accept_key(key.decode())}\r\n\r\n".encode()
        )
        line.recv(4096)
        line.sendall(b"\x88\x02\x03\xe8")  # close, 1000
        assert line.recv(4096)[:1] == b"\x88"
        line.unwrap()  # raises unless the station says close_notify too
        return "closed by both"


def test_a_clean_end_is_said_in_tls_too(bench, play, made) -> None:
    said: list[str] = []

    async def work() -> None:
        with socket.create_server((HOST, 0)) as listener:
            task = asyncio.create_task(asyncio.to_thread(take_one, listener, listening(made.good)))
            b = bench(listener.getsockname()[1], tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("disconnected"))
            said.append(await task)
            assert b.watching.kinds == ["ws_close"]

    play(work())
    assert said == ["closed by both"]


def test_long_frames_pass_and_the_buffer_stays_short(bench, play, made) -> None:
    text = "x" * 300_000

    async def handler(connection: ServerConnection) -> None:
        first = await connection.recv()
        await connection.send(f'[2,"long","DataTransfer",{{"data":"{text}"}}]')
        assert await connection.recv() == '[3, "long", {}]'
        await connection.send(f'[3,"{str(first).split(chr(34))[1]}",{{}}]')
        await connection.wait_closed()

    async def work() -> None:
        async with csms(handler, listening(made.good)) as port:
            b = bench(port, tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: len(b.station.said("receive")) == 2)
            assert len(b.station.said("receive")[0]) > 300_000
            layer = b.link._connection._transport
            assert layer._inside.pending < 20_000
            assert layer._outside.pending == 0
            b.link.abort()
            await b.until(lambda: not b.link.connected)

    play(work())


def test_a_csms_that_does_not_read_makes_the_station_wait(bench, play, made) -> None:
    go_on = asyncio.Event()

    async def handler(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await go_on.wait()
        connection.transport.resume_reading()
        async for _ in connection:
            pass

    async def work() -> None:
        async with csms(handler, listening(made.good), max_size=None) as port:
            b = bench(port, tls=rules(made))
            b.link.start(0.0)
            await b.until(lambda: b.station.said("connected"))
            connection = b.link._connection
            for _ in range(200):
                connection.send(b'"' + b"x" * 50_000 + b'"')
                if b.station.said("writable"):
                    break
            assert b.station.said("writable") == [False]
            go_on.set()
            await b.until(lambda: b.station.said("writable") == [False, True])
            b.link.abort()
            await b.until(lambda: not b.link.connected)

    play(work())


class Heard:
    """A connection that keeps what it is told."""

    is_open = True

    def __init__(self) -> None:
        self.data = b""
        self.begun = asyncio.Event()
        self.failure: Any = None

    def secured(self, seconds: float, resumed: bool) -> None: ...

    def connection_made(self, transport: Any) -> None:
        self.begun.set()

    def received(self, now: float, data: bytes) -> None:
        self.data += data

    def spoiled(self, now: float, failure: Any) -> None:
        self.failure = failure

    def eof_received(self) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


@pytest.mark.process
@pytest.mark.parametrize("command", ["K", "k"])
def test_keys_may_be_updated_at_any_time(play, made, closed_port, command) -> None:
    """By OpenSSL's own server: K updates its keys and asks for ours, k its own alone."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl here")

    async def said(stream: asyncio.StreamReader, word: bytes) -> None:
        while word not in await asyncio.wait_for(stream.readline(), 10):
            pass

    async def work() -> None:
        server = await asyncio.create_subprocess_exec(
            *(openssl, "s_server", "-accept", str(closed_port), "-cert", str(made.good)),
            *("-tls1_3", "-msg"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert server.stdin is not None and server.stdout is not None
        try:
            await said(server.stdout, b"ACCEPT")
            heard: Any = Heard()
            layer = rules(made).layer(heard, 0, Connect(), time.perf_counter)
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: layer, HOST, closed_port)
            await asyncio.wait_for(heard.begun.wait(), 10)
            layer.write(b"first\n")
            await said(server.stdout, b"first")

            async def send(line: bytes) -> None:
                server.stdin.write(line)
                await server.stdin.drain()
                async with asyncio.timeout(20):
                    while not heard.data.endswith(line):
                        await asyncio.sleep(0.001)

            await send(b"before\n")
            server.stdin.write(command.encode() + b"\n")
            await said(server.stdout, b"KeyUpdate")
            await send(b"after\n")
            layer.write(b"second\n")
            await said(server.stdout, b"second")
            assert heard.data == b"before\nafter\n"
            assert heard.failure is None
            layer.abort()
        finally:
            server.kill()
            await server.wait()

    play(work())
