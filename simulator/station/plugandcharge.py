"""Contract certificates of EVs (2.0.1 C07, M01, M02), as far as a station without an EV can go.

What ISO 15118 says between EV and station is not played: whoever drives the station gives the
contract that the EV shows (C07), or its request for one. That is an EXI document which the station
passes on unread; it is never made up here, and without one there is no request.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from simulator.station import diary, truststore
from simulator.station.events import Event
from simulator.station.model import Call, Link, Registration, TokenInfo
from simulator.station.ports import CallOutcome, Certificate
from simulator.station.rpc import raise_event, text
from simulator.station.state import State

LONGEST: Final = 5600
DONE: Final = frozenset(("Accepted", "Failed"))
EMAID: Final = "eMAID"
"""The type of the token that a contract is for (IdTokenEnumType)."""
_MOST_HASHES: Final = 4
_LONGEST_CHAIN: Final = 5500


@dataclass(frozen=True, slots=True)
class Contract:
    """What an EV identifies itself by: who pays, and the certificates that say so.

    ``chain`` begins with the contract certificate and ends below the root.
    """

    emaid: str
    chain: tuple[Certificate, ...]


def _root(st: State, now: float, contract: Contract) -> Certificate | None:
    """The installed root that the contract descends from, every link being good; else None."""
    at = st.clock_zero + now
    for kind in (truststore.MO_ROOT, truststore.V2G_ROOT):
        found = truststore.anchor(st, contract.chain, at, kind)
        if found is not None:
            return found
    return None


def holds_offline(st: State, now: float, contract: Contract) -> bool:
    """Is a contract good by what the station itself can tell while offline (C07.FR.07, FR.08)?"""
    return st.conf.contracts_offline and _root(st, now, contract) is not None


def shown(st: State, now: float, contract: Contract) -> str:
    """What AuthorizeRequest says of a contract besides its eMAID (C07.FR.02, FR.06).

    Of each certificate what an OCSP responder is asked by, as far as its issuer is known here;
    where no root is, and the CSMS is to look at it itself, the certificates too.
    """
    root = _root(st, now, contract)
    line = contract.chain if root is None else (*contract.chain, root)
    rows = [
        truststore.revocation_data(truststore.hashes_of(st, "", one, issuer), one.responder)
        for one, issuer in pairwise(line)
    ]
    fields = f',"iso15118CertificateHashData":[{",".join(rows[:_MOST_HASHES])}]' if rows else ""
    if root is None and st.conf.contracts_centrally:
        pem = "".join(certificate.pem for certificate in contract.chain)
        fields += f',"certificate":{text(pem)}' if len(pem) <= _LONGEST_CHAIN else ""
    return fields


def judged(contract: Contract | None, info: TokenInfo, payload: dict[str, Any]) -> TokenInfo:
    """The CSMS's word on a token, with its word on the contract: both must be good."""
    status = payload.get("certificateStatus", "Accepted")
    if contract is None or not info.valid or status == "Accepted":
        return info
    return TokenInfo("Invalid")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an EV sent: CertificateInstallationReq or CertificateUpdateReq, in EXI and base64."""

    exi: str
    schema: str
    update: bool


def ask(st: State, now: float, wish: Wish) -> bool:
    """Pass it on; False: the CSMS is not there, or the version knows nothing of it.

    Raises ValueError for what is no EXI document in base64.
    """
    try:
        content = base64.b64decode(wish.exi, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"EXI request: expected base64: {error}") from None
    if not content or len(wish.exi) > LONGEST or not 0 < len(wish.schema) <= 50:
        raise ValueError(f"EXI request: expected 1 to {LONGEST} characters, and its schema")
    there = st.link is Link.ONLINE and st.registration is Registration.ACCEPTED
    if not there or not st.table.messages[Event.EV_CERTIFICATE]:
        return False
    raise_event(st, Event.EV_CERTIFICATE, now, now, about=wish)
    return True


def request(st: State, now: float, call: Call) -> str:
    """Get15118EVCertificateRequest."""
    wish = call.about
    action = "Update" if wish.update else "Install"
    return (
        f'"iso15118SchemaVersion":{text(wish.schema)},"action":"{action}",'
        f'"exiRequest":{text(wish.exi)}'
    )


def answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    """The answer would go to the EV; the diary keeps how it went."""
    status = payload.get("status")
    if status not in DONE or not isinstance(payload.get("exiResponse"), str):
        return False
    diary.note(st, now, f"ev_certificate {status}")
    return True


def failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """The EV is told that it failed (M01)."""
    diary.note(st, now, "ev_certificate no answer")
