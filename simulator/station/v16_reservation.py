"""OCPP 1.6: reservations in its words (§5.1, §5.13). It tells of their end by status alone."""

from __future__ import annotations

from typing import Any, Final

from simulator.station import clock, reservations
from simulator.station.events import Event
from simulator.station.reservations import Reservation
from simulator.station.state import Part, Request, State
from simulator.station.v16_requests import Answer, accepted, connector, worded


def reserve_now(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """ReserveNow (§5.13); connector 0 is any one."""
    wish = Reservation(
        payload["reservationId"],
        connector(payload, 0) or 0,
        clock.parse(payload["expiryDate"]) or 0.0,
        payload["idTag"],
        "",
        payload.get("parentIdTag"),
    )
    word, afterwards = reservations.reserve(st, now, wish)
    return worded(word), afterwards


def cancel_reservation(st: State, now: float, payload: dict[str, Any]) -> Answer:
    """CancelReservation (§5.1)."""
    return accepted(reservations.cancel(st, payload["reservationId"]))


PART: Final = Part(
    messages={Event.RESERVED: ("StatusNotification",), Event.RESERVATION_ENDED: ()},
    requests={
        "CancelReservation": Request(cancel_reservation),
        "ReserveNow": Request(reserve_now),
    },
)
