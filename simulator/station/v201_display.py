"""OCPP 2.0.1: the messages about the display (block O)."""

from __future__ import annotations

from math import inf
from typing import Any, Final

import msgspec

from simulator.station import clock, display
from simulator.station.display import Message
from simulator.station.events import Event
from simulator.station.model import Call
from simulator.station.payloads import Refusal
from simulator.station.state import Action, Part, Request, State
from simulator.station.v201_codes import GENERIC
from simulator.station.v201_parts import forgotten, noted, parts, ready, telling
from simulator.station.v201_requests import Answer, worded

REPORT: Final = "NotifyDisplayMessages"
PER_PART: Final = 8
"""Messages in one part of a report."""
DISPLAY: Final = "Display"
"""The one display of a station, as a component."""


def set_message(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """SetDisplayMessage (O01, O02, O06). Another display than the one there is: O01.FR.22."""
    info = payload["message"]
    where = info.get("display")
    if where is not None and (where["name"] != DISPLAY or where.keys() & {"instance", "evse"}):
        return worded("Rejected"), None
    return worded(display.put(st, now, _read(info))), None


def _read(info: dict[str, Any]) -> Message:
    content = info["message"]
    begin, end = clock.parse(info.get("startDateTime")), clock.parse(info.get("endDateTime"))
    return Message(
        id=info["id"],
        priority=info["priority"],
        content=content["content"],
        format=content["format"],
        state=info.get("state", ""),
        begin_s=-inf if begin is None else begin,
        end_s=inf if end is None else end,
        transaction=info.get("transactionId", ""),
        wire=msgspec.json.encode(info).decode(),
    )


def get_messages(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """GetDisplayMessages (O03, O04); the answer knows no other way to say not now."""
    if not ready(st, REPORT):
        raise Refusal(GENERIC, "not accepted yet, or busy with an earlier report")
    found = display.matching(
        st, now, payload.get("id"), payload.get("priority"), payload.get("state")
    )
    if not found:
        return worded("Unknown"), None
    contents = parts([message.wire for message in found], PER_PART)
    return worded("Accepted"), telling(Event.DISPLAY_REPORTED, payload["requestId"], contents)


def clear_message(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ClearDisplayMessage (O05)."""
    return worded("Accepted" if display.clear(st, now, payload["id"]) else "Unknown"), None


def report(st: State, now: float, call: Call) -> str:
    """NotifyDisplayMessagesRequest."""
    part = call.about
    more = "true" if part.more else "false"
    return f'"requestId":{part.request},"tbc":{more},"messageInfo":[{part.content}]'


PART: Final = Part(
    {Event.DISPLAY_REPORTED: (REPORT,)},
    {REPORT: Action(report, noted, forgotten)},
    {
        "ClearDisplayMessage": Request(clear_message),
        "GetDisplayMessages": Request(get_messages),
        "SetDisplayMessage": Request(set_message),
    },
)
