"""The contract certificates of the drivers' cars, and the mobility operator that issues them.

A root, an authority below it and, when a car is plugged in, its contract: real certificates (ECDSA
on P-256), so that what a station tells of them is true and can be checked by whoever is given the
root. Keys follow from the seed: they protect nothing, and every run has the same ones. Made by
``crew``, used by ``virtual``.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from simulator.fleet.keys import certificate_of, derived_key
from simulator.station.plugandcharge import Contract
from simulator.station.ports import Certificate

OPERATOR: Final = "Chargeswarm Mobility"
RESPONDER: Final = "http://ocsp.chargeswarm.invalid"
"""Named as the OCSP responder; nobody is there (RFC 2606)."""
_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL: Final = datetime(2060, 1, 1, tzinfo=UTC)


class Mobility:
    """A mobility operator of the seed. Picklable; makes everything when it is first asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @cached_property
    def root(self) -> Certificate:
        """What stations know the operator by (MORootCertificate)."""
        return certificate_of(self._root)

    @cached_property
    def _root(self) -> x509.Certificate:
        own = self._key("root")
        return self._issue(f"{OPERATOR} Root", own.public_key(), None, own, authority=True)

    @cached_property
    def _below(self) -> x509.Certificate:
        public = self._key("below").public_key()
        return self._issue(f"{OPERATOR} Sub", public, self._root, self._key("root"), authority=True)

    @cached_property
    def _signer(self) -> ec.EllipticCurvePrivateKey:
        return self._key("below")

    @cached_property
    def _authority(self) -> Certificate:
        return certificate_of(self._below)

    def contract(self, emaid: str) -> Contract:
        """The contract of a driver, as his car shows it; 0.3 ms."""
        public = self._key(emaid).public_key()
        leaf = self._issue(emaid, public, self._below, self._signer, authority=False)
        return Contract(emaid, (certificate_of(leaf), self._authority))

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey:
        return derived_key(f"{self.seed}/mobility/{name}")

    def _issue(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        issuer: x509.Certificate | None,
        signer: ec.EllipticCurvePrivateKey,
        *,
        authority: bool,
    ) -> x509.Certificate:
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, name),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, OPERATOR),
            ]
        )
        serial = int.from_bytes(hashlib.sha256(f"{self.seed}/{name}".encode()).digest()[:12]) | 1
        way = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(RESPONDER)
        )
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is None else issuer.subject)
            .public_key(public)
            .serial_number(serial)
            .not_valid_before(_FROM)
            .not_valid_after(_UNTIL)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.AuthorityInformationAccess([way]), critical=False)
            .sign(signer, hashes.SHA256(), ecdsa_deterministic=True)
        )
