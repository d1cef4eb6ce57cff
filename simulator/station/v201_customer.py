"""OCPP 2.0.1: the messages about what is kept of a customer (N09, N10)."""

from __future__ import annotations

from typing import Any, Final

from simulator.station import customer
from simulator.station.customer import Customer
from simulator.station.events import Event
from simulator.station.model import DEFAULT_KIND, Call
from simulator.station.rpc import text
from simulator.station.state import Action, Part, Request, State
from simulator.station.v201_parts import forgotten, frame, noted, ready, telling
from simulator.station.v201_requests import Answer, worded

REPORT: Final = "NotifyCustomerInformation"
_REFERENCES: Final = ("customerCertificate", "customerIdentifier", "idToken")
_LONGEST: Final = 512
NOTHING: Final = "No data found."
CLEARED: Final = "Data cleared."


def customer_information(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """CustomerInformation (N09, N10): tell, forget, or both.

    Rejected while a transaction or an unsent message needs what should be forgotten (N10.FR.05).
    """
    if len(payload.keys() & set(_REFERENCES)) != 1:
        return worded("Invalid"), None
    wanted, forget = payload["report"], payload["clear"]
    if not (wanted or forget) or not ready(st, REPORT):
        return worded("Rejected"), None
    who = _who(payload.get("idToken"))
    if forget and who is not None and not customer.can_forget(st, who):
        return worded("Rejected"), None
    lines = customer.report(st, who) if who is not None else []
    if forget and who is not None:
        customer.forget(st, who)
    if not wanted:
        lines = [CLEARED]
    whole = "\n".join(lines) or NOTHING
    contents = [text(whole[i : i + _LONGEST]) for i in range(0, len(whole), _LONGEST)]
    return worded("Accepted"), telling(Event.CUSTOMER_REPORTED, payload["requestId"], contents)


def _who(token: dict[str, Any] | None) -> Customer | None:
    """By token alone: no certificates or other identifiers of customers are kept here."""
    return None if token is None else Customer(token["idToken"], token["type"], DEFAULT_KIND)


def report(st: State, now: float, call: Call) -> str:
    """NotifyCustomerInformationRequest."""
    return f'{frame(st, now, call.about)},"data":{call.about.content}'


PART: Final = Part(
    {Event.CUSTOMER_REPORTED: (REPORT,)},
    {REPORT: Action(report, noted, forgotten)},
    {"CustomerInformation": Request(customer_information)},
)
