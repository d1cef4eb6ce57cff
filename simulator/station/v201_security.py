"""OCPP 2.0.1: security events (A04) and certificates (A02, A03, M03-M06)."""

from __future__ import annotations

from typing import Any, Final

from simulator.station import certificates, notices, plugandcharge, truststore
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.rpc import text
from simulator.station.state import Action, Part, Request, State
from simulator.station.v16_security import delete
from simulator.station.wording import Answer, notice, security_event, worded


def sign(st: State, now: float, call: Call) -> str:
    """SignCertificateRequest (A02)."""
    wanted = call.about.about
    return f'"csr":{text(wanted.csr)},"certificateType":"{wanted.kind}"'


def status(st: State, now: float, call: Call) -> str:
    """GetCertificateStatusRequest (M06)."""
    asked = call.about.about
    return f'"ocspRequestData":{truststore.revocation_data(asked.hashes, asked.responder)}'


def install(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """InstallCertificate (M05)."""
    kind, pem = payload["certificateType"], payload["certificate"]
    return worded(truststore.install(st, now, kind, pem)), None


def installed(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetInstalledCertificateIds (M03)."""
    found = truststore.installed(st, tuple(payload.get("certificateType", ())))
    if not found:
        return worded("NotFound"), None
    rows = ",".join(map(_chain, found))
    return f'{{"status":"Accepted","certificateHashDataChain":[{rows}]}}', None


def _chain(found: truststore.Hashes) -> str:
    children = ",".join(map(truststore.hash_data, found.children))
    own = truststore.hash_data(found)
    rest = f',"childCertificateHashData":[{children}]' if children else ""
    return f'{{"certificateHashData":{own},"certificateType":"{found.kind}"{rest}}}'


def certificate_signed(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """CertificateSigned (A02)."""
    kind = payload.get("certificateType", truststore.STATION)
    word, afterwards = certificates.signed(st, now, kind, payload["certificateChain"])
    return worded(word), afterwards


PART: Final = Part(
    {
        Event.SECURITY: ("SecurityEventNotification",),
        Event.CERTIFICATE_WANTED: ("SignCertificate",),
        Event.CERTIFICATE_STATUS: ("GetCertificateStatus",),
        Event.EV_CERTIFICATE: ("Get15118EVCertificate",),
    },
    {
        "SecurityEventNotification": notice(security_event),
        "GetCertificateStatus": Action(status, certificates.revocation_answered, notices.failed),
        "Get15118EVCertificate": Action(
            plugandcharge.request, plugandcharge.answered, plugandcharge.failed
        ),
        "SignCertificate": Action(sign, certificates.sign_answered, notices.failed),
    },
    {
        "CertificateSigned": Request(certificate_signed),
        "DeleteCertificate": Request(delete),
        "GetInstalledCertificateIds": Request(installed),
        "InstallCertificate": Request(install),
    },
)
