"""What both versions' answers are made of: the form of a handler, and the energy registers.

A handler takes the desk of a station and a payload as it is on the wire, and returns the answer's
payload as it is on the wire. It decides; nobody else does: the points that run on the ``ocpp``
package and the fast peers answer by the same handlers (:mod:`simulator.csms.answers16`,
:mod:`simulator.csms.answers201`). A payload has been checked against its schema, or the CSMS was
told not to check: then KeyError and the like say that it cannot be handled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.csms.desk import Desk

Payload = dict[str, Any]
Handler = Callable[[Desk, Payload], Payload]

REGISTER: Final = "Energy.Active.Import.Register"


After = Callable[[Desk, Payload], None]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of OCPP as the CSMS speaks it."""

    name: str
    handlers: Mapping[str, Handler]
    """By action, every message that a station may send."""
    kept: frozenset[str]
    """Actions that are answered only once what they say is in the database."""
    after: Mapping[str, After]
    """By action: what follows once the answer is on its way."""


def registers_wh(meter_value: Sequence[Payload]) -> list[float]:
    """Return the total energy registers among sampled values in Wh, in their order.

    A missing measurand means the energy register, a missing unit Wh (OCPP 1.6, section 7.28;
    OCPP 2.0.1, SampledValueType). Values per phase and signed values of 1.6 are not totals.
    """
    found = []
    for sample in meter_value:
        for value in sample.get("sampledValue", ()):
            if value.get("measurand", REGISTER) != REGISTER or "phase" in value:
                continue
            if value.get("format", "Raw") != "Raw":
                continue
            unit = value.get("unitOfMeasure", {})
            try:
                number = float(value["value"]) * 10.0 ** unit.get("multiplier", 0)
            except (KeyError, TypeError, ValueError, OverflowError):
                continue
            kilo = (unit.get("unit") or value.get("unit")) == "kWh"
            found.append(number * 1000.0 if kilo else number)
    return found


def empty(action: str) -> Handler:
    """Return a handler that keeps the payload as the last of its kind and answers nothing."""

    def answer(desk: Desk, payload: Payload) -> Payload:
        desk.noted(action, payload)
        return {}

    return answer


def part_of_report(action: str) -> Handler:
    """Return a handler that puts the payload to the report that it is a part of."""

    def answer(desk: Desk, payload: Payload) -> Payload:
        desk.reported(action, payload)
        return {}

    return answer


def fixed(action: str, said: Payload) -> Handler:
    """Return a handler that keeps the payload and always says the same."""

    def answer(desk: Desk, payload: Payload) -> Payload:
        desk.noted(action, payload)
        return dict(said)

    return answer


def after_boot(desk: Desk, _: Payload) -> None:
    """Begin what follows a boot."""
    desk.after_boot()


def after_signing(desk: Desk, payload: Payload) -> None:
    """Send what was signed."""
    signed = desk.signed.pop(payload["csr"], None)
    if signed is not None:
        desk.post("CertificateSigned", signed)
