"""Requests for firmware and logs as all versions with request ids put them (L01, L02, N01)."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any

from simulator.station import firmware, logs, security, truststore
from simulator.station.rpc import text
from simulator.station.state import State
from simulator.station.wording import Answer, epoch, worded


def firmware_order(
    st: State, payload: dict[str, Any], code: str, secured: bool = False
) -> firmware.Order:
    """UpdateFirmware of 2.0.1, SignedUpdateFirmware of the whitepaper."""
    wanted = payload["firmware"]
    return firmware.Order(
        url=wanted["location"],
        retrieve_at=epoch(wanted, "retrieveDateTime", code, -inf) - st.clock_zero,
        install_at=epoch(wanted, "installDateTime", code, -inf) - st.clock_zero,
        request_id=payload["requestId"],
        retries=payload.get("retries"),
        retry_s=payload.get("retryInterval"),
        certificate=wanted.get("signingCertificate"),
        signature=wanted.get("signature", ""),
        secured=secured,
    )


def update(st: State, now: float, order: firmware.Order) -> Answer:
    """Begin an update, if its signer can be trusted (L01.FR.21, FR.22)."""
    if order.certificate is not None:
        if st.keys is None:
            return worded("Rejected"), None  # it could not check the signature
        if not truststore.signer_trusted(st, now, order.certificate):
            return worded("InvalidCertificate"), partial(_bad_signer, order.url)
    status = "AcceptedCanceled" if firmware.busy(st) else "Accepted"
    return worded(status), partial(firmware.begin, order)


def _bad_signer(url: str, st: State, now: float) -> None:
    security.note(st, now, "InvalidFirmwareSigningCertificate", url, tell=True)


def get_log(st: State, now: float, payload: dict[str, Any], code: str) -> Answer:
    """GetLog (N01)."""
    wanted, kind = payload["log"], payload["logType"]
    order = logs.Order(
        url=wanted["remoteLocation"],
        kind=kind,
        name=logs.file_name(st, now, kind),
        request_id=payload["requestId"],
        retries=payload.get("retries"),
        retry_s=payload.get("retryInterval"),
        oldest=epoch(wanted, "oldestTimestamp", code, -inf),
        latest=epoch(wanted, "latestTimestamp", code, inf),
    )
    if not logs.available(st, order):
        return worded("Rejected"), None
    status = "AcceptedCanceled" if logs.busy(st) else "Accepted"
    return f'{{"status":"{status}","filename":{text(order.name)}}}', partial(logs.begin, order)
