"""Is the contract certificate of an EV to be trusted (OCPP 2.0.1, C07)?

A folder holds what the operator trusts: roots (self-signed), authorities between them and
contracts, revocation lists (``.crl``, whose own dates are not looked at), all in PEM. A chain that
a station sends is verified up to one of the roots; hash data are looked up among the authorities of
the folder. No OCPP types; called by :mod:`simulator.csms.desk`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from simulator.csms.fingerprints import Hashed, hashed, read
from simulator.scenario.problems import InputError, Problem

Verdict = Literal[
    "Accepted",
    "CertificateExpired",
    "CertificateRevoked",
    "CertChainError",
    "NoCertificateAvailable",
]
_EXPIRED: Final = "CertificateExpired"
TOKEN_STATUS: Final[Mapping[Verdict, str]] = {
    "CertificateExpired": "Expired",
    "CertificateRevoked": "Invalid",
    "CertChainError": "Invalid",
    "NoCertificateAvailable": "Invalid",
}
"""What the token is then, whatever the register says of it (C07.FR.15 to FR.17)."""
_CERTIFICATES: Final = (".pem", ".crt", ".cer")
_LONGEST: Final = 10
"""Certificates in a chain."""
_EMAID: Final = 14
"""Characters of an eMAID without hyphens and without its check digit (ISO 15118-2, annex H)."""


class Contracts:
    """What the operator trusts, and the judgement of what a station brings."""

    def __init__(self, folder: Path) -> None:
        """Read the folder; InputError with every file that cannot be used, or if no root is there.

        Revocation lists of which no issuer is there, or whose signature is not the issuer's, are
        among the errors.
        """
        self._roots: list[x509.Certificate] = []
        self._known: dict[bytes, x509.Certificate] = {}
        """Every certificate of the folder, by fingerprint."""
        self._revoked: set[tuple[bytes, int]] = set()
        """By the issuer's key identifier and serial number."""
        problems: list[Problem] = []
        lists: list[tuple[Path, x509.CertificateRevocationList]] = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.suffix not in (*_CERTIFICATES, ".crl"):
                continue
            try:
                if path.suffix == ".crl":
                    lists.append((path, x509.load_pem_x509_crl(path.read_bytes())))
                else:
                    self._learn(x509.load_pem_x509_certificates(path.read_bytes()))
            except (OSError, ValueError, UnsupportedAlgorithm) as error:
                problems.append(Problem(str(path), "", None, f"PEM: {error}"))
        for path, revoked in lists:
            issuer = next((c for c in self._known.values() if _lists(c, revoked)), None)
            if issuer is None:
                expected = "a revocation list signed by an authority of this folder"
                problems.append(Problem(str(path), "", None, expected))
                continue
            self._revoked |= {(_key_id(issuer), row.serial_number) for row in revoked}
        if not self._roots and not problems:
            expected = f"a folder with at least one root certificate ({', '.join(_CERTIFICATES)})"
            problems.append(Problem(str(folder), "", None, expected))
        if problems:
            raise InputError(problems)

    def judge(
        self, token: str, chain: str | None, hash_data: Sequence[Mapping[str, Any]] = ()
    ) -> Verdict:
        """Return what the certificate of a contract is worth, now.

        ``chain``: PEM, the contract's first (C07.FR.06); ``hash_data`` as on the wire. With both,
        both must be good.
        """
        now = datetime.now(UTC)
        verdicts = []
        if chain is not None:
            verdicts.append(self._judge_chain(token, chain, now))
        if hash_data:
            verdicts.append(self._judge_hashes(hash_data, now))
        if not verdicts:
            return "NoCertificateAvailable"
        return next((verdict for verdict in verdicts if verdict != "Accepted"), "Accepted")

    def _learn(self, found: Iterable[x509.Certificate]) -> None:
        for certificate in found:
            self._known[certificate.fingerprint(hashes.SHA256())] = certificate
            if _signed(certificate, certificate):
                self._roots.append(certificate)

    def _judge_chain(self, token: str, pem: str, now: datetime) -> Verdict:
        try:
            given = x509.load_pem_x509_certificates(pem.encode())
        except (ValueError, UnsupportedAlgorithm):
            return "CertChainError"
        if len(given) > _LONGEST or not _is_contract_of(given[0], token):
            return "CertChainError"
        path = self._path(given[0], [*given[1:], *self._known.values()])
        if path is None:
            return "CertChainError"
        for certificate, issuer in pairwise(path):
            if (_key_id(issuer), certificate.serial_number) in self._revoked:
                return "CertificateRevoked"
        if not all(c.not_valid_before_utc <= now for c in path):
            return "CertChainError"
        return "Accepted" if all(now <= c.not_valid_after_utc for c in path) else _EXPIRED

    def _path(
        self, leaf: x509.Certificate, others: Sequence[x509.Certificate]
    ) -> list[x509.Certificate] | None:
        """Return the chain from a certificate to a root of the folder; None if there is none."""
        path = [leaf]
        while len(path) <= _LONGEST:
            root = next((root for root in self._roots if _issues(root, path[-1], len(path))), None)
            if root is not None:
                return [*path, root]
            above = next(
                (c for c in others if c not in path and _issues(c, path[-1], len(path))), None
            )
            if above is None:
                return None
            path.append(above)
        return None

    def _judge_hashes(self, hash_data: Sequence[Mapping[str, Any]], now: datetime) -> Verdict:
        verdict: Verdict = "Accepted"
        for row in hash_data:
            try:
                found = self._judge_hash(read(row), now)
            except ValueError:
                found = "CertChainError"
            if found == "CertificateRevoked":
                return found
            verdict = found if verdict == "Accepted" else verdict
        return verdict

    def _judge_hash(self, asked: Hashed, now: datetime) -> Verdict:
        """Judge one certificate that is not there itself: by its issuer, and by what is known."""
        issuer = next(
            (c for c in self._known.values() if hashed(c, asked.algorithm) == asked.issuer), None
        )
        above = None if issuer is None else self._path(issuer, list(self._known.values()))
        if issuer is None or above is None:
            return "CertChainError"
        serial = int(asked.serial, 16)
        if (_key_id(issuer), serial) in self._revoked:
            return "CertificateRevoked"
        here = [*above, *(c for c in self._known.values() if c.serial_number == serial)]
        return _EXPIRED if any(c.not_valid_after_utc < now for c in here) else "Accepted"


def _issues(issuer: x509.Certificate, certificate: x509.Certificate, below: int) -> bool:
    """Return whether an authority issued a certificate with ``below`` - 1 authorities under it."""
    try:
        basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    if not basic.ca or (basic.path_length is not None and basic.path_length < below - 1):
        return False
    return _signed(certificate, issuer)


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _lists(issuer: x509.Certificate, revoked: x509.CertificateRevocationList) -> bool:
    """Return whether a revocation list is this issuer's."""
    if revoked.issuer != issuer.subject:
        return False
    try:
        return revoked.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def _key_id(issuer: x509.Certificate) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest


def _is_contract_of(certificate: x509.Certificate, token: str) -> bool:
    """Return whether a contract's common name is the eMAID that was presented."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return bool(names) and _bare(str(names[0].value)) == _bare(token)


def _bare(emaid: str) -> str:
    return emaid.replace("-", "").upper()[:_EMAID]
