"""Certificates, signatures and requests for the tests: a small operator, maker and stranger.

Keys follow from names, so that every run has the same; the certificates are valid in the time of
the harness.
"""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha512

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

NOW = datetime(2026, 6, 1, 6, tzinfo=UTC)
SOON = "2026-06-01T06:00:00Z"
GET_LOG = {
    "logType": "DiagnosticsLog",
    "requestId": 41,
    "log": {"remoteLocation": "http://files.example/logs"},
}


def key(name):
    number = int.from_bytes(sha512(name.encode()).digest()) % 2**255 + 1
    return ec.derive_private_key(number, ec.SECP256R1())


@dataclass(frozen=True)
class Paper:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def named(name, organisation="Operator"):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        ]
    )


def issue(
    subject,
    public,
    issuer,
    signer,
    *,
    ca=False,
    start=-1,
    days=3650,
    serial=0x0ABCDEF,
    responder="",
):
    """A certificate for ``public``, in the issuer's name, signed by ``signer``."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(NOW + timedelta(days=start))
        .not_valid_after(NOW + timedelta(days=start + days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if responder:
        place = x509.UniformResourceIdentifier(responder)
        way = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
        access = x509.AuthorityInformationAccess([way])
        builder = builder.add_extension(access, critical=False)
    return builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True)


def authority(name, by=None, **options):
    """A root, or with ``by`` an authority below it."""
    own = key(name)
    issuer, signer = (named(name), own) if by is None else (by.certificate.subject, by.key)
    return Paper(issue(named(name), own.public_key(), issuer, signer, ca=True, **options), own)


def leaf(name, by, organisation="Operator", **options):
    own = key(name)
    subject = named(name, organisation)
    made = issue(subject, own.public_key(), by.certificate.subject, by.key, **options)
    return Paper(made, own)


def answer(csr, by, **options):
    """The certificate that an authority makes of a signing request, in PEM."""
    request = x509.load_pem_x509_csr(csr.encode())
    assert request.is_signature_valid
    subject = options.pop("subject", request.subject)
    public = options.pop("public", request.public_key())
    made = issue(subject, public, by.certificate.subject, by.key, **options)
    return made.public_bytes(serialization.Encoding.PEM).decode()


def signature(paper, content):
    made = paper.key.sign(content, ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(made).decode()


OPERATOR = authority("Operator Root")
BELOW = authority("Operator Sub", by=OPERATOR)
MAKER = authority("Maker Root")
SIGNER = leaf("Maker Signing", by=MAKER)
STRANGER = authority("Stranger Root")


def root(paper, kind="ManufacturerRootCertificate"):
    """InstallCertificate."""
    return {"certificateType": kind, "certificate": paper.pem}


def update(bench, certificate=None, signed="", request_id=7, version="1.6", **firmware):
    """UpdateFirmware of 2.0.1, SignedUpdateFirmware of 1.6."""
    wanted = {"location": "http://files.example/fw-2.1.bin", "retrieveDateTime": SOON, **firmware}
    if certificate is not None:
        wanted |= {"signingCertificate": certificate, "signature": signed}
    return {"requestId": request_id, "firmware": wanted}


def hash_data(paper, issuer=None, algorithm="SHA256"):
    """What RFC 6960 says, worked out here by hand."""
    issuer = issuer or paper
    digest = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}[algorithm]

    def of(data):
        made = hashes.Hash(digest())
        made.update(data)
        return made.finalize().hex()

    spki = issuer.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    point = spki[-65:]  # an uncompressed point of P-256 ends the structure
    assert point[0] == 4
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": of(paper.certificate.issuer.public_bytes()),
        "issuerKeyHash": of(point),
        "serialNumber": f"{paper.certificate.serial_number:X}",
    }
