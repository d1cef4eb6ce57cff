"""The authority of the embedded CSMS: what it signs, for whom, and what it says of it later."""

from __future__ import annotations

import asyncio
import base64
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from simulator.csms import CsmsOptions
from simulator.csms.api import Api
from simulator.csms.authority import STATION, V2G, Authority, SigningRefusedError
from simulator.csms.central import CentralSystem
from simulator.csms.fingerprints import read
from simulator.csms.web import WebServer
from simulator.fleet.keys import X509Keys
from simulator.scenario.problems import InputError

pytestmark = pytest.mark.usefixtures("either_end")

SERIAL = "S-0042"
KEYS = X509Keys(1)


def request(name: str = SERIAL, organisation: str = "Operator", number: int = 1) -> str:
    """A signing request as our stations make it."""
    return KEYS.request(KEYS.pair(name, number), name, organisation)


def asked(chain: str, index: int, root: str, algorithm: str = "SHA256") -> dict[str, Any]:
    """Hash data of one certificate of a chain, as our stations send it."""
    line = (*KEYS.read(chain), *KEYS.read(root))
    name, key = KEYS.hashes(line[index], line[index + 1], algorithm)
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": name,
        "issuerKeyHash": key,
        "serialNumber": line[index].serial,
    }


def test_a02_what_it_signs_is_the_stations_and_descends_from_its_root() -> None:
    authority = Authority(lifetime_s=3600.0)
    chain = authority.sign(request(), STATION, "CP1", SERIAL)
    leaf, sub = KEYS.read(chain)
    (root,) = KEYS.read(authority.root_pem)
    assert (leaf.common_name, leaf.organisation) == (SERIAL, "Operator")
    assert KEYS.belongs(leaf, KEYS.pair(SERIAL, 1))
    assert KEYS.signed(leaf, sub) and KEYS.signed(sub, root) and root.self_signed
    assert sub.authority and root.authority and not leaf.authority
    now = datetime.now(UTC).timestamp()
    assert leaf.not_before < now - 60  # clocks differ (errata 2025-09, 2.9)
    assert now + 3500 < leaf.not_after < now + 3700
    assert leaf.responder and len(chain) < 10_000


def test_a00_fr_402_one_for_the_csms_is_for_clients_and_one_for_15118_for_servers() -> None:
    authority = Authority()
    for kind, use in ((STATION, "clientAuth"), (V2G, "serverAuth")):
        chain = authority.sign(request(), kind, "CP1", SERIAL)
        leaf = x509.load_pem_x509_certificate(chain.encode())
        found = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert [usage._name for usage in found] == [use]
    store = x509.verification.Store([x509.load_pem_x509_certificate(authority.root_pem.encode())])
    leaf, sub = x509.load_pem_x509_certificates(
        authority.sign(request(), STATION, "CP1", SERIAL).encode()
    )
    policy = x509.verification.ExtensionPolicy.permit_all()
    verifier = (
        x509.verification.PolicyBuilder()
        .store(store)
        .extension_policies(
            ca_policy=x509.verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=policy
        )
        .build_client_verifier()
    )
    assert len(verifier.verify(leaf, [sub]).chain) == 3


def csr_by(key: Any, *names: tuple[Any, str]) -> str:
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in names])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    from cryptography.hazmat.primitives.serialization import Encoding

    return made.public_bytes(Encoding.PEM).decode()


def test_a02_fr_12_a_request_that_is_not_this_stations_is_refused() -> None:
    authority = Authority(operator="Operator")
    good = (NameOID.COMMON_NAME, SERIAL), (NameOID.ORGANIZATION_NAME, "Operator")
    weak = rsa.generate_private_key(65537, 1024)
    small = ec.generate_private_key(ec.SECP192R1())
    key = ec.generate_private_key(ec.SECP256R1())
    torn = csr_by(key, *good).splitlines()
    body = torn[1][:-8] + ("A" if torn[1][-8] != "A" else "B") + torn[1][-7:]
    for csr, why in (
        ("-----BEGIN CERTIFICATE REQUEST-----", "not a signing request"),
        ("", "not a signing request"),
        (request("S-0043"), "CN 'S-0043': expected the serial number 'S-0042'"),
        (request(organisation="Somebody"), "O 'Somebody': expected 'Operator'"),
        (csr_by(key, good[0]), "O ''"),
        (csr_by(key, good[1]), "CN ''"),
        (csr_by(weak, *good), "too weak"),
        (csr_by(small, *good), "too weak"),
        ("\n".join([torn[0], body, *torn[2:]]), "signature|not a signing request"),
    ):
        with pytest.raises(SigningRefusedError, match=why):
            authority.sign(csr, STATION, "CP1", SERIAL)
    assert not authority.issued()
    assert authority.sign(csr_by(key, *good), STATION, "CP1", SERIAL)


def test_an_authority_in_a_folder_is_continued(tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    first = Authority(folder)
    chain = first.sign(request(), STATION, "CP1", SERIAL)
    first.sign(request(number=2), V2G, "CP1", SERIAL)
    gone = KEYS.read(chain)[0].serial
    assert first.revoke(gone) is not None
    second = Authority(folder)
    assert second.root_pem == first.root_pem == (folder / "root.pem").read_text()
    assert [row.as_json() for row in second.issued()] == [row.as_json() for row in first.issued()]
    assert [row.revoked_at is None for row in second.issued()] == [False, True]
    for name in ("root.key", "sub.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_folder_that_is_no_authority_is_refused(tmp_path: Path) -> None:
    Authority(tmp_path / "ca")
    (tmp_path / "ca" / "sub.key").write_text("nothing")
    with pytest.raises(InputError, match=r"ca: expected a certificate authority"):
        Authority(tmp_path / "ca")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="file: expected a certificate authority"):
        CentralSystem(CsmsOptions(port=0, ca=tmp_path / "file"))


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_m06_fr_08_what_it_issued_gets_an_ocsp_response_that_its_issuer_signed(
    algorithm: str,
) -> None:
    authority = Authority()
    chain = authority.sign(request(), V2G, "CP1", SERIAL)
    issuers = x509.load_pem_x509_certificates((chain + authority.root_pem).encode())[1:]

    def status(index: int) -> ocsp.OCSPCertStatus:
        data = asked(chain, index, authority.root_pem, algorithm)
        data["serialNumber"] = data["serialNumber"].lower()
        text = authority.ocsp(read(data))
        assert text is not None and len(text) < 5500
        response = ocsp.load_der_ocsp_response(base64.b64decode(text))
        assert response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
        assert f"{response.serial_number:x}" == data["serialNumber"]
        assert response.issuer_name_hash.hex() == data["issuerNameHash"]
        key = issuers[index].public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
        return response.certificate_status

    assert [status(0), status(1)] == [ocsp.OCSPCertStatus.GOOD] * 2
    authority.revoke(KEYS.read(chain)[0].serial)
    assert [status(0), status(1)] == [ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.GOOD]
    stranger = Authority()
    assert stranger.ocsp(read(asked(chain, 0, authority.root_pem))) is None
    other = {**asked(chain, 0, authority.root_pem), "serialNumber": "1F"}
    assert authority.ocsp(read(other)) is None


@pytest.mark.socket
@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a02_fr_11_a_request_is_accepted_and_followed_by_the_certificate(
    run: Any, obedient: Any, version: str
) -> None:
    async def scene() -> None:
        async with CentralSystem(CsmsOptions(port=0)) as csms:
            async with obedient(csms.url, "CP1", version) as station:
                if version == "1.6":
                    boot = {"chargePointVendor": "v", "chargePointModel": "m"}
                    await station.call("BootNotification", **boot, chargePointSerialNumber=SERIAL)
                    kinds: tuple[dict[str, str], ...] = ({},)
                else:
                    box = {"vendorName": "v", "model": "m", "serialNumber": SERIAL}
                    await station.call("BootNotification", chargingStation=box, reason="PowerUp")
                    kinds = ({}, {"certificateType": V2G}, {"certificateType": STATION})
                for kind in kinds:
                    answer = await station.call("SignCertificate", csr=request(), **kind)
                    assert answer["status"] == "Accepted"
                    action, payload = await station.next_command()
                    assert action == "CertificateSigned"
                    chain = payload.pop("certificateChain")
                    assert payload == kind  # A02.FR.14
                    assert KEYS.belongs(KEYS.read(chain)[0], KEYS.pair(SERIAL, 1))
                answer = await station.call("SignCertificate", csr=request("CP1"))
                assert answer["status"] == "Rejected"
                assert (
                    "CN 'CP1'" in csms.holdings.stations["CP1"].notes["SignCertificate"]["refused"]
                )
                await station.boot()  # no call waits behind a command that will not come
                assert len(station.commands) == len(kinds)
            held = csms.holdings.summary()
            assert held["certificates"] == {"refused": 1, "signed": len(kinds)}

    run(scene())


@pytest.mark.socket
def test_m06_the_status_of_a_certificate_is_told_to_the_station(run: Any, obedient: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(CsmsOptions(port=0)) as csms:
            chain = csms.authority.sign(request(), V2G, "CS1", SERIAL)
            data = asked(chain, 0, csms.authority.root_pem) | {"responderURL": "http://o.invalid"}
            async with obedient(csms.url, "CS1", "2.0.1") as station:
                answer = await station.call("GetCertificateStatus", ocspRequestData=data)
                assert answer["status"] == "Accepted"
                response = ocsp.load_der_ocsp_response(base64.b64decode(answer["ocspResult"]))
                assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
                for wrong in ({"serialNumber": "AB"}, {"serialNumber": "x"}, {"issuerKeyHash": ""}):
                    answer = await station.call(
                        "GetCertificateStatus", ocspRequestData=data | wrong
                    )
                    assert answer == {"status": "Failed"}

    run(scene())


@pytest.mark.socket
def test_the_root_is_installed_where_a_payload_names_it(
    run: Any, obedient: Any, http: Any, tmp_path: Path
) -> None:
    script = tmp_path / "boot.toml"
    install = 'certificateType = "CentralSystemRootCertificate", certificate = "{ca_root}"'
    script.write_text(f'[["1.6"]]\naction = "InstallCertificate"\npayload = {{ {install} }}\n')

    async def scene() -> None:
        async with CentralSystem(CsmsOptions(port=0, on_boot=script)) as csms:
            web = WebServer("127.0.0.1", 0, Api(csms))
            await web.start()
            async with obedient(csms.url) as station, asyncio.timeout(30):
                await station.boot()
                action, payload = await station.next_command()
                assert action == "InstallCertificate"
                assert payload["certificate"] == csms.authority.root_pem
                body = {
                    "action": "InstallCertificate",
                    "payload": {
                        "certificateType": "ManufacturerRootCertificate",
                        "certificate": "{ca_root}",
                    },
                }
                status, _ = await http(web.url, "POST", "/stations/CP1/commands", body)
                assert status == 200
                assert (await station.next_command())[1]["certificate"] == csms.authority.root_pem
            await web.stop()

    run(scene())


@pytest.mark.socket
def test_certificates_are_listed_and_revoked_over_http(run: Any, http: Any) -> None:
    async def scene() -> None:
        async with CentralSystem(CsmsOptions(port=0)) as csms:
            web = WebServer("127.0.0.1", 0, Api(csms))
            await web.start()
            for station in ("A", "B", "B"):
                csms.authority.sign(request(), STATION, station, SERIAL)
            status, said = await http(web.url, "GET", "/certificates?limit=2")
            assert (status, said["root"]) == (200, csms.authority.root_pem)
            _, rest = await http(web.url, "GET", f"/certificates?after={said['next']}")
            rows = said["issued"] + rest["issued"]
            assert sorted(row["station"] for row in rows) == ["A", "B", "B"]
            assert rest["next"] is None
            _, only = await http(web.url, "GET", "/certificates?station=A")
            (row,) = only["issued"]
            assert row["revoked_at"] is None
            status, row = await http(web.url, "POST", f"/certificates/{row['serial']}/revoke")
            assert status == 200
            at = datetime.fromisoformat(row["revoked_at"])
            assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
            status, said = await http(web.url, "POST", "/certificates/77/revoke")
            assert (status, said["error"]) == (404, "no certificate '77' was issued here")
            await web.stop()

    run(scene())


@pytest.mark.socket
def test_m01_a_canned_answer_goes_to_the_ev_as_it_is(
    run: Any, obedient: Any, tmp_path: Path
) -> None:
    file = tmp_path / "answer.exi"
    file.write_bytes(b"\x80\x9a made elsewhere")
    ask = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install"}

    async def scene() -> None:
        server = CentralSystem(CsmsOptions(port=0, exi_response=file))
        async with server as csms, obedient(csms.url, "CS1", "2.0.1") as station:
            answer = await station.call("Get15118EVCertificate", **ask, exiRequest="gJo=")
            assert answer["status"] == "Accepted"
            assert base64.b64decode(answer["exiResponse"]) == file.read_bytes()

    run(scene())
    for content in (b"", b"x" * 4201):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"answer\.exi.*1 to 4200 bytes"):
            CentralSystem(CsmsOptions(port=0, exi_response=file))
    with pytest.raises(InputError, match="none"):
        CentralSystem(CsmsOptions(port=0, exi_response=tmp_path / "none"))
