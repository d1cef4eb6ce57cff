"""Certificates (A02, A03, M03-M05): the trust store, the station's own, and asking for new ones.

Certificates are really read and checked, by the ``Keys`` port; a station without one refuses all
of this. Kinds are named as in 2.0.1. What is checked of a chain: every period of validity, every
signature, that issuers may issue, and that it ends at a root of the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from simulator.station import link, notices, security, timers
from simulator.station.effects import Credentials
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.payloads import NOT_SUPPORTED, Refusal
from simulator.station.ports import Certificate, Keys
from simulator.station.state import Afterwards, State

CSMS_ROOT: Final = "CSMSRootCertificate"
MANUFACTURER_ROOT: Final = "ManufacturerRootCertificate"
V2G_ROOT: Final = "V2GRootCertificate"
MO_ROOT: Final = "MORootCertificate"
STATION: Final = "ChargingStationCertificate"
V2G: Final = "V2GCertificate"
V2G_CHAIN: Final = "V2GCertificateChain"
ALGORITHM: Final = "SHA256"
MONTH_S: Final = 30 * 86_400.0
WEEK_S: Final = 7 * 86_400.0
_BAD: Final = "InvalidChargingStationCertificate"
TLS_CLIENT_PROFILE: Final = 3


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

    __slots__ = ("own", "revocation", "roots", "wanted")

    def __init__(self) -> None:
        self.roots: list[Root] = []
        self.own: dict[str, Own] = {}
        self.wanted: dict[str, Wanted] = {}
        self.revocation: dict[str, str] = {}
        """Serial number -> what the CSMS's OCSP responder said of it, as it came."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """CertificateHashData; ``children`` are the authorities between a V2G leaf and its root."""

    kind: str
    name: str
    key: str
    serial: str
    algorithm: str = ALGORITHM
    children: tuple[Hashes, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an OCSP responder by way of the CSMS."""

    hashes: Hashes
    responder: str


def keys_of(st: State) -> Keys:
    """The port; ``Refusal`` of a station without one."""
    if st.keys is None:
        raise Refusal(NOT_SUPPORTED, "this station knows no certificates")
    return st.keys


def _store(st: State) -> Store:
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
    store = _store(st)
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


def delete(st: State, now: float, wanted: Hashes) -> str:
    """DeleteCertificate (M04): Accepted, NotFound, or Failed for one that is in use."""
    keys_of(st)
    store = st.certificates
    if store is None:
        return "NotFound"
    for own in store.own.values():
        chain = (*own.chain, own.root)
        if _same(_hashes(st, "", own.chain[0], chain[1], wanted.algorithm), wanted):
            return "Failed"  # M04.FR.06
    for root in store.roots:
        hashes = _hashes(st, root.kind, root.certificate, root.issuer, wanted.algorithm)
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
    return root.kind == CSMS_ROOT and st.conf.security_profile > 1 and not others


def _same(a: Hashes, b: Hashes) -> bool:
    return (a.name.lower(), a.key.lower(), a.serial.lower()) == (
        b.name.lower(),
        b.key.lower(),
        b.serial.lower().lstrip("0"),
    )


def _hashes(
    st: State,
    kind: str,
    certificate: Certificate,
    issuer: Certificate,
    algorithm: str = ALGORITHM,
    children: tuple[Hashes, ...] = (),
) -> Hashes:
    name, key = keys_of(st).hashes(certificate, issuer, algorithm)
    return Hashes(kind, name, key, certificate.serial, algorithm, children)


def installed(st: State, kinds: tuple[str, ...]) -> list[Hashes]:
    """GetInstalledCertificateIds (M03): what is there of these kinds, or (none given) at all."""
    keys_of(st)
    store = st.certificates
    if store is None:
        return []
    found = [
        _hashes(st, root.kind, root.certificate, root.issuer)
        for root in store.roots
        if not kinds or root.kind in kinds
    ]
    own = store.own.get(V2G)
    if own is not None and (not kinds or V2G_CHAIN in kinds):
        line = (*own.chain, own.root)
        each = [_hashes(st, V2G_CHAIN, line[i], line[i + 1]) for i in range(len(own.chain))]
        found.append(
            _hashes(st, V2G_CHAIN, line[0], line[1], children=tuple(each[1:]))  # M03.FR.05
        )
    return found


# -- certificates of its own ----------------------------------------------------------------------


def ask(st: State, kind: str) -> Afterwards | None:
    """Have a new certificate signed (A02); None: it cannot, or nobody says for whom it is."""
    if st.keys is None or not st.conf.organisation:
        return None
    return partial(_ask, kind)


def _ask(kind: str, st: State, now: float) -> None:
    keys = keys_of(st)
    st.orders += 1
    key = keys.pair(st.identity.id, st.orders)
    csr = keys.request(key, _name(st), st.conf.organisation)
    wanted = Wanted(kind, key, csr, st.conf.signing_wait_s, st.conf.signing_repeats)
    _store(st).wanted[kind] = wanted
    notices.tell(st, now, Event.CERTIFICATE_WANTED, wanted)


def _name(st: State) -> str:
    """The common name: the serial number (A00.FR.405, FR.511)."""
    return st.identity.serial or st.identity.id


def _still(st: State, wanted: Wanted) -> bool:
    return st.certificates is not None and st.certificates.wanted.get(wanted.kind) is wanted


def sign_answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """The CSMS will see to it, or will not."""
    status = payload.get("status")
    if status not in ("Accepted", "Rejected"):
        return False
    wanted: Wanted = call.about.about
    if status == "Rejected":
        if _still(st, wanted):
            del _store(st).wanted[wanted.kind]
    elif wanted.wait_s > 0.0:
        timers.at(st, now + wanted.wait_s, partial(_again, wanted))
    return notices.answered(st, now, call, payload)


def _again(wanted: Wanted, st: State, now: float, due: float) -> None:
    """No certificate came: ask again, and wait twice as long (A02.FR.17 to FR.19)."""
    if not _still(st, wanted) or wanted.repeats <= 0:
        return
    wanted.repeats -= 1
    wanted.wait_s *= 2.0
    notices.tell(st, now, Event.CERTIFICATE_WANTED, wanted)


def signed(st: State, now: float, kind: str, pem: str) -> tuple[str, Afterwards | None]:
    """CertificateSigned: take the certificate if it is what was asked for (A02.FR.06, FR.07)."""
    keys = keys_of(st)
    if len(pem) > st.conf.chain_longest:
        return "Rejected", None
    wanted = None if st.certificates is None else st.certificates.wanted.get(kind)
    if wanted is None:
        return "Rejected", partial(_refused, "none was asked for")
    try:
        chain = keys.read(pem)
    except ValueError:
        return "Rejected", partial(_discard, kind, "unreadable")
    leaf = chain[0]
    if not keys.belongs(leaf, wanted.key):
        return "Rejected", partial(_discard, kind, "not the key of the request")
    if leaf.common_name != _name(st) or leaf.organisation != st.conf.organisation:
        return "Rejected", partial(_discard, kind, "another's name")
    root = anchor(
        st, chain, st.clock_zero + now, V2G_ROOT if kind == V2G else CSMS_ROOT, early=True
    )
    if root is None:
        return "Rejected", partial(_discard, kind, "expired, or of no trusted chain")
    if len(chain) > 1 and chain[-1].fingerprint == root.fingerprint:
        chain = chain[:-1]
    return "Accepted", partial(_take, kind, Own(chain, root, pem, wanted.key))


def _refused(why: str, st: State, now: float) -> None:
    security.note(st, now, _BAD, why, tell=True)


def _discard(kind: str, why: str, st: State, now: float) -> None:
    _store(st).wanted.pop(kind, None)  # A02.FR.20: not asked for again by itself
    _refused(why, st, now)


def _take(kind: str, own: Own, st: State, now: float) -> None:
    store = _store(st)
    store.wanted.pop(kind, None)
    security.note(st, now, "ReconfigurationOfSecurityParameters", f"{kind} renewed")
    leaf = own.chain[0]
    start = leaf.not_before - st.clock_zero
    if start > now:
        timers.at(st, start, partial(_switch, kind, own))
    else:
        _switch(kind, own, st, now, now)
    # A03: a month before it ends the station asks for the next one.
    timers.at(st, max(leaf.not_after - MONTH_S - st.clock_zero, now), partial(_renew, kind, own))


def _switch(kind: str, own: Own, st: State, now: float, due: float) -> None:
    """Use it from now on, on a new connection if that is what it is for (A02.FR.08, FR.09)."""
    store = _store(st)
    current = store.own.get(kind)
    if current is not None and current.chain[0].not_before > own.chain[0].not_before:
        return
    store.own[kind] = own
    if kind == STATION and st.conf.security_profile == TLS_CLIENT_PROFILE:
        st.effects.append(Credentials(certificate=own.pem, key=own.key))
        link.close(st, now, 1000, "new certificate")
    if kind == V2G:
        _ask_revocation(own, st, now, now)


def _ask_revocation(own: Own, st: State, now: float, due: float) -> None:
    """Ask for the OCSP status of the chain, at first and every week (M06.FR.07, FR.10)."""
    store = _store(st)
    if store.own.get(V2G) is not own:
        return
    line = (*own.chain, own.root)
    for i, certificate in enumerate(own.chain):
        if certificate.responder:
            hashes = _hashes(st, V2G_CHAIN, certificate, line[i + 1])
            asked = Question(hashes, certificate.responder)
            notices.tell(st, now, Event.CERTIFICATE_STATUS, asked)
    timers.at(st, now + WEEK_S, partial(_ask_revocation, own))


def revocation_answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """GetCertificateStatus was answered: keep what the responder said (M06)."""
    status, result = payload.get("status"), payload.get("ocspResult")
    if status not in ("Accepted", "Failed"):
        return False
    if status == "Accepted" and isinstance(result, str):
        _store(st).revocation[call.about.about.hashes.serial] = result
    return notices.answered(st, now, call, payload)


def _renew(kind: str, own: Own, st: State, now: float, due: float) -> None:
    store = st.certificates
    if store is not None and store.own.get(kind) is own and kind not in store.wanted:
        again = ask(st, kind)
        if again is not None:
            again(st, now)
