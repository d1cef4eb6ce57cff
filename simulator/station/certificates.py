"""The station's own certificates (A02, A03, M06): asked for, checked, used, renewed.

The trust store that they are checked against is truststore.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from simulator.station import clock, link, network, notices, security, timers
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.state import Afterwards, State
from simulator.station.truststore import (
    CSMS_ROOT,
    STATION,
    V2G,
    V2G_CHAIN,
    V2G_ROOT,
    Hashes,
    Own,
    Root,
    Wanted,
    anchor,
    hashes_of,
    keys_of,
    store_of,
)

MONTH_S: Final = 30 * 86_400.0
WEEK_S: Final = 7 * 86_400.0
_BAD: Final = "InvalidChargingStationCertificate"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an OCSP responder by way of the CSMS."""

    hashes: Hashes
    responder: str


def provision(st: State, roots: tuple[Root, ...], own: Own | None) -> None:
    """What the station left the factory with, before it is switched on for the first time."""
    if not roots and own is None:
        return
    store = store_of(st)
    store.roots.extend(roots)
    if own is not None:
        store.own[STATION] = own
        _remember(st, 0.0, STATION, own)


def _remember(st: State, now: float, kind: str, own: Own) -> None:
    """A month before it ends the station asks for the next one (A03).

    One that lasts hardly longer than a month is renewed after two thirds of its life: else each new
    one would be asked for at once, and no end of it.
    """
    leaf = own.chain[0]
    lasts = leaf.not_after - leaf.not_before
    early = MONTH_S if lasts > MONTH_S + clock.DAY_S else lasts / 3.0
    timers.at(st, max(leaf.not_after - early - st.clock_zero, now), partial(_renew, kind, own))


def ask(st: State, kind: str, asked: bool = False) -> Afterwards | None:
    """Have a new certificate signed (A02); None: it cannot, or nobody says for whom it is.

    ``asked``: the CSMS wants it to, which it may before it accepts the station.
    """
    if st.keys is None or not st.conf.organisation:
        return None
    return partial(_ask, kind, asked)


def _ask(kind: str, asked: bool, st: State, now: float) -> None:
    keys = keys_of(st)
    st.orders += 1
    key = keys.pair(st.identity.id, st.orders)
    csr = keys.request(key, _name(st), st.conf.organisation)
    wanted = Wanted(kind, key, csr, st.conf.signing_wait_s, st.conf.signing_repeats)
    store_of(st).wanted[kind] = wanted
    notices.tell(st, now, Event.CERTIFICATE_WANTED, wanted, asked)


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
            del store_of(st).wanted[wanted.kind]
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
    # 2.0.1 takes none of the future (errata 2.9: A02.FR.06).
    early = st.table.version == "1.6"
    where = V2G_ROOT if kind == V2G else CSMS_ROOT
    root = anchor(st, chain, st.clock_zero + now, where, early)
    if root is None:
        return "Rejected", partial(_discard, kind, "expired, or of no trusted chain")
    if len(chain) > 1 and chain[-1].fingerprint == root.fingerprint:
        chain = chain[:-1]
    return "Accepted", partial(_take, kind, Own(chain, root, pem, wanted.key))


def _refused(why: str, st: State, now: float) -> None:
    security.note(st, now, _BAD, why, tell=True)


def _discard(kind: str, why: str, st: State, now: float) -> None:
    store_of(st).wanted.pop(kind, None)  # A02.FR.20: not asked for again by itself
    _refused(why, st, now)


def _take(kind: str, own: Own, st: State, now: float) -> None:
    store = store_of(st)
    store.wanted.pop(kind, None)
    security.note(st, now, "ReconfigurationOfSecurityParameters", f"{kind} renewed")
    leaf = own.chain[0]
    start = leaf.not_before - st.clock_zero
    if start > now:
        timers.at(st, start, partial(_switch, kind, own))
    else:
        _switch(kind, own, st, now, now)
    _remember(st, now, kind, own)


def _switch(kind: str, own: Own, st: State, now: float, due: float) -> None:
    """Use it from now on, on a new connection if that is what it is for (A02.FR.08, FR.09)."""
    store = store_of(st)
    current = store.own.get(kind)
    if current is not None and current.chain[0].not_before > own.chain[0].not_before:
        return
    store.own[kind] = own
    if kind == STATION and network.security(st) == network.TLS_CLIENT:
        store.former = current
        store.tries = 0
        link.close(st, now, 1000, "new certificate")
    if kind == V2G:
        _ask_revocation(own, st, now, now)


def _ask_revocation(own: Own, st: State, now: float, due: float) -> None:
    """Ask for the OCSP status of the chain, at first and every week (M06.FR.07, FR.10)."""
    store = store_of(st)
    if store.own.get(V2G) is not own:
        return
    line = (*own.chain, own.root)
    for i, certificate in enumerate(own.chain):
        if certificate.responder:
            hashes = hashes_of(st, V2G_CHAIN, certificate, line[i + 1])
            asked = Question(hashes, certificate.responder)
            notices.tell(st, now, Event.CERTIFICATE_STATUS, asked)
    timers.at(st, now + WEEK_S, partial(_ask_revocation, own))


def revocation_answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """GetCertificateStatus was answered: keep what the responder said (M06)."""
    status, result = payload.get("status"), payload.get("ocspResult")
    if status not in ("Accepted", "Failed"):
        return False
    if status == "Accepted" and isinstance(result, str):
        store_of(st).revocation[call.about.about.hashes.serial] = result
    return notices.answered(st, now, call, payload)


def _renew(kind: str, own: Own, st: State, now: float, due: float) -> None:
    store = st.certificates
    if store is not None and store.own.get(kind) is own and kind not in store.wanted:
        again = ask(st, kind)
        if again is not None:
            again(st, now)
