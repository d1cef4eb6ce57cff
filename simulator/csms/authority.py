"""The certificate authority of the embedded CSMS: signs what stations ask for, answers OCSP.

A root and, below it, an authority that signs the certificates of stations (ECDSA on P-256). In
memory, or in a folder that is made or continued: ``root.pem`` and ``sub.pem`` with their keys
(mode 0600, not encrypted) and ``issued.csv``, which remembers what was issued and revoked. For
tests: the keys are on the machine that they are used on. Called by :mod:`simulator.csms.desk` and
the HTTP API; no OCPP types.
"""

from __future__ import annotations

import base64
import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

from simulator.csms.fingerprints import Hashed, hashed
from simulator.csms.options import LIFETIME_S
from simulator.scenario.problems import InputError, Problem

STATION: Final = "ChargingStationCertificate"
V2G: Final = "V2GCertificate"
RESPONDER: Final = "http://ocsp.invalid/"
"""Stands in the certificates, since a station asks for the status only of one that names a
responder (M06). The CSMS answers for it; nobody listens there (RFC 2606 keeps the name free)."""
OCSP_VALID: Final = timedelta(days=7)
_AUTHORITY_LIFETIME: Final = timedelta(days=3650)
_EARLIER: Final = timedelta(minutes=10)
"""How far certificates are dated back: clocks of stations are not ours (errata 2025-09, 2.9)."""
_COLUMNS: Final = ("serial", "kind", "station", "common_name", "not_after", "revoked_at")
_LEAST_RSA_BITS: Final = 2048
"""A00.FR.502; elliptic curves need 224 bits (A00.FR.503)."""
_LEAST_EC_BITS: Final = 224


class SigningRefusedError(Exception):
    """A signing request that is not fulfilled; the text says why."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate that this authority issued."""

    serial: str
    """Hexadecimal, upper case, no leading zeros: as OCPP writes it."""
    kind: str
    station: str
    common_name: str
    not_after: datetime
    revoked_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {name: _text(getattr(self, name)) for name in _COLUMNS}


@dataclass(frozen=True, slots=True)
class _Signer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """Signs requests of stations and knows what became of each certificate."""

    def __init__(
        self,
        folder: Path | None = None,
        lifetime_s: float = LIFETIME_S,
        operator: str | None = None,
    ) -> None:
        """Make or continue the authority in ``folder``; None: in memory.

        ``lifetime_s`` is that of a station's certificate, ``operator`` the O that a request
        must have (None: any). InputError if the folder cannot be used.
        """
        self.lifetime_s = lifetime_s
        self.operator = operator
        self._folder = folder
        self._issued: dict[str, Issued] = {}
        if folder is None:
            self._root, self._sub = _make(operator)
            return
        try:
            self._root, self._sub = _open(folder, operator)
            self._issued = {row.serial: row for row in _read_issued(folder / "issued.csv")}
        except (OSError, ValueError, TypeError, KeyError) as error:
            expected = f"a certificate authority, or an empty folder: {error}"
            raise InputError([Problem(str(folder), "", None, expected)]) from error

    @property
    def root_pem(self) -> str:
        """The root, which a station must trust (InstallCertificate)."""
        return self._root.pem

    def issued(self) -> list[Issued]:
        """Return what was issued, the oldest first."""
        return list(self._issued.values())

    def sign(self, csr: str, kind: str, station: str, common_name: str) -> str:
        """Return the chain (PEM: the certificate and what signed it, not the root).

        ``common_name``: what the subject must have, the station's serial number (A00.FR.405).
        SigningRefusedError for a request that is none, or not of this station.
        """
        request = _checked(csr, common_name, self.operator)
        now = datetime.now(UTC)
        last = self._sub.certificate.not_valid_after_utc
        certificate = _leaf(
            request, kind, self._sub, min(now + timedelta(seconds=self.lifetime_s), last)
        )
        row = Issued(
            f"{certificate.serial_number:X}",
            kind,
            station,
            common_name,
            certificate.not_valid_after_utc,
        )
        self._keep(row)
        return certificate.public_bytes(serialization.Encoding.PEM).decode() + self._sub.pem

    def revoke(self, serial: str) -> Issued | None:
        """Revoke a certificate, from now on; returns it, or None if it was not issued here."""
        row = self._issued.get(_plain(serial))
        if row is None or row.revoked_at is not None:
            return row
        row = replace(row, revoked_at=datetime.now(UTC))
        self._keep(row)
        return row

    def standing(self, asked: Hashed) -> Issued | None:
        """Return the certificate that hash data mean, if it was issued to a station here."""
        row = self._issued.get(_plain(asked.serial))
        if row is None or hashed(self._sub.certificate, asked.algorithm) != asked.issuer:
            return None
        return row

    def ocsp(self, asked: Hashed) -> str | None:
        """Return an OCSP response (RFC 6960, DER in base64), signed by who issued (M06.FR.08, 09).

        None for a certificate that this authority did not issue.
        """
        row = self.standing(asked)
        signer, revoked_at = self._sub, None
        if row is not None:
            revoked_at = row.revoked_at
        elif _plain(asked.serial) == f"{self._sub.certificate.serial_number:X}" and (
            hashed(self._root.certificate, asked.algorithm) == asked.issuer
        ):
            signer = self._root
        else:
            return None
        now = datetime.now(UTC)
        name, key = asked.issuer
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=name,
            issuer_key_hash=key,
            serial_number=int(asked.serial, 16),
            algorithm=asked.algorithm,
            cert_status=ocsp.OCSPCertStatus.GOOD
            if revoked_at is None
            else ocsp.OCSPCertStatus.REVOKED,
            this_update=now,
            next_update=now + OCSP_VALID,
            revocation_time=revoked_at,
            revocation_reason=None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        response = builder.sign(signer.key, hashes.SHA256())
        return base64.b64encode(response.public_bytes(serialization.Encoding.DER)).decode()

    def _keep(self, row: Issued) -> None:
        self._issued[row.serial] = row
        if self._folder is None:
            return
        with (self._folder / "issued.csv").open("a", newline="") as file:
            csv.writer(file).writerow(row.as_json().values())


def _checked(csr: str, common_name: str, operator: str | None) -> x509.CertificateSigningRequest:
    """Read a signing request; SigningRefusedError if it is not to be signed (A02.FR.12)."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        signed = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise SigningRefusedError(f"not a signing request: {error}") from None
    if not signed:
        raise SigningRefusedError("its signature is not of its key")
    if isinstance(key, rsa.RSAPublicKey):
        strong = key.key_size >= _LEAST_RSA_BITS
    else:
        strong = isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= _LEAST_EC_BITS
    if not strong:
        raise SigningRefusedError("its key is too weak (A00.FR.501)")
    found = _attribute(request.subject, NameOID.COMMON_NAME)
    if found != common_name:
        raise SigningRefusedError(f"CN {found!r}: expected the serial number {common_name!r}")
    owner = _attribute(request.subject, NameOID.ORGANIZATION_NAME)
    if not owner or operator not in (None, owner):
        wanted = "the operator's name" if operator is None else repr(operator)
        raise SigningRefusedError(f"O {owner!r}: expected {wanted}")
    return request


def _leaf(
    request: x509.CertificateSigningRequest, kind: str, signer: _Signer, until: datetime
) -> x509.Certificate:
    """Make the certificate of a station: only the subject's CN and O and the key are taken over."""
    subject = [
        x509.NameAttribute(oid, _attribute(request.subject, oid))
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    ]
    client, server = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
    usage = x509.ExtendedKeyUsage([server if kind == V2G else client])
    builder = _builder(x509.Name(subject), request.public_key(), signer, until)
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    builder = builder.add_extension(_key_usage(authority=False), critical=True)
    return builder.add_extension(usage, critical=False).sign(signer.key, hashes.SHA256())


def _make(operator: str | None) -> tuple[_Signer, _Signer]:
    """Make a root and the authority below it."""
    until = datetime.now(UTC) + _AUTHORITY_LIFETIME
    root = _authority("chargeswarm test root", operator, None, until)
    return root, _authority("chargeswarm test authority", operator, root, until)


def _authority(name: str, operator: str | None, signer: _Signer | None, until: datetime) -> _Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if operator:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, operator))
    subject = x509.Name(names)
    builder = _builder(subject, key.public_key(), signer, until)
    depth = 1 if signer is None else 0
    builder = builder.add_extension(x509.BasicConstraints(True, depth), critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    return _Signer(builder.sign(key if signer is None else signer.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, key: Any, signer: _Signer | None, until: datetime
) -> x509.CertificateBuilder:
    """Return what every certificate here has; without a signer it is a root."""
    issuer = subject if signer is None else signer.certificate.subject
    signing = key if signer is None else signer.key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - _EARLIER)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing), critical=False)
    )
    if signer is None:
        return builder
    place = x509.UniformResourceIdentifier(RESPONDER)
    way = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
    return builder.add_extension(x509.AuthorityInformationAccess([way]), critical=False)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _open(folder: Path, operator: str | None) -> tuple[_Signer, _Signer]:
    """Read the authorities of a folder; an empty one gets new ones."""
    folder.mkdir(parents=True, exist_ok=True)
    if not any((folder / name).exists() for name in ("root.pem", "root.key", "sub.pem", "sub.key")):
        for name, signer in zip(("root", "sub"), _make(operator), strict=True):
            _write_key(folder / f"{name}.key", signer.key)
            (folder / f"{name}.pem").write_text(signer.pem)
        (folder / "issued.csv").write_text(",".join(_COLUMNS) + "\n")
    root, sub = (_read_signer(folder, name) for name in ("root", "sub"))
    sub.certificate.verify_directly_issued_by(root.certificate)
    return root, sub


def _read_signer(folder: Path, name: str) -> _Signer:
    certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{name}.key: expected an elliptic-curve key")
    if key.public_key() != certificate.public_key():
        raise ValueError(f"{name}.key is not the key of {name}.pem")
    return _Signer(certificate, key)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    content = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _read_issued(path: Path) -> Iterator[Issued]:
    """Yield the rows of ``issued.csv``: the last of a serial number counts."""
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        for serial, kind, station, common_name, not_after, revoked_at in rows:
            yield Issued(
                serial,
                kind,
                station,
                common_name,
                datetime.fromisoformat(not_after),
                datetime.fromisoformat(revoked_at) if revoked_at else None,
            )


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if values else ""


def _plain(serial: str) -> str:
    return serial.upper().lstrip("0")


def _text(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
