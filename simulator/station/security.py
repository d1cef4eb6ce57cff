"""Security events (A04): what guards the network want to know, logged, and told if critical.

Every one goes into the log (securitylog.py), which GetLog uploads. The critical ones are told by
notices, which arrive however long it takes. 1.6 stations tell them only with a security profile:
without one, the CSMS need not know the messages of the security whitepaper.
"""

from __future__ import annotations

from typing import Final

from simulator.station import notices
from simulator.station.events import Event
from simulator.station.securitylog import record
from simulator.station.state import State

CRITICAL: Final = frozenset(
    (
        "FirmwareUpdated",
        "InvalidChargingStationCertificate",
        "InvalidCsmsCertificate",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "InvalidTLSVersion",
        "MemoryExhaustion",
        "ResetOrReboot",
        "SettingSystemTime",
        "StartupOfTheDevice",
    )
)
"""Of those that can happen here (2.0.1 appendix 1; 1.6 whitepaper §8 calls fewer critical)."""


def note(st: State, now: float, type_: str, info: str = "", tell: bool = False) -> None:
    """It happened. ``tell``: the specification wants it told, critical or not."""
    entry = record(st, now, type_, info)
    if tell or (type_ in CRITICAL and st.conf.security_events):
        notices.tell(st, now, Event.SECURITY, entry)


def suspect(st: State, now: float, type_: str, info: str) -> None:
    """An attempt to connect failed for this; told once, however often it is tried (A00.FR.316)."""
    known = frozenset() if st.security is None else st.security.suspected
    if type_ in known:
        return
    note(st, now, type_, info)
    if st.security is not None:
        st.security.suspected = known | {type_}


def firmware_signed(st: State, certificate: str, signature: str, digest: bytes) -> bool:
    """Is this the signature of a file with that SHA-256? Of an unknown one it is taken for so."""
    if st.keys is None:
        return False
    return not digest or st.keys.verify(certificate, signature, digest)
