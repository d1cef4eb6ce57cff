"""OCPP 1.6: what the security whitepaper adds but for firmware and logs (v16_firmware.py)."""

from __future__ import annotations

from typing import Any, Final

from simulator.station import certificates, notices, truststore
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.rpc import text
from simulator.station.state import Action, Afterwards, Part, Request, State
from simulator.station.v16_firmware import signed_progress
from simulator.station.wording import Answer, notice, security_event, worded

_NAMES: Final = {
    "InvalidChargingStationCertificate": "InvalidChargePointCertificate",
    "InvalidCsmsCertificate": "InvalidCentralSystemCertificate",
}
"""Security events that 1.6 calls otherwise (§8)."""
_KINDS: Final = {
    "CentralSystemRootCertificate": truststore.CSMS_ROOT,
    "ManufacturerRootCertificate": truststore.MANUFACTURER_ROOT,
}


def event(st: State, now: float, call: Call) -> str:
    """SecurityEventNotification.req."""
    found = security_event(st, now, call)
    name = call.about.about.type
    return found.replace(name, _NAMES[name], 1) if name in _NAMES else found


def sign(st: State, now: float, call: Call) -> str:
    """SignCertificate.req."""
    return f'"csr":{text(call.about.about.csr)}'


def install(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """InstallCertificate (M05)."""
    kind = _KINDS[payload["certificateType"]]
    return worded(truststore.install(st, now, kind, payload["certificate"])), None


def delete(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """DeleteCertificate (M04)."""
    return worded(truststore.delete(st, now, hashes(payload["certificateHashData"]))), None


def hashes(data: dict[str, Any]) -> truststore.Hashes:
    """A CertificateHashData of a request."""
    return truststore.Hashes(
        "",
        data["issuerNameHash"],
        data["issuerKeyHash"],
        data["serialNumber"],
        data["hashAlgorithm"],
    )


def installed(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetInstalledCertificateIds (M03)."""
    found = truststore.installed(st, (_KINDS[payload["certificateType"]],))
    if not found:
        return worded("NotFound"), None
    rows = ",".join(map(truststore.hash_data, found))
    return f'{{"status":"Accepted","certificateHashData":[{rows}]}}', None


def certificate_signed(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """CertificateSigned (A02)."""
    kind = truststore.STATION
    word, afterwards = certificates.signed(st, now, kind, payload["certificateChain"])
    return worded(word), afterwards


def ask(st: State) -> Afterwards | None:
    """ExtendedTriggerMessage: SignChargePointCertificate."""
    return certificates.ask(st, truststore.STATION, asked=True)


def signed_firmware(st: State) -> Afterwards | None:
    """ExtendedTriggerMessage: FirmwareStatusNotification, which means the signed one."""
    action = "SignedFirmwareStatusNotification"
    return notices.trigger(st, action, Event.SIGNED_FIRMWARE, signed_progress(st))


PART: Final = Part(
    {
        Event.SECURITY: ("SecurityEventNotification",),
        Event.CERTIFICATE_WANTED: ("SignCertificate",),
        Event.CERTIFICATE_STATUS: (),
        Event.EV_CERTIFICATE: (),
    },
    {
        "SecurityEventNotification": notice(event),
        "SignCertificate": Action(sign, certificates.sign_answered, notices.failed),
    },
    {
        "CertificateSigned": Request(certificate_signed),
        "DeleteCertificate": Request(delete),
        "GetInstalledCertificateIds": Request(installed),
        "InstallCertificate": Request(install),
    },
)
