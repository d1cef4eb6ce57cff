"""DataTransfer in both directions (1.6 §4.3 and §5.6, 2.0.1 P01 and P02), the same in all versions.

Which vendors and messages are known, and what is answered, are settings of the model.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from simulator.station import rpc
from simulator.station.events import Event
from simulator.station.model import Call, Link, Registration
from simulator.station.ports import CallOutcome
from simulator.station.state import Action, Afterwards, Part, Request, State

ACTION: Final = "DataTransfer"
STATUSES: Final = frozenset(("Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"))
MAX_VENDOR: Final = 255
MAX_MESSAGE: Final = 50


def transfer(st: State, now: float, payload: dict[str, Any]) -> tuple[str, Afterwards | None]:
    """DataTransfer of the CSMS: Accepted with the settings' data, if they know the message."""
    vendor = payload["vendorId"].casefold()
    messages = next((m for v, m in st.settings.vendors.items() if v.casefold() == vendor), None)
    if messages is None:
        return '{"status":"UnknownVendorId"}', None
    name = payload.get("messageId") or ""
    if name not in messages:
        return '{"status":"UnknownMessageId"}', None
    data = messages[name]
    rest = "" if data is None else f',"data":{_worded(st, data)}'
    return f'{{"status":"Accepted"{rest}}}', None


def _worded(st: State, data: object) -> str:
    """Any JSON in 2.x; a text in 1.6, where anything else is written into one."""
    if st.table.version == "1.6" and not isinstance(data, str):
        data = msgspec.json.encode(data).decode()
    return msgspec.json.encode(data).decode()


def send(st: State, now: float, vendor: str, message: str | None, data: object) -> bool:
    """A message of the station's own. False: there is no CSMS to tell now.

    Raises ValueError for a vendor or message id that no version allows.
    """
    if not 0 < len(vendor) <= MAX_VENDOR:
        raise ValueError(f"vendor {vendor!r}: expected 1 to {MAX_VENDOR} characters")
    if message is not None and len(message) > MAX_MESSAGE:
        raise ValueError(f"message {message!r}: expected at most {MAX_MESSAGE} characters")
    if st.link is not Link.ONLINE or st.registration is not Registration.ACCEPTED:
        return False
    fields = [f'"vendorId":{rpc.text(vendor)}']
    if message is not None:
        fields.append(f'"messageId":{rpc.text(message)}')
    if data is not None:
        fields.append(f'"data":{_worded(st, data)}')
    rpc.raise_event(st, Event.VENDOR_MESSAGE, now, now, about=",".join(fields))
    return True


def _build(st: State, now: float, call: Call) -> str:
    body: str = call.about
    return body


def _answered(st: State, now: float, call: Call, payload: dict[str, Any]) -> bool:
    status = payload.get("status")
    return isinstance(status, str) and status in STATUSES


def _failed(st: State, now: float, call: Call, outcome: CallOutcome) -> None:
    """The vendors' agreement says what is to be done; none is known here."""


PART: Final = Part(
    {Event.VENDOR_MESSAGE: (ACTION,)},
    {ACTION: Action(_build, _answered, _failed)},
    {ACTION: Request(transfer)},
)
