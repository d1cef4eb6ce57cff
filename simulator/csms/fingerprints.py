"""Certificates as OCPP names them when it does not carry them: hashes of the issuer, and a number.

CertificateHashDataType, OCSPRequestDataType (2.0.1, sections 2.9 and 2.36). Pure functions; called
by :mod:`simulator.csms.authority` and :mod:`simulator.csms.contracts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Algorithm = hashes.SHA256 | hashes.SHA384 | hashes.SHA512
_ALGORITHMS: Final[Mapping[str, type[Algorithm]]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}


@dataclass(frozen=True, slots=True)
class Hashed:
    """One certificate by the hashes of its issuer's name and key, and its serial number."""

    algorithm: Algorithm
    issuer: tuple[bytes, bytes]
    serial: str
    """Hexadecimal, as it came."""


def read(data: Mapping[str, Any]) -> Hashed:
    """Read hash data as they are on the wire; ValueError if they are none."""
    algorithm = _ALGORITHMS[data["hashAlgorithm"]]()
    issuer = (bytes.fromhex(data["issuerNameHash"]), bytes.fromhex(data["issuerKeyHash"]))
    if any(len(found) != algorithm.digest_size for found in issuer):
        raise ValueError(f"expected hashes of {algorithm.digest_size} bytes")
    int(data["serialNumber"], 16)
    return Hashed(algorithm, issuer, data["serialNumber"])


def hashed(issuer: x509.Certificate, algorithm: Algorithm) -> tuple[bytes, bytes]:
    """Return the hashes of a certificate's name and key, as who issues others."""
    return _hash(issuer.subject.public_bytes(), algorithm), _hash(_key_bits(issuer), algorithm)


def _key_bits(certificate: x509.Certificate) -> bytes:
    """Return the value of the subject's public key without tag, length and unused bits."""
    key = certificate.public_key()
    encoding, form = serialization.Encoding, serialization.PublicFormat
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(encoding.X962, form.UncompressedPoint)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(encoding.DER, form.PKCS1)
    return key.public_bytes(encoding.Raw, form.Raw)


def _hash(content: bytes, algorithm: Algorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()
