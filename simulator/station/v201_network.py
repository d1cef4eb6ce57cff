"""OCPP 2.0.1: SetNetworkProfile (B09). What comes of it is the business of ``network``.

Partial by nature: a simulated station has one interface, whatever it is called, and neither modem
nor VPN, so profiles with an APN or a VPN are refused; it speaks this version over JSON alone. TLS
is the driver's: profiles that ask for more security than 1 may be stored, and are used where the
driver can do it and the certificates are there (A05.FR.02, FR.03).
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from simulator.station import network
from simulator.station.state import Afterwards, Part, Request, State
from simulator.station.v201_keys import MESSAGE_TIMEOUT, SLOTS

_SCHEMES: Final = {1: "ws", 2: "wss", 3: "wss"}


def set_network_profile(
    st: State, now: float, payload: dict[str, Any]
) -> tuple[str, Afterwards | None]:
    """SetNetworkProfile (B09): checked and stored in its slot, in force after the next reboot."""
    slot, data = payload["configurationSlot"], payload["connectionData"]
    reason = _unfit(st, slot, data)
    if reason:
        return f'{{"status":"Rejected","statusInfo":{{"reasonCode":"{reason}"}}}}', None
    timeout = {MESSAGE_TIMEOUT: str(data["messageTimeout"])}
    profile = network.Profile(data["ocppCsmsUrl"], data["securityProfile"], timeout)
    network.store(st, slot, profile)
    return '{"status":"Accepted"}', None


def _unfit(st: State, slot: int, data: dict[str, Any]) -> str:
    if str(slot) not in SLOTS:
        return "InvalidConfSlot"
    if data["securityProfile"] < network.security(st):
        return "NoSecurityDowngrade"
    sound = (
        data["ocppTransport"] == "JSON"
        and data["ocppVersion"] == "OCPP20"
        and 0 < data["messageTimeout"] <= 86_400
        and _reachable(data["ocppCsmsUrl"], _SCHEMES.get(data["securityProfile"]))
        and "apn" not in data
        and "vpn" not in data
    )
    return "" if sound else "InvalidNetworkConf"


def _reachable(url: str, scheme: str | None) -> bool:
    """A WebSocket URL with a host, and no credentials in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = parts.username is None and parts.password is None and not parts.fragment
    return parts.scheme == scheme and bool(parts.hostname) and plain and port != 0


PART: Final = Part(requests={"SetNetworkProfile": Request(set_network_profile)})
