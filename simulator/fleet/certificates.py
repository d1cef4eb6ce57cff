"""Certificates of a fleet: an authority, what it issues, and the folder that holds them.

``<id>.pem`` is a station's certificate (its own first, then what lies between it and the root) and
``<id>.key`` its private key, unencrypted PKCS #8 with mode 0600; identities are percent-encoded
where a file could not be called so. ``fleet-ca.pem`` is the root that a CSMS has to trust. Keys are
ECDSA on P-256. The common name is the station's serial number and the organisation its operator's
(OCPP 2.0.1 A00.FR.404, FR.405). Made by ``chargeswarm fleet certificates``, or for one run by the
live driver; read by the shards (``crew``).
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulator.fleet.inventory import ExportError
from simulator.scenario.private import is_private
from simulator.station.truststore import Own

if TYPE_CHECKING:
    from simulator.scenario import Network
    from simulator.station.ports import Certificate, Keys

CA: Final = "fleet-ca"
SERVER: Final = "csms"
DAYS: Final = 365
CA_DAYS: Final = 3650
_ALLOWANCE: Final = timedelta(hours=1)
"""Certificates are valid from a little earlier on: clocks differ."""


class PaperError(ValueError):
    """A certificate or key cannot be used; the message names the file and says why."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, unencrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def authority(name: str, operator: str, *, days: int = CA_DAYS) -> Paper:
    """A new root."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name, operator)
    builder = _begin(subject, subject, key.public_key(), key.public_key(), days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    return Paper(builder.sign(key, hashes.SHA256()), key)


def station_paper(by: Paper, name: str, operator: str, *, days: int = DAYS) -> Paper:
    """A station's certificate, with a new key."""
    return _leaf(by, _name(name[:64], operator), ExtendedKeyUsageOID.CLIENT_AUTH, (), days)


def server_paper(by: Paper, hosts: Sequence[str], *, days: int = DAYS) -> Paper:
    """The certificate of a CSMS that is reached under these names or addresses."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    return _leaf(by, subject, ExtendedKeyUsageOID.SERVER_AUTH, hosts, days)


def _leaf(
    by: Paper,
    subject: x509.Name,
    purpose: x509.ObjectIdentifier,
    hosts: Sequence[str],
    days: int,
) -> Paper:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = by.certificate.subject
    builder = _begin(subject, issuer, key.public_key(), by.key.public_key(), days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return Paper(builder.sign(by.key, hashes.SHA256()), key)


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuers: ec.EllipticCurvePublicKey,
    days: int,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _ALLOWANCE)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(identifier, critical=False)
        .add_extension(by, critical=False)
    )


def _name(common: str, operator: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, operator),
        ]
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


# -- the folder -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holder:
    """A station that has, or is to have, a certificate."""

    id: str
    serial: str

    @property
    def name(self) -> str:
        """The common name: the serial number, where there is one."""
        return self.serial or self.id


def holders(network: Network) -> list[Holder]:
    """The stations of a network."""
    return [Holder(station.id, station.serial) for s in network.sites for station in s.stations]


@dataclass(frozen=True, slots=True)
class Written:
    """What was done."""

    folder: Path
    made: int
    kept: int
    """Stations that had a certificate already."""


def file_of(folder: Path, station_id: str) -> Path:
    """The certificate of a station; its key has the suffix ``.key``."""
    return folder / f"{quote(station_id, safe='')}.pem"


def write(
    folder: Path,
    holders: Iterable[Holder],
    operator: str,
    *,
    days: int = DAYS,
    overwrite: bool = False,
    hosts: Sequence[str] = (),
) -> Written:
    """Make what is missing: the authority, a certificate for each station, one for the CSMS.

    An authority that is there goes on issuing. ``overwrite``: certificates of stations are made
    anew; the authority stays. ``hosts`` are names and addresses of a CSMS that is to have one too.
    Raises ExportError naming what cannot be read or written.
    """
    made = kept = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        by = _authority_of(folder, operator)
        for holder in holders:
            path = file_of(folder, holder.id)
            if not overwrite and path.exists() and path.with_suffix(".key").exists():
                kept += 1
                continue
            _put(path, station_paper(by, holder.name, operator, days=days))
            made += 1
        if hosts:
            _put(folder / f"{SERVER}.pem", server_paper(by, hosts, days=days))
    except FileExistsError as error:
        raise ExportError(f"{folder}: is a file; expected a folder to write to") from error
    except PaperError as error:
        raise ExportError(str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"{error.filename or folder}: {reason}") from error
    return Written(folder, made, kept)


def _authority_of(folder: Path, operator: str) -> Paper:
    """The authority of a folder, made if it has none."""
    path = folder / f"{CA}.pem"
    if path.exists():
        certificate, key = _load(path)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise PaperError(f"{path.with_suffix('.key')}: expected an ECDSA key")
        return Paper(certificate[0], key)
    made = authority(f"{operator} Fleet CA"[:64], operator)
    _put(path, made)
    return made


def _put(path: Path, paper: Paper) -> None:
    """The key first: a certificate that is there has its key."""
    _replace(path.with_suffix(".key"), paper.key_pem, 0o600)
    _replace(path, paper.pem, 0o644)


def _replace(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all, and private from its first byte (``mkstemp`` makes it 0600)."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".certificate-")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _load(path: Path) -> tuple[list[x509.Certificate], PrivateKeyTypes]:
    """A certificate's chain and its key. Raises PaperError."""
    private = path.with_suffix(".key")
    for needed in (path, private):
        if not needed.is_file():
            raise PaperError(f"{needed}: missing")
    try:
        if not is_private(private):
            raise PaperError(f"{private}: expected mode 0600 (chmod 600)")
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        if isinstance(error, PaperError):
            raise
        raise PaperError(f"{path}: expected certificates in PEM") from None
    except OSError as error:
        raise PaperError(f"{error.filename}: {error.strerror}") from None
    try:
        key = serialization.load_pem_private_key(private.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise PaperError(f"{private}: expected an unencrypted private key in PEM") from error
    except OSError as error:
        raise PaperError(f"{error.filename}: {error.strerror}") from None
    if chain[0].public_key() != key.public_key():
        raise PaperError(f"{private}: is not the key of {path.name}")
    return chain, key


def problems(folder: Path, holders: Iterable[Holder]) -> list[str]:
    """What is wrong with the certificates of these stations: missing, unreadable, another's."""
    found = []
    for holder in holders:
        path = file_of(folder, holder.id)
        try:
            chain, _ = _load(path)
        except PaperError as error:
            found.append(str(error))
            continue
        names = [
            str(row.value) for row in chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ]
        if not {holder.name[:64], holder.id[:64]} & set(names):
            what = ", ".join(names) or "nobody"
            found.append(f"{path}: is for {what}; expected {holder.name} (its serial number)")
    return found


def read_own(folder: Path, station_id: str, keys: Keys, roots: Sequence[Certificate]) -> Own:
    """A station's own certificate. Raises PaperError.

    ``roots`` are known authorities; the last one of the chain stands for a root that is none of
    them.
    """
    path = file_of(folder, station_id)
    _, key = _load(path)
    chain = keys.read(path.read_text("ascii"))
    issuer = next((root for root in roots if keys.signed(chain[-1], root)), chain[-1])
    der = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = chain[0].pem if len(chain) == 1 else "".join(part.pem for part in chain)
    return Own(chain, issuer, pem, der)


def read_roots(path: Path, keys: Keys) -> tuple[Certificate, ...]:
    """The authorities of a PEM file. Raises PaperError."""
    try:
        return keys.read(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "expected certificates in PEM"
        raise PaperError(f"{path}: {why}") from None
