"""Contract certificates of EVs (2.0.1 M01, M02), as far as a station without an EV can go.

The request of the EV is an EXI document that the station passes on unread. It is never made up
here: whoever drives the station gives it, and without one there is no request.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from simulator.station import diary
from simulator.station.events import Event
from simulator.station.model import Call, Link, Registration
from simulator.station.ports import CallOutcome
from simulator.station.rpc import raise_event, text
from simulator.station.state import State

LONGEST: Final = 5600
DONE: Final = frozenset(("Accepted", "Failed"))


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
