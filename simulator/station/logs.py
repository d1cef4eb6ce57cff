"""Logs for the CSMS (1.6 §5.9, whitepaper and 2.0.1 N01): written from what is known, uploaded.

The diagnostics are the station's state and its diary; the security log is what security.py kept.
The driver stores the file (``Upload``) and answers with ``transferred``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Final

from simulator.station import clock, firmware, notices, timers
from simulator.station.effects import Abandon, Upload
from simulator.station.events import Event
from simulator.station.ports import Transfer
from simulator.station.state import State

SECURITY_LOG: Final = "SecurityLog"
DIAGNOSTICS_LOG: Final = "DiagnosticsLog"
MOST_RETRIES: Final = 100
_FAILED: Final = {
    Transfer.FAILED: "UploadFailure",
    Transfer.DENIED: "PermissionDenied",
    Transfer.UNSUPPORTED: "NotSupportedOperation",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What the CSMS asked for; times are epoch seconds."""

    url: str
    kind: str
    name: str
    request_id: int | None = None
    """None: asked for by GetDiagnostics of 1.6, which numbers nothing."""
    retries: int | None = None
    retry_s: float | None = None
    oldest: float = -inf
    latest: float = inf


@dataclass(frozen=True, slots=True)
class Progress:
    """What a notice of an upload tells."""

    status: str
    request_id: int | None


class LogUpload:
    """The last upload that was asked for."""

    __slots__ = ("order", "text", "told", "transfer", "tries")

    def __init__(self, order: Order, text: bytes) -> None:
        self.order = order
        self.text = text
        """What is uploaded; empty once it is over."""
        self.told = "Idle"
        self.transfer = 0
        self.tries = 0


def busy(st: State) -> bool:
    """Is an upload under way?"""
    return st.log is not None and bool(st.log.text)


def file_name(st: State, now: float, kind: str) -> str:
    """A name that tells station, kind and moment."""
    moment = clock.iso(st.clock_zero + now)[:19].replace("-", "").replace(":", "")
    what = "security" if kind == SECURITY_LOG else "diagnostics"
    return f"{st.identity.id[:200]}-{what}-{moment}.log"


def available(st: State, order: Order) -> bool:
    """Is there anything to upload? Diagnostics always; a security log may be empty."""
    return order.kind != SECURITY_LOG or bool(_security(st, order))


def begin(order: Order, st: State, now: float) -> None:
    """The answer is on its way: give up the upload that was under way, and begin."""
    earlier = st.log
    if earlier is not None and earlier.text:
        if earlier.transfer:
            st.effects.append(Abandon(earlier.transfer))
        _tell(st, now, earlier, "AcceptedCanceled")
        earlier.text = b""
    lines = _security(st, order) if order.kind == SECURITY_LOG else _diagnostics(st, now, order)
    st.log = upload = LogUpload(order, "".join(f"{line}\n" for line in lines).encode())
    _tell(st, now, upload, "Uploading")
    _upload(upload, st, now, now)


def _tell(st: State, now: float, upload: LogUpload, status: str) -> None:
    upload.told = status
    number = upload.order.request_id
    event = Event.DIAGNOSTICS if number is None else Event.LOG
    notices.tell(st, now, event, Progress(status, number))


def _upload(upload: LogUpload, st: State, now: float, due: float) -> None:
    if st.log is not upload or not upload.text:
        return
    st.orders += 1
    upload.transfer = st.orders
    order = upload.order
    st.effects.append(Upload(upload.transfer, order.url, order.name, upload.text))


def transferred(st: State, now: float, number: int, outcome: Transfer) -> None:
    """A transfer ended that was none of the firmware's."""
    upload = st.log
    if upload is None or not upload.text or upload.transfer != number:
        return
    upload.transfer = 0
    share = st.settings.faults.get("UploadFailure", 0.0)
    if outcome is Transfer.DONE and share > 0.0 and st.draws.uniform() < share:
        outcome = Transfer.FAILED
    order, s = upload.order, st.settings
    if outcome is Transfer.DONE:
        upload.text = b""
        _tell(st, now, upload, "Uploaded")
        return
    upload.tries += 1
    most = s.transfer_retries if order.retries is None else min(order.retries, MOST_RETRIES)
    if upload.tries > most:
        upload.text = b""
        _tell(st, now, upload, _FAILED[outcome])
        return
    wait = s.transfer_retry_s if order.retry_s is None else max(order.retry_s, 0.0)
    timers.at(st, now + wait, partial(_upload, upload))


def went_down(st: State, now: float) -> None:
    """A reset broke the upload off: it begins anew once there is power again."""
    upload = st.log
    if upload is not None and upload.transfer:
        st.effects.append(Abandon(upload.transfer))
        upload.transfer = 0
        timers.at(st, st.link_due, partial(_upload, upload))


def last(st: State, event: Event) -> Progress:
    """What to say when asked out of turn: the status while an upload runs, else Idle (N01)."""
    upload = st.log
    if upload is None or not upload.text:
        return Progress("Idle", None)
    number = upload.order.request_id
    if (event is Event.DIAGNOSTICS) is not (number is None):
        return Progress("Idle", None)
    return Progress(upload.told, number)


# -- what the logs say ----------------------------------------------------------------------------


def _security(st: State, order: Order) -> list[str]:
    kept = st.security.log if st.security is not None else ()
    return [
        f"{clock.iso(entry.at)} {entry.type} {entry.info}".rstrip()
        for entry in kept
        if order.oldest <= entry.at <= order.latest
    ]


def _diagnostics(st: State, now: float, order: Order) -> list[str]:
    who = st.identity
    lines = [
        f"station {who.id} {who.vendor} {who.model} {who.serial}".rstrip(),
        f"time {clock.iso(st.clock_zero + now)}",
        f"firmware {firmware.version(st)}",
        f"protocol {st.table.subprotocol} registration {st.registration.name.lower()}",
        f"calls sent {st.sent} waiting {len(st.calls or ())} queued {len(st.queue or ())}",
        f"transactions begun {st.transactions} tokens refused {st.refused}",
    ]
    for evse in st.evses:
        tx = "" if evse.tx is None else f" transaction {evse.tx.id}"
        register = st.meter.register_wh(now, evse.number)
        fault = f" fault {evse.fault}" if evse.fault else ""
        lines.append(f"evse {evse.number} {evse.status.name.lower()} {register:.0f} Wh{tx}{fault}")
    for at, what, number in st.diary or ():
        if order.oldest <= at <= order.latest:
            where = f" evse {number}" if number else ""
            lines.append(f"{clock.iso(at)} {what}{where}")
    return lines
