"""Key pairs, certificates and signatures (``station.ports.Keys``) with the cryptography package.

Keys are ECDSA on P-256. With a seed they follow from it and the station's name, so that a test
repeats itself; such keys protect nothing. Without one they come from the system's random source.
Stateless, so one serves all stations of a process; the shards and the tests make it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from simulator.station.ports import Certificate

_ORDER: Final = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
"""Of P-256 (FIPS 186-5)."""
_HASHES: Final[dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}
MOST_CERTIFICATES: Final = 10
"""In one chain."""


class X509Keys:
    """The ``Keys`` port. ``seed``: makes keys repeatable, for tests."""

    def __init__(self, seed: int | None = None) -> None:
        self._seed = seed

    def pair(self, station: str, number: int) -> bytes:
        """A new key pair, as PKCS #8 in DER."""
        if self._seed is None:
            key = ec.generate_private_key(ec.SECP256R1())
        else:
            key = derived_key(f"{self._seed}/{station}/{number}")
        return key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def request(self, key: bytes, common_name: str, organisation: str) -> str:
        """A PKCS #10 request in PEM; signed by RFC 6979, so the same key asks the same."""
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            ]
        )
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        request = builder.sign(_private(key), hashes.SHA256(), ecdsa_deterministic=True)
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def read(self, pem: str) -> tuple[Certificate, ...]:
        """The certificates of a PEM text; ValueError if something in it is none."""
        found = _load(pem)
        if not 0 < len(found) <= MOST_CERTIFICATES:
            raise ValueError(f"{len(found)} certificates: expected 1 to {MOST_CERTIFICATES}")
        return tuple(map(certificate_of, found))

    def belongs(self, certificate: Certificate, key: bytes) -> bool:
        """Is the certificate for this key pair?"""
        mine = _spki(_private(key).public_key())
        return bool(_spki(_x509(certificate).public_key()) == mine)

    def signed(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Did the issuer, by name and by key, sign it?"""
        try:
            _x509(certificate).verify_directly_issued_by(_x509(issuer))
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def hashes(
        self, certificate: Certificate, issuer: Certificate, algorithm: str
    ) -> tuple[str, str]:
        """Hash of the issuer's name as the certificate has it, and of the issuer's key."""
        name = _x509(certificate).issuer.public_bytes()
        return _hash(name, algorithm), _hash(_bits(_x509(issuer)), algorithm)

    def verify(self, certificate: str, signature: str, digest: bytes) -> bool:
        """RSA-PSS or ECDSA with SHA-256 (L01.FR.04 names ECSchnorr, which no library here has)."""
        prehashed = Prehashed(hashes.SHA256())
        try:
            raw = base64.b64decode(signature, validate=True)
            key = _load(certificate)[0].public_key()
            if isinstance(key, rsa.RSAPublicKey):
                mask = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
                key.verify(raw, digest, mask, prehashed)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(raw, digest, ec.ECDSA(prehashed))
            else:
                return False
        except (ValueError, IndexError, binascii.Error, InvalidSignature):
            return False
        return True


def _private(key: bytes) -> ec.EllipticCurvePrivateKey:
    found = serialization.load_der_private_key(key, None)
    assert isinstance(found, ec.EllipticCurvePrivateKey)
    return found


@lru_cache(maxsize=256)
def _load(pem: str) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(pem.encode("ascii", "strict")))


def _x509(certificate: Certificate) -> x509.Certificate:
    return _load(certificate.pem)[0]


def derived_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A key on P-256 that follows from a name; it protects nothing."""
    drawn = int.from_bytes(hashlib.sha512(name.encode()).digest())
    return ec.derive_private_key(drawn % (_ORDER - 1) + 1, ec.SECP256R1())


def certificate_of(found: x509.Certificate) -> Certificate:
    """What a station wants to know of a certificate."""
    try:
        basic = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        basic = False
    return Certificate(
        pem=found.public_bytes(serialization.Encoding.PEM).decode(),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        common_name=_attribute(found, NameOID.COMMON_NAME),
        organisation=_attribute(found, NameOID.ORGANIZATION_NAME),
        serial=f"{found.serial_number:X}",
        not_before=found.not_valid_before_utc.timestamp(),
        not_after=found.not_valid_after_utc.timestamp(),
        authority=basic,
        self_signed=found.issuer == found.subject,
        responder=_responder(found),
    )


def _attribute(found: x509.Certificate, name: x509.ObjectIdentifier) -> str:
    values = found.subject.get_attributes_for_oid(name)
    return str(values[0].value) if values else ""


def _responder(found: x509.Certificate) -> str:
    try:
        access = found.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return ""
    for way in access:
        is_uri = isinstance(way.access_location, x509.UniformResourceIdentifier)
        if way.access_method == AuthorityInformationAccessOID.OCSP and is_uri:
            return str(way.access_location.value)
    return ""


def _spki(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _bits(issuer: x509.Certificate) -> bytes:
    """The value of the BIT STRING subjectPublicKey, without tag, length and unused bits.

    Its SHA-1 would be the key identifier of RFC 5280 §4.2.1.2 (1); OCSP hashes the same octets.
    """
    key = issuer.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _hash(data: bytes, algorithm: str) -> str:
    digest = hashes.Hash(_HASHES[algorithm]())
    digest.update(data)
    return digest.finalize().hex()
