"""Contract certificates in Authorize (C07): what is verified, and what the station is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulator.csms import CsmsOptions
from simulator.csms.central import CentralSystem
from simulator.csms.contracts import Contracts
from simulator.csms.door import Registers
from simulator.fleet.keys import X509Keys
from simulator.scenario.problems import InputError

pytestmark = pytest.mark.usefixtures("either_end")

EMAID = "DE-8AA-CA2B3C4D5-L"
IN_CERTIFICATE = "DE8AACA2B3C4D5L"
KEYS = X509Keys(1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Paper:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def make(
    name: str,
    by: Paper | None = None,
    *,
    ca: bool = True,
    start: timedelta = -DAY,
    days: int = 30,
    depth: int | None = None,
) -> Paper:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.now(UTC) + start
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + days * DAY)
        .add_extension(x509.BasicConstraints(ca, depth if ca else None), critical=True)
        .sign(key if by is None else by.key, hashes.SHA256())
    )
    return Paper(made, key)


def revocations(by: Paper, *revoked: Paper) -> bytes:
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.certificate.subject)
    builder = builder.last_update(now - DAY).next_update(now + DAY)
    for paper in revoked:
        row = x509.RevokedCertificateBuilder().serial_number(paper.certificate.serial_number)
        builder = builder.add_revoked_certificate(row.revocation_date(now - DAY).build())
    return builder.sign(by.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def hash_data(paper: Paper, issuer: Paper, algorithm: str = "SHA256") -> dict[str, str]:
    mine, above = (KEYS.read(p.pem)[0] for p in (paper, issuer))
    name, key = KEYS.hashes(mine, above, algorithm)
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": name,
        "issuerKeyHash": key,
        "serialNumber": mine.serial,
        "responderURL": "http://ocsp.example",
    }


ROOT = make("MO Root")
SUB1 = make("MO Sub 1", ROOT)
SUB = make("MO Sub 2", SUB1)
CONTRACT = make(IN_CERTIFICATE, SUB, ca=False)
REVOKED = make(IN_CERTIFICATE, SUB, ca=False)
EXPIRED = make(IN_CERTIFICATE, SUB, ca=False, start=-40 * DAY)
FUTURE = make(IN_CERTIFICATE, SUB, ca=False, start=DAY)
OLD_SUB = make("MO Old", ROOT, start=-40 * DAY)
UNDER_OLD = make(IN_CERTIFICATE, OLD_SUB, ca=False)
STRANGER = make("Stranger Root")
STRANGE = make(IN_CERTIFICATE, STRANGER, ca=False)
NAMESAKE = make("MO Sub 2", STRANGER)
FORGED = make(IN_CERTIFICATE, NAMESAKE, ca=False)
NO_CA = make("MO Sub 3", ROOT, ca=False)
BY_NO_CA = make(IN_CERTIFICATE, NO_CA, ca=False)
SHALLOW = make("Shallow Root", depth=0)
BELOW = make("Below", SHALLOW)
TOO_DEEP = make(IN_CERTIFICATE, BELOW, ca=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "roots"
    place.mkdir()
    (place / "root.pem").write_text(ROOT.pem + SHALLOW.pem)
    (place / "subs.pem").write_text(SUB.pem + SUB1.pem + OLD_SUB.pem)
    (place / "known.pem").write_text(EXPIRED.pem)
    (place / "sub.crl").write_bytes(revocations(SUB, REVOKED))
    (place / "readme.txt").write_text("not read")
    return place


def chain(*papers: Paper) -> str:
    return "".join(paper.pem for paper in papers)


@pytest.mark.parametrize(
    ("papers", "verdict"),
    [
        ((CONTRACT, SUB, SUB1), "Accepted"),
        ((CONTRACT, SUB, SUB1, ROOT), "Accepted"),
        ((CONTRACT,), "Accepted"),  # what is missing is in the folder
        ((CONTRACT, SUB1, SUB), "Accepted"),  # in any order
        ((EXPIRED, SUB, SUB1), "CertificateExpired"),
        ((UNDER_OLD, OLD_SUB), "CertificateExpired"),
        ((REVOKED, SUB, SUB1), "CertificateRevoked"),
        ((FUTURE, SUB, SUB1), "CertChainError"),
        ((STRANGE, STRANGER), "CertChainError"),
        ((FORGED, SUB, SUB1), "CertChainError"),
        ((BY_NO_CA, NO_CA), "CertChainError"),
        ((TOO_DEEP, BELOW), "CertChainError"),
        ((make("DE8AACXXXXXXXXX", SUB, ca=False), SUB), "CertChainError"),
        ((CONTRACT, *[SUB] * 10), "CertChainError"),
    ],
)
def test_c07_fr_13_to_17_a_chain_is_verified_to_a_root(
    folder: Path, papers: tuple[Paper, ...], verdict: str
) -> None:
    assert Contracts(folder).judge(EMAID, chain(*papers)) == verdict


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_c07_fr_13_to_17_hash_data_are_looked_up(folder: Path, algorithm: str) -> None:
    def judge(*pairs: tuple[Paper, Paper]) -> str:
        return contracts.judge(EMAID, None, [hash_data(*pair, algorithm) for pair in pairs])

    contracts = Contracts(folder)
    assert judge((CONTRACT, SUB), (SUB, SUB1), (SUB1, ROOT)) == "Accepted"
    assert judge((REVOKED, SUB), (SUB, SUB1)) == "CertificateRevoked"
    assert judge((EXPIRED, SUB)) == "CertificateExpired"
    assert judge((UNDER_OLD, OLD_SUB)) == "CertificateExpired"
    assert judge((STRANGE, STRANGER)) == "CertChainError"
    assert judge((STRANGE, STRANGER), (REVOKED, SUB)) == "CertificateRevoked"
    assert judge() == "NoCertificateAvailable"
    broken = {**hash_data(CONTRACT, SUB, algorithm), "issuerNameHash": "zz"}
    assert contracts.judge(EMAID, None, [broken]) == "CertChainError"


def test_both_must_be_good(folder: Path) -> None:
    contracts, good = Contracts(folder), chain(CONTRACT, SUB, SUB1)
    assert contracts.judge(EMAID, good, [hash_data(CONTRACT, SUB)]) == "Accepted"
    assert contracts.judge(EMAID, good, [hash_data(REVOKED, SUB)]) == "CertificateRevoked"
    assert contracts.judge(EMAID, "no PEM", [hash_data(CONTRACT, SUB)]) == "CertChainError"


@pytest.mark.parametrize("presented", [EMAID, EMAID.replace("-", "").lower(), EMAID[:-2]])
def test_an_emaid_is_the_same_with_and_without_hyphens_and_check_digit(
    folder: Path, presented: str
) -> None:
    assert Contracts(folder).judge(presented, chain(CONTRACT, SUB, SUB1)) == "Accepted"


def test_a_folder_that_cannot_be_used_names_each_file(folder: Path, tmp_path: Path) -> None:
    (folder / "bad.pem").write_text("nothing")
    (folder / "others.crl").write_bytes(revocations(STRANGER))
    (folder / "forged.crl").write_bytes(revocations(NAMESAKE, CONTRACT))
    with pytest.raises(InputError) as caught:
        Contracts(folder)
    assert {Path(problem.file).name for problem in caught.value.problems} == {
        "bad.pem",
        "others.crl",
        "forged.crl",
    }
    for empty in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="at least one root certificate"):
            CentralSystem(CsmsOptions(port=0, contract_roots=empty))


@pytest.mark.socket
def test_c07_fr_13_to_17_the_station_is_told_of_certificate_and_token(
    run: Any, obedient: Any, folder: Path
) -> None:
    tokens = {EMAID.casefold(): "Accepted", "blocked": "Blocked"}
    blocked = make("BLOCKED", SUB, ca=False)
    full = make(EMAID, SUB, ca=False)
    good = {"certificate": chain(CONTRACT, SUB, SUB1)}

    async def scene() -> None:
        options = CsmsOptions(port=0, contract_roots=folder)
        server = CentralSystem(options, Registers(tokens=tokens))
        async with server as csms, obedient(csms.url, "CS1", "2.0.1") as station:

            async def told(token: str, kind: str = "eMAID", **more: Any) -> tuple[Any, Any]:
                id_token = {"idToken": token, "type": kind}
                answer = await station.call("Authorize", idToken=id_token, **more)
                return answer.get("certificateStatus"), answer["idTokenInfo"]["status"]

            assert await told(EMAID, **good) == ("Accepted", "Accepted")
            assert await told(EMAID, certificate=full.pem) == ("Accepted", "Accepted")
            paper = {"certificate": chain(blocked, SUB, SUB1)}
            assert await told("BLOCKED", **paper) == ("ContractCancelled", "Blocked")
            data = {"iso15118CertificateHashData": [hash_data(CONTRACT, SUB)]}
            assert await told(EMAID, **data) == ("Accepted", "Accepted")
            data = {"iso15118CertificateHashData": [hash_data(REVOKED, SUB)]}
            assert await told(EMAID, **data) == ("CertificateRevoked", "Invalid")
            paper = {"certificate": chain(EXPIRED, SUB, SUB1)}
            assert await told(EMAID, **paper) == ("CertificateExpired", "Expired")
            paper = {"certificate": STRANGE.pem}
            assert await told(EMAID, **paper) == ("CertChainError", "Invalid")
            assert await told(EMAID) == ("NoCertificateAvailable", "Invalid")
            assert await told("blocked", "ISO14443") == (None, "Blocked")

    run(scene())
