"""The trust store (M03-M05): roots that are installed, and what descends from them.

Certificates are really read and checked, by the ``Keys`` port; a station without one refuses all
of this. Kinds are named as in 2.0.1. What is checked of a chain: every period of validity, every
signature, that issuers may issue, and that it ends at a root of the store. The station's own
certificates are asked for and taken by certificates.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from simulator.station import network, security
from simulator.station.payloads import NOT_SUPPORTED, Refusal
from simulator.station.ports import Certificate, Keys
from simulator.station.rpc import text
from simulator.station.state import State

CSMS_ROOT: Final = network.ROOT
MANUFACTURER_ROOT: Final = "ManufacturerRootCertificate"
V2G_ROOT: Final = "V2GRootCertificate"
MO_ROOT: Final = "MORootCertificate"
STATION: Final = "ChargingStationCertificate"
V2G: Final = "V2GCertificate"
V2G_CHAIN: Final = "V2GCertificateChain"
ALGORITHM: Final = "SHA256"


@dataclass(frozen=True, slots=True)
class Root:
    """A certificate of the trust store."""

    kind: str
    certificate: Certificate
    issuer: Certificate
    fallback: bool = False
    """Replaced, and kept until its successor has proved itself (M05.FR.12)."""


@dataclass(frozen=True, slots=True)
class Own:
    """A certificate of the station itself, with what it descends from but for the root."""

    chain: tuple[Certificate, ...]
    root: Certificate
    pem: str
    key: bytes


@dataclass(slots=True)
class Wanted:
    """A key pair whose certificate has been asked for."""

    kind: str
    key: bytes
    csr: str
    wait_s: float
    """Until it is asked for again; 0: it is not."""
    repeats: int
    triggered: bool = True


class Store:
    """All certificates of a station."""

    __slots__ = ("doubted", "former", "own", "revocation", "roots", "tries", "wanted")

    def __init__(self) -> None:
        self.roots: list[Root] = []
        self.doubted = False
        """Attempts to connect have failed since the last connection: fallbacks count."""
        self.own: dict[str, Own] = {}
        self.former: Own | None = None
        """Client certificate beside the one in use, until one of them has led to a connection."""
        self.tries = 0
        """Failed attempts with the one in use, while there are two."""
        self.wanted: dict[str, Wanted] = {}
        self.revocation: dict[str, str] = {}
        """Serial number -> what the CSMS's OCSP responder said of it, as it came."""

    @property
    def client(self) -> Own | None:
        """By which the station shows the CSMS who it is (security profile 3)."""
        return self.own.get(STATION)


@dataclass(frozen=True, slots=True)
class Hashes:
    """CertificateHashData; ``children`` are the authorities between a V2G leaf and its root."""

    kind: str
    name: str
    key: str
    serial: str
    algorithm: str = ALGORITHM
    children: tuple[Hashes, ...] = ()


def hash_data(found: Hashes) -> str:
    """CertificateHashData, the same in both versions."""
    return f"{{{_hashed(found)}}}"


def revocation_data(found: Hashes, responder: str) -> str:
    """OCSPRequestData: of a certificate, what its issuer's OCSP responder is asked by (2.x)."""
    return f'{{{_hashed(found)},"responderURL":{text(responder[:512])}}}'


def _hashed(found: Hashes) -> str:
    return (
        f'"hashAlgorithm":"{found.algorithm}","issuerNameHash":"{found.name}",'
        f'"issuerKeyHash":"{found.key}","serialNumber":"{found.serial}"'
    )


def keys_of(st: State) -> Keys:
    """The port; ``Refusal`` of a station without one."""
    if st.keys is None:
        raise Refusal(NOT_SUPPORTED, "this station knows no certificates")
    return st.keys


def store_of(st: State) -> Store:
    """The station's, made when first needed."""
    if st.certificates is None:
        st.certificates = Store()
    return st.certificates


def _valid(certificate: Certificate, at: float) -> bool:
    return certificate.not_before <= at <= certificate.not_after


def roots(st: State, kind: str) -> list[Root]:
    """The roots of one kind, fallbacks included."""
    if st.certificates is None:
        return []
    return [root for root in st.certificates.roots if root.kind == kind]


def anchor(
    st: State, chain: tuple[Certificate, ...], at: float, kind: str, early: bool = False
) -> Certificate | None:
    """The installed root at which a chain (leaf first) ends; None: it is not to be trusted.

    ``early``: the leaf may become valid later only.
    """
    keys = keys_of(st)
    for i, certificate in enumerate(chain):
        later = early and i == 0 and at <= certificate.not_after
        if not (later or _valid(certificate, at)):
            return None
        if i and not (certificate.authority and keys.signed(chain[i - 1], certificate)):
            return None
    for root in roots(st, kind):
        good = _valid(root.certificate, at)
        if good and chain[-1].fingerprint == root.certificate.fingerprint and len(chain) > 1:
            return root.certificate
        if good and keys.signed(chain[-1], root.certificate):
            return root.certificate
    return None


def signer_trusted(st: State, now: float, pem: str) -> bool:
    """Does a firmware signer's certificate descend from an installed manufacturer's root?"""
    try:
        chain = keys_of(st).read(pem)
    except ValueError:
        return False
    return anchor(st, chain, st.clock_zero + now, MANUFACTURER_ROOT) is not None


# -- what a connection proves ---------------------------------------------------------------------


def doubt(st: State) -> None:
    """An attempt to connect failed.

    A fallback root may be needed (M05.FR.14); a new client certificate that leads nowhere takes
    turns with the one before, each for all ways to connect (errata 2.9: A02.FR.28).
    """
    store = st.certificates
    if store is None:
        return
    store.doubted = True
    if store.former is None:
        return
    store.tries += 1
    ways = 1 if st.network is None else len(st.network.ways)
    if store.tries >= max(st.conf.network_attempts, 1) * ways:
        store.tries = 0
        store.own[STATION], store.former = store.former, store.own[STATION]


def proved(st: State, now: float) -> None:
    """The station came through: what was kept in case it would not is gone (M05.FR.13, A02.FR.10).

    A fallback root that may have been needed stays.
    """
    store = st.certificates
    if store is None:
        return
    doubted, store.doubted = store.doubted, False
    secured = network.security(st)
    if secured > 1 and not doubted and any(root.fallback for root in store.roots):
        store.roots = [root for root in store.roots if not root.fallback]
        security.note(st, now, "ReconfigurationOfSecurityParameters", "old CSMS root removed")
    former, used = store.former, store.client
    if secured == network.TLS_CLIENT and former is not None and used is not None:
        store.former = None
        store.tries = 0
        if former.chain[0].not_before > used.chain[0].not_before:
            security.note(st, now, "DiscardedRenewedClientCertificate", tell=True)


def csms_roots(keys: Keys, trusted: Sequence[Certificate]) -> tuple[Root, ...]:
    """Roots of CSMSs that stations are provisioned with; any number of stations can share them."""
    found = []
    for certificate in trusted:
        issuer = next((other for other in trusted if keys.signed(certificate, other)), certificate)
        found.append(Root(CSMS_ROOT, certificate, issuer))
    return tuple(found)


# -- the trust store ------------------------------------------------------------------------------


def install(st: State, now: float, kind: str, pem: str) -> str:
    """InstallCertificate (M05): Accepted or Rejected."""
    keys = keys_of(st)
    try:
        found = keys.read(pem)
    except ValueError:
        return "Rejected"
    if len(found) != 1 or not found[0].authority or not _valid(found[0], st.clock_zero + now):
        return "Rejected"
    certificate = found[0]
    store = store_of(st)
    known = [certificate, *(root.certificate for root in store.roots)]
    issuer = next((other for other in known if keys.signed(certificate, other)), None)
    if issuer is None:
        return "Rejected"
    root = Root(kind, certificate, issuer)
    for i, old in enumerate(store.roots):
        if old.kind == kind and old.certificate.fingerprint == certificate.fingerprint:
            store.roots[i] = root  # M05.FR.17
            return "Accepted"
    current = [old for old in store.roots if old.kind == kind and not old.fallback]
    if kind == CSMS_ROOT and st.conf.additional_root_check and current:
        old = current[0]
        if not keys.signed(certificate, old.certificate):
            return "Rejected"  # M05.FR.11
        others = [other for other in store.roots if other.kind != kind]
        kept = Root(kind, old.certificate, old.issuer, fallback=True)
        if len(others) + 2 > st.conf.certificates_most:
            return "Rejected"
        store.roots = [*others, kept, root]
    elif len(store.roots) >= st.conf.certificates_most:
        return "Rejected"
    else:
        store.roots.append(root)
    security.note(st, now, "ReconfigurationOfSecurityParameters", f"{kind} installed")
    return "Accepted"


def provide(st: State, kind: str, root: Certificate) -> None:
    """A root that a station comes with."""
    store_of(st).roots.append(Root(kind, root, root))


def delete(st: State, now: float, wanted: Hashes) -> str:
    """DeleteCertificate (M04): Accepted, NotFound, or Failed for one that is in use."""
    keys_of(st)
    store = st.certificates
    if store is None:
        return "NotFound"
    for own in store.own.values():
        line = (*own.chain, own.root)
        for certificate, issuer in pairwise(line):  # M04.FR.06, and what vouches for its own
            if _same(hashes_of(st, "", certificate, issuer, wanted.algorithm), wanted):
                return "Failed"
    for root in store.roots:
        hashes = hashes_of(st, root.kind, root.certificate, root.issuer, wanted.algorithm)
        if _same(hashes, wanted):
            if _secures(st, root):
                return "Failed"
            store.roots.remove(root)
            what = f"{root.kind} deleted"
            security.note(st, now, "ReconfigurationOfSecurityParameters", what)
            return "Accepted"
    return "NotFound"


def _secures(st: State, root: Root) -> bool:
    """Is it the only one that vouches for the CSMS on this connection (1.6 M04.FR.06)?"""
    others = [other for other in roots(st, CSMS_ROOT) if other is not root]
    return root.kind == CSMS_ROOT and network.security(st) > 1 and not others


def _same(a: Hashes, b: Hashes) -> bool:
    return (a.name.lower(), a.key.lower(), a.serial.lower()) == (
        b.name.lower(),
        b.key.lower(),
        b.serial.lower().lstrip("0"),
    )


def hashes_of(
    st: State,
    kind: str,
    certificate: Certificate,
    issuer: Certificate,
    algorithm: str = ALGORITHM,
    children: tuple[Hashes, ...] = (),
) -> Hashes:
    """Its CertificateHashData."""
    name, key = keys_of(st).hashes(certificate, issuer, algorithm)
    return Hashes(kind, name, key, certificate.serial, algorithm, children)


def installed(st: State, kinds: tuple[str, ...]) -> list[Hashes]:
    """GetInstalledCertificateIds (M03): what is there of these kinds, or (none given) at all."""
    keys_of(st)
    store = st.certificates
    if store is None:
        return []
    found = [
        hashes_of(st, root.kind, root.certificate, root.issuer)
        for root in store.roots
        if not kinds or root.kind in kinds
    ]
    own = store.own.get(V2G)
    if own is not None and (not kinds or V2G_CHAIN in kinds):
        line = (*own.chain, own.root)
        each = [hashes_of(st, V2G_CHAIN, line[i], line[i + 1]) for i in range(len(own.chain))]
        found.append(
            hashes_of(st, V2G_CHAIN, line[0], line[1], children=tuple(each[1:]))  # M03.FR.05
        )
    return found
