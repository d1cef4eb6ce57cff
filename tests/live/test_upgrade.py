"""From a password over TLS to a certificate, and to new ones of both: real stations, real sockets.

The CSMS of these tests plays a script: it commands, signs what it is asked to sign, and looks at
who comes back how.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from math import inf
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from simulator.demand.draws import Draws
from simulator.fleet import certificates as papers
from simulator.fleet.keys import X509Keys
from simulator.live.connection import Upgrade
from simulator.live.deadlines import Deadlines
from simulator.live.dial import DialRules
from simulator.live.link import Link, Surroundings
from simulator.live.target import Address, parse_target
from simulator.live.tls import Tls, TlsRules
from simulator.measure.recorder import Recorder
from simulator.station import certificates
from simulator.station.effects import Connect
from simulator.station.settings import Identity, Settings
from simulator.station.station import Station
from simulator.station.truststore import csms_roots
from simulator.station.versions import TABLES

pytestmark = pytest.mark.socket

HOST = "127.0.0.1"
ID, SERIAL, OPERATOR, PASSWORD = "CSW-a-0001", "SN-0815", "Operator", "the first password"
HEX = "00112233445566778899aabbccddeeff"
ORGANISATION = {"1.6": "CpoName", "2.0.1": "SecurityCtrlr.OrganizationName"}


class NoMeter:
    """Nothing is ever plugged in."""

    def register_wh(self, now: float, evse: int) -> float:
        return 0.0

    power_w = current_a = voltage_v = register_wh


class Csms:
    """Lets in who has the password or a certificate of its authority, and remembers how."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.ca = papers.authority("Root", OPERATOR)
        self.came: list[str] = []
        """How the station proved itself, at each connection."""
        self.certificates = True
        """Certificates are accepted."""
        self.asked: list[tuple[str, Any]] = []
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._ids = itertools.count(1)
        self._line: ServerConnection | None = None

    @asynccontextmanager
    async def open(self, tmp_path: Any) -> AsyncIterator[int]:
        server = papers.server_paper(self.ca, [HOST])
        file = tmp_path / "csms.pem"
        file.write_bytes(server.pem + server.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=self.ca.pem.decode())
        names: Any = [f"ocpp{self.version}"]
        options: Any = {"process_request": self._door, "subprotocols": names}
        async with serve(
            self._serve, HOST, 0, ssl=context, close_timeout=0.2, **options
        ) as listening:
            yield next(iter(listening.sockets)).getsockname()[1]

    def _door(self, connection: ServerConnection, request: Any) -> Any:
        shown = connection.transport.get_extra_info("peercert")
        word = request.headers.get("Authorization", "")
        if shown:
            subject = {name: value for row in shown["subject"] for name, value in row}
            serial = int(shown["serialNumber"], 16)
            self.came.append(f"{subject['commonName']} {subject['organizationName']} {serial}")
            assert not word
            return None if self.certificates else connection.respond(HTTPStatus(401), "no")
        self.came.append(base64.b64decode(word.partition(" ")[2]).decode("latin-1"))
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        self._line = connection
        with suppress(ConnectionClosed):
            async for text in connection:
                frame = json.loads(text)
                if frame[0] == 2:
                    self.asked.append((frame[2], frame[3]))
                    with suppress(ConnectionClosed):  # there may be more to read all the same
                        await connection.send(json.dumps([3, frame[1], self._answer(frame[2])]))
                elif frame[1] in self._answers:
                    self._answers.pop(frame[1]).set_result(frame)

    def _answer(self, action: str) -> Any:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if action == "BootNotification":
            return {"status": "Accepted", "currentTime": now, "interval": 3600}
        return {"status": "Accepted"} if action == "SignCertificate" else {}

    async def command(self, action: str, payload: Any) -> Any:
        assert self._line is not None
        mid = f"c{next(self._ids)}"
        future = self._answers[mid] = asyncio.get_running_loop().create_future()
        await self._line.send(json.dumps([2, mid, action, payload]))
        frame = await asyncio.wait_for(future, 20)
        assert frame[0] == 3, frame
        return frame[2]

    def sign(self, csr: str, number: int) -> str:
        """The chain for a signing request: its certificate, and nothing in between."""
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        root = self.ca.certificate
        made = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(root.subject)
            .public_key(request.public_key())
            .serial_number(number)
            .not_valid_before(root.not_valid_before_utc)
            .not_valid_after(root.not_valid_after_utc)
            .sign(self.ca.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM).decode()


class Drive:
    """One real station on its link, woken when it wants to be."""

    def __init__(self, csms: Csms, port: int, **settings: Any) -> None:
        version = csms.version
        keys = X509Keys()
        began = time.perf_counter()
        self.recorder = Recorder((), 1, station_ids=[ID], versions=version)
        options = {
            "configuration": {ORGANISATION[version]: OPERATOR},
            "security_profile": 2,
            "highest_security_profile": 3,
            "backoff_min_s": 0.01,
            "backoff_random_s": 0.0,
            "reboot_s": 0.01,
            "clock_spread_s": 0.0,
            **settings,
        }
        meter: Any = NoMeter()
        self.station = Station(
            0,
            Identity(ID, "V", "M", SERIAL, "1", 1, PASSWORD),
            TABLES[version],
            Settings("run", **options),
            meter,
            Draws(1),
            self.recorder,
            time.time(),
            keys,
        )
        root = keys.read(csms.ca.pem.decode())
        certificates.provision(self.station, csms_roots(keys, root), None)
        self.url = f"wss://{HOST}:{port}/ocpp"
        self.shared = Surroundings(
            clock=lambda: time.perf_counter() - began,
            deadlines=Deadlines(1),
            rules=DialRules(Address(socket.AF_INET, (HOST, port)), 10.0),
            upgrade=Upgrade(parse_target(self.url), TABLES[version].subprotocol),
            watcher=self.recorder,
            tls=Tls(TlsRules(HOST, csms.ca.pem.decode())),
        )
        driven: Any = self.station
        self.link = Link(0, ID, PASSWORD, driven, self.shared)
        self.link.start(0.0)

    @property
    def online(self) -> bool:
        return self.link.connected

    async def until(self, condition: Any) -> None:
        """Drive the station until something is so."""
        async with asyncio.timeout(20):
            while not condition():
                now = self.shared.clock()
                if self.station.next_deadline <= now:
                    self.link.wake(now)
                await asyncio.sleep(0.001)

    async def end(self) -> None:
        self.link.retire(self.shared.clock())
        self.link.abort()
        async with asyncio.timeout(20):
            while self.link.connected or self.shared.tasks:
                await asyncio.sleep(0.001)

    async def ask(self, csms: Csms, action: str, payload: Any) -> Any:
        """A command, while the station goes on living."""
        task = asyncio.ensure_future(csms.command(action, payload))
        await self.until(task.done)
        return task.result()

    async def signed(self, csms: Csms, number: int) -> None:
        """Have the station ask for a certificate, and give it one."""
        before = len(csms.asked)
        if csms.version == "1.6":
            wanted = {"requestedMessage": "SignChargePointCertificate"}
            answer = await self.ask(csms, "ExtendedTriggerMessage", wanted)
        else:
            wanted = {"requestedMessage": "SignChargingStationCertificate"}
            answer = await self.ask(csms, "TriggerMessage", wanted)
        assert answer["status"] == "Accepted"
        csr = lambda: [p["csr"] for a, p in csms.asked[before:] if a == "SignCertificate"]  # noqa: E731
        await self.until(csr)
        chain = {"certificateChain": csms.sign(csr()[0], number)}
        assert (await self.ask(csms, "CertificateSigned", chain))["status"] == "Accepted"

    async def raised(self, csms: Csms) -> None:
        """Have the station come by its certificate from now on."""
        if csms.version == "1.6":
            change = {"key": "SecurityProfile", "value": "3"}
            answer = await self.ask(csms, "ChangeConfiguration", change)
            assert answer["status"] == "Accepted"
            return
        profile = {
            "ocppVersion": "OCPP20",
            "ocppTransport": "JSON",
            "ocppCsmsUrl": self.url,
            "messageTimeout": 30,
            "securityProfile": 3,
            "ocppInterface": "Wired0",
        }
        payload = {"configurationSlot": 1, "connectionData": profile}
        assert (await self.ask(csms, "SetNetworkProfile", payload))["status"] == "Accepted"
        await self.set_variable(csms, "OCPPCommCtrlr", "NetworkConfigurationPriority", "1,0")
        await self.ask(csms, "Reset", {"type": "Immediate"})

    async def set_variable(self, csms: Csms, component: str, name: str, value: str) -> None:
        data = {
            "component": {"name": component},
            "variable": {"name": name},
            "attributeValue": value,
        }
        answer = await self.ask(csms, "SetVariables", {"setVariableData": [data]})
        (result,) = answer["setVariableResult"]
        assert result["attributeStatus"] in ("Accepted", "RebootRequired"), result

    async def profile(self, csms: Csms) -> str:
        """The security profile, as the station says."""
        if csms.version == "1.6":
            answer = await self.ask(csms, "GetConfiguration", {"key": ["SecurityProfile"]})
            return str(answer["configurationKey"][0]["value"])
        data = {
            "component": {"name": "SecurityCtrlr"},
            "variable": {"name": "SecurityProfile"},
        }
        answer = await self.ask(csms, "GetVariables", {"getVariableData": [data]})
        return str(answer["getVariableResult"][0]["attributeValue"])


@pytest.fixture(params=["1.6", "2.0.1"])
def csms(request: pytest.FixtureRequest) -> Csms:
    return Csms(request.param)


BY_PASSWORD = f"{ID}:{PASSWORD}"


def by_certificate(number: int) -> str:
    return f"{SERIAL} {OPERATOR} {number}"


def test_a02_a05_from_a_password_to_a_certificate_and_to_the_next_one(csms, play, tmp_path) -> None:
    async def work() -> None:
        async with csms.open(tmp_path) as port:
            drive = Drive(csms, port)
            await drive.until(lambda: drive.station.accepted)
            assert await drive.profile(csms) == "2"
            await drive.signed(csms, 1001)
            assert csms.came == [BY_PASSWORD]  # a certificate alone changes nothing
            await drive.raised(csms)
            await drive.until(lambda: len(csms.came) == 2 and drive.station.accepted)
            assert csms.came[1:] == [by_certificate(1001)]
            await drive.until(lambda: drive.online)
            assert await drive.profile(csms) == "3"
            await drive.signed(csms, 1002)
            await drive.until(lambda: len(csms.came) == 3 and drive.online)
            assert csms.came[2:] == [by_certificate(1002)]
            assert drive.recorder.errors.counts() == {}
            await drive.end()

    play(work())


def test_a05_fr_08_b10_fr_03_a_profile_that_gets_nowhere_is_given_up(csms, play, tmp_path) -> None:
    async def work() -> None:
        async with csms.open(tmp_path) as port:
            drive = Drive(csms, port)
            await drive.until(lambda: drive.station.accepted)
            await drive.signed(csms, 1001)
            csms.certificates = False
            await drive.raised(csms)
            await drive.until(lambda: len(csms.came) == 5 and drive.online)
            assert csms.came[1:] == [by_certificate(1001)] * 3 + [BY_PASSWORD]
            await drive.until(lambda: drive.station.accepted)
            assert await drive.profile(csms) == "2"
            assert drive.recorder.errors.counts() == {"http_401": 3}
            await drive.end()

    play(work())


def test_a01_a_new_password_is_used_at_once_and_over_tls(csms, play, tmp_path) -> None:
    async def work() -> None:
        async with csms.open(tmp_path) as port:
            drive = Drive(csms, port)
            await drive.until(lambda: drive.station.accepted)
            if csms.version == "1.6":
                change = {"key": "AuthorizationKey", "value": HEX}
                await drive.ask(csms, "ChangeConfiguration", change)
                word = bytes.fromhex(HEX).decode("latin-1")
            else:
                word = "another-password"
                await drive.set_variable(csms, "SecurityCtrlr", "BasicAuthPassword", word)
            await drive.until(lambda: len(csms.came) == 2 and drive.online)
            assert csms.came == [BY_PASSWORD, f"{ID}:{word}"]
            await drive.end()

    play(work())


def test_a00_fr_310_a_wrong_csms_is_told_once_to_the_right_one(csms, play, tmp_path) -> None:
    """Its root is replaced while nobody is connected; in the end the right one comes back."""
    stranger = papers.authority("Stranger", "Somebody")

    async def work() -> None:
        async with csms.open(tmp_path) as port:
            drive = Drive(csms, port, security_profile=2)
            roots = drive.station.certificates.roots
            known, roots[:] = (
                list(roots),
                csms_roots(X509Keys(), X509Keys().read(stranger.pem.decode())),
            )
            name = "tls_verify(unknown_ca)"
            counts = drive.recorder.errors.counts
            # The first attempt is under way with the root that was known then.
            drive.link.abort()
            await drive.until(lambda: counts().get(name, 0) >= 3 or drive.online)
            while drive.online:
                drive.link.abort()
                await drive.until(lambda: not drive.online)
                await drive.until(lambda: counts().get(name, 0) >= 3)
            roots[:] = known
            told = lambda: [p["type"] for a, p in csms.asked if a.startswith("SecurityEvent")]  # noqa: E731
            await drive.until(lambda: "StartupOfTheDevice" in told() and len(told()) >= 2)
            wanted = "InvalidCsmsCertificate"
            if csms.version == "1.6":
                wanted = "InvalidCentralSystemCertificate"
            assert told().count(wanted) == 1
            await drive.end()

    play(work())


def test_what_is_asked_without_a_certificate_is_not_dialled_with_one(csms, play, tmp_path) -> None:
    async def work() -> None:
        async with csms.open(tmp_path) as port:
            drive = Drive(csms, port)
            await drive.until(lambda: drive.station.accepted)
            wish = Connect(security_profile=2, roots=(csms.ca.pem.decode(),))
            assert drive.shared.tls.context(wish).get_ca_certs() != []
            await drive.signed(csms, 7)
            drive.link.abort()
            await drive.until(lambda: len(csms.came) == 2 and drive.online)
            assert csms.came == [BY_PASSWORD] * 2
            assert drive.station.next_deadline < inf
            await drive.end()

    play(work())
